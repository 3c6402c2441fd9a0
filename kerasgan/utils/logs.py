"""Quiet logging."""

import logging
from contextlib import contextmanager


@contextmanager
def quiet():
    """Keeps TFDS's log to errors: it warns of datasets not prepared yet and of its own calls."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
