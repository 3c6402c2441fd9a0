"""Loads a data set by name, folder or arrays."""

import os

import numpy as np
import tensorflow as tf

from kerasgan.data import audio, emoji, films, openmoji, tfds_sets
from kerasgan.data.datasets import unread_dataset
from kerasgan.data.mini import read_mini
from kerasgan.data.names import (
    check_image_options,
    is_folder,
    is_sounds,
    title_of,
    unread,
    unread_audio,
)
from kerasgan.data.pipeline import as_arrays, batches
from kerasgan.data.sizes import collect, fitted, sides
from kerasgan.data.source import ArraySource
from kerasgan.data.splits import select
from kerasgan.signature.checks import check_images
from kerasgan.utils import logs
from kerasgan.utils.errors import UserError


def load(
    name,
    split="train",
    batch_size=64,
    image_size=None,
    labels=False,
    shuffle=True,
    seed=None,
    drop_remainder=True,
    data_dir=None,
    transparent=False,
    background="white",
    skip_damaged=False,
    flip=False,
    length=None,
    rate=None,
    normalize=None,
):
    """Loads images, or sounds, as batches ready for `fit`.

    Args:
        name: "fashion_mnist_mini", which comes with kerasgan; any image dataset of TensorFlow
            Datasets by its name there; the path of an image folder; or arrays. See `load_source`.
        split: "train", "test", ..., a slice such as "train[:1000]" or "train[10%:]", a sum such as
            "train+test", or "all".
        batch_size: Images per batch.
        image_size: Side of the square images to yield, or (height, width). Images up to 4 pixels
            smaller are padded with background (28 to 32: 2 pixels on each side); others are
            center-cropped and resized. By default images keep their size, which must be the same
            for all.
        labels: Whether to yield `(images, labels)` rather than `images`.
        shuffle: Whether to draw a new order in each epoch.
        seed: int. The same seed gives the same sequence of orders.
        drop_remainder: Whether to drop an epoch's last batch if it is incomplete.
        data_dir: Folder of TFDS; by default `TFDS_DATA_DIR`, or `~/tensorflow_datasets`.
        transparent, background, skip_damaged: For folders, as in `load_source`.
        flip: Whether half of the images, drawn anew in each epoch, are mirrored left to right.
        length, rate, normalize: For sounds, as in `load_source`.

    Returns:
        `tf.data.Dataset` of one epoch, with known cardinality. Images are float32
        (batch_size, H, W, C) in [-1, 1], sounds float32 (batch_size, length, 1), labels int32
        (batch_size,).

    Raises:
        UserError: If there is no such dataset, split or label, if the data cannot be read or
            downloaded, or if it does not fill one batch.

    Example:

    >>> dataset = load("fashion_mnist_mini", batch_size=100, image_size=32, seed=0)
    >>> len(dataset), dataset.element_spec.shape
    (100, TensorShape([100, 32, 32, 1]))
    """
    source = load_source(
        name,
        split,
        image_size,
        data_dir,
        transparent,
        background,
        skip_damaged,
        flip,
        length=length,
        rate=rate,
        normalize=normalize,
    )
    title = title_of(name)
    if labels and "label" not in source.parts:
        raise UserError(f"`labels=True` needs a dataset with class labels. {title} has none.")
    first = next(iter(source.parts))
    source = source.only([first, "label"] if labels else [first])
    return batches(source, None, batch_size, shuffle, seed, drop_remainder, title)


def load_arrays(
    name,
    split="train",
    image_size=None,
    data_dir=None,
    transparent=False,
    background="white",
    skip_damaged=False,
    length=None,
    rate=None,
    normalize=None,
):
    """Returns all images, or sounds, of a split as arrays.

    Args:
        name, split, image_size, data_dir, transparent, background, skip_damaged, length, rate,
            normalize: As in `load_source`.

    Returns:
        Tuple of the images (N, H, W, C), uint8, or float32 in [-1, 1] if given so, or of the sounds
        (N, length, 1), float32, and their labels (N,) int32, or `None` without labels. More than
        1 GB of images are mapped from the cache.

    Raises:
        UserError: As `load_source`.

    Example:

    >>> images, labels = load_arrays("fashion_mnist_mini", split="test[:100]")
    >>> images.shape, images.dtype, labels.shape
    ((100, 28, 28, 1), dtype('uint8'), (100,))
    """
    source = load_source(
        name,
        split,
        image_size,
        data_dir,
        transparent,
        background,
        skip_damaged,
        length=length,
        rate=rate,
        normalize=normalize,
    )
    return next(iter(source.parts.values())), source.parts.get("label")


def load_source(
    name,
    split="train",
    image_size=None,
    data_dir=None,
    transparent=False,
    background="white",
    skip_damaged=False,
    flip=False,
    cached=None,
    length=None,
    rate=None,
    normalize=None,
):
    """Returns a split as an `ArraySource` of "image", or of "audio", and, if there are labels,
    "label".

    `pairs` and `unpaired` add a part "source", for models that make a picture of another one.

    A split of more than 1 GB of images is read once, by several processes, into a file of the cache
    (`KERASGAN_CACHE`), from which training reads what it needs: memory stays as it is, whatever the
    size of the set. It is read anew when names, sizes or times of the files change.

    Args:
        name: One of
            - "fashion_mnist_mini": 10,000 train and 2,500 test images of Fashion-MNIST (Xiao et
              al., 2017), class-balanced, embedded in kerasgan.
            - "noto_emoji": 3,655 emoji in colour, 128 x 136 pixels, drawn from Debian's packages
              fonts-noto-color-emoji and unicode-data; classes are Unicode's groups, `captions` the
              names. All skin tones of an emoji are in the same split. "noto_emoji_mini": those
              without skin tone, 1,870 of 64 x 64 pixels, embedded in kerasgan.
            - "openmoji": 1,914 emoji in colour without skin tones, with the same classes and, where
              they are the same emoji, splits; by default 64 x 64 pixels. They are fetched from npm,
              and drawn once, into the cache, with the package resvg_py (`kerasgan[emoji]`).
            - "moving_fashion_mnist": 10,000 train and 1,000 test films of two garments that move
              and bounce, "image" being the frame after four "frames"; see `moving`.
            - The name of a TFDS dataset with an "image" feature: "cifar10", "celeb_a", ... It is
              downloaded on first use. "fashion_mnist" needs no network where Debian's package
              dataset-fashion-mnist is installed.
            - The path of a folder of images in any format that Pillow reads; of animations, the
              first frame. Its subfolders are the classes, numbered in sorted order. Folders named
              train, test, val, valid or validation are splits; without them every tenth image in
              sorted order is "test" and the others are "train". Images are read as RGB unless all
              are greyscale. Files that Pillow does not read are counted in a warning.
            - "drum_hits": 635 sounds of drums with the classes cymbal, hat, kick, percussion, snare
              and tom, from Debian's package hydrogen-drumkits. Every fifth drum is "test", with all
              of its sounds.
            - The path of a folder of sounds: WAV, FLAC, OGG and what else libsndfile reads
              (`pip install "kerasgan[sound]"`). Subfolders mean the same as those of images. Sounds
              are mixed down to one channel, resampled, and begin where they first reach a hundredth
              of their peak.
            - An array (N, H, W, C), uint8 or float in [-1, 1], or a tuple (images, labels). All of
              it is the split "train".
        split: As in `load`.
        image_size: As in `load`.
        data_dir: As in `load`.
        transparent: Whether images of a folder, or emoji, keep their opacity, as a fourth channel.
        background: Colour on which they are shown otherwise: a name or "#rrggbb".
        skip_damaged: Whether damaged images of a folder are left out, with a warning, rather than
            refused, all in one error.
        flip: As in `load`.
        cached: Whether the split is read into the cache, whatever its size; by default if it takes
            more than 1 GB. What is in the cache is used in any case.
        length: Samples of a sound, 16,384 by default: longer ones are cut, shorter ones end with
            silence.
        rate: Samples of a sound per second, 16,000 by default.
        normalize: "peak", the default, brings the highest sample of each sound to 1, "loudness" its
            root mean square to 0.1, or as near as the highest sample allows; "none" leaves sounds
            as loud as they are.

    Returns:
        `ArraySource`, with the names of the classes where they are known.

    Raises:
        UserError: If there is no such dataset or split, the data cannot be read or downloaded, or
            the disk has not enough space.

    Example:

    >>> source = load_source("fashion_mnist_mini", "test[:100]")
    >>> source.spec["image"], source.class_names[7]
    (Image((28, 28, 1)), 'Sneaker')
    """
    of_sounds = {"length": length, "rate": rate, "normalize": normalize}
    if is_sounds(name):
        check_image_options(
            name,
            image_size=image_size,
            transparent=transparent,
            background=background != "white",
            flip=flip,
        )
        reader = audio.reader_of(**of_sounds)
        return unread_audio(name, split, reader, skip_damaged).read(cached)
    if wrong := [option for option, value in of_sounds.items() if value is not None]:
        raise UserError(f"`{wrong[0]}` is for sounds. Received: {title_of(name)}")
    if image_size is not None:
        sides(image_size)
    of_folders = {"background": background != "white", "skip_damaged": skip_damaged}
    drawn = (emoji.FULL, emoji.MINI, openmoji.NAME)
    is_path = isinstance(name, (str, os.PathLike)) and (name in drawn or is_folder(name))
    if not is_path and any(of_folders.values()):
        option = next(key for key, given in of_folders.items() if given)
        raise UserError(f"`{option}` is for folders of images. Received: {name}")
    if not isinstance(name, (str, os.PathLike)):
        source = arrays_source(name, split, image_size)
    elif name == tfds_sets.MINI:
        source = read_mini(split, image_size)
    elif name == emoji.MINI:
        source = emoji.read_mini(split, image_size, transparent, background)
    elif name == films.NAME:
        source = films.load_films(split, image_size)
    elif name == openmoji.NAME:
        reading = openmoji.unread_openmoji(split, image_size, transparent, background)
        source = reading.read(cached).only(["image", "label"])
    else:
        with logs.quiet():
            options = (transparent, background, skip_damaged)
            source = unread(name, split, image_size, data_dir, *options).read(cached)
    if transparent and source.spec["image"].shape[-1] != 4:
        raise UserError(
            f"`transparent` keeps the opacity of pictures, and those of {source.name} have none: "
            f"{source.spec['image'].shape}"
        )
    source.flip = flip
    return source


def prepare(dataset, name, image_size=None):
    """Reads a `tf.data.Dataset` of images into the cache, once, and returns it as a source.

    With the same name and image size, it is found there again, unless the shapes, dtypes or the
    number of its elements have changed. Other changes nobody can see: give another name, or delete
    the old set with `kerasgan data remove`.

    Args:
        dataset: Finite `tf.data.Dataset` of images, (images, labels), or dicts of "image" and maybe
            "label"; single ones (H, W, C) or batches of them; uint8, or float in [-1, 1], which is
            rounded to 256 levels.
        name: Its name.
        image_size: As in `load`.

    Returns:
        `ArraySource`, for `kerasgan.train`, `steps` or, as it is, `fit`.

    Raises:
        UserError: If its elements are something else, it is endless, or the disk has not enough
            space.

    Example:

    >>> dataset = tf.data.Dataset.from_tensor_slices(np.zeros((6, 8, 8, 3), "uint8"))
    >>> source = prepare(dataset, "black")
    Reading black all, 0.0 GB, once, into ...
    >>> len(source), source.spec
    (6, {'image': Image((8, 8, 3))})
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise UserError(f"{name} is endless: pass `dataset.take(number)`.")
    return unread_dataset(dataset, name, image_size).read(cached=True)


def arrays_source(arrays, split, image_size):
    """Returns arrays, images or (images, labels), as a source."""
    images, labels = arrays if isinstance(arrays, tuple) and len(arrays) == 2 else (arrays, None)
    images, labels = as_arrays(images, labels, "images")
    check_images(images, "images")
    if split not in ("train", "all"):
        chosen = select(split, {"train": np.arange(len(images))}, "images")
        images, labels = images[chosen], None if labels is None else labels[chosen]
    if image_size is not None:
        # In pieces, since resizing takes four bytes a value.
        starts = range(0, len(images), 1024)
        pieces = ((fitted(images[i : i + 1024], image_size), None) for i in starts)
        images = collect(pieces, len(images))["image"]
    return ArraySource({"image": images} if labels is None else {"image": images, "label": labels})
