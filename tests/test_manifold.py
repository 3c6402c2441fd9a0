"""Properties of precision, recall, density, coverage and nearest neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasgan import data, metrics
from kerasgan.metrics import manifold

pytestmark = pytest.mark.filterwarnings("ignore:Precision, recall, density and coverage of fewer")


def features(num, dim=6, seed=0):
    return np.random.default_rng(seed).normal(size=(num, dim))


def brute_force(real, fake, k):
    """Computes precision, recall, density and coverage from all pairs."""

    def distances(a, b):
        return np.sqrt(np.square(a[:, None] - b[None]).sum(axis=-1))

    def radii(x):
        return np.sort(distances(x, x), axis=1)[:, k]  # index 0 is the sample itself

    between = distances(real, fake)
    precision = (between <= radii(real)[:, None]).any(axis=0).mean()
    recall = (between <= radii(fake)[None]).any(axis=1).mean()
    inside = between < radii(real)[:, None]
    return precision, recall, inside.sum() / (k * len(fake)), inside.any(axis=1).mean()


def small_blocks(monkeypatch, block):
    monkeypatch.setattr(
        manifold,
        "row_slices",
        lambda n, dim, most: [slice(i, min(i + block, n)) for i in range(0, n, block)],
    )


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 1000),
    counts=st.tuples(st.integers(6, 60), st.integers(6, 60)),
    k=st.integers(1, 5),
    integers=st.booleans(),
)
def test_all_four_equal_brute_force_with_and_without_ties(seed, counts, k, integers):
    rng = np.random.default_rng(seed)
    draw = (lambda n: rng.integers(0, 3, (n, 3)) * 1.0) if integers else rng.normal
    real, fake = (draw(n) if integers else draw(size=(n, 3)) for n in counts)
    actual = (*metrics.precision_recall(real, fake, k), *metrics.density_coverage(real, fake, k))
    np.testing.assert_allclose(actual, brute_force(real, fake, k), rtol=1e-12)


@pytest.mark.parametrize("block", [1, 7, 40])
def test_blocks_of_rows_change_nothing(monkeypatch, block):
    real, fake = features(50), features(43, seed=1) * 1.2
    expected = brute_force(real, fake, 3)
    neighbours = metrics.nearest_neighbours(fake, real, k=9)
    small_blocks(monkeypatch, block)
    actual = (*metrics.precision_recall(real, fake, 3), *metrics.density_coverage(real, fake, 3))
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
    for ours, whole in zip(metrics.nearest_neighbours(fake, real, k=9), neighbours, strict=True):
        np.testing.assert_array_equal(ours, whole)


def test_precision_is_recall_with_the_sets_exchanged():
    real, fake = features(80), features(70, seed=1) * 0.7
    assert metrics.precision_recall(real, fake) == metrics.precision_recall(fake, real)[::-1]


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_copies_of_the_real_set_score_one_in_everything(offset, dtype):
    """Each copy lies on the surface of balls: rounding must not move it outside."""
    real = (features(300, 100) + offset).astype(dtype)
    assert metrics.precision_recall(real, real.copy()) == (1.0, 1.0)
    assert metrics.density_coverage(real, real.copy()) == (1.0, 1.0)


def test_dropped_modes_lower_recall_and_coverage_and_outliers_lower_precision_and_density():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(400, 4)) + 20.0 * np.repeat(np.eye(4), 100, axis=0)
    collapsed = rng.normal(size=(400, 4)) + 20.0 * np.eye(4)[0]
    precision, recall = metrics.precision_recall(real, collapsed)
    assert precision > 0.8 and recall < 0.3
    assert metrics.density_coverage(real, collapsed)[1] < 0.3
    spread = real + rng.normal(0.0, 20.0, real.shape)
    precision, recall = metrics.precision_recall(real, spread)
    assert precision < 0.2 and recall > 0.8
    assert metrics.density_coverage(real, spread)[0] < 0.2


def test_realism_is_equation_3(monkeypatch):
    monkeypatch.setattr(manifold, "_BLOCK", 64)
    random = np.random.default_rng(0)
    real, fake = random.normal(size=(201, 16)), 1.3 * random.normal(size=(150, 16))
    radii = np.sort(np.linalg.norm(real[:, None] - real, axis=-1), axis=1)[:, 3]
    kept = radii <= np.median(radii)
    fake[7] = real[np.flatnonzero(kept)[0]]
    distances = np.linalg.norm(real[kept, None] - fake, axis=-1)
    with np.errstate(divide="ignore"):
        expected = (radii[kept, None] / distances).max(axis=0)
    found = metrics.realism(real, fake)
    assert found[7] > 1e6 and np.isinf(expected[7])
    np.testing.assert_allclose(np.delete(found, 7), np.delete(expected, 7), rtol=1e-9)
    assert metrics.realism(real, fake[:1])[0] == pytest.approx(found[0], rel=1e-9)
    with pytest.raises(ValueError, match="number of samples. Received: k=201, 201 real$"):
        metrics.realism(real, fake, k=201)


def test_nearest_neighbours_equal_those_of_all_pairwise_differences():
    samples, training = features(20), features(90, seed=1)
    distances = np.linalg.norm(samples[:, None] - training[None], axis=-1)
    indices, found = metrics.nearest_neighbours(samples, training, k=4)
    np.testing.assert_array_equal(indices, np.argsort(distances, axis=1)[:, :4])
    np.testing.assert_allclose(found, np.sort(distances, axis=1)[:, :4], rtol=1e-14)


def test_nearest_neighbours_find_copies_of_training_images_at_distance_zero():
    images, _ = data.load_arrays("fashion_mnist_mini", split="train[:500]")
    held_out, _ = data.load_arrays("fashion_mnist_mini", split="test[:50]")
    for scaled in (images, images / np.float32(127.5) - 1):
        indices, distances = metrics.nearest_neighbours(scaled[100:110], scaled)
        np.testing.assert_array_equal(indices[:, 0], np.arange(100, 110))
        assert (distances == 0).all()
    _, distances = metrics.nearest_neighbours(held_out, images, k=2)
    assert distances.shape == (50, 2) and (0 < distances[:, 0]).all()
    assert (distances[:, 0] <= distances[:, 1]).all()
    pixels = np.abs(held_out[0].astype(int) - images.astype(int)) ** 2
    assert distances[0, 0] == np.sqrt(pixels.sum(axis=(1, 2, 3)).min())


@pytest.mark.parametrize("metric", [metrics.precision_recall, metrics.density_coverage])
@pytest.mark.parametrize(
    "real, fake, k, message",
    [
        (features(9, 3), features(9, 4), 3, "one width. Received: 3 and 4"),
        (features(9), features(9)[:, 0], 3, r"`fake` must have shape \(N, D\)"),
        (features(9) * np.inf, features(9), 3, "`real` must be finite"),
        (features(9), features(3), 3, "Received: k=3, 9 real and 3 fake"),
        (features(9), features(9), 0, "Received: k=0, 9 real and 9 fake"),
    ],
)
def test_sets_without_k_neighbours_or_of_other_shapes_are_refused(metric, real, fake, k, message):
    with pytest.raises(ValueError, match=message):
        metric(real, fake, k)


@pytest.mark.parametrize(
    "samples, training, k, message",
    [
        (features(2, 3), features(2, 4), 1, r"Received: \(2, 3\) and \(2, 4\)"),
        (np.zeros((2, 3), "uint8"), features(2, 3), 1, "both be floats.*uint8 and float64"),
        (features(2), features(5), 6, "Received: k=6, 5 training samples"),
        (features(2), features(5), 0, "Received: k=0, 5 training samples"),
        (features(2) * np.nan, features(5), 1, "`samples` must be finite"),
        (features(0), features(5), 1, "`samples` must have shape"),
    ],
)
def test_samples_that_do_not_fit_the_training_set_are_refused(samples, training, k, message):
    with pytest.raises(ValueError, match=message):
        metrics.nearest_neighbours(samples, training, k)


def test_so_few_images_are_marked():
    with pytest.warns(UserWarning, match="of fewer than 1000 images say little.*32 real"):
        manifold.precision_recall(features(32), features(40))
    with pytest.warns(UserWarning, match="The Frechet distance|say little") as told:
        metrics.summary(features(32), features(40), features(40))
    assert sum("say little" in str(each.message) for each in told) == 1
