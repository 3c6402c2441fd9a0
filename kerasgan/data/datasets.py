"""Data sets that users make with `tf.data`."""

import numpy as np
import tensorflow as tf

from kerasgan.data.sizes import at_once, resized, resized_shape
from kerasgan.data.unread import Unread
from kerasgan.signature.checks import check_images, class_ids
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError

VERSION = 1  # of what is read; another one lets caches be prepared anew


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
        found = dataset.map(lambda *parts: parts_of(parts if len(parts) > 1 else parts[0], name))
        found = found.batch(at_once(image.shape)) if single else found
        for batch in found.as_numpy_iterator():
            images, ids = batch["image"], batch.get("label")
            check_images(images, name)
            images = images if images.dtype == np.uint8 else pixels.to_uint8(images)
            ids = None if ids is None else class_ids(ids, name)
            size = at_once(images.shape[1:])
            for i in range(0, len(images), size):
                yield images[i : i + size], None if ids is None else ids[i : i + size]

    return Unread(
        name=name,
        split="all",
        options={"name": name, "image_size": image_size, "reader": VERSION},
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
