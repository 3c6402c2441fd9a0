"""Checks of images and class ids."""

import numpy as np

from kerasgan.utils.errors import UserError, nearest

TOLERANCE = 1e-4  # beyond [-1, 1], for rounding errors of the user's scaling


def check_images(images, name="images", image_shape=None):
    """Checks images for training.

    Args:
        images: Array (N, H, W, C): uint8, or float, finite and in [-1, 1]. Or points (N, D): float,
            finite, of any range.
        name: Their name in errors.
        image_shape: Tuple (H, W, C) that they must have, or `None` for any; (D,) for points.

    Raises:
        UserError: With the first bad image, and what to do.

    Example:

    >>> check_images(np.full((2, 8, 8, 1), 200.0), "photos")
    Traceback (most recent call last):
    ...
    kerasgan.utils.errors.UserError: photos must lie in [-1, 1]. Received: values from 200 to ...
    """
    images = np.asarray(images)
    check_shape(images.shape, name, image_shape)
    points = images.ndim == 2
    if images.dtype == np.uint8 and not points:
        return
    if not np.issubdtype(images.dtype, np.floating):
        wanted = "float" if points else "uint8, or float in [-1, 1]"
        raise UserError(f"{name} must be {wanted}. Received: dtype={images.dtype}")
    _check_values(images, name)


def class_ids(values, name, num_classes=None, names=None):
    """Returns labels as class ids.

    Args:
        values: Class ids (N,) or (N, 1), of any integer dtype or whole floats; or one-hot rows
            (N, num_classes).
        name: Their name in errors.
        num_classes: Number of classes, or `None` if it is not known.
        names: List of the classes' names, which may then stand for their ids.

    Returns:
        int32 array (N,).

    Raises:
        UserError: If the values are something else.

    Example:

    >>> class_ids([[2], [0]], "labels"), class_ids([[0, 1], [1, 0]], "labels", 2)
    (array([2, 0], dtype=int32), array([1, 0], dtype=int32))
    """
    if isinstance(values, np.ma.MaskedArray):
        raise UserError(f"{name} is a masked array, and masks are not used: leave out such labels.")
    values = np.asarray(values)
    if values.dtype.kind in "USO" and names is not None:
        places = {each: place for place, each in enumerate(names)}
        for each in map(str, values.ravel()):
            if each not in places:
                raise UserError(f'{name}: there is no class "{each}": {nearest(each, names)}')
        values = np.array([places[str(each)] for each in values.ravel()]).reshape(values.shape)
    if values.dtype.kind in "USO":
        raise UserError(
            f"{name} must be class ids, whole numbers. Received: {values.ravel()[:1].tolist()} "
            f"...; `names, labels = numpy.unique(labels, return_inverse=True)` numbers texts."
        )
    shape, columns = values.shape, values.shape[-1] if values.ndim == 2 else 0
    if columns == 1:
        values = values[:, 0]
    elif columns and num_classes in (None, columns) and is_one_hot(values):
        values = values.argmax(axis=1)
    if values.ndim != 1:
        one_hot = f"(N, {num_classes or 'classes'})"
        raise UserError(
            f"{name} must be class ids (N,) or one-hot {one_hot}. Received: shape={shape}"
        )
    if not (np.isfinite(values) & (values == np.round(values))).all():
        wrong = values[~(values == np.round(values)) | ~np.isfinite(values)]
        raise UserError(f"{name} must be class ids, whole numbers. Received: {wrong[0]:g}")
    return values.astype(np.int32)


def is_one_hot(rows):
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all())


def check_labels(labels, num_classes, name="labels"):
    """Checks that class ids lie in 0 to num_classes - 1.

    Args:
        labels: int array (N,).
        num_classes: Number of classes.
        name: What the error calls them.

    Raises:
        UserError: With the ids found.

    Example:

    >>> check_labels(np.array([0, 10]), num_classes=10)
    Traceback (most recent call last):
    ...
    kerasgan.utils.errors.UserError: labels must lie in 0 to 9. Received: ids from 0 to 10
    """
    labels = np.asarray(labels)
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise UserError(
            f"{name} must lie in 0 to {num_classes - 1}. "
            f"Received: ids from {labels.min()} to {labels.max()}"
        )


def check_shape(shape, name, image_shape):
    if image_shape is not None and len(image_shape) == 1:
        if 0 in shape or tuple(shape[1:]) != tuple(image_shape):
            raise UserError(
                f"{name} must hold points, shape (N, {image_shape[0]}). Received: shape={shape}"
            )
        return
    if len(shape) != 4 or 0 in shape:
        hint = "; a channel axis is added by `images[..., None]`" if len(shape) == 3 else ""
        raise UserError(f"{name} must have shape (N, H, W, C). Received: shape={shape}{hint}")
    if image_shape is not None and tuple(shape[1:]) != tuple(image_shape):
        raise UserError(
            f"{name} must hold images of shape {tuple(image_shape)}. Received: shape={shape}; "
            f"`kerasgan.data.load(..., image_size=...)` pads or resizes."
        )


def _check_values(images, name):
    low, high = images.min(), images.max()
    if low >= -1 - TOLERANCE and high <= 1 + TOLERANCE:  # False where there is a NaN
        return
    finite = np.isfinite(images)
    if not finite.all():
        nans = np.isnan(images).sum()
        infinite = finite.size - finite.sum() - nans
        counts = [f"{n} {kind}" for n, kind in ((nans, "NaN"), (infinite, "infinite")) if n]
        raise UserError(
            f"{name} must be finite. Received: {' and '.join(counts)} values, the first in image "
            f"{_first(~finite)}; repair or leave out such images."
        )
    if images.ndim == 2:  # points lie anywhere
        return
    raise UserError(
        f"{name} must lie in [-1, 1]. Received: values from {low:g} to {high:g}, the first outside "
        f"in image {_first(abs(images) > 1 + TOLERANCE)}; pass uint8, or scale 0 to 255 by "
        f"`x / 127.5 - 1`."
    )


def _first(wrong):
    return int(np.argmax(wrong.reshape(len(wrong), -1).any(axis=1)))
