"""Trained generators: those that come with kerasgan, and those that a run has written.

Imports training and export, and what lies below them.
"""

from kerasgan.zoo.entries import DISCRIMINATOR, WEIGHTS, folder, is_entry, names, recipe_file, table
from kerasgan.zoo.loading import find, load, load_entry, load_start, located, origin

__all__ = [
    "DISCRIMINATOR",
    "WEIGHTS",
    "find",
    "folder",
    "is_entry",
    "load",
    "load_entry",
    "load_start",
    "located",
    "names",
    "origin",
    "recipe_file",
    "table",
]
