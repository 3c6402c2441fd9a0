"""Downloads, with a progress bar."""

import http.client
import io
import pathlib
import socket
import threading
import time
import urllib.parse
import urllib.request

from kerasgan.utils import network
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import replacing
from kerasgan.utils.progress import Bar


def fetch(url, name, needed, remedy):
    """Returns the bytes behind a URL, drawing a progress bar.

    Args:
        url: What to fetch.
        name: Name of the download in errors.
        needed: Start of the error's sentence: who needs what.
        remedy: End of the error's sentence: what to do instead.

    Returns:
        bytes.

    Raises:
        UserError: If the host cannot be reached, or the download fails.
    """
    if hosts := network.unreachable([url]):
        raise UserError(f"{needed}, and {hosts[0]} cannot be reached: {remedy}")
    print(f"Downloading {url}")
    content = io.BytesIO()
    try:
        with urllib.request.urlopen(url, timeout=30) as response:  # seconds without a byte
            size = response.headers.get("Content-Length")
            progress = Bar(int(size) if size else None, "byte")
            while chunk := response.read(1 << 20):
                content.write(chunk)
                progress.update(content.tell())
    except (http.client.HTTPException, OSError) as error:  # URLError is an OSError
        raise UserError(f"The {name} download failed ({reason(error)}): {remedy}") from error
    return content.getvalue()


def keep(content, path, what):
    """Writes a download into the cache.

    Args:
        content: bytes.
        path: `pathlib.Path` of the file; its folder is made where missing.
        what: What it is, for the error.

    Raises:
        UserError: If it cannot be written.
    """
    try:
        with replacing(path) as temporary:
            pathlib.Path(temporary).write_bytes(content)
    except OSError as error:  # the folder cannot be made
        raise UserError(
            f"{what} cannot be kept in {path.parent} ({reason(error)}): set "
            "KERASGAN_CACHE to a folder that can be written."
        ) from error


def reason(error):
    """Returns the first line of an exception's message, or its class name if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def unreachable(urls, timeout=5.0):
    """Returns the hosts behind some URLs if none of them accepts a connection, else an empty list.

    Takes at most `timeout` seconds. Threads enforce that, since name resolution ignores socket
    timeouts.
    """
    addresses = {_address(url) for url in urls}
    reached = set()

    def connect(address):
        try:
            socket.create_connection(address, timeout).close()
        except OSError:
            return  # stays unreached
        reached.add(address)

    threads = [threading.Thread(target=connect, args=(a,), daemon=True) for a in addresses]
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [] if reached else sorted(host for host, _ in addresses)


def _address(url):
    """Returns the (host, port) that a download first connects to: the proxy, if there is one."""
    parts = urllib.parse.urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname):
        parts = urllib.parse.urlsplit(proxy)
    return parts.hostname, parts.port or {"https": 443, "ftp": 21}.get(parts.scheme, 80)
