"""Two processes train like one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import contract
import keras
import pytest

from kerasgan.training.train import train_recipe, without_places
from kerasgan.training.workers import free_ports

# The scores here come from a few images and are never used.
pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")

RECIPE = """
[model]
name = "dcgan"
width = 8
[data]
split = "train[:640]"
[training]
epochs = {epochs}
checkpoint_minutes = 0.02
[g_optimizer]
name = "sgd"
learning_rate = 1e-4
[d_optimizer]
name = "sgd"
learning_rate = 1e-4
[evaluation]
num = 2
"""


def recipe(epochs):
    from kerasgan.training import recipe as recipes

    return recipes.complete(recipes.tomllib.loads(RECIPE.format(epochs=epochs)))


def test_workers_may_have_data_and_weights_elsewhere():
    def tables(**data):
        return without_places(recipe(1).replace(data=data).tables())

    a, b = (tables(name=f"/home/{user}/photos", source=f"/home/{user}/drawings") for user in "ab")
    assert a == b
    assert tables(batch_size=8) != tables(batch_size=16)


@pytest.fixture
def launch(tmp_path):
    """Returns a function that starts two workers on a recipe; kills them at the end of the test."""
    launchers = []

    def start(epochs):
        path = tmp_path / "recipe.toml"
        path.write_text(RECIPE.format(epochs=epochs))
        command = [sys.executable, "-m", "kerasgan_cli", "launch", "--workers", "2", str(path)]
        launchers.append(
            subprocess.Popen(
                [*command, "--output", str(tmp_path / "run")],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return launchers[-1]

    yield start
    for launcher in launchers:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(launcher.pid, signal.SIGKILL)
        launcher.communicate()


def final_weights(run):
    return contract.weights(keras.saving.load_model(run / "model.keras").generator)


def newest_step(folder):
    states = sorted((folder / "run" / "checkpoints").glob("step_*/state.json"))
    return json.loads(states[-1].read_text())["step"] if states else 0


def wait_for_step(folder, step, launcher, seconds=240):
    """Waits for a checkpoint of at least that step."""
    deadline = time.monotonic() + seconds
    while newest_step(folder) < step:
        assert launcher.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)


def workers(launcher):
    """Returns the process ids of a launcher's workers, chief first."""
    children = subprocess.run(
        ["pgrep", "-P", str(launcher.pid)], capture_output=True, text=True, check=True
    )
    return sorted(map(int, children.stdout.split()))


@pytest.mark.slow
def test_two_workers_train_as_one_process(launch, tmp_path):
    train_recipe(recipe(epochs=2), tmp_path / "alone", verbose=0)
    launcher = launch(epochs=2)
    output, _ = launcher.communicate(timeout=300)
    assert launcher.returncode == 0, output[-2000:]
    assert "2 replicas" in output
    alone, together = final_weights(tmp_path / "alone"), final_weights(tmp_path / "run")
    assert contract.largest_difference(alone, together) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    "killed, code", [pytest.param(0, 137, id="chief"), pytest.param(1, 1, id="follower")]
)
def test_a_dead_worker_stops_the_other_and_a_restart_resumes(killed, code, launch, tmp_path):
    launcher = launch(epochs=2000)
    wait_for_step(tmp_path, 10, launcher)
    os.kill(workers(launcher)[killed], signal.SIGKILL)
    output, _ = launcher.communicate(timeout=120)
    assert launcher.returncode == code, output[-2000:]
    assert "kerasgan: Another worker is gone" in output

    launcher = launch(epochs=2000)
    wait_for_step(tmp_path, newest_step(tmp_path) + 10, launcher)
    launcher.send_signal(signal.SIGTERM)
    output, _ = launcher.communicate(timeout=120)
    assert launcher.returncode == 130, output[-2000:]
    assert "Going on after step" in output
    assert "which is saved. The same command goes on from there." in output


FOLLOWED = """
import sys
from kerasgan.training import strategies

strategy = strategies.strategy("multi_worker")
import keras
import numpy as np
import kerasgan


class Follows(keras.callbacks.Callback):
    seen = 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1


with strategy.scope():
    gan = kerasgan.DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile()
images = np.random.default_rng(0).integers(0, 256, (480, 8, 8, 1), dtype=np.uint8)
follows = Follows()
kerasgan.train(gan, images, sys.argv[1], epochs=2, batch_size=8, callbacks=[follows], verbose=0)
print("seen", follows.seen, "of", gan.images_seen.numpy() // 8)
"""


@pytest.mark.slow
def test_a_callback_of_the_chief_that_follows_each_step_stops_no_other_worker(tmp_path):
    (tmp_path / "followed.py").write_text(FOLLOWED)
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    started = []
    for index in range(2):
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        started.append(
            subprocess.Popen(
                [sys.executable, "followed.py", "run"],
                cwd=tmp_path,
                env={**os.environ, "TF_CONFIG": json.dumps(config), "CUDA_VISIBLE_DEVICES": ""},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    try:
        told = [each.communicate(timeout=300)[0] for each in started]
    finally:
        for each in started:
            each.kill()
    assert [each.returncode for each in started] == [0, 0], told
    assert "seen 120 of 120" in told[0] and "seen 0 of 120" in told[1]
