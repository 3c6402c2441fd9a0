"""How a generator is scored: features of real images, the score of a run, result lines.

Imports data, metrics and utils. Knows no model, only functions that draw samples.
"""
