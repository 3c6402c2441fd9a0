"""Properties of the Frechet and the kernel distance that need no reference implementation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasgan import data, metrics
from kerasgan.metrics import distances, statistics


def features(num, dim=8, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(num, dim)) @ rng.normal(size=(dim, dim)) + shift


# --- Frechet distance ---


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), dim=st.integers(1, 30), scale=st.sampled_from([1e-6, 1, 1e6]))
def test_frechet_distance_is_symmetric_and_zero_for_equal_sets(seed, dim, scale):
    x, y = features(60, dim, seed) * scale, features(50, dim, seed + 1) * scale
    distance = metrics.frechet_distance(x, y)
    assert distance == pytest.approx(metrics.frechet_distance(y, x), rel=1e-8)
    assert metrics.frechet_distance(x, x) <= 1e-6 * distance


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), dim=st.integers(1, 30))
def test_frechet_distance_equals_the_closed_form_for_gaussians_with_one_basis(seed, dim):
    """If the covariances commute, it is |m1 - m2|^2 + sum (s1 - s2)^2 over their common axes."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    means, deviations = rng.normal(size=(2, dim)), rng.uniform(0.1, 3.0, (2, dim))
    gaussians = []
    for mean, deviation in zip(means, deviations, strict=True):
        covariance = basis @ np.diag(deviation**2) @ basis.T
        covariance = (covariance + covariance.T) / 2
        gaussians.append(metrics.Statistics.from_moments(1000, mean, covariance))
    expected = np.square(means[0] - means[1]).sum() + np.square(np.subtract(*deviations)).sum()
    assert metrics.frechet_distance(*gaussians) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dim", [1, 5, 300])  # less and more than one block of columns
def test_both_ways_to_compute_the_root_agree(monkeypatch, dim):
    x, y = (statistics.Statistics.of(features(2 * dim + 2, dim, seed)) for seed in (0, 1))
    fast = distances._trace_of_root(x, y)
    monkeypatch.setattr(distances, "_cholesky", lambda matrix: None)
    assert fast == pytest.approx(distances._trace_of_root(x, y), rel=1e-10)


def test_a_covariance_without_full_rank_has_no_cholesky_factor():
    full = features(50, 6)
    assert distances._cholesky(np.cov(full, rowvar=False)) is not None
    repeated = np.hstack([full, full[:, :1] + full[:, 1:2]])
    constant = np.hstack([full, np.ones((50, 1))])
    for deficient in (repeated, constant, features(5, 6), np.zeros((5, 6))):
        assert distances._cholesky(np.cov(deficient, rowvar=False)) is None


def test_a_linearly_dependent_feature_does_not_disturb_the_frechet_distance():
    """An isometry into 9 dimensions leaves the rank of 6 and the distance unchanged."""
    x, y = features(500, 6), features(400, 6, seed=1)
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(9, 6)))
    expected = metrics.frechet_distance(x, y)
    assert metrics.frechet_distance(x @ turn.T, y @ turn.T) == pytest.approx(expected, rel=1e-6)


def test_blocks_of_rows_do_not_change_statistics(monkeypatch):
    x = features(500, 7, shift=1e4).astype("float32")
    expected = metrics.Statistics.of(x)
    monkeypatch.setattr(
        statistics, "row_slices", lambda n, dim: [slice(i, i + 33) for i in range(0, n, 33)]
    )
    actual = metrics.Statistics.of(x)
    assert actual.count == 500
    np.testing.assert_allclose(actual.mean, expected.mean, rtol=1e-14)
    np.testing.assert_allclose(actual.covariance, expected.covariance, atol=1e-9)


def blur(images, sigma):
    """Applies a Gaussian blur, renormalised at the edges, to (N, 28, 28, 1)."""
    offsets = np.arange(28)[:, None] - np.arange(28)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum(axis=1, keepdims=True)
    blurred = np.einsum("ih,nhwc,jw->nijc", kernel, images.astype("float64"), kernel, optimize=True)
    return np.round(blurred).astype("uint8")


def add_noise(images, sigma):
    noise = np.random.default_rng(0).normal(0.0, sigma, images.shape)
    return np.clip(np.round(images + noise), 0, 255).astype("uint8")


def clothes(num, image_size):
    """Returns features of real clothes, and of increasingly damaged ones per kind of damage."""
    extractor = metrics.EfficientNetLite0(image_size)
    real = extractor(data.load_arrays("fashion_mnist_mini", split=f"train[:{num}]")[0])
    images, labels = data.load_arrays("fashion_mnist_mini", split="train[5000:]")
    others = images[:num]
    clean = extractor(others)
    return real, {
        "noise": [clean, *(extractor(add_noise(others, sigma)) for sigma in (8, 24, 64))],
        "blur": [clean, *(extractor(blur(others, sigma)) for sigma in (0.5, 1.0, 2.0))],
        "classes": [clean, *(extractor(images[labels < most][:num]) for most in (7, 4, 1))],
    }


def grows(values):
    return values == sorted(set(values))


def test_kernel_distance_of_clothes_grows_with_noise_blur_and_missing_classes():
    real, damaged = clothes(num=200, image_size=32)
    for name, series in damaged.items():
        values = [metrics.kernel_distance(real, fake)[0] for fake in series]
        assert grows(values), (name, values)


@pytest.mark.slow
def test_distances_of_clothes_grow_with_noise_blur_and_missing_classes():
    """Uses 1,500 images, more than there are features. A single class has fewer and is skipped."""
    real, damaged = clothes(num=1500, image_size=64)
    for name, series in damaged.items():
        series = [fake for fake in series if len(fake) == 1500]
        assert len(series) >= 3
        frechet = [metrics.frechet_distance(real, fake) for fake in series]
        kernel = [metrics.kernel_distance(real, fake, num_subsets=10)[0] for fake in series]
        assert grows(frechet) and grows(kernel), (name, frechet, kernel)


# --- Kernel distance ---


def test_kernel_distance_of_all_samples_is_its_definition():
    x, y = features(7, 3), features(5, 3, seed=1)

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 3

    xx = np.mean([kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    yy = np.mean([kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    xy = np.mean([kernel(a, b) for a in x for b in y])
    assert metrics.kernel_distance(x, y) == (pytest.approx(xx + yy - 2 * xy, rel=1e-12), 0.0)


def test_kernel_distance_is_zero_on_average_for_samples_of_one_distribution():
    estimates = [
        metrics.kernel_distance(*np.random.default_rng(seed).normal(size=(2, 50, 4)))[0]
        for seed in range(200)
    ]
    assert abs(np.mean(estimates)) < 4 * np.std(estimates) / np.sqrt(200)
    assert min(estimates) < 0 < max(estimates)  # unbiased, hence sometimes below 0


def test_kernel_distance_is_reproducible_with_its_seed():
    x, y = features(60), features(50, seed=1)
    options = {"subset_size": 20, "num_subsets": 5}
    first = metrics.kernel_distance(x, y, **options, seed=3)
    assert first == metrics.kernel_distance(x, y, **options, seed=3)
    assert first != metrics.kernel_distance(x, y, **options, seed=4)


def test_a_set_smaller_than_a_subset_is_used_as_a_whole():
    x, y = features(60), features(12, seed=1)
    mean, std = metrics.kernel_distance(x, y, subset_size=30, num_subsets=20)
    assert std > 0
    assert mean == pytest.approx(metrics.kernel_distance(x, y)[0], rel=0.5)


@pytest.mark.parametrize("block", [1, 7, 64])
def test_blocks_of_rows_do_not_change_the_kernel_distance(monkeypatch, block):
    x, y = features(30), features(23, seed=1).astype("float32")
    expected, _ = metrics.kernel_distance(x, y)
    monkeypatch.setattr(
        distances,
        "row_slices",
        lambda n, dim, most: [slice(i, min(i + block, n)) for i in range(0, n, block)],
    )
    assert metrics.kernel_distance(x, y)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "real, fake, options, message",
    [
        (features(9, 3), features(9, 4), {}, "one width. Received: 3 and 4"),
        (features(9), features(9)[0], {}, r"`fake` must have shape .* fake.shape=\(8,\)"),
        (features(9) * np.nan, features(9), {}, "`real` must be finite"),
        (features(9), features(1), {}, "at least 2 samples each. Received: 9 and 1"),
        (features(9), features(9), {"subset_size": 1}, "Received: subset_size=1, num_subsets=100"),
        (features(9), features(9), {"num_subsets": 0}, "subset_size=1000, num_subsets=0"),
    ],
)
def test_invalid_arguments_of_the_kernel_distance_are_refused(real, fake, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.kernel_distance(real, fake, **options)
