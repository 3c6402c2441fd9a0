"""Folders of images."""

import collections
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageOps

from kerasgan.data.sizes import collect
from kerasgan.data.source import ArraySource
from kerasgan.data.splits import select
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError

SPLIT_FOLDERS = {"train", "test", "val", "valid", "validation"}
HELD_OUT = ("test", "validation", "valid", "val")  # each stands for the others where these lack
# Formats that Pillow knows by name only, or draws with other programs.
NO_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
# Files that accompany pictures and that nobody takes for pictures.
COMPANIONS = {"", ".csv", ".db", ".html", ".ini", ".json", ".jsonl", ".md", ".tsv", ".txt", ".xml"}
LISTED = 10  # damaged pictures that an error names


def read_folder(root, split, image_size, transparent=False, background="white", skip_damaged=False):
    """Reads a folder as `kerasgan.data.load_source` describes."""
    if not root.is_dir():
        raise UserError(f'No such folder: "{root}"')
    files = list_pictures(root)
    files, splits, depth = split_of(files, root)
    chosen = select(split, splits, root)
    # Of all files, so that every split comes with the same classes and channels.
    classes, labels = classes_of([file.parts[depth:-1] for file in files])
    reader = Reader(transparent, colour_of(background))
    headers = [reader.header(root / file) for file in files]
    kept = [i for i in chosen if headers[i] is not None]
    reader.settle([root / files[i] for i in kept], headers)

    def chunks():
        for i in kept:
            picture = reader.decode(root / files[i])
            if picture is not None:
                yield picture[None], None if labels is None else labels[i : i + 1]

    images, ids = collect(chunks(), len(kept), image_size, root)
    reader.report(root, len(chosen), skip_damaged)
    parts = {"image": images} if labels is None else {"image": images, "label": ids}
    return ArraySource(parts, str(root), classes)


def list_pictures(root):
    """Returns the pictures below a folder, as sorted relative paths; warns of what is left out.

    Hidden files and folders are ignored. Links to folders are followed, each folder once.
    """
    known = Image.registered_extensions()
    readable = {
        suffix for suffix, kind in known.items() if kind in Image.OPEN and kind not in NO_PICTURES
    }
    seen, files, others = set(), [], collections.Counter()
    for folder, names, found in os.walk(root, followlinks=True):
        place = os.path.realpath(folder)
        if place in seen:
            names.clear()
            continue
        seen.add(place)
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in found:
            suffix = os.path.splitext(name)[1].lower()
            if name.startswith("."):
                continue
            if suffix in readable:
                files.append((Path(folder) / name).relative_to(root))
            elif suffix not in COMPANIONS:
                others[suffix] += 1
    if others:
        counts = ", ".join(f"{number} {suffix}" for suffix, number in sorted(others.items()))
        warnings.warn(
            f'"{root}": left out {counts}, which Pillow does not read: convert them to use them.',
            stacklevel=4,
        )
    if not files:
        raise UserError(f'Folder "{root}" holds no images that Pillow reads (.png, .jpg, ...).')
    return sorted(files, key=lambda file: file.parts)


def split_of(files, root):
    """Returns the files that belong to splits, a dict of split name to their indices, and the depth
    of the class folders."""
    tops = {file.parts[0] for file in files if len(file.parts) > 1}
    names = tops & SPLIT_FOLDERS
    if "train" not in names or (names == {"train"} and tops != {"train"}):
        places = np.arange(len(files))
        test = places % 10 == 9
        return files, {"train": places[~test], "test": places[test]}, 0
    outside = len(files)
    files = [file for file in files if file.parts[0] in names]
    if outside > len(files):
        left_out = outside - len(files)
        warnings.warn(
            f'"{root}": left out {left_out} images outside of {", ".join(sorted(names))}.',
            stacklevel=4,
        )
    tops = np.array([file.parts[0] for file in files])
    splits = {name: np.flatnonzero(tops == name) for name in sorted(names)}
    if names == {"train"}:
        every = splits["train"]
        splits = {"train": np.delete(every, np.s_[9::10]), "test": every[9::10]}
    held_out = [name for name in HELD_OUT if name in splits]
    for name in HELD_OUT if len(held_out) == 1 else ():
        splits[name] = splits[held_out[0]]
    return files, splits, 1


def classes_of(parents):
    """Returns the names of the class folders, sorted, and each file's class id.

    Both are `None` if an image lies outside any class folder.
    """
    if not all(parents):
        return None, None
    names, ids = np.unique([parts[0] for parts in parents], return_inverse=True)
    return names.tolist(), ids.astype(np.int32)


def colour_of(background):
    """Returns the (R, G, B) of a colour's name or code."""
    try:
        return ImageColor.getrgb(background)[:3]
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(
            f'`background` must be a colour such as "white" or "#ff8800". Received: {background!r}'
        ) from error


class Reader:
    """Decodes the pictures of a folder alike, and remembers the damaged ones.

    Args:
        transparent: Whether pictures keep their opacity as a fourth channel.
        background: (R, G, B) on which pictures with opacity are shown otherwise.
    """

    def __init__(self, transparent, background):
        self.transparent, self.background = transparent, background
        self.damaged = {}
        self.mode, self.white = "RGB", 65535

    def header(self, path):
        """Returns the mode of a picture, or `None` if it is damaged."""
        return self._read(path, lambda image: image.mode)

    def settle(self, paths, modes):
        """Decides on the channels for all pictures, and on the level that is white in 16 bits.

        Args:
            paths: The pictures to decode.
            modes: The modes of all pictures of the folder.
        """
        modes = [mode for mode in modes if mode is not None]
        grey = all(mode in ("1", "L", "LA") or deep(mode) for mode in modes)
        self.mode = "RGBA" if self.transparent else "L" if grey else "RGB"
        if not any(map(deep, modes)):
            return
        highest = [self._read(path, highest_level) for path in paths]
        highest = max((level for level in highest if level is not None), default=0)
        bits = next(bits for bits in (8, 10, 12, 14, 16, 32) if highest < 2**bits)
        self.white = 2**bits - 1
        if bits != 16:
            warnings.warn(
                f"{paths[0].parent}: pictures of more than 8 bits hold levels up to {highest}; "
                f"{self.white} is taken as white.",
                stacklevel=4,
            )

    def decode(self, path):
        """Returns a picture as uint8 (H, W, C), its first frame; `None` if it is damaged."""
        return self._read(path, self._decoded)

    def _decoded(self, image):
        image = ImageOps.exif_transpose(image)
        if deep(image.mode):
            levels = np.asarray(image, np.float64) * (255 / self.white)
            image = Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
        if self.mode != "RGBA" and image.has_transparency_data:
            shown = pixels.opaque(np.asarray(image.convert("RGBA")), self.background)
            image = Image.fromarray(shown)
        values = np.asarray(image.convert(self.mode))
        return values.reshape(*values.shape[:2], -1)

    def _read(self, path, function):
        """Returns `function` of a picture; of a damaged one, keeps the error and returns `None`."""
        try:
            with Image.open(path) as image:
                if image.mode == "F":
                    raise ValueError("its levels are real numbers, of which none is white")
                return function(image)
        except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ...
            self.damaged.setdefault(path, str(error) or type(error).__name__)
            return None

    def report(self, root, number, skip):
        """Refuses the damaged pictures, all at once, or warns that they are left out."""
        if not self.damaged:
            return
        named = [f"{path.relative_to(root)} ({why})" for path, why in self.damaged.items()]
        more = f" and {len(named) - LISTED} more" if len(named) > LISTED else ""
        listed = f"{', '.join(named[:LISTED])}{more}"
        if skip and len(self.damaged) < number:
            warnings.warn(f'"{root}": left out damaged images: {listed}.', stacklevel=4)
            return
        raise UserError(
            f'"{root}": cannot read {len(named)} of {number} images: {listed}. Repair or delete '
            f"them, or leave them out: `skip_damaged=True`, in a recipe data.skip_damaged=true."
        )


def highest_level(image):
    """Returns the highest level of a picture of more than 8 bits, else 0."""
    return int(np.asarray(image).max()) if deep(image.mode) else 0


def deep(mode):
    """Tells whether a picture of this mode has more than 8 bits of grey."""
    return mode.startswith("I")
