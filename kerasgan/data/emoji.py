"""Emoji in colour: groups as classes, names as captions, on a background or transparent.

The pictures are those of Google's Noto Color Emoji (Apache-2.0), which Debian's package
fonts-noto-color-emoji brings as a font. Names and groups are those of Unicode's list of emoji, in
Debian's package unicode-data.
"""

import json
import re
import typing
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from kerasgan.data.folder import colour_of
from kerasgan.data.sizes import fitted
from kerasgan.data.source import ArraySource
from kerasgan.data.splits import select
from kerasgan.data.unread import Unread
from kerasgan.utils import hashing, pictures
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import state

FULL, MINI = "noto_emoji", "noto_emoji_mini"
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
LIST = Path("/usr/share/unicode/emoji/emoji-test.txt")
GROUP = "# group: "  # starts the line of a group
SIZE = (136, 128)  # width and height of the font's bitmaps
POINTS = 109  # font size at which they are drawn as they are
AT_ONCE = 64
VERSION = 1  # of what is drawn; another one lets caches be prepared anew
LICENCE = "Noto Color Emoji, Google, Apache-2.0"

ASSETS = Path(__file__).parent / "assets"
MINI_SIDE, MINI_COLUMNS = 64, 44
MINI_SHA256 = "822e084c39ccdd78589ac5f07e873acbc040caedb605b26f4dc8118f289a6961"  # of the pixels


class Emoji(typing.NamedTuple):
    text: str  # the characters
    group: str
    name: str

    @property
    def base(self):
        """The name without skin tones, and without the "person, person" of couples that have two.

        Sequences of characters do not tell families: a couple with two tones has another one.
        """
        name, _, rest = self.name.partition(": ")
        parts = [each for each in rest.split(", ") if each not in ("", "person")]
        return name, *(each for each in parts if not each.endswith("skin tone"))


def listed():
    """Returns all emoji of Unicode's list, in an order that mixes the groups.

    Emoji that differ in their skin tone follow each other, the one without first.
    """
    group, found = None, {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line.startswith(GROUP):
            group = line.removeprefix(GROUP).strip()
        match = re.match(r"([0-9A-F ]+?) *; fully-qualified +# \S+ E[\d.]+ (.+)", line)
        if match:
            text = "".join(chr(int(code, 16)) for code in match[1].split())
            emoji = Emoji(text, group, match[2].strip())
            found.setdefault(emoji.base, []).append(emoji)
    families = list(found.values())
    # NumPy guarantees this stream, unlike default_rng's.
    order = np.random.RandomState(0).permutation(len(families))
    return [families[place] for place in order]


def splits_of(families):
    """Returns the indices of the splits: every tenth family with all its skin tones is a test."""
    tested = np.repeat(np.arange(len(families)) % 10 == 0, [len(each) for each in families])
    return {"train": np.flatnonzero(~tested), "test": np.flatnonzero(tested)}


def check_packages():
    """Raises UserError if the pictures cannot be drawn here."""
    missing = [
        package
        for package, file in (("fonts-noto-color-emoji", FONT), ("unicode-data", LIST))
        if not file.is_file()
    ]
    if missing:
        raise UserError(
            f'"{FULL}" is drawn from Debian\'s packages: apt-get install {" ".join(missing)}. '
            f'"{MINI}", 64 x 64 pixels and one skin tone, needs none.'
        )
    if not features.check("raqm"):
        raise UserError(
            f'"{FULL}" needs Pillow with Raqm, which its wheels have: pip install '
            f'--force-reinstall pillow. "{MINI}" needs nothing.'
        )


def drawn(font, emoji):
    """Returns the picture of an emoji, uint8 (128, 136, 4), transparent around it."""
    image = Image.new("RGBA", SIZE)
    ImageDraw.Draw(image).text((0, 0), emoji.text, font=font, embedded_color=True)
    return np.asarray(image)


def unread_emoji(split, image_size=None, transparent=False, background="white"):
    """Returns a split of all emoji, not read yet, as `kerasgan.data.load_source` describes it."""
    check_packages()
    colour = colour_of(background)
    families = listed()
    chosen = select(split, splits_of(families), FULL)
    every = [emoji for family in families for emoji in family]
    groups, labels = grouped([emoji.group for emoji in every])

    def chunks():
        font = ImageFont.truetype(FONT, POINTS)
        for start in range(0, len(chosen), AT_ONCE):
            places = chosen[start : start + AT_ONCE]
            images = np.stack([drawn(font, every[place]) for place in places])
            images = images if transparent else pictures.opaque(images, colour)
            yield fitted(images, image_size), labels[places]

    return Unread(
        name=FULL,
        split=split,
        options={
            "set": FULL,
            "reader": VERSION,
            "image_size": image_size,
            "transparent": transparent,
            "background": colour,
        },
        stamp=[(str(file), *state(file)) for file in (FONT, LIST)],
        count=len(chosen),
        chunks=chunks,
        class_names=groups,
        licence=LICENCE,
        captions=[every[place].name for place in chosen],
    )


def grouped(groups):
    """Returns the names of the groups in the order of Unicode's list, and each emoji's number."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    names = [line.removeprefix(GROUP).strip() for line in lines if line.startswith(GROUP)]
    names = [name for name in names if name in groups]
    return names, np.array([names.index(group) for group in groups], np.int32)


def read_mini(split, image_size=None, transparent=False, background="white"):
    """Returns a split of the embedded emoji: 64 x 64 pixels, one of each skin tone's family."""
    about = about_mini()
    with Image.open(ASSETS / f"{MINI}.webp") as sheet:
        images = cut(np.asarray(sheet.convert("RGBA")), len(about["names"]))
    found = hashing.of_array(images)
    if found != MINI_SHA256:
        raise UserError(
            f"The pictures in {ASSETS} must have SHA-256 {MINI_SHA256}. Received: {found}; "
            f"reinstall kerasgan."
        )
    chosen = select(split, splits_of_mini(len(images)), MINI)
    images = (
        images[chosen] if transparent else pictures.opaque(images[chosen], colour_of(background))
    )
    return ArraySource(
        {
            "image": fitted(images, image_size),
            "label": np.array(about["labels"], np.int32)[chosen],
        },
        MINI,
        about["groups"],
        LICENCE,
        captions=[about["names"][place] for place in chosen],
    )


def about_mini():
    """Returns names, groups, labels and characters of the embedded emoji."""
    return json.loads((ASSETS / f"{MINI}.json").read_text(encoding="utf-8"))


def splits_of_mini(number):
    """Returns the indices of the splits of the embedded emoji: every tenth is a test."""
    places = np.arange(number)
    return {"train": places[places % 10 != 0], "test": places[places % 10 == 0]}


def plain(text):
    """Returns the characters of an emoji without variation selectors, which lists treat
    differently."""
    return text.replace("\ufe0f", "")


def mini_texts():
    """Returns the plain characters of all embedded emoji."""
    return [plain(text) for text in about_mini()["texts"]]


def texts(name, split="train"):
    """Returns the characters of each emoji of a split, as `kerasgan.data.emoji_texts` does."""
    if name == MINI:
        every = mini_texts()
        splits = splits_of_mini(len(every))
    else:
        check_packages()
        families = listed()
        every = [plain(emoji.text) for family in families for emoji in family]
        splits = splits_of(families)
    return [every[place] for place in select(split, splits, name)]


def sheet_of(images):
    """Arranges pictures (N, 64, 64, 4) in one, row by row."""
    missing = -len(images) % MINI_COLUMNS
    images = np.concatenate([images, np.zeros((missing, *images.shape[1:]), np.uint8)])
    rows = images.reshape(-1, MINI_COLUMNS, MINI_SIDE, MINI_SIDE, 4).transpose(0, 2, 1, 3, 4)
    return rows.reshape(-1, MINI_COLUMNS * MINI_SIDE, 4)


def cut(sheet, number):
    """Returns the pictures that `sheet_of` arranged."""
    rows = sheet.reshape(-1, MINI_SIDE, MINI_COLUMNS, MINI_SIDE, 4).transpose(0, 2, 1, 3, 4)
    return rows.reshape(-1, MINI_SIDE, MINI_SIDE, 4)[:number]
