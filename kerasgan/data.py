"""Images as training takes them: `tf.data` batches of float32 in [-1, 1], checked on the way in
(`kerasgan.checks`).

A whole split is held in memory once, as uint8. Indices are shuffled, not images, and each batch is
gathered and scaled in one piece, so that feeding costs little beside a training step.
"""

import hashlib
import os

import numpy as np
import tensorflow as tf

from kerasgan import sources
from kerasgan.checks import check_images
from kerasgan.errors import UserError, check_count
from kerasgan.source import ArraySource
from kerasgan.toys import grid, ring, sine  # noqa: F401 (public here)


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
            Datasets by its name there; the path of an image folder; or arrays. `load_arrays` tells
            how each is read.
        split: "train", "test", ..., a slice such as "train[:1000]" or "train[10%:]", a sum such as
            "train+test", or "all".
        batch_size: Images in a batch.
        image_size: Side of the square images to yield. Images at most 4 pixels smaller are padded
            with background (28 to 32: 2 pixels on each side); others are cropped to their central
            square and resized. By default images keep their size, which must then be one.
        labels: Whether to yield `(images, labels)` instead of `images`.
        shuffle: Whether to draw a new order in each epoch.
        seed: int. The same seed gives the same sequence of orders.
        drop_remainder: Whether to leave out an epoch's last batch if it is not full.
        data_dir: Where TFDS keeps its datasets; by default `TFDS_DATA_DIR`, or
            `~/tensorflow_datasets`.

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
    """Returns a split as a source: `ArraySource` of "image" and, where there are some, "label".

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
        (N,) int32, or `None` where there are none.

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
        return sources.read(name, split, image_size, data_dir)
    images, labels = name if isinstance(name, tuple) and len(name) == 2 else (name, None)
    images, labels = _as_arrays(images, labels, "images")
    check_images(images, "images")
    if split not in ("train", "all"):
        chosen = sources.select(split, {"train": np.arange(len(images))}, "images")
        images, labels = images[chosen], None if labels is None else labels[chosen]
    if image_size is None:
        return images, labels
    # Piecewise, because resizing passes through float32.
    starts = range(0, len(images), 1024)
    pieces = ((images[i : i + 1024], None) for i in starts)
    return sources.collect(pieces, len(images), image_size, "images")[0], labels


def batches(
    images,
    labels=None,
    batch_size=64,
    shuffle=True,
    seed=None,
    drop_remainder=True,
    name="images",
):
    """Makes batches of arrays; what `load` and `GAN.fit` have in common.

    Args:
        images: Array (N, H, W, C), uint8, which is scaled to [-1, 1], or float, which is not; or
            points (N, D), float; or a tuple of arrays, all parts of the examples.
        labels: Class ids (N,), condition vectors (N, D) float32, or `None`.
        batch_size: Images in a batch.
        shuffle: Whether to draw a new order in each epoch.
        seed: int. The same seed gives the same sequence of orders.
        drop_remainder: Whether to leave out an epoch's last batch if it is not full.
        name: What error messages call the images.

    Returns:
        `tf.data.Dataset` of float32 images, or of (images, int32 labels).

    Raises:
        UserError: If labels and images do not match, or the images do not fill one batch.

    Example:

    >>> dataset = batches(np.zeros((10, 28, 28, 1)), np.arange(10), batch_size=4)
    >>> [x.shape.as_list() for x, y in dataset]
    [[4, 28, 28, 1], [4, 28, 28, 1]]
    """
    read, count = _reader(images, labels, batch_size, drop_remainder, name)
    order = tf.data.Dataset.range(count)
    if shuffle:
        order = order.shuffle(count, seed=seed, reshuffle_each_iteration=True)
    order = order.batch(batch_size, drop_remainder=drop_remainder)
    return order.map(
        lambda indices: read(indices, (0, 0)), num_parallel_calls=tf.data.AUTOTUNE
    ).prefetch(tf.data.AUTOTUNE)


def steps(images, labels=None, batch_size=64, seed=0, start=0, stop=None, name="images"):
    """Makes the batches of the training steps from `start` to `stop`, over any number of epochs.

    The batch of a step depends on the seed and the step alone: a training that goes on at step
    1,000 sees what it would have seen without the pause.

    Args:
        images, labels, batch_size, name: As in `batches`, or an `ArraySource` as `images`; an
            epoch's last incomplete batch is left out.
        seed: int, 0 to 2**31 - 1; each epoch has an order of its own.
        start: Number of steps already taken.
        stop: Number of steps at the end; by default one epoch more.

    Returns:
        `tf.data.Dataset` of `stop - start` batches.

    Raises:
        UserError: As `batches`.

    Example:

    >>> images = np.arange(10, dtype="uint8").reshape(10, 1, 1, 1)
    >>> whole = list(steps(images, batch_size=4, stop=6))
    >>> (rest,) = steps(images, batch_size=4, start=5, stop=6)
    >>> bool((whole[5] == rest).numpy().all())
    True
    """
    read, count = _reader(images, labels, batch_size, True, name)
    in_epoch = count // batch_size

    def batch_of(step):
        places = step % in_epoch * batch_size + tf.range(batch_size, dtype=tf.int64)
        key = tf.stack([tf.constant(seed, tf.int64), step // in_epoch])
        indices = tf.random.experimental.index_shuffle(places, tf.cast(key, tf.int32), count - 1)
        return read(indices, tf.stack([tf.constant(seed, tf.int64), step]))

    order = tf.data.Dataset.range(start, start + in_epoch if stop is None else stop)
    return order.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _reader(images, labels, batch_size, drop_remainder, name):
    """Returns a function from indices and a key to a batch, and the number of examples."""
    if isinstance(images, ArraySource):
        source = images
    else:
        parts = images if isinstance(images, tuple) else _as_arrays(images, labels, name)
        parts = {str(place): part for place, part in enumerate(parts) if part is not None}
        source = ArraySource(parts, name)
    check_count(batch_size, "batch_size")
    count = len(source)
    if count < (batch_size if drop_remainder else 1):
        raise UserError(
            f"{name} must fill one batch. Received: {count} images, batch_size={batch_size}; "
            f"lower `batch_size`."
        )
    return source.reader(), count


def side_of(image_shape):
    """Returns the `image_size` that brings real images to the shape of generated ones, or `None`:
    they are not square.

    Example:

    >>> side_of((32, 32, 3))
    32
    """
    height, width, *_ = image_shape
    return height if height == width else None


def sha256(images):
    """Returns the SHA-256 of an array's values, as 64 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()


def subset(images, num):
    """Picks `num` images evenly spread over the set, which may be sorted by class.

    Args:
        images: Array (N, ...).
        num: Number of images to pick, at most N.

    Returns:
        Array (num, ...), in the order of the set; always the same ones.

    Example:

    >>> subset(np.arange(10), 4)
    array([0, 2, 5, 7])
    """
    return images[np.arange(num) * len(images) // num]


def _title(name):
    return f'"{name}"' if isinstance(name, (str, os.PathLike)) else "images"


def _as_arrays(images, labels, name):
    """Returns images as uint8 or float32 and labels as int32 (N,) or `None`."""
    images = np.asarray(images)
    if np.issubdtype(images.dtype, np.floating):
        images = images.astype(np.float32, copy=False)
    if labels is None:
        return images, None
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.dtype == np.float32 and len(labels) == len(images):
        return images, labels  # condition vectors
    if labels.shape == (len(images), 1):  # as in `keras.datasets.cifar10`
        labels = labels[:, 0]
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(
            f"Labels must be class ids, one integer for each of {len(images)} images in {name}. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    return images, labels.astype(np.int32)
