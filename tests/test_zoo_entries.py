"""The trained generators in kerasgan: complete, small, and as their pages describe them."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan import zoo
from kerasgan.export import metadata
from kerasgan.viz import grids

ROOT = Path(__file__).parents[1]
NAMES = zoo.names()
FILES = ("recipe.toml", "result.json", "history.csv", "samples.png")
PAGES = ("README.md", "notes.md")


@pytest.fixture(scope="module", params=NAMES)
def entry(request):
    return zoo.folder() / request.param


@pytest.fixture(scope="module")
def result(entry):
    return json.loads((entry / "result.json").read_text())


def test_an_entry_is_complete_and_small(entry, result):
    signature = metadata.signature_of(result)
    given = [kind.files is not None for kind in signature.given.values()]
    files = [*FILES, *PAGES]
    drawn = len(signature.output.shape) > 1
    files += ["worst.png"] if drawn else []
    files += ["interpolation.png"] if drawn and "z" in signature.inputs else []
    files += ["examples.npz"] if given else []
    files += ["examples.png"] if any(given) else []
    assert not [name for name in files if not (entry / name).is_file()]
    assert (entry / zoo.WEIGHTS).stat().st_size <= 8e6


def test_an_entry_with_classes_knows_their_names(entry):
    gan = kerasgan.load(entry.name)
    label = gan.signature.inputs.get("label")
    if label is None:
        pytest.skip("it has no classes")
    last = len(gan.class_names) - 1
    by_name = gan.sample(2, label=gan.class_names[last], seed=0)
    np.testing.assert_array_equal(by_name, gan.sample(2, label=last, seed=0))


def test_an_entry_draws_its_picture(entry, result):
    gan = kerasgan.load(entry.name)
    if "texts" in result:
        drawn = grids.text_grid(gan, result["texts"])
    else:
        drawn = grids.sample_grid(gan)
    with Image.open(entry / "samples.png") as file:
        kept = np.asarray(file)
    if drawn is None:
        pytest.skip("the picture shows words, which a benchmark looks up")
    zoom = kept.shape[0] // drawn.shape[0]
    assert np.abs(drawn.squeeze().astype(int) - kept[::zoom, ::zoom]).max() <= 1


def test_scores_are_those_of_all_test_examples(result):
    assert result["split"] == "test" and result["n_fake"] == result["n_real"]
    if "hole" not in metadata.signature_of(result).inputs:  # around holes the test pictures remain
        assert result["floor"] < result["distance"]
    if result["dataset"] == "fashion_mnist":
        assert result["metric"] == "FD[lite0]" and result["n_real"] == 10_000
        assert 8 < result["floor"] < 9  # real training images versus real test images
    drawn = "z" in metadata.signature_of(result).inputs
    assert len(result["sample_seeds"]) == (3 if drawn else 1)
    assert ("distance_seeds_std" in result) == drawn


def test_scores_say_that_no_class_is_missing(result):
    if "classes_seen" not in result:
        pytest.skip("no classifier knows what it makes")
    seen = result["classes_seen"]
    assert len(seen) == 10 and sum(seen) == 1000
    assert 1000 / 30 <= min(seen) and max(seen) <= 3000 / 10


@pytest.mark.slow
def test_all_classes_are_drawn_and_requested_ones_are_right(entry, result):
    if "classes_seen" not in result:
        pytest.skip("no classifier knows what it makes")
    gan = kerasgan.load(entry.name)
    classifier = keras.saving.load_model(ROOT / "benchmarks" / "fashion_classifier.keras")
    seen = np.bincount(classifier.predict(gan.sample(1000, seed=1), verbose=0).argmax(1))
    assert np.abs(seen - result["classes_seen"]).max() <= 5  # some images are ambiguous
    assert 1000 / 30 <= seen.min() and seen.max() <= 3000 / 10
    if "label" in gan.signature.inputs:
        asked = np.arange(1000) % 10
        found = classifier.predict(gan.sample(1000, asked, seed=2), verbose=0).argmax(1)
        assert np.mean(found == asked) == pytest.approx(result["conditional_accuracy"], abs=0.03)
