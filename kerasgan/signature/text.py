"""Texts, which networks take as vectors."""

import numpy as np
import tensorflow as tf

from kerasgan.signature import encoding
from kerasgan.signature.encoding import TextEncoder
from kerasgan.signature.kind import Kind
from kerasgan.utils.errors import UserError, check_count


class Text(Kind):
    """A text: a vector that a user's encoder made, or, with an encoder, the text itself.

    Args:
        dim: Length of the vectors.
        encoder: `kerasgan.signature.TextEncoder`, or its config, or `None`.

    Raises:
        UserError: If the encoder makes vectors of another length.

    Example:

    >>> Text(4).check(np.zeros((2, 4)), "text").shape
    (2, 4)
    """

    noun = "texts"

    def __init__(self, dim, encoder=None):
        check_count(dim, "dim")
        self.shape = (int(dim),)
        self.encoder = TextEncoder.from_config(encoder) if isinstance(encoder, dict) else encoder
        if self.encoder is not None and self.encoder.dim != dim:
            raise UserError(
                f"The encoder makes vectors of length {self.encoder.dim}. Received: dim={dim}"
            )

    def get_config(self):
        encoder = None if self.encoder is None else self.encoder.get_config()
        return {"kind": "text", "dim": self.shape[0], "encoder": encoder}

    def __repr__(self):
        return f"Text({self.shape[0]}{'' if self.encoder is None else ', ' + repr(self.encoder)})"

    def check(self, values, name, num=None):
        values = np.asarray(values)
        if values.dtype.kind not in "USO":
            return super().check(values, name, num)
        if self.encoder is None:
            raise UserError(
                f"`{name}` must be vectors of length {self.shape[0]}, made by the encoder that the "
                f"model was trained with: it has none of its own. Received: texts"
            )
        if values.ndim != 1 or num not in (None, len(values)):
            wanted = "texts" if num is None else f"{num} texts"
            raise UserError(f"`{name}` must hold {wanted}. Received: shape={values.shape}")
        encoding.checked(values, name)
        return self.encoder(values)

    wanted = "vectors of floats, or texts if the model has an encoder"

    def takes(self, dtype):
        return dtype.is_floating or (dtype == tf.string and self.encoder is not None)

    def fits(self, shape):
        return super().fits(shape) or (shape.rank == 1 and self.encoder is not None)

    def convert(self, values):
        if values.dtype == tf.string:
            values = self.encoder.in_graph(tf.ensure_shape(values, (None,)))
        return super().convert(values)

    def valid(self, values):
        if values.dtype == tf.string:
            return tf.reduce_all(encoding.valid(tf.reshape(values, [-1])))
        return super().valid(values)

    def text_assertions(self, texts, name):
        """Returns graph assertions for the texts of a request, a string tensor (N,)."""
        message = f"`{name}` must hold letters or digits, and at most {encoding.MOST} bytes."
        return [tf.debugging.Assert(self.valid(texts), [message])]

    def spoken(self, num=None):
        if self.encoder is None:
            return self.literal(num)
        return '["smiling cat"]' + ("" if num is None else f" * {num}")

    def control(self):
        return None if self.encoder is None else {"encoder": self.encoder.get_config()}

    def described(self):
        return (
            "from words" if self.encoder is not None else f"from texts as {self.shape[0]} numbers"
        )

    @property
    def words(self):
        return "texts" if self.encoder is not None else f"vectors of {self.shape[0]}"
