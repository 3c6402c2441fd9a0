"""LiteRT.js, which runs TFLite models in browsers: fetched from npm, pinned, checked by hash."""

import io
import tarfile

from kerasgan.utils import npm

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
    """Returns the archive of the package `@litertjs/<name>`."""
    return npm.archive(
        f"@litertjs/{name}@{VERSION}",
        URL.format(name=name, version=VERSION),
        INTEGRITY[name],
        "LiteRT.js",
        "litertjs",
        "A page needs LiteRT.js",
    )
