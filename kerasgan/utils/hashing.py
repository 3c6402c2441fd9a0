"""SHA-256, always as 64 hexadecimal digits."""

import hashlib
import json
from pathlib import Path

import numpy as np

PIECE = 2**24  # bytes that are hashed at a time


def of_bytes(content):
    """Returns the hash of bytes."""
    return hashlib.sha256(content).hexdigest()


def of_file(path):
    """Returns the hash of a file, as `sha256sum` prints it."""
    return of_bytes(Path(path).read_bytes())


def of_array(values):
    """Returns the hash of an array's values in C order; shape and dtype do not count."""
    digest = hashlib.sha256()
    update(digest, values)
    return digest.hexdigest()


def update(digest, values):
    """Adds an array's values in C order to a digest, in pieces, without a copy of the whole."""
    rows = max(1, PIECE // max(values[:1].nbytes, 1))
    for start in range(0, len(values), rows):
        digest.update(np.ascontiguousarray(values[start : start + rows]).data)


def of_arrays(arrays):
    """Returns the hash of several arrays, with shapes and dtypes, read as little-endian bytes.

    Args:
        arrays: Iterable of arrays; their order counts.
    """
    digest = hashlib.sha256()
    for values in map(np.ascontiguousarray, arrays):
        digest.update(f"{values.dtype.str}{values.shape}".encode())
        digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def of_json(value):
    """Returns the hash of JSON values; the order of keys does not count."""
    return of_bytes(json.dumps(value, sort_keys=True).encode())
