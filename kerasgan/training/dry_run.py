"""`kerasgan train RECIPE --dry-run`: is a training possible here, before its data are fetched?"""

import numpy as np

from kerasgan import data
from kerasgan.data import checks
from kerasgan.data.pairing import spec_of_pairs
from kerasgan.data.spec import spec_of
from kerasgan.metrics import EfficientNetLite0
from kerasgan.signature import Text, Vector
from kerasgan.training import flops, words
from kerasgan.training.build import build, completed_by, take_weights
from kerasgan.training.joint_embedding import DIM
from kerasgan.training.memory import peak_gigabytes, weight_gigabytes
from kerasgan.training.texts import check_captions


def dry_run(recipe, data_dir=None, start=None):
    """Builds a recipe's model, trains it for a step on random images, and says what that took.

    Args:
        recipe: `kerasgan.training.recipe.Recipe`.
        data_dir: Where TFDS keeps its data.
        start: The trained model that `training.start_from` names.

    Returns:
        str of several lines: shapes, parameters, losses, memory. The memory of a GPU is less by
        what TensorFlow itself takes, and the data, held as bytes, come on top.

    Raises:
        UserError: If the model does not fit the images, or the batch not the model.

    Example:

    >>> from kerasgan.training import recipe
    >>> small = recipe.complete({"model": {"name": "dcgan", "width": 4}})
    >>> print(dry_run(small).splitlines()[0])
    DCGAN, images (28, 28, 1) of fashion_mnist_mini, batch 64
    """
    name, batch_size = recipe.data.name, recipe.data.batch_size
    table = recipe.data
    of_sounds = table.length, table.rate, table.normalize
    spec = spec_of(name, table.image_size, data_dir, table.transparent, *of_sounds)
    if table.source is not None:
        spec = spec_of_pairs(spec, table.source, name, table.image_size, data_dir)
    if table.texts:
        spec = {**spec, "text": Text(recipe.model.arguments.get("text_dim", DIM))}
    if table.words or table.texts:
        check_captions(data.load_source(name, "test[:2]", table.image_size, data_dir))
    if table.words:
        spec = {"image": Vector(words.DIM), "condition": Vector(EfficientNetLite0.dim)}
    main, told = next(iter(spec.values())), []
    gan = build(completed_by(recipe, spec, told.append), spec)
    if start is not None:
        take_weights(gan, start)
    rng = np.random.default_rng(0)
    example = {part: kind.random(rng, batch_size) for part, kind in gan.signature.example.items()}
    before = peak_gigabytes()
    history = gan.fit(example, batch_size=batch_size, verbose=0).history
    batches = data.batches(tuple(example.values()), batch_size=batch_size)
    first = next(iter(checks.training_dataset(gan, batches)))
    gigaflops, gradients = flops.of_step(gan, first) / 1e9, megabytes_of_gradients(gan)
    losses = ", ".join(f"{key} {values[0]:.3f}" for key, values in history.items())
    peak = "" if before is None else f"; peak {peak_gigabytes():.2f} GB, {before:.2f} GB before it"
    return "\n".join(
        [
            f"{type(gan).__name__}, {main.noun} {main.shape} of {name}, batch {batch_size}",
            f"parameters: generator {gan.generator.count_params():,}, discriminator "
            f"{gan.discriminator.count_params():,}",
            f"one step on random {main.noun}: {losses}",
            f"arithmetic: {gigaflops:.1f} GFLOP a step, {gradients:.1f} MB of gradients to sum up "
            f"over replicas",
            f"memory: {weight_gigabytes(gan):.2f} GB of weights and optimizers{peak}",
            *told,
        ]
    )


def megabytes_of_gradients(gan):
    """What the replicas sum up in one step: the generator's gradients and, for each of its
    updates, the discriminator's, in 10^6 bytes."""
    sizes = [
        gan.updates_in_step(player) * sum(np.prod(w.shape) for w in network.trainable_weights)
        for player in gan.players
        for network in gan.networks_of(player)
    ]
    return 4 * sum(sizes) / 1e6
