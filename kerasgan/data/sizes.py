"""Brings images to one size."""

import numpy as np
import tensorflow as tf

from kerasgan.utils.errors import UserError, check_count


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
    if image_size is None or images.shape[1:3] == sides(image_size):
        return images
    height, width = sides(image_size)
    missing = height - images.shape[1], width - images.shape[2]
    whole = images.dtype == np.uint8
    if all(0 <= each <= 4 for each in missing):
        margins = [(each // 2, each - each // 2) for each in missing]
        background = 0 if whole else -1
        return np.pad(images, [(0, 0), *margins, (0, 0)], constant_values=background)
    scale = min(images.shape[1] / height, images.shape[2] / width)
    crop = [max(1, round(side * scale)) for side in (height, width)]
    top, left = ((full - each) // 2 for full, each in zip(images.shape[1:3], crop, strict=True))
    images = images[:, top : top + crop[0], left : left + crop[1]]
    images = resize(images, (height, width))
    return np.rint(images).astype(np.uint8) if whole else images


def resize(images, size):
    """Resizes images; of those with opacity, colours are weighted by it."""
    if images.shape[-1] != 4:
        return tf.image.resize(images, size, antialias=True).numpy()
    least, span = (0, 255) if images.dtype == np.uint8 else (-1, 2)
    values = (images.astype(np.float32) - least) / span
    opacity = values[..., 3:]
    weighted = np.concatenate([values[..., :3] * opacity, opacity], axis=-1)
    resized = tf.image.resize(weighted, size, antialias=True).numpy()
    colours = resized[..., :3] / np.maximum(resized[..., 3:], 1e-6)
    return np.concatenate([np.clip(colours, 0, 1), resized[..., 3:]], axis=-1) * span + least


def collect(chunks, count, image_size, name):
    """Collects the images of all chunks in one array, without a second copy in memory.

    Args:
        chunks: Iterable of (images (n, H, W, C), class ids (n,) or `None`).
        count: Number of images at most.
        image_size: As in `fitted`.
        name: The dataset's name, for errors.

    Returns:
        Images (N, H, W, C), and class ids (N,) int32 or `None`. N is 0 if there are no chunks.

    Raises:
        UserError: If the images differ in size.
    """
    collected, labels, end = None, [], 0
    for images, ids in chunks:
        images = fitted(images, image_size)
        if collected is None:
            collected = np.empty((count, *images.shape[1:]), images.dtype)
        if images.shape[1:] != collected.shape[1:]:
            raise UserError(
                f'Images of "{name}" must be of one size, or `image_size` must be given. '
                f"Received: shapes {collected.shape[1:]} and {images.shape[1:]}"
            )
        collected[end : end + len(images)] = images
        labels.append(ids)
        end += len(images)
    if collected is None:
        return np.empty((0, 1, 1, 1), np.uint8), np.empty(0, np.int32)
    labelled = labels[0] is not None
    return collected[:end], np.concatenate(labels).astype(np.int32) if labelled else None
