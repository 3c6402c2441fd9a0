"""What exports say of licences, and what they must not tell: paths of the machine."""

import json

import pytest

import kerasgan
from kerasgan import export
from kerasgan.data.pairing import WORDS
from kerasgan.export import metadata
from kerasgan.export.card import model_card
from kerasgan.training import recipe
from kerasgan.utils.licences import MADE, identifier_of_weights, licence_of_weights


@pytest.mark.parametrize(
    ("datasets", "expected"),
    [
        (["fashion_mnist", None], "Apache-2.0"),
        (["fashion_mnist", "black"], "Apache-2.0"),
        (["openmoji", "noto_emoji"], "CC BY-SA 4.0"),
        (["/home/me/photos", None], None),
        (["fashion_mnist", "sketches"], None),
        (["cifar10", None], None),
    ],
)
def test_weights_have_a_licence_only_where_that_of_all_data_is_known(datasets, expected):
    assert licence_of_weights(datasets) == expected
    assert (identifier_of_weights(datasets) == "other") == (expected is None)


def test_sources_that_are_made_of_the_set_have_no_licence_of_their_own():
    assert set(MADE) == set(WORDS)


def trained_on(name, **training):
    gan = kerasgan.DCGAN((8, 8, 1), width=4)
    tables = {"model": {"name": "dcgan"}, "data": {"name": name}, "training": training}
    gan.origin = {"name": "mine", "recipe": recipe.complete(tables).tables()}
    return gan


def test_exports_tell_no_paths_of_this_machine_and_grant_nothing_on_others_data(tmp_path):
    gan = trained_on(str(tmp_path / "photos"), start_from=str(tmp_path / "runs" / "older"))
    about = metadata.describe(gan)
    card = model_card(about)
    assert str(tmp_path) not in json.dumps(about) + card
    assert (about["recipe"]["data"]["name"], gan.origin["recipe"]["data"]["name"]) == (
        "photos",
        str(tmp_path / "photos"),
    )
    assert "Weights and code" not in card and "kerasgan itself: Apache-2.0." in card
    assert "started from the weights of older, whose licence counts as well" in card
    path = export.tflite(gan, tmp_path / "mine.tflite")
    assert str(tmp_path).encode() not in (tmp_path / "mine.tflite").read_bytes()
    assert metadata.read(path)["recipe"]["data"]["name"] == "photos"


def test_names_of_classes_stay_as_they_are():
    gan = kerasgan.ConditionalGAN((8, 8, 1), num_classes=2, width=10, class_names=["/", "/a/b"])
    gan.origin = {"recipe": {"model": {"class_names": ["/", "/a/b"]}}}
    assert metadata.describe(gan)["recipe"]["model"]["class_names"] == ["/", "/a/b"]


def test_weights_of_our_data_are_free():
    assert "Weights and code: Apache-2.0." in model_card(
        metadata.describe(trained_on("fashion_mnist"))
    )
    tuned = trained_on("fashion_mnist", start_from="pix2pix_openmoji")
    assert "Weights and code" not in model_card(metadata.describe(tuned))
