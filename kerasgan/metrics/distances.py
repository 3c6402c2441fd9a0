"""Distances between two sets of features."""

import warnings

import numpy as np

from kerasgan.metrics.statistics import Statistics, check_features, check_widths, row_slices


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
    check_widths(real.dim, fake.dim)
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

    For S1 = R R^T, the eigenvalues of S1 S2 are those of the symmetric R^T S2 R, and zeros. S1 is
    the covariance of the smaller sample. If it has full rank, R is its Cholesky factor, at a tenth
    of the cost of an eigendecomposition. Otherwise R takes only the eigenvectors in the numerical
    range of S1: a zero eigenvalue would come back as rounding noise e, and its root, e^(1/2), would
    show in the sum.
    """
    few, many = sorted((real, fake), key=lambda statistics: statistics.count)
    lower = _cholesky(few.covariance)
    if lower is not None:
        squares = np.linalg.eigvalsh(_congruence(lower, many.covariance))
    else:
        values, vectors = np.linalg.eigh(few.covariance)
        kept = values > _noise(values[-1], few.dim)
        root = vectors[:, kept] * np.sqrt(values[kept])
        squares = np.linalg.eigvalsh(root.T @ many.covariance @ root)
    return np.sqrt(squares.clip(min=0.0)).sum()


def _noise(largest, dim):
    """Returns up to where an eigenvalue may be rounding noise, as `np.linalg.matrix_rank` does."""
    return largest * dim * np.finfo("float64").eps


def _cholesky(matrix):
    """Returns the lower factor of a matrix of full numerical rank, or None of another one.

    A squared pivot is what is left of a variance once the features before it explain it; the trace
    bounds the largest eigenvalue.
    """
    try:
        lower = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return None
    full_rank = np.square(lower.diagonal()).min() > _noise(np.trace(matrix), len(matrix))
    return lower if full_rank else None


def _congruence(lower, matrix, width=256):
    """Returns L^T S L, its lower triangle only, which is all that `eigvalsh` reads.

    Going by column blocks of L, below whose first row alone it is not zero, takes a third of the
    operations of two full products.
    """
    product = np.zeros_like(matrix)
    for start in range(0, len(lower), width):
        corner = lower[start:, start:]
        right = matrix[start:, start:] @ corner[:, :width]
        product[start:, start : start + width] = corner.T @ right
    return product


def kernel_distance(real, fake, subset_size=1000, num_subsets=100, seed=2020):
    """Returns the kernel distance of two sets of features: with the FID network's, it is the KID.

    It is the unbiased estimate of the squared maximum mean discrepancy under the polynomial kernel
    `k(x, y) = (x.y / D + 1)^3`, over random subsets drawn without replacement. Unlike the Frechet
    distance it does not depend on the sample size on average, and it may come out below 0 where the
    sets are alike. The subsets are those of torch-fidelity at the same seed, with the generated
    images as its first input: the defaults give its numbers.

    Args:
        real: Features of real images, a finite array of shape `(N, D)` with N >= 2.
        fake: Features of generated images, likewise; N may differ, D may not.
        subset_size: Samples in a subset, int >= 2. A side with fewer takes part as a whole; if both
            do, the distance is one estimate from all samples, TF-GAN's of a single block.
        num_subsets: Number of subsets, int >= 1.
        seed: int. The same seed draws the same subsets.

    Returns:
        Tuple of the mean, a float, and the standard deviation over the subsets, a float (over N,
        not N - 1; 0 if there is one estimate).

    Raises:
        ValueError: If the features differ in width, are not finite or are fewer than 2, or if
            another argument is out of range.

    Example:

    >>> import numpy as np
    >>> features = np.random.default_rng(0).normal(size=(3000, 8))
    >>> mean, std = kernel_distance(features[:1000], features[1000:], num_subsets=5)
    >>> abs(mean) < 0.01
    True
    >>> mean, std = kernel_distance(features, features + 0.5, num_subsets=5)
    >>> round(mean, 1)
    1.1

    Reference: Binkowski et al., "Demystifying MMD GANs", 2018, section 4, Eq. (4),
    https://arxiv.org/abs/1801.01401; the subsets are those of
    https://github.com/toshas/torch-fidelity, torch_fidelity/metric_kid.py
    """
    real, fake = check_features(real, "real"), check_features(fake, "fake")
    check_widths(real.shape[1], fake.shape[1])
    if min(len(real), len(fake)) < 2:
        raise ValueError(
            "`real` and `fake` must hold at least 2 samples each. "
            f"Received: {len(real)} and {len(fake)}"
        )
    if subset_size < 2 or num_subsets < 1:
        raise ValueError(
            "`subset_size` must be at least 2 and `num_subsets` at least 1. "
            f"Received: subset_size={subset_size}, num_subsets={num_subsets}"
        )
    if subset_size >= max(len(real), len(fake)):
        return _squared_mmd(real, fake), 0.0
    rng = np.random.RandomState(seed)
    estimates = []
    for _ in range(num_subsets):
        fakes, reals = (
            x[rng.choice(len(x), min(subset_size, len(x)), replace=False)] for x in (fake, real)
        )
        estimates.append(_squared_mmd(reals, fakes))
    return float(np.mean(estimates)), float(np.std(estimates))


def _squared_mmd(x, y):
    """Returns the unbiased estimate of the squared maximum mean discrepancy."""
    m, n = len(x), len(y)
    # Eq. (4): sum_{i != j} k(x_i, x_j) / m (m - 1) + the same of y - 2 sum_{ij} k(x_i, y_j) / m n
    within = _kernel_sum(x, x) / (m * (m - 1)) + _kernel_sum(y, y) / (n * (n - 1))
    return float(within - 2.0 * _kernel_sum(x, y) / (m * n))


def _kernel_sum(x, y):
    """Returns the sum of k(x_i, y_j) over all pairs, but those of a sample with itself."""
    dim, total = x.shape[1], 0.0
    for rows in row_slices(*x.shape, most=4096):
        a = x[rows].astype("float64")
        for columns in row_slices(*y.shape, most=4096):
            if x is y and columns.start < rows.start:
                continue  # counted with its mirror image
            same = x is y and columns == rows
            kernel = a @ (a if same else y[columns].astype("float64")).T
            kernel /= dim
            kernel += 1.0
            if same:
                np.fill_diagonal(kernel, 0.0)
            block = np.vdot(kernel * kernel, kernel)  # sum of cubes
            total += 2.0 * block if x is y and not same else block
    return total
