"""Shared by all tests."""

import keras
import pytest

from kerasgan.training import strategies

# Two logical devices, for tests/test_distribution.py; must come before TensorFlow is used.
strategies.split_cpu(2)

collect_ignore = [
    "golden",  # scripts that need torch; their results are committed
    "serving_stand_ins.py",  # needs the extra `runtimes`
]


@pytest.fixture(autouse=True)
def fixed_seed():
    keras.utils.set_random_seed(0)
