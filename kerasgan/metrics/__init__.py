"""Scores of generated images: extractors make features, statistics sum them up, distances compare.

Nothing here knows a model or a dataset: images come in as uint8 arrays, sounds as int16 arrays,
vectors and features as float arrays.
"""

from kerasgan.metrics.distances import frechet_distance, kernel_distance
from kerasgan.metrics.extractors import EfficientNetLite0, Extractor
from kerasgan.metrics.inception import InceptionV3
from kerasgan.metrics.manifold import (
    density_coverage,
    nearest_neighbours,
    precision_recall,
    realism,
)
from kerasgan.metrics.modes import mode_coverage, mode_divergence, nearest_mode
from kerasgan.metrics.parzen import parzen_log_likelihood, parzen_score
from kerasgan.metrics.scores import conditional_accuracy, inception_score
from kerasgan.metrics.sounds import LogMel, log_mel
from kerasgan.metrics.statistics import Statistics
from kerasgan.metrics.summary import summary
from kerasgan.metrics.vectors import Vectors

__all__ = [
    "EfficientNetLite0",
    "Extractor",
    "InceptionV3",
    "LogMel",
    "Statistics",
    "Vectors",
    "conditional_accuracy",
    "density_coverage",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "log_mel",
    "mode_coverage",
    "mode_divergence",
    "nearest_mode",
    "nearest_neighbours",
    "parzen_log_likelihood",
    "parzen_score",
    "precision_recall",
    "realism",
    "summary",
]
