"""A progress bar for work that takes a while."""

import time

import keras

PATIENCE = 1.0  # seconds before a bar appears


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
            bar = keras.utils.Progbar(total, unit_name=unit)
        if bar is not None:
            bar.update(done if total is None else min(done, total))
    if bar is not None and done != total:
        bar.update(done, finalize=True)
