"""Archives of npm packages: fetched once, pinned, checked by hash."""

import base64
import hashlib
import pathlib
import shutil
import subprocess
import tempfile

from kerasgan.utils import network
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import cache_folder


def archive(package, url, integrity, what, folder, needed):
    """Returns the archive of a package, fetching it where it is not cached.

    The cache keeps it under the name that npm's registry gives it, so that one can put it there
    by hand. `npm` fetches it, with whatever registry it is set up for; where there is no npm, or
    it fails, plain HTTPS does.

    Args:
        package: Name and version, such as "openmoji@17.0.0".
        url: The archive's address in npm's registry.
        integrity: Its SHA-512, as npm gives it: "sha512-...".
        what: What it is, in errors.
        folder: Name of its folder in the cache.
        needed: Start of an error: who needs it, such as "A page needs LiteRT.js".

    Returns:
        bytes.

    Raises:
        UserError: If it is neither in the cache nor to be had from npm, or is another one.
    """
    path = cache_folder() / folder / url.rpartition("/")[2]
    if path.is_file():
        complaint = f"{path} is not the file wanted: delete it"
        return _checked(path.read_bytes(), integrity, complaint)
    content = from_npm(package)
    if content is None:
        remedy = f"fetch {url} and put it into {path.parent}"
        content = network.fetch(
            url, what, f"{needed} ({url}), which is not on this machine", remedy
        )
    _checked(content, integrity, f"The registry gave another {path.name} than the one wanted")
    network.keep(content, path, what)
    return content


def from_npm(package):
    """Returns what `npm pack` fetches, or `None` where there is no npm or it fails."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    print(f"Downloading {package} with npm")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", package, "--fetch-retries=0", "--loglevel=error"]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=600)
        except (OSError, subprocess.SubprocessError):
            return None
        (packed,) = pathlib.Path(folder).glob("*.tgz")
        return packed.read_bytes()


def _checked(content, integrity, complaint):
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != integrity:
        raise UserError(f"{complaint} (its hash is {integrity}). Received: {found}")
    return content
