"""Where images come from: the embedded set, TensorFlow Datasets, or a folder.

Every reader returns the images of one split as uint8 (N, H, W, C) and their class ids. How images
become batches is `kerasgan.data`'s business.
"""

import hashlib
import io
import os
import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from kerasgan import prepare
from kerasgan.errors import UserError, nearest

MINI_FILE = Path(__file__).parent / "assets" / "fashion_mnist_mini.npz"
MINI_SHA256 = "1c98be6d6a93ab194f32e7e08ea91db3e33e04a1672a0e36534161b84530e608"

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
SPLIT_FOLDERS = {"train", "test", "validation", "val"}


def read(name, split="train", image_size=None, data_dir=None):
    """Reads one split of a named set or folder; `kerasgan.data.load_arrays` documents the rest."""
    if name == prepare.MINI:
        return _read_mini(split, image_size)
    if is_folder(name):
        return _read_folder(Path(name).expanduser(), split, image_size)
    with prepare.quiet():
        return _read_tfds(name, split, image_size, data_dir)


def is_folder(name):
    """Tells whether a name stands for a folder of images rather than for a TFDS dataset."""
    folder = os.path.expanduser(name)
    path_like = isinstance(name, os.PathLike) or os.path.isabs(folder) or name.startswith(".")
    return (
        path_like
        or os.path.isfile(folder)
        or (os.path.isdir(folder) and name not in prepare.names())
    )


# --- Splits and sizes ---


def select(split, splits, name):
    """Returns the indices that a split string such as "train[:10%]+test[500:]" stands for.

    Args:
        split: TFDS's notation: names joined by "+", each with an optional [from:to] of images or
            percent. "all" means every split.
        splits: dict of split name to the indices of its images, int array (N,).
        name: The dataset's name, for errors.

    Returns:
        int array (n,), n >= 1, in the order asked for.

    Raises:
        UserError: If the string is malformed, names a missing split or range, or selects nothing.

    Example:

    >>> select("train[-1:]+test[:50%]", {"train": np.arange(3), "test": np.arange(3, 7)}, "toy")
    array([2, 3, 4])
    """
    splits = {**splits, "all": np.concatenate(list(splits.values()))}
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


def square(images, size):
    """Makes images square: a small margin is padded with background, all else cropped and resized.

    Args:
        images: Array (N, H, W, C), uint8 or float32 in [-1, 1].
        size: Side of the output, or `None` to leave the images as they are.

    Returns:
        Array (N, size, size, C) of the same dtype. Images at most 4 pixels smaller than `size` on
        both sides keep every pixel and get a border of background (0, or -1 in float images);
        others are cropped to their central square and resized bilinearly with antialiasing.

    Example:

    >>> square(np.full((1, 2, 2, 1), 9, np.uint8), 4)[0, :, :, 0]
    array([[0, 0, 0, 0],
           [0, 9, 9, 0],
           [0, 9, 9, 0],
           [0, 0, 0, 0]], dtype=uint8)
    """
    height, width = images.shape[1:3]
    if size is None or (height, width) == (size, size):
        return images
    whole = images.dtype == np.uint8
    if 0 <= size - height <= 4 and 0 <= size - width <= 4:
        margins = [(m // 2, m - m // 2) for m in (size - height, size - width)]
        background = 0 if whole else -1
        return np.pad(images, [(0, 0), *margins, (0, 0)], constant_values=background)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    images = images[:, top : top + side, left : left + side]
    images = tf.image.resize(images, (size, size), antialias=True).numpy()
    return np.rint(images).astype(np.uint8) if whole else images


def collect(chunks, count, image_size, name):
    """Fills one array with the images of all chunks, so that memory holds them only once.

    Args:
        chunks: Iterable of (images (n, H, W, C), class ids (n,) or `None`).
        count: Number of images in all chunks together.
        image_size: As in `square`.
        name: The dataset's name, for errors.

    Returns:
        Images (count, H, W, C), and class ids (count,) int32 or `None`.

    Raises:
        UserError: If the images differ in size.
    """
    collected, labels, end = None, [], 0
    for images, ids in chunks:
        images = square(images, image_size)
        if collected is None:
            collected = np.empty((count, *images.shape[1:]), images.dtype)
        if images.shape[1:] != collected.shape[1:]:
            raise UserError(
                f'Images of "{name}" must be of one size, or `image_size` must be given. '
                f"Received: shapes {collected.shape[1:]} and {images.shape[1:]}"
            )
        collected[end : end + len(images)] = images
        labels.append(ids)
        end += len(images)
    labelled = labels[0] is not None
    return collected, np.concatenate(labels).astype(np.int32) if labelled else None


# --- The embedded set ---


def _read_mini(split, image_size):
    data = MINI_FILE.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != MINI_SHA256:
        raise UserError(
            f"{MINI_FILE} must have SHA-256 {MINI_SHA256}. Received: {found}; reinstall kerasgan."
        )
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        images = np.concatenate([arrays["train_images"], arrays["test_images"]])
        labels = np.concatenate([arrays["train_labels"], arrays["test_labels"]])
        indices = np.split(np.arange(len(labels)), [len(arrays["train_labels"])])
    chosen = select(split, dict(zip(("train", "test"), indices, strict=True)), prepare.MINI)
    return square(images[chosen], image_size), labels[chosen].astype(np.int32)


# --- A folder ---


def _read_folder(root, split, image_size):
    if not root.is_dir():
        raise UserError(f'No such folder: "{root}"')
    files = [path.relative_to(root) for path in root.rglob("*")]
    files = [
        file
        for file in files
        if file.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in file.parts)
    ]
    files.sort(key=lambda file: file.parts)
    split_names = SPLIT_FOLDERS & {file.parts[0] for file in files if len(file.parts) > 1}
    if split_names:
        files = [file for file in files if file.parts[0] in split_names]
        where = np.array([file.parts[0] for file in files])
    else:
        where = np.where(np.arange(len(files)) % 10 == 9, "test", "train")
    if not files:
        raise UserError(f'Folder "{root}" holds no images ({", ".join(sorted(IMAGE_SUFFIXES))}).')
    names = sorted(split_names) or ["train", "test"]
    chosen = select(split, {name: np.flatnonzero(where == name) for name in names}, root)

    # Of all files, so that every split comes with the same classes and channels.
    labels = _folder_classes([file.parts[bool(split_names) : -1] for file in files])
    mode = "L" if all(_is_grey(root / file) for file in files) else "RGB"
    chunks = (
        (_decode(root / files[i], mode)[None], None if labels is None else labels[i : i + 1])
        for i in chosen
    )
    return collect(chunks, len(chosen), image_size, root)


def _folder_classes(parents):
    """Numbers the classes in sorted order; `None` if an image lies outside any class folder."""
    if not all(parents):
        return None
    return np.unique([parts[0] for parts in parents], return_inverse=True)[1].astype(np.int32)


@contextmanager
def _opened(path):
    try:
        with Image.open(path) as image:
            yield image
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ...
        raise UserError(f'Cannot read the image "{path}": {error}') from error


def _is_grey(path):
    with _opened(path) as image:
        return image.mode in ("1", "L", "LA") or image.mode.startswith("I")


def _decode(path, mode):
    with _opened(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip at 255
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        pixels = np.asarray(image.convert(mode))
    return pixels.reshape(*pixels.shape[:2], -1)


# --- TensorFlow Datasets ---


def image_shape(name, image_size=None, data_dir=None):
    """Returns the shape of a dataset's images; TFDS knows it without the data.

    Args:
        name: TFDS's name, "fashion_mnist_mini" or a folder of images.
        image_size: Side to which images are brought, or `None`.
        data_dir: As for `read`.

    Returns:
        (height, width, channels).

    Raises:
        UserError: If TFDS does not know the dataset, or images have several sizes and `image_size`
            is not given.

    Example:

    >>> image_shape("cifar10")
    (32, 32, 3)
    """
    if name == prepare.MINI or is_folder(name):
        return read(name, "all", image_size)[0].shape[1:]
    with prepare.quiet():
        shape = _tfds_features(prepare.find(name, data_dir), name)["image"].shape
    shape = (image_size, image_size, shape[2]) if image_size else shape
    if None in shape:
        raise UserError(f"Images of {name} have several sizes: the recipe needs data.image_size.")
    return tuple(shape)


def _tfds_features(builder, name):
    import tensorflow_datasets as tfds

    features = builder.info.features
    features = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    image = features.get("image")
    if not isinstance(image, tfds.features.Image) or image.np_dtype != np.uint8:
        raise UserError(
            f'Dataset "{name}" must have a feature "image" of uint8 images. '
            f"Received: features {features}"
        )
    return features


def _read_tfds(name, split, image_size, data_dir):
    import tensorflow_datasets as tfds

    builder = prepare.find(name, data_dir)
    features = _tfds_features(builder, name)
    image = features["image"]
    prepare.ensure(builder)
    splits = builder.info.splits
    select(split, {key: np.arange(splits[key].num_examples) for key in splits}, name)  # or an error
    wanted = {"image": True}
    if isinstance(features.get("label"), tfds.features.ClassLabel):
        wanted["label"] = True
    dataset = builder.as_dataset(
        split=split,
        decoders=tfds.decode.PartialDecoding(wanted),
        read_config=tfds.ReadConfig(try_autocache=False),  # `collect` is the cache
    )
    dataset = dataset.batch(1 if None in image.shape else 256)
    chunks = ((batch["image"], batch.get("label")) for batch in dataset.as_numpy_iterator())
    return collect(chunks, splits[split].num_examples, image_size, name)
