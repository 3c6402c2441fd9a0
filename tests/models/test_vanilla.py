"""VanillaGAN against its paper: Algorithm 1, Proposition 1, Theorem 1, and the losses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import VanillaGAN, data
from kerasgan.models import vanilla
from kerasgan.utils.errors import UserError


def softplus(x):
    return np.logaddexp(0.0, np.asarray(x, "float64"))


def gaussian(x, mean):
    return np.exp(-0.5 * (x - mean) ** 2) / np.sqrt(2 * np.pi)


# --- Networks ---


def test_networks_have_the_layers_and_initial_weights_of_the_authors_code():
    gan = VanillaGAN((28, 28, 1))
    g_kernels = [w.numpy() for w in gan.generator.weights if w.name == "kernel"]
    d_kernels = [w.numpy() for w in gan.discriminator.weights if w.name == "kernel"]
    assert [k.shape for k in g_kernels] == [(100, 1200), (1200, 1200), (1200, 784)]
    assert [k.shape for k in d_kernels] == [(784, 240 * 5), (240, 240 * 5), (240, 1)]
    for kernels, bound in ((g_kernels, 0.05), (d_kernels, 0.005)):
        for kernel in kernels:
            assert 0.95 * bound < np.abs(kernel).max() <= bound
            np.testing.assert_allclose(kernel.std(), bound / np.sqrt(3), rtol=0.1)
    drops = [layer.rate for layer in gan.discriminator.layers if hasattr(layer, "rate")]
    assert drops == [0.2, 0.5, 0.5]
    whole = VanillaGAN((28, 28, 1), width=40, input_dropout=0.0).discriminator
    assert [layer.rate for layer in whole.layers if hasattr(layer, "rate")] == [0.0, 0.5, 0.5]


def test_latents_are_uniform_with_variance_1():
    latents = VanillaGAN((2,), width=8).latent_prior(2000, [0, 0]).numpy().astype("float64")
    assert np.sqrt(3) * 0.999 < np.abs(latents).max() <= np.sqrt(3)
    np.testing.assert_allclose(latents.var(), 1.0, rtol=0.01)


def test_learning_rates_are_divided_by_1_000004_at_each_update():
    for optimizer, rate in zip(VanillaGAN.default_optimizers(), (0.1, 0.01), strict=True):
        schedule = optimizer._learning_rate
        for step in (0, 1, 1000, 100_000):
            np.testing.assert_allclose(float(schedule(step)), rate / 1.000004**step, rtol=1e-5)


def test_points_use_a_linear_output_layer_and_no_dropout():
    gan = VanillaGAN((2,), width=40)
    gan.generator.set_weights([w + 1.0 for w in gan.generator.get_weights()])
    assert gan.sample(100, seed=0).max() > 10.0
    assert not [layer for layer in gan.discriminator.layers if hasattr(layer, "rate")]


# --- Losses ---


def test_losses_equal_their_formulas_in_float64():
    random = np.random.default_rng(0)
    real, fake = (random.normal(0, 3, (64, 1)).astype("float32") for _ in range(2))
    log_d, log_not_d = (lambda x: -softplus(-x)), (lambda x: -softplus(x))
    np.testing.assert_allclose(vanilla.minimax_loss(fake), log_not_d(fake).mean(), rtol=1e-6)
    np.testing.assert_allclose(vanilla.non_saturating_loss(fake), -log_d(fake).mean(), rtol=1e-6)
    for s in (0.0, 0.1, 0.3):
        expected = -((1 - s) * log_d(real) + s * log_not_d(real)).mean() - log_not_d(fake).mean()
        loss = vanilla.smoothed_discriminator_loss(real, fake, s)
        np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_losses_stay_finite_where_probabilities_do_not():
    far = tf.constant([[-1000.0], [1000.0]])
    assert float(vanilla.minimax_loss(far)) == -500.0
    assert float(vanilla.smoothed_discriminator_loss(far, far, 0.1)) == 1000.0


@pytest.mark.parametrize("minimax", [False, True])
def test_the_generator_descends_the_loss_it_was_asked_for(minimax):
    gan = VanillaGAN((2,), width=8, minimax=minimax, seed=0)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    history = gan.fit(data.ring(64, seed=0), verbose=0).history
    np.testing.assert_allclose(history["d_loss"], 2 * np.log(2), atol=1e-3)
    np.testing.assert_allclose(history["g_loss"], np.log(2) * (-1 if minimax else 1), atol=1e-3)


def test_smoothing_moves_the_optimum_on_real_images_only():
    # The optimum on real images is D = 0.9: log(0.9 / 0.1) = 2.197; on generated ones still D = 0.
    real, fake = tf.Variable([[np.log(9.0)]]), tf.Variable([[2.0]])
    with tf.GradientTape() as tape:
        loss = vanilla.smoothed_discriminator_loss(real, fake, 0.1)
    real_gradient, fake_gradient = tape.gradient(loss, [real, fake])
    assert abs(float(real_gradient[0, 0])) < 1e-6
    np.testing.assert_allclose(fake_gradient, 1 / (1 + np.exp(-2.0)), rtol=1e-6)


# --- Algorithm 1 ---


def test_k_steps_see_k_different_minibatches_and_fresh_latents(monkeypatch):
    gan = VanillaGAN((2,), width=8, k=3, seed=1)
    gan.compile(run_eagerly=True)
    discriminate, shown = gan.discriminator.call, []

    def record(images, **arguments):
        shown.append(images.numpy())
        return discriminate(images, **arguments)

    monkeypatch.setattr(gan.discriminator, "call", record)
    points = data.grid(12, seed=0)
    gan.train_step(tf.constant(points))
    *discriminator_steps, generator_step = shown
    reals, fakes = discriminator_steps[0::2], discriminator_steps[1::2]
    for k, part in enumerate(reals):
        np.testing.assert_array_equal(part, points[k::3])
    fakes = np.stack([*fakes, generator_step])
    assert fakes.shape == (4, 4, 2)
    assert len(np.unique(fakes.reshape(16, 2), axis=0)) == 16
    assert int(gan.d_optimizer.iterations) == 3 and int(gan.g_optimizer.iterations) == 1


def test_a_step_leaves_alone_the_network_that_it_does_not_train():
    for still, moving in (("generator", "discriminator"), ("discriminator", "generator")):
        gan = VanillaGAN((2,), width=8, seed=0)
        frozen = keras.optimizers.SGD(0.0)
        trained = keras.optimizers.Adam(1e-2)
        gan.compile(*((frozen, trained) if still == "generator" else (trained, frozen)))
        before = {name: getattr(gan, name).get_weights() for name in (still, moving)}
        gan.fit(data.ring(64, seed=0), verbose=0)
        for name, kept in ((still, True), (moving, False)):
            pairs = zip(before[name], getattr(gan, name).get_weights(), strict=True)
            assert all(np.array_equal(old, new) == kept for old, new in pairs)


@pytest.mark.parametrize("input_dropout", [0.0, 0.2])
def test_dropout_continues_after_loading_as_if_never_interrupted(tmp_path, input_dropout):
    images = np.random.default_rng(0).uniform(-1, 1, (32, 8, 8, 1)).astype("float32")
    gan = VanillaGAN((8, 8, 1), width=40, input_dropout=input_dropout, seed=0)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.Adam(1e-2))
    gan.fit(images, batch_size=8, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    before = gan.discriminator.get_weights()
    for model in (gan, loaded):
        model.fit(images, batch_size=8, shuffle=False, verbose=0)
    after, resumed = gan.discriminator.get_weights(), loaded.discriminator.get_weights()
    moved = [np.abs(new - old).max() for new, old in zip(after, before, strict=True)]
    assert max(moved) > 1e-3
    for new, again in zip(after, resumed, strict=True):
        np.testing.assert_allclose(again, new, atol=1e-6)


# --- Theory ---

STEPS, BATCH = 400, 512


def gan_with_a_generator_of(mean):
    """A GAN with fixed G(z) = z + mean, z ~ N(0, 1), built as relu(relu(z + 20)) - 20 + mean."""
    gan = VanillaGAN((1,), latent_dim=1, width=60, seed=0)
    gan.latent_prior = lambda num, seed: tf.random.stateless_normal((num, 1), seed, alg="philox")
    weights = [np.zeros_like(w) for w in gan.generator.get_weights()]
    for kernel in weights[0::2]:
        kernel[0, 0] = 1.0
    weights[1][0], weights[5][0] = 20.0, mean - 20.0
    gan.generator.set_weights(weights)
    rate = keras.optimizers.schedules.CosineDecay(1e-2, STEPS)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(rate))
    return gan


def normal(num, mean):
    return np.random.default_rng(0).normal(mean, 1.0, (num, 1)).astype("float32")


def test_discriminator_reaches_the_optimum_of_proposition_1():
    # Eq. (2): D*(x) = p(x) / (p(x) + q(x)), data p = N(-1, 1), generator q = N(1, 1)
    gan = gan_with_a_generator_of(mean=1.0)
    real = normal(STEPS * BATCH, mean=-1.0)
    gan.fit(real, batch_size=BATCH, verbose=0)
    fakes = gan.sample(5000, seed=1)
    assert abs(fakes.mean() - 1.0) < 0.05 and abs(fakes.std() - 1.0) < 0.05
    x = np.linspace(min(real.min(), fakes.min()), max(real.max(), fakes.max()), 1000)
    optimum = gaussian(x, -1.0) / (gaussian(x, -1.0) + gaussian(x, 1.0))
    reached = tf.sigmoid(gan.discriminator(x[:, None].astype("float32"))).numpy().ravel()
    assert np.abs(reached - optimum).mean() < 0.03


def value_and_distance_from_one_half(gan):
    """Returns V(D, G) of Eq. (1) on new samples with p = N(1, 1), and the mean of |D(x) - 1/2|."""
    real = np.random.default_rng(1).normal(1.0, 1.0, (50_000, 1)).astype("float32")
    real_logits = gan.discriminator(real).numpy()
    fake_logits = gan.discriminator(gan.sample(50_000, seed=1)).numpy()
    value = -softplus(-real_logits).mean() - softplus(fake_logits).mean()
    return value, np.abs(1 / (1 + np.exp(-real_logits)) - 0.5).mean()


def test_value_of_the_game_is_minus_log_4_where_the_distributions_agree():
    # Theorem 1: V(D*, G) = -log 4 if and only if p = q; then D* = 1/2. D starts far from 1/2.
    gan = gan_with_a_generator_of(mean=1.0)
    random = np.random.default_rng(0)
    gan.discriminator.set_weights(
        [random.normal(0.0, 0.5, w.shape) for w in gan.discriminator.get_weights()]
    )
    value, distance = value_and_distance_from_one_half(gan)
    assert value < -np.log(4) - 0.2 and distance > 0.1
    gan.fit(normal(STEPS * BATCH, mean=1.0), batch_size=BATCH, verbose=0)
    value, distance = value_and_distance_from_one_half(gan)
    assert abs(value + np.log(4)) < 0.02 and distance < 0.03


# --- Wrong use ---


@pytest.mark.parametrize("k", [0, -1, 1.5])
def test_k_must_be_a_positive_whole_number(k):
    with pytest.raises(UserError, match="`k` must be a whole number, 1 or more. Received: k="):
        VanillaGAN((2,), width=8, k=k)


@pytest.mark.parametrize("dropped", [-0.1, 1.0])
def test_input_dropout_must_leave_some_of_the_pixels(dropped):
    with pytest.raises(UserError, match=r"`input_dropout` must lie in \[0, 1\)"):
        VanillaGAN((28, 28, 1), width=8, input_dropout=dropped)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_label_smoothing_must_leave_a_target_above_0(smoothing):
    with pytest.raises(UserError, match=r"`label_smoothing` must lie in \[0, 1\)"):
        VanillaGAN((2,), width=8, label_smoothing=smoothing)


def test_an_image_shape_of_two_axes_is_refused():
    with pytest.raises(UserError, match=r"or \(dimensions,\) for points. Received: .*\(28, 28\)"):
        VanillaGAN((28, 28))


def test_points_of_another_dimension_and_odd_batches_are_refused():
    gan = VanillaGAN((2,), width=8, k=3)
    gan.compile()
    with pytest.raises(UserError, match=r"`x` must hold points, shape \(N, 2\)"):
        gan.fit(np.zeros((12, 3), "float32"), batch_size=12)
    with pytest.raises(UserError, match="must be divisible by 3. Received: 4"):
        gan.fit(data.ring(12, seed=0), batch_size=4)
