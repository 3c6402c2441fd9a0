"""Image sets of TensorFlow Datasets."""

import re
import struct
import tempfile
from pathlib import Path

import numpy as np

from kerasgan.data import tfds_sets
from kerasgan.data.sizes import at_once, resized, resized_shape
from kerasgan.data.splits import select
from kerasgan.data.unread import Unread
from kerasgan.utils.errors import UserError, nearest
from kerasgan.utils.files import state
from kerasgan.utils.network import unreachable
from kerasgan.utils.progress import redraws

VERSION = 1  # of what is read; another one lets caches be prepared anew
MINI = "fashion_mnist_mini"  # the embedded set, which needs none of this

# Sets that TFDS does not know.
OWN = (MINI, "moving_fashion_mnist", "noto_emoji", "noto_emoji_mini", "openmoji", "drum_hits")

# Debian's package dataset-fashion-mnist, and the modification times (Unix seconds) that the gzip
# headers of the original files carry and those of Debian's repacked ones do not.
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
FASHION_MNIST_TIMES = {
    "train-images-idx3-ubyte": 1504176606,
    "train-labels-idx1-ubyte": 1504176606,
    "t10k-images-idx3-ubyte": 1504176627,
    "t10k-labels-idx1-ubyte": 1504176627,
}


def names():
    """Returns the names of TFDS datasets, without community collections."""
    import tensorflow_datasets as tfds

    return tfds.list_builders(with_community_datasets=False)


def find(name, data_dir=None):
    """Returns the TFDS builder of a dataset, without downloading anything.

    Args:
        name: TFDS's name, with a config or version if wanted: "mnist_corrupted/fog:1.0.0".
        data_dir: Folder of datasets; by default `TFDS_DATA_DIR` or `~/tensorflow_datasets`.

    Returns:
        `tfds.core.DatasetBuilder`.

    Raises:
        UserError: If TFDS knows no such dataset, config or version.
    """
    import tensorflow_datasets as tfds

    base = re.split("[/:]", name)[0]
    try:
        return tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # DatasetNotFoundError, AssertionError, ImportError, ...
        if base not in names():
            message = f'Unknown dataset "{name}", which is no folder either'
            raise UserError(f"{message}: {nearest(name, [*OWN, *names()])}") from error
        kind = tfds.builder_cls(base)
        configs = [f"{base}/{config}" for config in kind.builder_configs]
        versions = [kind.VERSION, *kind.SUPPORTED_VERSIONS]
        versions = [f"{base}:{version}" for version in versions if version]
        message = f'TFDS cannot make "{name}" of "{base}"'
        raise UserError(f"{message}: {nearest(name, configs + versions)}") from error


def ensure(builder):
    """Prepares a dataset with TFDS if needed, from Debian's files or by downloading.

    Args:
        builder: `tfds.core.DatasetBuilder`.

    Raises:
        UserError: If the network is needed and not available, or TFDS fails.
    """
    if builder.is_prepared():
        return
    name, remedies = builder.name, []
    if name == "fashion_mnist":
        if all((DEBIAN_FASHION_MNIST / f"{file}.gz").is_file() for file in FASHION_MNIST_TIMES):
            with tempfile.TemporaryDirectory() as staged:
                stage_fashion_mnist(DEBIAN_FASHION_MNIST, staged)
                _prepare(builder, manual_dir=staged, extract_dir=f"{staged}/extracted")
            return
        remedies.append("apt-get install dataset-fashion-mnist")
    hosts = unreachable(builder.url_infos or ())  # None: no list of checksums
    if hosts:
        remedies += [
            "point data_dir or TFDS_DATA_DIR at a directory where TFDS has prepared it",
            "connect to the network",
        ]
        raise UserError(
            f'Dataset "{name}" is not prepared in {builder.data_dir} and its host '
            f"{', '.join(hosts)} cannot be reached: {', or '.join(remedies)} "
            f'("{MINI}" needs none of these).'
        )
    _prepare(builder)


def _prepare(builder, **download_config):
    import tensorflow_datasets as tfds

    if not redraws():
        tfds.disable_progress_bar()
    try:
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(**download_config)
        )
    except Exception as error:  # the dataset's code, its server or the disk raise anything
        if builder.is_prepared():  # by another process, at the same time
            builder.info.read_from_directory(builder.data_dir)
            return
        raise UserError(f'TFDS cannot prepare "{builder.name}": {_first_line(error)}') from error


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def stage_fashion_mnist(source, target):
    """Restores the original gzip headers of Debian's Fashion-MNIST files, byte for byte.

    Debian repacked them without the name and with another time. With both restored they pass TFDS's
    checksums, so TFDS prepares them as if it had downloaded them.

    Args:
        source: Directory with Debian's four .gz files.
        target: Existing directory to write the four originals to.
    """
    for name, modified in FASHION_MNIST_TIMES.items():
        header = struct.pack("<BBBBIBB", 0x1F, 0x8B, 8, 8, modified, 0, 3) + name.encode() + b"\0"
        repacked = (Path(source) / f"{name}.gz").read_bytes()
        (Path(target) / f"{name}.gz").write_bytes(header + repacked[10:])


def tfds_features(builder, name):
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


def unread_tfds(name, split, image_size, data_dir):
    """Returns a split of a TFDS dataset, prepared by TFDS but not read yet."""
    import tensorflow_datasets as tfds

    builder = tfds_sets.find(name, data_dir)
    features = tfds_features(builder, name)
    image, label = features["image"], features.get("label")
    tfds_sets.ensure(builder)
    splits = builder.info.splits
    select(split, {key: np.arange(splits[key].num_examples) for key in splits}, name)  # or an error
    labelled = isinstance(label, tfds.features.ClassLabel)
    wanted = {"image": True, **({"label": True} if labelled else {})}

    def chunks():
        dataset = builder.as_dataset(
            split=split,
            decoders=tfds.decode.PartialDecoding(wanted),
            read_config=tfds.ReadConfig(try_autocache=False),  # ours is the cache
        )
        for batch in dataset.batch(at_once(image.shape)).as_numpy_iterator():
            yield batch["image"], batch.get("label")

    return Unread(
        name=name,
        split=split,
        options={
            "tfds": builder.info.full_name,
            "data_dir": str(builder.data_dir),
            "image_size": image_size,
            "reader": VERSION,
        },
        stamp=[
            (key, splits[key].num_examples, splits[key].num_bytes, list(splits[key].shard_lengths))
            for key in sorted(splits)
        ]
        + [state(Path(builder.data_dir) / "dataset_info.json")],
        count=splits[split].num_examples,
        shape=resized_shape(image.shape, image_size),
        chunks=lambda: resized(chunks(), image_size),
        class_names=list(label.names) if labelled else None,
    )
