"""Pairs of pictures: from folders, halves, drawings and other sets; and unpaired ones."""

import shutil

import keras
import numpy as np
import pytest
import translators
from PIL import Image
from translators import Translator

import kerasgan
from kerasgan import data
from kerasgan.data import unread
from kerasgan.data.source import ArraySource
from kerasgan.training import recipe as recipes
from kerasgan.training.build import build, completed_by
from kerasgan.training.train import source_for, source_of_recipe, train_recipe
from kerasgan.utils.errors import UserError


def save(path, level, size=(8, 8), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level,) * len(mode)).save(path)


def levels(values):
    return values[:, 0, 0, 0].tolist()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


@pytest.fixture
def folders(tmp_path):
    """20 pictures in two classes, and their grey twins with other suffixes; the levels tell."""
    for place in range(20):
        name = f"{('ants', 'bees')[place % 2]}/{place:02}"
        save(tmp_path / "photos" / f"{name}.png", place)
        save(tmp_path / "sketches" / f"{name}.bmp", 100 + place, (12, 10), mode="L")
    return tmp_path / "photos", tmp_path / "sketches"


# --- A second folder ---


def test_pairs_of_two_folders_have_one_name_and_different_suffixes(folders):
    source = data.pairs(*folders, "all", image_size=8)
    assert list(source.spec) == ["image", "label", "source"]
    assert source.spec["source"].shape == (8, 8, 1) and source.spec["image"].shape == (8, 8, 3)
    made, given = levels(source.parts["image"]), levels(source.parts["source"])
    assert sorted(made) == list(range(20)) and given == [100 + each for each in made]
    assert source.class_names == ["ants", "bees"]
    assert [each % 2 for each in made] == source.parts["label"].tolist()
    train, test = (data.pairs(*folders, split, image_size=8) for split in ("train", "test"))
    assert len(train) == 18 and len(test) == 2
    assert levels(test.parts["source"]) == [100 + each for each in levels(test.parts["image"])]


def test_split_folders_pair_with_split_folders(tmp_path):
    for place, split in enumerate(("train", "train", "test")):
        save(tmp_path / "photos" / split / f"{place}.png", place)
        save(tmp_path / "sketches" / split / f"{place}.jpg", 100 + place)
    test = data.pairs(tmp_path / "photos", str(tmp_path / "sketches"), "test")
    assert levels(test.parts["image"]) == [2] and levels(test.parts["source"]) == [102]


def test_missing_twins_are_named_in_one_error(folders):
    for name in ("ants/04.bmp", "bees/11.bmp"):
        (folders[1] / name).unlink()
    with pytest.raises(UserError, match="no twins of 2 of 20 .*: ants/04.png, bees/11.png. A pair"):
        data.pairs(*folders)
    with pytest.raises(UserError, match="No such folder"):
        data.pairs(folders[0], folders[0] / "nowhere")


def test_a_picture_with_two_twins_is_refused_and_the_same_suffix_wins(folders):
    save(folders[1] / "ants" / "04.gif", 1)
    with pytest.raises(UserError, match="several twins of 1 of 20 .*: ants/04.png"):
        data.pairs(*folders)
    save(folders[1] / "ants" / "04.png", 77)
    with pytest.warns(UserWarning, match="left out 2 pictures without a twin"):
        source = data.pairs(*folders, "all", image_size=8)
    assert source.parts["source"][levels(source.parts["image"]).index(4), 0, 0, 0] == 77


def test_a_pair_is_left_out_if_one_of_its_pictures_is_damaged(folders):
    (folders[0] / "ants" / "02.png").write_bytes(b"no picture")
    (folders[1] / "bees" / "05.bmp").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"cannot read 2 of 20 images: ants/02.png .*bees/05.bmp"):
        data.pairs(*folders, "all", image_size=8)
    with pytest.warns(UserWarning, match="left out damaged images"):
        source = data.pairs(*folders, "all", image_size=8, skip_damaged=True)
    made = levels(source.parts["image"])
    assert sorted(made) == sorted({*range(20)} - {2, 5})
    assert levels(source.parts["source"]) == [100 + each for each in made]


def test_pairs_in_the_cache_are_those_in_memory(folders, monkeypatch, tmp_path):
    held = data.pairs(*folders, image_size=8)
    kept = data.pairs(*folders, image_size=8, cached=True)
    assert held.cache is None and kept.cache
    for part in held.parts:
        np.testing.assert_array_equal(held.parts[part], kept.parts[part])
    for parts in (["image", "source"], ["image", "label", "source"], ["image"]):
        assert held.only(parts).fingerprint == kept.only(parts).fingerprint
    shutil.copytree(tmp_path / "sketches", tmp_path / "copied")
    copied = data.pairs(folders[0], tmp_path / "copied", image_size=8)
    assert copied.fingerprint == held.fingerprint
    save(tmp_path / "copied" / "ants" / "00.bmp", 1, mode="L")
    other = data.pairs(folders[0], tmp_path / "copied", image_size=8)
    assert other.fingerprint != held.fingerprint
    save(folders[1] / "ants" / "00.bmp", 1, mode="L")  # the twin alone changes
    assert data.pairs(*folders, image_size=8, cached=True).fingerprint == other.fingerprint


# --- Halves ---


@pytest.mark.parametrize("width", [32, 33, 50])
def test_halves_are_cut_before_they_are_brought_to_size(tmp_path, width):
    for place in range(4):
        picture = np.zeros((16, width, 3), np.uint8)
        picture[:, : width // 2] = 50 + place
        picture[:, -(width // 2) :] = 200 + place
        (tmp_path / "pairs").mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "pairs" / f"{place}.png")
    left = data.pairs(tmp_path / "pairs", "left", "all", image_size=8)
    right = data.pairs(tmp_path / "pairs", "right", "all", image_size=8, cached=True)
    assert left.spec["image"].shape == left.spec["source"].shape == (8, 8, 3)
    for low, high in (
        (left.parts["source"], left.parts["image"]),
        (right.parts["image"], right.parts["source"]),
    ):
        for place in range(4):
            assert set(low[place].ravel()) == {50 + place}
            assert set(high[place].ravel()) == {200 + place}
    assert left.fingerprint != right.fingerprint
    cached = data.pairs(tmp_path / "pairs", "left", "all", image_size=8, cached=True)
    assert left.fingerprint == cached.fingerprint
    first = next(iter(data.steps(right, batch_size=4)))
    assert first[0].shape == first[1].shape == (4, 8, 8, 3)


def test_halves_of_arrays():
    whole = np.concatenate([np.full((3, 8, 8, 3), 10), np.full((3, 8, 8, 3), 20)], 2)
    source = data.pairs(whole.astype(np.uint8), "left", image_size=4)
    assert levels(source.parts["source"]) == [10] * 3 and levels(source.parts["image"]) == [20] * 3
    assert source.spec["image"].shape == (4, 4, 3)


# --- Made of the picture ---


def test_outlines_are_dark_lines_on_white():
    source = data.pairs("noto_emoji_mini", "outline", "test")
    drawn = source.parts["source"]
    assert drawn.shape == (187, 64, 64, 1) and drawn.dtype == np.uint8
    assert np.median(drawn) == 255 and 0.5 < (drawn > 240).mean() < 0.95
    assert (drawn.min(axis=(1, 2, 3)) < 128).mean() > 0.95  # all but the faintest have lines
    alone = data.pairs(source.parts["image"][5:6], "outline").parts["source"]
    np.testing.assert_array_equal(alone[0], drawn[5])
    flat = np.full((1, 16, 16, 3), 90, np.uint8)
    assert (data.pairs(flat, "outline").parts["source"] == 255).all()


def test_grey_is_the_luma():
    colours = np.array([[255, 0, 0], [0, 255, 0], [255, 255, 255]], np.uint8).reshape(3, 1, 1, 3)
    source = data.pairs(np.tile(colours, (1, 8, 8, 1)), "grey")
    assert levels(source.parts["source"]) == [76, 150, 255]
    floats = data.pairs(np.tile(colours, (1, 8, 8, 1)) / np.float32(127.5) - 1, "grey")
    assert levels(floats.parts["source"]) == [76, 150, 255]


def test_outlines_of_a_cached_set_are_written_beside_it_once(folders, monkeypatch):
    held = data.pairs(folders[0], "outline")
    kept = data.pairs(folders[0], "outline", cached=True)
    np.testing.assert_array_equal(held.parts["source"], kept.parts["source"])
    assert isinstance(kept.parts["source"].base, np.memmap)
    assert held.fingerprint == kept.fingerprint
    monkeypatch.setitem(data.pairs.__globals__["MADE"], "outline", None)
    np.testing.assert_array_equal(
        data.pairs(folders[0], "outline", cached=True).parts["source"], kept.parts["source"]
    )
    assert list(unread.prepared())  # and the set is still whole


def test_another_source_is_another_fingerprint():
    made = [data.pairs("noto_emoji_mini", word, "test") for word in ("outline", "grey")]
    made.append(data.unpaired("noto_emoji_mini", "grey", split="test"))
    made.append(data.load_source("noto_emoji_mini", "test"))
    assert len({each.fingerprint for each in made}) == 4
    assert len({each.only(["image"]).fingerprint for each in made}) == 1


def test_wrong_sources_are_named_with_the_nearest():
    with pytest.raises(UserError, match='no source "outlne".* did you mean "outline"'):
        data.pairs("noto_emoji_mini", "outlne")
    with pytest.raises(UserError, match='"black" are the line drawings of "openmoji"'):
        data.pairs("noto_emoji_mini", "black")
    with pytest.raises(UserError, match="row by row. Received: 2 images .* and 3 .*unpaired"):
        data.pairs(np.zeros((2, 8, 8, 3), "uint8"), np.zeros((3, 8, 8, 1), "uint8"))


# --- Flips ---


def ramp(number, low, channels=3):
    """Pictures whose left column is dark and whose right one is bright."""
    values = np.zeros((number, 8, 8, channels), np.uint8)
    values[:, :, 0], values[:, :, -1] = low, 250
    return values


def mirrored(images):
    return np.asarray(images)[:, 0, 0, 0] > np.asarray(images)[:, 0, -1, 0]


def test_pairs_are_mirrored_together_and_unpaired_pictures_each_by_its_own_draw():
    images, sources = ramp(64, 10), ramp(64, 20, 1)
    (pair,) = data.steps(data.pairs(images, sources, flip=True), batch_size=64)
    assert 10 < mirrored(pair[0]).sum() < 54
    np.testing.assert_array_equal(mirrored(pair[0]), mirrored(pair[1]))
    (both,) = data.steps(data.unpaired(images, sources, flip=True), batch_size=64)
    assert 10 < (mirrored(both[0]) != mirrored(both[1])).sum() < 54


# --- Unpaired ---


@pytest.fixture
def apart():
    images = np.broadcast_to(np.arange(12, dtype=np.uint8)[:, None, None, None], (12, 8, 8, 3))
    others = np.broadcast_to(np.arange(5, dtype=np.uint8)[:, None, None, None], (5, 8, 8, 1))
    return data.unpaired(images, others)


def given(batch):
    return np.rint((np.asarray(batch[1])[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def test_unpaired_pictures_are_drawn_anew_at_each_visit(apart):
    assert len(apart) == 12 and apart.spec["source"].shape == (8, 8, 1)
    batches = list(data.steps(apart, batch_size=4, stop=300))
    drawn = [given(batch) for batch in batches]
    counts = np.bincount(np.ravel(drawn), minlength=5)
    assert len(counts) == 5 and abs(counts / 240 - 1).max() < 0.25  # 1,200 draws of 5
    assert any(len(set(each)) < 4 for each in drawn)  # with replacement
    made = [np.rint((np.asarray(b[0])[:, 0, 0, 0] + 1) * 127.5) for b in batches[:3]]
    assert sorted(np.ravel(made)) == list(range(12))  # an epoch visits each image once


def test_unpaired_draws_resume_and_agree_between_workers(apart):
    whole = [given(batch) for batch in data.steps(apart, batch_size=6, seed=3, stop=8)]
    resumed = [given(batch) for batch in data.steps(apart, batch_size=6, seed=3, start=5, stop=8)]
    assert resumed == whole[5:]
    rows = [
        [given(batch) for batch in data.steps(apart, batch_size=6, seed=3, stop=8, rows=rows)]
        for rows in ((0, 2), (2, 2), (4, 2))
    ]
    assert [a + b + c for a, b, c in zip(*rows, strict=True)] == whole
    assert [given(b) for b in data.steps(apart, batch_size=6, seed=4, stop=8)] != whole
    shuffled = [given(batch) for batch in data.batches(apart, batch_size=6, seed=1)]
    assert shuffled == [given(batch) for batch in data.batches(apart, batch_size=6, seed=1)]


def test_independent_parts_stay_so_and_are_checked(apart):
    assert apart.only(["image", "source"]).independent == ("source",)
    assert apart.only(["image"]).independent == ()
    assert (
        apart.fingerprint
        != apart.replace(
            parts={**apart.parts, "source": apart.parts["source"][:4]}, origins={}
        ).fingerprint
    )
    with pytest.raises(UserError, match="parts after the first .* Received: image"):
        ArraySource(apart.parts, independent=("image",))
    with pytest.raises(UserError, match="all parts must have one length"):
        ArraySource(apart.parts)


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_a_model_fits_and_is_scored_on_unpaired_pictures_of_other_lengths():
    rng = np.random.default_rng(0)
    images, others = (rng.integers(0, 256, (n, 16, 16, 3), dtype=np.uint8) for n in (24, 10))
    source = data.unpaired(images, others, flip=True)
    gan = Translator(source_shape=(16, 16, 3), seed=0)
    gan.compile()
    gan.fit(source, batch_size=8, epochs=2, verbose=0)
    assert int(gan.images_seen) == 48
    scores = gan.evaluate(source, num=4, verbose=0)
    assert np.isfinite(scores["frechet_distance"])


# --- Recipes ---


def recipe(**tables):
    tables.setdefault("model", {})["name"] = f"{translators.__file__}:Translator"
    return recipes.complete(tables)


def test_recipes_take_sources(folders):
    data_table = {"name": str(folders[0]), "source": str(folders[1]), "image_size": 8}
    source = source_of_recipe(recipe(data=data_table).data, "train")
    assert source.only(["image", "source"]).spec["source"].shape == (8, 8, 1)
    assert recipe(data=data_table).data.paired is True
    apart = source_of_recipe(recipe(data={**data_table, "paired": False}).data, "train")
    assert apart.independent == ("source",)
    model = {"name": recipe().model.name.replace("Translator", "Unpaired")}
    assert recipes.complete({"model": model, "data": data_table}).data.paired is False
    assert "paired" not in recipes.complete({}).tables()["data"]
    with pytest.raises(UserError, match="there is no data.source. Received: data.paired = false"):
        recipe(data={"paired": False})
    written = recipes.complete(recipe(data=data_table).tables())
    assert written == recipe(data=data_table)


def test_a_recipe_without_changes_goes_on_after_its_shapes_are_read_from_the_data(folders):
    table = recipe(data={"name": str(folders[0]), "source": "grey"})
    source = source_of_recipe(table.data, "train")
    completed = completed_by(table, source.spec, print)
    assert "source_shape" not in completed.model.arguments
    assert build(completed, source.spec).signature.inputs["source"].shape == (8, 8, 1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_a_run_goes_on_where_both_folders_have_moved(folders, tmp_path):
    def train(name, source):
        table = {"name": str(name), "source": str(source), "image_size": 8, "batch_size": 8}
        run = {"training": {"epochs": 1}, "evaluation": {"split": "all", "num": 2}}
        wanted = recipe(data={**table, "split": "all"}, **run)
        spec = source_of_recipe(wanted.data, "all").spec
        return train_recipe(completed_by(wanted, spec, print), tmp_path / "run", verbose=0)

    assert train(*folders)["steps"] == 2
    moved = [folder.rename(tmp_path / f"moved_{folder.name}") for folder in folders]
    assert train(*moved)["steps"] == 2
    save(moved[1] / "ants" / "00.bmp", 7, (12, 10), mode="L")
    with pytest.raises(UserError, match="the same number of images, but other ones"):
        train(*moved)


def test_a_class_trains_on_pairs_and_goes_on_and_on_no_others(tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (24, 16, 16, 3)).astype(np.uint8)
    for place, make in enumerate(
        (lambda w: data.pairs(images, w), lambda w: data.unpaired(images, w))
    ):
        weights = []
        for name, epochs in (("whole", [4]), ("parts", [2, 4])):
            for number in epochs:
                keras.utils.set_random_seed(0)
                gan = Translator(seed=0)
                gan.compile()
                kerasgan.train(gan, make("grey"), tmp_path / f"{name}{place}", number, 8, verbose=0)
            weights.append(gan.generator.get_weights())
        for one, other in zip(*weights, strict=True):
            np.testing.assert_array_equal(one, other)
        with pytest.raises(UserError, match="data.fingerprint"):
            kerasgan.train(gan, make("outline"), tmp_path / f"whole{place}", 4, 8, verbose=0)
    with pytest.raises(UserError, match='no part "source": `kerasgan.data.pairs` adds it'):
        kerasgan.train(gan, ArraySource({"image": images}), tmp_path / "none", 1, 8, verbose=0)


@pytest.mark.parametrize(
    "option", [{"split": "test"}, {"image_size": 4}, {"cached": True}, {"transparent": True}]
)
def test_options_of_reading_are_refused_for_a_source_that_is_read(option):
    source = ArraySource({"image": np.zeros((6, 8, 8, 3), "uint8")})
    assert len(data.pairs(source, "outline")) == len(data.unpaired(source, source)) == 6
    with pytest.raises(UserError, match=f"`{next(iter(option))}` tells how data are read"):
        data.pairs(source, "outline", **option)
    with pytest.raises(UserError, match=f"`{next(iter(option))}` tells how data are read"):
        data.unpaired(source, source, **option)


def test_halves_of_a_source_have_the_size_and_colour_that_are_wanted():
    both = np.zeros((2, 8, 16, 4), "uint8")
    made = data.pairs(ArraySource({"image": both}), "left", image_size=4, background="red")
    assert made.parts["source"][0, 0, 0].tolist() == [255, 0, 0]
    assert made.parts["image"].shape[1:3] == (4, 4)


def test_drawings_of_halves_are_those_of_each_half(tmp_path):
    for place in range(6):
        picture = np.zeros((8, 16, 3), "uint8")
        picture[2:6, 10:14] = 255  # on the right
        path = tmp_path / "pairs" / f"{place}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(path)
    drawn = {}
    for side in ("left", "right"):  # which the model is given: the other is drawn
        halves = data.pairs(tmp_path / "pairs", side, "all", cached=True)
        drawn[side] = data.pairs(halves, "outline").parts["source"]
    assert drawn["left"].min() < 255 and drawn["right"].min() == 255


def test_a_part_of_a_cached_set_is_not_taken_for_the_whole(folders):
    whole = data.load_source(folders[0], "all", image_size=8, cached=True)
    few = whole.replace(parts={part: values[:5] for part, values in whole.parts.items()})
    assert whole.cache and few.cache is None and few.fingerprint != whole.fingerprint
    data.pairs(few, "outline")
    assert len(data.pairs(whole, "outline")) == 20


def test_commands_on_a_model_find_what_its_training_prepared(folders, cache, monkeypatch):
    table = recipes.complete(
        {
            "model": {"name": "pix2pix"},
            "data": {"name": str(folders[0]), "source": "outline", "image_size": 8},
        }
    ).data
    seen = []
    monkeypatch.setattr(
        "kerasgan.training.train.source_of_recipe",
        lambda data, *_: seen.append(data.image_size) or source_of_recipe(data, "all"),
    )
    gan = Translator((8, 8, 3), (8, 8, 1))
    source_for(gan, table, "test")
    assert seen == [table.image_size]  # not [8, 8], another key of the cache
