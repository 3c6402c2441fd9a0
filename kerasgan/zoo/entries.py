"""The entries of the zoo, without loading them."""

import importlib.resources
import json
from pathlib import Path

from kerasgan.utils.errors import UserError, nearest
from kerasgan.utils.licences import licence, licence_of_weights
from kerasgan.utils.toml import tomllib

WEIGHTS = "generator.weights.h5"
RUN = ".kerasgan-run"  # a file in run directories
DISCRIMINATOR = "discriminator.weights.h5"  # included if it is small
WORDS = "words.npz"  # of models that draw words
EXAMPLES = "examples.npz"  # of inputs that must be given


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
        what: A path, or the name of a folder of the zoo, e.g. "dcgan_cifar10", or "hf://user/name".
            A file of that name takes precedence.

    Raises:
        UserError: If there is no such file or name, or it is something else.
    """
    if str(what).startswith("hf:/"):
        return recipe_from_hub(what)
    path, named = Path(what), folder() / str(what) / "recipe.toml"
    if path.suffix == ".keras":
        raise UserError(
            f"{what} is a model, not a recipe: `kerasgan sample`, `evaluate` and `export` take it, "
            f"and a training starts from it by --set training.start_from={what}."
        )
    if path.is_file() or path.suffix == ".toml":
        return path
    if str(what) in names_of_recipes():
        return named
    if (path / RUN).is_file():
        raise UserError(
            f"{what} is a run: go on with it by `kerasgan train {path / 'recipe.toml'} --output "
            f"{what}`."
        )
    if (path / "recipe.toml").is_file():
        return path / "recipe.toml"
    if path.is_dir():
        raise UserError(f"{what} is a folder, not a recipe: train on it by --dataset {what}.")
    raise UserError(f"There is no recipe {what}: {nearest(what, names_of_recipes())}")


def recipe_from_hub(what):
    """Returns the file of the recipe of a model on the Hub, downloaded."""
    from kerasgan.zoo import hub

    file = hub.fetch(what) / "recipe.toml"
    if not file.is_file():
        raise UserError(f"{hub.canonical(what)} comes without a recipe: start from it by --from.")
    return file


def names_of_recipes():
    """Returns the names of the zoo's recipes, trained or not."""
    return sorted(path.parent.name for path in folder().glob("*/recipe.toml"))


def is_entry(path):
    """Tells whether a folder contains a trained entry; its result is written last."""
    return all((Path(path) / name).is_file() for name in ("result.json", WEIGHTS))


def table():
    """Returns a description of each trained entry, without loading it.

    Returns:
        list of dicts: "name", "model", "image_shape", "classes", "megabytes", "metric", "distance",
        "floor", "licence", "inputs": what the generator makes images from, in words.
    """
    rows = []
    for name in names():
        entry = folder() / name
        settings = tomllib.loads((entry / "recipe.toml").read_text(encoding="utf-8"))
        scores = json.loads((entry / "result.json").read_text(encoding="utf-8"))
        trained_on = [settings["data"].get(key) for key in ("name", "source")]
        own = (licence_of_weights(trained_on) or "as the data").partition(". ")[0]
        rows.append(
            {
                "name": name,
                "model": settings["model"]["name"],
                "image_shape": scores["image_shape"],
                "classes": settings["model"].get("num_classes"),
                "megabytes": (entry / WEIGHTS).stat().st_size / 1e6,
                "metric": scores["metric"],
                "distance": scores["trained"],
                "floor": scores["floor"],
                "inputs": ", ".join(scores.get("inputs", {"z": "latents"}).values()),
                "licence": f"{own}; data: {licence(trained_on[0])}",
            }
        )
    return rows
