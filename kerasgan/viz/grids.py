"""Sample grids."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kerasgan.signature import Mask
from kerasgan.utils import pixels

TITLE, GAP = 14, 8  # pixels above a grid and between grids
HOLE = np.array([204, 102, 119], np.uint8)  # the colour of holes in pictures


def sample_grid(gan, num=64, seed=0, label=None, titled=False, truncation=None, **given):
    """Returns samples of a model as one picture; with classes, a column for each.

    Samples that are made of pictures stand to the right of these.

    Args:
        gan: A `kerasgan.GAN` whose outputs can be drawn.
        num: Number of samples.
        seed: Seed of the latents; the same seed gives the same picture.
        label: Class of all samples, by its id or name; by default classes take turns.
        titled: Whether the names of classes, if there are any, stand above their columns.
        truncation: float, threshold of the truncation trick, as in `sample`.
        **given: The generator's other inputs, as in `sample`.

    Returns:
        uint8 array, as of `grid`; `None` if such outputs cannot be drawn.

    Example:

    >>> import kerasgan
    >>> sample_grid(kerasgan.DCGAN((8, 8, 1), width=4), num=4).shape
    (18, 18, 1)
    """
    given = given if truncation is None else {"truncation": truncation, **given}
    inputs = gan.inputs_for(num, seed, label, **given)
    samples = np.concatenate(list(gan.outputs_for(inputs)))
    if (picture := beside_inputs(gan, inputs, samples)) is not None:
        return picture
    if label is not None:
        return gan.signature.output.grid(samples)
    picture, kind = gan.grid(samples), gan.signature.inputs.get("label")
    if picture is None or not titled or not getattr(kind, "names", None):
        return picture
    columns = gan.columns(num)
    if columns is None:
        return picture
    return with_titles(picture, list(kind.names) * (columns // kind.num_classes))


def text_grid(gan, texts, num=64, seed=0):
    """Returns samples of texts as one picture: a column for each text, or several in turn.

    Args:
        gan: A `kerasgan.GAN` that takes `text`.
        texts: List of texts.
        num: Number of samples, at least one for each text; what does not divide by their number is
            left out.
        seed: Seed of the latents.

    Returns:
        uint8 array (H, W, C), with the texts above the columns if there are several.

    Raises:
        UserError: If the model takes no texts, or one of them is none.

    Example:

    >>> import kerasgan
    >>> gan = kerasgan.TextToImage((8, 8, 3), text_dim=2, width=4)
    >>> text_grid(gan, [[0.0, 1.0], [1.0, 0.0]], num=4).shape[2]
    3
    """
    each = max(1, num // len(texts))  # samples of a text
    abreast = [n for n in range(1, each + 1) if each % n == 0]
    columns = len(texts) * min(abreast, key=lambda n: abs(n - num**0.5 / len(texts)))
    shown = [texts[place % len(texts)] for place in range(each * len(texts))]
    samples = gan.sample(text=shown, seed=seed)
    picture = gan.signature.output.grid(samples, columns)
    titled = len(texts) > 1 and all(isinstance(text, str) for text in texts)
    return with_titles(picture, list(texts) * (columns // len(texts))) if titled else picture


def beside_inputs(gan, inputs, samples):
    """Returns samples, each with the pictures of its inputs to the left, or `None` without these.

    Args:
        gan: A `kerasgan.GAN`.
        inputs: dict of the generator's inputs by name, as `inputs_for` returns it.
        samples: float32 array (num, ...), what the generator made of them.
    """
    sets = pictures_of_inputs(gan.signature, inputs, samples.shape[1:3])
    if not sets:
        return None
    sets.append(pixels.in_channels(pixels.to_uint8(samples), 3))
    tiles = np.stack(sets, axis=1).reshape(-1, *sets[-1].shape[1:])
    least = math.ceil((len(samples) / len(sets)) ** 0.5)
    in_row = next(n for n in range(least, len(samples) + 1) if len(samples) % n == 0)  # full rows
    return pixels.grid(tiles, len(sets) * in_row)


def pictures_of_inputs(signature, inputs, sides):
    """Returns the pictures that show a generator's inputs, with holes in them where it has masks.

    Args:
        signature: The model's.
        inputs: dict of its inputs by name, arrays or tensors (N, ...).
        sides: (height, width), to which smaller ones are enlarged, pixel by pixel.

    Returns:
        list of uint8 arrays (N, height, width, 3), one for each picture of an example.
    """
    kinds, sets, hole = signature.inputs, [], None
    for name, values in inputs.items():
        pictures = kinds[name].pictures(np.asarray(values))
        if isinstance(kinds[name], Mask):
            hole = np.asarray(values) > 0
        elif pictures is not None:
            sets += [pixels.in_channels(each, 3) for each in pictures.swapaxes(0, 1)]
    for axis in (1, 2):
        sets = [np.repeat(each, sides[axis - 1] // each.shape[axis], axis) for each in sets]
    return sets if hole is None else [np.where(hole, HOLE, each) for each in sets]


def with_titles(picture, titles):
    """Returns a grid with a title above each of its columns, upright if it fits, else rotated.

    Args:
        picture: uint8 array (H, W, C).
        titles: List of texts, one for each column.

    Returns:
        uint8 array (more than H, W, 3).

    Example:

    >>> with_titles(np.zeros((20, 100, 1), np.uint8), ["cats", "dogs"]).shape
    (34, 100, 3)
    """
    font = ImageFont.load_default()
    step = picture.shape[1] / len(titles)
    widest = max(font.getlength(title) for title in titles)
    upright = widest <= step - 2
    band = TITLE if upright else min(round(widest) + 4, 80)
    sheet = Image.new("RGB", (picture.shape[1], picture.shape[0] + band), "white")
    sheet.paste(Image.fromarray(pixels.in_channels(picture[None], 3)[0]), (0, band))
    for column, title in enumerate(titles):
        size = (round(step), band) if upright else (band, TITLE)
        label = Image.new("RGB", size, "white")
        ImageDraw.Draw(label).text((2, 1), title, fill="black", font=font)
        label = label if upright else label.rotate(90, expand=True)
        left = round(column * step + (0 if upright else max(0, step - TITLE) / 2))
        sheet.paste(label, (left, 0))
    return np.asarray(sheet)


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
            gan.signature.output.check_drawn(name)
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
