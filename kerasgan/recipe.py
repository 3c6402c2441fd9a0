"""Recipes: a training written down as TOML, checked key by key before anything starts."""

import copy
import inspect
import sys

import tomli_w

from kerasgan import models
from kerasgan.errors import UserError, nearest
from kerasgan.files import replacing

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Every table and key with its default, which gives the type too; `None`: a whole number or absent.
# A batch is by default 64 images for each update of the discriminator in a step.
# [model] takes besides `name` the constructor arguments of that model; the optimizer tables take
# arguments that replace the paper's, `name`, another Keras optimizer, and `linear_decay`: whether
# the rate falls to 0 over the training.
SCHEMA = {
    "model": {"name": "dcgan"},
    "data": {
        "name": "fashion_mnist_mini",
        "split": "train",
        "image_size": None,
        "batch_size": None,
    },
    "training": {
        "epochs": 10,
        "seed": 0,
        "checkpoint_minutes": 1.0,
        "checkpoints": 3,
        "precision": "float32",
        "jit_compile": "auto",
        "steps_per_execution": 1,
    },
    "g_optimizer": {"linear_decay": False},
    "d_optimizer": {"linear_decay": False},
    "evaluation": {"split": "test", "num": 2500, "every": 0},
}

CHOICES = {
    "training.precision": ("float32", "mixed_float16", "mixed_bfloat16"),
    "training.jit_compile": ("auto", "on", "off"),
}


def read(path):
    """Reads a recipe file and checks it.

    Args:
        path: TOML file.

    Returns:
        dict of tables, complete: what the file leaves out has its default.

    Raises:
        UserError: If the file is missing, is not TOML, or has an unknown key or a wrong type; the
            message names the nearest valid key.
    """
    return complete(parse(path), source=str(path))


def parse(path):
    """Reads a recipe file as it stands, without checking it, and so without importing a model.

    Args:
        path: TOML file.

    Returns:
        dict of tables.

    Raises:
        UserError: If the file is missing or is not TOML.
    """
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UserError(f"Cannot read the recipe {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe {path} is not valid TOML: {error}.") from error


def write(recipe, path):
    """Writes a recipe as TOML; `read` gives the same dict back."""
    tables = {
        table: {key: value for key, value in values.items() if value is not None}
        for table, values in recipe.items()
    }
    with replacing(path) as temporary, open(temporary, "wb") as file:
        tomli_w.dump(tables, file)


def complete(given, source="recipe"):
    """Checks tables and keys, and fills in defaults.

    Args:
        given: dict of tables, as TOML gives them.
        source: Name that stands in error messages.

    Returns:
        New dict with all tables of `SCHEMA`, and an optimizer's for each player of the model.

    Raises:
        UserError: For the first unknown key, wrong type or value out of range.

    Example:

    >>> complete({"model": {"name": "dcgan", "width": 16}})["training"]["epochs"]
    10
    """
    for table, values in given.items():
        if not isinstance(values, dict) and table in SCHEMA:
            raise UserError(f"{source}: {table} must be a table. Received: {table} = {values!r}")
    name = given.get("model", {}).get("name", SCHEMA["model"]["name"])
    if name not in models.names():
        raise UserError(f'{source}: there is no model "{name}", {nearest(name, models.names())}')
    recipe = tables_of(models.get(name))
    for table, values in given.items():
        if table not in recipe:
            raise UserError(f'{source}: unknown table "{table}", {nearest(table, recipe)}')
        if not isinstance(values, dict):
            raise UserError(f"{source}: {table} must be a table. Received: {table} = {values!r}")
        recipe[table].update(values)

    for table, defaults in allowed(recipe).items():
        for key, value in recipe[table].items():
            where = f"{source}: {table}.{key}"
            if key not in defaults:
                raise UserError(f"{source}: unknown key {table}.{key}, {nearest(key, defaults)}")
            check_value(where, value, defaults[key])
            choices = CHOICES.get(f"{table}.{key}", (value,))
            if value not in choices:
                raise UserError(f'{where}: there is no "{value}", {nearest(value, choices)}')
    if recipe["data"]["batch_size"] is None:
        recipe["data"]["batch_size"] = 64 * updates_of_discriminator(recipe["model"])
    return recipe


def tables_of(model):
    """Returns the tables of a recipe with their defaults: an optimizer's for each player."""
    tables = copy.deepcopy(SCHEMA)
    players = [f"{player}_optimizer" for player in model.players]
    for table in [name for name in tables if name.endswith("_optimizer") and name not in players]:
        del tables[table]
    return {**tables, **{name: tables.get(name, {"linear_decay": False}) for name in players}}


def updates_of_discriminator(table):
    """Returns how many there are in a step of the model of this table."""
    defaults = constructor_defaults(models.get(table["name"]), leave_out=())
    return next(({**defaults, **table}[key] for key in ("n_critic", "k") if key in defaults), 1)


def differences(before, after):
    """Lists the keys in which two complete recipes differ.

    Args:
        before, after: dicts of tables.

    Returns:
        list of str, such as "model.width: 16 -> 32".

    Example:

    >>> differences({"model": {"width": 16}}, {"model": {"width": 32, "k": 2}})
    ['model.k: None -> 2', 'model.width: 16 -> 32']
    """

    def flat(recipe):
        return {f"{t}.{k}": v for t, table in recipe.items() for k, v in table.items()}

    before, after = flat(before), flat(after)
    return [
        f"{key}: {before.get(key)} -> {after.get(key)}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def allowed(recipe):
    """Returns for each table its valid keys with their defaults, as far as they are known."""
    model = models.get(recipe["model"]["name"])
    tables = tables_of(model)
    tables["model"].update(constructor_defaults(model, leave_out=("image_shape", "seed")))
    for player, default in zip(model.players, model.default_optimizers(), strict=True):
        table = f"{player}_optimizer"
        chosen = optimizer_class(recipe[table], default, where=table)
        tables[table].update({"name": "", **constructor_defaults(chosen, leave_out=("name",))})
    return tables


def optimizer_class(table, default, where="optimizer"):
    import keras

    if "name" not in table:
        return type(default)
    try:
        return type(keras.optimizers.get(table["name"]))
    except (ValueError, TypeError):
        raise UserError(f'{where}.name: Keras has no optimizer "{table["name"]}".') from None


def build_optimizer(table, default):
    """Returns the paper's optimizer with the arguments of a recipe's table in place of its own.

    Args:
        table: dict, may be empty; `name` takes another optimizer, with Keras's defaults. Rates do
            not fall here: `kerasgan.train.build` knows over how many steps they do.
        default: The paper's optimizer.

    Returns:
        `keras.optimizers.Optimizer`, not built.
    """
    chosen = optimizer_class(table, default)
    ours = ("name", "linear_decay")
    arguments = {key: value for key, value in table.items() if key not in ours}
    config = default.get_config() if chosen is type(default) else {}
    try:
        return chosen.from_config({**config, **arguments})
    except (ValueError, TypeError) as error:
        raise UserError(f"{chosen.__name__}: {str(error).splitlines()[0]}") from error


def constructor_defaults(cls, leave_out):
    """Returns the parameters of a constructor, and of those that it passes on to, with defaults."""
    if hasattr(cls, "constructor_parameters"):
        own = cls.constructor_parameters().values()
        found = {p.name: None if p.default is p.empty else p.default for p in own}
        return {key: value for key, value in found.items() if key not in leave_out}
    found = {}
    for each in cls.__mro__:
        if "__init__" in vars(each):
            parameters = list(inspect.signature(each.__init__).parameters.values())
            for p in parameters:
                if p.kind is p.POSITIONAL_OR_KEYWORD:
                    found.setdefault(p.name, None if p.default is p.empty else p.default)
            if all(p.kind is not p.VAR_KEYWORD for p in parameters):
                break
    return {key: value for key, value in found.items() if key not in ("self", *leave_out)}


def check_value(where, value, default):
    """Raises UserError unless `value` is of the kind of `default`, and sensible where known."""
    if value is None:
        return
    if where.endswith(("image_size", "batch_size", "num_classes", "condition_dim")):
        default = 0  # absent by default, a whole number else
    if default is None:
        default = 0.0  # every argument that may be absent is a number
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    kind = type(default)
    if kind not in kinds:
        return
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or isinstance(value, bool) != (kind is bool):
        raise UserError(f"{where} must be {kinds[kind]}. Received: {value!r}")
    if kind is int and value < (0 if where.endswith(("seed", "every")) else 1):
        raise UserError(f"{where} must be positive. Received: {value!r}")
    if where.endswith("seed") and value >= 2**32:
        raise UserError(f"{where} must be below 2**32. Received: {value!r}")


def override(recipe, assignments):
    """Applies `table.key=value` texts, the value written as in TOML (quotes may be left out).

    Args:
        recipe: dict of tables; not changed.
        assignments: Iterable of str.

    Returns:
        New dict of tables, not yet checked.

    Raises:
        UserError: If a text has not that form.

    Example:

    >>> override({"model": {"name": "dcgan"}}, ["model.width=16"])
    {'model': {'name': 'dcgan', 'width': 16}}
    """
    recipe = copy.deepcopy(recipe)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        table, dot, key = path.strip().partition(".")
        if not (equals and dot and table and key):
            raise UserError(f"An override is written table.key=value. Received: {assignment}")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        recipe.setdefault(table, {})[key] = value
    return recipe
