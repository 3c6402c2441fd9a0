"""Helpers that know nothing of GANs: errors, files, hashes, pixels, downloads, replicas.

Imports no other room.
"""
