"""The files below a folder, and the splits and classes that its folders mean."""

import collections
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from kerasgan.utils.errors import UserError

SPLIT_FOLDERS = {"train", "test", "val", "valid", "validation"}
HELD_OUT = ("test", "validation", "valid", "val")  # each stands for the others where these lack
# Formats that Pillow knows by name only, or draws with other programs.
NO_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
# Files that accompany pictures and that nobody takes for pictures.
COMPANIONS = {"", ".csv", ".db", ".html", ".ini", ".json", ".jsonl", ".md", ".tsv", ".txt", ".xml"}


def list_pictures(root):
    """Returns the pictures below a folder, as sorted relative paths; warns of what is left out.

    Hidden files and folders are ignored. Links to folders are followed, each folder once.
    """
    files, others = listed_below(root, readable_suffixes())
    if others:
        counts = ", ".join(f"{number} {suffix}" for suffix, number in sorted(others.items()))
        warnings.warn(
            f'"{root}": left out {counts}, which Pillow does not read: convert them to use them.',
            stacklevel=4,
        )
    if not files:
        raise UserError(f'Folder "{root}" holds no images that Pillow reads (.png, .jpg, ...).')
    return files


def readable_suffixes():
    """Returns the set of the suffixes of pictures that Pillow reads."""
    known = Image.registered_extensions()
    return {
        suffix for suffix, kind in known.items() if kind in Image.OPEN and kind not in NO_PICTURES
    }


def listed_below(root, readable):
    """Returns the files below a folder, as sorted relative paths, and the numbers of other files.

    Args:
        root: `pathlib.Path` of the folder.
        readable: Set of the suffixes of these files.

    Returns:
        List of `pathlib.Path`, and a dict from the suffixes of files that are none of these, nor
        their companions, to their numbers.
    """
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
    return sorted(files, key=lambda file: file.parts), others


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
