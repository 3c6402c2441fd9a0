"""Atomic writes, locks, and the cache folder."""

import contextlib
import os
import pathlib
import re
import secrets
import shutil
import time

from kerasgan.utils.errors import UserError

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None


# Formats of pictures and films by their suffixes.
PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
FILMS = {".gif": "GIF", ".webp": "WEBP"}


def format_of(path, formats):
    """Returns the format of a file by its suffix.

    Args:
        path: The file, which need not exist.
        formats: `PICTURES` or `FILMS`.

    Raises:
        UserError: If the suffix is not among them.

    Example:

    >>> format_of("grid.JPG", PICTURES)
    'JPEG'
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in formats:
        what = "Films" if formats is FILMS else "Pictures"
        raise UserError(f"{what} are written as {', '.join(formats)}. Received: {path}")
    return formats[suffix]


@contextlib.contextmanager
def replacing(path):
    """Gives a temporary path beside `path`, which takes its name when the block succeeds.

    Works for files and folders. If the block raises, the temporary is deleted and `path` stays
    unchanged. An existing file is replaced atomically; an existing folder is an error.

    Args:
        path: File or folder to write; missing parent folders are created.

    Yields:
        str, the path to write to; it keeps the ending of `path`.

    Raises:
        UserError: If `path` is an existing folder, or cannot be written.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "note.txt")
    >>> with replacing(path) as temporary:
    ...     _ = pathlib.Path(temporary).write_text("whole")
    >>> path.read_text()
    'whole'
    """
    if os.path.isdir(path):
        raise UserError(f"{path} is a folder: name a file in it, or another path.")
    folder, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder, f".partial-{secrets.token_hex(4)}-{name}")
    try:
        os.makedirs(folder, exist_ok=True)
        _delete_leftovers(folder, name)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.filename and os.path.basename(error.filename) != os.path.basename(temporary):
            raise
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        delete(temporary)


@contextlib.contextmanager
def instead_of(folder):
    """Gives a free path beside a folder; what the block writes there takes the folder's place.

    If the block raises, the folder stays as it is.

    Args:
        folder: Path. Where nothing is yet, it is the path that is given.

    Yields:
        Path to write to.

    Raises:
        UserError: If the folder cannot be moved.

    Example:

    >>> import pathlib, tempfile
    >>> site = pathlib.Path(tempfile.mkdtemp(), "site")
    >>> site.mkdir()
    >>> with instead_of(site) as place:
    ...     place.mkdir()
    ...     _ = (place / "new.txt").write_text("new")
    >>> [path.name for path in site.iterdir()]
    ['new.txt']
    """
    folder = pathlib.Path(os.path.abspath(folder))
    if not folder.exists():
        yield folder
        return
    _delete_leftovers(folder.parent, folder.name)
    place = folder.with_name(f".partial-{secrets.token_hex(4)}-{folder.name}")
    old = place.with_name(f"{place.name}-old")
    try:
        yield place
        try:
            os.replace(folder, old)
            os.replace(place, folder)
        except OSError as error:
            raise UserError(f"Cannot replace {folder}: {error.strerror or error}.") from error
    finally:
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        delete(old)
        delete(place)


def check_parent(folder):
    """Raises UserError if a folder cannot be made, since a file lies there or above."""
    above = pathlib.Path(folder)
    while not above.exists():
        above = above.parent
    if not above.is_dir():
        raise UserError(f"{above} is a file, so nothing can be written into it: name a folder.")


def check_free(path, overwrite, belongs=lambda path: False):
    """Checks, before work starts, that an output's place is free or may be overwritten.

    Args:
        path: File or folder to write.
        overwrite: Whether an earlier output there may be replaced.
        belongs: Function that tells whether a folder holds an earlier output of this kind.

    Raises:
        UserError: If something is there that may not be replaced.
    """
    check_parent(os.path.dirname(os.path.abspath(path)))
    if not os.path.exists(path):
        return
    if os.path.isdir(path) and os.listdir(path) and not belongs(path):
        raise UserError(f"{path} holds other files: name another folder.")
    if not overwrite and not (os.path.isdir(path) and not os.listdir(path)):
        raise UserError(f"{path} exists: pass --overwrite to replace it, or name another path.")


def delete(path):
    """Deletes a file or a folder tree, if it exists."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)


def _delete_leftovers(folder, name, seconds=3600):
    """Deletes temporaries of killed writers; younger ones may belong to a running writer."""
    for path in pathlib.Path(folder).glob(".partial-*"):
        left = re.fullmatch(r"\.partial-[0-9a-f]{8}-(.*)", path.name)
        if left and left[1] == name and time.time() - path.stat().st_mtime > seconds:
            delete(path)


def _sync(path):
    """Flushes a file, or all files of a folder, to disk."""
    files = [path] if os.path.isfile(path) else pathlib.Path(path).rglob("*")
    for file in files:
        if os.path.isfile(file):
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())


@contextlib.contextmanager
def locked(path, waits=None):
    """Locks a file against other processes until the block ends.

    Args:
        path: An existing file.
        waits: Function that is called once, to say so, if another process holds the lock and this
            one waits; by default it does not wait.

    Raises:
        UserError: If another process holds the lock, and this one does not wait.
    """
    with open(path, "rb") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waits is None:
                    folder = os.path.dirname(path)
                    raise UserError(
                        f"Another process is at work in {folder}: wait for it."
                    ) from None
                waits()
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cache_folder():
    """Returns the folder of downloads and cached features: `KERASGAN_CACHE`, or the user's cache.

    Returns:
        `pathlib.Path`; the user's cache is `XDG_CACHE_HOME` or `~/.cache`.
    """
    if folder := os.environ.get("KERASGAN_CACHE"):
        return pathlib.Path(folder).expanduser()
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kerasgan"


def state(path):
    """Returns size and time of change of a file, zeros where a link leads nowhere.

    Args:
        path: `pathlib.Path`.
    """
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
