"""All metrics of two sets of features at once."""

import warnings

from kerasgan.metrics.distances import frechet_distance, kernel_distance
from kerasgan.metrics.manifold import density_coverage, precision_recall
from kerasgan.metrics.scores import inception_score


def summary(real, fake, logits):
    """Returns every metric of generated images, rounded to 5 digits after the point.

    Args:
        real: Features of real images, float array (N, D).
        fake: Features of generated images, float array (M, D), of the same extractor.
        logits: Class scores of the generated images, float array (M, classes). Extractors without
            classes give none, (M, 0), and so there is no "classifier_score".

    Returns:
        dict from name to float: "distance" (Frechet), "kernel_distance", "classifier_score", the
        last two with "_std", "precision", "recall", "density", "coverage".

    Example:

    >>> import numpy as np
    >>> features = np.random.default_rng(0).normal(size=(1000, 4))
    >>> scores = summary(features, features, features)
    >>> scores["distance"], scores["precision"], scores["recall"]
    (0.0, 1.0, 1.0)
    """
    kernel, kernel_std = kernel_distance(real, fake)
    precision, recall = precision_recall(real, fake)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision, recall, density")  # said once
        density, coverage = density_coverage(real, fake)
    values = {
        "distance": frechet_distance(real, fake),
        "kernel_distance": kernel,
        "kernel_distance_std": kernel_std,
        **(scores_of_classes(logits) if logits.shape[1] else {}),
        "precision": precision,
        "recall": recall,
        "density": density,
        "coverage": coverage,
    }
    return {name: round(float(value), 5) + 0.0 for name, value in values.items()}


def scores_of_classes(logits):
    classifier, classifier_std = inception_score(logits)
    return {"classifier_score": classifier, "classifier_score_std": classifier_std}
