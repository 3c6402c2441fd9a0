"""Recipes: trainings as TOML, validated before anything starts."""

import copy
import dataclasses
import typing

import tomli_w

from kerasgan import models
from kerasgan.training.optimizers import (
    check_schedule,
    may_follow,
    optimizer_arguments,
    optimizer_class,
)
from kerasgan.training.values import check_value, type_of
from kerasgan.utils.errors import UserError, nearest
from kerasgan.utils.files import replacing
from kerasgan.utils.sounds import NORMALIZE
from kerasgan.utils.toml import tomllib

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16", "auto")


def setting(default, least=1, most=None, choices=None, word=None):
    """A key of a table: its default, and the values that it may have."""
    rules = {"least": least, "most": most, "choices": choices, "word": word}
    return dataclasses.field(default=default, metadata=rules)


@dataclasses.dataclass(frozen=True)
class Model:
    """`[model]`: name of a model, and arguments of its constructor."""

    name: str = "dcgan"
    arguments: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Data:
    """`[data]`: training data, as in `kerasgan.data.load`.

    `source` adds what a model is given beside the pictures that it is to make, as in
    `kerasgan.data.pairs`: "outline", "grey", "left", "right", "black", the path of a second folder,
    or the name of another data set. With `paired = false` the two do not belong together, as in
    `kerasgan.data.unpaired`; that is the default for models whose class says `paired = False`.
    `length`, `rate` and `normalize` are for sounds. With `texts`, the captions of the data set go
    into training, as vectors of an encoder that is trained on them and the pictures first. With
    `words`, the model draws words instead of pictures: vectors of those of the captions, each given
    the features of its picture, as `kerasgan.training.words` has them. The default batch has 64
    examples for each update of the discriminator in a step.
    """

    name: str = "fashion_mnist_mini"
    split: str = "train"
    image_size: int | list | None = setting(None)
    batch_size: int | None = setting(None)
    transparent: bool = False
    background: str = "white"
    skip_damaged: bool = False
    flip: bool = False
    source: str | None = None
    paired: bool | None = None
    length: int | None = setting(None)
    rate: int | None = setting(None)
    normalize: str | None = setting(None, choices=NORMALIZE)
    texts: bool = False
    words: bool = False


@dataclasses.dataclass(frozen=True)
class Training:
    """`[training]`: length and settings.

    `steps` replaces `epochs`, `grids` is the number of epochs between sample grids (0: as often as
    takes at most 5% of the time), `start_from` names a trained model to start from, and `freeze_d`
    the number of the discriminator's first layers that keep its weights (FreezeD: Mo et al. 2020,
    https://arxiv.org/abs/2002.10964).
    """

    epochs: int = setting(10)
    seed: int = setting(0, least=0, most=2**32 - 1)
    checkpoint_minutes: float = 1.0
    checkpoints: int = setting(3)
    precision: str = setting("float32", choices=PRECISIONS)
    jit_compile: str = setting("auto", choices=("auto", "on", "off"))
    steps_per_execution: int | str = setting("auto", word="auto")
    steps: int | None = setting(None)
    grids: int = setting(0, least=0)
    start_from: str | None = None
    freeze_d: int = setting(0, least=0)


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """`[g_optimizer]`, `[d_optimizer]` ...: what differs from the optimizer of the paper.

    `name` takes another Keras optimizer, `linear_decay` lets the rate fall to 0 over the training,
    and `arguments` are those of the optimizer's constructor. A learning rate may be a schedule of
    the images seen, `{ schedule = "cosine", start = 1e-3, end = 1e-4, images = 200_000 }`, or
    "linear"; so may beta_2 and momentum of the optimizers that follow one by default.
    """

    name: str | None = None
    linear_decay: bool = False
    arguments: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """`[evaluation]`: how many samples are scored, against which split, every how many epochs."""

    split: str = "test"
    num: int = setting(2500)
    every: int = setting(0, least=0)


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


TABLES = {"model": Model, "data": Data, "training": Training, "evaluation": Evaluation}


def keys_of(part):
    """Returns the keys of a table that have a value."""
    keys = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    arguments = keys.pop("arguments", {})
    return {key: value for key, value in {**keys, **arguments}.items() if value is not None}


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


def part_of(kind, values, where, arguments):
    """Returns a checked table.

    Args:
        kind: `Model`, `Data` ...
        values: dict of its keys.
        where: What the table is called in error messages.
        arguments: dict of `inspect.Parameter`s: further keys, which are a constructor's.
    """
    own = {field.name: field for field in dataclasses.fields(kind) if field.name != "arguments"}
    table = where.rpartition(": ")[2]
    source = where[: len(where) - len(table)]
    hints = typing.get_type_hints(kind)
    for key, value in values.items():
        name = f"{where}.{key}"
        if key in own:
            check_value(name, value, hints[key], **own[key].metadata)
        elif key in arguments and not (kind is Optimizer and isinstance(value, dict)):
            check_value(name, value, type_of(arguments[key]))
        elif key not in arguments:
            valid = [*own, *arguments]
            raise UserError(f"{source}unknown key {table}.{key}: {nearest(key, valid)}")
    fields = {key: copy.deepcopy(value) for key, value in values.items() if key in own}
    others = {key: copy.deepcopy(value) for key, value in values.items() if key not in own}
    return kind(**fields, **({"arguments": others} if arguments else {}))


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
