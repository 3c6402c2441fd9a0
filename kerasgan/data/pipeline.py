"""`tf.data` batches of examples held in memory."""

import numpy as np
import tensorflow as tf

from kerasgan.data.source import ArraySource
from kerasgan.signature.checks import class_ids, is_one_hot
from kerasgan.utils.errors import UserError, check_count


def batches(
    images,
    labels=None,
    batch_size=64,
    shuffle=True,
    seed=None,
    drop_remainder=True,
    name="images",
):
    """Returns batches of arrays, for `load` and `GAN.fit`.

    Args:
        images: Array (N, H, W, C), uint8, which is scaled to [-1, 1], or float, which is not; or
            points (N, D), float; or a tuple of arrays, all parts of the examples; or an
            `ArraySource`.
        labels: Class ids (N,), condition vectors (N, D) float32, or `None`.
        batch_size: Images per batch.
        shuffle: Whether to draw a new order in each epoch.
        seed: int. The same seed gives the same sequence of orders.
        drop_remainder: Whether to drop an epoch's last batch if it is incomplete.
        name: Name of the images in errors.

    Returns:
        `tf.data.Dataset` of float32 images, or of (images, int32 labels).

    Raises:
        UserError: If labels and images do not match, or the images do not fill one batch.

    Example:

    >>> dataset = batches(np.zeros((10, 28, 28, 1)), np.arange(10), batch_size=4)
    >>> [x.shape.as_list() for x, y in dataset]
    [[4, 28, 28, 1], [4, 28, 28, 1]]
    """
    source = _source(images, labels, batch_size, drop_remainder, name)
    count, read = len(source), source.reader()
    order = tf.data.Dataset.range(count)
    if shuffle:
        order = order.shuffle(count, seed=seed, reshuffle_each_iteration=True)
    order = order.batch(batch_size, drop_remainder=drop_remainder)
    if source.random:
        keys = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(2)
    else:
        keys = tf.data.Dataset.from_tensors((0, 0)).repeat()
    return (
        tf.data.Dataset.zip(order, keys)
        .map(read, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def steps(images, labels=None, batch_size=64, seed=0, start=0, stop=None, name="images", rows=None):
    """Returns the batches of training steps `start` to `stop`, over any number of epochs.

    A batch depends only on the seed and the step: a training that resumes at step 1,000 gets the
    same batches as one that was never interrupted.

    Args:
        images, labels, batch_size, name: As in `batches`; an epoch's last incomplete batch is
            dropped.
        seed: int, 0 to 2**31 - 1; each epoch has a different order.
        start: Number of steps already done.
        stop: Last step; by default one epoch after `start`.
        rows: (first, number) of the examples of each batch to read; by default all.

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
    source = _source(images, labels, batch_size, True, name)
    count, read = len(source), source.reader()
    in_epoch = count // batch_size
    first, number = rows or (0, batch_size)

    def batch_of(step):
        places = step % in_epoch * batch_size + tf.range(first, first + number, dtype=tf.int64)
        key = tf.stack([tf.constant(seed, tf.int64), step // in_epoch])
        indices = tf.random.experimental.index_shuffle(places, tf.cast(key, tf.int32), count - 1)
        return read(indices, tf.stack([tf.constant(seed, tf.int64), step]), first)

    order = tf.data.Dataset.range(start, start + in_epoch if stop is None else stop)
    return order.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _source(images, labels, batch_size, drop_remainder, name):
    """Returns what `batches` and `steps` take as a source, once its size is checked."""
    if isinstance(images, ArraySource):
        source = images
    else:
        parts = images if isinstance(images, tuple) else as_arrays(images, labels, name)
        parts = {str(place): part for place, part in enumerate(parts) if part is not None}
        source = ArraySource(parts, name)
    check_count(batch_size, "batch_size")
    count = len(source)
    if count < (batch_size if drop_remainder else 1):
        raise UserError(
            f"{name} must fill one batch. Received: {count} images, batch_size={batch_size}; "
            f"lower `batch_size`."
        )
    return source


def as_arrays(images, labels, name):
    """Returns images as uint8 or float32 and labels as int32 (N,) or `None`."""
    images = np.asarray(images)
    if np.issubdtype(images.dtype, np.floating):
        images = images.astype(np.float32, copy=False)
    if labels is None:
        return images, None
    given = np.asarray(labels)
    if given.ndim == 2 and given.dtype == np.float32 and not are_labels(given):
        return images, given  # condition vectors
    labels = class_ids(labels, f"Labels of {name}")
    if len(labels) != len(images):
        raise UserError(
            f"There must be a label for each of {len(images)} images in {name}. "
            f"Received: {len(labels)}"
        )
    return images, labels


def are_labels(rows):
    """Tells whether the rows of a float array are one-hot, or one class id each."""
    return is_one_hot(rows) if rows.shape[1] > 1 else bool((rows == np.round(rows)).all())
