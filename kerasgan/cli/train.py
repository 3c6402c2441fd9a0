"""`kerasgan train`"""

import os
from pathlib import Path
from typing import Annotated

import typer

from kerasgan import models
from kerasgan.cli.common import DataDir, Overrides, app, start
from kerasgan.utils.errors import UserError, nearest


@app.command()
def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="TOML file, or a name in the zoo; may be left out.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Run directory.")] = None,
    model: Annotated[str | None, typer.Option(help="Model, e.g. dcgan.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="TFDS name, fashion_mnist_mini, or an image folder.")
    ] = None,
    image_size: Annotated[int | None, typer.Option(help="Side in pixels.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a batch.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.")] = None,
    seed: Annotated[int | None, typer.Option(help="Fixes weights, order, latents.")] = None,
    overrides: Overrides = None,
    data_dir: DataDir = None,
    overwrite: Annotated[bool, typer.Option(help="Delete an earlier run there.")] = False,
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
    """Train a model as a recipe says; the same command again goes on where it stopped."""
    shortcuts = {
        "model.name": model,
        "data.name": dataset,
        "data.image_size": image_size,
        "data.batch_size": batch_size,
        "training.epochs": epochs,
        "training.seed": seed,
    }
    if model is not None and model not in models.names():
        raise UserError(f'There is no model "{model}": {nearest(model, models.names())}')
    devices = start(strategy)
    from kerasgan import zoo
    from kerasgan.training import checkpoints
    from kerasgan.training import recipe as recipes
    from kerasgan.training.train import train_recipe

    tables = recipes.parse(zoo.recipe_file(recipe)) if recipe else {}
    for key, value in shortcuts.items():
        if value is not None:
            table, _, name = key.partition(".")
            tables.setdefault(table, {})[name] = value
    tables = recipes.override(tables, overrides or [])
    whole = recipes.complete(tables, source=str(recipe or "recipe"))
    if dry_run:
        from kerasgan.training import dry_run as trial

        print(trial.dry_run(whole, data_dir))
        return
    start_from = whole.training.start_from
    trained = zoo.load_start(start_from) if start_from else None
    name = f"{whole.model.name}_{whole.data.name}".replace(os.sep, "_")
    directory = output or Path("runs") / name
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
