"""Files that appear under their final name only when they are whole."""

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


@contextlib.contextmanager
def replacing(path):
    """Gives a temporary path beside `path`, which takes its name when the block succeeds.

    Serves files and folders. A block that raises leaves neither the temporary nor a changed
    `path`; an existing file is replaced in one step, an existing folder is refused.

    Args:
        path: File or folder to write; its parent folder is made where missing.

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


def delete(path):
    """Deletes a file, a folder with all that is in it, or nothing where there is nothing."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)


def _delete_leftovers(folder, name, seconds=3600):
    """Deletes what a writer of the same file left that was killed; younger ones may be at work."""
    for path in pathlib.Path(folder).glob(".partial-*"):
        left = re.fullmatch(r"\.partial-[0-9a-f]{8}-(.*)", path.name)
        if left and left[1] == name and time.time() - path.stat().st_mtime > seconds:
            delete(path)


def _sync(path):
    """Sees to it that a file, or all files of a folder, are on disk before they get their name."""
    files = [path] if os.path.isfile(path) else pathlib.Path(path).rglob("*")
    for file in files:
        if os.path.isfile(file):
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())


@contextlib.contextmanager
def locked(path):
    """Keeps other processes that lock the same file out until the block ends, however it ends.

    Args:
        path: An existing file.

    Raises:
        UserError: If another process holds the lock.
    """
    with open(path, "rb") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                folder = os.path.dirname(path)
                raise UserError(f"Another process is at work in {folder}: wait for it.") from None
        yield


def cache_folder():
    """Returns where downloads and features are kept: `KERASGAN_CACHE`, or the user's cache.

    Returns:
        `pathlib.Path`; the user's cache is `XDG_CACHE_HOME` or `~/.cache`.
    """
    if folder := os.environ.get("KERASGAN_CACHE"):
        return pathlib.Path(folder).expanduser()
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kerasgan"
