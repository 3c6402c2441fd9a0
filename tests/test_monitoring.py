"""Keras's own callbacks and optimizers, on a model that has two of everything."""

import json

import keras
import numpy as np
import pytest

from kerasgan import DCGAN, callbacks
from kerasgan.utils.errors import UserError

IMAGES = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 1)).astype("float32")


@pytest.fixture
def gan():
    gan = DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.25))
    return gan


def fit(gan, *used, epochs=1):
    return gan.fit(IMAGES, batch_size=8, epochs=epochs, verbose=0, callbacks=list(used)).history


class Scores(callbacks.FrechetDistance):
    """Logs given numbers in place of measured ones."""

    def __init__(self, scores, every=1):
        super().__init__(IMAGES, every)
        self.scores = iter(scores)

    def on_epoch_end(self, epoch, logs=None):
        scored = (epoch + 1) % self.every == 0
        logs["frechet_distance"] = next(self.scores) if scored else float("nan")


def test_a_rate_is_scheduled_for_one_player(gan):
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = fit(gan, callbacks.for_optimizer("d", halve), epochs=2)
    assert float(gan.d_optimizer.learning_rate) == 0.0625
    assert float(gan.g_optimizer.learning_rate) == 0.5
    assert history["d_learning_rate"] == [0.125, 0.0625]


def test_a_rate_falls_on_a_plateau_of_a_players_own_monitor(gan):
    plateau = keras.callbacks.ReduceLROnPlateau("frechet_distance", factor=0.1, patience=1)
    scores = Scores([5.0, 4.0, 4.0])
    fit(gan, callbacks.for_optimizer("g", plateau), scores, epochs=3)
    assert float(gan.g_optimizer.learning_rate) == pytest.approx(0.05)
    assert float(gan.d_optimizer.learning_rate) == 0.25


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate),
        keras.callbacks.ReduceLROnPlateau("d_loss"),
    ],
)
def test_a_callback_for_one_optimizer_is_refused_with_the_way_to_say_which(gan, callback):
    with pytest.raises(UserError, match=r'say which, as in kerasgan.callbacks.for_optimizer\("g"'):
        fit(gan, callback)
    with pytest.raises(UserError, match="has the players g, d. Received: 'critic'"):
        fit(gan, callbacks.for_optimizer("critic", callback))


def test_averages_of_optimizers_are_refused_in_favour_of_ema_decay(gan):
    with pytest.raises(UserError, match="SwapEMAWeights .*`ema_decay=0.999`"):
        fit(gan, keras.callbacks.SwapEMAWeights())
    with pytest.raises(UserError, match="`use_ema` .*`ema_decay=0.999`"):
        gan.compile(keras.optimizers.SGD(0.1, use_ema=True))


def test_equal_names_make_two_optimizers(gan):
    gan.compile("sgd", "sgd")
    assert gan.g_optimizer is not gan.d_optimizer
    fit(gan)
    assert int(gan.g_optimizer.iterations) == int(gan.d_optimizer.iterations) == 2


@pytest.mark.parametrize("monitor", ["d_loss", "frechet_distance"])
def test_lower_is_better_without_a_mode(gan, monitor):
    stop = keras.callbacks.EarlyStopping(monitor, patience=1)
    fit(gan, stop, Scores([3.0, 2.0, 2.5, 1.0]), epochs=4)
    if monitor == "frechet_distance":
        assert stop.stopped_epoch == 2 and stop.best == 2.0


def test_patience_counts_scores_and_the_best_scored_epoch_is_kept(gan, tmp_path):
    stop = keras.callbacks.EarlyStopping("frechet_distance", patience=2)
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "{epoch:02d}.keras", monitor="frechet_distance", save_best_only=True
    )
    history = fit(gan, stop, best, Scores([9.0, 5.0, 7.0, 6.0, 1.0], every=2), epochs=10)
    # Scores at epochs 2, 4, 6 and 8; the best is that of epoch 4.
    assert len(history["d_loss"]) == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["02.keras", "04.keras"]
    assert (best.best, stop.best) == (5.0, 5.0)


def test_scores_come_before_callbacks_that_read_them(gan, tmp_path):
    log = tmp_path / "log.jsonl"
    write = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: log.write_text(json.dumps(logs))
    )
    fit(gan, write, Scores([4.0]))
    assert json.loads(log.read_text())["frechet_distance"] == 4.0


def test_terminate_on_nan_stops_at_the_first_nan_of_any_loss(gan):
    gan.generator.weights[0].assign(np.full(gan.generator.weights[0].shape, np.nan))
    fit(gan, keras.callbacks.TerminateOnNaN(), epochs=3)
    assert int(gan.d_optimizer.iterations) == 1


def test_a_loss_that_is_not_declared_is_refused_with_the_remedy():
    class More(DCGAN):
        def train_step(self, images):
            return self.end_step(d_loss=1.0, margin=2.0)

    gan = More((8, 8, 1), width=4)
    gan.compile()
    with pytest.raises(UserError, match="More logs d_loss, g_loss: add 'margin' to .*`log_names`"):
        fit(gan)


@pytest.mark.parametrize(
    "options",
    [
        {"clipnorm": 1e-3},
        {"global_clipnorm": 1e-3},
        {"clipvalue": 1e-4},
        {"weight_decay": 0.1},
        {"gradient_accumulation_steps": 2},
        {"loss_scale_factor": 64.0},
    ],
)
def test_options_of_optimizers_do_what_they_do_in_keras(options):
    """The same gradients through a plain Keras loop give the same weights."""

    def trained(options):
        keras.utils.set_random_seed(0)
        gan = DCGAN((8, 8, 1), width=4, seed=0)
        gan.compile(*(keras.optimizers.SGD(0.1, **options) for _ in range(2)))
        start = gan.discriminator.trainable_weights[0].numpy()
        gan.fit(IMAGES, batch_size=8, verbose=0)
        return gan.discriminator.trainable_weights[0].numpy() - start

    changed, plain = trained(options), trained({})
    assert np.isfinite(changed).all()
    if "loss_scale_factor" in options:
        np.testing.assert_allclose(changed, plain, rtol=1e-4, atol=1e-7)
    else:
        assert np.abs(changed - plain).max() > 1e-6
    if "clipvalue" in options:
        assert np.abs(changed).max() <= 2 * 0.1 * 1e-4 * 1.001
    if "clipnorm" in options:
        assert np.linalg.norm(changed) <= 2 * 0.1 * 1e-3 * 1.001


def test_a_list_of_keras_is_checked_and_kept(gan):
    rate = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate)
    with pytest.raises(UserError, match="say which, as in"):
        gan.fit(IMAGES, verbose=0, callbacks=keras.callbacks.CallbackList([rate], model=gan))
    seen = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    listed = keras.callbacks.CallbackList([note], add_history=True, model=gan)
    gan.fit(IMAGES, verbose=0, callbacks=listed)
    assert seen == [0]
