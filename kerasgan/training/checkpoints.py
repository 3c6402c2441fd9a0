"""Checkpoints of a training: written atomically, with checksums."""

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
from pathlib import Path

import keras
import numpy as np

from kerasgan.callbacks.guards import broken
from kerasgan.gan.monitoring import wrapped
from kerasgan.utils import hashing, replicas
from kerasgan.utils.errors import TrainingFailed, UserError
from kerasgan.utils.files import replacing

MODEL, STATE = "model.keras", "state.json"


class Interrupted(Exception):
    """A training was interrupted, after writing a checkpoint."""


@dataclasses.dataclass
class State:
    """State of a training.

    Attributes:
        step: Calls of `train_step` so far.
        seconds: Time spent in `fit`, including grids, scores and checkpoints.
        score: Frechet distance of the samples at this step, or `None`.
        means: Total and count of each loss in the current epoch.
        history: One dict for each complete epoch.
        in_epoch: Steps in an epoch.
        data_sha256: Hash of the training images, in checkpoints of kerasgan 0.1.0.
        untrained: Frechet distance before the first step.
        fingerprint: Fingerprint of the training data.
        xla: Whether XLA compiled the step, which changes its random draws.
        callbacks: For each further callback, its numbers by name: patience, best score, ...
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
    """Restores the losses' means of an interrupted epoch."""

    def __init__(self, state):
        super().__init__()
        self.state = state

    def on_epoch_begin(self, epoch, logs=None):
        for name, values in self.state.means.items():
            for variable, value in zip(self.model.trackers[name].variables, values, strict=True):
                replicas.assign_local_sum(self.model.distribute_strategy, variable, value)
        self.state.means = {}


class Checkpoints(Means):
    """Writes checkpoints during `fit`, and stops it after a signal.

    A checkpoint is a folder `step_00001234` with the model (both networks, both optimizers, the
    average, random states) and `state.json` (the training's state and the model's SHA-256). It is
    written atomically.

    Args:
        directory: Folder of the checkpoints.
        state: `State` from which the training goes on.
        minutes: Time between checkpoints. Others are written at the end, after a score, and on a
            signal.
        keep: Number of checkpoints to keep, in addition to the one with the best score.
        others: Callbacks whose numbers are saved and restored.

    Raises:
        Interrupted: From `fit`, after SIGINT or SIGTERM, once a checkpoint is written.
        TrainingFailed: From `fit`, if a weight is NaN or infinite; such a checkpoint is not kept.
    """

    once_a_call = True

    def __init__(self, directory, state=None, minutes=1.0, keep=3, others=()):
        super().__init__(state or State())
        self.others = others
        self.directory, self.minutes, self.keep = Path(directory), minutes, keep
        self.signal = None

    def on_train_begin(self, logs=None):
        self.restored = False
        self.started = self.saved = time.monotonic()
        self.before = self.state.seconds

    def on_epoch_begin(self, epoch, logs=None):
        self.batches, self.in_epoch = 0, True
        if not self.restored:  # not earlier: callbacks reset themselves when training begins
            for callback, numbers in zip(self.others, self.state.callbacks, strict=False):
                vars(wrapped(callback)).update(numbers)
                if numbers and getattr(callback, "restore_best_weights", False):
                    warnings.warn(
                        f"Checkpoints do not hold the best weights of {type(callback).__name__}: "
                        f"it restores only weights from epochs after step {self.state.step}.",
                        stacklevel=2,
                    )
            self.restored = True
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
        """Writes a checkpoint of this step, unless it exists, and deletes old ones."""
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
        """Raises `Interrupted` after a signal."""
        if self.signal:
            raise Interrupted(f"Interrupted after step {self.state.step}, which is saved.")

    @contextlib.contextmanager
    def signals(self):
        """Within the block, the first SIGINT or SIGTERM stops `fit` after its current step.

        Outside the main thread, which alone gets signals, it does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number, frame):
            if self.signal:
                raise KeyboardInterrupt
            self.signal = number
            with contextlib.suppress(OSError):  # not `print`, which the signal may have interrupted
                os.write(2, b"\nStopping after this step. Once more: at once, without saving.\n")

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def numbers_of(callback):
    """Returns a callback's numbers, booleans and strings by name, as JSON values."""
    plain = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in vars(wrapped(callback)).items()
    }
    return {name: v for name, v in plain.items() if isinstance(v, bool | int | float | str)}


def path_of(directory, step):
    """Returns the path of a step's checkpoint, which need not exist."""
    return Path(directory) / f"step_{step:08d}"


def begun(directory):
    """Tells whether a run directory has an intact checkpoint to go on from."""
    return any(map(intact, reversed(found(Path(directory) / "checkpoints"))))


def intact(path):
    """Tells whether a checkpoint is whole."""
    try:
        read(path)
    except UserError:
        return False
    return True


def found(directory):
    """Returns the checkpoints in `directory`, oldest first, unchecked."""
    return sorted(Path(directory).glob("step_" + "[0-9]" * 8))


def read(path):
    """Returns the state of a checkpoint after checking both checksums.

    Args:
        path: The checkpoint's folder.

    Returns:
        A `State`.

    Raises:
        UserError: If a file is missing or damaged.
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
    """Returns the newest intact checkpoint of a folder, and renames newer, damaged ones.

    They become `damaged_step_...`, so that they do not count as kept, nor block a new checkpoint of
    the same step.

    Args:
        directory: Folder of the checkpoints.
        say: Receives a message about each damaged one.

    Returns:
        The checkpoint's path and its `State`, or `(None, State())` without one.
    """
    for path in reversed(found(directory)):
        try:
            return path, read(path)
        except UserError as error:
            say(f"{error} It is put aside.")
            aside = path.with_name(f"damaged_{path.name}")
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)
    return None, State()


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
