"""What `fit` and `evaluate` accept: arrays, datasets, Keras's `PyDataset`, and iterables."""

import itertools
import os

import keras
import numpy as np
import tensorflow as tf

from kerasgan.data import checks
from kerasgan.data.source import ArraySource
from kerasgan.data.splits import subset
from kerasgan.utils.errors import UserError


def is_arrays(x):
    """Tells whether `x` is an array, a list, or a tuple or dict of these."""
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, tuple) else [x]
    return bool(parts) and all(isinstance(each, list) or is_array(each) for each in parts)


def is_array(x):
    return hasattr(x, "__array__") and not isinstance(x, tf.data.Dataset)


def arrays_of(x):
    """Returns a `kerasgan.data` source as the dict of its arrays, and anything else as it is.

    Independent parts get as many rows as the others, evenly spaced.
    """
    if not isinstance(x, ArraySource):
        return x
    number = len(x)
    return {
        part: subset(values, number) if part in x.independent else values
        for part, values in x.parts.items()
    }


def draws_of(x):
    """Returns what a `kerasgan.data` source draws at random, as arguments of `ArraySource`; an
    empty dict for anything else."""
    if not isinstance(x, ArraySource):
        return {}
    return {"flip": x.flip, "independent": x.independent}


def as_dataset(x, name="`x`"):
    """Returns an iterable of batches as a `tf.data.Dataset`.

    Args:
        x: `tf.data.Dataset`, which is returned unchanged; or an iterable of arrays, tuples or dicts
            of arrays, all with a first axis for the batch. An iterator is read once.
        name: Its name in errors.

    Raises:
        UserError: If it is no iterable of batches, or is empty.

    Example:

    >>> batches = [np.zeros((4, 8, 8, 1), "float32"), np.zeros((2, 8, 8, 1), "float32")]
    >>> as_dataset(batch for batch in batches).element_spec.shape
    TensorShape([None, 8, 8, 1])
    """
    if isinstance(x, tf.data.Dataset):
        return x
    if isinstance(x, keras.utils.PyDataset):
        x = batches_of(x)
    if isinstance(x, (str, os.PathLike)):
        raise UserError(
            f"{name} must hold images, not the name of their source: pass "
            f"`kerasgan.data.load({str(x)!r})`."
        )
    if not hasattr(x, "__iter__"):
        raise UserError(
            f"{name} must be arrays, a tf.data.Dataset, a keras.utils.PyDataset or an iterable of "
            f"batches. Received: {type(x).__name__}"
        )
    iterator = iter(x)
    first = next(iterator, None)
    if first is None:
        raise UserError(f"{name} must yield at least one batch. Received: none")
    once = itertools.chain([first], iterator) if iterator is x else None
    first = as_arrays(first)

    def batches():
        return map(as_arrays, x if once is None else once)

    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=tf.nest.map_structure(spec_of, first)
    )
    if once is None and hasattr(x, "__len__"):
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(x)))
    return dataset.prefetch(tf.data.AUTOTUNE)


def batches_of(x):
    """Yields the batches of a `keras.utils.PyDataset`."""
    places = itertools.count() if x.num_batches is None else range(x.num_batches)
    return (x[place] for place in places)


def as_arrays(batch):
    """Returns a batch, an array or a tuple, list or dict of arrays, with NumPy arrays."""
    if isinstance(batch, dict):
        return {part: np.asarray(values) for part, values in batch.items()}
    if isinstance(batch, tuple | list):
        return tuple(np.asarray(values) for values in batch)
    return np.asarray(batch)


def spec_of(values):
    return tf.TensorSpec((None, *values.shape[1:]), values.dtype)


class CheckedBatches(keras.utils.PyDataset):
    """A `keras.utils.PyDataset` whose batches are checked, and converted to examples.

    Args:
        batches: The dataset.
        signature: The model's `kerasgan.signature.Signature`.
        who: Name of the model in errors.
        minibatches: Number of equal minibatches into which each batch must split.
        refusals: The `kerasgan.data.checks.Refusals` of its batches.
    """

    def __init__(self, batches, signature, who, minibatches, refusals):
        super().__init__(
            workers=batches.workers,
            use_multiprocessing=batches.use_multiprocessing,
            max_queue_size=batches.max_queue_size,
        )
        self.batches, self.signature, self.who = batches, signature, who
        self.minibatches, self.refusals = minibatches, refusals

    @property
    def num_batches(self):
        return self.batches.num_batches

    def __getitem__(self, index):
        return self.refusals.collect(index, lambda: self._example(index))

    def _example(self, index):
        where = f"`x` (batch {index})"
        batch = as_arrays(self.batches[index])
        example = self.signature.example_from(batch, who=self.who)
        kinds = self.signature.example
        checks.check_batch_size(len(next(iter(example.values()))), where, self.minibatches)
        if index == 0:
            checks.doubt(kinds, example, "`x`", self.refusals.doubts)
        converted = {}
        for part, values in example.items():
            kinds[part].check_batch(values, checks.called(part, kinds, where))
            converted[part] = kinds[part].check(values, part)
        return converted

    def on_epoch_begin(self):
        self.batches.on_epoch_begin()

    def on_epoch_end(self):
        self.batches.on_epoch_end()
