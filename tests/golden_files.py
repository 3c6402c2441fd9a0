"""Arrays that `golden/make_*.py` recorded."""

import functools
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).with_name("golden")


def part_of(file, part):
    """Returns the arrays of a file whose names start with "part/", by the rest of their names."""
    with np.load(FOLDER / file) as arrays:
        return {k.split("/", 1)[1]: arrays[k] for k in arrays if k.startswith(f"{part}/")}


def reader(file):
    """Returns `part_of` for one file."""
    return functools.partial(part_of, file)
