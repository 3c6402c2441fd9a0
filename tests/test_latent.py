"""Interpolation and arithmetic in latent space."""

import keras
import numpy as np
import pytest

from kerasgan import (
    DCGAN,
    GAN,
    LAPGAN,
    BigGAN,
    ConditionalGAN,
    StyleGAN2,
    latent,
)
from kerasgan.layers import SpectralDense
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError
from kerasgan.viz import walks


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.mark.parametrize("method", ["linear", "spherical"])
def test_a_walk_starts_and_ends_at_the_given_points(method, random):
    start, end = random.normal(size=(2, 64))
    walk = walks.interpolate(start, end, 7, method)
    assert walk.shape == (7, 64) and walk.dtype == np.float32
    np.testing.assert_allclose(walk[[0, -1]], [start, end], atol=1e-6)


def test_a_spherical_walk_keeps_the_length_that_a_line_loses(random):
    start, end = random.normal(size=(2, 64))
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    lengths = np.linalg.norm(walks.interpolate(start, end, 9, "spherical"), axis=1)
    np.testing.assert_allclose(lengths, 1.0, atol=1e-6)
    assert np.linalg.norm(walks.interpolate(start, end, 9), axis=1).min() < 0.8


def test_a_spherical_walk_turns_by_equal_angles(random):
    start, end = random.normal(size=(2, 64))
    walk = walks.interpolate(start, end, 5, "spherical").astype("float64")
    unit = walk / np.linalg.norm(walk, axis=1, keepdims=True)
    angles = np.arccos((unit[1:] * unit[:-1]).sum(axis=1))
    # Exact if both ends have the same length; these differ by a few percent.
    np.testing.assert_allclose(angles, angles.mean(), rtol=0.15)


def test_a_walk_between_equal_latents_stays_there(random):
    point = random.normal(size=8)
    walk = walks.interpolate(point, point, 4, "spherical")
    np.testing.assert_allclose(walk, np.tile(point, (4, 1)), atol=1e-6)


def test_combine_is_mean_minus_mean_plus_mean(random):
    a, b, c = random.normal(size=(3, 5, 8))
    expected = a.mean(0) - b.mean(0) + c.mean(0)
    np.testing.assert_allclose(walks.combine(a, b, c), expected, atol=1e-6)


def test_mistakes_are_reported():
    with pytest.raises(UserError, match='Unknown method "sperical": did you mean "spherical"'):
        walks.interpolate(np.ones(2), np.ones(2), 3, "sperical")
    with pytest.raises(UserError, match="two latents .* steps=1"):
        walks.interpolate(np.ones(2), np.ones(2), 1)


def test_pictures_show_the_generator_at_those_latents():
    gan = DCGAN((8, 8, 1), width=4)
    a, b, c = (np.asarray(gan.latent_prior(3, [0, i])) for i in range(3))
    strip = walks.arithmetic_strip(gan, a, b, c)
    result = pixels.to_uint8(gan(walks.combine(a, b, c)[None]).numpy()[0])
    assert np.abs(strip[:, -8:].astype(int) - result).max() <= 1
    assert walks.interpolation_grid(gan, rows=2, steps=3).shape == (18, 28, 1)


def test_a_walk_stays_in_a_class_that_there_is():
    gan = ConditionalGAN((8, 8, 1), 2, width=60, class_names=["cats", "dogs"])
    by_name, by_id = (
        walks.interpolation_grid(gan, rows=2, steps=3, label=label) for label in ("dogs", 1)
    )
    np.testing.assert_array_equal(by_name, by_id)
    for wrong, message in ((2, "must lie in 0 to 1"), ("cows", 'no class "cows"')):
        with pytest.raises(UserError, match=message):
            walks.interpolation_grid(gan, rows=2, steps=3, label=wrong)
    with pytest.raises(UserError, match="DCGAN has no classes"):
        walks.interpolation_grid(DCGAN((8, 8, 1), width=4), rows=2, steps=3, label=0)


# --- Directions ---


class OneStrong(GAN):
    """A generator that is a matrix: it stretches latents along known axes."""

    def __init__(self, seed=None):
        z = keras.Input((4,), name="z")
        images = keras.layers.Reshape((2, 2, 1))(keras.layers.Dense(4, use_bias=False)(z))
        judge = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
        super().__init__(keras.Model(z, images), judge, seed=seed)


def test_components_are_the_axes_along_which_a_matrix_stretches(random):
    gan = OneStrong()
    axes, _ = np.linalg.qr(random.normal(size=(4, 4)))
    outputs, _ = np.linalg.qr(random.normal(size=(4, 4)))
    gan.generator.layers[1].kernel.assign(axes @ np.diag([5.0, 3.0, 2.0, 1.0]) @ outputs)
    found = latent.directions(gan, 4, "components")
    np.testing.assert_allclose(np.abs(found @ axes), np.eye(4), atol=1e-5)
    assert (found[np.arange(4), np.abs(found).argmax(axis=1)] > 0).all()


@pytest.mark.parametrize("method", latent.METHODS)
def test_the_norm_of_a_kernel_that_is_normalised_does_not_matter(method, random):
    gan = BigGAN((8, 8, 3), width=2, num_classes=2)
    for weight in gan.generator.trainable_variables:  # orthogonal ones have no strongest direction
        weight.assign(random.normal(size=weight.shape))
    before = latent.directions(gan, 3, method)
    first = next(each for each in gan.generator.layers if isinstance(each, SpectralDense))
    first.kernel.assign(7.0 * first.kernel)
    np.testing.assert_allclose(latent.directions(gan, 3, method), before, atol=1e-4)


def test_the_closed_form_is_that_of_sefa_s_code():
    gan = DCGAN((8, 8, 1), width=4)
    kernel = gan.generator.layers[1].kernel.numpy().astype("float64")
    weight = kernel / np.linalg.norm(kernel, axis=0, keepdims=True)
    values, vectors = np.linalg.eig(weight @ weight.T)
    expected = vectors[:, np.argsort(values.real)[::-1][:3]].real.T
    found = latent.directions(gan, 3)
    np.testing.assert_allclose(np.abs(found @ expected.T), np.eye(3), atol=1e-4)


def test_a_part_of_the_latents_counts_as_a_part():
    gan = BigGAN((8, 8, 1), latent_dim=9, width=1, num_classes=2)  # three chunks of 3
    found = latent.directions(gan, 9)
    np.testing.assert_allclose(found @ found.T, np.eye(9), atol=1e-5)
    # Each direction is one of the chunk that a layer takes, and none is left out.
    sizes = np.linalg.norm(found.reshape(9, 3, 3), axis=2)
    np.testing.assert_allclose(np.sort(sizes, axis=1), [[0.0, 0.0, 1.0]] * 9, atol=1e-5)
    np.testing.assert_array_equal(np.bincount(sizes.argmax(axis=1)), [3, 3, 3])
    # Those of the last chunk are the ones of the last block's batch norms.
    norms = [
        layer for layer in gan.generator.layers if type(layer).__name__.startswith("Projected")
    ]
    kernels = [each.kernel[-3:].numpy() for norm in norms[-2:] for each in (norm.gain, norm.bias)]
    whole = [each.kernel.numpy() for norm in norms[-2:] for each in (norm.gain, norm.bias)]
    assert {kernel.shape[0] for kernel in whole} == {128 + 3}
    columns = np.concatenate(kernels, axis=1).astype("float64")
    columns /= np.linalg.norm(columns, axis=0)
    _, vectors = np.linalg.eigh(columns @ columns.T)
    last = found[sizes.argmax(axis=1) == 2][:, 6:]
    np.testing.assert_allclose(np.abs(last @ vectors[:, ::-1]), np.eye(3), atol=1e-4)


def test_directions_that_change_nothing_are_not_given():
    gan = OneStrong()
    gan.generator.layers[1].kernel.assign(np.diag([2.0, 1.0, 0.0, 0.0]))
    assert latent.directions(gan, 2).shape == (2, 4)
    with pytest.raises(UserError, match="Only 2 directions change anything"):
        latent.directions(gan, 3)


def test_strips_and_walks_keep_the_class():
    gan = ConditionalGAN((8, 8, 1), num_classes=3, latent_dim=4, width=4, seed=0)
    seen = []
    generate = gan.generate
    gan.generate = lambda *inputs: seen.append(np.asarray(inputs[1])) or generate(*inputs)
    walks.direction_strips(gan, np.eye(4)[:2], steps=3)
    walks.interpolation_grid(gan, rows=4, steps=3)
    walks.arithmetic_strip(gan, *np.ones((3, 2, 4), "float32"))
    in_turn = [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0]
    assert [labels.tolist() for labels in seen] == [[0] * 6, in_turn, [0] * 4]


def test_directions_of_styles_are_those_of_w():
    gan = StyleGAN2((8, 8, 1), latent_dim=6, width=2)
    for method in latent.METHODS:
        found = latent.directions(gan, 6, method)
        np.testing.assert_allclose(found @ found.T, np.eye(6), atol=1e-5)
    w = np.asarray(gan.to_w(gan.latent_prior(latent.SAMPLES, [0, 0])))
    spread = (w @ found.T).std(axis=0)
    assert (np.diff(spread) < 0).all()
    strips = walks.direction_strips(gan, found[:2], steps=3)
    middle = pixels.to_uint8(gan.from_w(w[:1]).numpy()[0])
    assert strips.shape == (18, 28, 1)
    assert np.abs(strips[:8, 10:18].astype(int) - middle).max() <= 1


def test_directions_that_are_not_known_are_refused():
    with pytest.raises(UserError, match='Unknown method "sefa"'):
        latent.directions(OneStrong(), method="sefa")
    with pytest.raises(UserError, match="at most 4. Received: num=5"):
        latent.directions(OneStrong(), 5)
    with pytest.raises(UserError, match="No layer of LAPGAN's generator takes its latents"):
        latent.directions(LAPGAN((16, 16, 1), width=4))
