"""What is specific to BigGAN: skip-z, the shared embedding, Eq. (3), its networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from golden_files import reader

from kerasgan.layers import ProjectedBatchNormalization, SelfAttention, SpectralNormalized
from kerasgan.models.biggan import (
    BigGAN,
    build_discriminator,
    build_generator,
    check_attention,
    orthogonal_regularizer,
    regularized_kernels,
)
from kerasgan.utils.errors import UserError

golden = reader("biggan.npz")
KERNELS = (keras.layers.Conv2D, keras.layers.Dense, keras.layers.Embedding)
SMALL = {"image_shape": (8, 8, 1), "width": 2, "latent_dim": 9, "seed": 0}


def images(num, image_shape=(8, 8, 1)):
    return np.random.default_rng(0).uniform(-1, 1, (num, *image_shape)).astype("float32")


def of_kind(network, *kinds):
    return [layer for layer in network.layers if isinstance(layer, kinds)]


def maps(network):
    return [layer.output.shape[1:] for layer in of_kind(network, keras.layers.Add)]


# --- Eq. (3) ---


@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_the_regularizer_and_its_gradient_equal_those_of_pytorch(kind):
    torch = golden("ortho")
    kernel = tf.constant(torch[f"{kind}_kernel"])
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        value = orthogonal_regularizer([kernel])
    gradient = tape.gradient(value, kernel)
    np.testing.assert_allclose(value, torch[f"{kind}_value"], rtol=1e-5)
    np.testing.assert_allclose(gradient, torch[f"{kind}_gradient"], rtol=1e-4, atol=1e-4)
    # The authors' code adds half of Eq. (3)'s gradient.
    np.testing.assert_allclose(gradient, 2 * torch[f"{kind}_authors"], rtol=1e-4, atol=1e-4)


def test_every_kernel_of_the_generator_is_regularized_but_the_shared_embedding():
    generator = build_generator((8, 8, 1), 4, 9, 2, 6, attention_side=None)
    wanted = [w.value for w in generator.trainable_weights if len(w.shape) > 1]
    shared = generator.get_layer("shared").kernel.value
    expected = [id(w) for w in wanted if w is not shared]
    assert [id(w) for w in regularized_kernels(generator)] == expected
    # First layer; two batch norms of two projections, three convolutions in each block; last one.
    assert len(expected) == 1 + 2 * (2 * 2 + 3) + 1


def test_the_regularizer_moves_the_generator_alone_by_its_weighted_gradient():
    plain, regular = (BigGAN(**SMALL, n_critic=1, ortho_weight=beta) for beta in (0.0, 1e-2))
    for source, target in zip(plain.networks, regular.networks, strict=True):
        target.set_weights(source.get_weights())
    kernels = regularized_kernels(plain.generator)
    with tf.GradientTape() as tape:
        tape.watch(kernels)
        value = orthogonal_regularizer(kernels)
    gradients = [np.asarray(gradient) for gradient in tape.gradient(value, kernels)]
    for gan in (plain, regular):
        gan.compile(*(keras.optimizers.SGD(1e-1) for _ in range(2)), run_eagerly=True)
        history = gan.fit(images(4), batch_size=4, verbose=0).history
        np.testing.assert_allclose(history["orthogonality"], float(value), rtol=1e-4)
    pairs = [[w.numpy() for w in regularized_kernels(gan.generator)] for gan in (plain, regular)]
    for first, second, gradient in zip(*pairs, gradients, strict=True):
        np.testing.assert_allclose(first - second, 1e-1 * 1e-2 * gradient, atol=1e-6)
    for first, second in zip(
        plain.discriminator.get_weights(), regular.discriminator.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(first, second)


# --- The generator's inputs ---


def test_batch_norms_get_the_class_embedding_and_their_chunk_as_in_pytorch():
    torch = golden("norm")
    generator = build_generator((8, 8, 1), 4, 9, 2, 6)
    generator.get_layer("shared").kernel.assign(torch["embeddings"])
    conditions = [layer.output for layer in of_kind(generator, keras.layers.Concatenate)]
    assert len(conditions) == 2
    other = np.full((4, 3), 9.0, "float32")
    for place in (1, 2):
        chunks = [other, other, other]
        chunks[place] = torch["z_0"]
        z = np.concatenate(chunks, axis=1)
        made = keras.Model(generator.inputs, conditions)([z, torch["labels_0"]])
        np.testing.assert_allclose(made[place - 1], torch["condition_0"], atol=1e-6)


@pytest.mark.parametrize("num_classes", [None, 3])
def test_a_chunk_of_latents_reaches_its_block_and_those_after_it(num_classes):
    generator = build_generator((16, 16, 1), num_classes, 11, 2, 6)
    blocks = [layer.output for layer in of_kind(generator, keras.layers.Add)]
    blocks = keras.Model(generator.inputs, blocks)
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4, 11)).astype("float32")
    label = [] if num_classes is None else [np.array([0, 1, 2, 0], "int32")]
    before = blocks([z, *label])
    for chunk, places in enumerate((slice(0, 5), slice(5, 8), slice(8, 11))):  # 11 = 5 + 3 + 3
        changed = z.copy()
        changed[:, places] += 1.0
        moved = [
            np.abs(a - b).max() > 1e-4
            for a, b in zip(blocks([changed, *label]), before, strict=True)
        ]
        assert moved == [block + 1 >= chunk for block in range(2)]


def test_every_block_knows_the_class_from_the_first_step_on():
    gan = BigGAN(**SMALL, num_classes=2, shared_dim=6)
    first, second = (gan.sample(4, labels=[label] * 4, seed=1) for label in (0, 1))
    assert np.abs(first - second).max() > 1e-3


def test_a_truncation_of_zero_draws_one_picture_for_each_class():
    gan = BigGAN(**SMALL, num_classes=2, shared_dim=6)
    assert list(gan.signature.served) == ["label", "truncation"]
    samples = gan.sample(6, seed=0, truncation=0.0)
    np.testing.assert_allclose(samples, np.tile(samples[:2], (3, 1, 1, 1)), atol=1e-6)
    spread = [gan.sample(64, seed=0, truncation=t).std(axis=0).mean() for t in (0.5, 1.0, 6.0)]
    assert 0 < spread[0] < spread[1] < spread[2]


# --- Networks ---


def test_networks_for_32_pixels_have_the_maps_of_the_authors():
    generator = build_generator((32, 32, 3), 10)
    discriminator = build_discriminator((32, 32, 3), 10)
    assert maps(generator) == [(8, 8, 256), (16, 16, 256), (32, 32, 256)]
    assert maps(discriminator)[:-1] == [(16, 16, 256), (16, 16, 256), (8, 8, 256), (8, 8, 256)]
    norms = of_kind(generator, ProjectedBatchNormalization)
    assert [norm.gain.kernel.shape for norm in norms] == [(128 + 32, 256)] * 6


def test_networks_for_128_pixels_have_the_maps_of_the_authors():
    networks = (
        build_generator((128, 128, 3), 10, 120, 2, attention_side=64),
        build_discriminator((128, 128, 3), 10, 2, attention_side=64),
    )
    doubled = [(8, 32), (16, 16), (32, 8), (64, 4), (128, 2)]
    assert maps(networks[0]) == [(side, side, filters) for side, filters in doubled]
    channels = [shape[-1] for shape in maps(networks[1])[:-1]]
    assert channels == [2, 4, 8, 16, 32, 32]
    for network in networks:
        (attention,) = of_kind(network, SelfAttention)
        assert attention.output.shape[1:] == (64, 64, {0: 4, 1: 2}[networks.index(network)])
    dense = of_kind(networks[0], keras.layers.Dense)
    assert [layer.kernel.shape for layer in dense] == [(20, 4 * 4 * 32), (10, 128)]


@pytest.mark.parametrize("image_shape, sides", [((32, 32, 1), (16, 8)), ((28, 28, 1), (14,))])
def test_attention_is_at_every_side_that_both_networks_have_and_at_no_other(image_shape, sides):
    for side in sides:
        for build in (
            lambda side=side: build_generator(image_shape, None, 8, 2, 4, side),
            lambda side=side: build_discriminator(image_shape, None, 2, side),
        ):
            (attention,) = of_kind(build(), SelfAttention)
            assert attention.output.shape[1:3] == (side, side)
    for side in (image_shape[0], 7, 4, 5):
        with pytest.raises(UserError, match="must be that of a feature map of both networks"):
            check_attention(image_shape, side)


@pytest.mark.parametrize("num_classes", [None, 4])
def test_every_layer_but_the_shared_embedding_is_normalised(num_classes):
    networks = (
        build_generator((16, 16, 1), num_classes, 9, 2),
        build_discriminator((16, 16, 1), num_classes, 2),
    )
    for network in networks:
        for layer in of_kind(network, *KERNELS):
            assert isinstance(layer, SpectralNormalized) == (layer.name != "shared")
            kernel = getattr(layer, "kernel", None)
            kernel = layer.embeddings if kernel is None else kernel
            matrix = kernel.numpy().reshape(-1, kernel.shape[-1])
            np.testing.assert_allclose(np.linalg.svd(matrix, compute_uv=False), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"latent_dim": 2}, "each of 3 chunks a number: 3 or more. Received: latent_dim=2"),
        ({"attention_side": 16}, r"both networks, 4 for image_shape=\(8, 8, 1\).*=16"),
        ({"ortho_weight": -1.0}, "`ortho_weight` must be 0 or more"),
        ({"shared_dim": 6}, "`shared_dim` is of the class embedding.*=6"),
        ({"num_classes": 0}, "`num_classes` must be a whole number, 1 or more"),
        ({"n_critic": 0}, "`n_critic` must be a whole number, 1 or more"),
        ({"image_shape": (10, 8, 1)}, "divisible by 4"),
    ],
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        BigGAN(**{**SMALL, **wrong})


# --- Training ---


def test_discriminator_takes_n_critic_updates_for_one_of_the_generator():
    gan = BigGAN(**SMALL, num_classes=2, shared_dim=6, n_critic=3)
    gan.compile(run_eagerly=True)
    gan.fit(images(12), np.arange(12) % 2, batch_size=12, verbose=0)
    assert int(gan.d_optimizer.iterations) == 3
    assert int(gan.g_optimizer.iterations) == 1


def test_optimizers_are_those_of_the_paper():
    configs = [optimizer.get_config() for optimizer in BigGAN.default_optimizers()]
    np.testing.assert_allclose([c["learning_rate"] for c in configs], [5e-5, 2e-4], rtol=1e-6)
    assert {(c["beta_1"], c["beta_2"]) for c in configs} == {(0.0, 0.999)}
