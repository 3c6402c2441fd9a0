"""Networks and blocks that several papers share.

Imports layers and utils.
"""
