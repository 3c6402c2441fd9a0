"""Scores of generated images: extractors make features, statistics sum them up, distances compare.

Nothing here knows a model or a dataset: images come in as uint8 arrays, features as float arrays.
"""

from kerasgan.metrics.distances import frechet_distance
from kerasgan.metrics.extractors import EfficientNetLite0, Extractor
from kerasgan.metrics.modes import mode_coverage
from kerasgan.metrics.statistics import Statistics

__all__ = ["EfficientNetLite0", "Extractor", "Statistics", "frechet_distance", "mode_coverage"]
