"""Mode coverage: which of a distribution's known modes a generator reaches, and how evenly."""

import numpy as np


def mode_coverage(points, centres, sigma):
    """Counts the modes that samples reach and the samples that lie in one.

    A sample is of high quality if it lies within three standard deviations of its nearest mode; a
    mode is reached if at least one sample of high quality is nearest to it.

    Args:
        points: float array (N, D), the samples.
        centres: float array (K, D), the modes.
        sigma: Standard deviation of each mode, in the same unit.

    Returns:
        Tuple of the number of modes reached, int 0 to K, and the share of samples of high quality,
        float 0 to 1.

    Raises:
        ValueError: If the arrays do not match.

    Example:

    >>> centres = np.array([[0.0, 0.0], [5.0, 0.0]])
    >>> mode_coverage(np.array([[0.1, 0.0], [0.0, 0.2], [2.5, 0.0], [9.0, 9.0]]), centres, 0.1)
    (1, 0.5)

    Reference: Srivastava et al. 2017, "VEEGAN", section 4.1, https://arxiv.org/abs/1705.07761;
    Lin et al. 2018, "PacGAN", section 4.1, https://arxiv.org/abs/1712.04086
    """
    distances = _distances(points, centres)
    nearest = distances.argmin(axis=1)
    high_quality = distances.min(axis=1) <= 3.0 * sigma
    return len(set(nearest[high_quality])), float(high_quality.mean())


def nearest_mode(points, centres):
    """Returns which mode each sample is nearest to, of high quality or not.

    Args:
        points: float array (N, D), the samples.
        centres: float array (K, D), the modes.

    Returns:
        int64 array (N,), 0 to K - 1; what `mode_divergence` takes.

    Raises:
        ValueError: If the arrays do not match.

    Example:

    >>> nearest_mode(np.array([[0.1, 0.0], [4.0, 0.0]]), np.array([[0.0, 0.0], [5.0, 0.0]]))
    array([0, 1])
    """
    return _distances(points, centres).argmin(axis=1)


def mode_divergence(modes, num_modes, expected=None):
    """Returns how unevenly samples fall on modes: KL(share of samples in each || expected share).

    It is 0 if every mode has its share and `log(num_modes)` if all samples are in one of equally
    likely modes. Modes without samples add nothing, the samples missing there show elsewhere. A
    small sample inflates it, by about `(num_modes - 1) / 2N`: compare at one N, which was 26,000 in
    the papers' Stacked-MNIST (0.02).

    Args:
        modes: int array (N,), the mode of each sample, 0 to num_modes - 1: for `ring` and `grid`
            of `nearest_mode`, and for Stacked-MNIST, `100 r + 10 g + b` of the digits that a
            classifier reads in the three channels.
        num_modes: Number of modes: 8, 25, and 1000.
        expected: float array (num_modes,), each mode's share or count in the data; equal by
            default, which `ring` and `grid` are exactly and Stacked-MNIST is nearly.

    Returns:
        float, in nats, 0 or more; lower is better.

    Raises:
        ValueError: If `modes` are not such integers, or `expected` does not fit them.

    Example:

    >>> mode_divergence(np.array([0, 1, 2, 3]), num_modes=4)
    0.0
    >>> round(mode_divergence(np.array([2, 2, 2]), num_modes=1000), 4)  # log 1000
    6.9078

    Reference: Metz et al. 2017, "Unrolled Generative Adversarial Networks", section 3.3.1,
    https://arxiv.org/abs/1611.02163; VEEGAN, section 4.1; PacGAN, section 4.1
    """
    modes = np.asarray(modes)
    if modes.ndim != 1 or modes.size == 0 or modes.dtype.kind not in "iu":
        raise ValueError(
            "`modes` must be integers of shape (N,) with N at least 1. "
            f"Received: shape={modes.shape}, dtype={modes.dtype}"
        )
    if modes.min() < 0 or modes.max() >= num_modes:
        raise ValueError(
            f"`modes` must be 0 to {num_modes - 1}. Received: {modes.min()} to {modes.max()}"
        )
    expected = np.ones(num_modes) if expected is None else np.asarray(expected, "float64")
    counts = np.bincount(modes, minlength=num_modes)
    reached = counts > 0
    if expected.shape != (num_modes,) or not (np.isfinite(expected) & (expected >= 0)).all():
        raise ValueError(
            f"`expected` must have shape ({num_modes},) and hold no negative or infinite share. "
            f"Received: expected.shape={expected.shape}"
        )
    if not (expected[reached] > 0).all():
        mode = np.flatnonzero(reached & (expected == 0))[0]
        raise ValueError(
            "`expected` must be positive for every mode with samples. "
            f"Received: {counts[mode]} samples of mode {mode}, whose share is 0"
        )
    shares, expected = counts[reached] / len(modes), expected[reached] / expected.sum()
    return max(float(shares @ np.log(shares / expected)), 0.0)


def _distances(points, centres):
    points, centres = np.asarray(points, "float64"), np.asarray(centres, "float64")
    if points.ndim != 2 or centres.ndim != 2 or points.shape[1] != centres.shape[1]:
        raise ValueError(
            "`points` and `centres` must have shapes (N, D) and (K, D). "
            f"Received: {points.shape} and {centres.shape}"
        )
    return np.linalg.norm(points[:, None] - centres[None], axis=-1)
