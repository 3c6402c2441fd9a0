"""Checks of training data, before the first step where possible."""

import numpy as np
import tensorflow as tf

from kerasgan.signature.checks import check_shape
from kerasgan.utils.errors import UserError


def check_dataset(dataset, example, name="dataset", minibatches=1):
    """Checks a dataset for training.

    Reads up to 1,000 batches of a dataset of known length. A dataset of unknown length may be
    readable only once: its batches are checked while they are read.

    Args:
        dataset: `tf.data.Dataset`, as `converted` returns it.
        example: dict from the parts of an example to their kinds, as in `Signature.example`.
        name: Its name in errors.
        minibatches: Number of equal minibatches into which each batch must split.

    Returns:
        The dataset, or one with the same elements that checks them.

    Raises:
        UserError: With the number of the batch.

    Example:

    >>> from kerasgan.signature import Image
    >>> dataset = tf.data.Dataset.from_tensors(np.zeros((2, 28, 28, 1), "float32"))
    >>> _ = check_dataset(dataset, {"image": Image((28, 28, 1))})
    """
    first = as_tuple(dataset.element_spec)[0]
    _check_batch_size(first.shape[0] or 0, name, minibatches)
    if dataset.cardinality() < 0:
        for spec, kind in zip(as_tuple(dataset.element_spec), example.values(), strict=True):
            _check_static(spec.shape, kind, name)
        return dataset.map(lambda *batch: _asserted(batch, example, name, minibatches))
    number = -1
    for number, batch in enumerate(dataset.take(1000)):
        parts = as_tuple(batch)
        where = f"{name} (batch {number})"
        _check_batch_size(len(parts[0]), where, minibatches)
        for place, (part, kind) in enumerate(example.items()):
            called = where if place == 0 else f"`{part}` of {where}"
            kind.check_batch(parts[place].numpy(), called)
    if number < 0:
        raise UserError(f"{name} must yield at least one batch. Received: none")
    return dataset


def _check_static(shape, kind, name):
    """Checks a static shape, as far as it is known."""
    if not shape[1:].is_compatible_with(kind.shape):
        check_shape([n or 1 for n in shape], name, kind.shape)


def _asserted(batch, example, name, minibatches):
    """Returns a batch with the checks of `check_dataset` as graph assertions."""
    message = f"The batches of {name} must be divisible by {minibatches}."
    held = [tf.debugging.assert_equal(tf.shape(batch[0])[0] % minibatches, 0, message)]
    for values, part in zip(batch, example, strict=True):
        called = name.strip("`") if part == next(iter(example)) else part
        held += example[part].assertions(values, called)
    with tf.control_dependencies([check for check in held if check is not None]):
        return tf.nest.map_structure(tf.identity, batch[0] if len(batch) == 1 else batch)


def as_tuple(batch):
    """Returns a batch, or its spec, as the tuple of its parts."""
    return tuple(batch) if isinstance(batch, tuple | list) else (batch,)


def converted(dataset, signature, who="The model"):
    """Converts a dataset to what `train_step` takes: the parts of an example, in order.

    Args:
        dataset: `tf.data.Dataset` of tensors, tuples or dicts of them.
        signature: The model's `kerasgan.signature.Signature`.
        who: Name of the model in errors.

    Returns:
        `tf.data.Dataset` of tensors if the example has one part, else of tuples.

    Raises:
        UserError: If it yields anything else.

    Example:

    >>> from kerasgan.signature import Image, Latent, Signature
    >>> signature = Signature({"z": Latent(4)}, Image((8, 8, 1)))
    >>> dataset = tf.data.Dataset.from_tensors({"image": np.full((2, 8, 8, 1), 255, "uint8")})
    >>> float(tf.reduce_max(next(iter(converted(dataset, signature)))))
    1.0
    """
    element = dataset.element_spec
    example = signature.example_from(element, who=who)
    for part, spec in example.items():
        if not isinstance(spec, tf.TensorSpec):
            raise UserError(f"`x` must yield tensors. Received: {part}: {spec}")
        signature.example[part].check_dtype(spec.dtype, part)
    names = list(example)
    as_is = len(names) == 1 and isinstance(element, tf.TensorSpec)
    in_order = isinstance(element, tuple) and len(names) > 1
    same = [spec.dtype == signature.example[part].dtype for part, spec in example.items()]
    if (as_is or in_order) and all(same):
        return dataset

    def convert(*batch):
        parts = signature.example_from(batch[0] if isinstance(element, dict) else batch)
        made = tuple(signature.example[name].convert(parts[name]) for name in names)
        return made if len(made) > 1 else made[0]

    return dataset.map(convert, num_parallel_calls=tf.data.AUTOTUNE)


def _check_batch_size(size, name, minibatches):
    if size % minibatches:
        raise UserError(
            f"The batch of {name} is split into {minibatches} minibatches, one for each update of "
            f"the discriminator, so its size must be divisible by {minibatches}. Received: {size}"
        )


def training_dataset(gan, dataset):
    """Returns a checked dataset in the form that the model's `train_step` takes.

    Args:
        gan: `kerasgan.GAN`.
        dataset: `tf.data.Dataset`, as `GAN.fit` takes it.

    Raises:
        UserError: If a part of the examples does not fit the model, or the batch does not divide.
    """
    dataset = converted(dataset, gan.signature, type(gan).__name__)
    return _untuned(check_dataset(dataset, gan.signature.example, "`x`", gan.minibatches_in_batch))


def check_arrays(gan, x, y=None):
    """Returns the arrays passed to `GAN.fit` as a dict by part of an example.

    Raises:
        UserError: If an array does not fit the model, or their lengths differ.
    """
    signature = gan.signature
    example = signature.example_from(x, y, type(gan).__name__)
    first = next(iter(example))
    num = len(example[first])
    checked = {}
    for part, kind in signature.example.items():
        values = np.asarray(example[part])
        if part == first:
            kind.check_batch(values, "`x`")
            checked[part] = values
        else:
            checked[part] = kind.check(values, part, num)
    return checked


def real_batches(signature, x, y, given):
    """Returns batches of real outputs in the form that metrics take, and their number.

    Args:
        signature: The model's.
        x, y: As in `GAN.evaluate`; parts that samples do not need may be missing.
        given: dict to which the inputs that must be given are added, by name: lists of arrays.

    Returns:
        Iterable of arrays, and an int or `None`.

    Raises:
        UserError: If values do not fit the model.
    """
    needed = [signature.output.part, *signature.given]
    kinds = {name: signature.example[name] for name in needed}

    def parts_of(element):
        parts = element
        if not isinstance(element, dict):
            parts = dict(zip(signature.example, as_tuple(element), strict=False))
        if missing := [name for name in needed if name not in parts]:
            raise UserError(
                f"Real examples must have ({', '.join(needed)}). Missing: {', '.join(missing)}"
            )
        return {name: parts[name] for name in needed}

    if isinstance(x, tf.data.Dataset):
        for name, spec in parts_of(x.element_spec).items():
            kinds[name].check_dtype(spec.dtype, "`x`")
        batches, count = map(parts_of, x), None
    else:
        rest = () if y is None else tuple(y.values()) if isinstance(y, dict) else (y,)
        whole = parts_of(x if isinstance(x, dict) else (*as_tuple(x), *rest))
        whole = {name: np.asarray(values) for name, values in whole.items()}
        count = len(whole[needed[0]])
        starts = range(0, max(count, 1), 256)
        batches = (({n: v[i : i + 256] for n, v in whole.items()}) for i in starts)
        kinds[needed[0]].check_batch(whole[needed[0]], "`x`")

    def outputs():
        for batch in batches:
            values = np.asarray(batch[needed[0]])
            kinds[needed[0]].check_batch(values, "`x`")
            for name in needed[1:]:
                given.setdefault(name, []).append(kinds[name].check(batch[name], name))
            yield signature.output.observed(values)

    return outputs(), count


def _untuned(dataset):
    """Returns a dataset without tf.data's autotuner, unless the dataset itself asks for it.

    TensorFlow 2.21's tuner may miss the end of its iterator, which then waits for the tuner's next
    round: 1.6 seconds of steps took 2.7, and 15.5 took 20.6. Without it, parallel maps use all
    cores.
    """
    if dataset.options().autotune.enabled is not None:
        return dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
