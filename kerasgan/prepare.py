"""How a TFDS dataset gets onto this machine: prepared already, from Debian's files, or downloaded.

TFDS itself takes minutes to notice that there is no network; here that is found out in seconds, and
the error says what to do instead.
"""

import logging
import re
import socket
import struct
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from kerasgan.errors import UserError, nearest

MINI = "fashion_mnist_mini"  # the embedded set, which needs none of this

# Debian's package dataset-fashion-mnist, and the modification times (Unix seconds) that the gzip
# headers of the original files carry and those of Debian's repacked ones do not.
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
FASHION_MNIST_TIMES = {
    "train-images-idx3-ubyte": 1504176606,
    "train-labels-idx1-ubyte": 1504176606,
    "t10k-images-idx3-ubyte": 1504176627,
    "t10k-labels-idx1-ubyte": 1504176627,
}


@contextmanager
def quiet():
    """Keeps TFDS's log to errors: it warns of datasets not prepared yet and of its own calls."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def names():
    """Returns the names that TFDS knows, without those of community collections."""
    import tensorflow_datasets as tfds

    return tfds.list_builders(with_community_datasets=False)


def find(name, data_dir=None):
    """Returns the TFDS builder of a dataset; nothing is downloaded yet.

    Args:
        name: TFDS's name, with a config or version if wanted: "mnist_corrupted/fog:1.0.0".
        data_dir: Where datasets lie; by default `TFDS_DATA_DIR` or `~/tensorflow_datasets`.

    Returns:
        `tfds.core.DatasetBuilder`.

    Raises:
        UserError: If TFDS knows no such dataset, config or version.
    """
    import tensorflow_datasets as tfds

    base = re.split("[/:]", name)[0]
    try:
        return tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # DatasetNotFoundError, AssertionError, ImportError, ...
        if base not in names():
            message = f'Unknown dataset "{name}", which is no folder either'
            raise UserError(f"{message}: {nearest(name, [MINI, *names()])}") from error
        kind = tfds.builder_cls(base)
        configs = [f"{base}/{config}" for config in kind.builder_configs]
        versions = [kind.VERSION, *kind.SUPPORTED_VERSIONS]
        versions = [f"{base}:{version}" for version in versions if version]
        message = f'TFDS cannot make "{name}" of "{base}"'
        raise UserError(f"{message}: {nearest(name, configs + versions)}") from error


def ensure(builder):
    """Has TFDS prepare a dataset, unless it is prepared: from Debian's files, or by downloading.

    Args:
        builder: `tfds.core.DatasetBuilder`.

    Raises:
        UserError: If the network is needed and not there, or TFDS fails.
    """
    if builder.is_prepared():
        return
    name, remedies = builder.name, []
    if name == "fashion_mnist":
        if all((DEBIAN_FASHION_MNIST / f"{file}.gz").is_file() for file in FASHION_MNIST_TIMES):
            with tempfile.TemporaryDirectory() as staged:
                stage_fashion_mnist(DEBIAN_FASHION_MNIST, staged)
                _prepare(builder, manual_dir=staged, extract_dir=f"{staged}/extracted")
            return
        remedies.append("apt-get install dataset-fashion-mnist")
    hosts = unreachable(builder.url_infos)
    if hosts:
        remedies += [
            "point data_dir or TFDS_DATA_DIR at a directory where TFDS has prepared it",
            "connect to the network",
        ]
        raise UserError(
            f'Dataset "{name}" is not prepared in {builder.data_dir} and its host '
            f"{', '.join(hosts)} cannot be reached: {', or '.join(remedies)} "
            f'("{MINI}" needs none of these).'
        )
    _prepare(builder)


def _prepare(builder, **download_config):
    import tensorflow_datasets as tfds

    try:
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(**download_config)
        )
    except Exception as error:  # whatever the dataset's own code, its server and the disk raise
        raise UserError(f'TFDS cannot prepare "{builder.name}": {_first_line(error)}') from error


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def stage_fashion_mnist(source, target):
    """Gives Debian's Fashion-MNIST files their original gzip headers back, byte for byte.

    Debian repacked them without the name and with another time; with these restored they pass
    TFDS's checksums, so that TFDS prepares them as if it had downloaded them.

    Args:
        source: Directory with Debian's four .gz files.
        target: Existing directory to write the four originals to.
    """
    for name, modified in FASHION_MNIST_TIMES.items():
        header = struct.pack("<BBBBIBB", 0x1F, 0x8B, 8, 8, modified, 0, 3) + name.encode() + b"\0"
        repacked = (Path(source) / f"{name}.gz").read_bytes()
        (Path(target) / f"{name}.gz").write_bytes(header + repacked[10:])


def unreachable(urls, timeout=5.0):
    """Returns the hosts behind some URLs if none of them accepts a connection, else an empty list.

    It takes `timeout` seconds at most. Name resolution can hang longer than any socket's timeout,
    hence the threads.
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
