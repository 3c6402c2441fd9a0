"""The emoji: drawn the same each time, split by base, embedded as drawn."""

import numpy as np
import pytest
from PIL import Image

from kerasgan import data
from kerasgan.data import emoji
from kerasgan.utils.errors import UserError

here = emoji.FONT.is_file() and emoji.LIST.is_file()
needs_font = pytest.mark.skipif(not here, reason="needs Debian's fonts-noto-color-emoji")


def test_the_embedded_set_has_classes_captions_and_splits():
    train, test = (data.load_source("noto_emoji_mini", split) for split in ("train", "test"))
    assert (len(train), len(test)) == (1683, 187)
    assert train.parts["image"].shape == (1683, 64, 64, 3) and len(train.class_names) == 9
    assert train.spec["label"].num_classes == 9 and train.licence.endswith("Apache-2.0")
    assert len(train.captions) == 1683 and not set(train.captions) & set(test.captions)
    place = train.captions.index("red heart")
    assert train.class_names[train.parts["label"][place]] == "Smileys & Emotion"
    red, green, blue = train.parts["image"][place, 32, 32]
    assert red > 180 and green < 100 and blue < 100
    assert (train.parts["image"][:, 0, 0] == 255).all(axis=1).mean() > 0.99  # white corners
    few = train.parts["label"][:200]  # any leading slice holds all groups
    assert len(np.unique(few)) == 9


def test_opacity_and_background_of_the_embedded_set():
    clear = data.load_source("noto_emoji_mini", "test", transparent=True).parts["image"]
    assert clear.shape[1:] == (64, 64, 4) and set(clear[:, 0, 0, 3]) <= {0}
    blue = data.load_source("noto_emoji_mini", "test", background="#0000ff", image_size=32)
    corners = (blue.parts["image"][:, 0, 0] == (0, 0, 255)).all(axis=1)
    assert corners.mean() > 0.95
    with pytest.raises(UserError, match='no split "dev"'):
        data.load_source("noto_emoji_mini", "dev")


@needs_font
def test_all_emoji_are_drawn_and_no_skin_tone_is_in_two_splits(tmp_path, monkeypatch):
    families = emoji.listed()
    every = [each for family in families for each in family]
    assert len(every) == 3655
    splits = emoji.splits_of(families)
    bases = [{every[i].base for i in splits[name]} for name in splits]
    assert not bases[0] & bases[1] and len(splits["test"]) > 300
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path))
    source = data.load_source("noto_emoji", "train[:300]", image_size=64)
    kept = data.load_source("noto_emoji", "train[:300]", image_size=64, cached=True)
    assert source.fingerprint == kept.fingerprint and source.captions == kept.captions
    assert source.parts["image"].shape == (300, 64, 64, 3)
    assert data.load_source("noto_emoji", "test[:8]").parts["image"].shape == (8, 128, 136, 3)


@needs_font
def test_the_embedded_pictures_are_what_the_font_draws():
    mini = data.load_source("noto_emoji_mini", "test", transparent=True)
    whole = data.load_source("noto_emoji", "test", image_size=64, transparent=True)
    place = whole.captions.index(mini.captions[0])
    ours, drawn = mini.parts["image"][0], whole.parts["image"][place]
    np.testing.assert_array_equal(ours[..., 3], drawn[..., 3])
    np.testing.assert_array_equal(ours[ours[..., 3] > 0], drawn[drawn[..., 3] > 0])


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(emoji, "FONT", tmp_path / "none.ttf")
    monkeypatch.setattr(emoji, "LIST", tmp_path / "none.txt")
    with pytest.raises(
        UserError, match='apt-get install fonts-noto-color-emoji unicode-data. "noto_emoji_mini"'
    ):
        data.load_source("noto_emoji")


def test_damaged_pictures_are_refused(monkeypatch, tmp_path):
    for name in ("noto_emoji_mini.webp", "noto_emoji_mini.json"):
        (tmp_path / name).write_bytes((emoji.ASSETS / name).read_bytes())
    with Image.open(tmp_path / "noto_emoji_mini.webp") as sheet:
        Image.new("RGBA", sheet.size).save(tmp_path / "noto_emoji_mini.webp", lossless=True)
    monkeypatch.setattr(emoji, "ASSETS", tmp_path)
    with pytest.raises(UserError, match="must have SHA-256 .* reinstall kerasgan"):
        data.load_source("noto_emoji_mini")
