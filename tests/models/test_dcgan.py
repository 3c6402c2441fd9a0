"""DCGAN: the networks follow the paper's guidelines, and a step its order of updates."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import DCGAN
from kerasgan.models.dcgan import build_discriminator, build_generator
from kerasgan.utils.errors import UserError

NETWORKS = [build_generator((32, 32, 3), width=8), build_discriminator((32, 32, 3), width=8)]


def of_kind(network, *kinds):
    return [layer for layer in network.layers if isinstance(layer, kinds)]


def test_no_pooling_and_no_fully_connected_hidden_layers():
    for network in NETWORKS:
        kinds = {type(layer).__name__ for layer in network.layers}
        assert not [kind for kind in kinds if "Pool" in kind or "UpSampling" in kind]
        # The paper exempts G's projection of z and D's single output.
        assert len(of_kind(network, layers.Dense)) == 1


def test_batch_norm_everywhere_but_on_the_generators_output_and_the_discriminators_input():
    generator, discriminator = NETWORKS
    assert len(of_kind(generator, layers.BatchNormalization)) == 3
    assert isinstance(generator.layers[-1], layers.Conv2DTranspose)
    assert len(of_kind(discriminator, layers.BatchNormalization)) == 2
    assert isinstance(discriminator.layers[2], layers.LeakyReLU)


def test_activations_are_relu_and_tanh_in_g_and_leaky_relu_in_d():
    generator, discriminator = NETWORKS
    assert generator.layers[-1].activation is keras.activations.tanh
    assert len(of_kind(generator, layers.ReLU)) == 3
    slopes = {layer.negative_slope for layer in of_kind(discriminator, layers.LeakyReLU)}
    assert slopes == {0.2}


def test_weights_start_from_a_normal_of_deviation_2_percent():
    network = build_generator((64, 64, 3), width=32)
    for layer in of_kind(network, layers.Conv2DTranspose, layers.Dense):
        kernel = layer.get_weights()[0]
        assert abs(kernel.mean()) < 2e-3 and abs(kernel.std() - 0.02) < 2e-3


def test_default_width_gives_the_papers_64_pixel_network():
    generator = build_generator((64, 64, 3))
    filters = [layer.filters for layer in of_kind(generator, layers.Conv2DTranspose)]
    assert filters == [512, 256, 128, 3]
    assert generator.layers[2].output.shape == (None, 4, 4, 1024)


@pytest.mark.parametrize("side", [4, 8, 12, 16, 20, 28, 36, 48, 64])
def test_every_side_divisible_by_4_works(side):
    generator = build_generator((side, side, 1), width=4)
    discriminator = build_discriminator((side, side, 1), width=4)
    assert discriminator(generator(tf.zeros((2, 100)))).shape == (2, 1)


def test_sides_may_differ():
    assert build_generator((28, 32, 3), width=4).output_shape == (None, 28, 32, 3)


@pytest.mark.parametrize(
    "shape", [(30, 32, 1), (28, 28), (0, 4, 1), 28, (None, None, 1), (28, 28, 0)]
)
def test_other_sides_are_refused(shape):
    with pytest.raises(UserError, match="image_shape|The shape of an image"):
        DCGAN(shape)


def test_the_papers_optimizers_are_the_default():
    for optimizer in DCGAN.default_optimizers():
        config = optimizer.get_config()
        assert config["learning_rate"] == pytest.approx(2e-4)
        assert (config["beta_1"], config["beta_2"]) == (0.5, 0.999)


def test_latents_are_uniform_between_minus_1_and_1():
    latents = DCGAN((8, 8, 1), width=4).latent_prior(2000, [0, 0]).numpy()
    assert np.abs(latents).max() <= 1.0
    assert abs(latents.mean()) < 0.01 and abs(latents.std() - 1 / np.sqrt(3)) < 0.01


def test_a_step_equals_the_papers_step_written_by_hand():
    """Compares one SGD step with the same gradients computed in plain TensorFlow."""
    keras.utils.set_random_seed(0)
    gan = DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    images = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 1)).astype("float32")
    z = gan.latent_prior(16, [0, 1])  # the first draw
    generator = keras.models.clone_model(gan.generator)
    discriminator = keras.models.clone_model(gan.discriminator)
    generator.set_weights(gan.generator.get_weights())
    discriminator.set_weights(gan.discriminator.get_weights())

    def bce(logits, target):
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), target), logits)
        )

    def descend(tape, loss, network):
        for weight, slope in zip(
            network.trainable_variables,
            tape.gradient(loss, network.trainable_variables),
            strict=True,
        ):
            weight.assign(weight - 0.1 * slope)

    with tf.GradientTape() as tape:
        d_loss = bce(discriminator(images, training=True), 1.0)
        d_loss += bce(discriminator(generator(z, training=True), training=True), 0.0)
    descend(tape, d_loss, discriminator)
    with tf.GradientTape() as tape:
        g_loss = bce(discriminator(generator(z, training=True), training=True), 1.0)
    descend(tape, g_loss, generator)

    logs = gan.fit(images, batch_size=16, shuffle=False, verbose=0).history
    assert logs["d_loss"][0] == pytest.approx(float(d_loss), abs=1e-5)
    assert logs["g_loss"][0] == pytest.approx(float(g_loss), abs=1e-5)
    for ours, theirs in ((gan.generator, generator), (gan.discriminator, discriminator)):
        for a, b in zip(ours.trainable_variables, theirs.trainable_variables, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)
