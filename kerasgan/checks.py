"""What no GAN here can be trained on is refused, with what was wanted, what came and what to do."""

import numpy as np
import tensorflow as tf

from kerasgan.errors import UserError

TOLERANCE = 1e-4  # beyond [-1, 1], for the rounding of whatever scaled the images


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

    >>> dataset = tf.data.Dataset.from_tensors((np.zeros((2, 28, 28, 1)), np.zeros(2)))
    >>> _ = check_dataset(dataset, image_shape=(28, 28, 1))
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
        return dataset.map(lambda *parts: scale(parts[0]), num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.map(lambda x, y: (scale(x), y), num_parallel_calls=tf.data.AUTOTUNE)


def scale(images):
    """Does what `kerasgan.images.from_uint8` does, within a graph."""
    floats = tf.cast(images, tf.float32)
    return floats / 127.5 - 1.0 if images.dtype == tf.uint8 else floats


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


def training_dataset(gan, dataset):
    """Returns a dataset as the model's `train_step` takes it, or refuses it.

    Args:
        gan: `kerasgan.GAN`.
        dataset: `tf.data.Dataset`, as `GAN.fit` takes it.

    Raises:
        UserError: If images or labels do not fit the model, or the batch does not divide.
    """
    dataset = scaled(dataset, "`x`")
    spec = dataset.element_spec
    pairs = isinstance(spec, (tuple, list)) and len(spec) == 2
    if gan.conditional and not pairs:
        raise UserError(
            f"{type(gan).__name__} is conditional: it trains on (images, labels), e.g. "
            f"`kerasgan.data.load(..., labels=True)`. Received: images alone"
        )
    if not gan.conditional and pairs:
        labels_for(gan, spec[1], None)
    if gan.conditional:
        wanted = gan.input_signature[1]
        if not spec[1].shape.is_compatible_with(wanted.shape):
            shape = ", ".join(map(str, ["N", *wanted.shape[1:]]))
            raise UserError(
                f"`x` must yield `{wanted.name}` of shape ({shape}). Received: {spec[1].shape}"
            )
    dataset = check_dataset(
        dataset,
        "`x`",
        gan.image_shape,
        gan.num_classes,
        minibatches=gan.n_critic * gan.distribute_strategy.num_replicas_in_sync,
    )
    return _untuned(dataset)


def _untuned(dataset):
    """Returns a dataset without tf.data's tuner, unless the dataset itself asks for it.

    TensorFlow 2.21's tuner may miss that its iterator ends, which then waits for the tuner's next
    round: 1.6 seconds of steps lasted 2.7, and 15.5 lasted 20.6. What it would have tuned takes all
    cores without it.
    """
    if dataset.options().autotune.enabled is not None:
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def labels_for(gan, labels, num):
    """Returns labels or conditions as an array that the generator takes, or refuses them."""
    if not gan.conditional:
        raise UserError(
            f"{type(gan).__name__} is unconditional and takes no labels "
            f"(`kerasgan.data.load` without `labels=True`). Received: labels"
        )
    spec = gan.input_signature[1]
    if labels is None:
        raise UserError(
            f"{type(gan).__name__} is conditional: `{spec.name}` must be given, shape "
            f"{(num, *spec.shape[1:])}. Received: None"
        )
    labels = np.asarray(labels)
    if labels.shape != (num, *spec.shape[1:]) or (
        spec.dtype.is_integer and not np.issubdtype(labels.dtype, np.integer)
    ):
        raise UserError(
            f"`{spec.name}` must have shape {(num, *spec.shape[1:])}, dtype {spec.dtype.name}. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    if gan.num_classes is not None:
        check_labels(labels, gan.num_classes, f"`{spec.name}`")
    return labels.astype(spec.dtype.as_numpy_dtype)
