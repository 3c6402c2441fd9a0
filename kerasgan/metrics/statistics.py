"""Mean and covariance of features, accumulated batch by batch."""

import numpy as np


def check_features(features, name="features"):
    """Returns features as an array, once they are what a metric takes.

    Args:
        features: Array of shape `(N, D)` with N and D at least 1, finite, of any real dtype.
        name: What the error message calls them.

    Returns:
        Array of shape `(N, D)`: float32 as it came, anything else as float64.

    Raises:
        ValueError: If `features` has another shape or holds NaN or infinity.

    Example:

    >>> check_features([[1, 2], [3, 4]]).dtype
    dtype('float64')
    """
    features = np.asarray(features)
    if features.dtype != np.float32:
        features = np.asarray(features, dtype="float64")
    if features.ndim != 2 or features.size == 0:
        raise ValueError(
            f"`{name}` must have shape (N, D) with N and D at least 1. "
            f"Received: {name}.shape={features.shape}"
        )
    if not all(np.isfinite(features[rows]).all() for rows in row_slices(*features.shape)):
        raise ValueError(f"`{name}` must be finite. Received: NaN or infinity")
    return features


def check_widths(real, fake):
    """Refuses two sets of features of different width.

    Args:
        real: Number of features of a real image.
        fake: Number of features of a generated one.

    Raises:
        ValueError: If they differ.

    Example:

    >>> check_widths(8, 9)
    Traceback (most recent call last):
    ...
    ValueError: `real` and `fake` must have features of one width. Received: 8 and 9
    """
    if real != fake:
        raise ValueError(
            f"`real` and `fake` must have features of one width. Received: {real} and {fake}"
        )


def row_slices(count, dim, most=None):
    """Returns slices that cut `count` rows into blocks of at most 128 MiB of float64.

    Args:
        count: Number of rows.
        dim: Number of columns.
        most: Largest number of rows in a block, where the block's products need a bound as well.

    Returns:
        List of slices, in order.

    Example:

    >>> row_slices(20_000, 2048)
    [slice(0, 8192, None), slice(8192, 16384, None), slice(16384, 20000, None)]
    """
    step = max(2**24 // dim, 1)
    step = min(step, most or step)
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


class Statistics:
    """Count, mean and covariance of a stream of feature batches, in float64.

    Batches are merged by the pairwise update of Chan et al., which subtracts each batch's own mean
    before anything is squared. How the stream is cut into batches therefore changes the result by
    rounding only, and memory holds one batch and two matrices however long the stream is.

    Example:

    >>> import numpy as np
    >>> features = np.random.default_rng(0).normal(size=(1000, 8))
    >>> statistics = Statistics()
    >>> for batch in np.split(features, 10):
    ...     statistics.update(batch)
    >>> statistics
    Statistics(count=1000, dim=8)
    >>> np.allclose(statistics.covariance, np.cov(features, rowvar=False))
    True

    Reference: Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", The American
    Statistician 37(3), 1983, https://doi.org/10.1080/00031305.1983.10483115
    """

    def __init__(self):
        self._count = 0
        self._mean = None
        self._scatter = None  # sum of the outer products of the deviations from the mean

    @classmethod
    def of(cls, features):
        """Returns the statistics of one feature array.

        Args:
            features: Array of shape `(N, D)` with N >= 1, finite, of any real dtype.

        Returns:
            A `Statistics`.

        Raises:
            ValueError: If `features` has another shape or holds NaN or infinity.

        Example:

        >>> Statistics.of([[0.0, 1.0], [2.0, 5.0]]).mean
        array([1., 3.])
        """
        statistics = cls()
        statistics.update(features)
        return statistics

    @classmethod
    def from_moments(cls, count, mean, covariance):
        """Returns the statistics that a mean and a covariance describe, e.g. read from a file.

        Args:
            count: Number of samples behind the moments, an integer >= 2.
            mean: Array of shape `(D,)`, finite.
            covariance: Unbiased covariance as `np.cov` gives it, shape `(D, D)`, finite, symmetric.

        Returns:
            A `Statistics`, which further batches may update.

        Raises:
            ValueError: If an argument has another shape or range.

        Example:

        >>> Statistics.from_moments(5000, mean=np.zeros(3), covariance=np.eye(3))
        Statistics(count=5000, dim=3)
        """
        mean = np.array(mean, dtype="float64")
        covariance = np.array(covariance, dtype="float64")
        if count < 2:
            raise ValueError(f"`count` must be at least 2. Received: count={count}")
        if mean.ndim != 1 or covariance.shape != mean.shape * 2:
            raise ValueError(
                "`mean` must have shape (D,) and `covariance` shape (D, D). "
                f"Received: mean.shape={mean.shape}, covariance.shape={covariance.shape}"
            )
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise ValueError("`mean` and `covariance` must be finite. Received: NaN or infinity")
        if not np.allclose(covariance, covariance.T):
            raise ValueError(
                "`covariance` must be symmetric. Received: entries that differ by up to "
                f"{np.abs(covariance - covariance.T).max():.3g} from their mirror image"
            )
        statistics = cls()
        statistics._count = int(count)
        statistics._mean = mean
        statistics._scatter = covariance * (count - 1)
        return statistics

    def update(self, features):
        """Adds a batch of features.

        Args:
            features: Array of shape `(N, D)` with N >= 1, finite, of any real dtype; D is the same
                in every batch.

        Raises:
            ValueError: If `features` has another shape or holds NaN or infinity. The statistics
                are then left as they were.
        """
        features = check_features(features)
        if self._count and features.shape[1] != self.dim:
            raise ValueError(
                f"`features` must have the width of the batches before it, {self.dim}. "
                f"Received: features.shape={features.shape}"
            )
        for rows in row_slices(*features.shape):
            self._merge(features[rows].astype("float64"))

    def _merge(self, block):
        """Merges a float64 block, which is overwritten."""
        count, mean = len(block), block.mean(axis=0)
        block -= mean
        scatter = block.T @ block  # one array and its transpose: BLAS computes one triangle only
        if self._count == 0:
            self._count, self._mean, self._scatter = count, mean, scatter
            return
        # Chan et al., Eq. (2.1): T = T_1 + T_2; S = S_1 + S_2 + d d^T n_1 n_2 / (n_1 + n_2)
        total = self._count + count
        difference = mean - self._mean
        self._scatter += scatter
        self._scatter += np.outer(difference, difference * (self._count * count / total))
        self._mean = self._mean + difference * (count / total)
        self._count = total

    @property
    def count(self):
        """Number of samples seen, an integer."""
        return self._count

    @property
    def dim(self):
        """Number of features D of a sample, or None before the first batch."""
        return None if self._mean is None else len(self._mean)

    @property
    def mean(self):
        """Mean of the samples, float64 of shape `(D,)`."""
        if self._count < 1:
            raise ValueError("A mean needs at least 1 sample. Received: none")
        return self._mean

    @property
    def covariance(self):
        """Unbiased covariance of the samples (divided by N - 1), float64 of shape `(D, D)`."""
        if self._count < 2:
            raise ValueError(f"A covariance needs at least 2 samples. Received: {self._count}")
        return self._scatter / (self._count - 1)

    def __repr__(self):
        return f"Statistics(count={self.count}, dim={self.dim})"
