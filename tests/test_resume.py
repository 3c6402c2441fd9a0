"""Interrupted, killed, damaged or changed runs: nothing is lost, and everything is reported."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasgan import data, models
from kerasgan.training import checkpoints, recipe, runs
from kerasgan.training.checkpoints import Checkpoints, Interrupted
from kerasgan.training.train import train_recipe as train
from kerasgan.utils.errors import TrainingFailed, UserError

pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
COMMAND = Path(sys.executable).parent / "kerasgan"
TINY = recipe.complete(
    {
        "model": {"name": "dcgan", "width": 4, "ema_decay": 0.9},
        "data": {"image_size": 8, "batch_size": 500},
        "training": {"epochs": 2, "checkpoint_minutes": 0.0, "checkpoints": 100},
        "evaluation": {"num": 20},
    }
)
STEPS = 20  # in an epoch: 10,000 images in batches of 500


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


# --- The data of a step ---


def test_each_epoch_shows_each_image_once_in_a_different_order():
    images = np.arange(12, dtype="uint8").reshape(12, 1, 1, 1)
    shown = np.array([np.ravel(batch) for batch in data.steps(images, None, 4, seed=3, stop=9)])
    shown = np.round((shown + 1) * 127.5).astype(int).reshape(3, 12)
    assert [sorted(epoch) for epoch in shown.tolist()] == [list(range(12))] * 3
    assert len({tuple(epoch) for epoch in shown.tolist()}) == 3


def test_the_data_of_a_step_does_not_depend_on_where_training_started():
    images, labels = data.load_arrays("fashion_mnist_mini", "train[:100]")
    whole = list(data.steps(images, labels, 8, seed=1, stop=30))
    for start in (1, 12, 25):
        part = list(data.steps(images, labels, 8, seed=1, start=start, stop=30))
        assert len(part) == 30 - start
        for (x, y), (expected_x, expected_y) in zip(part, whole[start:], strict=True):
            np.testing.assert_array_equal(x, expected_x)
            np.testing.assert_array_equal(y, expected_y)
    other = next(iter(data.steps(images, labels, 8, seed=2)))
    assert np.abs(other[0] - whole[0][0]).max() > 0.1


# --- Runs ---


def interrupt_after(step, monkeypatch):
    """Sends SIGTERM to this process during the given training step."""
    save = Checkpoints.save

    def save_and_signal(self):
        save(self)
        if self.state.step == step and not self.signal:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Checkpoints, "save", save_and_signal)


@pytest.mark.slow
def test_the_precision_that_auto_found_holds_on_any_machine_that_goes_on(tmp_path, monkeypatch):
    found = iter(["mixed_bfloat16", "float32"])
    monkeypatch.setattr("kerasgan.training.train.fastest_policy", lambda: next(found))
    wanted = TINY.replace(training={"precision": "auto"})
    with monkeypatch.context() as patch:
        interrupt_after(3, patch)
        with pytest.raises(Interrupted):
            train(wanted, tmp_path / "run", verbose=0)
    train(wanted, tmp_path / "run", verbose=0)
    assert recipe.read(tmp_path / "run" / "recipe.toml").training.precision == "mixed_bfloat16"
    gan = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert gan.generator.layers[1].compute_dtype == "bfloat16"


def test_a_run_resumes_in_the_middle_of_an_epoch_as_if_uninterrupted(tmp_path, monkeypatch):
    straight = train(TINY, tmp_path / "straight", verbose=0)
    with monkeypatch.context() as patch:
        interrupt_after(7, patch)
        with pytest.raises(Interrupted, match="Interrupted after step 7, which is saved"):
            train(TINY, tmp_path / "halted", verbose=0)
    resumed = train(TINY, tmp_path / "halted", verbose=0)
    assert resumed["steps"] == straight["steps"] == 2 * STEPS
    # Bit-identical with --deterministic (below); here sums over threads may round differently.
    first, second = (
        keras.saving.load_model(tmp_path / name / "model.keras") for name in ("straight", "halted")
    )
    np.testing.assert_allclose(first.sample(4, seed=0), second.sample(4, seed=0), atol=1e-3)
    rows = [
        np.genfromtxt(tmp_path / name / "history.csv", delimiter=",", names=True)
        for name in ("straight", "halted")
    ]
    assert rows[0]["epoch"].tolist() == rows[1]["epoch"].tolist() == [0, 1]
    np.testing.assert_allclose(rows[0]["d_loss"], rows[1]["d_loss"], rtol=1e-3)
    assert {p.name for p in (tmp_path / "halted" / "samples").iterdir()} == {
        f"epoch_{i:04}.png" for i in range(3)
    }


def test_a_finished_run_is_left_as_it_is(tmp_path, capsys):
    result = train(TINY, tmp_path / "run", verbose=0)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.keras")}
    assert train(TINY, tmp_path / "run") == result
    assert "holds this run, finished" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.keras")}


def test_a_changed_recipe_is_refused_with_its_keys_unless_allowed(tmp_path):
    train(TINY, tmp_path / "run", verbose=0)
    other = TINY.replace(training={"epochs": 3}, g_optimizer={"learning_rate": 1e-5})
    with pytest.raises(
        UserError,
        match=r"another training \(g_optimizer.learning_rate: None -> 1e-05; "
        r"training.epochs: 2 -> 3\).*--change-recipe",
    ):
        train(other, tmp_path / "run", verbose=0)
    result = train(other, tmp_path / "run", change_recipe=True, verbose=0)
    assert result["steps"] == 3 * STEPS
    gan = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert float(gan.g_optimizer.learning_rate.numpy()) == pytest.approx(1e-5)
    assert recipe.read(tmp_path / "run" / "recipe.toml") == other


def test_an_attempt_without_a_checkpoint_leaves_no_pictures_to_the_next(tmp_path):
    run = tmp_path / "run"
    for name in (runs.MARKER, "samples/epoch_0016.png", "history.csv", "tensorboard/events.old"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).touch()
    train(TINY.replace(training={"epochs": 1}), run, verbose=0)
    assert sorted(os.listdir(run / "samples")) == ["epoch_0000.png", "epoch_0001.png"]
    assert len((run / "history.csv").read_text().splitlines()) == 2
    assert not (run / "tensorboard" / "events.old").exists()


@pytest.mark.slow
def test_a_change_that_does_not_fit_changes_nothing(tmp_path):
    train(TINY, tmp_path / "run", verbose=0)
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    for other, message in (
        (TINY.replace(model={"width": 8}), "does not fit the model"),
        (TINY.replace(data={"batch_size": 250}), "was trained with 20 steps an epoch, now 40"),
    ):
        with pytest.raises(UserError, match=message):
            train(other, tmp_path / "run", change_recipe=True, verbose=0)
        assert before == {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
def test_a_changed_recipe_replaces_the_papers_schedule_by_a_rate(tmp_path):
    vanilla = TINY.replace(model={"name": "vanilla", "width": 8}, training={"epochs": 1})
    train(vanilla, tmp_path / "run", verbose=0)
    other = vanilla.replace(g_optimizer={"learning_rate": 1e-3}, training={"epochs": 2})
    with pytest.warns(UserWarning, match="An optimizer starts anew"):
        train(other, tmp_path / "run", change_recipe=True, verbose=0)
    gan = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert float(gan.g_optimizer.learning_rate.numpy()) == pytest.approx(1e-3)


@pytest.mark.slow
def test_a_score_may_be_requested_later(tmp_path):
    train(TINY.replace(training={"epochs": 1}), tmp_path / "run", verbose=0)
    train(TINY.replace(evaluation={"every": 1}), tmp_path / "run", change_recipe=True, verbose=0)
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert rows[0] == "epoch,d_loss,g_loss,frechet_distance"
    assert rows[1].endswith(",nan") and not rows[2].endswith(",nan")


def test_settings_that_cannot_train_leave_no_directory(tmp_path):
    for wrong in (
        {"model": {"name": "wgan_gp", "width": 8, "n_critic": 3}},
        {"data": {"batch_size": 20_000}},
    ):
        settings = recipe.complete({**TINY.tables(), **wrong})
        with pytest.raises(UserError, match="divisible by 3|fill one batch"):
            train(settings, tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_training_in_a_thread_works_without_signals(tmp_path):
    with ThreadPoolExecutor() as pool:
        result = pool.submit(train, TINY, tmp_path / "run", verbose=0).result()
    assert result["steps"] == 2 * STEPS


@pytest.mark.slow
def test_leftovers_of_killed_writes_are_deleted(tmp_path):
    train(TINY, tmp_path / "run", verbose=0)
    (tmp_path / "run" / "result.json").unlink()
    (tmp_path / "run" / "checkpoints" / ".partial-0a-step_00000050").mkdir()
    (tmp_path / "run" / ".partial-0a-model.keras").write_bytes(b"half")
    (tmp_path / "run" / "mine.txt").write_text("kept")
    train(TINY, tmp_path / "run", verbose=0)
    assert not [path for path in (tmp_path / "run").rglob("*") if "partial" in path.name]
    assert (tmp_path / "run" / "mine.txt").read_text() == "kept"


@pytest.mark.slow
def test_a_diverging_run_names_step_network_and_last_good_checkpoint(tmp_path):
    one = TINY.replace(training={"epochs": 1})
    wild = TINY.replace(d_optimizer={"name": "sgd", "learning_rate": 1e38})
    with pytest.raises(TrainingFailed, match="step 1: the .* NaN or infinite.*no checkpoint"):
        train(wild, tmp_path / "wild", verbose=0)
    train(one, tmp_path / "run", verbose=0)
    good = tmp_path / "run" / "checkpoints" / "step_0000002"
    with pytest.raises(TrainingFailed, match=f"step 2[12]: .*good checkpoint is {good}"):
        wild = TINY.replace(g_optimizer={"learning_rate": 1e38})
        train(wild, tmp_path / "run", change_recipe=True, verbose=0)


def test_two_processes_do_not_write_to_one_run(tmp_path):
    from kerasgan.training import runs

    record = runs.Recipe(TINY)
    with runs.opened(tmp_path / "run", record):
        with pytest.raises(UserError, match="Another process is at work in"):
            with runs.opened(tmp_path / "run", record):
                pass


def test_a_directory_that_cannot_be_written_is_reported_before_training(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="Cannot write to .*Not a directory"):
        train(TINY, tmp_path / "file" / "run", verbose=0)


# --- Killed runs end bit-identical ---


def command(settings, folder, path):
    recipe.write(settings, path)
    return [COMMAND, "train", path, "--output", folder, "--deterministic"]


def weights_of(folder):
    return json.loads((folder / "result.json").read_text())["weights_sha256"]


def kill_after(arguments, moment):
    """Runs a command, kills it after seconds or when a function returns; tells if it was alive."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        if callable(moment):
            moment(process)
        else:
            process.wait(moment)
    except subprocess.TimeoutExpired:
        pass
    process.kill()
    output, _ = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), output.decode()[-2000:]
    return process.returncode != 0


def steps_saved(folder):
    return [int(path.name[5:]) for path in checkpoints.found(folder / "checkpoints")]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in models.names() if name != "wavegan"])
def test_a_killed_run_ends_with_the_same_bits_as_an_uninterrupted_one(name, tmp_path):
    arguments = {
        **{"width": 8, "ema_decay": 0.9, "n_critic": 2, "num_classes": 10},
        **{"patch_size": 16, "blocks": 1},
    }
    side = {"lapgan": 16, "pix2pix": 16, "cyclegan": 16, "next_frame": 32}.get(name, 8)
    given = {
        "pix2pix": {"source": "outline"},
        "cyclegan": {"source": "outline"},
        "next_frame": {"name": "moving_fashion_mnist"},
    }
    known = {
        key: value
        for key, value in arguments.items()
        if key in recipe.model_arguments(models.get(name))
    }
    about = {"image_size": side, **given.get(name, {})}
    tables = TINY.replace(data=about, training={"checkpoints": 3}).tables()
    settings = recipe.complete({**tables, "model": {"name": name, **known}})
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    subprocess.run(command(settings, straight, tmp_path / "a.toml"), check=True, timeout=600)

    def in_mid_training(process):
        while process.poll() is None and max(steps_saved(killed), default=0) < STEPS // 2:
            time.sleep(0.01)

    arguments = command(settings, killed, tmp_path / "b.toml")
    assert kill_after(arguments, in_mid_training)
    assert STEPS // 2 <= max(steps_saved(killed)) < 2 * STEPS
    subprocess.run(arguments, check=True, timeout=600)
    assert weights_of(killed) == weights_of(straight)
    histories = [(folder / "history.csv").read_text() for folder in (straight, killed)]
    assert histories[0] == histories[1]


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_no_checkpoint(tmp_path):
    settings = TINY.replace(training={"epochs": 30, "checkpoints": 3})
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    quick = settings.replace(training={"checkpoint_minutes": 60.0})
    subprocess.run(command(quick, straight, tmp_path / "a.toml"), check=True, timeout=900)
    arguments = command(settings, killed, tmp_path / "b.toml")
    moments = random.Random(0)
    kills, reached = 0, 0
    while kills < 20:
        kills += kill_after(arguments, moments.uniform(0.5, 16.0))
        saved = steps_saved(killed)
        assert max(saved, default=0) >= reached, "a checkpoint was lost"
        for path in checkpoints.found(killed / "checkpoints"):
            checkpoints.read(path)
        reached = max(saved, default=0)
        assert not (killed / "result.json").exists(), f"it ended after {kills} kills"
    subprocess.run(arguments, check=True, timeout=900)
    assert weights_of(killed) == weights_of(straight)
    assert (killed / "history.csv").read_text() == (straight / "history.csv").read_text()
