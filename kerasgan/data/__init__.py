"""Training data: sources, batches, and the checks that `fit` makes.

Imports signature and utils.
"""

from kerasgan.data.files import read_pictures
from kerasgan.data.loading import load, load_arrays, load_source, prepare
from kerasgan.data.pipeline import batches, steps
from kerasgan.data.sizes import side_of
from kerasgan.data.source import ArraySource
from kerasgan.data.splits import subset
from kerasgan.data.toys import grid, ring, sine

__all__ = [
    "ArraySource",
    "batches",
    "grid",
    "load",
    "load_arrays",
    "load_source",
    "prepare",
    "read_pictures",
    "ring",
    "side_of",
    "sine",
    "steps",
    "subset",
]
