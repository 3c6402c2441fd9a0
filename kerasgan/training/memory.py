"""Memory that a training takes."""

import resource
import sys

import numpy as np


def weight_gigabytes(gan):
    """Memory of a compiled model's weights and optimizers, in 10^9 bytes."""
    weights = [*gan.weights, *gan.optimizer_variables]
    return sum(np.prod(w.shape) * np.dtype(w.dtype).itemsize for w in weights) / 1e9


def peak_gigabytes():
    """Peak resident memory of this process so far, in 10^9 bytes."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1e9 if sys.platform == "darwin" else kilobytes * 1024 / 1e9
