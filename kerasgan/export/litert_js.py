"""LiteRT.js, which runs TFLite models in browsers: fetched from npm, pinned, checked by hash."""

import base64
import hashlib
import io
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from kerasgan.utils import network
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import cache_folder

VERSION = "2.5.3"
URL = "https://registry.npmjs.org/@litertjs/{name}/-/{name}-{version}.tgz"

# The archives, with the SHA-512 that npm gives for them.
INTEGRITY = {
    "core": (
        "sha512-PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkvi"
        "YGr9OFDL1kCnN4nzWoyJQ=="
    ),
    "wasm-utils": (
        "sha512-4fJiw6tBQnIs+0jH/OQ16nYOiSl8/+zZnn5h2ul8aTKHi05sVqZW580Tmk78pC2kT"
        "39A9OYBVdFawteZ/sI1kQ=="
    ),
}

# What a page needs of them. Of the four builds of the runtime, the "compat" one alone: it runs in
# every browser with WebAssembly SIMD, Safari among them, and gives the same bits in all; the build
# with relaxed SIMD is at most 1.7 times as fast and would double the site. Threads need headers
# that a plain file server does not send.
FILES = {
    "core.js": ("core", "package/dist/index.js"),
    "litert_wasm_compat_internal.js": ("core", "package/wasm/litert_wasm_compat_internal.js"),
    "litert_wasm_compat_internal.wasm": ("core", "package/wasm/litert_wasm_compat_internal.wasm"),
    "wasm-utils.js": ("wasm-utils", "package/dist/index.js"),
}

_README = """LiteRT.js {version}, https://github.com/google-ai-edge/LiteRT, by Google LLC.

Licensed under the Apache License, Version 2.0 (LICENSE.txt). Unchanged, out of the npm packages
@litertjs/core {version} and @litertjs/wasm-utils {version}.
"""


def files():
    """Returns the files of LiteRT.js that a page needs.

    Returns:
        dict of bytes by file name.

    Raises:
        UserError: If an archive is neither in the cache nor to be had from npm, or is another than
            the one that is pinned here.
    """
    archives = {name: archive(name) for name in INTEGRITY}
    found = {"README.txt": _README.format(version=VERSION).encode()}
    for file, (name, member) in FILES.items():
        with tarfile.open(fileobj=io.BytesIO(archives[name]), mode="r:gz") as packed:
            found[file] = packed.extractfile(member).read()
    return found


def archive(name):
    """Returns the archive of the package `@litertjs/<name>`, fetching it where it is not cached.

    The cache keeps it under the name that npm's registry gives it, so that one can put it there
    by hand. `npm` fetches it, with whatever registry it is set up for; where there is no npm, or
    it fails, plain HTTPS does.
    """
    url = URL.format(name=name, version=VERSION)
    path = cache_folder() / "litertjs" / url.rpartition("/")[2]
    if path.is_file():
        return _known(name, path.read_bytes(), f"{path} is not the file wanted: delete it")
    content = _from_npm(name)
    if content is None:
        remedy = f"fetch {url} and put it into {path.parent}"
        needed = f"A page needs LiteRT.js ({url}), which is not on this machine"
        content = network.fetch(url, "LiteRT.js", needed, remedy)
    _known(name, content, f"The registry gave another {path.name} than the one wanted")
    network.keep(content, path, "LiteRT.js")
    return content


def _from_npm(name):
    """Returns what `npm pack` fetches, or `None` where there is no npm or it fails."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    package = f"@litertjs/{name}@{VERSION}"
    print(f"Downloading {package} with npm")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", package, "--fetch-retries=0", "--loglevel=error"]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=600)
        except (OSError, subprocess.SubprocessError):
            return None
        (packed,) = pathlib.Path(folder).glob("*.tgz")
        return packed.read_bytes()


def _known(name, content, complaint):
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != INTEGRITY[name]:
        raise UserError(f"{complaint} (its hash is {INTEGRITY[name]}). Received: {found}")
    return content
