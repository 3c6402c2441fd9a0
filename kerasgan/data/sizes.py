"""Brings images to one size."""

import itertools

import numpy as np
import tensorflow as tf

from kerasgan.utils import pictures
from kerasgan.utils.errors import UserError, check_count
from kerasgan.utils.processes import Pool


def side_of(image_shape):
    """Returns the `image_size` that gives real images the shape of generated ones; `None` for
    points.

    Example:

    >>> side_of((32, 32, 3)), side_of((32, 48, 3))
    (32, (32, 48))
    """
    if len(image_shape) != 3:
        return None
    height, width, _ = image_shape
    return height if height == width else (height, width)


def sides(image_size):
    """Returns (height, width) of an `image_size`, a number or a pair of them, once checked.

    Example:

    >>> sides(32), sides([32, 48])
    ((32, 32), (32, 48))
    """
    pair = tuple(image_size) if isinstance(image_size, tuple | list) else (image_size, image_size)
    if len(pair) != 2:
        raise UserError(
            f"`image_size` must be a number or (height, width). Received: {image_size!r}"
        )
    for side in pair:
        check_count(side, "image_size")
    return pair


def fitted(images, image_size):
    """Brings images to a size: pads small margins, crops and resizes everything else.

    Args:
        images: Array (N, H, W, C), uint8 or float32 in [-1, 1].
        image_size: Side of the output, or (height, width), or `None` to return the images
            unchanged.

    Returns:
        Array (N, height, width, C) of the same dtype. Images up to 4 pixels smaller on both sides
        get a border of background (0, or -1 for floats); others are center-cropped to the same
        proportions and resized bilinearly with antialiasing. Colours count as much as they are
        opaque.

    Example:

    >>> fitted(np.full((1, 2, 2, 1), 9, np.uint8), 4)[0, :, :, 0]
    array([[0, 0, 0, 0],
           [0, 9, 9, 0],
           [0, 9, 9, 0],
           [0, 0, 0, 0]], dtype=uint8)
    """
    wanted = None if image_size is None else sides(image_size)
    if images.dtype == np.uint8:
        if wanted in (None, images.shape[1:3]):
            return images
        return np.stack([pictures.fitted(each, wanted) for each in images])
    margins, box = pictures.placed(images.shape[1:3], wanted or images.shape[1:3])
    if margins:
        return np.pad(images, [(0, 0), *margins, (0, 0)], constant_values=-1)
    if not box:
        return images
    top, left, bottom, right = box
    return resize(images[:, top:bottom, left:right], wanted)


def resize(images, size):
    """Resizes float images; of those with opacity, colours are weighted by it."""
    if images.shape[-1] != 4:
        return tf.image.resize(images, size, antialias=True).numpy()
    values = (images + 1) / 2
    opacity = values[..., 3:]
    weighted = np.concatenate([values[..., :3] * opacity, opacity], axis=-1)
    resized = tf.image.resize(weighted, size, antialias=True).numpy()
    colours = resized[..., :3] / np.maximum(resized[..., 3:], 1e-6)
    return np.concatenate([np.clip(colours, 0, 1), resized[..., 3:]], axis=-1) * 2 - 1


def resized(chunks, image_size):
    """Yields chunks of (uint8 images, class ids) with `fitted` images, by several processes.

    Args:
        chunks: Iterable of (uint8 images (n, H, W, C), class ids (n,) or `None`).
        image_size: As in `fitted`.
    """
    wanted = None if image_size is None else sides(image_size)
    chunks = iter(chunks)
    first = list(itertools.islice(chunks, 1))
    small = all(wanted in (None, images.shape[1:3]) for images, _ in first)  # nothing to do
    with Pool(1 if small else None) as pool:
        tasks = ((*chunk, wanted) for chunk in itertools.chain(first, chunks))
        yield from pool.map(pictures.fitted_chunk, tasks)


def resized_shape(shape, image_size):
    """Returns the function `Unread.shape` of images (H, W, C) once they are `resized`, or `None` if
    only they can tell."""
    if image_size is None or shape[-1] is None:
        return None
    return lambda: (*sides(image_size), shape[-1])


def at_once(shape):
    """Returns how many images (H, W, C) make a chunk of at most 16 MB; 1 if a side is not known."""
    if None in shape:
        return 1
    return min(256, max(1, 2**24 // int(np.prod(shape))))


def collect(chunks, count, part="image"):
    """Collects the images of all chunks in one array, without a second copy in memory.

    Args:
        chunks: Iterable of (uint8 images (n, H, W, C) of one size, class ids (n,) or `None`), and
            images of a part "source" where there is one.
        count: Number of images at most.
        part: Their name in an example, which may be another one.

    Returns:
        dict of "image" (N, H, W, C) and, if there are class ids, "label" (N,) int32, and maybe
        "source". N is 0 if there are no chunks.
    """
    parts, labels, end = {}, [], 0
    for images, ids, *sources in chunks:
        for name, chunk in zip((part, "source"), (images, *sources), strict=False):
            if name not in parts:
                parts[name] = np.empty((count, *chunk.shape[1:]), chunk.dtype)
            parts[name][end : end + len(chunk)] = chunk
        labels.append(ids)
        end += len(images)
    if not parts:
        return {part: np.empty((0, 1, 1, 1), np.uint8)}
    collected = {part: parts[part][:end]}
    if labels[0] is not None:
        collected["label"] = np.concatenate(labels).astype(np.int32)
    if "source" in parts:
        collected["source"] = parts["source"][:end]
    return collected


def check_sizes(shapes, name):
    """Checks that images have one size.

    Args:
        shapes: Iterable of tuples.
        name: The dataset's name, for errors.
    """
    shapes = list(dict.fromkeys(shapes))
    if len(shapes) > 1:
        raise UserError(
            f'Images of "{name}" must be of one size, or `image_size` must be given. '
            f"Received: sizes {shapes[0]} and {shapes[1]}"
        )
