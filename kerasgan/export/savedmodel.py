"""SavedModel for TensorFlow Serving."""

import json
import os

import keras
import tensorflow as tf

from kerasgan import card, zoo
from kerasgan.errors import UserError, check_count
from kerasgan.export import metadata
from kerasgan.export.warmup import write_warmup
from kerasgan.files import replacing

MOST = 1024  # images that one request may ask for


def saved_model(gan, directory, version=None):
    """Writes the generator as a SavedModel that TensorFlow Serving loads.

    Signatures, for any N from 1 up; inputs are those of `gan.signature`:

    - `serving_default`: all inputs, e.g. `z` (N, latent_dim) float32 and `label` (N,) int32 ->
      the output, e.g. `images` (N, H, W, C) float32 in [-1, 1].
    - `sample`, where something is drawn: scalars `seed` int64 and `num` int32, 1 to 1024, and the
      inputs that are not drawn from a seed -> `images` (num, H, W, C), as
      `gan.sample(num, seed=seed)` makes them: a larger `num` only adds. One label serves all
      images, or there are `num` of them.
    - `sample_uint8`: the same as bytes 0 to 255.
    - `sample_png`: the same as PNG files, `image_bytes` (num,), which REST returns as base64.
      Sounds have `sample_wav` -> `audio_bytes` (num,) in place of the last two.

    A request that is wrong (a latent vector of another length, NaN, a label or `num` out of range)
    fails with a message that says so, and the model goes on serving. The averaged (EMA) weights go
    out where the model keeps them. Vectors have the first two signatures.

    Beside the graph stand `kerasgan.json` (variant, recipe, scores, hash of the weights, versions)
    and, in `assets.extra/`, the model card and requests with which TensorFlow Serving warms up.

    Args:
        gan: A `kerasgan.GAN`, or what `kerasgan.load` takes: a zoo entry, a run directory, ...
        directory: The model's folder; versions stand below it, as TensorFlow Serving wants them.
        version: Whole number >= 1; by default one more than the highest there.

    Returns:
        str, the folder written, `<directory>/<version>`. It appears there only when complete.

    Raises:
        UserError: If that version exists already or is not a whole number >= 1.

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

    gan = zoo.opened(gan)
    # No `track`: the endpoints find the weights by themselves, and both would store them twice.
    archive = keras.export.ExportArchive()
    for name, (function, signature) in signatures(gan).items():
        archive.add_endpoint(name, function, input_signature=signature)
    with replacing(path) as temporary:
        archive.write_out(temporary, verbose=False)
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


def signatures(gan):
    """Returns for each signature's name its function and the specs of its inputs."""
    signature = gan.signature
    output = signature.output

    def serve(*inputs):
        return checked_generate(gan, signature.named(inputs))

    def sample(seed, num, *asked):
        with tf.control_dependencies(
            [
                tf.debugging.assert_positive(num, "`num` must be 1 or more."),
                tf.debugging.assert_less_equal(num, MOST, f"`num` must be {MOST} or less."),
            ]
        ):
            values = {
                name: for_each(values, num, name)
                for name, values in zip(signature.asked, asked, strict=True)
            }
            drawn = signature.draw(num, tf.stack([seed, 0]), values)
        return checked_generate(gan, signature.named(drawn))

    def formed(form):
        return lambda *inputs: form(sample(*inputs))

    functions = {
        "serving_default": (lambda *inputs: {output.tensor: serve(*inputs)}, signature.specs)
    }
    if signature.seeded:
        wanted = [tf.TensorSpec((), tf.int64, "seed"), tf.TensorSpec((), tf.int32, "num")]
        wanted += [kind.spec(name) for name, kind in signature.asked.items()]
        functions["sample"] = (lambda *inputs: {output.tensor: sample(*inputs)}, wanted)
        for suffix, form in output.endpoints().items():
            functions[f"sample_{suffix}"] = (formed(form), wanted)
    return functions


def for_each(values, num, name):
    """Repeats one value of an input for all samples; as many as samples stay as they are."""
    count = tf.shape(values)[0]
    fits = tf.reduce_any([tf.equal(count, 1), tf.equal(count, num)])
    message = f"There must be one {name}, or `num` of them. Received:"
    with tf.control_dependencies([tf.debugging.Assert(fits, [message, count])]):
        return tf.broadcast_to(values, tf.concat([[num], tf.shape(values)[1:]], axis=0))


def checked_generate(gan, inputs):
    """As `gan.generate`, with checks within the graph, where a bad request must be told.

    Args:
        gan: The model.
        inputs: dict of tensors by input name, in the generator's order.
    """
    kinds = gan.signature.inputs
    first = next(iter(inputs))
    inputs = {
        name: tf.ensure_shape(values, (None, *kinds[name].shape)) for name, values in inputs.items()
    }
    num = tf.shape(inputs[first])[0]
    said = "latent vector" if kinds[first].seeded else "value"
    checks = [tf.debugging.assert_positive(num, f"`{first}` must hold at least one {said}.")]
    for name, values in inputs.items():
        message = f"There must be a {name} for each {said}."
        checks.append(tf.debugging.Assert(tf.equal(tf.shape(values)[0], num), [message]))
        checks += kinds[name].assertions(values, name)
    with tf.control_dependencies([check for check in checks if check is not None]):
        return gan.generate(*map(tf.identity, inputs.values()))


def next_version(directory):
    """Returns the whole number after the highest version in `directory`, 1 where there is none."""
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return max((int(name) for name in names if name.isdecimal()), default=0) + 1
