"""Reads picture files and brings pictures to one size, with NumPy and Pillow alone.

Processes that read many files import this module without TensorFlow.
"""

import numpy as np
from PIL import Image, ImageOps

FINER = 2  # resolution at which JPEG files are decoded at least, over the one that is wanted
ORIENTATION = 0x0112  # how the camera was held: a number from 1, upright, to 8


def opaque(images, background=255):
    """Returns pictures with opacity as they look on a background, and all others unchanged.

    Args:
        images: uint8 array (..., H, W, C).
        background: Grey level, 0 to 255, or a colour (R, G, B).

    Returns:
        uint8 array (..., H, W, 3) if C is 4.

    Example:

    >>> opaque(np.array([[[255, 0, 0, 0], [255, 0, 0, 255]]], np.uint8)).tolist()
    [[[255, 255, 255], [255, 0, 0]]]
    """
    if images.shape[-1] != 4:
        return images
    opacity = images[..., 3:].astype(np.float32) / 255.0
    shown = images[..., :3] * opacity + np.asarray(background, np.float32) * (1.0 - opacity)
    return np.round(shown).astype(np.uint8)


def in_channels(images, channels):
    """Returns pictures in grey or colour.

    Args:
        images: uint8 array (N, H, W, C); pictures with opacity are shown on white.
        channels: 1 or 3, or `None` to return the pictures unchanged.

    Returns:
        uint8 array (N, H, W, channels); grey is the luma of ITU-R BT.601.

    Example:

    >>> in_channels(np.array([[[[255, 0, 0]]]], np.uint8), 1).ravel()
    array([76], dtype=uint8)
    """
    if channels is None:
        return images
    images = opaque(images)
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    return np.rint(images @ np.array([0.299, 0.587, 0.114]))[..., None].astype(np.uint8)


def placed(sides, wanted):
    """Tells how pictures of one size become pictures of another.

    Args:
        sides: (height, width) of the pictures.
        wanted: (height, width) to bring them to.

    Returns:
        Margins, as `numpy.pad` takes them for two axes, or `None`; and the box
        (top, left, bottom, right) in the centre that is resized, or `None`. Both are `None` where
        there is nothing to do.

    Example:

    >>> placed((28, 28), (32, 32)), placed((8, 16), (4, 4))
    (([(2, 2), (2, 2)], None), (None, (0, 4, 8, 12)))
    """
    if tuple(sides) == tuple(wanted):
        return None, None
    missing = [want - have for want, have in zip(wanted, sides, strict=True)]
    if all(0 <= each <= 4 for each in missing):
        return [(each // 2, each - each // 2) for each in missing], None
    scale = min(have / want for want, have in zip(wanted, sides, strict=True))
    crop = [max(1, round(want * scale)) for want in wanted]
    top, left = ((have - each) // 2 for have, each in zip(sides, crop, strict=True))
    return None, (top, left, top + crop[0], left + crop[1])


def fitted(picture, wanted):
    """Brings a picture to a size: pads small margins, crops and resizes everything else.

    Args:
        picture: uint8 array (H, W, C), C being 1, 3 or 4.
        wanted: (height, width), or `None` to return the picture unchanged.

    Returns:
        uint8 array (height, width, C). A picture up to 4 pixels smaller on both sides gets a border
        of 0; others are center-cropped to the same proportions and resized bilinearly with
        antialiasing. Colours count as much as they are opaque.

    Example:

    >>> fitted(np.full((2, 2, 1), 9, np.uint8), (4, 4))[:, :, 0]
    array([[0, 0, 0, 0],
           [0, 9, 9, 0],
           [0, 9, 9, 0],
           [0, 0, 0, 0]], dtype=uint8)
    """
    if wanted in (None, picture.shape[:2]):
        return picture
    return fitted_image(
        Image.fromarray(picture.squeeze(2) if picture.shape[2] == 1 else picture), wanted
    )


def fitted_chunk(chunk):
    """Returns (pictures (n, height, width, C), class ids) of (pictures, class ids, size)."""
    images, ids, wanted = chunk
    if wanted in (None, images.shape[1:3]):
        return images, ids
    return np.stack([fitted(each, wanted) for each in images]), ids


def fitted_image(image, wanted):
    """Returns a Pillow image as `fitted` returns an array."""
    margins, box = placed(image.size[::-1], wanted or image.size[::-1])
    if box:
        top, left, bottom, right = box
        if (left, top, right, bottom) != (0, 0, *image.size):
            image = image.crop((left, top, right, bottom))
        image = image.resize(wanted[::-1], Image.Resampling.BILINEAR)
    values = np.asarray(image)
    values = values.reshape(*values.shape[:2], -1)
    return np.pad(values, [*margins, (0, 0)]) if margins else values


class Reader:
    """Decodes picture files alike.

    Args:
        mode: Pillow's mode of all pictures: "L", "RGB" or "RGBA".
        background: (R, G, B) on which pictures with opacity are shown, unless they keep it.
        white: Level that is white in pictures of more than 8 bits.
        wanted: (height, width) to bring pictures to, or `None`.
        halves: Whether each picture is two of one size side by side, each of which is brought to
            that size. Of an odd width, the column in the middle is left out.
    """

    def __init__(
        self, mode="RGB", background=(255, 255, 255), white=65535, wanted=None, halves=False
    ):
        self.mode, self.background, self.white, self.wanted = mode, background, white, wanted
        self.halves = halves

    @property
    def channels(self):
        return {"L": 1, "RGB": 3, "RGBA": 4}[self.mode]

    def pictures(self, paths):
        """Returns for each file its picture, uint8 (H, W, C), or a sentence on what is wrong."""
        return [read(path, self._picture) for path in paths]

    def _picture(self, image):
        turned = image.getexif().get(ORIENTATION, 1)
        if image.format == "JPEG" and self.wanted:
            wanted = (self.wanted[0], self.wanted[1] * (2 if self.halves else 1))
            height, width = wanted if turned < 5 else wanted[::-1]
            scale = min(image.width / width, image.height / height) / FINER
            # Of a large picture, only as much is decoded as the smaller one needs.
            image.draft(None, (int(image.width / scale) + 1, int(image.height / scale) + 1))
        if turned != 1:
            image = ImageOps.exif_transpose(image)
        if deep(image.mode):
            levels = np.asarray(image, np.float64) * (255 / self.white)
            image = Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
        if self.mode != "RGBA" and image.has_transparency_data:
            image = Image.fromarray(opaque(np.asarray(image.convert("RGBA")), self.background))
        if image.mode != self.mode:
            image = image.convert(self.mode)
        if self.halves:
            left, right = halves_of(image)
            fitted_halves = [fitted_image(left, self.wanted), fitted_image(right, self.wanted)]
            return np.concatenate(fitted_halves, axis=1)
        return fitted_image(image, self.wanted)


def halves_of(image):
    """Returns the left and the right half of a Pillow image."""
    half = image.width // 2
    if not half:
        raise ValueError("it is too narrow to be cut in halves")
    right = image.crop((image.width - half, 0, image.width, image.height))
    return image.crop((0, 0, half, image.height)), right


def decoded(paths, half=False):
    """Returns the number of pixels of each file, decoded and nothing else: what reading cannot be
    faster than.

    Args:
        paths: List of files.
        half: Whether to decode JPEG at half the sides, as far as the format does.
    """
    numbers = []
    for path in paths:
        with Image.open(path) as image:
            if half:
                image.draft(None, (image.width // 2, image.height // 2))
            image.load()
            numbers.append(image.width * image.height)
    return numbers


def headers(paths):
    """Returns for each file its mode and (height, width), or a sentence on what is wrong."""
    return [read(path, header) for path in paths]


def header(image):
    # Numbers from 5 mean that rows are columns. Pillow turns TIFF files itself, and decodes PNG
    # files to look for what is not there.
    told = image.format != "TIFF" and (image.format != "PNG" or "exif" in image.info)
    sideways = told and image.getexif().get(ORIENTATION, 1) >= 5
    return image.mode, image.size if sideways else image.size[::-1]


def highest_levels(paths):
    """Returns for each file its highest level, 0 for pictures of 8 bits or damaged ones."""
    levels = [
        read(path, lambda image: int(np.asarray(image).max()) if deep(image.mode) else 0)
        for path in paths
    ]
    return [0 if isinstance(level, str) else level for level in levels]


def read(path, function):
    """Returns `function` of an opened picture, or a sentence on what is wrong with it."""
    try:
        with Image.open(path) as image:
            if image.mode == "F":
                raise ValueError("its levels are real numbers, of which none is white")
            return function(image)
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ...
        return str(error) or type(error).__name__


def deep(mode):
    """Tells whether a picture of this mode has more than 8 bits of grey."""
    return mode.startswith("I")
