"""Experiment trackers' own Keras callbacks, which read `model.optimizer`."""

import keras
import numpy as np
import pytest

from kerasgan import DCGAN, CycleGAN
from kerasgan.utils.errors import UserError

IMAGES = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 1)).astype("float32")


class Tracker(keras.callbacks.Callback):
    """Reads what MLflow's and Weights & Biases' callbacks read."""

    log_every_epoch = True

    def on_train_begin(self, logs=None):
        self.config, self.seen, self.calls = self.model.optimizer.get_config(), [], 0

    def on_batch_end(self, batch, logs=None):
        self.calls += 1

    def on_epoch_end(self, epoch, logs=None):
        optimizer = self.model.optimizer
        rate, iterations = optimizer.learning_rate.numpy(), optimizer.iterations.numpy()
        self.seen.append((float(rate), int(iterations), dict(logs)))


@pytest.fixture
def gan():
    gan = DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.25))
    return gan


def test_a_tracker_reads_the_optimizers_of_all_players(gan):
    tracker = Tracker()
    gan.fit(IMAGES, batch_size=8, epochs=2, verbose=0, callbacks=[tracker])
    assert (tracker.config["g_learning_rate"], tracker.config["d_learning_rate"]) == (0.5, 0.25)
    assert [(rate, steps) for rate, steps, _ in tracker.seen] == [(0.5, 2), (0.5, 4)]
    assert {"d_loss", "g_loss"} <= set(tracker.seen[-1][2])


def test_a_tracker_that_logs_by_epoch_does_not_slow_training_down(gan):
    gan.compile(steps_per_execution=2)
    tracker = Tracker()
    gan.fit(IMAGES, batch_size=4, verbose=0, callbacks=[tracker])
    assert tracker.calls == 2  # one for two steps
    gan.compile()
    gan.pace.start(gan.distribute_strategy, [tracker], steps=4)
    assert not gan.pace.single_steps
    tracker.log_every_epoch = False
    gan.pace.start(gan.distribute_strategy, [tracker], steps=4)
    assert gan.pace.single_steps


def test_the_optimizer_of_all_players_cannot_be_changed(gan):
    with pytest.raises(
        UserError, match="has 2 optimizers: set learning_rate of one, such as `gan.g"
    ):
        gan.optimizer.learning_rate = 0.1


def test_a_model_of_more_players_and_scaled_losses_has_one_too():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        gan = CycleGAN((24, 24, 1), (24, 24, 1), width=4, seed=0)
        gan.compile()
    finally:
        keras.config.set_dtype_policy("float32")
    config = gan.optimizer.get_config()
    assert {name.partition("_")[0] for name in config} >= {
        name.partition("_")[0] for name in gan.players
    }
    assert int(gan.optimizer.iterations) == 0 and float(gan.optimizer.learning_rate) > 0


def test_the_optimizer_of_all_players_is_not_saved(gan, tmp_path):
    gan.save(tmp_path / "a.keras")
    same = keras.saving.load_model(tmp_path / "a.keras")
    assert same.optimizer.get_config() == gan.optimizer.get_config()
    assert same.optimizer.gan is same


@pytest.mark.export
def test_mlflows_callback_logs_both_players(gan, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    from mlflow.keras import MlflowCallback

    monkeypatch.setenv("MLFLOW_TESTING", "true")  # its callbacks raise, where they only warn
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # databases need the whole of MLflow
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    with mlflow.start_run() as run:
        gan.fit(IMAGES, batch_size=8, epochs=3, verbose=0, callbacks=[MlflowCallback()])
    client = mlflow.MlflowClient()
    data = client.get_run(run.info.run_id).data
    assert {"d_loss", "g_loss"} <= set(data.metrics)
    history = client.get_metric_history(run.info.run_id, "g_loss")
    assert [each.step for each in history] == [0, 1, 2]
    assert data.params["optimizer_g_learning_rate"] == "0.5"
    assert data.params["optimizer_d_learning_rate"] == "0.25"


@pytest.mark.export
def test_weights_and_biases_callback_logs_both_players_offline(gan, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(project="gans", dir=tmp_path) as run:
        from wandb.integration.keras import WandbMetricsLogger

        gan.fit(IMAGES, batch_size=8, epochs=3, verbose=0, callbacks=[WandbMetricsLogger()])
        logged = dict(run.summary)
    assert {"epoch/d_loss", "epoch/g_loss"} <= set(logged)
    assert logged["epoch/learning_rate"] == 0.5 and logged["epoch/epoch"] == 2
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
