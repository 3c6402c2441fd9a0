"""Kept examples of inputs that must be given."""

import numpy as np
import tensorflow as tf

from kerasgan.data.checks import as_tuple

KEPT = 64


class KeptExamples:
    """Up to 64 examples of the inputs that must be given, from a model's first `fit`."""

    def __init__(self):
        self.arrays = {}

    def fill(self, dataset, signature):
        """Keeps examples from a dataset if there are none yet; returns the dataset to train on.

        A dataset of unknown length may be readable only once: its examples are kept while it is
        read.
        """
        parts = list(signature.example)
        if not signature.given or self.arrays:
            return dataset

        def keep(*batch):
            self._keep(signature.given_of(dict(zip(parts, batch, strict=True))))

        if dataset.cardinality() < 0:
            return dataset.map(lambda *batch: record(keep, batch, len(parts) == 1))
        for batch in dataset:
            keep(*as_tuple(batch))
            if self._full():
                break
        return dataset

    def fill_from(self, batches, signature):
        """Keeps examples from a `keras.utils.PyDataset` of dicts if there are none yet."""
        index = 0
        while signature.given and not self._full() and index < (batches.num_batches or 1):
            self._keep(signature.given_of(batches[index]))
            index += 1

    def _keep(self, values):
        for name, new in values.items():
            held = [self.arrays[name]] if name in self.arrays else []
            self.arrays[name] = np.concatenate([*held, np.asarray(new)])[:KEPT]

    def _full(self):
        return bool(self.arrays) and all(len(each) >= KEPT for each in self.arrays.values())


def record(keep, batch, single):
    """Returns a batch, within a graph, after passing it to `keep`."""
    seen = tf.numpy_function(lambda *parts: keep(*parts) or np.int32(0), batch, tf.int32)
    with tf.control_dependencies([seen]):
        batch = tf.nest.map_structure(tf.identity, batch)
    return batch[0] if single else batch
