"""What is specific to SAGAN: attention, spectral norm in both networks, classes, learning rates."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import (
    ConditionalBatchNormalization,
    SelfAttention,
    SpectralEmbedding,
    SpectralNormalized,
)
from kerasgan.models.sagan import SAGAN, build_discriminator, build_generator
from kerasgan.utils.errors import UserError

KERNELS = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.Dense,
    keras.layers.Embedding,
)


def images(num, image_shape=(8, 8, 1)):
    return np.random.default_rng(0).uniform(-1, 1, (num, *image_shape)).astype("float32")


def networks(image_shape, num_classes=None, width=8):
    return (
        build_generator(image_shape, num_classes, width=width),
        build_discriminator(image_shape, num_classes, width),
    )


def of_kind(network, *kinds):
    return [layer for layer in network.layers if isinstance(layer, kinds)]


def normalised(kernel):
    kernel = np.asarray(kernel, "float64")
    matrix = kernel.reshape(-1, kernel.shape[-1])
    return kernel / np.linalg.svd(matrix, compute_uv=False)[0]


@pytest.mark.parametrize(
    "image_shape, side", [((28, 28, 1), 14), ((32, 32, 3), 16), ((64, 64, 3), 16)]
)
def test_attention_is_at_16x16_or_14x14_in_both_networks(image_shape, side):
    for network in networks(image_shape):
        (attention,) = of_kind(network, SelfAttention)
        assert attention.output.shape[1:3] == (side, side)


def test_channels_are_those_of_the_authors_for_128_pixels():
    generator, discriminator = networks((128, 128, 3), num_classes=10, width=8)
    assert [layer.output.shape[1:] for layer in of_kind(generator, keras.layers.Add)] == [
        (8, 8, 16 * 8),
        (16, 16, 8 * 8),
        (32, 32, 4 * 8),
        (64, 64, 2 * 8),
        (128, 128, 8),
    ]
    maps = [layer.output.shape[-1] for layer in of_kind(discriminator, keras.layers.Add)]
    assert maps == [8, 2 * 8, 4 * 8, 8 * 8, 16 * 8, 16 * 8, 1]  # the last one adds the projection


@pytest.mark.parametrize("num_classes", [None, 10])
def test_every_layer_of_both_networks_is_normalised(num_classes):
    generator, discriminator = networks((28, 28, 1), num_classes)
    for network in (generator, discriminator):
        for layer in network.layers:
            assert isinstance(layer, SpectralNormalized) == isinstance(layer, KERNELS)
    assert not of_kind(discriminator, keras.layers.BatchNormalization)
    conditional = of_kind(generator, ConditionalBatchNormalization)
    assert len(conditional) == (0 if num_classes is None else 4)  # two in each of two blocks
    assert len(of_kind(discriminator, SpectralEmbedding)) == (0 if num_classes is None else 1)


def test_discriminator_adds_the_projection_of_the_class():
    _, discriminator = networks((8, 8, 1), num_classes=4)
    (embedding,) = of_kind(discriminator, SpectralEmbedding)
    x = images(3)
    for _ in range(100):  # until u and v are singular vectors
        discriminator([x, np.zeros(3, "int32")], training=True)
    dense = discriminator.get_layer("logits")
    h = np.asarray(keras.Model(discriminator.input, dense.input)([x, np.zeros(3, "int32")]))
    psi = h.astype("float64") @ normalised(dense.kernel) + np.asarray(dense.bias)
    table = normalised(embedding.embeddings)
    for label in range(4):  # f(x, y) = psi(h(x)) + <v_y, h(x)>
        logits = discriminator([x, np.full(3, label, "int32")])
        np.testing.assert_allclose(logits, psi + h @ table[label][:, None], rtol=1e-4, atol=1e-4)


def test_labels_change_what_the_generator_draws_once_trained():
    gan = SAGAN((8, 8, 1), num_classes=2, width=8, seed=0)
    gan.compile(run_eagerly=True)
    gan.fit(images(8), np.arange(8) % 2, batch_size=8, verbose=0)
    first, second = (gan.sample(4, labels=[label] * 4, seed=1) for label in (0, 1))
    assert np.abs(first - second).max() > 1e-4


def test_attention_starts_shut_and_opens_in_the_first_step():
    gan = SAGAN((8, 8, 1), width=8, seed=0)
    gan.compile(run_eagerly=True)
    for step in range(2):
        attentions = [
            of_kind(network, SelfAttention)[0] for network in (gan.generator, gan.discriminator)
        ]
        kernels = [attention.theta.kernel.numpy() for attention in attentions]
        gan.fit(images(4), batch_size=4, verbose=0)
        for attention, kernel in zip(attentions, kernels, strict=True):
            assert float(attention.gamma) != 0.0
            assert bool(np.any(attention.theta.kernel.numpy() != kernel)) == (step == 1)


def test_discriminator_learns_four_times_as_fast():
    rates = [float(optimizer.learning_rate) for optimizer in SAGAN.default_optimizers()]
    np.testing.assert_allclose(rates, [1e-4, 4e-4], rtol=1e-6)


def test_weights_start_orthogonal():
    generator, _ = networks((8, 8, 1), num_classes=4)
    for layer in of_kind(generator, *KERNELS):
        kernel = layer.kernel.numpy().reshape(-1, layer.kernel.shape[-1])
        np.testing.assert_allclose(np.linalg.svd(kernel, compute_uv=False), 1.0, atol=1e-5)


def test_number_of_classes_must_be_positive():
    with pytest.raises(UserError, match="`num_classes` must be a whole number, 1 or more.*0"):
        SAGAN((8, 8, 1), num_classes=0)


def test_labels_are_wanted_with_classes_and_ignored_without():
    with_classes, without = SAGAN((8, 8, 1), num_classes=2, width=8), SAGAN((8, 8, 1), width=8)
    for gan in (with_classes, without):
        gan.compile()
    with pytest.raises(UserError, match="`label` must be given"):
        with_classes.fit(tf.zeros((4, 8, 8, 1)), batch_size=4)
    with pytest.raises(UserError, match="must lie in 0 to 1.*from 0 to 2"):
        with_classes.fit(tf.zeros((4, 8, 8, 1)), np.array([0, 1, 2, 0]), batch_size=4)
    without.fit(tf.zeros((4, 8, 8, 1)), np.zeros(4, int), batch_size=4, verbose=0)
