"""Sources of training examples, with random access."""

import hashlib

import numpy as np
import tensorflow as tf

from kerasgan.signature import Image, Label, Vector, Waveform
from kerasgan.signature.checks import class_ids
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError


class ArraySource:
    """Examples in memory.

    Args:
        parts: dict from the name of a part of the examples ("image", "label", ...) to its array
            (N, ...): uint8 or float images, class ids, vectors, or sound (N, T, 1).
        name: Its name in messages and results.
        class_names: List of texts, or `None`.
        licence: Text, or `None`.

    Attributes:
        spec: dict from the parts of an example to their kinds.

    Raises:
        UserError: If the arrays differ in length, or the kind of one is unknown.

    Example:

    >>> source = ArraySource({"image": np.zeros((10, 8, 8, 1), "uint8"), "label": np.arange(10)})
    >>> len(source), source.spec
    (10, {'image': Image((8, 8, 1)), 'label': Label(10)})
    """

    def __init__(self, parts, name="arrays", class_names=None, licence=None):
        self.parts = {part: np.asarray(values) for part, values in parts.items()}
        if "label" in self.parts:
            self.parts["label"] = class_ids(self.parts["label"], f"Labels of {name}")
        self.name, self.class_names, self.licence = name, class_names, licence
        lengths = {part: len(values) for part, values in self.parts.items()}
        if len(set(lengths.values())) != 1:
            raise UserError(f"{name}: all parts must have one length. Received: {lengths}")
        self.spec = {part: self._kind(part, values) for part, values in self.parts.items()}

    def _kind(self, part, values):
        if values.ndim == 4:
            return Image(values.shape[1:])
        if values.ndim == 3 and values.shape[-1] == 1:
            return Waveform(values.shape[1])
        if values.ndim == 2 and np.issubdtype(values.dtype, np.floating):
            return Vector(values.shape[1])
        if values.ndim == 1 and np.issubdtype(values.dtype, np.integer):
            names = self.class_names if part == "label" else None
            return Label(len(names) if names else int(values.max(initial=0)) + 1, names)
        raise UserError(
            f"{self.name}: `{part}` must be images (N, H, W, C), vectors (N, D), sound (N, T, 1) "
            f"or class ids (N,). Received: shape={values.shape}, dtype={values.dtype}"
        )

    def __len__(self):
        return len(next(iter(self.parts.values())))

    def only(self, parts):
        """Returns a source with only these parts, in this order."""
        kept = {part: self.parts[part] for part in parts}
        return ArraySource(kept, self.name, self.class_names, self.licence)

    def reader(self):
        """Returns the graph function `batch(indices, key)`.

        It takes an int tensor (n,) and a seed (2,) for random augmentation, and returns a tensor,
        or a tuple if there are several parts. uint8 images are scaled to [-1, 1].
        """
        with tf.device("CPU"):
            held = [tf.constant(values) for values in self.parts.values()]

        def batch(indices, key):
            first, *others = [tf.gather(part, indices) for part in held]
            return (pixels.as_floats(first), *others) if others else pixels.as_floats(first)

        return batch

    def batch(self, indices, key=(0, 0)):
        """Returns the examples at these indices, as `reader` does."""
        return self.reader()(tf.constant(indices), key)

    @property
    def stamp(self):
        """Identifies the state from which a cache was prepared."""
        return self.fingerprint

    @property
    def fingerprint(self):
        """SHA-256 of the content, independent of its location."""
        digest = hashlib.sha256()
        for part, values in self.parts.items():
            digest.update(f"{part} {values.dtype.str} {values.shape}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()
