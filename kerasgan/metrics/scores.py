"""Scores of what a classifier says of generated images."""

import numpy as np

from kerasgan.metrics.statistics import check_features, row_slices


def inception_score(logits, splits=10, seed=2020):
    """Returns the Inception Score: each image of a clear class, and all classes there.

    It is `exp(E KL(p(y|x) || p(y)))`, with p(y) the mean of p(y|x), and so between 1 and the number
    of classes. With the logits of another classifier it is on another scale: then call it that
    classifier's score. The images are shuffled and cut into splits as torch-fidelity does at the
    same seed, so that the defaults give its numbers; `splits=1` is TF-GAN's
    `classifier_score_from_logits`.

    Args:
        logits: Class scores of generated images before the softmax, a finite array of shape
            `(N, classes)` with N >= splits.
        splits: Number of parts scored separately, int >= 1; the paper uses 10.
        seed: int, which fixes the order; `None` keeps the order given.

    Returns:
        Tuple of the mean, a float, and the standard deviation over the splits, a float.

    Raises:
        ValueError: If `logits` has another shape, is not finite or is too short for the splits.

    Example:

    >>> import numpy as np
    >>> logits = 100.0 * np.eye(4)[np.arange(1000) % 4]
    >>> mean, std = inception_score(logits, splits=1)
    >>> round(mean, 6), std
    (4.0, 0.0)

    Reference: Salimans et al., "Improved Techniques for Training GANs", 2016, section 4,
    https://arxiv.org/abs/1606.03498
    """
    logits = check_features(logits, "logits")
    count = len(logits)
    if not 1 <= splits <= count:
        raise ValueError(
            "`splits` must be at least 1 and at most the number of images. "
            f"Received: splits={splits}, {count} images"
        )
    order = np.arange(count) if seed is None else np.random.RandomState(seed).permutation(count)
    ends = np.arange(splits + 1) * count // splits
    scores = [
        np.exp(_mean_divergence(logits, order[start:end]))
        for start, end in zip(ends[:-1], ends[1:], strict=True)
    ]
    return float(np.mean(scores)), float(np.std(scores))


def _mean_divergence(logits, indices):
    """Returns E KL(p(y|x) || p(y)) = E sum_y p(y|x) log p(y|x) - sum_y p(y) log p(y)."""
    negative_entropy, marginal = 0.0, 0.0
    for rows in row_slices(len(indices), logits.shape[1]):
        log_p = logits[indices[rows]].astype("float64")
        log_p -= log_p.max(axis=1, keepdims=True)
        log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        p = np.exp(log_p)
        negative_entropy += np.vdot(p, log_p)
        marginal = marginal + p.sum(axis=0)
    marginal = marginal[marginal > 0] / len(indices)  # 0 log 0 = 0
    return negative_entropy / len(indices) - marginal @ np.log(marginal)


def conditional_accuracy(predictions, labels):
    """Returns the share of class-conditional samples that a classifier calls by their label.

    Args:
        predictions: What the classifier says of the samples: class scores, a finite array of shape
            `(N, classes)`, of which the largest counts, or class ids, integers of shape `(N,)`.
        labels: Class ids that the samples were generated for, integers of shape `(N,)`.

    Returns:
        float, 0 to 1; higher is better.

    Raises:
        ValueError: If the arrays have other shapes or dtypes, or a label is no class of the scores.

    Example:

    >>> conditional_accuracy([[0.1, 2.0], [3.0, 0.2]], [1, 1])
    0.5
    >>> conditional_accuracy([7, 3, 3, 0], [7, 3, 2, 0])
    0.75
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0 or labels.dtype.kind not in "iu":
        raise ValueError(
            "`labels` must be integers of shape (N,) with N at least 1. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    if predictions.ndim == 2:
        scores = check_features(predictions, "predictions")
        predictions = scores.argmax(axis=1)
        if labels.min() < 0 or labels.max() >= scores.shape[1]:
            raise ValueError(
                f"`labels` must be below {scores.shape[1]}, the number of classes of "
                f"`predictions`, and not negative. Received: {labels.min()} to {labels.max()}"
            )
    if predictions.shape != labels.shape or predictions.dtype.kind not in "iu":
        raise ValueError(
            "`predictions` must be scores of shape (N, classes) or integers of shape (N,), for the "
            f"{len(labels)} labels. "
            f"Received: shape={predictions.shape}, dtype={predictions.dtype}"
        )
    return float((predictions == labels).mean())
