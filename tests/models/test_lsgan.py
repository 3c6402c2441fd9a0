"""LSGAN: Eq. (2), its optima, and the network for 28 pixels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import LSGAN
from kerasgan.models import lsgan
from kerasgan.models.lsgan import build_discriminator, build_generator, discriminator_loss
from kerasgan.utils.errors import UserError

ZERO_ONE, PEARSON = (0.0, 1.0, 1.0), (-1.0, 1.0, 0.0)
both_choices = pytest.mark.parametrize("a, b, c", [ZERO_ONE, PEARSON])


def pictures(num=8):
    return np.random.default_rng(0).uniform(-1, 1, (num, 28, 28, 1)).astype("float32")


def of_kind(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


@both_choices
def test_losses_vanish_at_their_targets_and_only_there(a, b, c):
    real, fake = tf.fill((4, 1), b), tf.fill((4, 1), a)
    assert float(discriminator_loss(real, fake, a, b)) == 0.0
    assert float(discriminator_loss(real + 0.5, fake, a, b)) == 0.125
    assert float(discriminator_loss(real, fake - 0.5, a, b)) == 0.125
    assert float(lsgan.generator_loss(tf.fill((4, 1), c), c)) == 0.0
    assert float(lsgan.generator_loss(tf.fill((4, 1), c + 2.0), c)) == 2.0


@both_choices
def test_the_best_discriminator_is_the_weighted_mean_of_its_targets(a, b, c):
    # Eq. (5): D*(x) = (b p_data(x) + a p_g(x)) / (p_data(x) + p_g(x)), here on three points.
    p_data, p_g = np.array([5, 3, 2]), np.array([1, 3, 6])
    values = tf.Variable(tf.zeros(3))
    for _ in range(30):
        with tf.GradientTape() as tape:
            real, fake = tf.repeat(values, p_data), tf.repeat(values, p_g)
            loss = discriminator_loss(real, fake, a, b)
        values.assign_sub(tape.gradient(loss, values))
    np.testing.assert_allclose(values, (b * p_data + a * p_g) / (p_data + p_g), atol=1e-5)


def test_the_generator_then_faces_the_pearson_chi2_divergence():
    # Eqs. (6) and (7): with b - c = 1 and b - a = 2, E_data + E_g of (D* - c)^2 is
    # chi^2(p_data + p_g || 2 p_g).
    a, b, c = PEARSON
    p_data, p_g = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
    best = (b * p_data + a * p_g) / (p_data + p_g)
    value = sum(
        2.0 * p @ [float(lsgan.generator_loss(tf.constant(d), c)) for d in best]
        for p in (p_data, p_g)
    )
    divergence = ((2 * p_g - (p_data + p_g)) ** 2 / (p_data + p_g)).sum()
    assert value == pytest.approx(divergence, abs=1e-6)


@both_choices
def test_a_step_descends_eq_2_with_the_models_own_targets(a, b, c):
    gan = LSGAN((28, 28, 1), latent_dim=8, width=8, a=a, b=b, c=c, seed=1)
    # With learning rates of 0, the logged losses are those of the initial networks.
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    logs = gan.fit(pictures(), batch_size=8, shuffle=False, verbose=0).history
    z = gan.latent_prior(8, [1, 1])  # the first draw
    fake = gan.discriminator(gan.generator(z, training=True), training=True).numpy()
    real = gan.discriminator(pictures(), training=True).numpy()
    d_loss = ((real - b) ** 2).mean() / 2 + ((fake - a) ** 2).mean() / 2
    assert logs["d_loss"][0] == pytest.approx(d_loss, abs=1e-5)
    assert logs["g_loss"][0] == pytest.approx(((fake - c) ** 2).mean() / 2, abs=1e-5)


def test_targets_survive_saving(tmp_path):
    LSGAN((28, 28, 1), latent_dim=8, width=8, a=-1.0, b=1.0, c=0.0).save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert (loaded.a, loaded.b, loaded.c) == PEARSON


def test_default_width_gives_the_papers_28_pixel_networks():
    generator, discriminator = build_generator((28, 28, 1)), build_discriminator((28, 28, 1))
    assert generator.input_shape == (None, 1024)
    assert of_kind(generator, layers.Dense)[0].units == 7 * 7 * 128
    assert [x.filters for x in of_kind(generator, layers.Conv2DTranspose)] == [128, 1]
    assert len(of_kind(generator, layers.BatchNormalization)) == 2
    assert generator.layers[-1].activation is keras.activations.tanh
    assert [x.filters for x in of_kind(discriminator, layers.Conv2D)] == [64, 128]
    assert [x.units for x in of_kind(discriminator, layers.Dense)] == [1024, 1]
    # conv, conv BN, FC BN, FC: no BN after the first convolution or on the output, which is linear
    assert isinstance(discriminator.layers[2], layers.LeakyReLU)
    assert len(of_kind(discriminator, layers.BatchNormalization)) == 2
    assert discriminator.layers[-1].activation is keras.activations.linear


def test_every_kernel_starts_from_a_whole_normal_distribution():
    networks = build_generator((28, 28, 1)), build_discriminator((28, 28, 1))
    for layer in [layer for network in networks for layer in network.layers if layer.weights]:
        if hasattr(layer, "kernel"):
            values = layer.kernel.numpy().ravel() / 0.02
            assert values.std() == pytest.approx(1.0, abs=0.1)
            # Cut off at 2, as the authors' convolutions in D, there were none beyond.
            assert np.mean(np.abs(values) > 2.0) == pytest.approx(0.0455, abs=0.02)


def test_latents_are_uniform_in_minus_1_to_1():
    latents = LSGAN((28, 28, 1), width=8).latent_prior(64, [1, 2]).numpy()
    assert latents.shape == (64, 1024) and np.abs(latents).max() <= 1.0
    assert latents.var() == pytest.approx(1 / 3, rel=0.02)


def test_sides_that_do_not_halve_twice_are_refused():
    with pytest.raises(UserError, match="sides divisible by 4, such as .* Received: image_shape="):
        LSGAN((30, 28, 1), width=8)
