"""Run directories: their content, and whether a run may continue there."""

import contextlib
import csv
import datetime
import json
import os

from kerasgan.evaluation.scorer import SCORE_SEED
from kerasgan.training import checkpoints
from kerasgan.training import recipe as recipes
from kerasgan.utils import provenance
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import delete, locked, replacing

MARKER = ".kerasgan-run"
PROGRESS = ("samples", "tensorboard", "history.csv")  # written before the first checkpoint
WRITTEN = (
    "result.json",  # deleted first: nothing without it counts as finished
    "recipe.toml",
    "session.json",
    "checkpoints",
    *PROGRESS,
    "model.keras",
    "words.npz",
    "samples.png",
    "reconstructions.png",
    "progress.png",
    "progress.webp",
    "saved_model",
    "generator.tflite",
)


def with_absent(tables, arguments):
    """Returns the tables of a record with the model's arguments that did not exist when it was
    written."""
    return {**tables, "model": {**arguments, **tables.get("model", {})}}


class Recipe:
    """The record of a training by recipe: `recipe.toml`.

    The fingerprint tells whether data are the same, wherever they lie and whatever their classes
    are called.
    """

    file = "recipe.toml"
    remedies = "pass --change-recipe to go on with this one, or --overwrite to start anew"
    ignored = ("data.name", "data.source", "model.class_names", "training.steps_per_execution")
    may_change = ()

    def __init__(self, recipe, absent=(), words=None):
        self.recipe, self.content, self.absent = recipe, recipe.tables(), dict(absent)
        self.words = words

    def read(self, path):
        return with_absent(recipes.read(path).tables(), self.absent)

    def write(self, path):
        recipes.write(self.recipe, path)
        if self.words is not None:
            self.words.save(os.path.join(os.path.dirname(path), self.words.file))


class CallRecord:
    """The record of a training by `kerasgan.train`: `session.json`."""

    file = "session.json"
    remedies = "pass overwrite=True to start anew"
    ignored = ("data.name",)
    may_change = ("training.epochs", "training.steps")

    def __init__(self, content, absent=()):
        self.content, self.absent = json.loads(json.dumps(content)), dict(absent)

    @classmethod
    def seed_of(cls, directory):
        """Returns the seed of the model of a run that was begun there, or `None`."""
        try:
            with open(os.path.join(directory, cls.file), encoding="utf-8") as file:
                return json.load(file)["model"]["seed"]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            return with_absent(json.load(file), self.absent)

    def write(self, path):
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            json.dump(self.content, file, indent=2)


@contextlib.contextmanager
def opened(directory, record, overwrite=False, change_recipe=False):
    """Creates a run directory or opens it to continue, and locks it against other processes.

    Deletes leftovers of killed writes; changes nothing else until `begin`.

    Args:
        directory: The run directory.
        record: A `Recipe` or `CallRecord`.
        overwrite: Whether to delete the files of an earlier run, and only those.
        change_recipe: Whether a run of another recipe may continue with this one.

    Yields:
        list of the keys that differ from an earlier run's record.

    Raises:
        UserError: If the folder contains something else, another run or a running one, or is not
            writable.
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
            changes = _changes(directory, record)
            refused = [each for each in changes if not each.startswith(record.may_change)]
            if refused and not change_recipe:
                raise UserError(
                    f"{directory} holds another training ({'; '.join(refused)}): name "
                    f"another directory, or {record.remedies}."
                )
            for folder, names, files in os.walk(directory):
                for name in [*names, *files]:
                    if name.startswith(".partial-"):
                        delete(os.path.join(folder, name))
        yield changes


def begin(directory, record, anew=False):
    """Writes the record of a training that starts or continues, and deletes its result.

    Args:
        directory: The run directory.
        record: A `Recipe` or `CallRecord`.
        anew: Whether it starts: what an attempt without a checkpoint has left is deleted.
    """
    with _writing(directory):
        for name in ("result.json", *(PROGRESS if anew else ())):
            delete(os.path.join(directory, name))
        os.makedirs(os.path.join(directory, "checkpoints"), exist_ok=True)
        record.write(os.path.join(directory, record.file))


def _changes(directory, record):
    """Lists the differences to an earlier run's record, if that run has saved anything."""
    saved = checkpoints.found(os.path.join(directory, "checkpoints")) or result(directory)
    if not saved:
        return []
    others = {Recipe.file, CallRecord.file} - {record.file}
    if any(os.path.isfile(os.path.join(directory, name)) for name in others):
        raise UserError(f"{directory} holds a run that was started otherwise: name another one.")
    kept = os.path.join(directory, record.file)
    if not os.path.isfile(kept):
        return []
    changes = recipes.differences(record.read(kept), record.content)
    return [each for each in changes if not each.startswith(record.ignored)]


def kept_tables(directory):
    """Returns the tables in the recipe of a run that goes on, an empty dict of any other."""
    file = os.path.join(directory, Recipe.file)
    saved = checkpoints.found(os.path.join(directory, "checkpoints")) or result(directory)
    return recipes.parse(file) if saved and os.path.isfile(file) else {}


def kept_arguments(directory, name):
    """Returns the model's arguments in the recipe of a run that goes on, else `None`.

    Args:
        directory: The run directory.
        name: Name of the model; a run of another one is no run of it.
    """
    kept = kept_tables(directory).get("model", {})
    return kept if kept.get("name") == name else None


@contextlib.contextmanager
def _writing(directory):
    try:
        yield
    except OSError as error:
        raise UserError(f"Cannot write to {directory}: {error.strerror or error}.") from error


def result(directory):
    """Returns the `result.json` of a finished run, else `None`."""
    try:
        with open(os.path.join(directory, "result.json"), encoding="utf-8") as file:
            found = json.load(file)
        return found if {"metric", "trained"} <= set(found) else None
    except (OSError, ValueError, TypeError):
        return None


def result_of(gan, state, scorer, dataset):
    """Returns the content of `result.json`; without a scorer, "metric" and "trained" are null."""
    unscored = {"metric": None, "trained": None, "dataset": dataset}
    network = gan.inference_generator
    given = {name: kind.words for name, kind in gan.signature.given.items()}
    return {
        **(scorer.result(gan, state.untrained) if scorer else unscored),
        "image_shape": list(gan.signature.output.shape),
        **({"inputs": given} if given else {}),
        "sample_seed": SCORE_SEED,
        "model": gan.variant,
        "parameters": gan.generator.count_params(),
        "steps": state.step,
        "training_minutes": round(state.seconds / 60, 2),
        "date": datetime.date.today().isoformat(),
        **(provenance.stamp(network, scorer.extractor) if scorer else provenance.unscored(network)),
    }


def write_history(directory, rows):
    """Writes `history.csv`: one row per epoch, "nan" for missing values."""
    with replacing(os.path.join(directory, "history.csv")) as temporary:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            columns = dict.fromkeys(key for row in rows for key in row)
            writer = csv.DictWriter(file, columns, restval="nan")
            writer.writeheader()
            for row in rows:
                writer.writerow({k: "nan" if v is None else v for k, v in row.items()})
