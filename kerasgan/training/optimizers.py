"""Optimizers of recipes."""

import copy
import inspect

from kerasgan.utils.errors import UserError


def optimizer_class(name, default, where="optimizer"):
    import keras

    if name is None:
        return type(default)
    try:
        return type(keras.optimizers.get(name))
    except (ValueError, TypeError):
        raise UserError(f'{where}.name: Keras has no optimizer "{name}".') from None


def optimizer_arguments(table, default, source, player):
    """Returns the constructor arguments, by name, of the optimizer that `table` names."""
    name = table.get("name")
    if name is not None and not isinstance(name, str):
        raise UserError(f"{source}: {player}_optimizer.name must be a text. Received: {name!r}")
    chosen = optimizer_class(name, default, f"{source}: {player}_optimizer")
    found = {}
    for each in chosen.__mro__:
        if "__init__" in vars(each):
            parameters = list(inspect.signature(each.__init__).parameters.values())[1:]
            for parameter in parameters:
                if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                    found.setdefault(parameter.name, parameter)
            if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
                break
    return {key: parameter for key, parameter in found.items() if key != "name"}


def build_optimizer(table, default):
    """Returns the paper's optimizer with the arguments of a recipe's table in place of its own.

    Args:
        table: `Optimizer`. Rates do not fall here: `kerasgan.training.build` knows over how many
            steps they do.
        default: The paper's optimizer.

    Returns:
        `keras.optimizers.Optimizer`, not built.
    """
    chosen = optimizer_class(table.name, default)
    config = default.get_config() if chosen is type(default) else {}
    try:
        return chosen.from_config({**config, **copy.deepcopy(table.arguments)})
    except (ValueError, TypeError) as error:
        raise UserError(f"{chosen.__name__}: {str(error).splitlines()[0]}") from error
