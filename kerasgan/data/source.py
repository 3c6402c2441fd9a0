"""Sources of training examples, with random access."""

import functools
import hashlib
import mmap

import numpy as np
import tensorflow as tf

from kerasgan.signature import Film, Image, Label, Vector, Waveform
from kerasgan.signature.checks import class_ids
from kerasgan.utils import hashing, pixels
from kerasgan.utils.errors import UserError

# Bytes of an array up to which TensorFlow gets a copy of its own, from which it gathers faster.
COPIED = 2**28


class ArraySource:
    """Examples in arrays, which may lie in memory or be mapped from files.

    Args:
        parts: dict from the name of a part of the examples ("image", "label", ...) to its array
            (N, ...): uint8 or float images, films (N, T, H, W, C), class ids, vectors, or sound
            (N, T, 1).
        name: Its name in messages and results.
        class_names: List of texts, or `None`.
        licence: Text, or `None`.
        flip: Whether half of the images, drawn anew at each visit, are mirrored left to right in
            training, all pictures of an example together. `parts` stay as they are.
        cache: The folder from which the arrays are mapped, or `None`.
        captions: List of a text for each example, or `None`.
        fingerprints: dict from the names of parts, joined by commas, to fingerprints that are known
            already.
        independent: Names of parts after the first that do not belong to it row by row. They may
            have other lengths. At each visit, their rows are drawn anew, uniformly and with
            replacement, and so are their flips.
        origins: dict from the names of parts to fingerprints of what they were made from, which
            stand for their content in `fingerprint`.
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
        independent=(),
        origins=None,
        rate=None,
    ):
        self.parts = {part: np.asarray(values) for part, values in parts.items()}
        if "label" in self.parts:
            self.parts["label"] = class_ids(self.parts["label"], f"Labels of {name}")
        self.name, self.class_names, self.licence = name, class_names, licence
        self.flip, self.cache, self.fingerprints = flip, cache, fingerprints or {}
        self.captions, self.rate = captions, rate
        self.independent, self.origins = tuple(independent), origins or {}
        if wrong := [part for part in self.independent if part not in list(self.parts)[1:]]:
            raise UserError(
                f"{name}: parts after the first can be independent of it: "
                f"{', '.join(list(self.parts)[1:]) or 'there are none'}. Received: {wrong[0]}"
            )
        lengths = {part: len(values) for part, values in self.parts.items()}
        together = {len(self.parts[part]) for part in self.parts if part not in self.independent}
        if len(together) != 1 or (0 in lengths.values() and len(set(lengths.values())) > 1):
            raise UserError(f"{name}: all parts must have one length. Received: {lengths}")
        self.spec = {part: self._kind(part, values) for part, values in self.parts.items()}

    def _kind(self, part, values):
        if values.ndim == 5:
            return Film(values.shape[1:])
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
            f"{self.name}: `{part}` must be images (N, H, W, C), films (N, T, H, W, C), vectors "
            f"(N, D), sound (N, T, 1) or class ids (N,). Received: shape={values.shape}, "
            f"dtype={values.dtype}"
        )

    def __len__(self):
        return len(next(iter(self.parts.values())))

    @property
    def random(self):
        """Whether something is drawn anew at each visit: flips, or rows of independent parts."""
        return self.flip or bool(self.independent)

    def replace(self, **changes):
        """Returns a source with other values of the constructor's arguments.

        What is known of arrays in the cache does not hold for others in their place.
        """
        names = (
            "parts name class_names licence flip cache fingerprints captions independent origins "
            "rate"
        )
        kept = {each: getattr(self, each) for each in names.split()}
        parts = changes.get("parts", self.parts)
        changed = [k for k, v in self.parts.items() if k in parts and parts[k] is not v]
        if changed:
            kept.update(cache=None, fingerprints=None)
            kept["origins"] = {k: v for k, v in self.origins.items() if k not in changed}
            if len(next(iter(parts.values()))) != len(self):
                kept["captions"] = None
        return ArraySource(**{**kept, **changes})

    def only(self, parts):
        """Returns a source with only these parts, in this order."""
        parts = list(parts)
        return self.replace(
            parts={part: self.parts[part] for part in parts},
            independent=[part for part in parts[1:] if part in self.independent],
        )

    def reader(self):
        """Returns the graph function `batch(indices, key, first=0)`.

        It takes an int tensor (n,), a seed (2,) for what is drawn at random, and the place of these
        examples within the batch, on which draws depend too. It returns a tensor, or a tuple if
        there are several parts. uint8 images are scaled to [-1, 1].
        """
        readers = {part: reader_of(values) for part, values in self.parts.items()}
        pictures = [part for part, kind in self.spec.items() if isinstance(kind, Image | Film)]
        scaled = {*pictures, next(iter(self.parts))}

        def batch(indices, key, first=0):
            last = first + tf.shape(indices)[0]
            keys = {
                part: tf.random.experimental.stateless_fold_in(key, place, alg="philox")
                for place, part in enumerate(self.independent, start=1)
            }
            parts = {}
            for part, read in readers.items():
                rows = indices
                if part in keys:
                    rows = tf.random.stateless_uniform(
                        (last,), keys[part], 0, len(self.parts[part]), tf.int32, alg="philox"
                    )[first:]
                parts[part] = read(rows)
            for part in pictures if self.flip else ():
                own = key
                if part in keys:  # not the draws that chose the rows
                    own = tf.random.experimental.stateless_fold_in(keys[part], 0, alg="philox")
                drawn = tf.random.stateless_uniform((last,), own, alg="philox")[first:]
                parts[part] = flipped(parts[part], drawn < 0.5)
            made = [pixels.as_floats(v) if part in scaled else v for part, v in parts.items()]
            return tuple(made) if len(made) > 1 else made[0]

        return batch

    def batch(self, indices, key=(0, 0), first=0):
        """Returns the examples at these indices, as `reader` does."""
        return self.reader()(tf.constant(indices), key, first)

    @functools.cached_property
    def fingerprint(self):
        """SHA-256 of the content, independent of its location."""
        own = {part: values for part, values in self.parts.items() if part not in self.origins}
        found = self.fingerprints.get(",".join(own))
        if own and found is None:
            found = list(fingerprints(own).values())[-1]
        origins = {part: self.origins[part] for part in self.parts if part in self.origins}
        if not origins and not self.independent:
            return found
        return hashing.of_json([found, origins, self.independent])


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
    """Returns images (N, H, W, C) or films (N, T, H, W, C), mirrored left to right where `which`
    (N,) says so."""
    which = tf.reshape(which, [-1] + [1] * (images.shape.rank - 1))
    return tf.where(which, tf.reverse(images, [images.shape.rank - 2]), images)
