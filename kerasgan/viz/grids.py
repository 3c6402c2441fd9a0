"""Sample grids."""

import numpy as np
from PIL import Image, ImageDraw

from kerasgan.utils import pixels

TITLE, GAP = 14, 8  # pixels above a grid and between grids


def sample_grid(gan, num=64, seed=0, label=None):
    """Returns samples of a model as one picture; with classes, a column for each.

    Args:
        gan: A `kerasgan.GAN` whose outputs can be drawn.
        num: Number of samples.
        seed: Seed of the latents; the same seed gives the same picture.
        label: Class of all samples, by its id or name; by default classes take turns.

    Returns:
        uint8 array, as of `grid`; `None` if such outputs cannot be drawn.

    Example:

    >>> import kerasgan
    >>> sample_grid(kerasgan.DCGAN((8, 8, 1), width=4), num=4).shape
    (18, 18, 1)
    """
    samples = gan.sample(num, labels=label, seed=seed)
    return gan.grid(samples) if label is None else gan.signature.output.grid(samples)


def side_by_side(gans, num=36, seed=0):
    """Returns the grids of several models in one picture, with their names above.

    Args:
        gans: dict of `kerasgan.GAN` by name.
        num: Samples of each model.
        seed: Seed of the samples.

    Returns:
        uint8 array (H, W, 3).

    Raises:
        UserError: If the outputs of a model cannot be drawn.

    Example:

    >>> import kerasgan
    >>> side_by_side({name: kerasgan.DCGAN((8, 8, 1), width=4) for name in "ab"}, num=4).shape
    (32, 44, 3)
    """
    parts = []
    for name, gan in gans.items():
        picture = sample_grid(gan, num, seed)
        if picture is None:
            gan.signature.output.check_scored(name)
        parts.append(pixels.in_channels(picture[None], 3)[0])
    height = max(len(part) for part in parts) + TITLE
    width = sum(part.shape[1] for part in parts) + GAP * (len(parts) - 1)
    sheet = Image.new("RGB", (width, height), "white")
    left = 0
    for name, part in zip(gans, parts, strict=True):
        ImageDraw.Draw(sheet).text((left, 1), name[-max(1, part.shape[1] // 6) :], fill="black")
        sheet.paste(Image.fromarray(part), (left, TITLE))
        left += part.shape[1] + GAP
    return np.asarray(sheet)
