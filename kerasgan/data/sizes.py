"""Brings images to one size."""

import numpy as np
import tensorflow as tf

from kerasgan.utils.errors import UserError


def side_of(image_shape):
    """Returns the `image_size` that gives real images the shape of generated ones, or `None` if
    that is not square.

    Example:

    >>> side_of((32, 32, 3))
    32
    """
    height, width, *_ = image_shape
    return height if height == width else None


def square(images, size):
    """Makes images square: pads small margins, crops and resizes everything else.

    Args:
        images: Array (N, H, W, C), uint8 or float32 in [-1, 1].
        size: Side of the output, or `None` to return the images unchanged.

    Returns:
        Array (N, size, size, C) of the same dtype. Images up to 4 pixels smaller than `size` on
        both sides get a border of background (0, or -1 for floats); others are center-cropped to a
        square and resized bilinearly with antialiasing.

    Example:

    >>> square(np.full((1, 2, 2, 1), 9, np.uint8), 4)[0, :, :, 0]
    array([[0, 0, 0, 0],
           [0, 9, 9, 0],
           [0, 9, 9, 0],
           [0, 0, 0, 0]], dtype=uint8)
    """
    height, width = images.shape[1:3]
    if size is None or (height, width) == (size, size):
        return images
    whole = images.dtype == np.uint8
    if 0 <= size - height <= 4 and 0 <= size - width <= 4:
        margins = [(m // 2, m - m // 2) for m in (size - height, size - width)]
        background = 0 if whole else -1
        return np.pad(images, [(0, 0), *margins, (0, 0)], constant_values=background)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    images = images[:, top : top + side, left : left + side]
    images = tf.image.resize(images, (size, size), antialias=True).numpy()
    return np.rint(images).astype(np.uint8) if whole else images


def collect(chunks, count, image_size, name):
    """Collects the images of all chunks in one array, without a second copy in memory.

    Args:
        chunks: Iterable of (images (n, H, W, C), class ids (n,) or `None`).
        count: Total number of images.
        image_size: As in `square`.
        name: The dataset's name, for errors.

    Returns:
        Images (count, H, W, C), and class ids (count,) int32 or `None`.

    Raises:
        UserError: If the images differ in size.
    """
    collected, labels, end = None, [], 0
    for images, ids in chunks:
        images = square(images, image_size)
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
    labelled = labels[0] is not None
    return collected, np.concatenate(labels).astype(np.int32) if labelled else None
