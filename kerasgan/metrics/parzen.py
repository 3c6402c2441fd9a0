"""Gaussian Parzen windows: the likelihood that papers of 2014 and 2015 report."""

import math

import numpy as np

from kerasgan.metrics.manifold import _check_rows, _squared_distances

SIGMAS = tuple(np.logspace(-1.0, 0.0, 10))  # those that the authors' code tries


def parzen_log_likelihood(images, samples, sigma):
    """Returns the log-likelihood of images under Gaussians around samples.

    The density is the mean of a normal distribution around each sample, with the same standard
    deviation in all dimensions. Papers report the mean over test images in [0, 1].

    Do not rank models by it. The estimate is far from the true likelihood even for many samples, it
    rises for blurred samples, and centroids of k-means reach more than true images do (Theis et
    al. 2016). It is here to stand beside the numbers of older papers.

    Args:
        images: Float array of shape `(N, ...)`, finite: pixels in [0, 1].
        samples: Float array of shape `(M, ...)`, of the same kind and range.
        sigma: float above 0, or a sequence of S of them.

    Returns:
        float64 array (N,), in nats, or (S, N).

    Raises:
        ValueError: If the shapes do not match, a value is not finite, there are none, or `sigma` is
            not above 0.

    Example:

    >>> import numpy as np
    >>> likelihoods = parzen_log_likelihood(np.zeros((1, 2)), np.zeros((5, 2)), sigma=1.0)
    >>> likelihoods.round(4)  # -log(2 pi)
    array([-1.8379])

    Reference: Goodfellow et al. 2014, section 5, https://arxiv.org/abs/1406.2661; Breuleux, Bengio
    & Vincent 2011; Theis, van den Oord & Bethge 2016, "A note on the evaluation of generative
    models", section 3.2, https://arxiv.org/abs/1511.01844
    """
    images, samples = np.asarray(images), np.asarray(samples)
    sigmas = np.atleast_1d(np.asarray(sigma, "float64"))
    if images.shape[1:] != samples.shape[1:]:
        raise ValueError(
            "`images` and `samples` must have shapes (N, ...) and (M, ...), alike but for the "
            f"first axis. Received: {images.shape} and {samples.shape}"
        )
    if not (np.isfinite(sigmas) & (sigmas > 0)).all():
        raise ValueError(f"`sigma` must be above 0. Received: sigma={sigma}")
    if images.dtype.kind in "iu" or samples.dtype.kind in "iu":
        raise ValueError(
            "`images` and `samples` must hold floats, pixels in [0, 1]. "
            f"Received: {images.dtype} and {samples.dtype}"
        )
    images, samples = _check_rows(images, "images"), _check_rows(samples, "samples")
    largest = np.full((len(sigmas), len(images)), -np.inf)  # exponent so far, and the sum of
    sums = np.zeros((len(sigmas), len(images)))  # exponentials relative to it
    for rows, _, distances in _squared_distances(images, samples):
        np.maximum(distances, 0.0, out=distances)
        for largest_of, sums_of, each in zip(largest, sums, sigmas, strict=True):
            exponents = distances / (-2.0 * each**2)
            most = np.maximum(largest_of[rows], exponents.max(axis=1))
            sums_of[rows] *= np.exp(largest_of[rows] - most)
            sums_of[rows] += np.exp(exponents - most[:, None]).sum(axis=1)
            largest_of[rows] = most
    dimensions = images.shape[1]
    norms = math.log(len(samples)) + dimensions / 2 * np.log(2 * math.pi * sigmas**2)
    likelihoods = largest + np.log(sums) - norms[:, None]
    return likelihoods if np.ndim(sigma) else likelihoods[0]


def parzen_score(images, samples, validation, sigmas=SIGMAS):
    """Returns the mean log-likelihood of test images, with `sigma` chosen on validation images.

    Args:
        images: Test images, as in `parzen_log_likelihood`.
        samples: Generated images.
        validation: Real images that are neither in `images` nor trained on.
        sigmas: Candidates; the one with the highest mean on `validation` is used.

    Returns:
        dict: `log_likelihood`, float in nats; `standard_error` of that mean over the images;
        `sigma`; `at_edge`, whether the best candidate is the first or the last, so that others
        should be tried.

    Raises:
        ValueError: As `parzen_log_likelihood`.

    Example:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> images, samples, validation = rng.normal(0, 0.2, (3, 1000, 1))
    >>> parzen_score(images, samples, validation, [0.001, 0.05, 1.0])["sigma"]
    0.05

    Reference: Goodfellow et al. 2014, section 5 and table 1, https://arxiv.org/abs/1406.2661
    """
    sigmas = np.asarray(sigmas, "float64")
    best = int(parzen_log_likelihood(validation, samples, sigmas).mean(axis=1).argmax())
    likelihoods = parzen_log_likelihood(images, samples, sigmas[best])
    return {
        "log_likelihood": float(likelihoods.mean()),
        "standard_error": float(likelihoods.std() / math.sqrt(len(likelihoods))),
        "sigma": float(sigmas[best]),
        "at_edge": best in (0, len(sigmas) - 1),
    }
