"""Distances between two sets of features."""

import warnings

import numpy as np

from kerasgan.metrics.statistics import Statistics


def frechet_distance(real, fake):
    """Returns the Frechet distance between Gaussians fitted to two sets of features.

    It is `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))` for means m and unbiased covariances S. With
    the features of the FID network it is the FID; what it is called with others is in the
    extractor's `distance_name`. Small samples inflate it: compare values only where both numbers of
    images are the same.

    Args:
        real: Features of real images, a finite array of shape `(N, D)` with N >= 2, or the
            `Statistics` of such features.
        fake: Features of generated images, likewise; N may differ, D may not.

    Returns:
        float, 0 or more; lower is better.

    Raises:
        ValueError: If the features differ in width, are not finite, or are fewer than 2.

    Warns:
        UserWarning: If N is not greater than D, where a covariance is rank-deficient.

    Example:

    >>> import numpy as np
    >>> features = np.random.default_rng(0).normal(size=(1000, 8))
    >>> round(frechet_distance(features, features), 6)
    0.0
    >>> round(frechet_distance(features, features + 0.5), 6)
    2.0

    Reference: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", 2017, Eq. (6), https://arxiv.org/abs/1706.08500
    """
    real, fake = (x if isinstance(x, Statistics) else Statistics.of(x) for x in (real, fake))
    if real.dim != fake.dim:
        raise ValueError(
            "`real` and `fake` must have features of one width. "
            f"Received: {real.dim} and {fake.dim}"
        )
    if min(real.count, fake.count) <= real.dim:
        warnings.warn(
            f"The Frechet distance of {real.dim} features needs more than {real.dim} images on "
            "either side, or a covariance is rank-deficient and the distance inflated. "
            f"Received: {real.count} real and {fake.count} fake",
            stacklevel=2,
        )
    difference = real.mean - fake.mean
    traces = np.trace(real.covariance) + np.trace(fake.covariance)
    distance = difference @ difference + traces - 2.0 * _trace_of_root(real, fake)
    return max(float(distance), 0.0)  # rounding may leave -1e-12 of a zero


def _trace_of_root(real, fake):
    """Returns tr (S1 S2)^(1/2) from symmetric eigenvalues.

    For S1 = R R^T, the eigenvalues of S1 S2 are those of the symmetric R^T S2 R, and zeros. R takes
    only the eigenvectors in the numerical range of S1, the covariance of the smaller sample: a zero
    eigenvalue would come back as rounding noise e, and its root, e^(1/2), would show in the sum.
    """
    few, many = sorted((real, fake), key=lambda statistics: statistics.count)
    values, vectors = np.linalg.eigh(few.covariance)
    kept = values > values[-1] * few.dim * np.finfo("float64").eps  # as np.linalg.matrix_rank
    root = vectors[:, kept] * np.sqrt(values[kept])
    squares = np.linalg.eigvalsh(root.T @ many.covariance @ root)
    return np.sqrt(squares.clip(min=0.0)).sum()
