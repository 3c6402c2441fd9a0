"""The base class of all kinds of input and output."""

import numpy as np
import tensorflow as tf

from kerasgan.utils.errors import UserError


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


def finite(values, name):
    """Returns an assertion, for a graph, that a tensor holds no NaN or infinity."""
    message = f"`{name}` must be finite: it holds NaN or infinite values."
    return tf.debugging.Assert(tf.reduce_all(tf.math.is_finite(values)), [message])
