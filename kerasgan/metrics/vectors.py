"""Vectors as their own features: distances of generated points."""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from kerasgan.metrics.extractors import Extractor
from kerasgan.utils import hashing


@dataclasses.dataclass(frozen=True)
class Vectors(Extractor):
    """Vectors as they are, for generators of points: the Frechet distance is `FD[vectors]`.

    It compares means and covariances alone, so it does not count modes, for which see
    `mode_coverage`, and of what was given for each vector it knows nothing.

    Args:
        dim: Length of the vectors.

    Example:

    >>> Vectors(2)(np.ones((3, 2), "float32")).shape, Vectors(2).distance_name
    ((3, 2), 'FD[vectors]')
    """

    dim: int

    name: ClassVar[str] = "vectors"
    noun: ClassVar[str] = "vector"

    @property
    def spec(self):
        return tf.TensorSpec((None, self.dim), tf.float32)

    @property
    def sha256(self):
        """Hash of the definition, since there is no file of weights."""
        return hashing.of_json([self.name, self.dim])

    def check(self, values):
        if values.ndim != 2 or values.shape[1] != self.dim or values.size == 0:
            raise ValueError(
                f"Vectors must have shape (N, {self.dim}) with N at least 1. Received: "
                f"shape={values.shape}"
            )

    def batches(self, values, size=4096):
        """Yields vectors (N, dim) as float32 batches."""
        for start in range(0, len(values), size):
            yield np.asarray(values[start : start + size], "float32")

    def preprocess(self, vectors):
        return vectors

    def build_network(self):
        """Returns the function from vectors to these as features, and to no logits."""
        return lambda vectors, training=False: [vectors, vectors[:, :0]]
