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
    "image_shape, sides",
    [
        ((28, 28, 1), (14, 14)),
        ((32, 32, 3), (16, 16)),
        ((64, 64, 3), (16, 16)),
        ((128, 128, 3), (32, 32)),  # the paper's size and its best place
        ((128, 160, 3), (32, 40)),
    ],
)
def test_attention_is_at_the_same_place_in_both_networks(image_shape, sides):
    for network in networks(image_shape, width=2):
        (attention,) = of_kind(network, SelfAttention)
        assert attention.output.shape[1:3] == sides


@pytest.mark.parametrize("side", [16, 8])
def test_attention_names_the_side_of_its_feature_map(side):
    gan = SAGAN((32, 32, 1), width=4, attention=side)
    for network in (gan.generator, gan.discriminator):
        (attention,) = of_kind(network, SelfAttention)
        assert attention.output.shape[1:3] == (side, side)


@pytest.mark.parametrize("side", [32, 4, 12])
def test_a_side_that_no_feature_map_has_is_refused_with_those_that_there_are(side):
    with pytest.raises(UserError, match=f"one of 16, 8 for images of 32 x 32.*attention={side}"):
        SAGAN((32, 32, 1), width=4, attention=side)


def test_a_file_of_128_pixels_from_before_keeps_attention_at_16():
    config = SAGAN((128, 128, 1), width=1, seed=1).get_config()
    assert config["attention"] == 32
    del config["attention"], config["sn_generator"], config["d_width"]
    before = SAGAN.from_config(config)
    assert before.attention == 16
    assert of_kind(before.generator, SelfAttention)[0].output.shape[1:3] == (16, 16)
    assert SAGAN.changed_defaults({"image_shape": (64, 64, 3)}) == {}


def test_a_generator_without_spectral_norm_leaves_the_discriminators(tmp_path):
    gan = SAGAN((8, 8, 1), width=8, sn_generator=False, d_width=12, seed=0)
    gan.compile()
    gan.fit(images(4), batch_size=4, verbose=0)
    (attention,) = of_kind(gan.generator, SelfAttention)
    kinds = [*gan.generator.layers, attention.phi, attention.theta, attention.g, attention.out]
    assert not [layer for layer in kinds if isinstance(layer, SpectralNormalized)]
    assert not [weight.path for weight in gan.generator.weights if weight.path.endswith("/u")]
    for layer in gan.discriminator.layers:
        assert isinstance(layer, SpectralNormalized) == isinstance(layer, KERNELS)
    assert of_kind(gan.discriminator, keras.layers.Add)[0].output.shape[-1] == 12
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=1), gan.sample(3, seed=1))


def test_u_advances_in_each_of_the_discriminators_three_calls():
    gan = SAGAN((8, 8, 1), width=4, seed=0)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), run_eagerly=True)
    layer = of_kind(gan.discriminator, keras.layers.Conv2D)[1]
    matrix = layer.kernel.numpy().astype("float64").reshape(-1, layer.kernel.shape[-1]).T
    u = layer.u.numpy().astype("float64")
    gan.fit(images(4), batch_size=4, verbose=0)
    for _ in range(3):
        v = matrix.T @ u / np.linalg.norm(matrix.T @ u)
        u = matrix @ v / np.linalg.norm(matrix @ v)
    np.testing.assert_allclose(layer.u.numpy(), u, atol=1e-5)


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
