"""Where generated images come from: a run, a zoo entry, an export, or a folder of pictures."""

import dataclasses
from collections.abc import Callable

import numpy as np

from kerasgan import data, zoo
from kerasgan.export import metadata
from kerasgan.inspection.artefacts import identify
from kerasgan.utils import hashing
from kerasgan.utils.errors import UserError, needs


@dataclasses.dataclass
class Sampler:
    """Generated images from anywhere.

    Attributes:
        name: What results call it.
        kind: "model", "saved_model", "tflite" or "images".
        image_shape: (height, width, channels).
        sha256: Hash of the weights, or of the file or images.
        sample_batches: Function of a number and a seed that yields batches of so many images in
            all, float32 in [-1, 1] or uint8.
        generate: Function of one latent vector's inputs, arrays by name with a batch axis of 1,
            that gives one image; `None` for images that are there already.
        signature: The model's `kerasgan.signature.Signature`, or `None` for a folder.
        limit: Number of images that there are, or `None` where more can be made.
    """

    name: str
    kind: str
    image_shape: tuple
    sha256: str
    sample_batches: Callable
    generate: Callable | None = None
    signature: object = None
    limit: int | None = None


def open_sampler(what):
    """Finds out what a path or name stands for.

    Exports are given the same latents as the model that they come from, which stand in what
    `kerasgan.export` writes beside or into them: scores of a model and of its exports differ by
    the exports alone.

    Args:
        what: A run directory, `.keras` file, zoo entry, SavedModel folder (or the folder of its
            versions), `.tflite` file, or folder of pictures.

    Returns:
        A `Sampler`.

    Raises:
        UserError: If it is none of these, or an export of something else than kerasgan.
    """
    kind, path = identify(what)
    if kind == "tflite":
        return _of_tflite(path)
    if kind == "saved_model":
        return _of_saved_model(path)
    if kind == "images":
        return _of_folder(path)
    return _of_model(what)


def checked(signature, what):
    """Returns the signature of a model whose outputs can be scored; refuses others.

    Raises:
        UserError: If it makes something else than images, or has inputs that only its user knows.
    """
    signature.output.check_scored(what)
    if signature.given:
        names = ", ".join(f"`{name}`" for name in signature.given)
        raise UserError(f"{what} takes {names}, and there are none to draw with.")
    return signature


def _of_model(what):
    from kerasgan.utils import provenance

    gan = zoo.load(what)
    if not gan.examples:
        checked(gan.signature, what)
    return Sampler(
        name=str(what),
        kind="model",
        image_shape=gan.signature.output.shape,
        sha256=provenance.weights_sha256(gan.inference_generator),
        sample_batches=lambda num, seed: gan.sample_batches(num, seed=seed),
        generate=lambda inputs: gan._generate(*inputs.values()).numpy(),
        signature=gan.signature,
    )


def _of_saved_model(folder):
    import tensorflow as tf

    about = metadata.read(folder)
    signature = checked(metadata.signature_of(about), folder)
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]

    def generate(inputs):
        return serve(**inputs)[signature.output.tensor].numpy()

    def sample_batches(num, seed):
        return map(generate, latent_batches(signature, num, seed))

    return Sampler(
        name=str(folder),
        kind="saved_model",
        image_shape=signature.output.shape,
        sha256=about["weights_sha256"],
        sample_batches=sample_batches,
        generate=generate,
        signature=signature,
    )


def _of_tflite(path):
    needs("ai_edge_litert", "tflite")
    from ai_edge_litert.interpreter import Interpreter

    about = metadata.read(path)
    signature = checked(metadata.signature_of(about), path)
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner("serving_default")

    def generate(inputs):
        return run(**inputs)[
            signature.output.tensor
        ].copy()  # the runner gives the same memory again

    def sample_batches(num, seed):
        for inputs in latent_batches(signature, num, seed):
            inputs = {name: np.asarray(values) for name, values in inputs.items()}
            rows = range(len(next(iter(inputs.values()))))
            single = ({name: v[i : i + 1] for name, v in inputs.items()} for i in rows)
            yield np.concatenate([generate(row) for row in single])

    return Sampler(
        name=str(path),
        kind="tflite",
        image_shape=signature.output.shape,
        sha256=hashing.of_file(path),  # quantised weights are others
        sample_batches=sample_batches,
        generate=generate,
        signature=signature,
    )


def _of_folder(path):
    pictures, _ = data.load_arrays(path, "all")

    def sample_batches(num, seed):
        chosen = np.random.default_rng(seed).permutation(len(pictures))[:num]
        for start in range(0, num, 256):
            yield pictures[chosen[start : start + 256]]

    return Sampler(
        name=str(path),
        kind="images",
        image_shape=pictures.shape[1:],
        sha256=hashing.of_array(pictures),
        sample_batches=sample_batches,
        limit=len(pictures),
    )


def latent_batches(signature, num, seed, batch_size=256):
    """Yields the inputs of the generator, by name, that `gan.sample(num, seed=seed)` draws."""
    import tensorflow as tf

    drawn = signature.named(signature.draw(num, tf.constant([seed, 0], tf.int64)))
    for start in range(0, num, batch_size):
        yield {name: values[start : start + batch_size] for name, values in drawn.items()}
