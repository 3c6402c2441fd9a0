"""OpenMoji: emoji in colour, each with its black line drawing.

The pictures are SVG files of the npm package openmoji (CC BY-SA 4.0). Those without skin tone are
drawn, and none of OpenMoji's own extras. Those that `noto_emoji_mini` has come first, in its order
and with its classes and splits, so that no emoji of a test was trained on in the other style.
"""

import functools
import io
import json
import tarfile

import numpy as np
from PIL import Image

from kerasgan import signature
from kerasgan.data import emoji
from kerasgan.data.folder import colour_of
from kerasgan.data.sizes import fitted, sides
from kerasgan.data.splits import select
from kerasgan.data.unread import Unread
from kerasgan.utils import npm, pictures
from kerasgan.utils.errors import needs

NAME = "openmoji"
PACKAGE_VERSION = "17.0.0"
URL = f"https://registry.npmjs.org/openmoji/-/openmoji-{PACKAGE_VERSION}.tgz"
INTEGRITY = (
    "sha512-EBnYrNGdcdw+OSXmENeNE1yBNRu6tOraTmoOyUbJkTmvT/+XETp8RZLSJFzD3lrPc5N9CzsyPnRTk0Vp"
    "4UaI9w=="
)
LICENCE = "OpenMoji, the OpenMoji authors, https://openmoji.org, CC BY-SA 4.0"
SIDE = 64  # by default
VERSION = 1  # of what is drawn; another one lets caches be prepared anew
AT_ONCE = 32

# OpenMoji's groups, and those of Unicode, whose names the classes have.
GROUPS = {
    "smileys-emotion": "Smileys & Emotion",
    "people-body": "People & Body",
    "animals-nature": "Animals & Nature",
    "food-drink": "Food & Drink",
    "travel-places": "Travel & Places",
    "activities": "Activities",
    "objects": "Objects",
    "symbols": "Symbols",
    "flags": "Flags",
}


@functools.cache
def members():
    """Returns the files of the package that are needed: a dict of bytes by name."""
    content = npm.archive(
        f"openmoji@{PACKAGE_VERSION}",
        URL,
        INTEGRITY,
        "OpenMoji",
        NAME,
        f'"{NAME}" is drawn from an npm package',
    )
    found = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as packed:
        for member in packed:
            name = member.name.removeprefix("package/")
            if name.endswith(".svg") or name == "data/openmoji.json":
                found[name] = packed.extractfile(member).read()
    return found


def listed():
    """Returns all emoji that are drawn, and the indices of the splits.

    Returns:
        List of dicts with "text", the characters without variation selectors; "name"; "label", the
        number of the class; and "file". And a dict of split name to indices, int arrays.
    """
    noto = emoji.mini_texts()
    about = emoji.about_mini()
    classes = dict(zip(noto, about["labels"], strict=True))
    found = {}
    for each in json.loads(members()["data/openmoji.json"]):
        if each["skintone"] or each["group"] not in GROUPS:
            continue
        text = emoji.plain(each["emoji"])
        found[text] = {
            "text": text,
            "name": each["annotation"],
            "label": classes.get(text, about["groups"].index(GROUPS[each["group"]])),
            "file": f"{each['hexcode']}.svg",
        }
    twins = [text for text in noto if text in found]
    others = [text for text in found if text not in classes]
    tested = {text for place, text in enumerate(noto) if place % 10 == 0}
    names = {found[text]["name"]: text in tested for text in twins}
    for place, text in enumerate(others):
        # "man running: facing right" goes where "man running" is.
        base = found[text]["name"].partition(": ")[0]
        if names.get(base, place % 10 == 0):
            tested.add(text)
    every = [found[text] for text in (*twins, *others)]
    test = np.array([each["text"] in tested for each in every])
    return every, {"train": np.flatnonzero(~test), "test": np.flatnonzero(test)}


def drawn(file, side):
    """Returns the picture of an SVG file, uint8 (side, side, 4)."""
    import resvg_py

    content = resvg_py.svg_to_bytes(
        svg_string=members()[file].decode(), width=side, height=side, skip_system_fonts=True
    )
    with Image.open(io.BytesIO(bytes(content))) as image:
        return np.asarray(image.convert("RGBA"))


def unread_openmoji(split, image_size=None, transparent=False, background="white"):
    """Returns a split of OpenMoji, not drawn yet, as `kerasgan.data.load_source` describes it; its
    part "source" are the black line drawings, grey on white."""
    needs("resvg_py", "emoji")
    colour = colour_of(background)
    wanted = sides(SIDE if image_size is None else image_size)
    every, splits = listed()
    chosen = [every[place] for place in select(split, splits, NAME)]

    def chunks():
        for start in range(0, len(chosen), AT_ONCE):
            some = chosen[start : start + AT_ONCE]
            colours, lines = (
                np.stack([drawn(f"{kind}/svg/{each['file']}", max(wanted)) for each in some])
                for kind in ("color", "black")
            )
            colours, lines = fitted(colours, wanted), fitted(lines, wanted)
            yield (
                colours if transparent else pictures.opaque(colours, colour),
                np.array([each["label"] for each in some], np.int32),
                pictures.in_channels(lines, 1),
            )

    return Unread(
        name=NAME,
        split=split,
        options={
            "set": NAME,
            "reader": VERSION,
            "image_size": list(wanted),
            "transparent": transparent,
            "background": colour,
        },
        stamp=INTEGRITY,
        count=len(chosen),
        chunks=chunks,
        shape=lambda: (*wanted, 4 if transparent else 3),
        source_shape=lambda: (*wanted, 1),
        class_names=list(GROUPS.values()),
        licence=LICENCE,
        captions=[each["name"] for each in chosen],
        kept=True,
    )


def spec_of(image_size=None, transparent=False):
    """Returns what an example is, without fetching any."""
    shape = (*sides(SIDE if image_size is None else image_size), 4 if transparent else 3)
    names = list(GROUPS.values())
    return {"image": signature.Image(shape), "label": signature.Label(len(names), names)}


def texts(split="train"):
    """Returns the characters of each emoji of a split, as `kerasgan.data.emoji_texts` does."""
    every, splits = listed()
    return [every[place]["text"] for place in select(split, splits, NAME)]
