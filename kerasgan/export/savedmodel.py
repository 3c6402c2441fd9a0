"""SavedModel for TensorFlow Serving."""

import json
import os

import keras

from kerasgan.errors import UserError, check_count
from kerasgan.export import metadata
from kerasgan.files import replacing


def saved_model(gan, directory, version=None):
    """Writes the generator as a SavedModel that TensorFlow Serving loads.

    The signature `serving_default` takes `z` (N, latent_dim) float32, with `label` (N,) int32 where
    the model is conditional, and gives `images` (N, H, W, C) float32 in [-1, 1], for any N >= 1.
    The averaged (EMA) weights go out where the model keeps them.

    Args:
        gan: A `kerasgan.GAN`.
        directory: The model's folder; versions stand below it, as TensorFlow Serving wants them.
        version: Whole number >= 1; by default one more than the highest there.

    Returns:
        str, the folder written, `<directory>/<version>`. It appears there only when complete.

    Raises:
        UserError: If that version exists already or is not a whole number >= 1.

    Example:

    >>> import kerasgan, tempfile
    >>> import tensorflow as tf
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> folder = saved_model(gan, tempfile.mkdtemp())
    >>> served = tf.saved_model.load(folder).signatures["serving_default"]
    >>> served(z=tf.zeros((3, 100)))["images"].shape
    TensorShape([3, 8, 8, 1])
    """
    version = next_version(directory) if version is None else version
    check_count(version, "version")
    path = os.path.join(directory, str(version))
    if os.path.exists(path):
        raise UserError(f"{path} exists already: name another version or remove it.")

    # No `track`: the endpoint finds the weights by itself, and both would store them twice.
    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "serving_default",
        lambda *inputs: {"images": gan.generate(*inputs)},
        input_signature=gan.input_signature,
    )
    with replacing(path) as temporary:
        archive.write_out(temporary, verbose=False)
        with open(os.path.join(temporary, metadata.FILE), "w", encoding="utf-8") as file:
            json.dump(metadata.describe(gan), file, indent=2)
    return path


def next_version(directory):
    """Returns the whole number after the highest version in `directory`, 1 where there is none."""
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return max((int(name) for name in names if name.isdigit()), default=0) + 1
