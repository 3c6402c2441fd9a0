"""Trained generators: those that come with kerasgan, that a run has written, or from the Hub.

Imports training and export, and what lies below them.
"""

import importlib

from kerasgan.zoo.entries import (
    DISCRIMINATOR,
    WEIGHTS,
    folder,
    is_entry,
    names,
    recipe_file,
    table,
)
from kerasgan.zoo.hub import push_to_hub

# Those that load a model. Without them, a list of the entries needs no TensorFlow.
_LOADING = ("find", "load", "load_entry", "load_start", "located", "origin", "words")

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
    "push_to_hub",
    "recipe_file",
    "table",
    "words",
]


def __getattr__(name):
    if name in _LOADING:
        return getattr(importlib.import_module("kerasgan.zoo.loading"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
