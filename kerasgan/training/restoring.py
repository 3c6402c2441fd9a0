"""Resumes a run: chooses its newest checkpoint and restores it into the compiled model."""

import json
import os
import warnings
import zipfile
from pathlib import Path

from kerasgan.training.checkpoints import MODEL, newest, read
from kerasgan.utils import hashing, replicas
from kerasgan.utils.errors import UserError


def resumed(gan, directory, new, source, changes, plan, say):
    """Returns the state to continue from, and loads its checkpoint into the model.

    Sends its step to the other workers, which load it at the same time.

    Args:
        gan: The compiled model.
        directory: The run directory.
        new: The state of a new training.
        source: The training examples.
        changes: Keys that differ from the checkpoint's record.
        plan: The session's `Plan`.
        say: Receives progress messages.
    """
    path, state = newest(os.path.join(directory, "checkpoints"), say)
    if path is None:
        replicas.from_chief(gan.distribute_strategy, 0)
        return new
    check_data(directory, state, new, source)
    state.fingerprint = new.fingerprint
    replicas.from_chief(gan.distribute_strategy, state.step)
    tables = {change.partition(".")[0] for change in changes}
    bits = [bool(changes), *(f"{player}_optimizer" in tables for player in gan.players)]
    differs = sum(bit << place for place, bit in enumerate(bits))
    replicas.from_chief(gan.distribute_strategy, differs)
    resume_from(gan, path, differs, images=state.step * plan.batch_size)
    say(f"Going on after step {state.step:,}, from {path}")
    return state


def check_data(directory, state, new, source):
    """Raises UserError if a run was trained on other data.

    Args:
        directory: The run directory.
        state: The state of its last checkpoint.
        new: The state of a new training.
        source: The training examples.
    """
    same = state.fingerprint == new.fingerprint
    if not state.fingerprint:  # a checkpoint of kerasgan 0.1.0
        same = state.data_sha256 == hashing.of_array(next(iter(source.parts.values())))
    if state.in_epoch == new.in_epoch and same:
        return
    what = "with the same number of images, but other ones"
    if state.in_epoch != new.in_epoch:
        what = f"with {state.in_epoch} steps an epoch, now {new.in_epoch}"
    raise UserError(
        f"{directory} was trained {what}: name another directory, or pass --overwrite to start "
        f"anew."
    )


def resume_from(gan, path, differs, images):
    """Restores a checkpoint, on the chief and on other workers.

    Args:
        gan: The compiled model.
        path: The checkpoint.
        differs: Number whose bits tell what differs from the saved training: anything, then the
            optimizer of each player.
        images: Number of images seen so far.
    """
    rates = [p for place, p in enumerate(gan.players, start=1) if differs >> place & 1]
    restore(gan, path, changed=gan.players if differs else (), rates=rates)
    if int(gan.images_seen.numpy()) == 0:  # a checkpoint of kerasgan 0.1.0
        gan.images_seen.assign(images)


def restore(gan, path, changed=(), rates=()):
    """Loads weights, optimizer states and random state of a checkpoint into a compiled model.

    Optimizers keep their saved settings, including a rate that a callback changed. The step is
    compiled by XLA if it was before.

    Args:
        gan: A compiled `kerasgan.GAN`, built like the saved one.
        path: The checkpoint's folder.
        changed: Players whose optimizer may differ from the saved one. If it does, it starts from
            scratch, with a warning.
        rates: Players that keep the rate with which the model was compiled.

    Raises:
        UserError: If the model or an optimizer does not fit.

    Warns:
        UserWarning: If an optimizer starts from scratch.
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
    """Compiles a model like that of a checkpoint: its optimizers' settings, and XLA."""
    saved = compile_config(Path(path) / MODEL)
    own = gan.get_compile_config()
    wanted = dict(own)
    for player in gan.players:
        name = f"{player}_optimizer"
        kept = player not in changed and name in saved
        if kept and settings(saved[name]) != settings(own[name]):
            wanted[name] = saved[name]
    xla = read(path).xla
    if xla is not None and own["jit_compile"] == "auto":
        wanted["jit_compile"] = xla
    if wanted != own:
        with gan.distribute_strategy.scope():
            gan.compile_from_config(wanted)


def settings(optimizer):
    """Returns an optimizer's config as JSON text, without names, which Keras numbers, and without
    constant rates, which are in the checkpoint's variables."""

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
    """Returns the compile config of a `.keras` file."""
    try:
        with zipfile.ZipFile(file) as archive:
            return json.loads(archive.read("config.json")).get("compile_config") or {}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"Cannot read {file}: {error}") from error
