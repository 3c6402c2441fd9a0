"""BEGAN: losses and the control of k against NumPy, k as saved state, the halving of both rates."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kerasgan
from kerasgan import BEGAN
from kerasgan.models.began import autoencoder_loss, balance, build_discriminator, build_generator
from kerasgan.utils.errors import UserError


def pictures(num=8, side=16):
    return np.random.default_rng(0).uniform(-1, 1, (num, side, side, 1)).astype("float32")


def small(rate=0.0, **arguments):
    keras.utils.set_random_seed(0)
    gan = BEGAN((16, 16, 1), latent_dim=4, width=4, **{"seed": 1, **arguments})
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate), run_eagerly=True)
    return gan


def train(gan, batches=1, **options):
    images = pictures(8 * batches)
    return gan.fit(images, batch_size=8, shuffle=False, verbose=0, **options).history


def weights(network):
    return [weight.numpy().copy() for weight in network.trainable_weights]


def autoencoder(gan):
    decoded = gan.discriminator.get_layer("reconstructions").output
    return keras.Model(gan.discriminator.input, decoded)


def of_kind(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


def test_the_loss_of_each_image_is_its_mean_absolute_error():
    images, decoded = pictures(), pictures()[::-1].copy()
    expected = np.abs(images.astype("float64") - decoded).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(autoencoder_loss(images, decoded), expected, rtol=1e-6)


def test_k_and_convergence_follow_a_sequence_computed_by_hand():
    # gamma = 0.5, lambda_k = 0.1; L(x), L(G(z)) -> k, M
    sequence = [
        ((1.0, 0.25), (0.025, 1.25)),  # 0 + 0.1 * (0.5 - 0.25)
        ((2.0, 0.5), (0.075, 2.5)),
        ((0.2, 1.1), (0.0, 1.2)),  # 0.075 - 0.1 is clipped, M is not
        ((20.0, 1.0), (0.9, 29.0)),
        ((8.0, 1.0), (1.0, 11.0)),  # 0.9 + 0.3 is clipped
    ]
    k = 0.0
    for (real, fake), expected in sequence:
        k, convergence = balance(tf.constant(real), tf.constant(fake), k, 0.5, 0.1)
        assert (float(k), float(convergence)) == pytest.approx(expected, abs=1e-6)


def test_a_step_logs_the_objective_of_the_networks_before_it():
    gan = small(rate=0.1, gamma=0.7, lambda_k=0.01)
    gan.k.assign(0.3)
    decode = autoencoder(gan)
    z_d, z_g = (gan.latent_prior(8, [1, draw]) for draw in (1, 2))
    fakes = [gan.generator(z, training=True) for z in (z_d, z_g)]
    real, fake_d, fake_g = (
        np.abs((decode(x) - x).numpy().astype("float64")).mean()
        for x in (tf.constant(pictures()), *fakes)
    )
    expected = {
        "d_loss": real - 0.3 * fake_d,
        "g_loss": fake_g,
        "convergence": real + abs(0.7 * real - fake_g),
        "k": 0.3 + 0.01 * (0.7 * real - fake_g),
    }
    logs = {name: values[0] for name, values in train(gan).items()}
    assert logs == pytest.approx(expected, rel=1e-5)
    assert float(gan.k) == pytest.approx(expected["k"], rel=1e-6)


def test_each_player_descends_its_own_loss():
    gan = small(rate=0.1)
    gan.k.assign(0.3)
    z_d, z_g = (gan.latent_prior(8, [1, draw]) for draw in (1, 2))
    decode, images = autoencoder(gan), tf.constant(pictures())

    def error(x):
        return tf.reduce_mean(tf.abs(decode(x) - x))

    with tf.GradientTape(persistent=True) as tape:
        d_loss = error(images) - 0.3 * error(gan.generator(z_d, training=True))
        g_loss = error(gan.generator(z_g, training=True))
    expected = [
        weight - 0.1 * tape.gradient(loss, weight.value)
        for network, loss in ((gan.discriminator, d_loss), (gan.generator, g_loss))
        for weight in network.trainable_weights
    ]
    train(gan)
    for weight, value in zip(
        weights(gan.discriminator) + weights(gan.generator), expected, strict=True
    ):
        np.testing.assert_allclose(weight, value, atol=1e-6)


def test_without_k_generated_images_do_not_move_the_discriminator():
    first, second = small(rate=0.1, seed=1), small(rate=0.1, seed=2)
    for gan in (first, second):
        train(gan)  # k_0 = 0
    for one, other in zip(weights(first.discriminator), weights(second.discriminator), strict=True):
        np.testing.assert_array_equal(one, other)


def test_k_is_saved_and_training_goes_on_from_it(tmp_path):
    gan = small(rate=0.1, lambda_k=0.5)
    train(gan, 3)
    assert 0.0 < float(gan.k) < 1.0
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert float(loaded.k) == float(gan.k) and loaded.lambda_k == 0.5
    logs = [train(each) for each in (gan, loaded)]
    for name, values in logs[0].items():
        assert values == pytest.approx(logs[1][name], rel=1e-6)


def test_both_rates_halve_together_when_convergence_stalls():
    def halve(player):
        stalled = keras.callbacks.ReduceLROnPlateau(
            "convergence", factor=0.5, patience=1, min_delta=100.0
        )
        return kerasgan.callbacks.for_optimizer(player, stalled)

    gan = small(rate=0.5)
    train(gan, epochs=3, callbacks=[halve("g"), halve("d")])
    # The first epoch is the best; the next two each bring nothing.
    assert [float(o.learning_rate) for o in gan.optimizers.values()] == [0.125, 0.125]


def test_images_are_cut_to_their_range_except_in_training():
    gan = small()
    gan.generator.layers[-2].bias.assign([3.0])
    z = gan.latent_prior(4, [1, 1])
    assert np.abs(gan.generator(z)).max() == 1.0
    assert np.min(gan.generator(z, training=True)) > 1.0


def test_errors_are_those_of_what_reconstruct_returns():
    gan = small()
    decoded = gan.reconstruct(pictures(5), batch_size=2)
    expected = np.abs(decoded - pictures(5)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(gan.discriminator(pictures(5)), expected, rtol=1e-5)


def test_errors_are_float32_in_mixed_precision():
    gan = BEGAN((16, 16, 1), width=4, dtype="mixed_float16")
    assert gan.discriminator(pictures()).dtype == tf.float32


def test_the_papers_network_for_128_pixels_has_its_number_of_weights():
    # Section 4.1: "17.3 x 10^6 trainable parameters" with n = 128
    networks = build_generator((128, 128, 3)), build_discriminator((128, 128, 3))
    assert sum(network.count_params() for network in networks) == pytest.approx(17.3e6, abs=5e4)


@pytest.mark.parametrize("side, base", [(28, 7), (32, 8), (64, 8)])
def test_sides_halve_down_to_8_pixels_and_channels_grow_with_each_halving(side, base):
    generator = build_generator((side, side, 1), width=4)
    discriminator = build_discriminator((side, side, 1), width=4)
    assert of_kind(generator, layers.Reshape)[0].output.shape == (None, base, base, 4)
    halvings = (side // base).bit_length() - 1
    strided = [x for x in of_kind(discriminator, layers.Conv2D) if x.strides == (2, 2)]
    assert [x.filters for x in strided] == [4 * (level + 2) for level in range(halvings)]
    assert discriminator.get_layer("code").output.shape == (None, 64)
    # The decoder is the generator, with weights of its own.
    shapes = [weight.shape for weight in generator.weights]
    assert shapes == [weight.shape for weight in discriminator.weights[-len(shapes) :]]


def test_latents_are_uniform_in_minus_1_to_1():
    latents = BEGAN((16, 16, 1), width=4).latent_prior(64, [1, 2]).numpy()
    assert latents.shape == (64, 64) and np.abs(latents).max() <= 1.0
    assert latents.var() == pytest.approx(1 / 3, rel=0.05)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"gamma": 0.0}, r"`gamma` must lie in \(0, 1\]. Received: gamma=0.0"),
        ({"gamma": 1.5}, r"`gamma` must lie in \(0, 1\]"),
        ({"lambda_k": 0.0}, "`lambda_k` must be positive. Received: lambda_k=0.0"),
    ],
)
def test_constants_out_of_range_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        BEGAN((16, 16, 1), width=4, **arguments)
