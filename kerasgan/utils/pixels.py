"""Converts between bytes and [-1, 1], lays images out as a grid, and writes PNG files."""

import math

import numpy as np
import tensorflow as tf
from PIL import Image

from kerasgan.utils.files import PICTURES, format_of, replacing
from kerasgan.utils.pictures import in_channels as in_channels
from kerasgan.utils.pictures import opaque

CHANNELS = (1, 3, 4)  # grey; colour; colour and opacity


def to_uint8(images):
    """Converts images from [-1, 1] to bytes: `round((x + 1) * 127.5)`, clipped to 0..255.

    Args:
        images: float array or tensor of any shape, values in [-1, 1].

    Returns:
        uint8 array of the same shape; a tensor for a tensor.

    Raises:
        ValueError: If a value is NaN or infinite.

    Example:

    >>> to_uint8(np.array([-1.0, 0.0, 1.0, 1.2]))
    array([  0, 128, 255, 255], dtype=uint8)
    """
    if tf.is_tensor(images):
        levels = tf.round((images + 1.0) * 127.5)
        return tf.cast(tf.clip_by_value(levels, 0, 255), tf.uint8)
    images = np.asarray(images, dtype=np.float32)
    if not np.isfinite(images).all():
        raise ValueError("Images hold NaN or infinite values, which have no byte value.")
    return np.clip(np.round((images + 1.0) * 127.5), 0, 255).astype(np.uint8)


def from_uint8(images):
    """Converts bytes to float32 in [-1, 1]: `x / 127.5 - 1`.

    Args:
        images: uint8 array of any shape.

    Returns:
        float32 array of the same shape.

    Raises:
        ValueError: If the array is not uint8.

    Example:

    >>> from_uint8(np.array([0, 255], dtype=np.uint8))
    array([-1.,  1.], dtype=float32)
    """
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise ValueError(f"`images` must be uint8. Received: dtype={images.dtype}")
    return images.astype(np.float32) / 127.5 - 1.0


def as_floats(images):
    """Returns float32 images in [-1, 1]: scales a uint8 tensor as `from_uint8` does, casts others.

    Args:
        images: Tensor of any shape.
    """
    floats = tf.cast(images, tf.float32)
    return floats / 127.5 - 1.0 if images.dtype == tf.uint8 else floats


def uint8_batches(source, size=256):
    """Yields images as uint8 batches, for feature extractors.

    Args:
        source: Array (N, H, W, C), or an iterable of batches such as a `tf.data.Dataset` of images
            or of (images, labels). uint8 is passed through, floats in [-1, 1] are rounded.
        size: Images in a batch, for arrays.

    Yields:
        uint8 arrays (n, H, W, 1 or 3); pictures with opacity are shown on white.

    Example:

    >>> [len(batch) for batch in uint8_batches(np.zeros((5, 8, 8, 1)), size=2)]
    [2, 2, 1]
    """
    if isinstance(source, np.ndarray):
        source = [source[start : start + size] for start in range(0, len(source), size)]  # views
    for batch in source:
        batch = np.asarray(batch[0] if isinstance(batch, (tuple, list)) else batch)
        yield opaque(batch if batch.dtype == np.uint8 else to_uint8(batch))


def grid(images, columns=None, margin=2, background=255):
    """Arranges images in one picture, row by row.

    Args:
        images: float array in [-1, 1] or uint8 array, shape (N, H, W, C), C being 1, 3 or 4; with 4
            they are shown on the background.
        columns: Images in a row; by default the grid is as square as N allows.
        margin: Pixels between images.
        background: Grey level (0..255) of margins and empty places.

    Returns:
        uint8 array, shape (rows * (H + margin) - margin, columns * (W + margin) - margin, 1 or 3).

    Raises:
        ValueError: If the shape is not (N, H, W, C) with N >= 1.

    Example:

    >>> grid(np.zeros((6, 28, 28, 1)), columns=3).shape
    (58, 88, 1)
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in CHANNELS or len(images) == 0:
        raise ValueError(
            f"A grid needs at least one image, shape (N, H, W, 1, 3 or 4). "
            f"Received: shape={images.shape}"
        )
    images = opaque(images if images.dtype == np.uint8 else to_uint8(images), background)
    num, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(num))
    rows = math.ceil(num / columns)
    step_y, step_x = height + margin, width + margin
    sheet = np.full((rows * step_y, columns * step_x, channels), background, np.uint8)
    for index, image in enumerate(images):
        y, x = index // columns * step_y, index % columns * step_x
        sheet[y : y + height, x : x + width] = image
    return sheet[: rows * step_y - margin, : columns * step_x - margin]


def save_picture(picture, path, zoom=1):
    """Writes a picture, atomically, in the format of its suffix.

    Args:
        picture: uint8 array, shape (H, W, C), C being 1, 3 or 4.
        path: File to write, such as "grid.png"; missing folders are created.
        zoom: Integer enlargement.

    Raises:
        UserError: If the suffix is not one of a picture.

    Example:

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/grid.png"
    >>> save_picture(grid(np.zeros((4, 8, 8, 3))), path, zoom=2)
    >>> with Image.open(path) as image:
    ...     image.size
    (36, 36)
    """
    picture = np.asarray(picture)
    picture = np.repeat(np.repeat(picture, zoom, axis=0), zoom, axis=1)
    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    kind = format_of(path, PICTURES)
    with replacing(path) as temporary:
        image.save(temporary, format=kind, **({"quality": 95} if kind == "JPEG" else {}))
