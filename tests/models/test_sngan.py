"""What is specific to SNGAN: its networks, its losses and the spectral norm in training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import data
from kerasgan.layers import (
    ConditionalBatchNormalization,
    SpectralConv2D,
    SpectralDense,
    SpectralEmbedding,
    SpectralNormalized,
)
from kerasgan.losses import hinge_discriminator_loss, hinge_generator_loss
from kerasgan.models.sngan import ARCHITECTURES, SNGAN
from kerasgan.utils.errors import UserError

KERNELS = (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.Dense)


def images(num, image_shape=(28, 28, 1)):
    return np.random.default_rng(0).uniform(-1, 1, (num, *image_shape)).astype("float32")


def of_kind(network, *kinds):
    return [layer for layer in network.layers if isinstance(layer, kinds)]


def shapes(network, *kinds):
    return [layer.output.shape[1:] for layer in of_kind(network, *kinds)]


def singular_values(layer):
    """Returns the singular values of the kernel that a layer uses at inference, in float64."""
    kernel = np.asarray(layer.normalized_kernel(training=False), "float64")
    return np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)


def test_resnets_for_32_pixels_have_the_shapes_of_the_paper():
    generator, discriminator = (build((32, 32, 3)) for build in ARCHITECTURES["resnet"])
    blocks = shapes(generator, keras.layers.Add)
    assert blocks == [(8, 8, 256), (16, 16, 256), (32, 32, 256)]
    assert shapes(generator, keras.layers.Dense) == [(4 * 4 * 256,)]
    # Two blocks that halve the sides (the second one pools after the sum), then two that do not.
    assert shapes(discriminator, keras.layers.Add) == [
        (16, 16, 128),
        (16, 16, 128),
        (8, 8, 128),
        (8, 8, 128),
    ]
    assert shapes(discriminator, SpectralDense) == [(1,)]


def test_conv_nets_for_32_pixels_have_the_shapes_of_the_paper():
    generator, discriminator = (build((32, 32, 3)) for build in ARCHITECTURES["conv"])
    assert shapes(generator, keras.layers.Conv2DTranspose) == [
        (8, 8, 256),
        (16, 16, 128),
        (32, 32, 64),
    ]
    assert shapes(generator, keras.layers.Dense) == [(4 * 4 * 512,)]
    assert shapes(discriminator, SpectralConv2D) == [
        (32, 32, 64),
        (16, 16, 128),
        (16, 16, 128),
        (8, 8, 256),
        (8, 8, 256),
        (4, 4, 512),
        (4, 4, 512),
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("image_shape", [(8, 8, 1), (28, 28, 1), (48, 32, 3), (64, 64, 3)])
def test_any_sides_divisible_by_four_work(architecture, image_shape):
    generator, discriminator = (
        build(image_shape, width=8) for build in ARCHITECTURES[architecture]
    )
    assert generator.output_shape == (None, *image_shape)
    assert discriminator.output_shape == (None, 1)
    last_map = [layer.output.shape[1:3] for layer in discriminator.layers if layer.output.ndim == 4]
    assert min(last_map[-1]) <= 8


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_layer_of_the_discriminator_is_normalised_and_no_other(architecture):
    generator, discriminator = (
        build((28, 28, 1), width=8) for build in ARCHITECTURES[architecture]
    )
    for layer in discriminator.layers:
        assert not isinstance(layer, keras.layers.BatchNormalization)
        assert isinstance(layer, SpectralNormalized) == isinstance(layer, KERNELS)
    assert not [layer for layer in generator.layers if isinstance(layer, SpectralNormalized)]


def test_the_first_batch_norm_of_the_conv_nets_leaves_every_place_a_mean_of_its_own():
    kinds = {"units": 4 * 4 * 16, "channels": 16}
    for first_norm, size in kinds.items():
        generator = SNGAN(
            (32, 32, 1), width=8, architecture="conv", first_norm=first_norm
        ).generator
        norm = of_kind(generator, keras.layers.BatchNormalization)[0]
        assert norm.gamma.shape == (size,)
        norm.beta.assign(np.arange(size) % 7 - 3.0)
        z = np.random.default_rng(0).normal(size=(256, 128)).astype("float32")
        outputs = keras.Model(generator.input, norm.output)(z, training=True).numpy()
        means = outputs.reshape(256, 4, 4, 16).mean(0)
        assert (np.ptp(means, axis=(0, 1)).min() > 1.0) == (first_norm == "units")


def test_a_conv_file_from_before_keeps_its_first_norm():
    gan = SNGAN((8, 8, 1), width=8, architecture="conv", n_critic=1)
    config = gan.get_config()
    assert config.pop("first_norm") == "units"
    before = SNGAN.from_config(config)
    assert before.first_norm == "channels"
    assert of_kind(before.generator, keras.layers.BatchNormalization)[0].gamma.ndim == 1
    assert before.generator.count_params() < gan.generator.count_params()
    assert SNGAN.from_config({**config, "architecture": "resnet"}).first_norm == "units"


def test_with_classes_the_blocks_of_the_generator_alone_have_conditional_norms():
    plain, conditional = (
        ARCHITECTURES["resnet"][0]((32, 32, 3), width=8, num_classes=number)
        for number in (None, 10)
    )
    norms = (keras.layers.BatchNormalization, ConditionalBatchNormalization)
    kinds = [[type(each) for each in of_kind(net, *norms)] for net in (plain, conditional)]
    assert kinds[0] == [norms[0]] * 7
    assert kinds[1] == [norms[1]] * 6 + [norms[0]]
    gamma = of_kind(conditional, norms[1])[0].gamma
    assert gamma.shape == (10, 8)


def test_the_discriminator_adds_the_projection_of_the_class():
    discriminator = ARCHITECTURES["resnet"][1]((8, 8, 1), width=8, num_classes=4)
    x, (embedding,) = images(3, (8, 8, 1)), of_kind(discriminator, SpectralEmbedding)
    dense = discriminator.get_layer("logits")
    h = keras.Model(discriminator.inputs, dense.input)([x, np.zeros(3, "int32")])
    h = np.asarray(h, "float64")
    kernel, table = (
        np.asarray(each.normalized_kernel(training=False), "float64") for each in (dense, embedding)
    )
    for label in range(4):  # Eq. (3): psi(h) + <v_y, h>
        logits = discriminator([x, np.full(3, label, "int32")])
        expected = h @ kernel + h @ table[label][:, None]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_generated_and_real_images_get_the_labels_of_their_minibatch():
    gan = SNGAN((8, 8, 1), width=8, n_critic=2, num_classes=4, seed=0)
    gan.compile(run_eagerly=True)
    labels, seen = np.array([0, 1, 2, 3, 0, 1, 2, 3]), []
    for network in gan.networks:
        call = network.call

        def recorded(inputs, *args, name=network.name, call=call, **kwargs):
            seen.append((name, np.asarray(inputs[1]).tolist()))
            return call(inputs, *args, **kwargs)

        network.call = recorded
    gan.fit(images(8, (8, 8, 1)), labels, batch_size=8, shuffle=False, verbose=0)
    even, odd = [0, 2, 0, 2], [1, 3, 1, 3]  # of minibatches that take every second image
    judged = [("discriminator", each) for each in (even, even, odd, odd)]
    made = [("generator", each) for each in (even, odd)]
    assert seen == [*made, *judged, ("generator", odd), ("discriminator", odd)]


def test_classes_need_the_resnets():
    with pytest.raises(UserError, match='Classes need architecture="resnet".*num_classes=10'):
        SNGAN((8, 8, 1), architecture="conv", num_classes=10)


def test_resnet_discriminator_sums_over_positions():
    discriminator = ARCHITECTURES["resnet"][1]((28, 28, 1), width=8)
    dense = discriminator.get_layer("logits")
    relu = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.ReLU)][-1]
    maps = keras.Model(discriminator.input, relu.output)
    x = images(3)
    h = np.asarray(maps(x), "float64")
    assert h.shape == (3, 7, 7, 4) and h.min() == 0.0
    expected = h.sum((1, 2)) @ np.asarray(dense.normalized_kernel(training=False), "float64")
    np.testing.assert_allclose(discriminator(x), expected, rtol=1e-5, atol=1e-5)


def test_block_convolutions_start_with_glorots_range_times_the_root_of_two():
    discriminator = ARCHITECTURES["resnet"][1]((32, 32, 3))
    for layer in discriminator.layers:
        if isinstance(layer, KERNELS):
            kernel = layer.kernel.numpy()
            fan_in = np.prod(kernel.shape[:-1])
            fan_out = np.prod(kernel.shape) // kernel.shape[-2]
            gain = np.sqrt(2.0) if kernel.shape[0] == 3 and kernel.ndim == 4 else 1.0
            limit = gain * np.sqrt(6.0 / (fan_in + fan_out))
            assert 0.95 * limit < np.abs(kernel).max() <= limit


def test_hinge_losses_equal_the_equations_in_float64():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0.0, 3.0, (2, 64, 1))
    d_loss = -np.minimum(0, -1 + real).mean() - np.minimum(0, -1 - fake).mean()  # Eq. (16)
    np.testing.assert_allclose(hinge_discriminator_loss(real, fake), d_loss, rtol=1e-6)
    np.testing.assert_allclose(hinge_generator_loss(fake), -fake.mean(), rtol=1e-6)


def test_discriminator_takes_n_critic_updates_for_one_of_the_generator():
    gan = SNGAN((8, 8, 1), width=8, n_critic=3, seed=0)
    gan.compile(run_eagerly=True)
    gan.fit(images(12, (8, 8, 1)), batch_size=12, verbose=0)
    assert int(gan.d_optimizer.iterations) == 3
    assert int(gan.g_optimizer.iterations) == 1


def test_both_learning_rates_reach_zero_after_100000_steps():
    g_optimizer, d_optimizer = SNGAN.default_optimizers()
    g_schedule, d_schedule = (o._learning_rate for o in (g_optimizer, d_optimizer))
    for step, rate in ((0, 2e-4), (50_000, 1e-4), (100_000, 0.0), (200_000, 0.0)):
        np.testing.assert_allclose(g_schedule(step), rate, atol=1e-10)
        np.testing.assert_allclose(d_schedule(5 * step), rate, atol=1e-10)


@pytest.mark.parametrize("architecture", ["conv", pytest.param("resnet", marks=pytest.mark.slow)])
def test_largest_singular_values_are_one_within_5_percent_after_200_steps(architecture):
    clothes, _ = data.load_arrays("fashion_mnist_mini", split="train[:1600]")
    keras.utils.set_random_seed(1)
    gan = SNGAN((28, 28, 1), width=16, architecture=architecture, n_critic=1, seed=1)
    gan.compile()
    gan.fit(clothes, batch_size=8, verbose=0)
    layers = [layer for layer in gan.discriminator.layers if isinstance(layer, SpectralNormalized)]
    largest = [singular_values(layer)[0] for layer in layers]
    np.testing.assert_allclose(largest, 1.0, atol=0.05)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"architecture": "mlp"}, "one of resnet, conv.*'mlp'"),
        ({"first_norm": "batch"}, "must be units or channels.*'batch'"),
        ({"first_norm": "channels"}, '`first_norm` is of architecture="conv"'),
        ({"n_critic": 0}, "`n_critic` must be a whole number, 1 or more.*0"),
        ({"image_shape": (30, 32, 3)}, "divisible by 4.*30"),
    ],
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        SNGAN(**{"image_shape": (32, 32, 3), "width": 8, **wrong})


def test_a_batch_that_does_not_split_is_refused():
    gan = SNGAN((8, 8, 1), width=8)
    gan.compile()
    with pytest.raises(UserError, match="divisible by 5. Received: 16"):
        gan.fit(tf.zeros((16, 8, 8, 1)), batch_size=16)
