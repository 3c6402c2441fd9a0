"""Writes `first_edition.tar.xz`: small artefacts of kerasgan 0.1.0 and their expected results.

    git worktree add old 3757698 && PYTHONPATH=old python tests/golden/make_first_edition.py

For each model: `run/`, a training run stopped in the middle of its second epoch, and `entry/`, a
zoo entry made from its weights. `expected.npz` holds the samples that 0.1.0 drew from the stopped
model, and those it drew after resuming with `--deterministic` and training to the end.

To keep the archive small, large layers (LAPGAN's of 1,200 units) have few non-zero weights.
"""

import json
import shutil
import signal
import sys
import tarfile
import tempfile
from pathlib import Path

import keras
import numpy as np

from kerasgan import models, train, zoo
from kerasgan.training import checkpoints, recipe
from kerasgan.utils import hashing, provenance

ARGUMENTS = {"width": 8, "ema_decay": 0.9, "n_critic": 2, "num_classes": 10, "latent_dim": 16}
LARGE = 20_000  # number of weights in a variable
ON_TRAIN_BATCH_END = checkpoints.Checkpoints.on_train_batch_end
STOP = 7  # steps; an epoch has 5
RUN_FILES = (".kerasgan-run", "recipe.toml", "history.csv")


def settings_of(name):
    known = recipe.allowed(recipe.complete({"model": {"name": name}}))["model"]
    return recipe.complete(
        {
            "model": {"name": name, **{k: v for k, v in ARGUMENTS.items() if k in known}},
            "data": {"image_size": 16 if name == "lapgan" else 8, "batch_size": 2000},
            "training": {"epochs": 2, "checkpoint_minutes": 60.0, "checkpoints": 1},
            "evaluation": {"num": 20},
        }
    )


def thin(gan):
    """Zeroes most entries of large variables, the same ones in weights and their moments."""
    for variable in [*gan.weights, *gan.g_optimizer.variables, *gan.d_optimizer.variables]:
        values = variable.numpy()
        if values.size > LARGE:
            keep = np.random.default_rng(values.size).random(values.shape) < 5_000 / values.size
            variable.assign(values * keep)


def stop_in_the_middle(saver, batch, logs=None):
    """Replaces `Checkpoints.on_train_batch_end`: thins the model after step `STOP` and stops."""
    if saver.state.step == STOP - 1:
        thin(saver.model)
        saver.signal = signal.SIGTERM
    ON_TRAIN_BATCH_END(saver, batch, logs)


def samples(gan):
    labels = np.arange(6) % 10 if gan.conditional else None
    return gan.sample(6, labels, seed=3)


def make(name, folder, expected):
    settings = settings_of(name)
    run = folder / name / "run"
    checkpoints.Checkpoints.on_train_batch_end = stop_in_the_middle
    try:
        train.train(settings, run, verbose=0, deterministic=True)
        raise SystemExit(f"{name} was not stopped")
    except checkpoints.Interrupted:
        pass
    finally:
        checkpoints.Checkpoints.on_train_batch_end = ON_TRAIN_BATCH_END
    path, state = checkpoints.newest(run / "checkpoints")
    assert state.step == STOP
    gan = keras.saving.load_model(path / "model.keras")
    expected[f"{name}/stopped"] = samples(gan)
    for player in ("g_optimizer", "d_optimizer"):
        values = [v.numpy().ravel() for v in getattr(gan, player).variables]
        expected[f"{name}/{player}"] = np.array([np.abs(v).sum(dtype="float64") for v in values])

    with tempfile.TemporaryDirectory() as temporary:
        finished = Path(temporary, "run")
        shutil.copytree(run, finished)
        result = train.train(settings, finished, verbose=0, deterministic=True)
        end = keras.saving.load_model(finished / "model.keras")
        expected[f"{name}/finished"] = samples(end)
        expected[f"{name}/history"] = np.array((finished / "history.csv").read_text())
    for item in run.iterdir():
        if item.name not in (*RUN_FILES, "checkpoints"):
            shutil.rmtree(item) if item.is_dir() else item.unlink()

    entry = folder / name / "entry"
    entry.mkdir()
    recipe.write(settings, entry / "recipe.toml")
    gan.inference_generator.save_weights(entry / zoo.WEIGHTS)
    result["files"] = {zoo.WEIGHTS: hashing.of_file(entry / zoo.WEIGHTS)}
    result["weights_sha256"] = provenance.weights_sha256(gan.inference_generator)
    (entry / "result.json").write_text(json.dumps(result))
    expected[f"{name}/entry"] = samples(zoo.load_entry(entry))


def main(target):
    with tempfile.TemporaryDirectory() as temporary:
        folder, expected = Path(temporary), {}
        for name in models.names():
            print(name, flush=True)
            make(name, folder, expected)
        np.savez(folder / "expected.npz", **expected)
        with tarfile.open(target, "w:xz") as archive:
            archive.add(folder, arcname="first_edition")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix("")).resolve())
