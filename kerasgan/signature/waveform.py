"""Sound."""

import numpy as np
import tensorflow as tf

from kerasgan.signature.checks import TOLERANCE
from kerasgan.signature.kind import Kind, finite
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError, check_count


class Waveform(Kind):
    """Mono sound, float32 (length, 1) in [-1, 1].

    Args:
        length: Number of samples.
        rate: Samples per second.
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
        if values.size and np.abs(values).max() > 1.0 + TOLERANCE:
            raise UserError(
                f"`{name}` must lie in [-1, 1]. Received: values from {values.min():g} to "
                f"{values.max():g}"
            )
        return values

    def valid(self, values):
        return self.has_shape(values) & tf.reduce_all(tf.abs(values) <= 1.0 + TOLERANCE)

    def assertions(self, values, name):
        in_range = tf.reduce_all(tf.abs(values) <= 1.0 + TOLERANCE)
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

    @property
    def words(self):
        return f"sounds of {self.length} samples"

    picture_shape = (64, 128, 1)

    def grid(self, values, columns=None):
        return pixels.grid(np.stack([waveform(each[:, 0]) for each in values]), columns)


def waveform(samples, height=64, width=128):
    """Draws the envelope of a sound: (samples,) in [-1, 1] -> uint8 (height, width, 1)."""
    picture = np.full((height, width, 1), 255, np.uint8)
    pieces = np.array_split(np.clip(samples, -1, 1), min(width, len(samples)))
    for x, piece in enumerate(pieces):
        top, bottom = ((1 - np.array([piece.max(), piece.min()])) / 2 * (height - 1)).round()
        picture[int(top) : int(bottom) + 1, x] = 0
    return picture
