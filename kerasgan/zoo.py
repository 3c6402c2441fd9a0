"""Trained generators: those that come with kerasgan, and those that a run has written."""

import hashlib
import importlib.resources
import json
from pathlib import Path

from kerasgan import models
from kerasgan.errors import UserError, nearest

WEIGHTS = "generator.weights.h5"
DISCRIMINATOR = "discriminator.weights.h5"  # of entries where it is small


def folder():
    """Returns the zoo's folder, of a checkout or of an installed package."""
    package = Path(str(importlib.resources.files("kerasgan")))
    installed = package / "zoo_entries"
    return installed if installed.is_dir() else package.parent / "zoo"


def names():
    """Returns the names of the trained entries, e.g. `["dcgan_fashion_mnist", ...]`."""
    return sorted(path.name for path in folder().glob("*") if is_entry(path))


def recipe_file(what):
    """Returns the file of a recipe.

    Args:
        what: A path, or the name of a folder of the zoo, e.g. "dcgan_cifar10". A file of that name
            goes first.
    """
    named = folder() / str(what) / "recipe.toml"
    return named if named.is_file() and not Path(what).is_file() else Path(what)


def is_entry(path):
    """Tells whether a folder holds a trained entry, which is whole when its result is there."""
    return all((Path(path) / name).is_file() for name in ("result.json", WEIGHTS))


def sha256(path):
    """Returns the SHA-256 of a file as 64 hexadecimal digits, as `sha256sum` prints it."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def table():
    """Returns what there is to know of the trained entries without loading them.

    Returns:
        list of dicts: "name", "model", "image_shape", "classes", "megabytes", "metric", "distance",
        "licence".
    """
    from kerasgan import card, recipe

    rows = []
    for name in names():
        entry = folder() / name
        settings = recipe.parse(entry / "recipe.toml")
        scores = json.loads((entry / "result.json").read_text(encoding="utf-8"))
        rows.append(
            {
                "name": name,
                "model": settings["model"]["name"],
                "image_shape": scores["image_shape"],
                "classes": settings["model"].get("num_classes"),
                "megabytes": (entry / WEIGHTS).stat().st_size / 1e6,
                "metric": scores["metric"],
                "distance": scores["trained"],
                "licence": "Apache-2.0; data: " + card.licence(settings["data"]["name"]),
            }
        )
    return rows


def located(what):
    """Returns where a trained model lies, as `find` does, or `None` where there is none."""
    path = Path(what)
    file = path / "model.keras" if path.is_dir() else path
    if file.is_file():
        return file
    if is_entry(path):
        return path
    return folder() / str(what) if str(what) in names() else None


def opened(gan):
    """Returns a model as it is, and loads anything else as `load` does."""
    return gan if hasattr(gan, "inference_generator") else load(gan)


def find(what):
    """Returns where a trained model lies, without loading it.

    Args:
        what: As for `load`.

    Returns:
        `pathlib.Path`: a zoo entry's folder, or a `.keras` file.

    Raises:
        UserError: If there is none.
    """
    found = located(what)
    if found is not None:
        return found
    unfinished = sorted(Path(what).glob("checkpoints/step_*/model.keras"))
    if unfinished:
        raise UserError(
            f"The run in {what} is not finished: go on with it, or name its last checkpoint, "
            f"{unfinished[-1]}"
        )
    raise UserError(
        f"There is no trained model at {what}: name a run directory or a .keras file"
        + (f", or a zoo entry, {nearest(what, names())}" if names() else ".")
    )


def load(what):
    """Loads a trained model: a zoo entry, a run directory, or a `.keras` file.

    Args:
        what: Name of a zoo entry, or a path.

    Returns:
        A `kerasgan.GAN`. A run's model trains on where it was; an entry's has trained weights, in
        the discriminator too where that is small enough to come with it, and new optimizers.

    Raises:
        UserError: If there is no such entry or file, or it holds something else.
    """
    file = find(what)
    if file.is_dir():
        return load_entry(file)
    import keras

    from kerasgan.gan import GAN

    models.classes()  # registers them with Keras
    try:
        gan = keras.saving.load_model(file)
    except Exception as error:  # Keras and its formats raise every kind on a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"Cannot load {file}: {reason}") from error
    if not isinstance(gan, GAN):
        raise UserError(f"{file} holds a {type(gan).__name__}, which is not a kerasgan model.")
    if file.name == "model.keras":
        gan.origin = origin(file.parent)
    return gan


def load_start(what):
    """Loads a trained model for a new training to start from.

    Args:
        what: As for `load`.

    Raises:
        UserError: As `load` does, and if an entry comes without its discriminator.
    """
    gan = load(what)
    files = (gan.origin or {}).get("scores", {}).get("files")
    if files is not None and DISCRIMINATOR not in files:
        raise UserError(
            f"The zoo entry {gan.origin['name']} comes without its discriminator, so no training "
            f"can start from it: train its recipe, and start from that run."
        )
    return gan


def origin(folder):
    """Returns what a run directory or entry says of its model: name, recipe, scores, notes.

    Args:
        folder: The directory; what is not there is left out.
    """
    folder = Path(folder)
    said = {"name": folder.resolve().name}
    if (folder / "recipe.toml").is_file():
        from kerasgan import recipe

        said["recipe"] = recipe.read(folder / "recipe.toml").tables()
    if (folder / "result.json").is_file():
        scores = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        if scores.get("metric"):  # a run may have been scored by none
            said["scores"] = scores
    if (folder / "notes.md").is_file():
        said["notes"] = (folder / "notes.md").read_text(encoding="utf-8")
    return said


def load_entry(entry):
    """Loads the entry in a folder, after checking the hashes of its weights.

    Args:
        entry: `pathlib.Path` of a folder with recipe, result and weights.

    Returns:
        A compiled `kerasgan.GAN`.

    Raises:
        UserError: If a file of weights is not the one that the result is of.
    """
    from kerasgan import recipe, session
    from kerasgan.signature import Image

    said = origin(entry)
    files = said["scores"]["files"]
    for name, wanted in files.items():
        found = sha256(entry / name) if (entry / name).is_file() else "no such file"
        if found != wanted:
            raise UserError(
                f"{entry / name} must have SHA-256 {wanted}: install kerasgan anew. "
                f"Received: {found}"
            )
    gan = session.build(
        recipe.read(entry / "recipe.toml"), {"image": Image(said["scores"]["image_shape"])}
    )
    for network in filter(None, (gan.generator, gan.ema_generator)):
        network.load_weights(entry / WEIGHTS)
    if DISCRIMINATOR in files:
        gan.discriminator.load_weights(entry / DISCRIMINATOR)
    gan.origin = said
    return gan
