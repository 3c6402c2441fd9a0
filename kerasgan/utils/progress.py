"""A progress bar for work that takes a while; without a terminal, a line now and then."""

import sys
import time

import keras

PATIENCE = 1.0  # seconds before a bar appears
LINES_EVERY = 30.0  # seconds between lines, where there is no terminal


def redraws():
    """Tells whether the output can redraw a line: a terminal or a notebook, not a log file."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules


class Bar:
    """Shows how much is done: a bar where the output can redraw it, else lines, half a minute
    apart, so that logs hold no fragments of bars.

    Args:
        total: Number of things, or `None` if it is not known.
        unit: What is counted, in the singular.
        verbose: Whether to show anything.

    Example:

    >>> bar = Bar(2, every=0.0)
    >>> bar.add(1)
    1 of 2 images
    """

    def __init__(self, total, unit="image", verbose=True, every=LINES_EVERY):
        self.total, self.unit, self.verbose, self.every = total, unit, verbose, every
        self.done, self.told = 0, time.monotonic()
        self.drawn = keras.utils.Progbar(total, unit_name=unit) if verbose and redraws() else None

    def add(self, number):
        """Adds to what is done."""
        self.update(self.done + number)

    def update(self, done, finalize=None):
        """Sets what is done; `finalize` ends the bar, by default at the total."""
        self.done = done
        if self.drawn is not None:
            self.drawn.update(done, finalize=finalize)
        elif self.verbose and time.monotonic() - self.told >= self.every:
            self.told = time.monotonic()
            total = "" if self.total is None else f" of {self.total:,}"
            print(f"{done:,}{total} {self.unit}s", flush=True)


def shown(chunks, total, unit="image", patience=PATIENCE):
    """Yields chunks unchanged, and shows how much is done once that has taken a second.

    Args:
        chunks: Iterable of things with a length.
        total: Sum of their lengths, or `None` if it is not known.
        unit: What is counted.
        patience: Seconds before the bar appears.
    """
    start, done, bar = time.monotonic(), 0, None
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if bar is None and time.monotonic() - start > patience:
            bar = Bar(total, unit)
        if bar is not None:
            bar.update(done if total is None else min(done, total))
    if bar is not None and done != total:
        bar.update(done, finalize=True)
