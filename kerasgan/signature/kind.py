"""The base class of all kinds of input and output."""

import numpy as np
import tensorflow as tf

from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError


class Kind:
    """Base class: a kind overrides what differs.

    A kind is a direct subclass. Its `get_config` contains the constructor's arguments, and "kind":
    the class's name in lower case.

    Attributes:
        shape: Tuple, without the batch.
        dtype: `tf.DType` of the values that networks take.
        source: Source of an input's values when none are passed: "drawn" (from a seed, or in
            turn), "default", or "given" (they must be passed).
        seeded: Whether values are drawn from a seed.
        normal: Whether they are drawn from a standard normal distribution, which can be truncated.
        truncation: Whether exports offer to truncate it.
        turns: Number of values to cycle through when none are passed, or `None`.
        in_example: Whether such an input is part of each training example.
        part, tensor, noun: For outputs: the name in an example ("image"), the name in exports
            ("images"), and the plural in messages.
    """

    shape = ()
    dtype = tf.float32
    source = "given"
    seeded = False
    normal = truncation = False
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
        """Returns a batch in the dtype and range that networks take; in or outside of a graph."""
        return tf.ensure_shape(tf.cast(values, self.dtype), (None, *self.shape))

    def check(self, values, name, num=None):
        """Checks values from a user.

        Args:
            values: Array-like (num, *shape).
            name: Their name in errors.
            num: Required number, or `None` for any.

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

    def check_spec(self, spec, name):
        """Checks dtype and static shape of a part of a dataset's batches; raises UserError."""
        if not self.takes(spec.dtype):
            raise UserError(f"{name} must yield {self.wanted}. Received: dtype={spec.dtype.name}")
        if not self.fits(spec.shape):
            wanted = ", ".join(map(str, ("N", *self.shape)))
            single = self.shape and spec.shape.is_compatible_with(self.shape)
            hint = "; `dataset.batch(64)` makes batches of examples" if single else self.remedy
            raise UserError(
                f"{name} must yield batches of shape ({wanted}). "
                f"Received: shape={tuple(spec.shape)}{hint}"
            )

    wanted = "floats"  # the dtypes that `takes` accepts, in words
    remedy = ""  # for a wrong shape

    def fits(self, shape):
        """Tells whether batches of a static `tf.TensorShape` can be converted."""
        return shape.rank is None or (shape.rank > 0 and shape[1:].is_compatible_with(self.shape))

    def takes(self, dtype):
        """Tells whether values of a dtype can be converted."""
        return dtype.is_floating

    def valid(self, values):
        """Returns a scalar tensor: whether a batch passes `check_batch`."""
        return self.has_shape(values) & tf.reduce_all(tf.math.is_finite(values))

    def has_shape(self, values):
        """Returns a scalar tensor: whether each of a batch's values has the kind's shape."""
        if values.shape[1:].is_fully_defined():
            return tf.constant(tuple(values.shape[1:]) == self.shape)
        sizes = tf.shape(values)[1:]
        return tf.cond(
            tf.size(sizes) == len(self.shape),
            lambda: tf.reduce_all(sizes == tf.constant(self.shape, tf.int32)),
            lambda: tf.constant(False),
        )

    def doubts(self, values):
        """Returns a sentence about valid values that are probably a mistake, or `None`."""
        return None

    def assertions(self, values, name):
        """Returns graph assertions for the values of a request or a stream of batches."""
        return [finite(values, name)]

    def draw(self, num, seed):
        """Returns `num` values, drawn or by default."""
        raise UserError("Values of an input that must be given cannot be drawn.")

    def random(self, generator, num):
        """Returns `num` random valid values of a dataset, for tests and dry runs."""
        return generator.normal(size=(num, *self.shape)).astype("float32")

    def control(self):
        """Returns what a page needs to offer this input, or `None` if pages cannot."""
        return None

    def described(self):
        """Returns the words for this input in a model card's first sentence, or `None`."""
        return None

    @property
    def words(self):
        """What values are, in the plural: "64x64 grey pictures"."""
        return f"{self.noun} of shape ({', '.join(map(str, self.shape))})"

    def literal(self, num=None):
        """Returns a value in JSON and Python syntax, for the examples on cards."""
        value = repr(0.0)
        for size in reversed(self.shape):
            value = f"[{value}] * {size}"
        return f"[{value}]" if num is None else f"[{value}] * {num}"

    def spoken(self, num=None):
        """Returns a value as people pass it to `sample` and to servers, in the same syntax."""
        return self.literal(num)

    # --- As a picture file ---

    files = None  # shape of the files that hold one value, such as (); `None` if files hold none
    background = "white"  # on which transparent files are shown

    def path(self, name):
        """Returns the path of files that an example on a card reads: "folder_of_pictures"."""
        return f"folder_of_{name}"

    def numpy_read(self, name):
        """Returns code that reads one value as `name`, for the examples on cards.

        It calls `read(file, mode, (width, height))`, which gives bytes (1, height, width, C).
        """
        raise NotImplementedError

    def decode(self, files):
        """Returns values out of picture files, in a graph.

        Args:
            files: string tensor (N, *self.files), contents of PNG or JPEG files.

        Returns:
            uint8 tensor (N, *shape), for `from_bytes`.
        """
        raise NotImplementedError

    def from_bytes(self, values):
        """Returns a uint8 batch, 0 to 255, in the dtype and range that networks take."""
        return self.convert(values)

    def to_bytes(self, values):
        """Returns a batch of values as bytes 0 to 255, from which `from_bytes` makes them."""
        return pixels.to_uint8(values)

    def pictures(self, values):
        """Returns the pictures that show values of an input, uint8 (N, pictures, H, W, C), or
        `None` if grids of samples do not show it."""
        return None

    def observed(self, values):
        """Returns a batch in the form that metrics take."""
        return np.asarray(values)

    # --- As an output ---

    part, tensor, noun = "output", "outputs", "outputs"
    sides = (None, None)  # to which real images are resized for scores

    @property
    def size(self):
        """Shape as text: "28 x 28 x 1"."""
        return " x ".join(map(str, self.shape))

    def endpoints(self):
        """Returns further outputs of a SavedModel: dict from suffix to a function of a batch."""
        return {}

    @property
    def picture_shape(self):
        """(height, width, channels) of one sample in `grid`."""
        return self.shape

    def grid(self, values, columns=None):
        """Returns a picture of a batch, uint8 (H, W, C), or `None` if it cannot be drawn."""
        return None

    # What `kerasgan.data.load_source` needs to bring a set of these to this shape.
    data_options = {}

    suffix = None  # of a file that holds one sample, where that is no picture

    def save(self, value, path):
        """Writes one sample as a file with that suffix."""
        raise NotImplementedError

    def summarize(self, draw, step):
        """Writes to TensorBoard what a grid does not show.

        Args:
            draw: Function from a number to so many samples.
            step: Number of the epoch.
        """

    def extractor(self):
        """Returns the default feature extractor for scores, or `None`."""
        return None

    def check_scored(self, what):
        """Raises UserError if there is no default extractor."""
        if self.extractor() is None:
            raise UserError(f"{what} makes {self.noun} {self.shape}, not images.")

    def check_drawn(self, what):
        """Raises UserError if `grid` draws none of these."""
        if type(self).grid is Kind.grid:
            raise UserError(f"{what} makes {self.noun} {self.shape}, not images.")

    def page(self):
        """Returns what a page needs to show these, or `None` if pages cannot."""
        return None


def finite(values, name):
    """Returns an assertion, for a graph, that a tensor holds no NaN or infinity."""
    message = f"`{name}` must be finite: it holds NaN or infinite values."
    return tf.debugging.Assert(tf.reduce_all(tf.math.is_finite(values)), [message])
