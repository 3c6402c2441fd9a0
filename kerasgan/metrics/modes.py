"""Mode coverage: which of a mixture's known modes a generator reaches."""

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
    points, centres = np.asarray(points, "float64"), np.asarray(centres, "float64")
    if points.ndim != 2 or centres.ndim != 2 or points.shape[1] != centres.shape[1]:
        raise ValueError(
            "`points` and `centres` must have shapes (N, D) and (K, D). "
            f"Received: {points.shape} and {centres.shape}"
        )
    distances = np.linalg.norm(points[:, None] - centres[None], axis=-1)
    nearest = distances.argmin(axis=1)
    high_quality = distances.min(axis=1) <= 3.0 * sigma
    return len(set(nearest[high_quality])), float(high_quality.mean())
