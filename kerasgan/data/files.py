"""Picture files that a model takes."""

import os
from pathlib import Path

import numpy as np

from kerasgan.data.folder import colour_of, list_pictures
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
