"""`kerasgan.metrics`; `golden/make_lite0.py` recorded the original network's outputs."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import metrics

GOLDEN = pathlib.Path(__file__).with_name("golden") / "lite0.npz"


def features(n, dim=8, seed=0):
    """Returns correlated features far from zero, where naive sums of squares lose precision."""
    rng = np.random.default_rng(seed)
    return 1e4 + rng.normal(size=(n, dim)) @ rng.normal(size=(dim, dim))


def pictures(n, size=28, channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, channels), dtype="uint8")


def gaussian(mean, variances, count=5000):
    return metrics.Statistics.from_moments(count, mean, np.diag(variances))


@pytest.fixture(scope="module")
def lite0():
    """The network at its smallest size, for properties that hold at any size."""
    return metrics.EfficientNetLite0(image_size=32)


# --- Statistics ---


@pytest.mark.parametrize("splits", [[], [1], [1, 2, 3], [50, 100, 150], [299], list(range(1, 300))])
def test_statistics_equal_numpy_for_any_split_into_batches(splits):
    x = features(300)
    statistics = metrics.Statistics()
    for batch in np.split(x, splits):
        statistics.update(batch)
    assert statistics.count == 300
    np.testing.assert_allclose(statistics.mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(statistics.covariance, np.cov(x, rowvar=False), atol=1e-9)


def test_statistics_of_float32_are_accumulated_in_float64():
    x = features(1000).astype("float32")
    statistics = metrics.Statistics.of(x)
    assert statistics.mean.dtype == statistics.covariance.dtype == np.float64
    expected = np.cov(x.astype("float64"), rowvar=False)
    np.testing.assert_allclose(statistics.covariance, expected, atol=1e-9)


def test_statistics_from_moments_can_be_updated():
    x, y = features(100), features(50, seed=1)
    first = metrics.Statistics.of(x)
    restored = metrics.Statistics.from_moments(100, first.mean, first.covariance)
    restored.update(y)
    both = np.concatenate([x, y])
    np.testing.assert_allclose(restored.covariance, np.cov(both, rowvar=False), atol=1e-9)


def test_statistics_do_not_alias_what_they_were_given():
    mean, covariance = np.zeros(2), np.eye(2)
    statistics = metrics.Statistics.from_moments(10, mean, covariance)
    statistics.update(np.ones((3, 2)))
    assert (mean == 0).all() and (covariance == np.eye(2)).all()


@pytest.mark.parametrize(
    "batch, message",
    [
        (np.zeros(8), r"shape \(N, D\).*features.shape=\(8,\)"),
        (np.zeros((0, 8)), r"N and D at least 1.*features.shape=\(0, 8\)"),
        (np.zeros((3, 9)), r"width of the batches before it, 8.*features.shape=\(3, 9\)"),
        (np.full((3, 8), np.nan), "must be finite"),
        (np.full((3, 8), np.inf), "must be finite"),
    ],
)
def test_a_refused_batch_is_named_and_leaves_the_statistics_alone(batch, message):
    statistics = metrics.Statistics.of(np.ones((5, 8)))
    with pytest.raises(ValueError, match=message):
        statistics.update(batch)
    assert statistics.count == 5 and (statistics.mean == 1).all()


def test_moments_of_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="at least 1 sample"):
        metrics.Statistics().mean  # noqa: B018
    with pytest.raises(ValueError, match="at least 2 samples. Received: 1"):
        metrics.Statistics.of(np.ones((1, 8))).covariance  # noqa: B018


@pytest.mark.parametrize(
    "count, mean, covariance, message",
    [
        (1, np.zeros(2), np.eye(2), "`count` must be at least 2. Received: count=1"),
        (9, np.zeros(2), np.eye(3), r"covariance.shape=\(3, 3\)"),
        (9, np.zeros((2, 1)), np.eye(2), r"mean.shape=\(2, 1\)"),
        (9, np.zeros(2), np.full((2, 2), np.nan), "must be finite"),
        (9, np.zeros(2), np.array([[1.0, 2.0], [0.0, 1.0]]), "symmetric.*differ by up to 2"),
    ],
)
def test_impossible_moments_are_refused(count, mean, covariance, message):
    with pytest.raises(ValueError, match=message):
        metrics.Statistics.from_moments(count, mean, covariance)


# --- Frechet distance ---


def test_frechet_distance_of_a_set_to_itself_is_zero():
    assert metrics.frechet_distance(features(1000), features(1000)) < 1e-6


def test_frechet_distance_is_symmetric():
    x, y = features(500), features(400, seed=1)
    forth, back = metrics.frechet_distance(x, y), metrics.frechet_distance(y, x)
    np.testing.assert_allclose(forth, back, rtol=1e-12)


def test_frechet_distance_equals_the_closed_form_for_diagonal_gaussians():
    rng = np.random.default_rng(0)
    m1, m2 = rng.normal(size=(2, 50))
    v1, v2 = rng.uniform(0.1, 9, size=(2, 50))
    expected = np.sum((m1 - m2) ** 2) + np.sum((np.sqrt(v1) - np.sqrt(v2)) ** 2)
    actual = metrics.frechet_distance(gaussian(m1, v1), gaussian(m2, v2))
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


def test_frechet_distance_equals_the_eigenvalues_of_the_plain_product():
    x, y = features(500, dim=30), features(700, dim=30, seed=1) + 0.1
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(s1 @ s2)).real.sum()
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(s1 + s2) - 2 * root
    np.testing.assert_allclose(metrics.frechet_distance(x, y), expected, rtol=1e-9)


def test_frechet_distance_takes_statistics_and_features_alike():
    x, y = features(500), features(400, seed=1)
    streamed = metrics.Statistics()
    for batch in np.array_split(x, 7):
        streamed.update(batch)
    expected = metrics.frechet_distance(x, y)
    np.testing.assert_allclose(metrics.frechet_distance(streamed, y), expected, rtol=1e-9)


def test_constant_features_do_not_disturb_the_frechet_distance():
    x, y = features(500), features(400, seed=1)
    padded = [np.pad(z, ((0, 0), (0, 40)), constant_values=3.0) for z in (x, y)]
    expected = metrics.frechet_distance(x, y)
    np.testing.assert_allclose(metrics.frechet_distance(*padded), expected, rtol=1e-9)
    constant = np.full((100, 4), 2.0)
    assert metrics.frechet_distance(constant, constant) == 0
    assert metrics.frechet_distance(constant, constant + 1) == pytest.approx(4)


def test_rank_deficient_covariances_warn_and_stay_exact():
    x = features(20, dim=64) - 1e4
    with pytest.warns(UserWarning, match="more than 64 images.*20 real and 20 fake"):
        assert metrics.frechet_distance(x, x) < 1e-6
    with pytest.warns(UserWarning, match="500 real and 64 fake"):
        metrics.frechet_distance(features(500, dim=64), features(64, dim=64))


def test_widths_that_differ_are_refused():
    with pytest.raises(ValueError, match="one width. Received: 8 and 9"):
        metrics.frechet_distance(features(20, dim=8), features(20, dim=9))


# --- EfficientNetLite0 ---


def test_port_equals_the_original_network_on_the_same_weights():
    golden = np.load(GOLDEN, allow_pickle=False)
    images = [golden[name] for name in golden.files if name.startswith("image_")]
    extractor = metrics.EfficientNetLite0()
    for image, feature, logits in zip(images, golden["features"], golden["logits"], strict=True):
        np.testing.assert_allclose(extractor(image[None])[0], feature, rtol=0, atol=1e-4)
        np.testing.assert_allclose(extractor.logits(image[None])[0], logits, rtol=0, atol=1e-3)


def test_frechet_distance_of_images_grows_with_noise(lite0):
    """On 1,400 images, because 1,280 features need more than 1,280."""
    clean = np.kron(pictures(1400, size=7), np.ones((1, 4, 4, 1), "uint8"))
    real = lite0.statistics([clean])

    def distance(sigma):
        noise = np.random.default_rng(1).normal(0, sigma, clean.shape)
        noisy = np.clip(np.round(clean + noise), 0, 255).astype("uint8")
        return metrics.frechet_distance(real, lite0.statistics([noisy]))

    assert 1 < distance(10) < distance(40)


@pytest.mark.parametrize("batch_size", [1, 3, 8, 64])
def test_batch_size_does_not_change_features(lite0, batch_size):
    images = pictures(20)
    actual = lite0(images, batch_size=batch_size)
    assert actual.shape == (20, 1280) and actual.dtype == np.float32
    np.testing.assert_allclose(actual, lite0(images), rtol=0, atol=3e-5)


def test_greyscale_equals_its_rgb_copy(lite0):
    grey = pictures(3)
    np.testing.assert_array_equal(lite0(grey), lite0(np.repeat(grey, 3, axis=-1)))


def test_streamed_statistics_equal_those_of_all_features(lite0):
    images = pictures(50, size=16, channels=3)
    x = lite0(images)
    for batches in (
        np.array_split(images, 4),
        (images[i : i + 7] for i in range(0, 50, 7)),
        tf.data.Dataset.from_tensor_slices(images).batch(13),
    ):
        statistics = lite0.statistics(batches)
        assert statistics.count == 50
        np.testing.assert_allclose(statistics.mean, x.mean(0, "float64"), atol=1e-6)
        np.testing.assert_allclose(statistics.covariance, np.cov(x, rowvar=False), atol=1e-5)


def test_progress_is_shown_only_when_asked_for(lite0, capsys, monkeypatch):
    monkeypatch.setattr("kerasgan.utils.progress.redraws", lambda: True)
    lite0.statistics([pictures(4), pictures(4)])
    assert capsys.readouterr().out == ""
    lite0.statistics([pictures(4), pictures(4)], num=8, verbose=True)
    assert "8/8" in capsys.readouterr().out


def test_equal_extractors_share_one_network(lite0, monkeypatch):
    lite0(pictures(1))
    monkeypatch.setattr(metrics.EfficientNetLite0, "build_network", None)
    metrics.EfficientNetLite0(image_size=32)(pictures(1, size=20, channels=3))


def test_network_ignores_the_dtype_policy_and_leaves_the_random_state_alone(lite0):
    keras.utils.set_random_seed(7)
    expected = keras.random.uniform((3,), seed=keras.random.SeedGenerator())
    keras.utils.set_random_seed(7)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = lite0.build_network()
    finally:
        keras.config.set_dtype_policy("float32")
    images = tf.constant(pictures(4, size=32, channels=3))
    actual = network(lite0.preprocess(images), training=False)[0]
    np.testing.assert_allclose(actual, lite0(images), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(
        keras.random.uniform((3,), seed=keras.random.SeedGenerator()), expected
    )


@pytest.mark.parametrize(
    "images, message",
    [
        (pictures(2).astype("float32"), "must be uint8.*dtype=float32"),
        (pictures(2)[..., 0], r"1 or 3.*shape=\(2, 28, 28\)"),
        (pictures(2, channels=2), r"1 or 3.*shape=\(2, 28, 28, 2\)"),
        (pictures(2)[:0], r"N at least 1.*shape=\(0, 28, 28, 1\)"),
    ],
)
def test_images_of_another_dtype_or_shape_are_refused(lite0, images, message):
    for method in (lite0, lite0.logits, lambda images: lite0.statistics([images])):
        with pytest.raises(ValueError, match=message):
            method(images)


def test_an_empty_stream_is_refused(lite0):
    with pytest.raises(ValueError, match="at least one batch of images"):
        lite0.statistics([])


def test_corrupt_weights_are_refused(monkeypatch, tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "efficientnet_lite0.npz").write_bytes(b"half a download")
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    pinned = metrics.EfficientNetLite0.sha256
    with pytest.raises(ValueError, match=f"lite0.npz must have SHA-256 {pinned}.*Received: "):
        metrics.EfficientNetLite0(image_size=320)(pictures(1))  # a size that no test has built


@pytest.mark.parametrize("size", [0, -32, 100])
def test_an_image_size_that_the_strides_do_not_divide_is_refused(size):
    with pytest.raises(ValueError, match=f"multiple of 32. Received: image_size={size}"):
        metrics.EfficientNetLite0(image_size=size)


def test_only_the_protocols_image_size_is_called_plain_lite0():
    assert metrics.EfficientNetLite0().distance_name == "FD[lite0]"
    assert metrics.EfficientNetLite0(image_size=64).distance_name == "FD[lite0@64]"
