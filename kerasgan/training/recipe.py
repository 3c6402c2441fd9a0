"""Recipes: trainings as TOML, validated before anything starts."""

import copy
import dataclasses

import tomli_w

from kerasgan import models
from kerasgan.training.optimizers import (
    check_schedule,
    may_follow,
    optimizer_arguments,
    optimizer_class,
)
from kerasgan.training.schema import (
    TABLES,
    Data,
    Evaluation,
    Model,
    Optimizer,
    Training,
    keys_of,
    part_of,
)
from kerasgan.training.values import check_value
from kerasgan.utils.errors import UserError, nearest
from kerasgan.utils.files import replacing
from kerasgan.utils.toml import tomllib


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A training, complete and checked.

    Attributes:
        model, data, training, evaluation: The tables of those names.
        optimizers: dict from each player of the model, such as "g", to its `Optimizer`.
    """

    model: Model
    data: Data
    training: Training
    optimizers: dict
    evaluation: Evaluation

    def tables(self):
        """Returns a dict of tables as TOML has them, without keys that are absent."""
        parts = {
            "model": self.model,
            "data": self.data,
            "training": self.training,
            **{f"{player}_optimizer": each for player, each in self.optimizers.items()},
            "evaluation": self.evaluation,
        }
        return {table: keys_of(part) for table, part in parts.items()}

    def replace(self, **tables):
        """Returns a recipe with other values, e.g. `replace(training={"epochs": 3})`; checked."""
        changed = self.tables()
        for table, values in tables.items():
            changed.setdefault(table, {}).update(values)
        return complete(changed)


def read(path):
    """Reads a recipe file and checks it.

    Args:
        path: TOML file.

    Returns:
        `Recipe`.

    Raises:
        UserError: If the file is missing, is not TOML, or has an unknown key or a wrong type; the
            message names the nearest valid key.
    """
    return complete(parse(path), source=str(path))


def parse(path):
    """Reads a recipe file without checking it, so without importing a model.

    Args:
        path: TOML file.

    Returns:
        dict of tables.

    Raises:
        UserError: If the file is missing or is not TOML.
    """
    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise UserError(f"Cannot read the recipe {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe {path} is not valid TOML: {error}.") from error
    check_tables(tables, str(path))
    return tables


def check_tables(tables, source):
    """Raises UserError if one of the tables that every recipe has is none."""
    for table, values in tables.items():
        if not isinstance(values, dict) and table in TABLES:
            raise UserError(f"{source}: {table} must be a table. Received: {table} = {values!r}")


def write(recipe, path):
    """Writes a recipe as TOML; `read` gives an equal one back."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        tomli_w.dump(recipe.tables(), file)


def complete(tables, source="recipe"):
    """Checks tables and keys, and fills in defaults.

    Args:
        tables: dict of dicts, as TOML gives them.
        source: Its name in errors.

    Returns:
        `Recipe`.

    Raises:
        UserError: For the first unknown key, wrong type or value out of range.

    Example:

    >>> complete({"model": {"name": "dcgan", "width": 16}}).training.epochs
    10
    """
    check_tables(tables, source)
    name = tables.get("model", {}).get("name", Model.name)
    check_value(f"{source}: model.name", name, str)
    if name not in models.names() and ".py:" not in name:
        raise UserError(f'{source}: there is no model "{name}": {nearest(name, models.names())}')
    model = models.get(name)
    optimizers = dict(zip(model.players, model.default_optimizers(), strict=True))
    known = [*TABLES, *(f"{player}_optimizer" for player in optimizers)]
    for table, values in tables.items():
        if table not in known:
            raise UserError(f'{source}: unknown table "{table}": {nearest(table, known)}')
        if not isinstance(values, dict):
            raise UserError(f"{source}: {table} must be a table. Received: {table} = {values!r}")

    def part(table, kind, arguments=None):
        return part_of(kind, tables.get(table, {}), f"{source}: {table}", arguments or {})

    for player, default in optimizers.items():
        check_schedules(tables.get(f"{player}_optimizer", {}), default, source, player)
    recipe = Recipe(
        part("model", Model, model_arguments(model)),
        part("data", Data),
        part("training", Training),
        {
            player: part(
                f"{player}_optimizer",
                Optimizer,
                optimizer_arguments(tables.get(f"{player}_optimizer", {}), default, source, player),
            )
            for player, default in optimizers.items()
        },
        part("evaluation", Evaluation),
    )
    return dataclasses.replace(recipe, data=completed_data(recipe, model, source))


def completed_data(recipe, model, source):
    """Returns the table of data with the defaults that depend on the model."""
    data = recipe.data
    if data.source is None and data.paired is not None:
        raise UserError(
            f"{source}: data.paired says how data.source belongs to the pictures, and there is no "
            f"data.source. Received: data.paired = {str(data.paired).lower()}"
        )
    if data.words and (data.texts or data.source is not None):
        other = "texts" if data.texts else "source"
        raise UserError(f"{source}: data.words and data.{other} exclude each other.")
    if data.words and (data.flip or data.transparent):
        other = "flip" if data.flip else "transparent"
        raise UserError(
            f"{source}: data.{other} is for pictures that are drawn, and data.words draws words: "
            f"leave it out."
        )
    if data.source is not None and data.paired is None:
        data = dataclasses.replace(data, paired=getattr(model, "paired", True))
    if data.batch_size is None:
        updates = updates_of_discriminator(recipe.model)
        data = dataclasses.replace(data, batch_size=64 * updates)
    return data


def check_schedules(table, default, source, player):
    """Raises UserError for the first wrong schedule in an optimizer's table."""
    where = f"{source}: {player}_optimizer"
    if "name" in table:
        check_value(f"{where}.name", table["name"], str)
    for key, value in table.items():
        if isinstance(value, dict):
            if not may_follow(optimizer_class(table.get("name"), default, where), key):
                raise UserError(f"{where}.{key} cannot follow a schedule. Received: {value!r}")
            check_schedule(f"{where}.{key}", value)
            if key == "learning_rate" and table.get("linear_decay"):
                raise UserError(f"{where}: linear_decay needs a number, not a schedule, to start.")


def model_arguments(model):
    """Returns the arguments of a model's constructor that a recipe may give, by name: all but the
    seed, and shapes, which the data have."""
    parameters = model.constructor_parameters()
    return {
        key: parameters[key]
        for key in parameters
        if key not in ("seed", "encoder") and not key.endswith("_shape")
    }


def updates_of_discriminator(table):
    """Returns how many there are in a step of the model of this table."""
    parameters = models.get(table.name).constructor_parameters()
    for key in ("n_critic", "k"):
        if key in parameters:
            return table.arguments.get(key, parameters[key].default)
    return 1


def differences(before, after):
    """Lists the keys in which two dicts of tables differ.

    Args:
        before, after: dicts of tables.

    Returns:
        list of str, such as "model.width: 16 -> 32".

    Example:

    >>> differences({"model": {"width": 16}}, {"model": {"width": 32, "k": 2}})
    ['model.k: None -> 2', 'model.width: 16 -> 32']
    """

    def flat(tables):
        return {f"{t}.{k}": v for t, table in tables.items() for k, v in table.items()}

    before, after = flat(before), flat(after)
    return [
        f"{key}: {before.get(key)} -> {after.get(key)}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def override(tables, assignments):
    """Applies `table.key=value` texts, the value written as in TOML (quotes may be left out).

    Args:
        tables: dict of tables; not changed.
        assignments: Iterable of str.

    Returns:
        New dict of tables, not yet checked.

    Raises:
        UserError: If a text has not that form.

    Example:

    >>> override({"model": {"name": "dcgan"}}, ["model.width=16"])
    {'model': {'name': 'dcgan', 'width': 16}}
    """
    tables = copy.deepcopy(tables)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        table, dot, key = path.strip().partition(".")
        if not (equals and dot and table and key):
            raise UserError(f"An override is written table.key=value. Received: {assignment}")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        tables.setdefault(table, {})[key] = value
    return tables
