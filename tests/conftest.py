"""Shared by all tests."""

import os

import keras
import pytest

from kerasgan.training import strategies

# Two logical devices, for `mirrored`; must come before TensorFlow is used.
strategies.split_cpu(2)

collect_ignore = [
    "golden",  # scripts that need torch; their results are committed
    "serving_stand_ins.py",  # needs the extra `runtimes`
]


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Keeps the features of tests in one folder, and prepared sets out of the user's cache."""
    before = os.environ.get("KERASGAN_CACHE")
    os.environ["KERASGAN_CACHE"] = before or str(tmp_path_factory.getbasetemp() / "cache")
    yield
    if before is None:
        del os.environ["KERASGAN_CACHE"]


@pytest.fixture(scope="session")
def mirrored():
    """A strategy on two logical CPU devices; a second one per process would hang."""
    strategy = strategies.strategy("mirrored")
    assert strategy.num_replicas_in_sync == 2
    return strategy


@pytest.fixture(autouse=True)
def fixed_seed():
    keras.utils.set_random_seed(0)
