"""The page computes the same images as Keras from the same latents."""

import importlib

import numpy as np
import pytest
import tensorflow as tf
from chromium_page import drawn, latents, of_keras, pixels, tile
from contract import cases

from kerasgan import latent
from kerasgan.signature.truncation import truncated
from kerasgan.utils.pixels import to_uint8
from kerasgan.viz import walks

module = importlib.import_module("kerasgan.export.browser")  # `export.browser` is the function
pytestmark = pytest.mark.export


@pytest.mark.parametrize("name", [case.id for case in cases()] + ["wide"])
def test_a_browser_computes_what_keras_computes(served, visit, name, record_property):
    gan = served[0].get(name)
    if gan is None:
        pytest.skip("a page cannot show it")
    z = gan.latent_prior(3, [3, 4]).numpy()
    label = [2, 0, 9] if gan.signature.turns else None
    page = visit(name)
    made = page.evaluate(
        """async ([name, rows, labels]) => {
          const images = [];
          for (const [i, z] of rows.entries()) {
            images.push([...await kerasgan.generate(name, z, labels?.[i])]);
          }
          return images;
        }""",
        [name, z.tolist(), label],
    )
    expected = of_keras(gan, z, label)
    assert np.ptp(expected) > 0.2  # the images are not constant
    difference = np.abs(np.reshape(made, expected.shape) - expected).max()
    print(f"{name}: largest difference {difference:.1e}")
    record_property("largest_difference", float(difference))
    # An eighth of a grey level. Untrained BigGAN's images are tanh of hundreds, where float32
    # itself is 2.4e-4 from float64; all others are below 3e-5.
    assert difference <= (1e-3 if name.startswith("biggan") else 5e-5)


@pytest.mark.parametrize("name", ["wide", "cgan-10-classes"])
def test_the_grid_shows_the_bytes_that_keras_makes_of_the_same_latents(served, visit, name):
    gan = served[0][name]
    page = visit(name)
    z = latents(page, name, 0, 12)
    label = np.arange(12, dtype="int32") % 10 if gan.signature.turns else None
    for i, expected in enumerate(to_uint8(of_keras(gan, z, label))):
        shown = tile(page, i + 1)
        assert (shown[..., 3] == 255).all()
        assert np.abs(shown[..., :3].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", ["dcgan", "vanilla", "sngan", "cgan-10-classes"])
def test_latents_have_the_distribution_of_the_model(served, visit, name):
    gan = served[0][name]
    page = visit(name)
    z = latents(page, name, 5, 500).astype("float64")
    drawn_by_keras = gan.latent_prior(500, [0, 0]).numpy()
    assert z.shape == drawn_by_keras.shape
    shares = np.linspace(0.01, 0.99, 50)
    quantiles = np.quantile(z, shares), np.quantile(drawn_by_keras, shares)
    np.testing.assert_allclose(*quantiles, atol=0.05)
    assert np.abs(np.corrcoef(z[:20])[np.triu_indices(20, 1)]).max() < 0.5
    more = latents(page, name, 5, 600)
    np.testing.assert_array_equal(more[:500], z.astype("float32"))
    assert np.abs(latents(page, name, 6, 1) - more[:1]).max() > 0.1


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_walks_are_those_of_kerasgan(visit, distribution):
    start, end = np.random.default_rng(0).normal(size=(2, 20)).astype("float32")
    walked = visit().evaluate(
        """async ([distribution, start, end]) => {
          const { between } = await import("./latents.js");
          const [a, b] = [Float32Array.from(start), Float32Array.from(end)];
          return [0, 0.25, 0.5, 0.75, 1].map((share) => [...between({distribution}, a, b, share)]);
        }""",
        [distribution, start.tolist(), end.tolist()],
    )
    method = "linear" if distribution == "uniform" else "spherical"
    np.testing.assert_allclose(walked, walks.interpolate(start, end, 5, method), atol=1e-6)


def test_truncated_latents_are_those_of_kerasgan(visit):
    z = np.random.default_rng(0).normal(size=(1, 500)).astype("float32")
    for threshold in (0.0, 0.3, 1.0, 2.5, 7.0):
        moved = visit().evaluate(
            """async ([z, threshold]) => {
              const { truncate } = await import("./latents.js");
              return [...truncate(Float32Array.from(z), threshold)];
            }""",
            [z[0].tolist(), threshold],
        )
        expected = truncated(tf.constant(z), tf.constant([threshold]))[0]
        np.testing.assert_allclose(moved, expected, atol=2e-6)


def test_the_slider_truncates_normal_latents_and_is_hidden_for_uniform_ones(served, visit):
    gan = served[0]["sngan"]
    page = visit("sngan")
    before = tile(page, 1)
    page.fill("#truncation", "0.5")
    drawn(page)
    assert page.inner_text("#truncation-value") == "0.50"
    expected = to_uint8(gan.sample(1, seed=0, truncation=0.5))[0]
    assert np.abs(tile(page, 1)[..., :3].astype(int) - expected).max() <= 1
    page.fill("#truncation", "3")
    drawn(page)
    np.testing.assert_array_equal(tile(page, 1), before)
    assert not visit("dcgan").is_visible("#truncation")


@pytest.mark.parametrize("name", ["dcgan", "sngan"])
def test_sliders_walk_from_sample_to_sample(visit, name):
    page = visit(name)
    seen = []
    for along, aside in ((0, 0), (50, 0), (100, 0), (50, 50), (50, 100)):
        page.fill("#along", str(along))
        page.fill("#aside", str(aside))
        drawn(page)
        seen.append(pixels(page, "#walk").astype(int))
        assert f"{along}% of the way" in page.get_attribute("#walk", "aria-label")
    for end, number in ((0, 1), (2, 2), (4, 3)):
        assert np.abs(seen[end] - tile(page, number)).max() <= 1
    changes = [np.abs(one - next_).max() for one, next_ in zip(seen, seen[1:], strict=False)]
    assert min(changes) > 5


@pytest.mark.parametrize("name, deviation", [("sngan", 1.0), ("dcgan", 3**-0.5)])
def test_directions_move_the_walk_as_those_of_kerasgan_do(served, visit, name, deviation):
    gan = served[0][name]
    page = visit(name)
    page.fill("#along", "0")
    page.click("#directions summary")
    page.fill("#direction-2", "3")
    page.fill("#direction-5", "-1.5")
    drawn(page)
    assert page.inner_text("#direction-sliders .slider:nth-child(2) output") == "3.00"
    found = latent.directions(gan, 5)
    z = latents(page, name, 0, 1) + deviation * (3.0 * found[1] - 1.5 * found[4])
    shown = pixels(page, "#walk")[..., :3].astype(int)
    assert np.abs(shown - to_uint8(of_keras(gan, z))[0]).max() <= 1
    assert np.abs(shown - tile(page, 1)[..., :3]).max() > 2
    page.select_option("#model", "stylegan2")  # its directions are those of w
    drawn(page)
    assert not page.is_visible("#directions")


@pytest.mark.parametrize("name", ["dcgan", "vanilla", "wide", "cgan-10-classes"])
@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_a_seed_draws_the_same_samples_on_the_page_and_in_python(served, visit, name, seed):
    gan = served[0][name]
    drawn_by_keras = gan.inputs_for(20, seed)["z"].numpy()
    np.testing.assert_allclose(latents(visit(name), name, seed, 20), drawn_by_keras, atol=2e-6)
