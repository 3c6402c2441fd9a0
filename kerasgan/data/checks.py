"""Checks of training data."""

import contextlib
import re
import warnings

import numpy as np
import tensorflow as tf

from kerasgan.utils.errors import UserError

REFUSED = "`[a-z_]+` of `x` does not fit"  # what assertions within a step say


class Refusals:
    """Errors found while `tf.data` reads a dataset, in threads from which they cannot be raised."""

    def __init__(self):
        self.errors = {}
        self.doubts = set()

    @contextlib.contextmanager
    def raised(self):
        """Raises the first error found in place of TensorFlow's."""
        try:
            yield
        except tf.errors.OpError as error:
            if self.errors:
                raise self.errors[min(self.errors)] from None
            if refused := re.search(f'{REFUSED}[^\\]"]*', str(error)):
                raise UserError(refused[0]) from None
            raise

    def collect(self, index, check):
        """Calls `check`, and keeps its error as that of the batch `index`."""
        try:
            return check()
        except Exception as error:
            self.errors.setdefault(int(index), error)
            raise


def checked(dataset, signature, who="The model", name="`x`", minibatches=1, refusals=None):
    """Converts a dataset to what `train_step` takes, and checks its batches as they are read.

    Args:
        dataset: `tf.data.Dataset` of tensors, tuples or dicts of them.
        signature: The model's `kerasgan.signature.Signature`.
        who, name: Names of the model and of the dataset in errors.
        minibatches: Number of equal minibatches into which each batch must split.
        refusals: The `Refusals` in which errors of batches are kept: `refusals.raised()` around
            the reading raises them.

    Returns:
        `tf.data.Dataset` of tensors if an example has one part, else of tuples in the signature's
        order.

    Raises:
        UserError: If its elements cannot be examples, whatever their values.

    Example:

    >>> from kerasgan.signature import Image, Latent, Signature
    >>> signature = Signature({"z": Latent(4)}, Image((8, 8, 1)))
    >>> dataset = tf.data.Dataset.from_tensors({"image": np.full((2, 8, 8, 1), 255, "uint8")})
    >>> float(tf.reduce_max(next(iter(checked(dataset, signature)))))
    1.0
    """
    refusals = Refusals() if refusals is None else refusals
    example = signature.example
    for part, spec in signature.example_from(dataset.element_spec, who=who).items():
        if not isinstance(spec, tf.TensorSpec):
            raise UserError(f"{name} must yield tensors. Received: {part}: {spec}")
        example[part].check_spec(spec, called(part, example, name))
        check_batch_size(spec.shape[:1].num_elements() or 0, name, minibatches)
    if dataset.cardinality() == 0:
        raise UserError(f"{name} must yield at least one batch. Received: none")

    def look(index, *parts):
        where = f"{name} (batch {index})"

        def check():
            check_batch_size(len(parts[0]), where, minibatches)
            for values, part in zip(parts, example, strict=True):
                example[part].check_batch(values, called(part, example, where))
            if index == 0:
                doubt(example, dict(zip(example, parts, strict=True)), name, refusals.doubts)

        refusals.collect(index, check)
        return np.int32(0)

    def convert(index, element):
        parts = signature.example_from(element)
        fits = [example[part].valid(values) for part, values in parts.items()]
        fits.append(tf.shape(parts[next(iter(parts))])[0] % minibatches == 0)
        held = tf.cond(
            tf.reduce_all(fits) & (index > 0),
            lambda: tf.constant(0),
            lambda: tf.ensure_shape(
                tf.numpy_function(look, [index, *parts.values()], tf.int32), ()
            ),
        )
        with tf.control_dependencies([held]):
            made = tuple(example[part].convert(tf.identity(parts[part])) for part in parts)
        return made if len(made) > 1 else made[0]

    return dataset.enumerate().map(convert, num_parallel_calls=tf.data.AUTOTUNE)


def called(part, example, name):
    """Returns what errors call a part of a dataset."""
    return name if part == next(iter(example)) else f"`{part}` of {name}"


def as_tuple(batch):
    """Returns a batch, or its spec, as the tuple of its parts."""
    return tuple(batch) if isinstance(batch, tuple | list) else (batch,)


def check_batch_size(size, name, minibatches):
    """Checks that a batch splits into equal minibatches."""
    if size % minibatches:
        raise UserError(
            f"The batch of {name} is split into {minibatches} minibatches, so its size must be "
            f"divisible by {minibatches}. Received: {size}"
        )


def doubt(example, parts, name, told=None):
    """Warns of valid values that are probably a mistake, such as images scaled to [0, 1].

    Args:
        example: dict from the parts of an example to their kinds.
        parts: dict of a batch's arrays.
        name: Name of the data in the warning.
        told: Set of the parts of which a warning was given already; updated.
    """
    told = set() if told is None else told
    for part, kind in example.items():
        hint = None if part in told else kind.doubts(parts[part])
        if hint:
            told.add(part)
            warnings.warn(f"{called(part, example, name)} {hint}", stacklevel=4)


def training_dataset(gan, dataset, refusals=None):
    """Returns a checked dataset in the form that the model's `train_step` takes.

    Args:
        gan: `kerasgan.GAN`.
        dataset: `tf.data.Dataset`, as `GAN.fit` takes it.
        refusals: As in `checked`.

    Raises:
        UserError: If a part of the examples does not fit the model, or the batch does not divide.
    """
    who = type(gan).__name__
    return untuned(checked(dataset, gan.signature, who, "`x`", gan.minibatches_in_batch, refusals))


def check_arrays(signature, x, y=None, who="The model", independent=()):
    """Returns arrays passed to `GAN.fit` as a dict by part of an example.

    Args:
        signature: The model's.
        x, y: As in `GAN.fit`.
        who: Name of the model in errors.
        independent: Parts that may have other lengths, as in `kerasgan.data.ArraySource`.

    Returns:
        dict of arrays: the first part as passed, the others converted.

    Raises:
        UserError: If an array does not fit the model, or their lengths differ.
    """
    example = signature.example_from(as_parts(x), y, who)
    first = next(iter(example))
    arrays = {part: as_array(values, part) for part, values in example.items()}
    signature.example[first].check_batch(arrays[first], "`x`")
    num = len(arrays[first])
    others = {
        part: signature.example[part].check(values, part, None if part in independent else num)
        for part, values in arrays.items()
        if part != first
    }
    doubt(signature.example, arrays, "`x`")
    return {first: arrays[first], **others}


def as_parts(x):
    """Returns a list as an array, or as a tuple of parts if they differ in shape."""
    if not isinstance(x, list):
        return x
    try:
        return np.asarray(x)
    except ValueError:
        return tuple(x)


def as_array(values, part):
    """Returns a part of the examples as an array; refuses masks, which would be dropped."""
    if isinstance(values, np.ma.MaskedArray):
        raise UserError(
            f"`{part}` is a masked array, and masks are not used: leave out or repair such "
            f"examples, and pass `numpy.asarray(values)`."
        )
    return np.asarray(values)


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
    needed = signature.needed
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
            kinds[name].check_spec(spec, called(name, kinds, "`x`"))
        batches, count = map(parts_of, x), None
    else:
        rest = () if y is None else tuple(y.values()) if isinstance(y, dict) else (y,)
        x = as_parts(x)
        whole = parts_of(x if isinstance(x, dict) else (*as_tuple(x), *rest))
        whole = {name: as_array(values, name) for name, values in whole.items()}
        count = len(whole[needed[0]])
        starts = range(0, max(count, 1), 256)
        batches = (({n: v[i : i + 256] for n, v in whole.items()}) for i in starts)
        kinds[needed[0]].check_batch(whole[needed[0]], "`x`")

    def outputs():
        for batch in batches:
            values = np.asarray(batch[needed[0]])
            kinds[needed[0]].check_batch(values, "`x`")
            if signature.given:
                parts = {name: kinds[name].check(batch[name], name) for name in needed[1:]}
                parts[needed[0]] = kinds[needed[0]].convert(values)
                for name, each in signature.given_of(parts).items():
                    given.setdefault(name, []).append(np.asarray(each))
            yield signature.output.observed(values)

    return outputs(), count


def untuned(dataset):
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
