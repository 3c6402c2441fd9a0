"""Parzen windows against a float64 reference."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from kerasgan.metrics import manifold, parzen_log_likelihood, parzen_score


def rows(num, dim=5, seed=0):
    return np.random.default_rng(seed).uniform(size=(num, dim))


@pytest.mark.parametrize("sigma", [0.01, 0.3, 5.0])
def test_the_likelihood_is_that_of_scipys_mixture(sigma):
    images, samples = rows(7), rows(40, seed=1)
    logs = [multivariate_normal(s, sigma**2 * np.eye(5)).logpdf(images) for s in samples]
    expected = logsumexp(logs, axis=0) - np.log(len(samples))
    np.testing.assert_allclose(parzen_log_likelihood(images, samples, sigma), expected, rtol=1e-9)


def test_several_sigmas_and_several_blocks_change_nothing(monkeypatch):
    images, samples, sigmas = rows(30), rows(50, seed=1), (0.02, 0.3)
    whole = [parzen_log_likelihood(images, samples, sigma) for sigma in sigmas]
    monkeypatch.setattr(manifold, "_BLOCK", 8)
    np.testing.assert_allclose(parzen_log_likelihood(images, samples, sigmas), whole, rtol=1e-12)


def test_pictures_are_flattened():
    images, samples = rows(6, 12), rows(9, 12, seed=1)
    pictures = [x.reshape(-1, 2, 2, 3) for x in (images, samples)]
    np.testing.assert_array_equal(
        parzen_log_likelihood(*pictures, 0.2), parzen_log_likelihood(images, samples, 0.2)
    )


def test_sigma_is_chosen_on_validation_images_alone():
    samples, validation = rows(50), rows(20, seed=1)
    sigmas = np.array([0.03, 0.1, 0.3, 1.0])
    best = max(sigmas, key=lambda s: parzen_log_likelihood(validation, samples, s).mean())
    score = parzen_score(samples[:5], samples, validation, sigmas)  # these would prefer the least
    assert score["sigma"] == best > sigmas[0]
    expected = parzen_log_likelihood(samples[:5], samples, best)
    assert score["log_likelihood"] == pytest.approx(expected.mean())
    assert score["standard_error"] == pytest.approx(expected.std() / 5**0.5)
    assert not score["at_edge"]


def test_a_best_sigma_at_the_edge_is_told():
    assert parzen_score(rows(5), rows(50), rows(20, seed=1), [5.0, 6.0])["at_edge"]


@pytest.mark.parametrize(
    "images, samples, sigma, message",
    [
        (rows(3), rows(3, 4), 1.0, "alike but for the first axis"),
        (rows(3), rows(3), 0.0, "`sigma` must be above 0. Received: sigma=0.0"),
        (rows(3), rows(3) * np.nan, 1.0, "finite"),
        (np.zeros((3, 5), "uint8"), rows(3), 1.0, "must hold floats, pixels in"),
    ],
)
def test_what_has_no_likelihood_is_refused(images, samples, sigma, message):
    with pytest.raises(ValueError, match=message):
        parzen_log_likelihood(images, samples, sigma)
