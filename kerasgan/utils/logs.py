"""Quiet logging."""

import logging
from contextlib import contextmanager


@contextmanager
def quiet():
    """Limits absl's log to errors: TFDS warns of unprepared datasets and of its own calls."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
