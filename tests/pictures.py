"""Folders of pictures as people have them: every format, mode and name."""

import numpy as np
from PIL import Image

from kerasgan import data

SUFFIXES = ("jpg", "png", "webp", "gif", "tiff", "bmp")
NAMES = ("photo", "Bild ä", "写真", "фото", "ภาพ", "صورة")


def write(folder, number, classes=("cats", "dogs")):
    """Writes `number` emoji into a folder, in two class folders, in mixed formats."""
    source = data.load_source("noto_emoji_mini", transparent=True)
    for place in range(number):
        image = Image.fromarray(source.parts["image"][place])
        image = image.resize((60 + place % 7, 64 + place % 5))
        suffix = SUFFIXES[place % len(SUFFIXES)]
        mode = ("RGB", "RGBA", "P", "L", "CMYK", "I;16")[place // 2 % 6]
        if suffix in ("jpg", "bmp") and mode in ("RGBA", "P", "I;16"):
            mode = "RGB"
        if mode == "CMYK" and suffix not in ("jpg", "tiff"):
            mode = "RGB"
        if mode == "I;16" and suffix not in ("png", "tiff"):
            mode = "L"
        if mode == "I;16":
            levels = np.asarray(image.convert("L"), np.uint16) * 257
            image = Image.fromarray(levels)
        elif mode != "RGBA":
            image = image.convert("RGB").convert(mode)
        path = folder / classes[place % len(classes)] / f"{NAMES[place % 6]} {place}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 6  # held upright
        image.save(path, **({"exif": exif} if suffix == "jpg" and place % 3 == 0 else {}))
    return folder
