"""Data sets that users make with `tf.data`."""

import numpy as np
import tensorflow as tf

from kerasgan.data.sizes import at_once, resized, resized_shape
from kerasgan.data.unread import Unread
from kerasgan.signature.checks import check_images, class_ids
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError


def unread_dataset(dataset, name, image_size=None):
    """Returns a `tf.data.Dataset` of images, not read yet.

    Args:
        dataset: Of images, (images, labels), or dicts of "image" and maybe "label"; single ones
            (H, W, C) or batches of them, uint8 or float in [-1, 1].
        name: Its name in the cache.
        image_size: As in `kerasgan.data.load`.

    Raises:
        UserError: If its elements are something else.
    """
    spec = parts_of(dataset.element_spec, name)
    image = spec["image"]
    if not isinstance(image, tf.TensorSpec) or image.shape.rank not in (3, 4):
        raise UserError(
            f"{name} must yield images (H, W, C), or batches of them. Received: {image}"
        )
    single = image.shape.rank == 3
    count = int(dataset.cardinality()) if single and dataset.cardinality() >= 0 else None

    def chunks():
        found = dataset.batch(at_once(image.shape)) if single else dataset
        for batch in found.as_numpy_iterator():
            parts = parts_of(batch, name)
            images = parts["image"]
            check_images(images, name)
            images = images if images.dtype == np.uint8 else pixels.to_uint8(images)
            ids = parts.get("label")
            yield images, None if ids is None else class_ids(ids, name)

    return Unread(
        name=name,
        split="all",
        options={"name": name, "image_size": image_size},
        stamp=[str(dataset.element_spec), int(dataset.cardinality())],
        count=count,
        shape=resized_shape(image.shape[-3:], image_size),
        chunks=lambda: resized(chunks(), image_size),
    )


def parts_of(element, name):
    """Returns an element of a data set, or its spec, as a dict of "image" and maybe "label"."""
    if isinstance(element, dict):
        if "image" not in element:
            raise UserError(f'{name} must have a part "image". Received: {", ".join(element)}')
        return {part: element[part] for part in ("image", "label") if part in element}
    if isinstance(element, tuple):
        return dict(zip(("image", "label"), element, strict=False))
    return {"image": element}
