"""Checkpoints of a training: written whole or not at all, checked when read, a few of them kept."""

import contextlib
import dataclasses
import json
import math
import os
import shutil
import signal
import threading
import time
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np

from kerasgan.callbacks.guards import broken
from kerasgan.utils import hashing, replicas
from kerasgan.utils.errors import TrainingFailed, UserError
from kerasgan.utils.files import replacing

MODEL, STATE = "model.keras", "state.json"


class Interrupted(Exception):
    """A training was asked to stop, and has written a checkpoint."""


@dataclasses.dataclass
class State:
    """Where a training is.

    Attributes:
        step: Calls of `train_step` so far.
        seconds: Time spent in `fit`, with the grids, scores and checkpoints that it makes.
        score: Frechet distance of the samples at this step, or `None` where it was not measured.
        means: For each loss, total and count of its mean over the epoch so far.
        history: One dict for each whole epoch.
        in_epoch: Steps in an epoch.
        data_sha256: Hash of the training images.
        untrained: Frechet distance before the first step.
        fingerprint: That of the source of the training examples.
        xla: Whether XLA compiled the step: its random draws are others.
        callbacks: For each further callback its numbers by name: patience, best score, ...
    """

    step: int = 0
    seconds: float = 0.0
    score: float | None = None
    means: dict = dataclasses.field(default_factory=dict)
    history: list = dataclasses.field(default_factory=list)
    in_epoch: int = 0
    data_sha256: str = ""
    untrained: float | None = None
    fingerprint: str = ""
    xla: bool | None = None
    callbacks: list = dataclasses.field(default_factory=list)


class Means(keras.callbacks.Callback):
    """Gives the losses' means back what they held when an epoch was interrupted."""

    def __init__(self, state):
        super().__init__()
        self.state = state

    def on_epoch_begin(self, epoch, logs=None):
        for name, values in self.state.means.items():
            for variable, value in zip(self.model.trackers[name].variables, values, strict=True):
                replicas.assign_local_sum(self.model.distribute_strategy, variable, value)
        self.state.means = {}


class Checkpoints(Means):
    """Writes checkpoints during `fit`, and stops it in good order when the process is told to.

    A checkpoint is a folder `step_00001234` with the model (both networks, both optimizers, the
    average, random states) and `state.json` (where the training is, and the model's SHA-256). It
    appears under its name only when it is whole.

    Args:
        directory: Folder of the checkpoints.
        state: `State` from which the training goes on.
        minutes: Time between two checkpoints. One is also written at the end, after a score, and
            on a signal.
        keep: Number of the newest ones that are kept, beside the one with the best score.
        others: Callbacks whose numbers are saved and given back.

    Raises:
        Interrupted: From `fit`, once SIGINT or SIGTERM has come and a checkpoint is written.
        TrainingFailed: From `fit`, if a weight is NaN or infinite: that is not kept.
    """

    def __init__(self, directory, state=None, minutes=1.0, keep=3, others=()):
        super().__init__(state or State())
        self.others = others
        self.directory, self.minutes, self.keep = Path(directory), minutes, keep
        self.signal = None

    def on_train_begin(self, logs=None):
        self.given_back = False
        self.started = self.saved = time.monotonic()
        self.before = self.state.seconds

    def on_epoch_begin(self, epoch, logs=None):
        self.batches, self.in_epoch = 0, True
        if not self.given_back:  # not earlier: callbacks start anew when training begins
            for callback, numbers in zip(self.others, self.state.callbacks, strict=False):
                vars(callback).update(numbers)
                if numbers and getattr(callback, "restore_best_weights", False):
                    warnings.warn(
                        f"Checkpoints do not hold the best weights of {type(callback).__name__}: "
                        f"it restores only weights from epochs after step {self.state.step}.",
                        stacklevel=2,
                    )
            self.given_back = True
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.state.step += batch + 1 - self.batches  # more than one with `steps_per_execution`
        self.batches = batch + 1
        self.state.score = None
        if self.batches < self.params["steps"] and (self.signal or self._due()):
            self.save()
            self.stop_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        self.in_epoch = False
        self.state.history.append({"epoch": epoch, **{k: _number(v) for k, v in logs.items()}})
        self.state.score = self.state.history[-1].get("frechet_distance")
        if self.state.score is not None or self.signal or self._due():
            self.save()
            self.stop_if_asked()

    def on_train_end(self, logs=None):
        self.save()
        self.state.callbacks = [numbers_of(callback) for callback in self.others]

    def save(self):
        """Writes a checkpoint of this moment, if there is none, and deletes those not kept."""
        self.saved = time.monotonic()
        self.state.seconds = self.before + self.saved - self.started
        means = {}
        if self.in_epoch:
            for name, tracker in self.model.trackers.items():
                means[name] = [
                    replicas.local_sum(self.model.distribute_strategy, total)
                    for total in tracker.variables
                ]
        for network in self.model.networks:
            if broken(network):
                raise TrainingFailed(
                    f"Training broke before step {self.state.step}: the {network.name} has weights "
                    f"that are NaN or infinite. A lower learning rate usually helps."
                )
        path = path_of(self.directory, self.state.step)
        if not path.exists():
            with replacing(path) as temporary:
                os.mkdir(temporary)
                self.model.save(os.path.join(temporary, MODEL))
                state = dataclasses.replace(
                    self.state,
                    means=means,
                    xla=bool(self.model.jit_compile),
                    callbacks=[numbers_of(callback) for callback in self.others],
                )
                _write_state(state, Path(temporary))
        self._prune()

    def _prune(self):
        paths = found(self.directory)
        scores = {path: _read_score(path) for path in paths}
        scored = [path for path in paths if scores[path] is not None]
        best = [min(scored, key=scores.get)] if scored else []
        for path in set(paths) - set(paths[-self.keep :]) - set(best):
            shutil.rmtree(path)

    def _due(self):
        return time.monotonic() - self.saved >= 60 * self.minutes

    def stop_if_asked(self):
        """Raises `Interrupted` once a signal has come."""
        if self.signal:
            raise Interrupted(f"Interrupted after step {self.state.step}, which is saved.")

    @contextlib.contextmanager
    def signals(self):
        """Within the block, the first SIGINT or SIGTERM asks `fit` to stop at its next step.

        In another thread than the main one, where signals do not arrive, it does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number, frame):
            if self.signal:
                raise KeyboardInterrupt
            self.signal = number
            with contextlib.suppress(OSError):  # `print` may be at work on the same stream
                os.write(2, b"\nStopping after this step. Once more: at once, without saving.\n")

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def numbers_of(callback):
    """Returns a callback's numbers, truths and texts by name, as JSON values."""
    plain = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in vars(callback).items()
    }
    return {name: v for name, v in plain.items() if isinstance(v, bool | int | float | str)}


def path_of(directory, step):
    """Returns the folder of the checkpoint of a step, which need not exist."""
    return Path(directory) / f"step_{step:08d}"


def found(directory):
    """Returns the folders of the checkpoints in `directory`, oldest first, unchecked."""
    return sorted(Path(directory).glob("step_" + "[0-9]" * 8))


def read(path):
    """Returns the state of a checkpoint after comparing both files with their checksums.

    Args:
        path: The checkpoint's folder.

    Returns:
        A `State`.

    Raises:
        UserError: If a file is missing or not what was written.
    """
    path = Path(path)
    try:
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
        checksum = state.pop("checksum")
        if checksum != hashing.of_json(state) or state.pop("model_sha256") != hashing.of_file(
            path / MODEL
        ):
            raise ValueError("its checksum differs")
        return State(**state)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"The checkpoint {path} is damaged ({error}).") from error


def newest(directory, say=print):
    """Returns the newest sound checkpoint of a folder, and puts newer, damaged ones aside.

    Those are named and renamed, to `damaged_step_...`: they neither count among those kept nor
    stand in the way of a new one of the same step.

    Args:
        directory: Folder of the checkpoints.
        say: Function that is told of each damaged one.

    Returns:
        The checkpoint's path and its `State`, or `(None, State())` where there is none.
    """
    for path in reversed(found(directory)):
        try:
            return path, read(path)
        except UserError as error:
            say(f"{error} It is put aside, and the one before taken.")
            aside = path.with_name(f"damaged_{path.name}")
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)
    return None, State()


def restore(gan, path, changed=(), rates=()):
    """Puts a checkpoint's weights, optimizer state and random state into a compiled model.

    The optimizers go on as they were saved: with their settings, and with a rate that a callback
    changed. So does the step: compiled by XLA or not.

    Args:
        gan: A compiled `kerasgan.GAN`, built as the one that was saved.
        path: The checkpoint's folder.
        changed: Players whose optimizer may be another one than was saved. One that is starts
            anew, with a warning.
        rates: Players whose rate is the one that the model was compiled with.

    Raises:
        UserError: If the model, or an optimizer, is another one.

    Warns:
        UserWarning: Which optimizer starts anew.
    """
    compiled_as(gan, path, changed)
    optimizers = {
        player: getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales losses
        for player, optimizer in gan.optimizers.items()
    }
    before = {player: each.get_config()["learning_rate"] for player, each in optimizers.items()}
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            gan.load_weights(Path(path) / MODEL)
        for warning in told:  # Keras only warns of what it does not find
            text = str(warning.message)
            if not (changed and "for optimizer" in text):
                raise ValueError(text)
            warnings.warn(f"An optimizer starts anew: {text.splitlines()[0]}", stacklevel=2)
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"The checkpoint {path} does not fit the model: {reason}") from error
    for player in set(rates) & set(optimizers):
        if not isinstance(before[player], dict):  # a schedule follows its count by itself
            optimizers[player].learning_rate = before[player]


def compiled_as(gan, path, changed=()):
    """Compiles a model as the one of a checkpoint was: its optimizers' settings, and XLA."""
    saved = compile_config(Path(path) / MODEL)
    own = gan.get_compile_config()
    wanted = dict(own)
    for player in gan.players:
        name = f"{player}_optimizer"
        kept = player not in changed and name in saved
        if kept and nameless(saved[name]) != nameless(own[name]):
            wanted[name] = saved[name]
    xla = read(path).xla
    if xla is not None and own["jit_compile"] == "auto":
        wanted["jit_compile"] = xla
    if wanted != own:
        with gan.distribute_strategy.scope():
            gan.compile_from_config(wanted)


def nameless(optimizer):
    """Returns an optimizer's config as JSON text without names, which Keras counts up, and rates
    that are numbers, which the checkpoint's variables hold."""

    def stripped(value):
        if isinstance(value, dict):
            return {
                key: stripped(each)
                for key, each in value.items()
                if key != "name" and not (key == "learning_rate" and isinstance(each, float))
            }
        return value

    return json.dumps(stripped(optimizer), sort_keys=True)


def compile_config(file):
    """Returns what a `.keras` file says of how its model was compiled."""
    try:
        with zipfile.ZipFile(file) as archive:
            return json.loads(archive.read("config.json")).get("compile_config") or {}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"Cannot read {file}: {error}") from error


def _number(value):
    return float(value) if math.isfinite(value) else None


def _read_score(path):
    try:
        return json.loads((path / STATE).read_text(encoding="utf-8"))["score"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_state(state, folder):
    content = {**dataclasses.asdict(state), "model_sha256": hashing.of_file(folder / MODEL)}
    content["checksum"] = hashing.of_json(content)
    (folder / STATE).write_text(json.dumps(content, indent=1), encoding="utf-8")
