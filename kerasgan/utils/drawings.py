"""Makes grey pictures and line drawings of pictures, with NumPy alone.

Processes that draw many pictures import this module without TensorFlow.
"""

import numpy as np

from kerasgan.utils.pictures import in_channels, opaque

VERSION = 1  # of what is drawn
AT_ONCE = 16  # pictures that are drawn at a time
SIGMA = 0.8  # of the smoothing before edges are looked for, in pixels
FAINT, DARK = 0.06, 0.30  # contrast of an edge that is not drawn, and of one that is black


def grey(images):
    """Returns pictures in grey.

    Args:
        images: uint8 array (N, H, W, C), C being 1, 3 or 4; pictures with opacity are shown on
            white.

    Returns:
        uint8 array (N, H, W, 1).

    Example:

    >>> grey(np.full((1, 2, 2, 3), 200, np.uint8)).ravel()
    array([200, 200, 200, 200], dtype=uint8)
    """
    return in_channels(images, 1)


def outline(images):
    """Returns line drawings of pictures: dark lines on white where colours change.

    Edges are those of Canny (1986), at twice the resolution: gradients of all colours
    together (Di Zenzo, 1986), of which the ridges are kept. Lines are darker where the contrast is
    higher. The same picture gives the same drawing on every machine.

    Args:
        images: uint8 array (N, H, W, C), C being 1, 3 or 4; pictures with opacity are shown on
            white.

    Returns:
        uint8 array (N, H, W, 1).

    Example:

    >>> square = np.full((1, 16, 16, 3), 255, np.uint8)
    >>> square[:, 4:12, 4:12] = (200, 0, 0)
    >>> drawn = outline(square)[0, :, :, 0]
    >>> bool(drawn[8, 8] == 255), bool(drawn[8, 4] < 100), bool(drawn[1, 1] == 255)
    (True, True, True)
    """
    images = opaque(images)
    pieces = [_outline(images[i : i + AT_ONCE]) for i in range(0, len(images), AT_ONCE)]
    return np.concatenate(pieces) if pieces else np.empty((*images.shape[:3], 1), np.uint8)


def _outline(images):
    values = twice(smoothed(images.astype(np.float32) / 255, SIGMA))
    dy, dx = differences(values, 1), differences(values, 2)
    # The structure tensor of all channels; its larger eigenvalue is the squared contrast.
    xx, yy, xy = ((a * b).sum(-1) for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    spread = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    contrast = np.sqrt((xx + yy + spread) / 2)
    ridge = is_ridge(contrast, xx, yy, xy)
    dark = np.clip((contrast - FAINT) / (DARK - FAINT), 0, 1) * ridge
    dark = np.maximum(dark, 0.7 * np.maximum(*widened(dark)))  # lines about 1 pixel wide
    height, width = images.shape[1:3]
    small = dark.reshape(len(images), height, 2, width, 2).mean((2, 4))
    ink = np.clip(1.6 * small, 0, 1)
    return np.rint(255 * (1 - ink)).astype(np.uint8)[..., None]


def twice(values):
    """Returns images (N, H, W, C) at twice their sides, interpolated bilinearly."""
    for axis in (1, 2):
        before, after = shifted(values, axis, 1), shifted(values, axis, -1)
        pair = np.stack([0.75 * values + 0.25 * before, 0.75 * values + 0.25 * after], axis + 1)
        shape = list(values.shape)
        shape[axis] *= 2
        values = pair.reshape(shape)
    return values


def shifted(values, axis, steps):
    """Returns an array moved along an axis, its border repeated."""
    if not steps:
        return values
    size = values.shape[axis]
    start, stop = (0, max(size - steps, 0)) if steps > 0 else (min(-steps, size), size)
    border = np.take(values, [0 if steps > 0 else size - 1], axis)
    kept = values[(slice(None),) * axis + (slice(start, stop),)]
    repeated = np.repeat(border, min(abs(steps), size), axis)
    return np.concatenate([repeated, kept] if steps > 0 else [kept, repeated], axis)


def smoothed(values, sigma):
    """Returns images (N, H, W, C) after a Gaussian blur."""
    radius = int(3 * sigma + 0.5)
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (1, 2):
        values = sum(
            weight * shifted(values, axis, step)
            for weight, step in zip(weights, range(-radius, radius + 1), strict=True)
        )
    return values


def differences(values, axis):
    """Returns the change over two pixels of the original picture."""
    return shifted(values, axis, -2) - shifted(values, axis, 2)


def is_ridge(contrast, xx, yy, xy):
    """Tells where the contrast is highest across an edge, in one of four directions."""
    before = {}
    for direction, (y, x) in {"x": (0, 1), "y": (1, 0), "down": (1, 1), "up": (-1, 1)}.items():
        ahead = shifted(shifted(contrast, 1, -y), 2, -x)
        behind = shifted(shifted(contrast, 1, y), 2, x)
        before[direction] = (contrast > behind) & (contrast >= ahead)
    slanted = np.abs(xy) * 2 > np.abs(xx - yy)  # more than 22.5 degrees off both axes
    straight = np.where(xx >= yy, before["x"], before["y"])
    return np.where(slanted, np.where(xy > 0, before["down"], before["up"]), straight)


def widened(values):
    """Returns values moved by a pixel to the right, and downwards."""
    return shifted(values, 2, 1), shifted(values, 1, 1)
