"""The 2-D toy data sets: their modes, their spread, and their use in `fit`."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import data
from kerasgan.data import checks
from kerasgan.signature import Latent, Signature, Vector
from kerasgan.signature.checks import check_images
from kerasgan.utils.errors import UserError

RING = [(np.cos(i * np.pi / 4), np.sin(i * np.pi / 4)) for i in range(8)]
GRID = [(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)]


def nearest_modes(points, modes):
    """Returns the index of the mode nearest to each point, and the offset from that mode."""
    offsets = points.astype("float64")[:, None] - np.array(modes)[None]
    nearest = np.square(offsets).sum(axis=-1).argmin(axis=1)
    return nearest, offsets[np.arange(len(points)), nearest]


@pytest.mark.parametrize("draw", [data.sine, data.ring, data.grid])
def test_a_toy_is_float32_points_that_its_seed_fixes(draw):
    points = draw(100, seed=1)
    assert points.shape == (100, 2) and points.dtype == np.float32
    np.testing.assert_array_equal(points, draw(100, seed=1))
    assert np.abs(points - draw(100, seed=2)).max() > 0.1


def test_sine_covers_one_period_evenly():
    x1, x2 = data.sine(20_000, seed=0).astype("float64").T
    np.testing.assert_allclose(x2, np.sin(x1), atol=1e-6)
    counts, _ = np.histogram(x1, bins=10, range=(0, 2 * np.pi))
    assert counts.sum() == 20_000 and abs(counts - 2000).max() < 5 * np.sqrt(2000)


@pytest.mark.parametrize("draw, modes, sigma", [(data.ring, RING, 0.01), (data.grid, GRID, 0.05)])
def test_mixtures_have_their_modes_equally_often_with_their_sigma(draw, modes, sigma):
    nearest, offsets = nearest_modes(draw(50_000, seed=0), modes)
    expected = 50_000 / len(modes)
    counts = np.bincount(nearest, minlength=len(modes))
    assert len(counts) == len(modes) and abs(counts - expected).max() < 5 * np.sqrt(expected)
    np.testing.assert_allclose(offsets.std(axis=0), sigma, rtol=0.02)
    np.testing.assert_allclose(offsets.mean(axis=0), 0.0, atol=0.02 * sigma)


def test_points_may_lie_anywhere_but_must_be_finite_floats_of_the_right_dimension():
    points = data.grid(100, seed=0) * 1000
    check_images(points, image_shape=(2,))
    signature = Signature({"z": Latent(2)}, Vector(2))
    list(checks.checked(tf.data.Dataset.from_tensors(points), signature))
    with pytest.raises(UserError, match=r"must hold points, shape \(N, 3\). Received: shape="):
        check_images(points, image_shape=(3,))
    with pytest.raises(UserError, match="must be float. Received: dtype=uint8"):
        check_images(points.astype("uint8"), image_shape=(2,))
    points[7, 1] = np.nan
    with pytest.raises(UserError, match="must be finite. Received: 1 NaN values, .* image 7"):
        check_images(points, image_shape=(2,))
    refusals = checks.Refusals()
    dataset = checks.checked(tf.data.Dataset.from_tensors(points), signature, refusals=refusals)
    with pytest.raises(UserError, match=r"\(batch 0\) must be finite"), refusals.raised():
        list(dataset)


def test_batches_leave_points_as_they_are():
    points = data.grid(6, seed=0)
    (batch,) = data.batches(points, batch_size=6, shuffle=False)
    np.testing.assert_array_equal(batch, points)
