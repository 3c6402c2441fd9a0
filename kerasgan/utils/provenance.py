"""Provenance of scores: hashes, versions, commit."""

import importlib.metadata
import os
import subprocess
from pathlib import Path

import kerasgan
from kerasgan.utils import hashing

PACKAGES = ("tensorflow", "keras", "numpy")


def weights_sha256(network):
    """Returns the SHA-256 of a network's weights, in order, as little-endian bytes.

    Args:
        network: A built `keras.Model`.

    Returns:
        str of 64 hexadecimal digits; equal weights give equal digits, whatever the file format.
    """
    return hashing.of_arrays(network.get_weights())


def commit():
    """Returns the commit of the checkout that kerasgan runs from, or `None` outside of one."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(kerasgan.__file__)))
    if not os.path.exists(os.path.join(folder, ".git")):
        return None
    command = ["git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def without_paths(value):
    """Returns JSON or TOML values with absolute paths cut to their last part.

    Names of classes stay as they are.

    Example:

    >>> without_paths({"data": {"name": "/home/me/photos", "batch_size": 8}})
    {'data': {'name': 'photos', 'batch_size': 8}}
    """
    if isinstance(value, dict):
        kept = ("class_names",)
        return {k: each if k in kept else without_paths(each) for k, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(each) for each in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def stamp(network, extractor):
    """Returns the provenance of a score: hashes of weights and extractor, versions, commit.

    Args:
        network: The generator that was scored.
        extractor: The `kerasgan.metrics` extractor.

    Returns:
        dict of JSON values.
    """
    return {
        "extractor": extractor.name,
        "extractor_sha256": extractor.sha256,
        "weights_sha256": weights_sha256(network),
        **software(),
    }


def unscored(network):
    """Returns the provenance of a generator without a score."""
    return {"weights_sha256": weights_sha256(network), **software()}


def software():
    """Returns the software part of a stamp: versions of packages, and the commit."""
    return {
        "kerasgan": kerasgan.__version__,
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "commit": commit(),
    }
