"""Differentiable augmentation of the pictures that a discriminator sees.

Both functions take their random numbers as arguments, and compute in float32 with operations that
have gradients of any order, so that penalties on gradients pass through them.
"""

import numpy as np
import tensorflow as tf

# Random numbers that an image takes: uniform in [0, 1), and standard normal.
DIFF_AUGMENT_NUMBERS = (7, 0)
ADA_NUMBERS = (21, 7)


def diff_augment(images, uniform):
    """Changes colours, shifts and cuts a hole: DiffAugment's "color,translation,cutout".

    Args:
        images: float32 tensor (N, H, W, C) in [-1, 1]; C is 1, 3 or 4. Opacity keeps its levels.
        uniform: float32 tensor (N, 7) in [0, 1): brightness, saturation, contrast; shift up and to
            the left; top and left of the hole.

    Returns:
        float32 tensor (N, H, W, C). Places beyond the edge and in the hole are 0.

    Example:

    >>> diff_augment(tf.ones((2, 8, 8, 3)), tf.fill((2, 7), 0.5)).shape
    TensorShape([2, 8, 8, 3])

    Reference: Zhao et al. 2020, https://arxiv.org/abs/2006.10738, section 3.2 and appendix.
    """
    sides = np.array(images.shape[1:3], np.int32)
    brightness, saturation, contrast = (uniform[:, i, None, None, None] for i in range(3))
    colours, opacity = images[..., :3], images[..., 3:]
    colours += brightness - 0.5
    colours = mixed(colours, saturation * 2.0, axes=(3,))
    colours = mixed(colours, contrast + 0.5, axes=(1, 2, 3))
    images = tf.concat([colours, opacity], axis=-1) if opacity.shape[-1] else colours

    shift = (sides * 0.125 + 0.5).astype(np.int32)  # an eighth of each side, either way
    up, left = whole(uniform[:, 3:5], -shift, shift)
    images = tf.einsum("nij,njwc->niwc", shifts(up, sides[0]), images)
    images = tf.einsum("nij,nhjc->nhic", shifts(left, sides[1]), images)

    hole = (sides * 0.5 + 0.5).astype(np.int32)  # half of each side
    top, left = whole(uniform[:, 5:7], [0, 0], sides - hole % 2)
    rows = within(top - hole[0] // 2, hole[0], sides[0])[:, :, None, None]
    columns = within(left - hole[1] // 2, hole[1], sides[1])[:, None, :, None]
    return images * (1.0 - tf.cast(rows & columns, tf.float32))


def mixed(images, share, axes):
    """Returns images, each pixel mixed with the mean over these axes."""
    mean = tf.reduce_mean(images, axes, keepdims=True)
    return (images - mean) * share + mean


def whole(uniform, least, most):
    """Turns columns of uniform numbers into whole ones from `least` to `most`, both included."""
    least, most = np.array(least, np.int32), np.array(most, np.int32)
    levels = tf.floor(uniform * (most - least + 1).astype(np.float32))
    return tf.unstack(tf.cast(levels, tf.int32) + least, axis=1)


def shifts(by, side):
    """Returns matrices (N, side, side) that move rows up so many places, with 0 beyond the edge."""
    places = np.arange(side, dtype=np.int32)
    return tf.cast(places[:, None] + by[:, None, None] == places, tf.float32)


def within(start, size, side):
    """Tells which of `side` places lie in [start, start + size): (N, side)."""
    places = np.arange(side, dtype=np.int32) - start[:, None]
    return (places >= 0) & (places < size)


def ada(images, uniform, normal, probability):
    """Flips, rotates, scales, shifts and recolours: the pipeline "bgc" of ADA.

    Each change happens with the given probability. The geometric ones are done together, at twice
    the resolution, between the low-pass filters of a wavelet; beyond its edges a picture is
    mirrored.

    Args:
        images: float32 tensor (N, H, W, C) in [-1, 1]; C is 1, 3 or 4. Opacity keeps its levels.
        uniform: float32 tensor (N, 21) in [0, 1).
        normal: float32 tensor (N, 7), standard normal.
        probability: Scalar float32 tensor.

    Returns:
        float32 tensor (N, H, W, C).

    Example:

    >>> images = tf.random.uniform((2, 8, 8, 3), -1, 1)
    >>> ada(images, tf.fill((2, 21), 0.5), tf.ones((2, 7)), tf.constant(0.2)).shape
    TensorShape([2, 8, 8, 3])

    Reference: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data",
    https://arxiv.org/abs/2006.06676, appendix B. The authors mirror only as much of a picture as
    the transformations of the batch need; here it is always all of it.
    """
    uniform, normal = iter(tf.unstack(uniform, axis=1)), iter(tf.unstack(normal, axis=1))
    moved = move(images, back_transform(images.shape[1:3], uniform, normal, probability))
    grey = images.shape[-1] == 1
    return recolour(moved, colour_transform(grey, uniform, normal, probability))


def chosen(uniform, probability, *values):
    """Returns values where the next number is below the probability, and 0 elsewhere."""
    happens = next(uniform) < probability
    kept = [tf.where(happens, value, tf.zeros_like(value)) for value in values]
    return kept if len(kept) > 1 else kept[0]


def back_transform(sides, uniform, normal, probability):
    """Draws a transformation of each picture; returns (N, 3, 3), from places in the result to
    places in the picture, both in pixels from the centre: (x, y, 1)."""
    height, width = sides
    flip = chosen(uniform, probability, tf.floor(next(uniform) * 2.0))
    back = scaled(1.0 - 2.0 * flip, tf.ones_like(flip))
    turns = chosen(uniform, probability, tf.floor(next(uniform) * 4.0))
    back @= rotated(turns * (np.pi / 2))
    x, y = next(uniform), next(uniform)
    x, y = chosen(uniform, probability, (x * 2.0 - 1.0) * 0.125, (y * 2.0 - 1.0) * 0.125)
    back @= shifted(-tf.round(x * width), -tf.round(y * height))

    scale = 2.0 ** chosen(uniform, probability, next(normal) * 0.2)
    back @= scaled(1.0 / scale, 1.0 / scale)
    # Before or after the stretching, so that either happens with the given probability.
    once = 1.0 - tf.sqrt(tf.clip_by_value(1.0 - probability, 0.0, 1.0))
    before = chosen(uniform, once, (next(uniform) * 2.0 - 1.0) * np.pi)
    stretch = 2.0 ** chosen(uniform, probability, next(normal) * 0.2)
    after = chosen(uniform, once, (next(uniform) * 2.0 - 1.0) * np.pi)
    back = back @ rotated(before) @ scaled(1.0 / stretch, stretch) @ rotated(after)
    x, y = chosen(uniform, probability, next(normal) * 0.125, next(normal) * 0.125)
    return back @ shifted(-x * width, -y * height)


def matrix(*rows):
    """Returns matrices (N, n, n) from rows of numbers and tensors (N,)."""
    one = next(each for row in rows for each in row if tf.is_tensor(each))
    entries = [each if tf.is_tensor(each) else tf.fill(tf.shape(one), float(each))
               for row in rows for each in row]  # fmt: skip
    return tf.reshape(tf.stack(entries, axis=-1), (-1, len(rows), len(rows)))


def scaled(x, y):
    return matrix([x, 0, 0], [0, y, 0], [0, 0, 1])


def shifted(x, y):
    return matrix([1, 0, x], [0, 1, y], [0, 0, 1])


def rotated(angle):
    sine, cosine = tf.sin(angle), tf.cos(angle)
    return matrix([cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1])


# Low-pass filter of the wavelet sym6 (Daubechies' least asymmetric one with six vanishing moments).
SYM6 = np.array([
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
])  # fmt: skip
SYM6 /= SYM6.sum()
BORDER = 3  # pixels around the result that the second filter reaches


def upsampling(side):
    """Returns the matrix (4 (side - 1), side) from a row of pixels, mirrored without end, to one
    period of it at twice the resolution."""
    period = 4 * (side - 1)
    made = np.zeros((period, side))
    for place in range(period):
        for tap, weight in enumerate(SYM6[::-1]):
            pixel, between = divmod(place + tap - 6, 2)
            if not between:
                pixel %= 2 * (side - 1)
                made[place, min(pixel, 2 * (side - 1) - pixel)] += 2.0 * weight
    return made.astype(np.float32)


def downsampling(side):
    """Returns the matrix (side, 2 (side + 6)) back to the resolution of the pixels."""
    made = np.zeros((side, 2 * (side + 2 * BORDER)))
    for place in range(side):
        made[place, 2 * place + 1 : 2 * place + 1 + len(SYM6)] = SYM6
    return made.astype(np.float32)


def move(images, back):
    """Draws pictures (N, H, W, C) anew, each pixel from the place that `back` (N, 3, 3) names."""
    height, width, channels = images.shape[1:]
    fine = tf.einsum("ij,njwc->niwc", upsampling(height), images)
    fine = tf.einsum("ij,nhjc->nhic", upsampling(width), fine)

    rows, columns = (np.arange(2 * (side + 2 * BORDER)) for side in (height, width))
    x = (columns + 1 - len(columns) / 2) / 2.0  # pixels from the centre
    y = (rows + 1 - len(rows) / 2) / 2.0
    places = np.stack([*np.meshgrid(x, y), np.ones((len(y), len(x)))]).astype(np.float32)
    found = tf.einsum("nij,jhw->nihw", back, places)
    sampled = bilinear(fine, 2.0 * found[:, 1] + height - 1.0, 2.0 * found[:, 0] + width - 1.0)
    sampled = tf.reshape(sampled, (-1, len(y), len(x), channels))
    small = tf.einsum("ij,njwc->niwc", downsampling(height), sampled)
    return tf.einsum("ij,nhjc->nhic", downsampling(width), small)


def bilinear(fine, y, x):
    """Reads pictures (N, H, W, C), which repeat without end, at places (N, h, w).

    They count as far as one mirror image on each side reaches, and are 0 beyond it.
    """
    height, width, channels = fine.shape[1:]
    values = tf.reshape(fine, (-1, height * width, channels))
    top, left = tf.floor(y), tf.floor(x)
    total = 0.0
    for row, share_y in ((top, top + 1.0 - y), (top + 1.0, y - top)):
        for column, share_x in ((left, left + 1.0 - x), (left + 1.0, x - left)):
            share = share_y * share_x
            for place, period in ((row, height), (column, width)):
                reach = (place >= -period / 2) & (place <= period + 1)
                share = tf.where(reach, share, tf.zeros_like(share))
            row_of, column_of = tf.cast(row, tf.int32) % height, tf.cast(column, tf.int32) % width
            read = tf.gather(values, row_of * width + column_of, batch_dims=1)
            total += share[..., None] * read
    return total


def colour_transform(grey, uniform, normal, probability):
    """Draws a transformation of colours (r, g, b, 1) for each picture: (N, 4, 4)."""
    brightness = chosen(uniform, probability, next(normal) * 0.2)
    contrast = 2.0 ** chosen(uniform, probability, next(normal) * 0.5)
    made = matrix([1, 0, 0, brightness], [0, 1, 0, brightness], [0, 0, 1, brightness], [0, 0, 0, 1])
    made = (
        matrix([contrast, 0, 0, 0], [0, contrast, 0, 0], [0, 0, contrast, 0], [0, 0, 0, 1]) @ made
    )
    one, luma = np.eye(4, dtype=np.float32), np.zeros((4, 4), np.float32)
    luma[:3, :3] = 1 / 3  # projects on the grey axis
    flip = chosen(uniform, probability, tf.floor(next(uniform) * 2.0))
    made = (one - 2.0 * luma * flip[:, None, None]) @ made
    if grey:
        return made
    hue = chosen(uniform, probability, (next(uniform) * 2.0 - 1.0) * np.pi)[:, None, None]
    cross = np.zeros((4, 4), np.float32)  # product with the grey axis
    cross[[0, 1, 2], [2, 0, 1]], cross[[0, 1, 2], [1, 2, 0]] = 3**-0.5, -(3**-0.5)
    turn = luma + tf.cos(hue) * (one - luma) + tf.sin(hue) * cross
    turn = tf.concat([turn[:, :3], tf.broadcast_to(one[3:], tf.shape(turn[:, 3:]))], axis=1)
    saturation = 2.0 ** chosen(uniform, probability, next(normal))[:, None, None]
    return (luma + (one - luma) * saturation) @ turn @ made


def recolour(images, transform):
    """Applies transformations of colours (N, 4, 4) to pictures (N, H, W, C)."""
    if images.shape[-1] == 1:
        row = tf.reduce_mean(transform[:, :3], axis=1)  # (N, 4)
        gain = tf.reduce_sum(row[:, :3], axis=1)
        return images * gain[:, None, None, None] + row[:, 3, None, None, None]
    colours = tf.einsum("nij,nhwj->nhwi", transform[:, :3, :3], images[..., :3])
    colours += transform[:, None, None, :3, 3]
    return tf.concat([colours, images[..., 3:]], axis=-1) if images.shape[-1] == 4 else colours
