"""What a recipe leaves open, for pictures of one's own and for trainings from a trained model."""

import copy

import numpy as np

# Fewer training pictures than these are memorised within some epochs.
FEW = 5_000


def for_pictures(tables, pictures, gpus=0, updates=1, augments=True):
    """Returns the tables of a recipe, completed for a folder of pictures.

    Args:
        tables: dict of tables; what they say stays, but for a batch that there are too few pictures
            for.
        pictures: `kerasgan.data.folder.Pictures`.
        gpus: Number of GPUs. The sizes for a CPU were tried on two cores; those for a GPU are not
            tried.
        updates: Updates of the discriminator in a step.
        augments: Whether the model takes `augment`.

    Returns:
        New dict of tables, not yet checked.

    Example:

    >>> from kerasgan.data.folder import Pictures
    >>> made = for_pictures({}, Pictures(270, 30, [(480, 640)] * 270, 3, None))
    >>> made["model"], made["data"]["image_size"], made["training"]
    ({'name': 'dcgan', 'width': 32, 'ema_decay': 0.998, 'augment': 'diffaugment'}, 64,
     {'steps': 10000})
    """
    tables = copy.deepcopy(tables)
    model, data, training, evaluation = (
        tables.setdefault(name, {}) for name in ("model", "data", "training", "evaluation")
    )
    if "name" not in model:
        model.update({"name": "dcgan", "width": 64 if gpus else 32, "ema_decay": 0.998, **model})
    if pictures.count < FEW and augments:
        model.setdefault("augment", "diffaugment")
    if "image_size" not in data and (size := side(pictures.sizes, gpus)):
        data["image_size"] = size
    fit_batch(data, pictures.count, updates)
    if not {"epochs", "steps"} & set(training):
        training["steps"] = 50_000 if gpus else 10_000
    if pictures.tested < 2:
        evaluation.setdefault("split", "train")
    return {name: table for name, table in tables.items() if table}


def for_sounds(tables, counts, gpus=0, updates=1):
    """Returns the tables of a recipe, completed for a folder of sounds.

    Args:
        tables: dict of tables; what they say stays, but for a batch that there are too few sounds
            for.
        counts: `kerasgan.data.audio.Counts`.
        gpus: Number of GPUs. The sizes for a CPU were tried on two cores; those for a GPU are the
            paper's.
        updates: Updates of the discriminator in a step.

    Returns:
        New dict of tables, not yet checked.

    Example:

    >>> from kerasgan.data.audio import Counts
    >>> for_sounds({}, Counts(300, 30), updates=5)["data"]
    {'length': 4096, 'batch_size': 160}
    """
    tables = copy.deepcopy(tables)
    model, data, training, evaluation = (
        tables.setdefault(name, {}) for name in ("model", "data", "training", "evaluation")
    )
    if model.setdefault("name", "wavegan") == "wavegan":
        model.setdefault("width", 64 if gpus else 16)
        model.setdefault("ema_decay", 0.998)
    data.setdefault("length", 16384 if gpus else 4096)
    fit_batch(data, counts.count, updates)
    if not {"epochs", "steps"} & set(training):
        training["steps"] = 50_000 if gpus else 5_000
    if counts.tested < 2:
        evaluation.setdefault("split", "train")
    return {name: table for name, table in tables.items() if table}


def fit_batch(data, count, updates):
    """Sets a smaller batch in the table of data if there are too few examples for the default."""
    if count < data.get("batch_size", 64 * updates):
        data["batch_size"] = 2 ** int(np.log2(max(count / updates, 1))) * updates


def side(sizes, gpus=0):
    """Returns the side to bring pictures to, or `None` if they can stay as they are.

    Args:
        sizes: List of (height, width).
        gpus: Number of GPUs.

    Example:

    >>> side([(28, 28)] * 9), side([(30, 40), (50, 35)]), side([(480, 640)]), side([(480, 640)], 1)
    (None, 32, 64, 128)
    """
    most = 128 if gpus else 64
    first = sizes[0] if sizes else (most, most)
    if all(size == first for size in sizes) and max(first) <= most:
        if first[0] == first[1] and first[0] % 4 == 0:
            return None
    short = np.median([min(size) for size in sizes]) if sizes else most
    return max((each for each in (16, 32, 64, 128) if each <= min(short, most)), default=16)


def from_trained(tables, trained, shape, name=None):
    """Returns the tables of a recipe for a training that starts from a trained model.

    Args:
        tables: dict of tables: the recipe of the trained model.
        trained: Its name or path.
        shape: Shape of its outputs.
        name: Name of other data to train on, or `None` for its own.

    Returns:
        New dict of tables, not yet checked.

    Example:

    >>> tables = {"model": {"name": "dcgan", "width": 8}, "training": {"epochs": 50},
    ...           "data": {"name": "cifar10", "batch_size": 32}}
    >>> from_trained(tables, "runs/birds", (32, 32, 3), "photos")["data"]
    {'batch_size': 32, 'name': 'photos', 'image_size': 32}
    """
    tables = copy.deepcopy(tables)
    tables.setdefault("training", {})["start_from"] = str(trained)
    if name is None:
        return tables
    sounds, conditions = ("length", "rate", "normalize"), ("texts", "words")
    stays = {
        "data": ("transparent", "background", "flip", "batch_size", *sounds, *conditions),
        "evaluation": ("num", "every"),
    }
    if tables.get("data", {}).get("source") in ("outline", "grey", "left", "right"):
        stays["data"] += ("source", "paired")  # which any pictures have
    for table, keys in stays.items():
        found = tables.get(table, {})
        tables[table] = {key: found[key] for key in keys if key in found}
    tables["data"]["name"] = name
    if len(shape) == 3:
        height, width, _ = shape
        tables["data"]["image_size"] = height if height == width else [height, width]
    for key in ("num_classes", "class_names"):
        tables.get("model", {}).pop(key, None)
    for key in ("epochs", "steps"):
        tables["training"].pop(key, None)
    return tables
