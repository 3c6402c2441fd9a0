"""Picture files that a model takes."""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasgan.data.folder import colour_of
from kerasgan.data.listing import list_pictures
from kerasgan.utils import pictures
from kerasgan.utils.errors import UserError

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def read_pictures(paths, shape, background="white"):
    """Reads picture files in the size and with the channels of a model's input.

    Args:
        paths: Path of a file or of a folder, whose pictures are read in the order of their names,
            or a list of files.
        shape: (height, width, channels).
        background: Colour on which transparent pictures are shown.

    Returns:
        uint8 array (N, height, width, channels), cropped in the centre and resized as in `load`.

    Raises:
        UserError: If a file is missing or is no picture; the message names all of them.

    Example:

    >>> import tempfile, PIL.Image
    >>> path = os.path.join(tempfile.mkdtemp(), "red.png")
    >>> PIL.Image.new("RGB", (40, 20), "red").save(path)
    >>> read_pictures(path, (8, 8, 3)).shape
    (1, 8, 8, 3)
    """
    files = files_of(paths)
    reader = pictures.Reader(MODES[shape[2]], colour_of(background), wanted=tuple(shape[:2]))
    read = reader.pictures(map(str, files))
    wrong = [f"{file} ({each})" for file, each in zip(files, read, strict=True) if is_text(each)]
    if wrong:
        raise UserError(f"Cannot read {len(wrong)} of {len(files)} pictures: {', '.join(wrong)}.")
    return np.stack(read)


def read_values(kind, paths):
    """Reads values of a model's input out of picture files.

    Args:
        kind: Kind of the input: `Image`, `Mask` (white is 1) or `Film`.
        paths: As in `items_of`.

    Returns:
        float32 array (N, *kind.shape), as the network takes it.

    Raises:
        UserError: If a file is missing or is no picture, or a film has another number of frames.

    Example:

    >>> import tempfile, PIL.Image
    >>> from kerasgan.signature import Mask
    >>> path = os.path.join(tempfile.mkdtemp(), "white.png")
    >>> PIL.Image.new("L", (40, 20), "white").save(path)
    >>> read_values(Mask((8, 8)), path).mean()
    np.float32(1.0)
    """
    return read_items(kind, items_of(kind, paths))


def read_items(kind, items):
    """As `read_values`, of a list that `items_of` returns or a part of it."""
    files = [file for _, files in items for file in files]
    pixels = read_pictures(files, kind.shape[-3:], kind.background)
    return np.asarray(kind.from_bytes(tf.constant(pixels.reshape(-1, *kind.shape))))


def items_of(kind, paths):
    """Returns the files of each value of a model's input.

    Args:
        kind: Kind of the input.
        paths: Path of a file or of a folder, or a list of files. For a film, a folder of its frames
            in the order of their names, or a folder of such folders, or a list of either.

    Returns:
        list of tuples: a name, which is a path without the folder that all share, and the list of
        files.

    Raises:
        UserError: If there are none, or a film has another number of frames.
    """
    if not kind.files:
        root = _root(paths)
        return [(str(file.relative_to(root) if root else file), [file]) for file in files_of(paths)]
    (frames,) = kind.files
    root, films, loose = _root(paths), [], {}
    for path in [paths] if root else paths:
        held = {} if Path(path).expanduser().is_dir() else loose
        for file in files_of(path):
            held.setdefault(file.parent, []).append(file)
        films += [] if held is loose else held.items()
    films += loose.items()
    for folder, files in films:
        if len(files) != frames:
            raise UserError(
                f"A film consists of {frames} frames, picture files in a folder of its own. "
                f"Received: {len(files)} in {folder}"
            )
    inside = root is not None and all(folder != root for folder, _ in films)
    return [
        (str(folder.relative_to(root)) if inside else folder.name, files) for folder, files in films
    ]


def _root(paths):
    """Returns the folder that holds the files meant by a path, or `None` for a list."""
    if not isinstance(paths, str | os.PathLike):
        return None
    path = Path(paths).expanduser()
    return path if path.is_dir() else path.parent


def files_of(paths):
    """Returns the list of picture files that are meant by a file, a folder or a list of files."""
    if not isinstance(paths, str | os.PathLike):
        return [Path(path).expanduser() for path in paths]
    path = Path(paths).expanduser()
    if path.is_dir():
        return [path / file for file in list_pictures(path)]
    if not path.exists():
        raise UserError(f'No such file or folder: "{path}"')
    return [path]


def is_text(value):
    return isinstance(value, str)
