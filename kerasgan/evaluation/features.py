"""Features of real images, cached on disk."""

import json
import os
import warnings
import zipfile
import zlib

import numpy as np

from kerasgan import data, metrics
from kerasgan.utils import hashing, pixels
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import cache_folder, replacing

FOLDER = "features"
# What NumPy and its zip files raise on a damaged file.
UNREADABLE = (OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError)
UNREADABLE += (zipfile.BadZipFile, zlib.error)


def real_protocol(
    dataset, split, num, image_shape, extractor, data_dir=None, channels=None, **options
):
    """Returns the features of real images, and the protocol that a score states.

    Args:
        dataset, split, data_dir: As in `kerasgan.data.load_arrays`.
        num: Maximum number of images, evenly spaced over the split; `None` for all.
        image_shape: (height, width, channels) of the generated images; real ones are resized to
            it if it is square.
        extractor: A `kerasgan.metrics.Extractor`.
        channels: 1 or 3 to convert the real images to grey or colour, or `None`.
        **options: `background` and `skip_damaged` of a folder, `length`, `rate` and `normalize` of
            sounds, as in `kerasgan.data.load_arrays`.

    Returns:
        float32 array (N, D), and a dict of JSON values.

    Raises:
        UserError: If real and generated images differ in their channels.
    """
    transparent = tuple(image_shape[2:]) == (4,)
    size = data.side_of(image_shape)
    pictures, _ = data.load_arrays(dataset, split, size, data_dir, transparent, **options)
    if channels is None and tuple(image_shape[2:]) not in ((), pictures.shape[3:]):
        raise UserError(
            f"The images of {dataset} have {pictures.shape[3]} channels, the generated ones "
            f"{image_shape[2]}: --channels 1 compares both in grey, --channels 3 in colour."
        )
    pictures = data.subset(pictures, min(num or len(pictures), len(pictures)))
    return protocol_of(pictures, dataset, split, extractor, channels)


def protocol_of(pictures, dataset, split, extractor, channels=None):
    """Returns the features of real images, and the protocol that a score states.

    Args:
        pictures: uint8 array (N, H, W, C), or sounds.
        dataset, split, extractor, channels: As in `real_protocol`.
    """
    pictures = pixels.in_channels(pictures, channels)
    real, _ = real_features(pictures, extractor, f"{dataset} {split}", verbose=True)
    return real, {
        "metric": extractor.distance_name,
        "extractor_sha256": extractor.sha256,
        "dataset": dataset,
        "split": split,
        "real_sha256": hashing.of_array(pictures),
        "n_real": len(real),
        **({} if channels is None else {"channels": channels}),
    }


def real_features(pictures, extractor, source, verbose=False, cache=None):
    """Returns features and class scores of real images, from the cache if possible.

    The cache key consists of data set and split, number and size of the images, their SHA-256, and
    that of the extractor. A damaged file is computed again.

    Args:
        pictures: uint8 array (N, H, W, C), or float in [-1, 1]; sounds for an extractor of these.
        extractor: A `kerasgan.metrics.Extractor`.
        source: Name of the pictures, e.g. "fashion_mnist test".
        verbose: Whether to show a progress bar while features are computed.
        cache: Folder; by default `KERASGAN_CACHE`, or `kerasgan` in the user's cache.

    Returns:
        float32 arrays (N, D) and (N, classes).

    Example:

    >>> import tempfile
    >>> from kerasgan.metrics import EfficientNetLite0
    >>> pictures, _ = data.load_arrays("fashion_mnist_mini", "test[:8]")
    >>> features, logits = real_features(
    ...     pictures, EfficientNetLite0(32), "fashion_mnist_mini test", cache=tempfile.mkdtemp()
    ... )
    >>> features.shape, logits.shape
    ((8, 1280), (8, 1000))

    Warns:
        UserWarning: If the cache cannot be written.
    """
    key = {
        "source": source,
        "shape": list(pictures.shape),
        "images_sha256": hashing.of_array(pictures),
        "extractor": extractor.distance_name,
        "extractor_sha256": extractor.sha256,
    }
    name = hashing.of_bytes(json.dumps(key).encode())[:16]
    path = os.path.join(cache or cache_folder(), FOLDER, f"{name}.npz")
    found = _read(path, key)
    if found is None:
        found = extractor.collect(extractor.batches(pictures), len(pictures), verbose)
        try:
            _write(path, key, *found)
        except (OSError, UserError) as error:
            warnings.warn(f"Features of {source} are not kept: {error}", stacklevel=2)
    return found


def statistics_of_test(dataset, extractor):
    """Returns the `metrics.Statistics` of a data set's test images, from the cache if possible.

    Args:
        dataset: Name of a data set, as in `kerasgan.data.load_arrays`.
        extractor: A `kerasgan.metrics.Extractor`.
    """
    pictures, _ = data.load_arrays(dataset, "test")
    features, _ = real_features(pictures, extractor, f"{dataset} test", verbose=True)
    return metrics.Statistics.of(features)


def _read(path, key):
    """Returns the content of a cache file, or `None` if it is missing, damaged or stale."""
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            features, logits, label = file["features"], file["logits"], str(file["key"])
    except UNREADABLE:
        return None
    return (features, logits) if label == _label(key, features, logits) else None


def _write(path, key, features, logits):
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, features=features, logits=logits, key=_label(key, features, logits))


def _label(key, features, logits):
    return json.dumps(
        {**key, "features": hashing.of_array(features), "logits": hashing.of_array(logits)}
    )
