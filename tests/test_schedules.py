"""Values scheduled by the number of images seen, and repeated updates."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import schedules
from kerasgan.utils.errors import UserError


def pictures(num=12):
    return np.random.default_rng(0).uniform(-1, 1, (num, 8, 8, 1)).astype("float32")


def test_a_schedule_goes_from_one_value_to_the_other_and_stays():
    linear, cosine = schedules.Linear(0.5, 0.7, 100), schedules.Cosine(0.5, 0.7, 100)
    counts = (0, 25, 50, 100, 1000)
    np.testing.assert_allclose([linear(n) for n in counts], [0.5, 0.55, 0.6, 0.7, 0.7], rtol=1e-6)
    half = 0.5 + 0.2 * (1 - np.cos(np.pi / 4)) / 2
    np.testing.assert_allclose([cosine(n) for n in counts], [0.5, half, 0.6, 0.7, 0.7], rtol=1e-6)
    step = schedules.Step(0.5, 0.7, 100)
    np.testing.assert_allclose([step(n) for n in counts], [0.5, 0.5, 0.5, 0.7, 0.7], rtol=1e-6)


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_momentum_that_rises_is_its_formula(nesterov):
    momentum = schedules.Linear(0.5, 0.9, images=4)
    optimizer = schedules.SGD(0.1, momentum, nesterov=nesterov)
    weight = tf.Variable([1.0, -2.0])
    optimizer.build([weight])
    value, velocity = np.array([1.0, -2.0]), np.zeros(2)
    for step in range(6):
        gradient = value * (step + 1)
        optimizer.apply([tf.constant(gradient, tf.float32)], [weight])
        m = min(0.5 + 0.1 * step, 0.9)
        velocity = m * velocity - 0.1 * gradient
        value = value + (m * velocity - 0.1 * gradient if nesterov else velocity)
        np.testing.assert_allclose(weight.numpy(), value, rtol=1e-5)


def test_sgd_of_a_number_is_keras_s():
    weights = [tf.Variable([1.0, -2.0]) for _ in range(2)]
    for each, weight in zip((schedules.SGD, keras.optimizers.SGD), weights, strict=True):
        optimizer = each(0.1, momentum=0.5)
        optimizer.build([weight])
        for _ in range(3):
            optimizer.apply([tf.constant([0.3, 0.1])], [weight])
    np.testing.assert_array_equal(*(weight.numpy() for weight in weights))


def test_adam_with_a_beta_2_that_rises_is_its_formula():
    optimizer = schedules.Adam(0.1, 0.0, schedules.Linear(0.9, 0.99, images=3), epsilon=1e-7)
    weight = tf.Variable([1.0])
    optimizer.build([weight])
    value, v = 1.0, 0.0
    for step in range(5):
        gradient = value * (step + 1)
        optimizer.apply([tf.constant([gradient], tf.float32)], [weight])
        beta = min(0.9 + 0.03 * step, 0.99)
        v = beta * v + (1 - beta) * gradient**2
        value -= 0.1 * np.sqrt(1 - beta ** (step + 1)) * gradient / (np.sqrt(v) + 1e-7)
        np.testing.assert_allclose(weight.numpy(), [value], rtol=1e-4)


def test_momentum_follows_the_images_that_the_model_has_seen_also_after_loading(tmp_path):
    gan = kerasgan.VanillaGAN((8, 8, 1), width=8)
    gan.compile()
    gan.fit(pictures(), batch_size=4, verbose=0)
    assert int(gan.images_seen) == 12
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for each in (gan, loaded):
        momentum = each.g_optimizer.momentum_schedule
        each.images_seen.assign(125 * 50_000)
        np.testing.assert_allclose(float(momentum(0)), 0.6, rtol=1e-6)
        each.images_seen.assign(10**9)
        np.testing.assert_allclose(float(momentum(0)), 0.7, rtol=1e-6)


def test_an_average_may_follow_a_schedule(tmp_path):
    gan = kerasgan.DCGAN((8, 8, 1), width=4, ema_decay=schedules.Linear(0.0, 1.0, images=8))
    gan.compile()
    gan.fit(pictures(8), batch_size=4, verbose=0)
    before = gan.ema_generator.get_weights()
    gan.fit(pictures(8), batch_size=4, verbose=0)  # the decay is now 1: the average is constant
    for old, new in zip(before, gan.ema_generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.ema_decay.get_config() == gan.ema_decay.get_config()


def test_a_half_life_in_images_means_the_same_for_every_batch_size(tmp_path):
    half_life = schedules.HalfLife(schedules.Linear(0, 64, images=64))
    assert float(half_life.decay(0, 4)) == 0.0
    np.testing.assert_allclose(half_life.decay(32, 32), 0.5)
    np.testing.assert_allclose(half_life.decay(32, 8) ** 4, 0.5, rtol=1e-6)
    np.testing.assert_allclose(half_life.decay(10**9, 64), 0.5, rtol=1e-6)
    gan = kerasgan.DCGAN((8, 8, 1), width=4, ema_decay=half_life)
    gan.compile()
    start = gan.generator.get_weights()
    gan.fit(pictures(4), batch_size=4, verbose=0)  # 4 images seen: a half-life of 4
    averages, weights = gan.ema_generator.get_weights(), gan.generator.get_weights()
    for old, average, new in zip(start, averages, weights, strict=True):
        np.testing.assert_allclose(average, (old + new) / 2, atol=1e-6)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.ema_decay.get_config() == half_life.get_config()


def test_optimizers_may_depend_on_the_constructor_s_arguments():
    class Slow(kerasgan.DCGAN):
        def paper_optimizers(self):
            return [keras.optimizers.SGD(self.width / 1000) for _ in range(2)]

    gan = Slow((8, 8, 1), width=4)
    gan.compile()
    assert float(gan.g_optimizer.learning_rate) == pytest.approx(0.004)


def test_a_schedule_of_an_optimizer_that_scales_losses_follows_the_images_seen():
    gan = kerasgan.DCGAN((8, 8, 1), width=4)
    adam = keras.optimizers.Adam(schedules.Linear(0.0, 1.0, images=100))
    gan.compile(g_optimizer=keras.optimizers.LossScaleOptimizer(adam))
    gan.images_seen.assign(50)
    assert float(adam.learning_rate) == pytest.approx(0.5)


@pytest.mark.parametrize("model", ["WGANGP", "SNGAN"])
def test_repeated_updates_are_those_of_a_loop_written_out(model):
    weights, logs = [], []
    for eager in (False, True):
        keras.utils.set_random_seed(0)
        gan = getattr(kerasgan, model)((8, 8, 1), width=4, n_critic=3, seed=1)
        gan.compile(keras.optimizers.SGD(1e-3), keras.optimizers.SGD(1e-3), run_eagerly=eager)
        logs.append(gan.fit(pictures(), batch_size=12, shuffle=False, verbose=0).history)
        assert int(gan.d_optimizer.iterations) == 3 and int(gan.g_optimizer.iterations) == 1
        weights.append(gan.get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_allclose(first, second, atol=2e-6)
    assert {k: pytest.approx(v, rel=1e-4, abs=1e-6) for k, v in logs[0].items()} == logs[1]


def test_players_that_do_not_exist_or_share_an_optimizer_are_refused():
    gan = kerasgan.DCGAN((8, 8, 1), width=4)
    with pytest.raises(UserError, match="has g_optimizer, d_optimizer. Received: f_optimizer"):
        gan.compile(f_optimizer="adam")


def test_train_on_batch_gives_the_losses():
    gan = kerasgan.DCGAN((8, 8, 1), width=4)
    gan.compile()
    d_loss, g_loss = gan.train_on_batch(pictures(4))
    assert np.isfinite([d_loss, g_loss]).all() and int(gan.images_seen) == 4
