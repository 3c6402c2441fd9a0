"""The trained generators in kerasgan: complete, small, and as their pages describe them."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan import zoo
from kerasgan.viz import grids

ROOT = Path(__file__).parents[1]
NAMES = zoo.names()
FILES = ("recipe.toml", "result.json", "history.csv", "samples.png", "interpolation.png")
PAGES = ("README.md", "notes.md")


@pytest.fixture(scope="module", params=NAMES)
def entry(request):
    return zoo.folder() / request.param


@pytest.fixture(scope="module")
def result(entry):
    return json.loads((entry / "result.json").read_text())


def test_an_entry_is_complete_and_small(entry):
    assert not [name for name in (*FILES, *PAGES) if not (entry / name).is_file()]
    assert (entry / zoo.WEIGHTS).stat().st_size <= 8e6


def test_an_entry_draws_its_picture(entry):
    drawn = grids.sample_grid(kerasgan.load(entry.name))
    with Image.open(entry / "samples.png") as file:
        kept = np.asarray(file)[::2, ::2]  # the picture is at twice the size
    assert np.abs(drawn.squeeze().astype(int) - kept).max() <= 1


def test_scores_are_those_of_10_000_samples_against_the_test_images(result):
    protocol = {"metric": "FD[lite0]", "dataset": "fashion_mnist", "split": "test"}
    assert {**result, **protocol, "n_real": 10_000, "n_fake": 10_000} == result
    assert len(result["sample_seeds"]) == 3 and result["distance_seeds_std"] > 0
    assert 8 < result["floor"] < 9  # real training images versus real test images


def test_scores_say_that_no_class_is_missing(result):
    seen = result["classes_seen"]
    assert len(seen) == 10 and sum(seen) == 1000
    assert 1000 / 30 <= min(seen) and max(seen) <= 3000 / 10


@pytest.mark.slow
def test_all_classes_are_drawn_and_requested_ones_are_right(entry, result):
    gan = kerasgan.load(entry.name)
    classifier = keras.saving.load_model(ROOT / "benchmarks" / "fashion_classifier.keras")
    seen = np.bincount(classifier.predict(gan.sample(1000, seed=1), verbose=0).argmax(1))
    assert np.abs(seen - result["classes_seen"]).max() <= 5  # some images are ambiguous
    assert 1000 / 30 <= seen.min() and seen.max() <= 3000 / 10
    if "label" in gan.signature.inputs:
        asked = np.arange(1000) % 10
        found = classifier.predict(gan.sample(1000, asked, seed=2), verbose=0).argmax(1)
        assert np.mean(found == asked) == pytest.approx(result["conditional_accuracy"], abs=0.03)
