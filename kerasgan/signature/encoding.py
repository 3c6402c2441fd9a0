"""A small encoder of texts: hashed pieces of words, a table, a sum.

NumPy, TensorFlow and JavaScript (`kerasgan/export/page/texts.js`) compute the same vectors.
"""

import base64

import keras
import numpy as np
import tensorflow as tf

from kerasgan.utils.errors import UserError, check_count

LENGTHS = (3, 4, 5, 6)  # of the pieces, in bytes of UTF-8, with the space before or after a word
MOST = 256  # bytes of a text
OFFSET, PRIME = 2166136261, 16777619  # of the hash FNV-1a with 32 bits
SPACE = 32


@keras.saving.register_keras_serializable(package="kerasgan")
class TextEncoder:
    """Turns short texts into vectors of length sqrt(dim), so of entries around 1.

    A text is its bytes in UTF-8; capital letters A to Z count as small ones, and other signs of
    ASCII than letters and digits as spaces. All pieces of 3 to 6 bytes that hold no space but at
    their ends (" ca", "cat", "at ", " cat" ...) are hashed to a row of the table; the rows are
    summed up and brought to one length. Words that the table was never trained on share pieces with
    others, so they have a vector, too, of lesser meaning.

    Args:
        table: int8 array (buckets, dim), or its bytes in base64.
        dim: Length of the vectors, if `table` is text.

    Example:

    >>> table = np.random.default_rng(0).integers(-127, 128, (64, 8)).astype("int8")
    >>> encode = TextEncoder(table)
    >>> encode(["smiling cat", "Smiling cat!", "кот"]).shape
    (3, 8)
    """

    def __init__(self, table, dim=None):
        if isinstance(table, str):
            check_count(dim, "dim")
            table = np.frombuffer(base64.b64decode(table), np.int8).reshape(-1, dim)
        self.table = np.asarray(table, np.int8)
        self.buckets, self.dim = self.table.shape

    def get_config(self):
        return {"table": base64.b64encode(self.table.tobytes()).decode(), "dim": self.dim}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"TextEncoder({self.buckets} x {self.dim})"

    def __eq__(self, other):
        return isinstance(other, TextEncoder) and np.array_equal(self.table, other.table)

    def __hash__(self):
        return hash(self.table.tobytes())

    def __call__(self, texts):
        """Returns the vectors of a list of texts, float32 (N, dim).

        Raises:
            UserError: If a text holds no letter or digit, or is longer than 256 bytes.
        """
        return normalised(counts(checked(texts, "text"), self.buckets) @ self.table.astype("f4"))

    def in_graph(self, texts):
        """As `__call__`, for a string tensor (N,) in a graph; `valid` tells what to refuse."""
        codes = tf.cast(tf.io.decode_raw(texts, tf.uint8, fixed_length=MOST), tf.int64)
        codes = tf.gather(tf.constant(FOLDED, tf.int64), codes)
        codes = tf.pad(codes, [[0, 0], [1, 1]], constant_values=SPACE)
        places = []
        for length in LENGTHS:
            pieces = tf.stack([codes[:, i : MOST + 3 - length + i] for i in range(length)], axis=2)
            hashed = tf.fill(tf.shape(pieces)[:2], tf.constant(OFFSET, tf.int64))
            for i in range(length):
                hashed = tf.bitwise.bitwise_xor(hashed, pieces[..., i])
                hashed = hashed * PRIME % 2**32
            word = tf.reduce_all(pieces[..., 1:-1] != SPACE, axis=2)
            places.append(tf.where(word, hashed % self.buckets, self.buckets))
        rows = np.concatenate([self.table, np.zeros((1, self.dim), np.int8)]).astype("float32")
        total = tf.reduce_sum(tf.gather(tf.constant(rows), tf.concat(places, 1)), axis=1)
        length = tf.norm(total, axis=1, keepdims=True)
        return total / tf.maximum(length, 1.0) * self.dim**0.5


def folded():
    """Returns what each byte counts as: capitals as small letters, other signs as a space."""
    table = np.full(256, SPACE, np.uint8)
    kept = [*range(ord("a"), ord("z") + 1), *range(ord("0"), ord("9") + 1), *range(128, 256)]
    table[kept] = kept
    table[ord("A") : ord("Z") + 1] = np.arange(ord("a"), ord("z") + 1)
    return table


FOLDED = folded()


def checked(texts, name):
    """Returns texts as a list of str, or raises UserError."""
    texts = [each.decode(errors="replace") if isinstance(each, bytes) else each for each in texts]
    for each in texts:
        if not isinstance(each, str):
            raise UserError(f"`{name}` must hold texts. Received: {each!r}")
        content = bytes_of(each)
        if len(content) > MOST:
            raise UserError(
                f"`{name}` must have at most {MOST} bytes. Received: a text of {len(content):,}, "
                f'"{each[:40]} ..."'
            )
        if (FOLDED[content] == SPACE).all():
            raise UserError(
                f"`{name}` must hold at least one letter or digit. Received: {each[:40]!r}"
            )
    return texts


def valid(texts):
    """Returns a bool tensor (N,): whether `TextEncoder` takes these texts, a string tensor (N,)."""
    codes = tf.io.decode_raw(texts, tf.uint8, fixed_length=MOST)
    words = tf.gather(tf.constant(FOLDED), tf.cast(codes, tf.int32)) != SPACE
    return (tf.strings.length(texts) <= MOST) & tf.reduce_any(words, axis=1)


def bytes_of(text):
    """Returns the bytes of a text in UTF-8, uint8 array; a question mark for what is no letter of
    any script, as a command line makes of broken bytes."""
    return np.frombuffer(text.encode(errors="replace"), np.uint8)


def hashes(text):
    """Returns the FNV-1a hashes of a text's pieces, uint64 array, with repetitions.

    Example:

    >>> [int(each) for each in hashes("a")], len(hashes("cat"))
    ([2694237422], 6)
    """
    content = bytes_of(text)
    codes = np.full(len(content) + 2, SPACE, np.uint64)
    codes[1:-1] = FOLDED[content]
    found = []
    for length in LENGTHS:
        if len(codes) < length:
            break
        pieces = np.lib.stride_tricks.sliding_window_view(codes, length)
        hashed = np.full(len(pieces), OFFSET, np.uint64)
        for i in range(length):
            hashed = (hashed ^ pieces[:, i]) * np.uint64(PRIME) % np.uint64(2**32)
        found.append(hashed[(pieces[:, 1:-1] != SPACE).all(axis=1)])
    return np.concatenate(found)


def counts(texts, buckets):
    """Returns how often the pieces of each text fall into each row, float32 (N, buckets)."""
    rows = [
        np.bincount(hashes(each).astype(np.int64) % buckets, minlength=buckets) for each in texts
    ]
    return np.stack(rows).astype(np.float32)


def normalised(sums):
    """Brings sums of rows (N, dim) to the length sqrt(dim); zeros stay zeros.

    Sums of whole numbers are exact in float64, so that every machine finds the same vectors.
    """
    sums = sums.astype(np.float64)
    lengths = np.sqrt((sums**2).sum(axis=1, keepdims=True))
    return (sums / np.maximum(lengths, 1.0) * sums.shape[1] ** 0.5).astype(np.float32)
