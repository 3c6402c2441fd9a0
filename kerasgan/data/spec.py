"""What an example of a data set is."""

from kerasgan.data import audio, emoji, films, openmoji, tfds_sets
from kerasgan.data.loading import load_source
from kerasgan.data.names import (
    EMBEDDED,
    check_image_options,
    is_folder,
    is_sounds,
    unread,
    unread_audio,
)
from kerasgan.data.sizes import sides
from kerasgan.data.tfds_sets import tfds_features
from kerasgan.signature import Image, Label
from kerasgan.utils import logs
from kerasgan.utils.errors import UserError


def spec_of(
    name,
    image_size=None,
    data_dir=None,
    transparent=False,
    length=None,
    rate=None,
    normalize=None,
):
    """Returns what an example of a dataset is, for TFDS datasets without reading them.

    Args:
        name: As in `load_source`, but no arrays.
        image_size: As in `load`, or `None`.
        data_dir, transparent, length, rate, normalize: As in `load_source`.

    Returns:
        dict from the parts of an example, "image" or "audio", maybe "label" or "frames", to their
        kinds.

    Raises:
        UserError: If TFDS does not know the dataset, or images have several sizes and `image_size`
            is not given.

    Example:

    >>> spec_of("cifar10")["image"]
    Image((32, 32, 3))
    """
    if name == openmoji.NAME:
        return openmoji.spec_of(image_size, transparent)
    if is_sounds(name):
        check_image_options(name, image_size=image_size, transparent=transparent)
        reader = audio.reader_of(length, rate, normalize)
        return audio.spec_of(reader, unread_audio(name, "all", reader).class_names)
    if name in EMBEDDED:
        some = "test[:1]" if name == films.NAME else "all"
        return load_source(name, some, image_size, transparent=transparent).spec
    if name == emoji.FULL or is_folder(name):
        found = unread(name, "all", image_size, transparent=transparent)
        spec, names = {"image": Image(found.image_shape())}, found.class_names
        return {**spec, "label": Label(len(names), names)} if names else spec
    with logs.quiet():
        features = tfds_features(tfds_sets.find(name, data_dir), name)
    shape = features["image"].shape
    shape = (*sides(image_size), shape[2]) if image_size else shape
    if None in shape:
        raise UserError(f"Images of {name} have several sizes: the recipe needs data.image_size.")
    label = getattr(features.get("label"), "names", None)
    spec = {"image": Image(shape)}
    return {**spec, "label": Label(len(label), list(label))} if label else spec
