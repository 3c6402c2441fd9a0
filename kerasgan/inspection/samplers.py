"""Samplers: generated images from a run, a zoo entry, an export, or a folder of pictures."""

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
    """A source of generated images.

    Attributes:
        name: Its name in results.
        kind: "model", "saved_model", "tflite" or "images".
        image_shape: (height, width, channels).
        sha256: Hash of the weights, or of the file or images.
        sample_batches: Function of a number of images and a seed that yields batches, float32 in
            [-1, 1] or uint8.
        generate: Function from the inputs of one sample, arrays by name with batch size 1, to one
            image; `None` for existing images.
        signature: The model's `kerasgan.signature.Signature`, or `None` for a folder.
        limit: Number of existing images, or `None` if more can be generated.
    """

    name: str
    kind: str
    image_shape: tuple
    sha256: str
    sample_batches: Callable
    generate: Callable | None = None
    signature: object = None
    limit: int | None = None


def open_sampler(what, examples=None):
    """Returns the sampler for a path or name.

    Exports get the same latents as their model, from the signature that `kerasgan.export` stores in
    them. Scores of a model and of its exports thus differ only by the export.

    Args:
        what: A run directory, `.keras` file, zoo entry, SavedModel folder (or the folder of its
            versions), `.tflite` file, or folder of pictures.
        examples: dict of arrays by name, for exports of models with inputs that must be given, such
            as the model's `examples`; samples cycle through them.

    Returns:
        A `Sampler`.

    Raises:
        UserError: If it is none of these, or an export from another library.
    """
    kind, path = identify(what)
    if kind == "tflite":
        return _of_tflite(path, examples)
    if kind == "saved_model":
        return _of_saved_model(path, examples)
    if kind == "images":
        return _of_folder(path)
    return _of_model(what, examples)


def random_examples(what):
    """Returns a random value of each input that must be given, by name, for measuring times.

    Args:
        what: As in `open_sampler`, but for folders of pictures.
    """
    kind, path = identify(what)
    if kind in ("tflite", "saved_model"):
        signature = metadata.signature_of(metadata.read(path))
    else:
        signature = zoo.load(what).signature
    generator = np.random.default_rng(0)
    return {
        name: kind.check(kind.random(generator, 1), name) for name, kind in signature.given.items()
    }


def check_drawn(sampler):
    """Raises UserError if samples would only repeat what a model makes of a few examples."""
    if sampler.signature is not None and sampler.signature.given:
        names = ", ".join(f"`{name}`" for name in sampler.signature.given)
        raise UserError(
            f"{sampler.name} is given {names}, and a benchmark of samples would repeat its few "
            f"examples: `kerasgan evaluate` and `kerasgan benchmark pictures` score it."
        )


def checked(signature, what, examples=None):
    """Returns the signature of a model if its outputs can be scored.

    Args:
        signature: Its signature.
        what: Its name in errors.
        examples: dict of examples by name of the inputs that must be given, or `None`.

    Raises:
        UserError: If its outputs are not images, or inputs must be given and have no examples.
    """
    signature.output.check_drawn(what)
    if not set(signature.given) <= set(examples or {}):
        names = ", ".join(f"`{name}`" for name in signature.given)
        raise UserError(f"{what} takes {names}, and there are none to draw with.")
    return signature


def _of_model(what, examples=None):
    from kerasgan.utils import provenance

    gan = zoo.load(what)
    for name, values in (examples or {}).items():
        gan.examples.setdefault(name, values)
    checked(gan.signature, what, gan.examples)
    return Sampler(
        name=str(what),
        kind="model",
        image_shape=gan.signature.output.shape,
        sha256=provenance.weights_sha256(gan.inference_generator),
        sample_batches=lambda num, seed: gan.sample_batches(num, seed=seed),
        generate=lambda inputs: gan._generate(*inputs.values()).numpy(),
        signature=gan.signature,
    )


def _of_saved_model(folder, examples=None):
    import tensorflow as tf

    about = metadata.read(folder)
    signature = checked(metadata.signature_of(about), folder, examples)
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]

    def generate(inputs):
        return serve(**inputs)[signature.output.tensor].numpy()

    def sample_batches(num, seed):
        return map(generate, latent_batches(signature, num, seed, examples=examples))

    return Sampler(
        name=str(folder),
        kind="saved_model",
        image_shape=signature.output.shape,
        sha256=about["weights_sha256"],
        sample_batches=sample_batches,
        generate=generate,
        signature=signature,
    )


def _of_tflite(path, examples=None):
    needs("ai_edge_litert", "tflite")
    from ai_edge_litert.interpreter import Interpreter

    about = metadata.read(path)
    signature = checked(metadata.signature_of(about), path, examples)
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner("serving_default")

    def generate(inputs):
        return run(**inputs)[signature.output.tensor].copy()  # the runner reuses its memory

    def sample_batches(num, seed):
        for inputs in latent_batches(signature, num, seed, examples=examples):
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


def latent_batches(signature, num, seed, batch_size=256, examples=None):
    """Yields the inputs of the generator, by name, that `gan.sample(num, seed=seed)` draws.

    Args:
        signature: Its signature.
        num, seed: As in `sample`.
        batch_size: Number of values in a batch.
        examples: dict of arrays by name through which the inputs that must be given cycle.
    """
    import tensorflow as tf

    given = {
        name: tf.constant(examples[name][np.arange(num) % len(examples[name])])
        for name in signature.given
    }
    drawn = signature.named(signature.draw(num, tf.constant([seed, 0], tf.int64), given))
    for start in range(0, num, batch_size):
        yield {name: values[start : start + batch_size] for name, values in drawn.items()}
