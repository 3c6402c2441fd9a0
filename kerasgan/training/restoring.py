"""Restores a checkpoint into a compiled model.

`kerasgan.training.session.resumed` decides which checkpoint, and calls this.
"""

import json
import warnings
import zipfile
from pathlib import Path

from kerasgan.training.checkpoints import MODEL, read
from kerasgan.utils.errors import UserError


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
