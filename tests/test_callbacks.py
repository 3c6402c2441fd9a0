"""Callbacks, on a DCGAN small enough to train within a test."""

import csv
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import DCGAN, ConditionalGAN, callbacks, data
from kerasgan.utils.errors import TrainingFailed
from kerasgan.viz import progress


@pytest.fixture
def gan():
    gan = DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile()
    return gan


def pictures(num=32):
    return np.random.default_rng(0).uniform(-1, 1, (num, 8, 8, 1)).astype("float32")


def read_pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def fit(gan, *given, epochs=1, images=None):
    images = pictures() if images is None else images
    return gan.fit(images, batch_size=8, epochs=epochs, verbose=0, callbacks=list(given))


def test_grids_show_the_same_latents_from_the_untrained_generator_on(gan, tmp_path):
    untrained = gan.sample(4, seed=3)
    grids = callbacks.SampleGrid(tmp_path, num=4, seed=3, log_dir=str(tmp_path / "tb"), zoom=1)
    fit(gan, grids, epochs=2)
    names = sorted(path.name for path in tmp_path.glob("*.png"))
    assert names == ["epoch_0000.png", "epoch_0001.png", "epoch_0002.png"]
    from kerasgan.utils import pixels

    for name, samples in (("epoch_0000.png", untrained), ("epoch_0002.png", gan.sample(4, seed=3))):
        assert (read_pixels(tmp_path / name) == pixels.grid(samples)[..., 0]).all()


def test_grids_go_to_tensorboard_too(gan, tmp_path):
    fit(gan, callbacks.SampleGrid(tmp_path, num=4, log_dir=str(tmp_path / "tb")))
    (events,) = (tmp_path / "tb").glob("events*")
    tags = {
        value.tag
        for record in tf.data.TFRecordDataset(str(events)).as_numpy_iterator()
        for value in tf.compat.v1.Event.FromString(record).summary.value
    }
    assert "samples" in tags


def test_a_progress_strip_stacks_first_rows_of_first_to_last_epoch(gan, tmp_path):
    fit(gan, callbacks.SampleGrid(tmp_path, num=4, zoom=1), epochs=5)
    shown = progress.progress_strip(
        tmp_path, tmp_path / "strip.png", image_shape=(8, 8, 1), rows=3, columns=2, zoom=1
    )
    assert shown[0] == 0 and shown[-1] == 5 and len(shown) == 3
    strip = read_pixels(tmp_path / "strip.png")
    last = read_pixels(tmp_path / "epoch_0005.png")
    assert strip.shape == (3 * 10 - 2, 18) and (strip[-8:] == last[:8]).all()


def test_a_progress_strip_without_grids_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="no epoch_"):
        progress.progress_strip(tmp_path, tmp_path / "strip.png", image_shape=(8, 8, 1))


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_the_frechet_distance_is_logged_every_k_epochs_and_reaches_the_csv(gan, tmp_path):
    real, _ = data.load_arrays("fashion_mnist_mini", "test[:12]", image_size=8)
    score = callbacks.FrechetDistance(real, every=2, num=12)
    history = fit(gan, score, keras.callbacks.CSVLogger(tmp_path / "a.csv"), epochs=2).history
    assert math.isnan(history["frechet_distance"][0])
    assert history["frechet_distance"][1] == pytest.approx(
        gan.evaluate(real, num=12, verbose=0)["frechet_distance"]
    )
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert float(rows[1]["frechet_distance"]) == pytest.approx(history["frechet_distance"][1])


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_network_that_turns_nan_stops_training_and_is_named(gan, network):
    part = getattr(gan, network)
    part.set_weights([np.full_like(weight, np.nan) for weight in part.get_weights()])
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    message = f"epoch 1, .*step 2: .*NaN or infinite .*not finite: in .*{network}"
    with pytest.raises(TrainingFailed, match=message):
        fit(gan, callbacks.StopOnNonFinite(every=2))


def test_losses_are_checked_when_one_call_runs_several_steps(gan):
    gan.generator.weights[0].assign(np.full(gan.generator.weights[0].shape, np.nan))
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), steps_per_execution=3)
    with pytest.raises(TrainingFailed, match="within 2 steps before step 3"):
        fit(gan, callbacks.StopOnNonFinite(every=2))


def test_a_healthy_training_is_not_stopped(gan):
    assert len(fit(gan, callbacks.StopOnNonFinite(every=1)).epoch) == 1


def test_a_collapsed_generator_and_a_saturated_discriminator_warn_once_each(gan):
    collapsed = callbacks.WarnOnCollapse(num=4, least=10.0, saturated=0.0, after=0)
    with pytest.warns(UserWarning, match="Epoch 1: the generator makes the same image") as told:
        fit(gan, collapsed, epochs=3)
    assert len(told) == 1
    saturated = callbacks.WarnOnCollapse(num=4, least=0.0, saturated=100.0, after=0)
    with pytest.warns(UserWarning, match="tells real from generated without fail") as told:
        fit(gan, saturated, epochs=3)
    assert len(told) == 1


def test_a_training_that_has_just_started_does_not_warn(gan):
    watch = callbacks.WarnOnCollapse(num=4, least=10.0, saturated=100.0)
    fit(gan, watch)


def test_a_second_fit_numbers_its_grids_on(gan, tmp_path):
    for _ in range(2):
        fit(gan, callbacks.SampleGrid(tmp_path, num=4), epochs=2)
    names = sorted(path.name for path in tmp_path.glob("*.png"))
    assert names == [f"epoch_{i:04}.png" for i in range(5)]


def test_grids_within_a_budget_come_after_epochs_1_2_4_and_the_last(gan, tmp_path, monkeypatch):
    monkeypatch.setattr("kerasgan.callbacks.samples.SHARE", 0.0)
    fit(gan, callbacks.SampleGrid(tmp_path, num=4, every=0), epochs=7)
    names = sorted(path.name for path in tmp_path.glob("*.png"))
    assert names == [f"epoch_{i:04}.png" for i in (0, 1, 2, 4, 7)]


def test_collapse_is_watched_within_each_class():
    labels = np.arange(32) % 2
    gan = ConditionalGAN((8, 8, 1), 2, width=60, seed=0)
    gan.compile()
    network = gan.generator
    first, *others = [layer for layer in network.layers if layer.get_weights()]
    assert first.input.shape[-1] == 100  # z, which a collapsed generator ignores
    first.set_weights([np.zeros_like(weight) for weight in first.get_weights()])
    gan.compile(*(keras.optimizers.SGD(0.0) for _ in range(2)))
    watch = callbacks.WarnOnCollapse(num=8, after=0, saturated=0.0)
    with pytest.warns(UserWarning, match="makes the same image of a class from any latents"):
        gan.fit(pictures(), labels, batch_size=8, verbose=0, callbacks=[watch])


def test_the_average_of_a_model_compiled_anew_follows_at_once(tmp_path):
    gan = DCGAN((8, 8, 1), width=4, seed=0, ema_decay=0.9995)

    def share():
        """The share of the generator's way that its average has gone in a training."""
        gan.compile(*(keras.optimizers.SGD(0.1) for _ in range(2)))
        start = flat(gan.ema_generator) if int(gan.images_seen) else flat(gan.generator)
        gan.fit(pictures(), batch_size=8, epochs=3, verbose=0)
        went = np.abs(flat(gan.ema_generator) - start).sum()
        return went / np.abs(flat(gan.generator) - start).sum()

    assert share() < 0.02
    gan.save(tmp_path / "gan.keras")
    gan = keras.saving.load_model(tmp_path / "gan.keras")
    assert share() > 0.5


def flat(network):
    return np.concatenate([weight.ravel() for weight in network.get_weights()])
