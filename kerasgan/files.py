"""Files that appear under their final name only when they are whole."""

import contextlib
import os
import secrets
import shutil


@contextlib.contextmanager
def replacing(path):
    """Gives a temporary path beside `path`, which takes its name when the block succeeds.

    Serves files and folders. A block that raises leaves neither the temporary nor a changed
    `path`; an existing file is replaced in one step, an existing folder is refused.

    Args:
        path: File or folder to write; its parent folder is made where missing.

    Yields:
        str, the path to write to; it keeps the ending of `path`.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "note.txt")
    >>> with replacing(path) as temporary:
    ...     _ = pathlib.Path(temporary).write_text("whole")
    >>> path.read_text()
    'whole'
    """
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    temporary = os.path.join(folder, f".partial-{secrets.token_hex(4)}-{name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        if os.path.isdir(temporary):
            shutil.rmtree(temporary)
        elif os.path.exists(temporary):
            os.unlink(temporary)
