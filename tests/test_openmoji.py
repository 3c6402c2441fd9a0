"""OpenMoji: drawn once, with the classes and splits of Noto's emoji."""

import hashlib

import numpy as np
import pytest

from kerasgan import data
from kerasgan.data import openmoji, unread
from kerasgan.data.spec import spec_of
from kerasgan.training import recipe as recipes
from kerasgan.training.train import source_of_recipe
from kerasgan.utils import npm
from kerasgan.utils.errors import UserError

NOTO = "noto_emoji_mini"

FLAGS = list(openmoji.GROUPS.values()).index("Flags")


@pytest.fixture(scope="module", autouse=True)
def package():
    pytest.importorskip("resvg_py", reason="needs resvg_py: kerasgan[emoji]")
    try:
        openmoji.members()
    except UserError as error:
        pytest.skip(f"needs npm's registry or a cached archive: {error}")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, package):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path))
    return tmp_path


def test_pictures_come_with_classes_captions_and_line_drawings(cache, capsys, monkeypatch):
    few = "train[:40]"
    source = data.pairs("openmoji", "black", few)
    assert "Reading openmoji" in capsys.readouterr().out
    assert source.parts["image"].shape == (35, 64, 64, 3) and source.licence.endswith(
        "CC BY-SA 4.0"
    )
    assert source.parts["source"].shape == (35, 64, 64, 1) and len(source.captions) == 35
    assert (source.parts["image"][:, 0, 0] == 255).all()  # white corners
    lines = source.parts["source"] < 64
    assert (lines.mean(axis=(1, 2, 3)) > 0.01).all() and np.median(source.parts["source"]) == 255
    dark = source.parts["image"].max(-1, keepdims=True) < 64
    assert dark[lines].mean() > 0.9  # the lines are those of the coloured picture
    monkeypatch.setattr(unread.Unread, "_shown", lambda self: pytest.fail("drawn twice"))
    again = data.load_source("openmoji", few)
    assert list(again.parts) == ["image", "label"] and again.cache
    drawn = again.parts["label"] != FLAGS  # the drawings of flags are empty frames
    np.testing.assert_array_equal(again.parts["image"][drawn], source.parts["image"])
    assert again.fingerprint != source.fingerprint


def test_the_same_emoji_lies_in_the_same_split_and_class_as_noto_s():
    every, splits = openmoji.listed()
    assert len(every) == 1914 and len(splits["test"]) == 192
    for split, other in (("train", "test"), ("test", "train")):
        texts, noto = data.emoji_texts("openmoji", split), data.emoji_texts(NOTO, split)
        assert not set(texts) & set(data.emoji_texts(NOTO, other))
        assert set(noto) <= set(texts) and texts[: len(noto)] == noto  # in the same order
    noto = data.load_source(NOTO, "all")
    assert noto.class_names == list(openmoji.GROUPS.values())
    labels = {each["text"]: each["label"] for each in every}
    expected = noto.parts["label"].tolist()
    assert [labels[text] for text in data.emoji_texts(NOTO, "all")] == expected
    names = {each["name"]: place in set(splits["test"]) for place, each in enumerate(every)}
    assert names["man running: facing right"] == names["man running"]
    assert not any("skin tone" in each["name"] for each in every)
    with pytest.raises(UserError, match='"openmojy" is no set of emoji: did you mean "openmoji"'):
        data.emoji_texts("openmojy")


def test_sets_of_emoji_pair_by_their_characters(monkeypatch):
    chosen = data.emoji_texts("openmoji", "test")
    source = data.pairs("openmoji", NOTO, "test", image_size=16)
    noto = data.load_source(NOTO, "test", image_size=16)
    assert len(source) == 187 and len(chosen) == 192
    np.testing.assert_array_equal(source.parts["source"], noto.parts["image"])
    assert source.captions.index("winking face") == noto.captions.index("winking face")
    assert "OpenMoji" in source.licence and "Noto" in source.licence
    back = data.pairs(NOTO, "openmoji", "test", image_size=16)
    np.testing.assert_array_equal(back.parts["source"], source.parts["image"])


def test_size_opacity_and_background():
    clear = data.load_source("openmoji", "test[:8]", image_size=(32, 24), transparent=True)
    assert clear.parts["image"].shape == (8, 32, 24, 4)
    assert clear.parts["image"][:, 0, 0, 3].max() == 0
    blue = data.load_source("openmoji", "test[:8]", background="#0000ff")
    assert (blue.parts["image"][:, 0, 0] == (0, 0, 255)).all()
    assert (
        spec_of("openmoji", (32, 24), transparent=True)
        == data.load_source("openmoji", "test[:8]", image_size=(32, 24), transparent=True).spec
    )


def test_recipes_take_the_line_drawings():
    table = recipes.complete({"data": {"name": "openmoji", "source": "black"}}).data
    source = source_of_recipe(table, "test[:8]")
    assert source.only(["image", "source"]).spec["source"].shape == (64, 64, 1)


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'needs resvg_py, .* pip install "kerasgan\[emoji\]"'):
        data.load_source("openmoji")


def test_another_archive_is_refused(monkeypatch, cache):
    openmoji.members.cache_clear()
    content = b"another archive"
    monkeypatch.setattr(npm, "from_npm", lambda package: content)
    with pytest.raises(UserError, match="gave another openmoji-17.0.0.tgz than the one wanted"):
        openmoji.members()
    (cache / "openmoji").mkdir()
    (cache / "openmoji" / "openmoji-17.0.0.tgz").write_bytes(content)
    with pytest.raises(UserError, match="is not the file wanted: delete it"):
        openmoji.members()
    assert hashlib.sha512(content).digest()
