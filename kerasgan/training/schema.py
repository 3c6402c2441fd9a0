"""The tables of a recipe: their keys, defaults and the values that they may have."""

import copy
import dataclasses
import typing

from kerasgan.training.values import check_value, type_of
from kerasgan.utils.errors import UserError, nearest
from kerasgan.utils.sounds import NORMALIZE

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


TABLES = {"model": Model, "data": Data, "training": Training, "evaluation": Evaluation}


def keys_of(part):
    """Returns the keys of a table that have a value."""
    keys = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    arguments = keys.pop("arguments", {})
    return {key: value for key, value in {**keys, **arguments}.items() if value is not None}


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
