"""Builds the model of a recipe."""

import keras

from kerasgan import models
from kerasgan.training.optimizers import build_optimizer
from kerasgan.utils.errors import UserError


def build(recipe, spec, updates=None):
    """Returns the compiled model of a recipe.

    Args:
        recipe: `kerasgan.training.recipe.Recipe`.
        spec: dict from the parts of an example to their kinds, as `source.spec` has it.
        updates: Number of training steps, over which `linear_decay` lowers a learning rate to 0.
    """
    training, model = recipe.training, models.get(recipe.model.name)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(training.precision)
    try:
        gan = model(**model.from_spec(spec), seed=training.seed, **recipe.model.arguments)
    finally:
        keras.config.set_dtype_policy(before)
    optimizers = {}
    for player, default in zip(gan.players, gan.default_optimizers(), strict=True):
        optimizer = build_optimizer(recipe.optimizers[player], default)
        if recipe.optimizers[player].linear_decay and updates:
            rate = float(optimizer.learning_rate.numpy())
            optimizer.learning_rate = keras.optimizers.schedules.PolynomialDecay(
                rate, updates * gan.updates_in_step(player), 0.0
            )
        optimizers[f"{player}_optimizer"] = optimizer
    gan.compile(
        **optimizers,
        jit_compile={"auto": "auto", "on": True, "off": False}[training.jit_compile],
        steps_per_execution=training.steps_per_execution,
    )
    return gan


def take_weights(gan, start):
    """Copies the weights of a trained model to a new one, whose optimizers start from scratch.

    The generator gets the averaged weights if the trained model has them.
    """
    pairs = list(zip(gan.networks, start.networks, strict=False))
    pairs[0] = (gan.generator, start.inference_generator)
    if gan.ema_generator is not None:
        pairs.append((gan.ema_generator, start.inference_generator))
    for network, trained in pairs:
        shapes = [[tuple(weight.shape) for weight in each.weights] for each in (network, trained)]
        if len(gan.networks) != len(start.networks) or shapes[0] != shapes[1]:
            raise UserError(
                f"A training starts from a model of the same class and arguments. The "
                f"{network.name} of {type(start).__name__} has other weights than the recipe's."
            )
    for network, trained in pairs:
        network.set_weights(trained.get_weights())
