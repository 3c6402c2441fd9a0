"""Run directories: which folders they are, what a run writes there, and whether it may go on."""

import contextlib
import csv
import json
import os
import shutil

from kerasgan import recipe
from kerasgan.errors import UserError
from kerasgan.files import locked, replacing

MARKER = ".kerasgan-run"
WRITTEN = (
    "recipe.toml",
    "checkpoints",
    "samples",
    "tensorboard",
    "history.csv",
    "model.keras",
    "samples.png",
    "progress.png",
    "result.json",
    "saved_model",
    "generator.tflite",
)


@contextlib.contextmanager
def opened(directory, settings, overwrite=False, change_recipe=False):
    """Makes a run directory or opens one to go on, and keeps other processes out of it.

    What writes that were killed left behind is deleted.

    Args:
        directory: The run directory.
        settings: The complete recipe.
        overwrite: Whether what an earlier run wrote is deleted; nothing else is.
        change_recipe: Whether a run of another recipe may go on with this one.

    Raises:
        UserError: If the folder holds something else, another run or a running one, or cannot be
            written.
    """
    marker, kept = os.path.join(directory, MARKER), os.path.join(directory, "recipe.toml")
    try:
        if os.path.isdir(directory) and os.listdir(directory) and not os.path.isfile(marker):
            raise UserError(f"{directory} exists and holds no run: name another directory.")
        os.makedirs(directory, exist_ok=True)
        with open(marker, "w", encoding="utf-8") as file:
            file.write("A run directory of kerasgan: `train --overwrite` may replace the run.\n")
        with locked(marker):
            if overwrite:
                for name in WRITTEN:
                    _delete(os.path.join(directory, name))
            elif os.path.isfile(kept):
                changes = recipe.differences(recipe.read(kept), settings)
                if changes and not change_recipe:
                    raise UserError(
                        f"{directory} holds a run of another recipe ({'; '.join(changes)}): name "
                        f"another directory, or pass --change-recipe to go on with this one, or "
                        f"--overwrite to start anew."
                    )
                if changes:
                    _delete(os.path.join(directory, "result.json"))
            for folder, names, files in os.walk(directory):
                for name in [*names, *files]:
                    if name.startswith(".partial-"):
                        _delete(os.path.join(folder, name))
            os.makedirs(os.path.join(directory, "checkpoints"), exist_ok=True)
            recipe.write(settings, kept)
            yield
    except OSError as error:
        raise UserError(f"Cannot write to {directory}: {error.strerror or error}.") from error


def result(directory):
    """Returns what a finished run says in its `result.json`; `None` where it is not finished."""
    try:
        with open(os.path.join(directory, "result.json"), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def write_history(directory, rows):
    """Writes `history.csv`: one row for each epoch, "nan" for what was not measured."""
    with replacing(os.path.join(directory, "history.csv")) as temporary:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            for row in rows:
                writer.writerow({k: "nan" if v is None else v for k, v in row.items()})


def _delete(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)
