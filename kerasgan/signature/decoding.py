"""Decodes PNG and JPEG files within a graph, as `kerasgan.data` reads them."""

import tensorflow as tf

PADDED = 4  # pixels by which a picture may be too small on each side to get a border


def decoded(files, shape, background=255.0):
    """Decodes picture files and brings them to one size.

    A picture up to 4 pixels smaller on both sides gets a border of 0; others are center-cropped to
    the same proportions and resized bilinearly with antialiasing, as in `kerasgan.data`, up to
    rounding. The orientation that cameras note in JPEG files is not read.

    Args:
        files: string tensor (N,), contents of PNG or JPEG files.
        shape: (height, width, channels), with 1, 3 or 4 channels.
        background: Grey level, 0 to 255, on which transparent pictures are shown.

    Returns:
        uint8 tensor (N, height, width, channels).

    Example:

    >>> file = tf.io.encode_png(tf.zeros((20, 40, 3), tf.uint8))
    >>> decoded(file[tf.newaxis], (8, 8, 1)).shape
    TensorShape([1, 8, 8, 1])
    """

    def one(file):
        picture = tf.io.decode_image(file, expand_animations=False)
        colours = fitted(in_channels(tf.cast(picture, tf.float32), shape[2], background), shape[:2])
        return tf.cast(tf.clip_by_value(tf.round(colours), 0.0, 255.0), tf.uint8)

    return tf.map_fn(one, files, fn_output_signature=tf.TensorSpec(shape, tf.uint8))


def are_pictures(files):
    """Returns a scalar tensor: whether all files begin as PNG or JPEG files do."""
    start = tf.strings.substr(tf.strings.join([files, b"\0\0\0"]), 0, 3)
    return tf.reduce_all((start == b"\x89PN") | (start == b"\xff\xd8\xff"))


def in_channels(picture, channels, background):
    """Returns a picture (H, W, any) as grey, as colour, or as colour weighted by its opacity."""
    found = tf.shape(picture)[2]
    colours = tf.cond(
        found < 3, lambda: tf.repeat(picture[..., :1], 3, axis=2), lambda: picture[..., :3]
    )
    opacity = tf.cond(
        found % 2 == 0,
        lambda: picture[..., -1:],
        lambda: tf.fill(tf.shape(picture[..., :1]), 255.0),
    )
    weighted = colours * opacity / 255.0
    if channels == 4:
        return tf.concat([weighted, opacity], axis=2)
    shown = tf.ensure_shape(weighted + background * (1.0 - opacity / 255.0), (None, None, 3))
    if channels == 3:
        return shown
    return tf.reduce_sum(shown * tf.constant([0.299, 0.587, 0.114]), axis=2, keepdims=True)


def fitted(picture, sides):
    """Brings a picture (H, W, C) to a size: pads small margins, else crops and resizes."""
    have = tf.shape(picture)[:2]
    wanted = tf.constant(sides, tf.int32)
    missing = wanted - have
    small = tf.reduce_all((missing >= 0) & (missing <= PADDED))

    def padded():
        before = missing // 2
        margins = tf.stack([before, missing - before], axis=1)
        return tf.pad(picture, tf.concat([margins, [[0, 0]]], axis=0))

    def cropped():
        scale = tf.reduce_min(have / wanted)
        crop = tf.maximum(1, tf.cast(tf.round(tf.cast(wanted, tf.float64) * scale), tf.int32))
        top, left = tf.unstack((have - crop) // 2)
        box = picture[top : top + crop[0], left : left + crop[1]]
        return tf.image.resize(box, sides, antialias=True)

    result = tf.ensure_shape(tf.cond(small, padded, cropped), (*sides, picture.shape[2]))
    if picture.shape[2] != 4:
        return result
    opacity = result[..., 3:]
    colours = result[..., :3] * 255.0 / tf.maximum(opacity, 1e-3)
    return tf.concat([colours, opacity], axis=2)
