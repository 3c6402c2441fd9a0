"""The kinds of input and output that a generator can have.

A kind knows its shape and dtype, how values of it are checked, drawn and served, and, as an output,
how people look at it. `kerasgan.signature` puts kinds together.
"""

import math

import numpy as np
import tensorflow as tf

from kerasgan import checks, images
from kerasgan.errors import UserError, check_count


class Kind:
    """What the kinds have in common; a kind overrides what differs.

    Attributes:
        shape: Tuple, without the batch.
        dtype: `tf.DType` of the values that networks take.
        source: Where an input's values come from unless they are passed: "drawn" (from a seed, or
            in turn), "default", or "given": there are none but those that are passed.
        seeded: Whether values are drawn from a seed.
        turns: Number of values that take turns where none is given, or `None`.
        in_example: Whether an input of this kind is a part of each training example.
        part, tensor, noun: As an output, its name in an example ("image") and in exports
            ("images"), and what sentences call several of them.
    """

    shape = ()
    dtype = tf.float32
    source = "given"
    seeded = False
    turns = None
    in_example = True

    def __repr__(self):
        arguments = {k: v for k, v in self.get_config().items() if k != "kind"}
        first, *others = arguments.items()
        named = [f"{key}={value!r}" for key, value in others if value is not None]
        return f"{type(self).__name__}({', '.join([repr(first[1]), *named])})"

    def __eq__(self, other):
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self):
        return hash(repr(self))

    def spec(self, name, num=None):
        """Returns the `tf.TensorSpec` of a batch of these."""
        return tf.TensorSpec((num, *self.shape), self.dtype, name=name)

    def convert(self, values):
        """Returns values in the dtype and range that networks take; in or outside of a graph."""
        return tf.cast(values, self.dtype)

    def check(self, values, name, num=None):
        """Checks values that a user passed.

        Args:
            values: Array-like (num, *shape).
            name: What the error calls them.
            num: How many there must be, if it matters.

        Returns:
            Array of `dtype`.

        Raises:
            UserError: If shape, dtype or range is wrong.
        """
        values = np.asarray(values)
        self._check_shape(values, name, num)
        values = values.astype(self.dtype.as_numpy_dtype)
        if not np.isfinite(values).all():
            raise UserError(f"`{name}` must be finite: it holds NaN or infinite values.")
        return values

    def _check_shape(self, values, name, num):
        wanted = (len(values) if num is None and values.ndim else num, *self.shape)
        number = np.issubdtype(values.dtype, np.number)
        whole = not self.dtype.is_integer or np.issubdtype(values.dtype, np.integer)
        if values.shape != wanted or not (number and whole):
            raise UserError(
                f"`{name}` must have shape {wanted}, dtype {self.dtype.name}. "
                f"Received: shape={values.shape}, dtype={values.dtype}"
            )

    def check_batch(self, values, name):
        """Checks a batch of a dataset; raises UserError."""
        self.check(values, name)

    def check_dtype(self, dtype, name):
        """Refuses the dtype of a dataset's part, raising UserError."""
        if not dtype.is_floating:
            raise UserError(f"{name} must yield floats. Received: dtype={dtype.name}")

    def assertions(self, values, name):
        """Returns the graph's assertions on values of a request, or of a stream of batches."""
        return [finite(values, name)]

    def draw(self, num, seed):
        """Returns `num` values, drawn or by default."""
        raise UserError("Values of an input that must be given cannot be drawn.")

    def random(self, generator, num):
        """Returns `num` valid values for trials, as a dataset would hold them."""
        return generator.normal(size=(num, *self.shape)).astype("float32")

    def control(self):
        """Returns what a page must know to offer this input, or `None`: pages cannot yet."""
        return None

    def described(self):
        """Returns what a card's first sentence says of this input, or `None`."""
        return None

    def literal(self, num=None):
        """Returns a value as JSON and Python write it, for the examples on cards."""
        value = repr(0.0)
        for size in reversed(self.shape):
            value = f"[{value}] * {size}"
        return f"[{value}]" if num is None else f"[{value}] * {num}"

    def observed(self, values):
        """Returns a batch as metrics see it."""
        return np.asarray(values)

    # --- As an output ---

    part, tensor, noun = "output", "outputs", "outputs"
    sides = (None, None)  # to which real images are brought before they are compared with samples

    @property
    def size(self):
        """Shape as people write it."""
        return " x ".join(map(str, self.shape))

    def endpoints(self):
        """Returns dict of a SavedModel's further forms: suffix to function of a batch to a dict."""
        return {}

    @property
    def picture_shape(self):
        """(height, width, channels) of one sample in `grid`."""
        return self.shape

    def grid(self, values, columns=None):
        """Returns a picture of a batch, uint8 (H, W, C), or `None`: it cannot be drawn yet."""
        return None

    def extractor(self):
        """Returns the feature extractor that scores these by default, or `None`."""
        return None

    def check_scored(self, what):
        """Raises UserError where no score makes sense without an extractor of the user's."""
        raise UserError(f"{what} makes {self.noun} {self.shape}, not images.")

    def page(self):
        """Returns what a page must know to show these, or `None`: pages cannot yet."""
        return None


class Latent(Kind):
    """A latent vector: drawn from a seed, standard normal or uniform.

    Args:
        dim: Length.
        uniform: Tuple (low, high) of a uniform distribution, or `None` for a standard normal one.

    Example:

    >>> Latent(100, uniform=(-1, 1)).draw(2, [0, 0]).shape
    TensorShape([2, 100])
    """

    source, seeded, in_example = "drawn", True, False

    def __init__(self, dim, uniform=None):
        check_count(dim, "dim")
        self.shape = (int(dim),)
        self.dim = int(dim)
        self.uniform = None if uniform is None else tuple(map(float, uniform))

    def get_config(self):
        uniform = None if self.uniform is None else list(self.uniform)
        return {"kind": "latent", "dim": self.dim, "uniform": uniform}

    def draw(self, num, seed):
        if self.uniform is None:
            return tf.random.stateless_normal((num, self.dim), seed, alg="philox")
        return tf.random.stateless_uniform((num, self.dim), seed, *self.uniform, alg="philox")

    @property
    def walk(self):
        """How to interpolate: normal vectors have nearly one length, which a line would leave."""
        return "spherical" if self.uniform is None else "linear"

    def control(self):
        prior = {"distribution": "normal"}
        if self.uniform is not None:
            low, high = self.uniform
            prior = {"distribution": "uniform", "low": low, "high": high}
        return {"latent_dim": self.dim, "prior": prior}

    def numpy_draw(self):
        """Returns the call of a NumPy generator that draws one, for the examples on cards."""
        draw = "normal("
        if self.uniform is not None:
            low, high = self.uniform
            draw = f"uniform({low:.6g}, {high:.6g}, "
        return f"{draw}size=(1, {self.dim}))"


class Label(Kind):
    """A class id, int32; classes take turns where none is given.

    Args:
        num_classes: Number of classes.

    Example:

    >>> Label(3).draw(5, None).numpy()
    array([0, 1, 2, 0, 1], dtype=int32)
    """

    dtype = tf.int32
    source = "drawn"
    part, tensor, noun = "label", "labels", "labels"

    def __init__(self, num_classes):
        check_count(num_classes, "num_classes")
        self.num_classes = self.turns = int(num_classes)

    def get_config(self):
        return {"kind": "label", "num_classes": self.num_classes}

    def draw(self, num, seed):
        return tf.range(num, dtype=tf.int32) % self.num_classes

    def check(self, values, name, num=None):
        values = np.asarray(values)
        self._check_shape(values, name, num)
        checks.check_labels(values, self.num_classes, f"`{name}`")
        return values.astype("int32")

    def check_batch(self, values, name):
        checks.check_labels(values, self.num_classes, name)

    def check_dtype(self, dtype, name):
        if not dtype.is_integer:
            raise UserError(
                f"`{name}` must be class ids, whole numbers. Received: dtype={dtype.name}"
            )

    def assertions(self, values, name):
        known = tf.reduce_all((values >= 0) & (values < self.num_classes))
        message = f"`{name}` must lie in 0 to {self.num_classes - 1}. Received:"
        return [tf.debugging.Assert(known, [message, values])]

    def random(self, generator, num):
        return generator.integers(0, self.num_classes, num).astype("int32")

    def control(self):
        return {"num_classes": self.num_classes}

    def described(self):
        return f"in {self.num_classes} classes"

    def literal(self, num=None):
        return "[0]" if num is None else f"[0] * {num}"


class Scalar(Kind):
    """A number that the generator takes beside the rest, such as a truncation.

    Args:
        default: Its value where none is given.
        low, high: Range, both ends included, or `None`.

    Example:

    >>> Scalar(1.0, low=0.0).draw(2, None).numpy()
    array([1., 1.], dtype=float32)
    """

    source, in_example = "default", False

    def __init__(self, default, low=None, high=None):
        self.default, self.low, self.high = default, low, high

    def get_config(self):
        return {"kind": "scalar", "default": self.default, "low": self.low, "high": self.high}

    def draw(self, num, seed):
        return tf.fill((num,), tf.constant(self.default, tf.float32))

    def check(self, values, name, num=None):
        values = np.asarray(values)
        if values.ndim == 0 and num is not None:
            values = np.full(num, values)
        values = super().check(values, name, num)
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if not ((values >= low) & (values <= high)).all():
            raise UserError(
                f"`{name}` must lie in [{low:g}, {high:g}]. "
                f"Received: {values.min():g} to {values.max():g}"
            )
        return values

    def assertions(self, values, name):
        made = super().assertions(values, name)
        if self.low is not None:
            made.append(tf.debugging.assert_greater_equal(values, self.low, f"`{name}` is too low"))
        if self.high is not None:
            made.append(tf.debugging.assert_less_equal(values, self.high, f"`{name}` is too high"))
        return made

    def literal(self, num=None):
        return f"[{self.default}]" if num is None else f"[{self.default}] * {num}"


class Vector(Kind):
    """A vector of numbers of any range: a condition, or a point that a generator makes.

    Args:
        dim: Length.
    """

    part, tensor, noun = "image", "images", "points"  # names that exports of points always had

    def __init__(self, dim):
        check_count(dim, "dim")
        self.shape = (int(dim),)

    def get_config(self):
        return {"kind": "vector", "dim": self.shape[0]}

    def check_batch(self, values, name):
        checks.check_images(np.asarray(values), name, self.shape)


class Image(Kind):
    """A picture, float32 (height, width, channels) in [-1, 1]; uint8 is scaled to that.

    Args:
        shape: (height, width, channels).
    """

    part, tensor, noun = "image", "images", "images"

    def __init__(self, shape):
        self.shape = tuple(int(size) for size in shape)
        if len(self.shape) != 3:
            raise UserError(
                f"The shape of an image is (height, width, channels). Received: {shape}"
            )

    def get_config(self):
        return {"kind": "image", "shape": list(self.shape)}

    def __repr__(self):
        return f"Image({self.shape})"

    def convert(self, values):
        return checks.scale(values)

    def check(self, values, name, num=None):
        values = np.asarray(values)
        checks.check_images(values, f"`{name}`", self.shape)
        if num is not None and len(values) != num:
            raise UserError(f"`{name}` must hold {num} images. Received: {len(values)}")
        return images.from_uint8(values) if values.dtype == np.uint8 else values.astype("float32")

    def check_batch(self, values, name):
        checks.check_images(np.asarray(values), name, self.shape)

    def check_dtype(self, dtype, name):
        if not (dtype.is_floating or dtype == tf.uint8):
            raise UserError(
                f"`x` must yield {self.noun} as uint8, or as float in [-1, 1]. "
                f"Received: dtype={dtype.name}"
            )

    def assertions(self, values, name):
        in_range = tf.reduce_all(tf.abs(values) <= 1.0 + checks.TOLERANCE)
        message = f"`{name}` must lie in [-1, 1]."
        return [finite(values, name), tf.debugging.Assert(in_range, [message])]

    def random(self, generator, num):
        return generator.integers(0, 256, (num, *self.shape), dtype=np.uint8)

    @property
    def sides(self):
        return self.shape[:2]

    def endpoints(self):
        def as_bytes(values):
            levels = tf.round((values + 1.0) * 127.5)
            return tf.cast(tf.clip_by_value(levels, 0, 255), tf.uint8)

        return {
            "uint8": lambda values: {"images": as_bytes(values)},
            "png": lambda values: {"image_bytes": tf.io.encode_png(as_bytes(values))},
        }

    def grid(self, values, columns=None):
        return images.grid(values, columns)

    def observed(self, values):
        values = np.asarray(values)
        return values if values.dtype == np.uint8 else images.to_uint8(values)

    def extractor(self):
        from kerasgan import metrics

        return metrics.EfficientNetLite0()

    def check_scored(self, what):
        pass

    def page(self):
        shown = self.shape[-1] in (1, 3)
        return {"image_shape": list(self.shape)} if shown else None


class Waveform(Kind):
    """Sound of one channel, float32 (length, 1) in [-1, 1].

    Args:
        length: Samples.
        rate: Samples a second.
    """

    part, tensor, noun = "audio", "audio", "sounds"

    def __init__(self, length, rate=16000):
        check_count(length, "length")
        check_count(rate, "rate")
        self.length, self.rate = int(length), int(rate)
        self.shape = (self.length, 1)

    def get_config(self):
        return {"kind": "waveform", "length": self.length, "rate": self.rate}

    def check(self, values, name, num=None):
        values = super().check(values, name, num)
        if values.size and np.abs(values).max() > 1.0 + checks.TOLERANCE:
            raise UserError(
                f"`{name}` must lie in [-1, 1]. Received: values from {values.min():g} to "
                f"{values.max():g}"
            )
        return values

    def assertions(self, values, name):
        in_range = tf.reduce_all(tf.abs(values) <= 1.0 + checks.TOLERANCE)
        message = f"`{name}` must lie in [-1, 1]."
        return [finite(values, name), tf.debugging.Assert(in_range, [message])]

    def random(self, generator, num):
        return generator.uniform(-1, 1, (num, *self.shape)).astype("float32")

    def endpoints(self):
        def wav(values):
            return tf.map_fn(
                lambda each: tf.audio.encode_wav(each, self.rate),
                tf.clip_by_value(values, -1.0, 1.0),
                fn_output_signature=tf.string,
            )

        return {"wav": lambda values: {"audio_bytes": wav(values)}}

    picture_shape = (64, 128, 1)

    def grid(self, values, columns=None):
        return images.grid(np.stack([waveform(each[:, 0]) for each in values]), columns)


def waveform(samples, height=64, width=128):
    """Draws the envelope of a sound: (samples,) in [-1, 1] -> uint8 (height, width, 1)."""
    picture = np.full((height, width, 1), 255, np.uint8)
    pieces = np.array_split(np.clip(samples, -1, 1), min(width, len(samples)))
    for x, piece in enumerate(pieces):
        top, bottom = ((1 - np.array([piece.max(), piece.min()])) / 2 * (height - 1)).round()
        picture[int(top) : int(bottom) + 1, x] = 0
    return picture


def finite(values, name):
    """Returns an assertion, for a graph, that a tensor holds no NaN or infinity."""
    message = f"`{name}` must be finite: it holds NaN or infinite values."
    return tf.debugging.Assert(tf.reduce_all(tf.math.is_finite(values)), [message])


KINDS = {
    "latent": Latent,
    "label": Label,
    "scalar": Scalar,
    "vector": Vector,
    "image": Image,
    "waveform": Waveform,
}
