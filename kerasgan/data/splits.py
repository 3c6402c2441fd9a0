"""Splits of a data set, and parts of them."""

import re

import numpy as np

from kerasgan.utils.errors import UserError, nearest


def subset(images, num):
    """Returns `num` images, evenly spaced over a set that may be sorted by class.

    Args:
        images: Array (N, ...).
        num: Number of images; above N, images are repeated.

    Returns:
        Array (num, ...), in the order of the set; deterministic.

    Example:

    >>> subset(np.arange(10), 4)
    array([0, 2, 5, 7])
    """
    return images[np.arange(num) * len(images) // num]


def select(split, splits, name):
    """Returns the indices that a split string such as "train[:10%]+test[500:]" selects.

    Args:
        split: TFDS's notation: names joined by "+", each with an optional [from:to] of images or
            percent. "all" means every split.
        splits: dict of split name to the indices of its images, int array (N,).
        name: The dataset's name, for errors.

    Returns:
        int array (n,), n >= 1, in the order of the string.

    Raises:
        UserError: If the string is malformed, names a missing split or range, or selects nothing.

    Example:

    >>> select("train[-1:]+test[:50%]", {"train": np.arange(3), "test": np.arange(3, 7)}, "toy")
    array([2, 3, 4])
    """
    every = np.concatenate(list(splits.values()))
    _, first = np.unique(every, return_index=True)  # a split may have several names
    splits = {**splits, "all": every[np.sort(first)]}
    selected = []
    for part in str(split).split("+"):
        match = re.fullmatch(r"\s*([\w-]+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?\s*", part)
        if match is None:
            raise UserError(
                f'`split` must look like "train", "train[:1000]" or "train[10%:]+test". '
                f'Received: split="{split}"'
            )
        base, *bounds = match.groups()
        if base not in splits:
            raise UserError(f'"{name}" has no split "{base}": {nearest(base, splits)}')
        indices = splits[base]
        for place, bound in enumerate(bounds):
            if bound is not None and bound.endswith("%"):
                bound = round(int(bound[:-1]) * len(indices) / 100)
            bounds[place] = bound = None if bound is None else int(bound)
            if bound is not None and abs(bound) > len(indices):
                raise UserError(
                    f'`split` reaches beyond the {len(indices)} images in "{base}" of "{name}". '
                    f'Received: split="{split}"'
                )
        selected.append(indices[slice(*bounds)])
    selected = np.concatenate(selected)
    if not len(selected):
        raise UserError(f'Split "{split}" of "{name}" holds no images.')
    return selected
