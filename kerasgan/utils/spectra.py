"""Pictures of sounds: a spectrogram above the waveform."""

import numpy as np

# Colours from silence to loud: black, violet, red, orange, pale yellow.
STOPS = np.array(
    [(0, 0, 4), (40, 17, 89), (114, 31, 129), (182, 54, 121), (241, 96, 93), (254, 175, 119)]
    + [(252, 253, 191)],
    np.float32,
)
INK, AXIS = (72, 42, 120), (222, 222, 222)
SPECTRUM, WAVE, GAP, WIDTH = 64, 39, 1, 128  # pixels


def coloured(levels):
    """Returns the colours of levels.

    Args:
        levels: float array (...,) in [0, 1], clipped.

    Returns:
        uint8 array (..., 3).

    Example:

    >>> coloured(np.array([0.0, 1.0])).tolist()
    [[0, 0, 4], [252, 253, 191]]
    """
    place = np.clip(levels, 0.0, 1.0) * (len(STOPS) - 1)
    low = np.minimum(place.astype(int), len(STOPS) - 2)
    share = (place - low)[..., None]
    return np.round(STOPS[low] * (1 - share) + STOPS[low + 1] * share).astype(np.uint8)


def waveform(samples, height=WAVE, width=WIDTH):
    """Draws the envelope of a sound: (samples,) in [-1, 1] -> uint8 (height, width, 3)."""
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[height // 2] = AXIS
    ends = np.linspace(0, len(samples), width + 1)
    for x in range(width):
        start = min(int(ends[x]), len(samples) - 1)
        piece = np.clip(samples[start : max(int(ends[x + 1]), start + 1)], -1, 1)
        top, bottom = ((1 - np.array([piece.max(), piece.min()])) / 2 * (height - 1)).round()
        picture[int(top) : int(bottom) + 1, x] = INK
    return picture


def picture(samples, levels):
    """Draws a sound: its spectrogram, low at the bottom, and its waveform below.

    Args:
        samples: float array (T,) in [-1, 1].
        levels: float array (frames, bands) in [0, 1].

    Returns:
        uint8 array (SPECTRUM + GAP + WAVE, WIDTH, 3).

    Example:

    >>> picture(np.zeros(4096), np.zeros((32, 64))).shape
    (104, 128, 3)
    """
    columns = np.arange(WIDTH) * len(levels) // WIDTH
    rows = np.arange(SPECTRUM) * levels.shape[1] // SPECTRUM
    above = coloured(levels[columns][:, rows].T[::-1])
    gap = np.full((GAP, WIDTH, 3), 255, np.uint8)
    return np.concatenate([above, gap, waveform(samples)])
