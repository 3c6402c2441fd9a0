"""Sound."""

import numpy as np
import tensorflow as tf

from kerasgan.signature.checks import TOLERANCE
from kerasgan.signature.kind import Kind, finite
from kerasgan.utils import pixels, sounds, spectra
from kerasgan.utils.errors import UserError, check_count

HEARD = 8  # sounds that TensorBoard gets
PLAYED = (8000, 96000)  # rates that every browser plays


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
    def size(self):
        return f"{self.length:,} samples at {self.rate:,} Hz, {self.length / self.rate:.2f} s"

    @property
    def words(self):
        return f"sounds of {self.length} samples"

    picture_shape = (spectra.SPECTRUM + spectra.GAP + spectra.WAVE, spectra.WIDTH, 3)

    def grid(self, values, columns=None):
        """Draws a spectrogram of each sound, from 20 Hz at the bottom to half the rate and from
        -60 dB to 0, and its waveform below."""
        from kerasgan.metrics import log_mel

        values = np.asarray(values, np.float32)[..., 0]
        hop = max(1, self.length // spectra.WIDTH)
        levels = [
            log_mel(values[i : i + 16], self.rate, spectra.SPECTRUM, hop).numpy()
            for i in range(0, len(values), 16)
        ]
        levels = 1.0 + np.concatenate(levels) / np.log(1e6)
        return pixels.grid(
            np.stack([spectra.picture(*each) for each in zip(values, levels, strict=True)]), columns
        )

    def observed(self, values):
        values = np.asarray(values)
        return values if values.dtype == np.int16 else sounds.to_int16(values)

    def extractor(self):
        from kerasgan import metrics

        return metrics.LogMel(self.rate)

    @property
    def data_options(self):
        return {"length": self.length, "rate": self.rate}

    def page(self):
        if not PLAYED[0] <= self.rate <= PLAYED[1]:
            return None
        return {"sound": {"length": self.length, "rate": self.rate}}

    suffix = ".wav"

    def save(self, value, path):
        sounds.save_wav(value, path, self.rate)

    def summarize(self, draw, step):
        tf.summary.audio("sounds", draw(HEARD), self.rate, step, max_outputs=HEARD)
