"""`kerasgan train`"""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from kerasgan import models
from kerasgan.cli.common import (
    DataDir,
    Overrides,
    app,
    entries_like,
    models_like,
    recipes_like,
    sides,
    start,
)
from kerasgan.utils.errors import UserError, nearest


@app.command()
def train(
    recipe: Annotated[
        Path | None,
        typer.Argument(
            help="TOML file, a name in the zoo or hf://user/name; may be left out.",
            autocompletion=recipes_like,
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Run directory.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model, e.g. dcgan, or my_gan.py:Mine for one's own.", autocompletion=models_like
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="TFDS name, fashion_mnist_mini, or a folder of images, sounds."),
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(help="Side in pixels, or height x width: 64, 48x32.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a batch.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps, in place of epochs.")] = None,
    seed: Annotated[int | None, typer.Option(help="Fixes weights, order, latents.")] = None,
    overrides: Overrides = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Zoo entry, run, .keras file or hf://user/name to start from, and its recipe.",
            autocompletion=entries_like,
        ),
    ] = None,
    data_dir: DataDir = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete an earlier run there.")
    ] = False,
    change_recipe: Annotated[
        bool, typer.Option("--change-recipe", help="Go on with a run of another recipe.")
    ] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits each time; can be slower.")
    ] = False,
    strategy: Annotated[
        str | None,
        typer.Option(help="one_device, mirrored (all GPUs) or multi_worker (as TF_CONFIG says)."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Build, take one step on random images, write nothing."),
    ] = False,
):
    """Train a model by a recipe, or go on with a training.

    The same command continues an interrupted training, also after `kill -9`.
    """
    shortcuts = {
        "model.name": model,
        "data.name": dataset,
        "data.image_size": None if image_size is None else sides(image_size),
        "data.batch_size": batch_size,
        "training.epochs": epochs,
        "training.steps": steps,
        "training.seed": seed,
    }
    if model is not None and model not in models.names() and ".py:" not in model:
        raise UserError(f'There is no model "{model}": {nearest(model, models.names())}')
    from kerasgan import zoo

    file = zoo.recipe_file(recipe) if recipe else None  # reports a mistake before TensorFlow starts
    devices = start(strategy)
    from kerasgan.training import checkpoints
    from kerasgan.training import recipe as recipes
    from kerasgan.training.train import train_recipe

    tables = recipes.parse(file) if file else {}
    if start_from is not None and not file:
        kept = output / "recipe.toml" if output and not overwrite else None
        if kept and kept.is_file() and checkpoints.begun(output):
            tables = recipes.parse(kept)  # complete: the start need not be there
        elif model is None:
            named = recipes.override({"data": {"name": dataset}}, overrides or [])
            tables = recipe_from(start_from, named["data"]["name"])
    if start_from is not None and os.path.abspath(start_from) != start_of(tables):
        tables.setdefault("training", {})["start_from"] = start_from
    for key, value in shortcuts.items():
        if value is not None:
            table, _, name = key.partition(".")
            tables.setdefault(table, {})[name] = value
    tables = resolved(recipes.override(tables, overrides or []))
    if not file:
        tables = suggested(tables)
    whole = recipes.complete(tables, source=str(recipe or "recipe"))
    if dry_run:
        from kerasgan.training import dry_run as trial

        begins_from = whole.training.start_from
        print(trial.dry_run(whole, data_dir, zoo.load_start(begins_from) if begins_from else None))
        return
    start_from = whole.training.start_from
    directory = output or Path("runs") / run_name(whole)
    same = start_from and os.path.realpath(directory) == os.path.realpath(start_from)
    if same and directory.exists():  # else the start is an entry of that name
        raise UserError(f"{directory} is what the training starts from: name another --output.")
    trained = None
    if start_from and (overwrite or not checkpoints.begun(directory)):
        trained = zoo.load_start(start_from)
    try:
        result = train_recipe(
            whole,
            directory,
            data_dir,
            overwrite,
            change_recipe,
            deterministic,
            strategy=devices,
            start=trained,
        )
    except checkpoints.Interrupted as interruption:
        how = "The same command without --overwrite" if overwrite else "The same command"
        print(f"{interruption} {how} goes on from there.")
        raise typer.Exit(130) from None
    if result is not None:
        print(f"\nRun directory: {directory}")
        print(where_to_look(directory))


RUN_FILES = {
    "samples.png": "what the generator makes",
    "reconstructions.png": "images, and what the discriminator makes of them",
    "progress.png": "the same latents, epoch by epoch",
    "progress.webp": "the same as a film",
    "history.csv": "losses and scores by epoch",
    "result.json": "scores, and how they were measured",
}


def where_to_look(directory):
    """Returns lines on what a finished run holds, and commands for going on.

    Args:
        directory: The run directory.
    """
    directory = Path(directory)
    files = {name: what for name, what in RUN_FILES.items() if (directory / name).is_file()}
    run, images = shlex.quote(str(directory)), "samples.png" in files
    drawn = f"{run}/more.png" if images else f"{run}/more"
    return "\n".join(
        [
            *(f"  {name:20} {what}" for name, what in files.items()),
            "Next, for instance",
            f"  kerasgan sample {run} --seed 1 --output {drawn}",
            f"  kerasgan export {run} --format tflite --output {run}/generator.tflite",
            f"  tensorboard --logdir {run}/tensorboard",
        ]
    )


def recipe_from(start, dataset):
    """Returns the tables of a recipe for a training that starts from a trained model."""
    from kerasgan import zoo
    from kerasgan.training import recipe as recipes
    from kerasgan.training import suggestions

    found = zoo.find(start)
    folder = found if found.is_dir() else found.parent
    places = [folder, folder.parent.parent]  # the second is the run of a checkpoint
    file = next((each / "recipe.toml" for each in places if (each / "recipe.toml").is_file()), None)
    if file is None:
        raise UserError(f"{start} has no recipe beside it: name one as well, or --model.")
    tables = recipes.complete(recipes.parse(file), source=str(file)).tables()  # imports its model
    trained = zoo.load_start(start)
    for name in trained.changed_defaults(trained.get_config()):
        tables["model"].setdefault(name, getattr(trained, name))
    return suggestions.from_trained(tables, start, trained.signature.output.shape, dataset)


def start_of(tables):
    """Returns the absolute path from which the training of a recipe starts, or `None`."""
    start = tables.get("training", {}).get("start_from")
    return None if start is None else os.path.abspath(str(start))


def suggested(tables):
    """Returns the tables of a recipe for a folder of pictures or sounds, completed and printed;
    others as they are."""
    import tensorflow as tf
    import tomli_w

    from kerasgan.data import audio, folder
    from kerasgan.data.names import is_folder, is_sounds
    from kerasgan.training import recipe as recipes
    from kerasgan.training import suggestions

    data = tables.get("data", {})
    if not isinstance(data.get("name"), str) or not is_folder(data["name"]):
        return tables
    split, gpus = data.get("split", "train"), len(tf.config.list_physical_devices("GPU"))
    if is_sounds(data["name"]):
        tables = {**tables, "model": {"name": "wavegan", **tables.get("model", {})}}
        updates = recipes.updates_of_discriminator(recipes.complete(tables).model)
        found, noun = audio.counts(data["name"], split), "sounds"
        tables = suggestions.for_sounds(tables, found, gpus, updates)
    else:
        table = recipes.complete(tables).model
        model, updates = models.get(table.name), recipes.updates_of_discriminator(table)
        augments = model.judges_pictures and "augment" in recipes.model_arguments(model)
        found, noun = folder.look(data["name"], split, data.get("transparent", False)), "pictures"
        tables = suggestions.for_pictures(tables, found, gpus, updates, augments)
    print(f"A recipe for {found.count:,} {noun}; --set table.key=value changes it:\n")
    print(tomli_w.dumps(tables))
    return tables


def run_name(recipe):
    """Returns the name of a run directory that nobody named: that of the model and the data.

    Example:

    >>> from kerasgan.training.recipe import complete
    >>> run_name(complete({"data": {"name": "mnist_corrupted/fog:1.0.0"}}))
    'dcgan_mnist_corrupted_fog:1.0.0'
    """
    model, data = recipe.model.name, recipe.data.name
    data = os.path.basename(data) if os.path.isabs(data) else data
    start = recipe.training.start_from
    origin = f"_from_{os.path.basename(start)}" if start else ""
    source = f"_{os.path.basename(recipe.data.source)}" if recipe.data.source else ""
    return f"{model.rpartition(':')[2]}_{data}{source}{origin}".replace(os.sep, "_")


def resolved(tables):
    """Returns the tables of a recipe with absolute paths, so that a run can go on from anywhere."""
    from kerasgan.data.names import is_folder
    from kerasgan.data.pairing import is_path

    tables = {
        table: dict(each) if isinstance(each, dict) else each for table, each in tables.items()
    }
    data, model, training = (tables.get(table, {}) for table in ("data", "model", "training"))
    if isinstance(data.get("name"), str) and is_folder(data["name"]):
        data["name"] = os.path.abspath(os.path.expanduser(data["name"]))
    if isinstance(data.get("source"), str) and is_path(data["source"]):
        data["source"] = os.path.abspath(os.path.expanduser(data["source"]))
    if ".py:" in str(model.get("name")):
        model["name"] = os.path.abspath(model["name"])
    if os.path.exists(str(training.get("start_from"))):
        training["start_from"] = os.path.abspath(training["start_from"])
    return tables
