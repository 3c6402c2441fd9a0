"""Reads sound files, and converts between [-1, 1] and 16-bit samples. Needs no TensorFlow."""

import dataclasses
import math
import wave

import numpy as np

from kerasgan.utils.errors import UserError
from kerasgan.utils.files import replacing

# Files that soundfile (libsndfile) reads.
SUFFIXES = {
    ".aif",
    ".aiff",
    ".au",
    ".caf",
    ".flac",
    ".mp3",
    ".oga",
    ".ogg",
    ".opus",
    ".w64",
    ".wav",
}
NORMALIZE = ("peak", "loudness", "none")
ONSET = 0.01  # share of the peak, -40 dB, at which a sound begins
SILENT = 2.0**-15  # peak of the smallest 16-bit sample: what is below is silence
RMS = 0.1  # root mean square of a sound whose loudness is normalized, -20 dB
SCALE = 2**15


def to_int16(audio):
    """Converts sound from [-1, 1] to 16-bit samples, as WAV files hold them.

    Args:
        audio: float array of any shape.

    Returns:
        int16 array: `round(x * 32768)`, clipped, halves away from 0, as `tf.audio.encode_wav`
        does. -1 and 1 become -32768 and 32767.

    Raises:
        ValueError: If a value is NaN or infinite.

    Example:

    >>> to_int16(np.array([-1.0, 0.0, 0.5, 1.0]))
    array([-32768,      0,  16384,  32767], dtype=int16)
    """
    audio = np.asarray(audio, np.float32)
    if not np.isfinite(audio).all():
        raise ValueError("Sounds hold NaN or infinite values, which no sample stands for.")
    rounded = np.trunc(audio * SCALE + np.copysign(np.float32(0.5), audio))
    return np.clip(rounded, -SCALE, SCALE - 1).astype(np.int16)


def from_int16(samples):
    """Converts 16-bit samples to float32 in [-1, 1): `x / 32768`."""
    return np.asarray(samples, np.float32) / SCALE


def save_wav(audio, path, rate):
    """Writes a mono WAV file of 16 bits, atomically.

    Args:
        audio: float array (T,) or (T, 1) in [-1, 1].
        path: File to write, such as "kick.wav".
        rate: Samples per second.

    Example:

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/silence.wav"
    >>> save_wav(np.zeros(100), path, rate=8000)
    >>> with wave.open(path) as file:
    ...     file.getframerate(), file.getnframes()
    (8000, 100)
    """
    if str(path)[-4:].lower() != ".wav":
        raise UserError(f"Sounds are written as .wav. Received: {path}")
    with replacing(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(to_int16(audio).astype("<i2").tobytes())


@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads sound files alike: mono, resampled, from their onset, of one length.

    Args:
        length: Number of samples; longer sounds are cut, shorter ones end with silence.
        rate: Samples per second, to which files are resampled.
        normalize: "peak" brings the highest sample to 1, "loudness" the root mean square to 0.1, or
            as near as the highest sample allows; "none" leaves sounds as loud as they are.
    """

    length: int
    rate: int
    normalize: str = "peak"

    def sounds(self, paths):
        """Returns for each path a float32 array (length, 1), or a text: what is wrong with it."""
        return [self.sound(path) for path in paths]

    def sound(self, path):
        import soundfile

        try:
            audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
            reason = getattr(error, "error_string", None) or error
            return f"cannot be read: {str(reason).rstrip('.')}"
        if not len(audio):
            return "has no samples"
        if not np.isfinite(audio).all():
            return "holds NaN or infinite values"
        audio = audio.mean(axis=1)  # of all channels
        if np.abs(audio).max() < SILENT:
            return "is silent"
        return self.prepared(audio, rate)[:, None]

    def prepared(self, audio, rate):
        """Returns mono sound of another rate as float32 (length,)."""
        audio = resampled(audio, rate, self.rate)
        loud = np.abs(audio)
        audio = audio[np.argmax(loud >= ONSET * loud.max()) :][: self.length]
        audio = np.pad(audio, (0, self.length - len(audio))).astype(np.float32)
        peak = np.abs(audio).max()
        if self.normalize == "peak" and peak:
            audio = audio / peak
        if self.normalize == "loudness" and peak:
            audio = audio * min(RMS / np.sqrt(np.mean(audio.astype(np.float64) ** 2)), 1.0 / peak)
        return np.clip(audio, -1.0, 1.0).astype(np.float32)


def resampled(audio, rate, wanted):
    """Returns sound at another rate, without what the new rate cannot hold (a FIR filter).

    Args:
        audio: float array (T,).
        rate, wanted: Samples per second.

    Returns:
        float32 array (ceil(T * wanted / rate),).
    """
    if rate == wanted:
        return np.asarray(audio, np.float32)
    from scipy import signal

    common = math.gcd(rate, wanted)
    return signal.resample_poly(audio, wanted // common, rate // common).astype(np.float32)
