"""Pictures that are made of others by a formula: outlines and greys."""

from pathlib import Path

import numpy as np

from kerasgan.data.folder import FEW
from kerasgan.data.sizes import at_once
from kerasgan.data.unread import alone, write_header
from kerasgan.utils import drawings, pixels
from kerasgan.utils.files import replacing
from kerasgan.utils.processes import Pool
from kerasgan.utils.progress import shown

MADE = {"outline": drawings.outline, "grey": drawings.grey}


def made_of(source, word):
    """Returns the pictures that "outline" or "grey" make of a source's, uint8 (N, H, W, 1).

    For a set in the cache they are written beside it, once.
    """
    images = source.parts["image"]
    shape = (*images.shape[:3], 1)
    if source.cache is None:
        return np.concatenate([*pieces_of(images, word), np.empty((0, *shape[1:]), np.uint8)])
    path = Path(source.cache) / f"{word}-{drawings.VERSION}.npy"
    with alone(f"{Path(source.cache).name}-{word}", source.name):
        if not path.is_file():
            print(f'Making "{word}" of {source.name}, once, in {path}')
            with replacing(path) as temporary, open(temporary, "wb") as file:
                write_header(file, shape)
                for piece in pieces_of(images, word):
                    file.write(np.ascontiguousarray(piece).data)
    return np.load(path, mmap_mode="r")


def pieces_of(images, word):
    """Yields what is made of images, piece by piece, by several processes, with a progress bar."""
    size = min(at_once(images.shape[1:]), 64)
    starts = range(0, len(images), size)
    tasks = (as_bytes(images[start : start + size]) for start in starts)
    with Pool(1 if len(images) <= FEW * 8 else None) as pool:
        yield from shown(pool.map(MADE[word], tasks), len(images))


def as_bytes(images):
    return images if images.dtype == np.uint8 else pixels.to_uint8(images)
