"""Training data: sources, batches, and the checks that `fit` makes.

Imports signature and utils.
"""

from kerasgan.data.files import items_of, read_items, read_pictures, read_values
from kerasgan.data.films import moving, moving_films
from kerasgan.data.loading import load, load_arrays, load_source, prepare
from kerasgan.data.pairing import emoji_texts, pairs, unpaired
from kerasgan.data.pipeline import batches, steps
from kerasgan.data.sizes import side_of
from kerasgan.data.source import ArraySource
from kerasgan.data.splits import subset
from kerasgan.data.toys import grid, ring, sine

__all__ = [
    "ArraySource",
    "batches",
    "emoji_texts",
    "grid",
    "items_of",
    "load",
    "load_arrays",
    "load_source",
    "moving",
    "moving_films",
    "pairs",
    "prepare",
    "read_items",
    "read_pictures",
    "read_values",
    "ring",
    "side_of",
    "sine",
    "steps",
    "subset",
    "unpaired",
]
