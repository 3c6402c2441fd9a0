"""Run directories: which folders they are, what a run writes there, and whether it may go on."""

import contextlib
import csv
import json
import os

from kerasgan import checkpoints, recipe
from kerasgan.errors import UserError
from kerasgan.files import delete, locked, replacing

MARKER = ".kerasgan-run"
WRITTEN = (
    "result.json",  # deleted first: nothing without it counts as finished
    "recipe.toml",
    "checkpoints",
    "samples",
    "tensorboard",
    "history.csv",
    "model.keras",
    "samples.png",
    "progress.png",
    "saved_model",
    "generator.tflite",
)


@contextlib.contextmanager
def opened(directory, settings, overwrite=False, change_recipe=False):
    """Makes a run directory or opens one to go on, and keeps other processes out of it.

    What writes that were killed left behind is deleted; nothing else is changed until `begin`.

    Args:
        directory: The run directory.
        settings: The complete recipe.
        overwrite: Whether what an earlier run wrote is deleted; nothing else is.
        change_recipe: Whether a run of another recipe may go on with this one.

    Yields:
        list of the keys in which an earlier run's recipe differs.

    Raises:
        UserError: If the folder holds something else, another run or a running one, or cannot be
            written.
    """
    marker = os.path.join(directory, MARKER)
    with contextlib.ExitStack() as stack:
        with _writing(directory):
            if os.path.isdir(directory) and os.listdir(directory) and not os.path.isfile(marker):
                raise UserError(f"{directory} exists and holds no run: name another directory.")
            os.makedirs(directory, exist_ok=True)
            with open(marker, "w", encoding="utf-8") as file:
                file.write(
                    "A run directory of kerasgan: `train --overwrite` may replace the run.\n"
                )
            stack.enter_context(locked(marker))
            if overwrite:
                for name in WRITTEN:
                    delete(os.path.join(directory, name))
            changes = _changes(directory, settings)
            if changes and not change_recipe:
                raise UserError(
                    f"{directory} holds a run of another recipe ({'; '.join(changes)}): name "
                    f"another directory, or pass --change-recipe to go on with this one, or "
                    f"--overwrite to start anew."
                )
            for folder, names, files in os.walk(directory):
                for name in [*names, *files]:
                    if name.startswith(".partial-"):
                        delete(os.path.join(folder, name))
        yield changes


def begin(directory, settings):
    """Writes the recipe of the training that now begins or goes on; it is not finished any more."""
    with _writing(directory):
        delete(os.path.join(directory, "result.json"))
        os.makedirs(os.path.join(directory, "checkpoints"), exist_ok=True)
        recipe.write(settings, os.path.join(directory, "recipe.toml"))


def _changes(directory, settings):
    """Lists how an earlier run's recipe differs; a run that has saved nothing has none."""
    kept = os.path.join(directory, "recipe.toml")
    saved = checkpoints.found(os.path.join(directory, "checkpoints")) or result(directory)
    return recipe.differences(recipe.read(kept), settings) if saved and os.path.isfile(kept) else []


@contextlib.contextmanager
def _writing(directory):
    try:
        yield
    except OSError as error:
        raise UserError(f"Cannot write to {directory}: {error.strerror or error}.") from error


def result(directory):
    """Returns what a finished run says in its `result.json`; `None` where it is not finished."""
    try:
        with open(os.path.join(directory, "result.json"), encoding="utf-8") as file:
            found = json.load(file)
        return found if {"metric", "trained"} <= set(found) else None
    except (OSError, ValueError, TypeError):
        return None


def write_history(directory, rows):
    """Writes `history.csv`: one row for each epoch, "nan" for what was not measured."""
    with replacing(os.path.join(directory, "history.csv")) as temporary:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            columns = dict.fromkeys(key for row in rows for key in row)
            writer = csv.DictWriter(file, columns, restval="nan")
            writer.writeheader()
            for row in rows:
                writer.writerow({k: "nan" if v is None else v for k, v in row.items()})
