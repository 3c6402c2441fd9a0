"""Metrics of nearest neighbours: fidelity, diversity, and whether a generator copies.

All of them compute squared distances as |a|^2 + |b|^2 - 2 a.b, in float64 around the mean of the
reference set, block by block: memory beyond the features stays below 1 GiB however many there are,
and the time is that of the matrix products. Two distances that differ by less than 1e-12 of the
squared norms count as equal, since rounding alone may order them.
"""

import math
import warnings

import numpy as np

from kerasgan.metrics.statistics import check_features, check_widths, row_slices

_BLOCK = 4096  # rows on either side of a block of distances, 128 MiB
FEW = 1000  # images below which neighbours are too far apart for these scores to mean much
_TIE = 1e-12  # of the squared norms: some 50 times the rounding of 2,048 products


def warn_of_few(real, fake):
    """Warns if there are so few images that noise passes for real."""
    if min(len(real), len(fake)) < FEW:
        warnings.warn(
            f"Precision, recall, density and coverage of fewer than {FEW} images say little: balls "
            f"around so few reach far. Received: {len(real)} real and {len(fake)} fake",
            stacklevel=3,
        )


def precision_recall(real, fake, k=3):
    """Returns improved precision and recall: fidelity and diversity apart.

    The manifold of a set is the union of balls around its samples, each up to the sample's k-th
    nearest neighbour in that set, itself not counted. Precision is the share of generated samples
    on the real manifold; recall is the share of real samples on the generated one. A sample on the
    surface of a ball is inside, as in the paper.

    Args:
        real: Features of real images, a finite array of shape `(N, D)` with N > k.
        fake: Features of generated images, likewise; N may differ, D may not.
        k: int >= 1: each ball reaches to its centre's k-th neighbour; the paper uses 3.

    Returns:
        Tuple of precision and recall, floats 0 to 1; higher is better.

    Raises:
        ValueError: If the features differ in width, are not finite or are too few for `k`.

    Warns:
        UserWarning: If there are fewer than 1,000 images on either side.

    Example:

    >>> import numpy as np
    >>> real = np.random.default_rng(0).uniform(size=(1000, 2))
    >>> precision_recall(real, real / 2)[0] > 0.9, precision_recall(real, real / 2)[1] < 0.4
    (True, True)

    Reference: Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative
    Models", 2019, Eqs. (1) and (2), https://arxiv.org/abs/1904.06991
    """
    real, fake = _check_sets(real, fake, k)
    warn_of_few(real, fake)
    real_radii, fake_radii = _squared_radii(real, k), _squared_radii(fake, k)
    precise, recalled = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for rows, columns, distances in _squared_distances(real, fake, slack=-_TIE):
        precise[columns] |= (distances <= real_radii[rows, None]).any(axis=0)
        recalled[rows] |= (distances <= fake_radii[columns]).any(axis=1)
    return float(precise.mean()), float(recalled.mean())


def density_coverage(real, fake, k=5):
    """Returns density and coverage: precision and recall that outliers do not inflate.

    Each real sample has a ball up to its k-th nearest real neighbour, itself not counted. Density
    is the number of balls that a generated sample lies in, on average and over k; coverage is the
    share of balls with at least one generated sample. A sample on the surface of a ball is outside,
    as in the authors' code.

    Args:
        real: Features of real images, a finite array of shape `(N, D)` with N > k.
        fake: Features of generated images, likewise; N may differ, D may not.
        k: int >= 1: each ball reaches to its centre's k-th neighbour; the paper uses 5.

    Returns:
        Tuple of density, a float from 0, about 1 if the sets are alike and more if the generated
        samples gather where the real ones are dense, and coverage, a float 0 to 1; higher is
        better.

    Raises:
        ValueError: If the features differ in width, are not finite or are too few for `k`.

    Warns:
        UserWarning: If there are fewer than 1,000 images on either side.

    Example:

    >>> import numpy as np
    >>> real = np.random.default_rng(0).uniform(size=(1000, 2))
    >>> density_coverage(real, real)
    (1.0, 1.0)

    Reference: Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", 2020,
    Eqs. (3) and (4), https://arxiv.org/abs/2002.09797
    """
    real, fake = _check_sets(real, fake, k)
    warn_of_few(real, fake)
    radii = _squared_radii(real, k)
    inside, covered = 0, np.zeros(len(real), bool)
    for rows, _, distances in _squared_distances(real, fake, slack=_TIE):
        contained = distances < radii[rows, None]
        inside += int(np.count_nonzero(contained))
        covered[rows] |= contained.any(axis=1)
    return inside / (k * len(fake)), float(covered.mean())


def realism(real, fake, k=3):
    """Returns how real each generated sample looks, where precision is one number for all.

    Of the balls around real samples, each up to the k-th nearest other real sample, the half with
    the smaller radii counts. A sample's realism is the largest ratio of a ball's radius to the
    sample's distance from the ball's centre: 1 or more inside of a ball, thousands and more for a
    copy of a centre.

    Args:
        real: Features of real images, a finite array of shape `(N, D)` with N > k.
        fake: Features of generated images, a finite array of shape `(M, D)`.
        k: int >= 1: each ball reaches to its centre's k-th neighbour; the paper uses 3.

    Returns:
        float64 array of shape `(M,)`, from 0; higher is better.

    Raises:
        ValueError: If the features differ in width, are not finite or are too few for `k`.

    Example:

    >>> import numpy as np
    >>> real = np.random.default_rng(0).uniform(size=(1000, 2))
    >>> fake = np.array([[0.5, 0.5], [1.1, 1.1], [2.0, 2.0], [4.0, 4.0]])
    >>> scores = realism(real, fake)
    >>> bool(scores[0] > 1), np.argsort(scores).tolist()
    (True, [3, 2, 1, 0])

    Reference: Kynkaanniemi et al. 2019, Eq. (3), https://arxiv.org/abs/1904.06991
    """
    real, fake = _check_features(real, fake)
    _check_neighbours(k, real=real)
    radii = _squared_radii(real, k)
    small = radii <= np.median(radii)
    real, radii = real[small], radii[small]
    best = np.zeros(len(fake))
    for rows, columns, distances in _squared_distances(real, fake):
        with np.errstate(divide="ignore", invalid="ignore"):  # copies; copies of copies are none
            ratios = radii[rows, None] / distances.clip(min=0.0)
        best[columns] = np.fmax(best[columns], np.fmax.reduce(ratios, axis=0))
    return np.sqrt(best)


def nearest_neighbours(samples, training, k=1):
    """Finds the training samples nearest to each sample, to see whether a generator copies.

    Works on images, where it compares pixels, and on features. Distances to held-out real images
    are what to compare with: a generator that memorises comes nearer to its training set.

    Args:
        samples: Array of shape `(N, ...)`, finite, of any real dtype: images or features.
        training: Array of shape `(M, ...)` with M >= k, of the same kind and range.
        k: Number of neighbours, int >= 1.

    Returns:
        Tuple of the neighbours' indices in `training`, int64 of shape `(N, k)`, nearest first, and
        their Euclidean distances, float64 of shape `(N, k)`, which are exact: 0 for a copy.

    Raises:
        ValueError: If the shapes do not match, if one array holds integers and the other floats
            (and so pixels of another range), if a value is not finite or if `k` is out of range.

    Example:

    >>> import numpy as np
    >>> training = np.array([[0.0, 0.0], [3.0, 4.0], [9.0, 9.0]])
    >>> indices, distances = nearest_neighbours([[3.0, 4.0], [0.0, 1.0]], training, k=2)
    >>> indices.tolist(), distances[0].tolist()
    ([[1, 0], [0, 1]], [0.0, 5.0])
    """
    samples, training = np.asarray(samples), np.asarray(training)
    if samples.shape[1:] != training.shape[1:]:
        raise ValueError(
            "`samples` and `training` must have shapes (N, ...) and (M, ...), alike but for the "
            f"first axis. Received: {samples.shape} and {training.shape}"
        )
    if (samples.dtype.kind in "iu") != (training.dtype.kind in "iu"):
        raise ValueError(
            "`samples` and `training` must both be integers or both be floats, of one range. "
            f"Received: {samples.dtype} and {training.dtype}"
        )
    if not 1 <= k <= len(training):
        raise ValueError(
            "`k` must be at least 1 and at most the number of training samples. "
            f"Received: k={k}, {len(training)} training samples"
        )
    samples, training = (
        _check_rows(x, name) for x, name in ((samples, "samples"), (training, "training"))
    )
    squares = np.full((len(samples), k), np.inf)
    indices = np.zeros((len(samples), k), "int64")
    for rows, columns, distances in _squared_distances(samples, training):
        found = np.argpartition(distances, min(k, distances.shape[1]) - 1, axis=1)[:, :k]
        distances = np.hstack([squares[rows], np.take_along_axis(distances, found, axis=1)])
        candidates = np.hstack([indices[rows], found + columns.start])
        best = np.argpartition(distances, k - 1, axis=1)[:, :k]
        squares[rows] = np.take_along_axis(distances, best, axis=1)
        indices[rows] = np.take_along_axis(candidates, best, axis=1)
    # Once more from the differences, which lose no digits.
    for row, sample in enumerate(samples):
        differences = training[indices[row]].astype("float64") - sample
        squares[row] = np.square(differences).sum(axis=1)
    order = np.argsort(squares, axis=1, kind="stable")
    squares, indices = (np.take_along_axis(x, order, axis=1) for x in (squares, indices))
    return indices, np.sqrt(squares)


def _check_sets(real, fake, k):
    real, fake = _check_features(real, fake)
    _check_neighbours(k, real=real, fake=fake)
    return real, fake


def _check_features(real, fake):
    real, fake = check_features(real, "real"), check_features(fake, "fake")
    check_widths(real.shape[1], fake.shape[1])
    return real, fake


def _check_neighbours(k, **sets):
    if not 1 <= k < min(map(len, sets.values())):
        numbers = " and ".join(f"{len(samples)} {side}" for side, samples in sets.items())
        where = " on either side" if len(sets) > 1 else ""
        raise ValueError(
            f"`k` must be at least 1 and less than the number of samples{where}. "
            f"Received: k={k}, {numbers}"
        )


def _check_rows(x, name):
    """Returns images or features as rows; uint8 stays uint8, an eighth of the memory of float64."""
    x = x.reshape(len(x), math.prod(x.shape[1:])) if x.ndim > 1 else x
    return x if x.dtype == np.uint8 and x.ndim == 2 and x.size else check_features(x, name)


def _squared_distances(a, b, slack=0.0):
    """Yields rows of `a`, rows of `b` (slices) and the squared distances between them, by blocks.

    With `a is b` only blocks on and above the diagonal come; their mirror images are the same.
    `slack` adds that share of the squared norms to every distance: a negative one takes what is
    equal but for rounding as nearer, a positive one as farther.
    """
    mean = b.mean(axis=0, dtype="float64")  # far from the origin, norms would swamp distances
    for rows in row_slices(*a.shape, most=_BLOCK):
        x = a[rows] - mean
        x_norms = np.einsum("ij,ij->i", x, x) * (1.0 + slack)
        for columns in row_slices(*b.shape, most=_BLOCK):
            if a is b and columns.start < rows.start:
                continue
            y = b[columns] - mean
            y_norms = np.einsum("ij,ij->i", y, y) * (1.0 + slack)
            distances = x @ y.T
            distances *= -2.0
            distances += x_norms[:, None]
            distances += y_norms
            yield rows, columns, distances


def _squared_radii(x, k):
    """Returns the squared distance of each row to its k-th nearest other row."""
    nearest = np.full((len(x), k), np.inf)

    def update(rows, distances):
        distances = np.hstack([nearest[rows], distances])
        distances.partition(k - 1, axis=1)
        nearest[rows] = distances[:, :k]

    for rows, columns, distances in _squared_distances(x, x):
        if rows == columns:
            np.fill_diagonal(distances, np.inf)  # oneself is no neighbour; a duplicate is
        else:
            update(columns, distances.T)
        update(rows, distances)
    return nearest.max(axis=1).clip(min=0.0)
