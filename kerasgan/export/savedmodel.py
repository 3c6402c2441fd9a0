"""SavedModel for TensorFlow Serving."""

import json
import os

import tensorflow as tf  # noqa: F401 (the example)

from kerasgan.export import card, metadata
from kerasgan.export.model import check_model
from kerasgan.export.warmup import write_warmup
from kerasgan.gan import serving
from kerasgan.utils.errors import UserError, check_count
from kerasgan.utils.files import replacing


def saved_model(gan, directory, version=None):
    """Writes the generator as a SavedModel that TensorFlow Serving loads.

    Signatures, for any N >= 1; inputs are those of `gan.signature`:

    - `serving_default`: all inputs, e.g. `z` (N, latent_dim) float32 and `label` (N,) int32 ->
      the output, e.g. `images` (N, H, W, C) float32 in [-1, 1].
    - `sample`, if the model draws inputs: scalars `seed` int64 and `num` int32, 1 to 1024, and the
      inputs that are not drawn from a seed -> `images` (num, H, W, C), the same as from
      `gan.sample(num, seed=seed)`: a larger `num` only adds images. Pass one label for all images,
      or `num` labels. A model whose latents offer the truncation trick, such as BigGAN, also takes
      `truncation` (1,) or (num,) float32; 6 or more truncates nothing.
    - `sample_uint8`: the same as bytes 0 to 255.
    - `sample_png`: the same as PNG files, `image_bytes` (num,), which REST returns as base64.
      For sounds, `sample_wav` -> `audio_bytes` (num,) replaces the last two.

    - `uint8`, for models whose other inputs are pictures: these as bytes 0 to 255 of the model's
      size, a mask's above 127 being 1 -> `images` as bytes. Models that draw inputs also take
      `seed`.
    - `png`: the same with files of any size, PNG or JPEG, which are cropped in the centre and
      resized: `<name>_bytes` (N,), or (N, frames) for films, which REST takes as
      `{"b64": ...}` -> `image_bytes` (N,), PNG files. A mask is 1 where its file is white.

    An invalid request (a latent vector of the wrong length, NaN, a label or `num` out of range)
    fails with a message, and the model keeps serving. The averaged (EMA) weights are exported if
    the model has them. Vectors have the first two signatures.

    The folder also contains `kerasgan.json` (variant, recipe, scores, hash of the weights,
    versions) and, in `assets.extra/`, the model card and warm-up requests for TensorFlow Serving.

    Args:
        gan: A `kerasgan.GAN`; `kerasgan.load` opens a zoo entry, a run directory or a file.
        directory: The model's folder; versions are subfolders, as TensorFlow Serving expects.
        version: Whole number >= 1; by default the highest existing version plus 1.

    Returns:
        str, the folder written, `<directory>/<version>`. It is written atomically.

    Raises:
        UserError: If that version exists or is not a whole number >= 1.

    Example:

    >>> import kerasgan, tempfile
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> folder = saved_model(gan, tempfile.mkdtemp())
    >>> served = tf.saved_model.load(folder).signatures
    >>> served["serving_default"](z=tf.zeros((3, 100)))["images"].shape
    TensorShape([3, 8, 8, 1])
    >>> served["sample"](seed=tf.constant(7, tf.int64), num=tf.constant(2))["images"].shape
    TensorShape([2, 8, 8, 1])
    """
    version = next_version(directory) if version is None else version
    check_count(version, "version")
    path = os.path.join(directory, str(version))
    if os.path.isfile(directory):
        raise UserError(f"{directory} is a file: name a folder for the model's versions.")
    if os.path.exists(path):
        raise UserError(f"{path} exists already: name another version or remove it.")

    check_model(gan)
    with replacing(path) as temporary:
        serving.archive(gan).write_out(temporary, verbose=False)
        about = metadata.describe(gan)
        extra = os.path.join(temporary, "assets.extra")
        os.makedirs(extra, exist_ok=True)
        write_warmup(gan, extra, os.path.basename(os.path.abspath(directory)))
        for name, text in (
            (metadata.FILE, json.dumps(about, indent=2)),
            (os.path.join("assets.extra", "README.md"), card.model_card(about)),
        ):
            with open(os.path.join(temporary, name), "w", encoding="utf-8") as file:
                file.write(text)
    return path


def next_version(directory):
    """Returns the highest version in `directory` plus 1, or 1."""
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return max((int(name) for name in names if name.isdecimal()), default=0) + 1
