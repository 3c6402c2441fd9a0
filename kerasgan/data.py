"""Images as training takes them: `tf.data` batches of float32 in [-1, 1], checked on the way in.

A whole split is held in memory once, as uint8. Indices are shuffled, not images, and each batch is
gathered and scaled in one piece, so that feeding costs little beside a training step.
"""

import hashlib
import os

import numpy as np
import tensorflow as tf

from kerasgan import sources
from kerasgan.errors import UserError, check_count
from kerasgan.toys import grid, ring, sine  # noqa: F401 (public here)

TOLERANCE = 1e-4  # beyond [-1, 1], for the rounding of whatever scaled the images


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
            points (N, D), float.
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
    gather, count = _gather(images, labels, batch_size, drop_remainder, name)
    order = tf.data.Dataset.range(count)
    if shuffle:
        order = order.shuffle(count, seed=seed, reshuffle_each_iteration=True)
    order = order.batch(batch_size, drop_remainder=drop_remainder)
    return order.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def steps(images, labels=None, batch_size=64, seed=0, start=0, stop=None, name="images"):
    """Makes the batches of the training steps from `start` to `stop`, over any number of epochs.

    The batch of a step depends on the seed and the step alone: a training that goes on at step
    1,000 sees what it would have seen without the pause.

    Args:
        images, labels, batch_size, name: As in `batches`; an epoch's last incomplete batch is left
            out.
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
    gather, count = _gather(images, labels, batch_size, True, name)
    in_epoch = count // batch_size

    def batch_of(step):
        places = step % in_epoch * batch_size + tf.range(batch_size, dtype=tf.int64)
        key = tf.stack([tf.constant(seed, tf.int64), step // in_epoch])
        return gather(
            tf.random.experimental.index_shuffle(places, tf.cast(key, tf.int32), count - 1)
        )

    order = tf.data.Dataset.range(start, start + in_epoch if stop is None else stop)
    return order.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _gather(images, labels, batch_size, drop_remainder, name):
    """Returns a function from indices to a batch, and the number of images."""
    images, labels = _as_arrays(images, labels, name)
    check_count(batch_size, "batch_size")
    count = len(images)
    if count < (batch_size if drop_remainder else 1):
        raise UserError(
            f"{name} must fill one batch. Received: {count} images, batch_size={batch_size}; "
            f"lower `batch_size`."
        )
    with tf.device("CPU"):
        held = tf.nest.map_structure(tf.constant, images if labels is None else (images, labels))

    def gather(indices):
        batch = tf.nest.map_structure(lambda array: tf.gather(array, indices), held)
        return _scale(batch) if labels is None else (_scale(batch[0]), batch[1])

    return gather, count


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


def check_images(images, name="images", image_shape=None):
    """Refuses images that no GAN here can be trained on.

    Args:
        images: Array (N, H, W, C): uint8, or float, finite and in [-1, 1]. Or points (N, D): float,
            finite, of any range.
        name: What the error calls them.
        image_shape: Tuple (H, W, C) that they must have, if it matters; (D,) asks for points.

    Raises:
        UserError: What was wanted, what was found and where, and what to do about it.

    Example:

    >>> check_images(np.full((2, 8, 8, 1), 200.0), "photos")
    Traceback (most recent call last):
    ...
    kerasgan.errors.UserError: photos must lie in [-1, 1]. Received: values from 200 to 200, ...
    """
    images = np.asarray(images)
    _check_shape(images.shape, name, image_shape)
    points = images.ndim == 2
    if images.dtype == np.uint8 and not points:
        return
    if not np.issubdtype(images.dtype, np.floating):
        wanted = "float" if points else "uint8, or float in [-1, 1]"
        raise UserError(f"{name} must be {wanted}. Received: dtype={images.dtype}")
    _check_values(images, name)


def check_labels(labels, num_classes, name="labels"):
    """Refuses class ids outside 0 ... num_classes - 1.

    Args:
        labels: int array (N,).
        num_classes: Number of classes.
        name: What the error calls them.

    Raises:
        UserError: With the ids found.

    Example:

    >>> check_labels(np.array([0, 10]), num_classes=10)
    Traceback (most recent call last):
    ...
    kerasgan.errors.UserError: labels must lie in 0 to 9. Received: ids from 0 to 10
    """
    labels = np.asarray(labels)
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise UserError(
            f"{name} must lie in 0 to {num_classes - 1}. "
            f"Received: ids from {labels.min()} to {labels.max()}"
        )


def scaled(dataset, name="dataset"):
    """Gives a dataset the form that `train_step` takes: float32 images, alone or with labels.

    Args:
        dataset: `tf.data.Dataset` of images, uint8 or float, of (images,), or of (images, labels).
        name: What errors call it.

    Returns:
        `tf.data.Dataset` of float32 images, uint8 ones scaled to [-1, 1], or of (images, labels).

    Raises:
        UserError: If it yields anything else.

    Example:

    >>> dataset = scaled(tf.data.Dataset.from_tensors((np.full((2, 8, 8, 1), 255, "uint8"),)))
    >>> float(tf.reduce_max(next(iter(dataset))))
    1.0
    """
    spec = dataset.element_spec
    parts = spec if isinstance(spec, (tuple, list)) else (spec,)
    if len(parts) not in (1, 2) or not all(isinstance(part, tf.TensorSpec) for part in parts):
        raise UserError(f"{name} must yield images or (images, labels). Received: {spec}")
    if not (parts[0].dtype.is_floating or parts[0].dtype == tf.uint8):
        raise UserError(
            f"{name} must yield images as uint8, or as float in [-1, 1]. "
            f"Received: dtype={parts[0].dtype.name}"
        )
    alone_in_a_tuple = len(parts) == 1 and parts is spec
    if parts[0].dtype == tf.float32 and not alone_in_a_tuple:
        return dataset
    if len(parts) == 1:
        return dataset.map(lambda *parts: _scale(parts[0]), num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.map(lambda x, y: (_scale(x), y), num_parallel_calls=tf.data.AUTOTUNE)


def check_dataset(dataset, name="dataset", image_shape=None, num_classes=None, minibatches=1):
    """Refuses a dataset that no GAN here can be trained on.

    A dataset of known length is read, up to its first 1,000 batches. One of unknown length may be
    a stream that can be read only once: its batches are checked as they pass.

    Args:
        dataset: `tf.data.Dataset` of images (N, H, W, C), or of (images, labels).
        name: What the error calls it.
        image_shape: Tuple (H, W, C) that the images must have, if it matters; (D,) asks for points.
        num_classes: Number of classes that the labels must stay within, if it matters.
        minibatches: How many minibatches of one size each batch must split into.

    Returns:
        The dataset as `scaled` gives it, or one of the same elements that checks them.

    Raises:
        UserError: As `check_images` and `check_labels`, with the number of the batch.

    Example:

    >>> _ = check_dataset(load("fashion_mnist_mini", labels=True), image_shape=(28, 28, 1))
    """
    dataset = scaled(dataset, name)
    spec = dataset.element_spec
    spec = spec[0] if isinstance(spec, (tuple, list)) else spec
    _check_batch_size(spec.shape[0] or 0, name, minibatches)
    if dataset.cardinality() < 0:
        _check_shape([n or 1 for n in spec.shape], name, image_shape)
        return dataset.map(
            lambda *batch: _assert_batch(batch, name, image_shape, num_classes, minibatches)
        )
    number = -1
    for number, batch in enumerate(dataset.take(1000)):
        images = batch[0] if isinstance(batch, (tuple, list)) else batch
        images = tf.cast(images, tf.float32).numpy()
        where = f"{name} (batch {number})"
        _check_shape(images.shape, where, image_shape)
        _check_values(images, where)
        _check_batch_size(len(images), where, minibatches)
        if num_classes is not None:
            check_labels(batch[1], num_classes, f"Labels of {where}")
    if number < 0:
        raise UserError(f"{name} must yield at least one batch. Received: none")
    return dataset


def _assert_batch(batch, name, image_shape, num_classes, minibatches):
    """Returns a batch that raises when it is read, where `check_dataset` would have."""
    images = batch[0]
    checks = [tf.debugging.assert_all_finite(images, f"{name} must be finite.")]
    message = f"The batches of {name} must be divisible by {minibatches}."
    checks.append(tf.debugging.assert_equal(tf.shape(images)[0] % minibatches, 0, message))
    if image_shape is None or len(image_shape) == 3:
        message = f"{name} must lie in [-1, 1]."
        checks.append(tf.debugging.assert_less_equal(tf.abs(images), 1.0 + TOLERANCE, message))
    if num_classes is not None:
        message = f"Labels of {name} must lie in 0 to {num_classes - 1}."
        checks.append(tf.debugging.assert_non_negative(batch[1], message))
        top = tf.cast(num_classes, batch[1].dtype)
        checks.append(tf.debugging.assert_less(batch[1], top, message))
    with tf.control_dependencies([check for check in checks if check is not None]):
        return tf.nest.map_structure(tf.identity, batch[0] if len(batch) == 1 else batch)


def _title(name):
    return f'"{name}"' if isinstance(name, (str, os.PathLike)) else "images"


def _scale(images):
    """Does what `kerasgan.images.from_uint8` does, within a graph."""
    floats = tf.cast(images, tf.float32)
    return floats / 127.5 - 1.0 if images.dtype == tf.uint8 else floats


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


def _check_shape(shape, name, image_shape):
    if image_shape is not None and len(image_shape) == 1:
        if 0 in shape or tuple(shape[1:]) != tuple(image_shape):
            raise UserError(
                f"{name} must hold points, shape (N, {image_shape[0]}). Received: shape={shape}"
            )
        return
    if len(shape) != 4 or 0 in shape:
        hint = "; a channel axis is added by `images[..., None]`" if len(shape) == 3 else ""
        raise UserError(f"{name} must have shape (N, H, W, C). Received: shape={shape}{hint}")
    if image_shape is not None and tuple(shape[1:]) != tuple(image_shape):
        raise UserError(
            f"{name} must hold images of shape {tuple(image_shape)}. Received: shape={shape}; "
            f"`kerasgan.data.load(..., image_size=...)` pads or resizes."
        )


def _check_batch_size(size, name, minibatches):
    if size % minibatches:
        raise UserError(
            f"The batch of {name} is split into {minibatches} minibatches, one for each update of "
            f"the discriminator, so its size must be divisible by {minibatches}. Received: {size}"
        )


def _check_values(images, name):
    low, high = images.min(), images.max()
    if low >= -1 - TOLERANCE and high <= 1 + TOLERANCE:  # False where there is a NaN
        return
    finite = np.isfinite(images)
    if not finite.all():
        nans = np.isnan(images).sum()
        infinite = finite.size - finite.sum() - nans
        counts = [f"{n} {kind}" for n, kind in ((nans, "NaN"), (infinite, "infinite")) if n]
        raise UserError(
            f"{name} must be finite. Received: {' and '.join(counts)} values, the first in image "
            f"{_first(~finite)}; repair or leave out such images."
        )
    if images.ndim == 2:  # points lie anywhere
        return
    raise UserError(
        f"{name} must lie in [-1, 1]. Received: values from {low:g} to {high:g}, the first outside "
        f"in image {_first(abs(images) > 1 + TOLERANCE)}; pass uint8, or scale 0 to 255 by "
        f"`x / 127.5 - 1`."
    )


def _first(wrong):
    return int(np.argmax(wrong.reshape(len(wrong), -1).any(axis=1)))
