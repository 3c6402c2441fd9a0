"""Builds the model of a recipe."""

import keras

from kerasgan import models
from kerasgan.gan import construction
from kerasgan.training import recipe as recipes
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
    if training.freeze_d and not training.start_from:
        raise UserError("training.freeze_d keeps layers of training.start_from, which is missing.")
    arguments = {**of_data(model, spec, recipe.model.arguments), **recipe.model.arguments}
    gan = model(**arguments, seed=training.seed, dtype=training.precision)
    construction.freeze_first(gan.discriminator, training.freeze_d)
    optimizers = {}
    for player, default in zip(gan.players, gan.paper_optimizers(), strict=True):
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


def of_data(model, spec, arguments):
    """Returns the arguments of a model that follow from the data, as `from_spec` has them.

    Raises:
        UserError: If the data have not what the model trains on, such as images.
    """
    try:
        return model.from_spec(spec, **arguments)
    except KeyError as error:
        raise UserError(
            f"{model.__name__} trains on {error.args[0]}, and the data have {', '.join(spec)}."
        ) from error


def completed_by(recipe, spec, say):
    """Returns a recipe with what its model takes from the data: classes and their names.

    Args:
        recipe: `kerasgan.training.recipe.Recipe`.
        spec: dict from the parts of an example to their kinds, as `source.spec` has it.
        say: Receives a message if the model ignores the classes of the data.

    Raises:
        UserError: If the recipe has another number of classes than the data.
    """
    model, arguments = models.get(recipe.model.name), dict(recipe.model.arguments)
    parameters = recipes.model_arguments(model)
    found = of_data(model, spec, arguments)
    found = {key: value for key, value in found.items() if not isinstance(value, tuple)}  # shapes
    arguments = {**{key: found[key] for key in found if key in parameters}, **arguments}
    label, number = spec.get("label"), arguments.get("num_classes")
    names = getattr(label, "names", None)
    if names and number is None and "num_classes" in parameters:
        say(
            f"{recipe.data.name} has {len(names)} classes, which {model.__name__} ignores: "
            f"--set model.num_classes={len(names)} uses them."
        )
    if names and number is not None and number != len(names):
        raise UserError(
            f"model.num_classes must be {len(names)}, the classes of {recipe.data.name}. "
            f"Received: {number}"
        )
    if names and number is not None:
        arguments.setdefault("class_names", names)
    return recipe.replace(model={"name": recipe.model.name, **arguments})


def settled(recipe, spec, kept=None):
    """Returns a recipe that says what the weights beside it need, should defaults change.

    Args:
        recipe: `kerasgan.training.recipe.Recipe`.
        spec: dict from the parts of an example to their kinds, as `source.spec` has it.
        kept: The `[model]` table of a recipe beside weights, which those must fit; what it lacks
            has the default of the time before it changed. `None` for new weights.
    """
    model, given = models.get(recipe.model.name), recipe.model.arguments
    changed = model.changed_defaults({**of_data(model, spec, given), **given})
    values = {
        name: now if kept is None else kept.get(name, before)
        for name, (before, now) in changed.items()
    }
    return recipe.replace(model={**values, **given})


def difference(network, trained):
    """Says in which weight two networks differ first."""
    for weight, other in zip(network.weights, trained.weights, strict=False):
        if weight.shape != other.shape:
            return (
                f"has weights of other shapes: {other.path} {tuple(other.shape)}, where "
                f"{tuple(weight.shape)} is needed. Do the channels, sides, classes and width agree?"
            )
    return f"has {len(trained.weights)} weights, where {len(network.weights)} are needed"


def take_weights(gan, start):
    """Copies the weights of a trained model to a new one, whose optimizers start from scratch.

    The generator gets the averaged weights if the trained model has them.
    """
    for name in type(gan).changed_defaults(gan.get_config()):
        own = getattr(gan, name)
        if (its := getattr(start, name, own)) != own:
            raise UserError(
                f"A training starts from a model of the same class and arguments: set "
                f"model.{name}={its}. Received: {name}={own}"
            )
    pairs = list(zip(gan.networks, start.networks, strict=False))
    pairs[0] = (gan.generator, start.inference_generator)
    if gan.ema_generator is not None:
        pairs.append((gan.ema_generator, start.inference_generator))
    for network, trained in pairs:
        shapes = [[tuple(weight.shape) for weight in each.weights] for each in (network, trained)]
        if len(gan.networks) != len(start.networks) or shapes[0] != shapes[1]:
            raise UserError(
                f"A training starts from a model of the same class and arguments. The "
                f"{network.name} of {type(start).__name__} {difference(network, trained)}."
            )
    for network, trained in pairs:
        network.set_weights(trained.get_weights())
    gan.restart_average()
