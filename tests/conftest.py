"""Shared by all tests: fixed seeds, and no model outlives its test."""

import keras
import pytest


@pytest.fixture(autouse=True)
def fixed_seed():
    keras.utils.set_random_seed(0)
    yield
    keras.backend.clear_session()
