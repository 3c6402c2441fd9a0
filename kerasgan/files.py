"""Files that appear under their final name only when they are whole."""

import contextlib
import os
import secrets
import shutil

from kerasgan.errors import UserError


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
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.filename and os.path.basename(error.filename) != os.path.basename(temporary):
            raise
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        if os.path.isdir(temporary):
            shutil.rmtree(temporary)
        elif os.path.exists(temporary):
            os.unlink(temporary)
