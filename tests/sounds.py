"""Sounds that tests make."""

import numpy as np


def tone(frequency, seconds=0.5, rate=16000, decay=8.0, silence=0.0):
    """A sine that fades, after some silence: float32 (T,)."""
    t = np.arange(int(seconds * rate)) / rate
    sound = np.exp(-decay * t) * np.sin(2 * np.pi * frequency * t)
    return np.concatenate([np.zeros(int(silence * rate)), sound]).astype("float32")


def tones(num, length=4096, rate=16000, seed=0):
    """Fading sines of random pitch: float32 (num, length, 1)."""
    pitches = np.random.default_rng(seed).uniform(100, 2000, num)
    return np.stack([tone(each, length / rate, rate)[:, None] for each in pitches])


def write(path, sound, rate=16000, **options):
    """Writes a file with soundfile; returns its path."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate, **options)
    return path


def folder_of(root, classes=("kick", "snare"), each=10, seconds=0.3, rate=16000):
    """Writes a folder of WAV files with classes; returns it."""
    for place, name in enumerate(classes):
        for number in range(each):
            sound = tone(100 * (place + 1) + 10 * number, seconds, rate)
            write(root / name / f"{number:02}.wav", sound, rate)
    return root
