"""Sources of training examples, with random access."""

import functools
import hashlib
import mmap

import numpy as np
import tensorflow as tf

from kerasgan.signature import Image, Label, Vector, Waveform
from kerasgan.signature.checks import class_ids
from kerasgan.utils import hashing, pixels
from kerasgan.utils.errors import UserError

# Bytes of an array up to which TensorFlow gets a copy of its own, from which it gathers faster.
COPIED = 2**28


class ArraySource:
    """Examples in arrays, which may lie in memory or be mapped from files.

    Args:
        parts: dict from the name of a part of the examples ("image", "label", ...) to its array
            (N, ...): uint8 or float images, class ids, vectors, or sound (N, T, 1).
        name: Its name in messages and results.
        class_names: List of texts, or `None`.
        licence: Text, or `None`.
        flip: Whether half of the images, drawn anew at each visit, are mirrored left to right in
            training. `parts` stay as they are.
        cache: The folder from which the arrays are mapped, or `None`.
        captions: List of a text for each example, or `None`.
        fingerprints: dict from the names of parts, joined by commas, to fingerprints that are known
            already.
        rate: Samples per second of sounds; 16,000 by default.

    Attributes:
        spec: dict from the parts of an example to their kinds.

    Raises:
        UserError: If the arrays differ in length, or the kind of one is unknown.

    Example:

    >>> source = ArraySource({"image": np.zeros((10, 8, 8, 1), "uint8"), "label": np.arange(10)})
    >>> len(source), source.spec
    (10, {'image': Image((8, 8, 1)), 'label': Label(10)})
    """

    def __init__(
        self,
        parts,
        name="arrays",
        class_names=None,
        licence=None,
        flip=False,
        cache=None,
        fingerprints=None,
        captions=None,
        rate=None,
    ):
        self.parts = {part: np.asarray(values) for part, values in parts.items()}
        if "label" in self.parts:
            self.parts["label"] = class_ids(self.parts["label"], f"Labels of {name}")
        self.name, self.class_names, self.licence = name, class_names, licence
        self.flip, self.cache, self.fingerprints = flip, cache, fingerprints or {}
        self.captions, self.rate = captions, rate
        lengths = {part: len(values) for part, values in self.parts.items()}
        if len(set(lengths.values())) != 1:
            raise UserError(f"{name}: all parts must have one length. Received: {lengths}")
        self.spec = {part: self._kind(part, values) for part, values in self.parts.items()}

    def _kind(self, part, values):
        if values.ndim == 4:
            return Image(values.shape[1:])
        if values.ndim == 3 and values.shape[-1] == 1:
            return Waveform(values.shape[1], self.rate or 16000)
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
        about = self.name, self.class_names, self.licence, self.flip, self.cache, self.fingerprints
        return ArraySource(kept, *about, self.captions, self.rate)

    def reader(self):
        """Returns the graph function `batch(indices, key, first=0)`.

        It takes an int tensor (n,), a seed (2,) for what is drawn at random, and the place of these
        examples within the batch. It returns a tensor, or a tuple if there are several parts. uint8
        images are scaled to [-1, 1].
        """
        readers = [reader_of(values) for values in self.parts.values()]
        images = [isinstance(kind, Image) for kind in self.spec.values()]

        def batch(indices, key, first=0):
            parts = [read(indices) for read in readers]
            if self.flip:
                last = first + tf.shape(indices)[0]
                turned = tf.random.stateless_uniform((last,), key, alg="philox")[first:] < 0.5
                parts = [
                    flipped(part, turned) if is_image else part
                    for part, is_image in zip(parts, images, strict=True)
                ]
            parts[0] = pixels.as_floats(parts[0])
            return tuple(parts) if len(parts) > 1 else parts[0]

        return batch

    def batch(self, indices, key=(0, 0), first=0):
        """Returns the examples at these indices, as `reader` does."""
        return self.reader()(tf.constant(indices), key, first)

    @functools.cached_property
    def fingerprint(self):
        """SHA-256 of the content, independent of its location."""
        known = self.fingerprints.get(",".join(self.parts))
        return known or list(fingerprints(self.parts).values())[-1]


def fingerprints(parts):
    """Returns the fingerprints of the first part, of the first two, ... of a dict of arrays.

    Example:

    >>> list(fingerprints({"image": np.zeros((1, 8, 8, 1)), "label": np.zeros(1)}))
    ['image', 'image,label']
    """
    digest, found = hashlib.sha256(), {}
    for place, (part, values) in enumerate(parts.items(), start=1):
        digest.update(f"{part} {values.dtype.str} {values.shape}".encode())
        hashing.update(digest, values)
        found[",".join(list(parts)[:place])] = digest.hexdigest()
    return found


def reader_of(values):
    """Returns a graph function from indices to the rows of an array.

    A large array is read where it lies, so that TensorFlow holds no second copy.
    """
    if values.nbytes <= COPIED:
        with tf.device("CPU"):
            held = tf.constant(values)
        return lambda indices: tf.gather(held, indices)

    announce = announcer(values)

    def fetch(places):
        announce(places)
        return values[places]

    def read(indices):
        rows = tf.numpy_function(fetch, [indices], values.dtype)
        return tf.ensure_shape(rows, (*indices.shape, *values.shape[1:]))

    return read


def announcer(values):
    """Returns a function that tells the system which rows of an array will be read, so that those
    of a mapped file are fetched at once rather than one after the other."""
    base = values
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    mapped = isinstance(base, np.memmap) and hasattr(mmap, "MADV_WILLNEED")
    if not mapped or values.strides[0] < 1:  # in memory, or read backwards
        return lambda places: None
    file = base._mmap
    file.madvise(mmap.MADV_RANDOM)  # no more than these rows
    start = values.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    size = values.strides[0]

    def announce(places):
        for place in places:
            first = start + int(place) * size
            page = first - first % mmap.PAGESIZE
            file.madvise(mmap.MADV_WILLNEED, page, first + size - page)

    return announce


def flipped(images, which):
    """Returns images (N, H, W, C), mirrored left to right where `which` (N,) says so."""
    return tf.where(which[:, None, None, None], tf.reverse(images, [2]), images)
