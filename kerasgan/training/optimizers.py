"""Optimizers of recipes."""

import copy
import inspect

from kerasgan import schedules
from kerasgan.training.values import check_value
from kerasgan.utils.errors import UserError, nearest

SCHEDULES = {"linear": schedules.Linear, "cosine": schedules.Cosine, "step": schedules.Step}
SCHEDULE_KEYS = {"schedule": str, "start": float, "end": float, "images": int}


def may_follow(chosen, key):
    """Tells whether an argument of an optimizer's class may be a schedule."""
    return (
        key == "learning_rate"
        or (issubclass(chosen, schedules.Adam) and key == "beta_2")
        or (issubclass(chosen, schedules.SGD) and key == "momentum")
    )


def check_schedule(where, table):
    """Raises UserError if a table of a recipe is no schedule.

    Args:
        where: What the table is called in error messages.
        table: dict, such as {"schedule": "cosine", "start": 1e-3, "end": 1e-4, "images": 200_000}.
    """
    for key in table:
        if key not in SCHEDULE_KEYS:
            raise UserError(f"{where}: unknown key {key}: {nearest(key, SCHEDULE_KEYS)}")
    for key, kind in SCHEDULE_KEYS.items():
        if key not in table:
            raise UserError(
                f"{where} is a number, or a schedule of the images seen, such as "
                f'{{ schedule = "cosine", start = 1e-3, end = 1e-4, images = 200_000 }}. '
                f"Received: no {key}"
            )
        choices = SCHEDULES if key == "schedule" else None
        check_value(f"{where}.{key}", table[key], kind, choices=choices)


def schedule_of(value):
    """Returns the schedule that a table stands for, and anything else as it is."""
    if not isinstance(value, dict):
        return value
    return SCHEDULES[value["schedule"]](value["start"], value["end"], value["images"])


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
        arguments = {key: schedule_of(value) for key, value in table.arguments.items()}
        return chosen.from_config({**config, **copy.deepcopy(arguments)})
    except (ValueError, TypeError) as error:
        raise UserError(f"{chosen.__name__}: {str(error).splitlines()[0]}") from error
