"""Features of sounds: log-mel spectrograms, summed up over time."""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from kerasgan.metrics.extractors import Extractor
from kerasgan.utils import hashing, sounds

FRAME, HOP = 0.032, 0.008  # seconds
LOWEST = 20.0  # Hz, where the first band begins
FLOOR = 1e-6  # power, -60 dB, that is added before the logarithm
DEFINITION = 1  # of the features; another one makes another hash


def log_mel(audio, rate, bands=32, hop=None):
    """Returns log-mel spectrograms.

    Frames of 32 ms begin every `hop` samples; the last ones reach beyond the end, into silence.
    Each is weighted by a Hann window, and its Fourier transform scaled so that a sine of amplitude
    1 has the peak 1. Powers are summed up with triangular weights over bands that are equally
    spaced on the mel scale, 1127 ln(1 + f / 700), from 20 Hz to half the rate.

    Args:
        audio: float32 tensor (N, T) in [-1, 1].
        rate: Samples per second.
        bands: Number of mel bands.
        hop: Samples from frame to frame; 8 ms by default.

    Returns:
        float32 tensor (N, ceil(T / hop), bands): ln(power + 1e-6), from -13.8 for silence.

    Example:

    >>> silence = log_mel(tf.zeros((1, 4096)), rate=16000)
    >>> silence.shape, round(float(silence[0, 0, 0]), 1)
    (TensorShape([1, 32, 32]), -13.8)
    """
    frame = 2 * round(FRAME / 2 * rate)  # even: the window is periodic
    window = tf.signal.hann_window(frame)
    transformed = tf.signal.stft(
        audio, frame, hop or round(HOP * rate), window_fn=lambda *_, **__: window, pad_end=True
    )
    power = (tf.abs(transformed) * 2.0 / tf.reduce_sum(window)) ** 2
    weights = tf.signal.linear_to_mel_weight_matrix(
        bands, transformed.shape[-1], rate, LOWEST, rate / 2, dtype=tf.float64
    )
    return tf.math.log(power @ tf.cast(weights, tf.float32) + FLOOR)


@dataclasses.dataclass(frozen=True)
class LogMel(Extractor):
    """Log-mel spectrograms of sounds, summed up over time: 96 features, without weights.

    Of each of the 32 bands of `log_mel`: the mean over all frames, the standard deviation, and the
    covariance with time, where time has mean 0 and standard deviation 1, by which a sound that
    fades differs from one that swells. The Frechet distance of these is called `FD[log-mel]`: it
    compares loudness, colour and course of sounds, not their phase. Sounds are 16-bit samples, as
    in WAV files.

    Args:
        rate: Samples per second. At other rates than 16,000 the distance has another name,
            `FD[log-mel@8000]`.

    Example:

    >>> audio = np.random.default_rng(0).integers(-9999, 9999, (5, 4096, 1)).astype("int16")
    >>> LogMel()(audio).shape
    (5, 96)
    >>> LogMel().distance_name, LogMel(8000).distance_name
    ('FD[log-mel]', 'FD[log-mel@8000]')
    """

    rate: int = 16000

    name: ClassVar[str] = "log-mel"
    bands: ClassVar[int] = 32
    dim: ClassVar[int] = 96
    noun: ClassVar[str] = "sound"
    spec: ClassVar[tf.TensorSpec] = tf.TensorSpec((None, None, 1), tf.int16)

    @property
    def sha256(self):
        """Hash of the definition, since there is no file of weights."""
        return hashing.of_json(
            [self.name, DEFINITION, self.rate, self.bands, FRAME, HOP, LOWEST, FLOOR]
        )

    @property
    def distance_name(self):
        """`"FD[log-mel]"` at 16 kHz, which defines it; another rate is named."""
        return "FD[log-mel]" if self.rate == 16000 else f"FD[log-mel@{self.rate}]"

    def check(self, values):
        if values.dtype != np.int16:
            raise ValueError(f"Sounds must be int16. Received: dtype={values.dtype}")
        if values.ndim != 3 or values.shape[-1] != 1 or values.size == 0:
            raise ValueError(
                f"Sounds must have shape (N, T, 1) with N at least 1. Received: "
                f"shape={values.shape}"
            )

    def batches(self, values, size=256):
        """Yields sounds (N, T, 1), int16 or float in [-1, 1], as int16 batches."""
        for start in range(0, len(values), size):
            batch = np.asarray(values[start : start + size])
            yield batch if batch.dtype == np.int16 else sounds.to_int16(batch)

    def preprocess(self, audio):
        """Returns the log-mel spectrograms (N, frames, bands) of an int16 tensor (N, T, 1)."""
        return log_mel(tf.cast(audio[..., 0], tf.float32) / sounds.SCALE, self.rate, self.bands)

    def build_network(self):
        """Returns the function from spectrograms to features, and to no logits."""
        return summed_up


def summed_up(spectrogram, training=False):
    """Returns mean, standard deviation and covariance with time of each band, and no logits.

    Args:
        spectrogram: float32 tensor (N, frames, bands).
        training: Not used.

    Returns:
        List of float32 tensors (N, 3 * bands) and (N, 0).
    """
    mean = tf.reduce_mean(spectrogram, axis=1)
    centred = spectrogram - mean[:, tf.newaxis]
    deviation = tf.sqrt(tf.reduce_mean(centred**2, axis=1))
    number = tf.cast(tf.shape(spectrogram)[1], tf.float32)
    time = tf.range(number) - (number - 1.0) / 2.0
    time = tf.math.divide_no_nan(time, tf.sqrt(tf.reduce_mean(time**2)))  # 0 for a single frame
    covariance = tf.reduce_mean(centred * time[:, tf.newaxis], axis=1)
    features = tf.concat([mean, deviation, covariance], axis=1)
    return [features, features[:, :0]]
