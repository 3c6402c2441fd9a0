"""LAPGAN: the pyramid against NumPy, independent training of levels, and the sampling cascade."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import LAPGAN
from kerasgan.layers.pyramid import Downsample, LaplacianPyramid, Upsample
from kerasgan.utils.errors import UserError


def random_images(num, side, channels=1, seed=0):
    shape = (num, side, side, channels)
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def make(side=16, channels=1, seed=1, **arguments):
    keras.utils.set_random_seed(seed)
    gan = LAPGAN((side, side, channels), width=8, seed=seed, **arguments)
    gan.compile()
    return gan


def level_weights(gan, level):
    generators, discriminators = gan.level_networks()
    return [*generators[level].get_weights(), *discriminators[level].get_weights()]


def equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def mirror(index, side):
    return side - 1 - abs(side - 1 - abs(index))


def blur_matrix(side):
    """Returns the blur of a row of pixels as a float64 matrix, filled weight by weight."""
    matrix = np.zeros((side, side))
    for i in range(side):
        for offset, weight in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
            matrix[i, mirror(i + offset, side)] += weight / 16
    return matrix


def test_downsampling_is_burt_and_adelsons_blur_and_every_second_pixel():
    images = random_images(2, 16, 3)
    reduce = blur_matrix(16)[::2]  # (8, 16)
    expected = np.einsum("ai,nijc,bj->nabc", reduce, images.astype("float64"), reduce)
    np.testing.assert_allclose(Downsample()(images), expected, atol=1e-6)


def test_upsampling_interpolates_between_zeros_four_times_as_strongly():
    images = random_images(2, 8, 3)
    expand = 2 * blur_matrix(16)[:, ::2]  # (16, 8): zeros drop every second column
    expected = np.einsum("ai,nijc,bj->nabc", expand, images.astype("float64"), expand)
    np.testing.assert_allclose(Upsample()(images), expected, atol=1e-6)


@pytest.mark.parametrize("side, levels, channels", [(16, 1, 1), (32, 2, 3), (64, 3, 3)])
def test_the_pyramid_reconstructs_images_exactly(side, levels, channels):
    images = random_images(4, side, channels)
    pyramid = LaplacianPyramid(levels)
    residuals, lows = pyramid(images)
    assert [h.shape[1] for h in residuals] == [8 * 2**k for k in range(levels + 1)]
    np.testing.assert_array_equal(residuals[-1], images - lows[-1])
    assert np.abs(pyramid.reconstruct(residuals) - images).max() <= 1e-6


def test_a_constant_image_has_no_residuals_not_even_at_its_border():
    residuals, _ = LaplacianPyramid(2)(tf.fill((1, 32, 32, 1), -1.0))
    for residual in residuals[1:]:
        assert np.abs(residual).max() <= 1e-6


def test_sampling_is_the_cascade_of_equation_5():
    gan = make(32)
    generators, _ = gan.level_networks()
    z = gan.latent_prior(3, [5, 0])
    base, coarse, fine = z[:, :100], z[:, 100:356], z[:, 356:]
    image = np.clip(generators[0]([base]), -1, 1)
    for generator, plane in ((generators[1], coarse), (generators[2], fine)):
        low = Upsample()(image)
        image = np.clip(low + generator([plane, low]), -1, 1)
    np.testing.assert_allclose(gan(z), image, atol=1e-6)
    assert gan.latent_dim == 100 + 16 * 16 + 32 * 32


def test_latents_are_uniform_between_minus_one_and_one():
    latents = make().latent_prior(200, [1, 2]).numpy()
    assert -1 <= latents.min() < -0.99 and 0.99 < latents.max() <= 1
    assert latents.std() == pytest.approx(1 / np.sqrt(3), abs=0.01)


def test_no_level_trains_on_what_another_level_generates():
    """A different G_K changes the cascade's samples, but not the training of other levels."""
    first, second = make(), make()
    base = second.level_networks()[0][0]
    base.set_weights([weight + 0.1 for weight in base.get_weights()])
    for gan in (first, second):
        gan.fit(random_images(8, 16), batch_size=4, shuffle=False, verbose=0)
    assert not equal(level_weights(first, 0), level_weights(second, 0))
    assert equal(level_weights(first, 1), level_weights(second, 1))


def test_fine_detail_trains_the_fine_level_only():
    images = random_images(4, 16) / 2
    stripes = 0.25 * (-1.0) ** np.arange(16, dtype="float32")[:, None]  # the blur removes them
    detailed = images + stripes
    np.testing.assert_allclose(Downsample()(detailed), Downsample()(images), atol=1e-6)
    plain, striped = make(), make()
    start = [level_weights(plain, level) for level in range(2)]
    plain.fit(images, batch_size=4, shuffle=False, verbose=0)
    striped.fit(detailed, batch_size=4, shuffle=False, verbose=0)
    apart = []
    for level in range(2):
        weights = level_weights(plain, level), level_weights(striped, level), start[level]
        flat = [np.concatenate([w.ravel() for w in group]) for group in weights]
        apart.append(np.linalg.norm(flat[1] - flat[0]) / np.linalg.norm(flat[0] - flat[2]))
    assert apart[0] < 1e-3 and apart[1] > 0.1


def test_one_optimizer_for_all_levels_equals_one_per_level():
    """One Adam step on the sum of the losses equals one step per level with a separate Adam."""
    images = random_images(4, 16)
    joint, single = make(), make()
    single.minimize = lambda *step: minimize_each_level(single, *step)
    for gan in (joint, single):
        adams = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)
        gan.compile(*adams, run_eagerly=True)
        gan.fit(images, batch_size=4, shuffle=False, verbose=0)
    for level in range(2):
        pairs = zip(level_weights(joint, level), level_weights(single, level), strict=True)
        assert max(np.abs(a - b).max() for a, b in pairs) < 1e-6


def minimize_each_level(gan, tape, loss, network, optimizer):
    gradients = iter(tape.gradient(loss, network.trainable_variables))
    for level in gan.level_networks()[0 if network is gan.generator else 1]:
        own = keras.optimizers.Adam(1e-3)
        own.build(level.trainable_variables)
        own.apply([next(gradients) for _ in level.trainable_variables], level.trainable_variables)
    assert next(gradients, None) is None


def test_64_pixels_have_four_levels_and_a_pair_of_losses_each():
    gan = make(64, channels=3)
    history = gan.fit(random_images(4, 64, 3), batch_size=4, verbose=0).history
    assert set(history) == {f"{x}_loss_{side}" for x in "dg" for side in (8, 16, 32, 64)}
    assert gan.sample(2, seed=0).shape == (2, 64, 64, 3)


def test_networks_are_the_papers_at_full_width():
    gan = LAPGAN((32, 32, 3))
    (base_g, _, fine_g), (base_d, _, fine_d) = gan.level_networks()

    def units(network):
        return [layer.units for layer in network.layers if isinstance(layer, layers.Dense)]

    def convolutions(network):
        found = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
        return [(x.filters, x.kernel_size[0], x.strides[0], x.padding) for x in found]

    assert units(base_g) == [1200, 1200, 8 * 8 * 3] and units(base_d) == [600, 600, 1]
    assert convolutions(fine_g) == [(64, 7, 1, "same"), (64, 7, 1, "same"), (3, 5, 1, "same")]
    assert convolutions(fine_d) == [(64, 5, 1, "valid"), (64, 5, 2, "same")]
    assert [layer.rate for layer in base_d.layers if isinstance(layer, layers.Dropout)] == [0.5] * 2
    assert [layer.rate for layer in fine_d.layers if isinstance(layer, layers.Dropout)] == [0.5]
    # 7 x 7 x (3 colours + 1 noise plane) x 64 + 64, 7 x 7 x 64 x 64 + 64, 5 x 5 x 64 x 3 + 3
    assert fine_g.count_params() == 12608 + 200768 + 4803
    # 5 x 5 x 3 x 64 + 64, 5 x 5 x 64 x 64 + 64, 14 x 14 x 64 + 1
    assert fine_d.count_params() == 4864 + 102464 + 12545


def test_initial_weights_have_the_authors_spread():
    (base_g, fine_g), (base_d, fine_d) = LAPGAN((16, 16, 1)).level_networks()
    for network, spread in ((base_g, 0.05), (base_d, 0.005)):
        assert network.weights[0].numpy().std() == pytest.approx(spread, rel=0.05)
    for network in (fine_g, fine_d):
        kernel = network.weights[2].numpy()  # the second convolution's kernel
        limit = 1 / np.sqrt(np.prod(kernel.shape[:3]))
        assert 0.98 * limit < np.abs(kernel).max() <= limit


def test_the_discriminator_adds_the_low_pass_image_to_the_residual():
    _, (_, judge) = make().level_networks()
    residual, low = random_images(2, 16, seed=1), random_images(2, 16, seed=2)
    np.testing.assert_allclose(
        judge([residual, low]), judge([residual + low, np.zeros_like(low)]), atol=1e-6
    )


def test_discriminators_see_every_pixel_of_the_residual():
    for side in (16, 32):
        judge = make(side).level_networks()[1][-1]
        low = tf.constant(random_images(1, side) / 2)
        residual = tf.constant(random_images(1, side, seed=1) / 4)
        with tf.GradientTape() as tape:
            tape.watch(residual)
            logits = judge([residual, low])
        seen = np.abs(tape.gradient(logits, residual)).squeeze()
        assert seen[0].any() and seen[-1].any() and seen[:, 0].any() and seen[:, -1].any()


def test_values_outside_the_range_of_images_are_clipped_before_the_discriminator():
    _, (_, judge) = make().level_networks()
    low = random_images(2, 16)
    over, under = np.full_like(low, 3.0), np.full_like(low, -3.0)
    np.testing.assert_array_equal(judge([over, low]), judge([over + 1.0, low]))
    edge = judge([np.full_like(low, -1.0), np.zeros_like(low)])
    np.testing.assert_array_equal(judge([under, low]), edge)


@pytest.mark.parametrize("width, channels", [(16, [64, 32, 16]), (64, [64] * 3), (96, [96] * 3)])
def test_coarser_levels_have_twice_the_channels_up_to_the_authors_64(width, channels):
    for networks in LAPGAN((64, 64, 1), width=width).level_networks():
        found = [
            next(layer.filters for layer in network.layers if isinstance(layer, layers.Conv2D))
            for network in networks[1:]
        ]
        assert found == channels


def test_the_class_conditions_every_network_of_every_level(tmp_path):
    gan = make(num_classes=4)
    labels = np.arange(8, dtype="int32") % 4
    before = [level_weights(gan, level) for level in range(2)]
    gan.fit(random_images(8, 16), labels, batch_size=8, verbose=0)
    for level in range(2):
        moved = zip(level_weights(gan, level), before[level], strict=True)
        assert all(np.abs(new - old).max() > 0 for new, old in moved)

    (base_g, fine_g), (base_d, fine_d) = gan.level_networks()
    image, low = tf.constant(random_images(1, 8)), tf.constant(random_images(1, 16))
    z = gan.latent_prior(1, [0, 0])
    for network, inputs in (
        (base_g, [z[:, :100]]),
        (fine_g, [z[:, 100:], low]),
        (base_d, [image]),
        (fine_d, [low, low]),
    ):
        outputs = [network([*inputs, tf.constant([label])]).numpy() for label in range(4)]
        for other in outputs[1:]:
            assert np.abs(other - outputs[0]).max() > 0, network.name

    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    samples = gan.sample(4, labels=[3, 2, 1, 0], seed=1)
    np.testing.assert_array_equal(loaded.sample(4, labels=[3, 2, 1, 0], seed=1), samples)
    with pytest.raises(UserError, match="is conditional: `label` must be given"):
        gan.fit(random_images(8, 16))


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 1), (48, 48, 3), (32, 16, 1)])
def test_other_sides_than_powers_of_two_from_16_up_are_refused(shape):
    with pytest.raises(UserError, match=r"must have power-of-two sides from 16 up.*Received"):
        LAPGAN(shape)
