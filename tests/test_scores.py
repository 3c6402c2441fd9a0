"""Properties of the Inception Score, the conditional accuracy and the mode divergence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasgan import metrics
from kerasgan.data import toys
from kerasgan.metrics import scores


def logits(num=200, classes=10, seed=0):
    return np.random.default_rng(seed).normal(0.0, 3.0, (num, classes))


# --- Inception Score ---


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), classes=st.integers(1, 20), splits=st.integers(1, 10))
def test_inception_score_lies_between_one_and_the_number_of_classes(seed, classes, splits):
    mean, std = metrics.inception_score(logits(50, classes, seed), splits)
    assert 1 - 1e-12 <= mean <= classes + 1e-12 and std >= 0


def test_inception_score_is_one_for_equal_images_and_all_classes_for_clear_ones():
    assert metrics.inception_score(np.ones((50, 7))) == (pytest.approx(1.0), pytest.approx(0.0))
    clear = 1e4 * np.eye(7)[np.arange(70) % 7]  # the softmax underflows to 0
    mean, std = metrics.inception_score(clear, splits=10, seed=None)
    assert mean == pytest.approx(7.0) and std == pytest.approx(0.0, abs=1e-9)


def test_inception_score_ignores_what_the_softmax_does():
    x = logits()
    shifted = x + np.random.default_rng(1).normal(0.0, 100.0, (len(x), 1))
    expected = metrics.inception_score(x)
    np.testing.assert_allclose(metrics.inception_score(shifted), expected, rtol=1e-9)


def test_blocks_of_rows_do_not_change_the_inception_score(monkeypatch):
    expected = metrics.inception_score(logits())
    monkeypatch.setattr(
        scores, "row_slices", lambda n, dim: [slice(i, i + 3) for i in range(0, n, 3)]
    )
    np.testing.assert_allclose(metrics.inception_score(logits()), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "given_logits, splits, message",
    [
        (logits()[0], 1, r"`logits` must have shape \(N, D\)"),
        (logits() * np.nan, 1, "`logits` must be finite"),
        (logits(5), 6, "Received: splits=6, 5 images"),
        (logits(5), 0, "Received: splits=0, 5 images"),
    ],
)
def test_logits_that_cannot_be_split_or_scored_are_refused(given_logits, splits, message):
    with pytest.raises(ValueError, match=message):
        metrics.inception_score(given_logits, splits)


# --- Conditional accuracy ---


def test_conditional_accuracy_of_scores_and_of_their_classes_is_one():
    x, labels = logits(100), np.arange(100) % 10
    accuracy = metrics.conditional_accuracy(x, labels)
    assert accuracy == np.mean(x.argmax(axis=1) == labels)
    assert metrics.conditional_accuracy(x.argmax(axis=1), labels) == accuracy
    assert metrics.conditional_accuracy(np.eye(10)[labels], labels) == 1.0


@pytest.mark.parametrize(
    "predictions, labels, message",
    [
        (logits(5), np.arange(4), "for the 4 labels. Received: shape=\\(5,\\)"),
        (np.arange(4) / 2, np.arange(4), "dtype=float64"),
        (logits(5), np.eye(5), r"`labels` must be integers of shape \(N,\).*shape=\(5, 5\)"),
        (logits(5), np.arange(5) / 2, "`labels` must be integers.*dtype=float64"),
        (logits(5, classes=4), np.arange(5), "below 4, the number of classes.*Received: 0 to 4"),
        (logits(3) * np.nan, np.arange(3), "`predictions` must be finite"),
    ],
)
def test_predictions_and_labels_that_do_not_match_are_refused(predictions, labels, message):
    with pytest.raises(ValueError, match=message):
        metrics.conditional_accuracy(predictions, labels)


# --- Divergence of modes ---


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=100))
def test_mode_divergence_is_zero_for_equal_shares_and_at_most_the_log_of_their_number(modes):
    divergence = metrics.mode_divergence(modes, 10)
    assert 0 <= divergence <= np.log(10) + 1e-12
    assert metrics.mode_divergence(modes + list(range(10)) * 1000, 10) < 0.01
    assert metrics.mode_divergence(modes[:1] * 5, 10) == pytest.approx(np.log(10))


def test_mode_divergence_of_half_the_modes_is_log_two():
    assert metrics.mode_divergence(np.repeat(np.arange(500), 3), 1000) == pytest.approx(np.log(2))


def test_mode_divergence_takes_the_datas_own_shares():
    modes = np.repeat([0, 1], [30, 10])
    assert metrics.mode_divergence(modes, 3, expected=[3, 1, 0]) == 0
    expected = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.3)
    assert metrics.mode_divergence(modes, 3, [0.5, 0.3, 0.2]) == pytest.approx(expected)


def test_small_samples_inflate_mode_divergence_as_its_documentation_says():
    modes = np.random.default_rng(0).integers(1000, size=26_000)
    assert metrics.mode_divergence(modes, 1000) == pytest.approx(999 / 52_000, rel=0.1)


@pytest.mark.parametrize("draw, centres", [(toys.ring, toys.RING), (toys.grid, toys.GRID)])
def test_the_toys_themselves_diverge_by_what_their_sample_size_explains(draw, centres):
    modes = metrics.nearest_mode(draw(20_000, seed=0), centres)
    assert set(modes) == set(range(len(centres)))
    assert metrics.mode_divergence(modes, len(centres)) < 4 * (len(centres) - 1) / 40_000


@pytest.mark.parametrize(
    "modes, expected, message",
    [
        ([[1, 2]], None, r"shape \(N,\) with N at least 1. Received: shape=\(1, 2\)"),
        ([0.5], None, "dtype=float64"),
        ([0, 3], None, "must be 0 to 2. Received: 0 to 3"),
        ([-1, 1], None, "must be 0 to 2. Received: -1 to 1"),
        ([0, 1], [0.5, 0.5], r"`expected` must have shape \(3,\)"),
        ([0, 1], [1.0, -1.0, 1.0], "no negative or infinite share"),
        ([0, 1, 1], [1.0, 0.0, 1.0], "Received: 2 samples of mode 1, whose share is 0"),
    ],
)
def test_modes_or_shares_that_do_not_fit_are_refused(modes, expected, message):
    with pytest.raises(ValueError, match=message):
        metrics.mode_divergence(modes, 3, expected)
