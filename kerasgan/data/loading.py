"""Loads a data set by name, folder or arrays."""

import os
from pathlib import Path

import numpy as np

from kerasgan.data import tfds_sets
from kerasgan.data.folder import read_folder
from kerasgan.data.mini import read_mini
from kerasgan.data.pipeline import as_arrays, batches
from kerasgan.data.sizes import collect
from kerasgan.data.source import ArraySource
from kerasgan.data.splits import select
from kerasgan.data.tfds_sets import read_tfds, tfds_features
from kerasgan.signature.checks import check_images
from kerasgan.utils import logs
from kerasgan.utils.errors import UserError, check_count


def load(
    name,
    split="train",
    batch_size=64,
    image_size=None,
    labels=False,
    shuffle=True,
    seed=None,
    drop_remainder=True,
    data_dir=None,
):
    """Loads images as batches ready for `fit`.

    Args:
        name: "fashion_mnist_mini", which comes with kerasgan; any image dataset of TensorFlow
            Datasets by its name there; the path of an image folder; or arrays. See `load_arrays`.
        split: "train", "test", ..., a slice such as "train[:1000]" or "train[10%:]", a sum such as
            "train+test", or "all".
        batch_size: Images per batch.
        image_size: Side of the square images to yield. Images up to 4 pixels smaller are padded
            with background (28 to 32: 2 pixels on each side); others are center-cropped to a
            square and resized. By default images keep their size, which must be the same for all.
        labels: Whether to yield `(images, labels)` rather than `images`.
        shuffle: Whether to draw a new order in each epoch.
        seed: int. The same seed gives the same sequence of orders.
        drop_remainder: Whether to drop an epoch's last batch if it is incomplete.
        data_dir: Folder of TFDS; by default `TFDS_DATA_DIR`, or `~/tensorflow_datasets`.

    Returns:
        `tf.data.Dataset` of one epoch, with known cardinality. Images are float32
        (batch_size, H, W, C) in [-1, 1], labels int32 (batch_size,).

    Raises:
        UserError: If there is no such dataset, split or label, if the data cannot be read or
            downloaded, or if it does not fill one batch.

    Example:

    >>> dataset = load("fashion_mnist_mini", batch_size=100, image_size=32, seed=0)
    >>> len(dataset), dataset.element_spec.shape
    (100, TensorShape([100, 32, 32, 1]))
    """
    images, ids = load_arrays(name, split, image_size, data_dir)
    title = _title(name)
    if labels and ids is None:
        raise UserError(f"`labels=True` needs a dataset with class labels. {title} has none.")
    ids = ids if labels else None
    return batches(images, ids, batch_size, shuffle, seed, drop_remainder, title)


def load_source(name, split="train", image_size=None, data_dir=None):
    """Returns a split as an `ArraySource` of "image" and, if there are labels, "label".

    Args:
        name, split, image_size, data_dir: As in `load_arrays`.

    Raises:
        UserError: As `load_arrays`.

    Example:

    >>> load_source("fashion_mnist_mini", "test[:100]").spec["image"]
    Image((28, 28, 1))
    """
    images, labels = load_arrays(name, split, image_size, data_dir)
    parts = {"image": images} if labels is None else {"image": images, "label": labels}
    return ArraySource(parts, str(name) if isinstance(name, (str, os.PathLike)) else "arrays")


def load_arrays(name, split="train", image_size=None, data_dir=None):
    """Reads all images of a split into memory.

    Args:
        name: One of
            - "fashion_mnist_mini": 10,000 train and 2,500 test images of Fashion-MNIST (Xiao et
              al., 2017), class-balanced, embedded in kerasgan.
            - The name of a TFDS dataset with an "image" feature: "cifar10", "celeb_a", ... It is
              downloaded on first use. "fashion_mnist" needs no network where Debian's package
              dataset-fashion-mnist is installed.
            - The path of a folder of PNG, JPEG, WebP or BMP images. Its subfolders are the classes,
              numbered in sorted order. Folders named train, test, val or validation are splits;
              without them every tenth image in sorted order is "test" and the others are "train".
              Images are read as RGB unless all are greyscale; transparency is dropped.
            - An array (N, H, W, C), uint8 or float in [-1, 1], or a tuple (images, labels). All of
              it is the split "train".
        split: As in `load`.
        image_size: As in `load`.
        data_dir: As in `load`.

    Returns:
        Tuple of the images (N, H, W, C), uint8, or float32 in [-1, 1] if given so, and their labels
        (N,) int32, or `None` without labels.

    Raises:
        UserError: If there is no such dataset or split, or the data cannot be read or downloaded.

    Example:

    >>> images, labels = load_arrays("fashion_mnist_mini", split="test[:100]")
    >>> images.shape, images.dtype, labels.shape
    ((100, 28, 28, 1), dtype('uint8'), (100,))
    """
    if image_size is not None:
        check_count(image_size, "image_size")
    if isinstance(name, (str, os.PathLike)):
        return read(name, split, image_size, data_dir)
    images, labels = name if isinstance(name, tuple) and len(name) == 2 else (name, None)
    images, labels = as_arrays(images, labels, "images")
    check_images(images, "images")
    if split not in ("train", "all"):
        chosen = select(split, {"train": np.arange(len(images))}, "images")
        images, labels = images[chosen], None if labels is None else labels[chosen]
    if image_size is None:
        return images, labels
    # In pieces, since resizing takes four bytes a value.
    starts = range(0, len(images), 1024)
    pieces = ((images[i : i + 1024], None) for i in starts)
    return collect(pieces, len(images), image_size, "images")[0], labels


def _title(name):
    return f'"{name}"' if isinstance(name, (str, os.PathLike)) else "images"


def read(name, split="train", image_size=None, data_dir=None):
    """Reads one split of a named set or folder; `kerasgan.data.load_arrays` documents the rest."""
    if name == tfds_sets.MINI:
        return read_mini(split, image_size)
    if is_folder(name):
        return read_folder(Path(name).expanduser(), split, image_size)
    with logs.quiet():
        return read_tfds(name, split, image_size, data_dir)


def is_folder(name):
    """Tells whether a name means a folder of images rather than a TFDS dataset."""
    folder = os.path.expanduser(name)
    path_like = isinstance(name, os.PathLike) or os.path.isabs(folder) or name.startswith(".")
    return (
        path_like
        or os.path.isfile(folder)
        or (os.path.isdir(folder) and name not in tfds_sets.names())
    )


def image_shape(name, image_size=None, data_dir=None):
    """Returns the shape of a dataset's images, for TFDS datasets without reading them.

    Args:
        name: TFDS's name, "fashion_mnist_mini" or a folder of images.
        image_size: Side to which images are resized, or `None`.
        data_dir: As for `read`.

    Returns:
        (height, width, channels).

    Raises:
        UserError: If TFDS does not know the dataset, or images have several sizes and `image_size`
            is not given.

    Example:

    >>> image_shape("cifar10")
    (32, 32, 3)
    """
    if name == tfds_sets.MINI or is_folder(name):
        return read(name, "all", image_size)[0].shape[1:]
    with logs.quiet():
        shape = tfds_features(tfds_sets.find(name, data_dir), name)["image"].shape
    shape = (image_size, image_size, shape[2]) if image_size else shape
    if None in shape:
        raise UserError(f"Images of {name} have several sizes: the recipe needs data.image_size.")
    return tuple(shape)
