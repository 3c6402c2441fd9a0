"""Keras callbacks for `fit`: sample grids, scores, guards.

Imports gan, viz, metrics and utils.
"""

from kerasgan.callbacks.distance import FrechetDistance
from kerasgan.callbacks.guards import StopOnNonFinite, WarnOnCollapse
from kerasgan.callbacks.optimizers import for_optimizer
from kerasgan.callbacks.samples import SampleGrid

__all__ = ["FrechetDistance", "SampleGrid", "StopOnNonFinite", "WarnOnCollapse", "for_optimizer"]
