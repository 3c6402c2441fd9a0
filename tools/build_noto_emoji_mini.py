"""Build `kerasgan/data/assets/noto_emoji_mini.webp` and `.json`, the emoji in kerasgan's wheel.

    python tools/build_noto_emoji_mini.py

Draws every emoji without skin tone from Debian's packages fonts-noto-color-emoji and unicode-data
(2.042-0+deb12u1 and 15.0.0-1 were used), at 64 x 64 pixels. The pixels are the same each time; the
bytes of the file depend on libwebp. After a rebuild, pin the SHA-256 printed here as `MINI_SHA256`
in `kerasgan/data/emoji.py`.
"""

import json

import numpy as np
from PIL import Image, ImageFont

from kerasgan.data import emoji
from kerasgan.data.sizes import fitted
from kerasgan.utils import hashing

MAX_BYTES = 8_000_000


def main():
    emoji.check_packages()
    firsts = [family[0] for family in emoji.listed()]
    font = ImageFont.truetype(emoji.FONT, emoji.POINTS)
    images = np.stack(
        [fitted(emoji.drawn(font, each)[None], emoji.MINI_SIDE)[0] for each in firsts]
    )
    images[images[..., 3] == 0] = 0  # colours that nobody sees
    groups, labels = emoji.grouped([each.group for each in firsts])
    sheet, about = (emoji.ASSETS / f"{emoji.MINI}{suffix}" for suffix in (".webp", ".json"))
    Image.fromarray(emoji.sheet_of(images)).save(
        sheet, "WEBP", lossless=True, quality=100, method=6, exact=True
    )
    texts = {"names": [each.name for each in firsts], "texts": [each.text for each in firsts]}
    content = {"groups": groups, "labels": labels.tolist(), **texts}
    about.write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")
    size = sheet.stat().st_size + about.stat().st_size
    print(f"{len(firsts)} emoji, {size:,} bytes, SHA-256 of the pixels {hashing.of_array(images)}")
    if size > MAX_BYTES:
        raise SystemExit(f"They must take at most {MAX_BYTES:,} bytes.")


if __name__ == "__main__":
    main()
