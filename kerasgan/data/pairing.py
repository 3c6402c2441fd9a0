"""Pairs of pictures: what a model is given, the part "source", and what it is to make of it."""

import inspect
import os
import re
from pathlib import Path

import numpy as np

from kerasgan.data import emoji, openmoji, tfds_sets
from kerasgan.data.folder import colour_of, unread_folder
from kerasgan.data.loading import load_source
from kerasgan.data.made import MADE, made_of
from kerasgan.data.names import is_folder
from kerasgan.data.sizes import fitted
from kerasgan.data.source import ArraySource
from kerasgan.data.spec import spec_of
from kerasgan.signature import Image
from kerasgan.utils import drawings, hashing, logs
from kerasgan.utils.errors import UserError, nearest
from kerasgan.utils.pictures import opaque

HALVES = ("left", "right")
BLACK = "black"  # OpenMoji's line drawings
WORDS = (*MADE, *HALVES, BLACK)
EMOJI = (emoji.MINI, emoji.FULL, openmoji.NAME)


def pairs(
    images,
    source,
    split="train",
    image_size=None,
    data_dir=None,
    transparent=False,
    background="white",
    skip_damaged=False,
    flip=False,
    cached=None,
):
    """Returns pairs of pictures, for models that make a picture of another one.

    Args:
        images: What the model is to make: a data set, folder or arrays, as in `load_source`, or an
            `ArraySource`.
        source: What it is given. One of
            - "outline": line drawings of `images`, dark on white; "grey": `images` in grey. Both
              have one channel.
            - "left" or "right": that half of each picture; `images` is then the other half, as in
              the sets of pix2pix's authors.
            - "black": OpenMoji's own line drawings, one channel, for the set "openmoji". Flags
              are left out, since their drawings are empty frames.
            - The path of a second folder that has a picture of the same name for each in `images`:
              "photos/a/1.jpg" and "drawings/a/1.png" are a pair. A folder called as one of the
              words above is written "./left".
            - Another data set, arrays, or an `ArraySource`, paired row by row. Two sets of emoji
              are paired by their characters: those that both have.
        split, image_size, data_dir, flip, cached: As in `load_source`, for both parts. Pairs are
            mirrored together. An `ArraySource` is read already and takes `flip` alone; halves of
            it take `image_size` and `background` too.
        transparent: As in `load_source`, for `images` alone.
        background, skip_damaged: As in `load_source`, for both parts. A pair is left out if one of
            its pictures is damaged.

    Returns:
        `ArraySource` of "image", maybe "label", and "source".

    Raises:
        UserError: If a picture has no twin, which the message names; if the parts differ in length,
            there is no such source, or as `load_source`.

    Example:

    >>> pairs("noto_emoji_mini", "outline", "test").spec["source"]
    Image((64, 64, 1))
    """
    options = {
        "split": split,
        "image_size": image_size,
        "data_dir": data_dir,
        "background": background,
        "skip_damaged": skip_damaged,
        "cached": cached,
    }
    check_source(source, images)
    word = source if isinstance(source, str) and source in WORDS else None
    if word in HALVES:
        made = cut(loaded_halves(images, transparent, options), word, image_size, background)
    elif word == BLACK:
        reading = openmoji.unread_openmoji(split, image_size, transparent, background)
        read = reading.read(cached)
        flags = reading.class_names.index(openmoji.GROUPS["flags"])
        made = at(read, np.flatnonzero(read.parts["label"] != flags))
    elif word is not None:
        made = with_made(loaded(images, options, transparent), word)
    elif is_path(images) and is_path(source):
        with logs.quiet():
            made = unread_folder(
                Path(images).expanduser(),
                split,
                image_size,
                transparent,
                background,
                skip_damaged,
                twins=Path(source).expanduser(),
            ).read(cached)
    else:
        found, others = (
            loaded(images, options, transparent),
            loaded(source, of_others(source, options)),
        )
        if is_emoji(images) and is_emoji(source):
            found, others = twins(found, others, images, source, split)
        if len(found) != len(others):
            raise UserError(
                f"Pairs belong together row by row. Received: {len(found)} images of {found.name} "
                f"and {len(others)} of {others.name}; `unpaired`, in a recipe data.paired=false, "
                f"takes such sets."
            )
        made = joined(found, others)
    made.flip = made.flip or flip
    return made


def unpaired(images, others, **options):
    """Returns pictures of two kinds that do not belong together, for models such as CycleGAN.

    An epoch visits each of `images` once. What the model is given with it is drawn anew at each
    visit, uniformly and with replacement, from `others`; the draws follow from the seed and the
    step alone, so that a training that goes on gets the same ones.

    Args:
        images: What the model is to make, in any of the forms of `pairs`.
        others: What it is given, in any of the forms that `pairs` calls `source`. It may have
            another number of pictures.
        **options: As in `pairs`. Both parts take the split of the same name. Each is mirrored by
            draws of its own.

    Returns:
        `ArraySource` of "image", maybe "label", and "source", which is independent.

    Raises:
        UserError: As `pairs`.

    Example:

    >>> source = unpaired(np.zeros((6, 8, 8, 3), "uint8"), np.ones((4, 8, 8, 3), "uint8"))
    >>> len(source), source.independent
    (6, ('source',))
    """
    check_source(others, images)
    if isinstance(others, str) and others in WORDS:
        made = pairs(images, others, **options)
    else:
        flip, transparent = options.pop("flip", False), options.pop("transparent", False)
        made = joined(
            loaded(images, options, transparent),
            loaded(others, of_others(others, options)),
            ("source",),
        )
        made.flip = made.flip or flip
    return made.replace(independent=("source",))


def emoji_texts(name, split="train"):
    """Returns the characters of each emoji of a split, in its order.

    Emoji of two sets that have the same characters are the same emoji in two styles, and lie in
    splits of the same name.

    Args:
        name: "noto_emoji_mini", "noto_emoji" or "openmoji".
        split: As in `load`.

    Returns:
        List of texts, without variation selectors.

    Raises:
        UserError: If the set has no characters, or cannot be read.

    Example:

    >>> emoji_texts("noto_emoji_mini", "test[:3]")
    ['🥨', '🇵🇼', '🇸🇩']
    """
    if name not in EMOJI:
        raise UserError(f'"{name}" is no set of emoji: {nearest(name, EMOJI)}')
    return openmoji.texts(split) if name == openmoji.NAME else emoji.texts(name, split)


def spec_of_pairs(spec, source, name, image_size=None, data_dir=None):
    """Returns what an example of `pairs` is, without reading it.

    Args:
        spec: That of the pictures.
        source, image_size, data_dir: As in `pairs`.
        name: Name of the pictures' set.
    """
    check_source(source, name)
    height, width, channels = spec["image"].shape
    if source in HALVES:
        width = width if image_size else width // 2
        given = Image((height, width, min(channels, 3)))
        return {**spec, "image": Image((height, width, channels)), "source": given}
    if source in WORDS:
        return {**spec, "source": Image((height, width, 1))}
    return {**spec, "source": spec_of(source, image_size, data_dir)["image"]}


def check_source(source, images):
    """Raises UserError if a text names no source."""
    if not isinstance(source, str) or is_folder(source):
        return
    if source == BLACK and not (isinstance(images, str) and images == openmoji.NAME):
        title = images if isinstance(images, (str, os.PathLike)) else "arrays"
        raise UserError(
            f'The source "{BLACK}" are the line drawings of "{openmoji.NAME}". Received: '
            f'"{title}", for which "outline" makes some.'
        )
    known = (*WORDS, *tfds_sets.OWN)
    if source not in known and re.split("[/:]", source)[0] not in tfds_sets.names():
        raise UserError(
            f'There is no source "{source}", which is no folder or data set either: '
            f"{nearest(source, (*known, *tfds_sets.names()))}"
        )


def is_path(name):
    """Tells whether this is the path of a folder."""
    return isinstance(name, (str, os.PathLike)) and name not in WORDS and is_folder(name)


def is_emoji(name):
    return isinstance(name, str) and name in EMOJI


def loaded(images, options, transparent=False):
    """Returns data in any form as a source without a part "source"."""
    if isinstance(images, ArraySource):
        check_not_given({**options, "transparent": transparent}, images)
        return images.only([part for part in images.parts if part != "source"])
    return load_source(images, transparent=transparent, **options)


def check_not_given(options, source):
    """Raises UserError for options of reading data, since a source is read already."""
    for name, value in options.items():
        if value != inspect.signature(pairs).parameters[name].default:
            raise UserError(
                f"`{name}` tells how data are read. {source.name} is a source, which is read "
                f"already: pass it to `kerasgan.data.load_source`, or leave it out. Received: "
                f"{name}={value!r}"
            )


def of_others(name, options):
    """Returns the options without those that a second set does not have."""
    if is_path(name) or is_emoji(name):
        return options
    return {k: v for k, v in options.items() if k not in ("background", "skip_damaged")}


def loaded_halves(images, transparent, options):
    """Returns pictures that are two side by side, (N, H, 2W, C); of folders, each of the halves has
    the size that is wanted."""
    if not is_path(images):
        options = {**options, "image_size": None}
        if isinstance(images, ArraySource):
            options.pop("background")  # `cut` takes it
        return loaded(images, options, transparent)
    with logs.quiet():
        return unread_folder(
            Path(images).expanduser(),
            options["split"],
            options["image_size"],
            transparent,
            options["background"],
            options["skip_damaged"],
            halves=True,
        ).read(options["cached"])


def cut(source, side, image_size=None, background="white"):
    """Returns pictures that are two side by side as pairs.

    Args:
        source: `ArraySource` of pictures (N, H, 2W, C).
        side: The half that the model is given, "left" or "right".
        image_size: As in `load`.
        background: Colour on which that half is shown, of pictures with opacity.
    """
    whole = source.parts["image"]
    half = whole.shape[2] // 2
    if not half:
        raise UserError(f"{source.name} cannot be cut in halves. Received: shape={whole.shape}")
    halves = {"left": whole[:, :, :half], "right": whole[:, :, whole.shape[2] - half :]}
    given, made = (fitted(halves[each], image_size) for each in (side, other_side(side)))
    colour = colour_of(background) if given.shape[-1] == 4 else None
    given = opaque(given, colour)
    about = {side: [image_size, side, colour], other_side(side): [image_size, other_side(side)]}
    known = {}
    for parts in (["image"], ["image", "label"]):
        if all(part in source.parts for part in parts):
            content = source.only(parts).fingerprint
            known[",".join(parts)] = hashing.of_json([content, about[other_side(side)]])
    origin = hashing.of_json([source.only(["image"]).fingerprint, about[side]])
    others = {part: values for part, values in source.parts.items() if part != "image"}
    return source.replace(
        parts={"image": made, **others, "source": given},
        fingerprints=known,
        origins={"source": origin},
    )


def other_side(side):
    return HALVES[1 - HALVES.index(side)]


def with_made(source, word):
    """Returns a source with a part that is made of its pictures, "outline" or "grey"."""
    origin = hashing.of_json([source.only(["image"]).fingerprint, word, drawings.VERSION])
    return source.replace(
        parts={**source.parts, "source": made_of(source, word)},
        origins={**source.origins, "source": origin},
    )


def joined(source, others, independent=()):
    """Returns the pictures of one source with those of another as the part "source"."""
    others = others.only(["image"])
    licence = source.licence
    if others.licence not in (None, licence):
        licence = "; ".join(filter(None, (licence, others.licence)))
    return source.replace(
        parts={**source.parts, "source": others.parts["image"]},
        licence=licence,
        independent=independent,
        origins={**source.origins, "source": others.fingerprint},
    )


def twins(source, others, name, other_name, split):
    """Returns two sources of emoji, of those that both have, in the order of the first."""
    texts, other_texts = emoji_texts(name, split), emoji_texts(other_name, split)
    places = {text: place for place, text in enumerate(other_texts)}
    chosen = [place for place, text in enumerate(texts) if text in places]
    if not chosen:
        raise UserError(f'"{name}" and "{other_name}" have no emoji in common in {split}.')
    return at(source, chosen), at(others, [places[texts[place]] for place in chosen])


def at(source, places):
    """Returns the examples at some places."""
    return source.replace(
        parts={part: values[places] for part, values in source.parts.items()},
        captions=source.captions and [source.captions[place] for place in places],
    )
