"""The base class of all models.

Imports signature, data, evaluation, metrics, schedules and utils. Knows no model and no export
format.
"""

from kerasgan.gan.base import GAN, Paper
from kerasgan.gan.reconstructing import Reconstructing

__all__ = ["GAN", "Paper", "Reconstructing"]
