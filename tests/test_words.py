"""Words from pictures, and the score of images made of texts: the benchmarks' own arithmetic."""

import json
import runpy

import keras
import numpy as np
import pytest

from kerasgan import ConditionalGAN, VanillaGAN, cli, data, metrics, zoo
from kerasgan.cli import benchmark
from kerasgan.data import toys
from kerasgan.metrics import extractors
from kerasgan.training import recipe, words
from kerasgan.training.dry_run import dry_run
from kerasgan.training.train import source_for, train, train_recipe
from kerasgan.utils.errors import UserError
from kerasgan.zoo import hub

BENCHMARK = runpy.run_path(str(benchmark.find("words_from_pictures")))
TEXTS = runpy.run_path(str(benchmark.find("text_to_image")))


def test_words_are_those_of_names_without_small_ones():
    assert words.split("flag: Curaçao & the 1st-place Flag") == [
        "flag",
        "curaçao",
        "1st",
        "place",
    ]


def test_a_word_must_belong_to_three_pictures():
    lists = [["cat", "face"], ["cat", "face"], ["cat", "sun"], ["face", "moon"]]
    assert words.words_in(lists) == ["cat", "face"]


def test_vectors_have_one_length_and_words_of_one_kind_are_near():
    lists = [["cat", "animal"], ["dog", "animal"], ["car", "travel"], ["bus", "travel"]] * 3
    vocabulary = words.words_in(lists)
    vectors = words.word_vectors(lists, vocabulary, 4)
    assert vectors.shape == (6, 4) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 2.0, rtol=1e-5)
    by_name = dict(zip(vocabulary, vectors, strict=True))
    near = by_name["cat"] @ by_name["animal"]
    assert near > by_name["cat"] @ by_name["car"] + 1.0
    assert near > by_name["cat"] @ by_name["travel"] + 1.0


def test_information_is_that_of_its_definition():
    # Two pairs of words in eight lists: each word's share of the pairs is 1/4, a pair's is 1/2.
    lists = [["a", "b"]] * 4 + [["c", "d"]] * 4
    vectors = words.word_vectors(lists, ["a", "b", "c", "d"], 4).astype("float64")
    cosines = vectors @ vectors.T / 4.0
    # log(1/4 / (1/4 * 1/4)) = log 4 within a pair and on the diagonal, which is thus of rank 2
    np.testing.assert_allclose(cosines, np.kron(np.eye(2), np.ones((2, 2))), atol=1e-6)


def test_each_picture_is_repeated_for_each_of_its_words():
    places, which = words.pairs([["a", "c"], [], ["b"]], ["a", "b", "c"])
    assert places.tolist() == [0, 0, 2] and which.tolist() == [0, 2, 1]


def test_precision_of_ten_words_against_those_of_a_picture():
    ten = list("abcdefghij")
    assert BENCHMARK["precision"]([ten, ten], [["a", "z"], ["b", "c"]]) == {
        "precision": 0.15,
        "recall": 0.75,
    }


def test_words_of_the_nearest_picture_come_first():
    training = np.array([[0.0, 0.0], [5.0, 5.0], [9.0, 9.0]])
    lists = [["a"], ["b", "c"], ["c", "d"]]
    found = BENCHMARK["neighbours"](training, np.array([[6.0, 6.0]]), lists)
    assert found == [["b", "c", "d", "a"]]


def test_a_gan_learns_which_words_belong_to_a_picture():
    # Two kinds of picture, told by their features, with two words each.
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 200)
    features = np.where(kinds[:, None] == 1, 1.0, -1.0) * np.ones((1, 3))
    features = (features + rng.normal(0, 0.1, features.shape)).astype("float32")
    lists = [["cat", "animal"] if kind else ["car", "travel"] for kind in kinds]
    vocabulary = words.words_in(lists)
    vectors = words.word_vectors(lists, vocabulary, 4)
    places, which = words.pairs(lists, vocabulary)
    keras.utils.set_random_seed(0)
    gan = ConditionalGAN((4,), condition_dim=3, latent_dim=8, width=120, seed=0)
    gan.compile(keras.optimizers.Adam(1e-3, 0.5), keras.optimizers.Adam(2e-3, 0.5))
    gan.fit(vectors[which], features[places], batch_size=50, epochs=20, verbose=0)
    for kind, own in ((1, {"cat", "animal"}), (0, {"car", "travel"})):
        drawn = gan.sample(condition=np.repeat(features[kinds == kind][:1], 50, axis=0), seed=0)
        assert set(words.most_common(drawn, vectors, vocabulary, 2, 2)) == own


def test_the_table_shows_pictures_with_their_words():
    rows = [(np.zeros((8, 8, 3), "uint8"), ["cat", "face"], ["cat", "dog"])] * 2
    sheet = BENCHMARK["table"](rows)
    assert sheet.shape == (2 * 70 + 6, 760, 3)
    assert (sheet == 0).all(axis=2)[6:70, 6:70].all()
    red, green, _ = sheet[:, 80:].reshape(-1, 3).astype(int).T
    assert (green > red + 80).any() and (red > green + 80).any()


def test_agreement_beside_chance_and_shuffled_captions():
    labels = np.array([0, 0, 1, 1])
    order = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [0, 1, 2, 3], [3, 2, 1, 0]])
    found = TEXTS["agreement"](order, labels, labels, np.arange(4))
    assert found["right"] == 0.75 and found["chance"] == 0.5 and found["shuffled"] == 0.5
    assert found["own"] == 1.0 == found["own_chance"]  # four pictures are fewer than ten
    every = np.array([np.roll(labels, shift) for shift in range(4)])
    by_hand = [np.mean(labels[order[:, 0]] == each) for each in every]
    assert np.mean(by_hand) == pytest.approx(found["shuffled"])


def small(**changes):
    tables = {
        "model": {"name": "cgan", "width": 24},
        "data": {"name": "noto_emoji_mini", "split": "train[:96]", "words": True, "batch_size": 32},
        "training": {"steps": 4},
        "g_optimizer": {"name": "adam", "learning_rate": 1e-3},
        "evaluation": {"split": "test[:40]", "num": 64},
    }
    for table, values in changes.items():
        tables.setdefault(table, {}).update(values)
    return recipe.complete(tables)


@pytest.fixture(scope="module")
def source():
    return data.load_source("noto_emoji_mini", "train[:96]")


@pytest.fixture(scope="module")
def known(source):
    return words.Words.of(source)


def test_examples_are_a_word_and_the_features_of_its_picture(source, known):
    pairs = known.pairs(source)
    lists = [words.within(each, known.vocabulary) for each in words.lists_of(source)]
    number = sum(map(len, lists))
    assert pairs.parts["image"].shape == (number, 50)
    assert pairs.parts["condition"].shape == (number, 1280)
    first = known.vocabulary.index(lists[0][0])
    np.testing.assert_array_equal(pairs.parts["image"][0], known.vectors[first])
    features = metrics.EfficientNetLite0()(source.parts["image"])
    once = known.scaled(features)
    np.testing.assert_allclose(once.mean(axis=0), 0.0, atol=1e-4)
    assert once.std() == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(pairs.parts["condition"][0], once[0], atol=1e-3)
    # Other pictures keep the scale and the words of those trained on.
    other = known.pairs(data.load_source("noto_emoji_mini", "test[:8]"))
    assert abs(other.parts["condition"].mean()) > 1e-3


def test_a_recipe_trains_a_model_of_words_and_resumes(tmp_path, known, source):
    result = train_recipe(small(), tmp_path / "run", verbose=0)
    assert result["metric"] == "FD[vectors]" and result["steps"] == 4
    longer = small(training={"steps": 6})
    train_recipe(longer, tmp_path / "run", verbose=0, change_recipe=True)
    train_recipe(longer, tmp_path / "whole", verbose=0)
    resumed, whole = zoo.load(tmp_path / "run"), zoo.load(tmp_path / "whole")
    for ours, theirs in zip(resumed.weights, whole.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6, err_msg=ours.path)
    assert resumed.signature.inputs["condition"].shape == (1280,)
    images = source.parts["image"][:2]
    assert resumed.words.vocabulary == known.vocabulary
    np.testing.assert_array_equal(resumed.words.vectors, known.vectors)
    found = resumed.words.tags(resumed, images, seed=1)
    assert [len(each) for each in found] == [10, 10] and set(found[0]) <= set(known.vocabulary)
    assert found == known.tags(resumed, images, seed=1)
    settings = small().data
    again = source_for(resumed, settings, "test[:8]")
    expected = known.pairs(data.load_source("noto_emoji_mini", "test[:8]"))
    np.testing.assert_array_equal(again.parts["image"], expected.parts["image"])
    np.testing.assert_array_equal(again.parts["condition"], expected.parts["condition"])


def test_the_benchmark_scores_a_run(tmp_path, capsys):
    train_recipe(small(training={"steps": 1}), tmp_path / "run", verbose=0)
    BENCHMARK["main"](str(tmp_path / "run"), "test[:8]", 0, None, tmp_path)
    line = json.loads((tmp_path / "words_from_pictures.jsonl").read_text())
    assert set(line["ways"]) == {
        "model",
        "the nearest training pictures",
        "the most frequent words",
    }
    assert line["n_test"] == 8 and line["n_train"] == 96
    assert 0 <= line["ways"]["model"]["precision"] <= line["best_precision"]
    assert (tmp_path / "words_from_pictures.png").is_file()
    assert "most that is possible" in capsys.readouterr().out


def test_words_are_kept_in_a_file(tmp_path, monkeypatch, known):
    (tmp_path / "entry").mkdir()
    for name in ("result.json", zoo.WEIGHTS):
        (tmp_path / "entry" / name).write_text("")
    known.save(tmp_path / "entry" / zoo.entries.WORDS)
    monkeypatch.setattr(zoo.entries, "folder", lambda: tmp_path)
    again = zoo.words("entry")
    assert again.vocabulary == known.vocabulary
    np.testing.assert_array_equal(again.vectors, known.vectors)
    np.testing.assert_array_equal(again.mean, known.mean)
    with pytest.raises(UserError, match="no trained model at other"):
        zoo.words("other")


def test_mistakes_are_told(known, source):
    with pytest.raises(UserError, match="data.words and data.texts exclude each other"):
        small(data={"texts": True})
    with pytest.raises(UserError, match="No word belongs to 3 of the 2 captions"):
        words.Words.of(data.load_source("noto_emoji_mini", "train[:2]"))
    with pytest.raises(UserError, match="fashion_mnist_mini has no texts"):
        words.Words.of(data.load_source("fashion_mnist_mini", "train[:8]"))
    gan = ConditionalGAN((4,), condition_dim=1280, width=24)
    with pytest.raises(UserError, match="must draw vectors of 50. Received: one of points"):
        known.tags(gan, source.parts["image"][:1])
    with pytest.raises(UserError, match="images"):
        known.tags(gan, np.zeros((2, 8)))
    gan = ConditionalGAN((50,), condition_dim=1280, width=24)
    gan.compile()
    with pytest.raises(UserError, match="needs conditions, .* data.words = true"):
        train(gan, source, "unused", steps=1, batch_size=8, verbose=0)
    for option in ("flip", "transparent"):
        with pytest.raises(UserError, match=f"data.{option} is for pictures that are drawn"):
            small(data={option: True})
    with pytest.raises(UserError, match="takes no condition, so that it would draw words whatever"):
        train_recipe(small(model={"name": "vanilla"}), "unused", verbose=0)
    with pytest.raises(UserError, match="dcgan_fashion_mnist draws no words"):
        zoo.words("dcgan_fashion_mnist")
    with pytest.raises(UserError, match="fashion_mnist_mini has no texts"):
        dry_run(small(data={"name": "fashion_mnist_mini"}))
    with pytest.raises(UserError, match="draws no words"):
        BENCHMARK["main"]("dcgan_fashion_mnist")


def test_a_dry_run_knows_the_shapes():
    told = dry_run(small())
    assert told.startswith("ConditionalGAN, points (50,) of noto_emoji_mini, batch 32")


def test_the_distance_of_vectors_is_that_of_their_means_and_covariances():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(50, 3)), rng.normal(1.0, 2.0, (40, 3))
    extractor = metrics.Vectors(3)
    found = metrics.frechet_distance(
        *(extractor.statistics(extractor.batches(each, 16)) for each in (one, other))
    )
    a, b = (np.cov(each, rowvar=False) for each in (one, other))
    root = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0)).sum()
    wanted = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * root
    assert found == pytest.approx(wanted, rel=1e-5)
    assert issubclass(metrics.Vectors, extractors.Extractor)
    with pytest.raises(ValueError, match=r"shape \(N, 3\) with N at least 1"):
        extractor(np.zeros((2, 4), "float32"))


def test_models_of_points_are_scored_and_not_drawn(tmp_path, capsys):
    gan = VanillaGAN((2,), width=40, seed=0)
    gan.compile()
    real = toys.grid(200, seed=0)
    scores = gan.evaluate(real, seed=0)
    extractor = metrics.Vectors(2)
    fake = extractor.statistics([gan.sample(200, seed=0)])
    wanted = metrics.frechet_distance(extractor.statistics([real]), fake)
    assert scores["frechet_distance"] == pytest.approx(wanted, rel=1e-6)
    gan.save(tmp_path / "points.keras")
    commands = (
        ["sample", "--output", str(tmp_path / "grid.png")],
        ["sample", "--output", str(tmp_path / "folder")],
        ["evaluate", "--dataset", "fashion_mnist_mini"],
    )
    for name, *options in commands:
        with pytest.raises(SystemExit) as stopped:
            cli.main([name, str(tmp_path / "points.keras"), *options])
        assert stopped.value.code == 2
        assert "makes points (2,), not images" in capsys.readouterr().err


def test_a_run_keeps_its_words(tmp_path, monkeypatch):
    train_recipe(small(training={"steps": 2}), tmp_path / "run", verbose=0)
    kept = words.Words.load(tmp_path / "run" / words.FILE)
    # Another machine may find other axes: the run goes on with its own.
    monkeypatch.setattr(words.Words, "of", None)
    longer = small(training={"steps": 3})
    train_recipe(longer, tmp_path / "run", verbose=0, change_recipe=True)
    np.testing.assert_array_equal(zoo.load(tmp_path / "run").words.vectors, kept.vectors)


def test_data_are_the_same_whatever_the_last_digits_of_features(known, source, monkeypatch):
    first = known.pairs(source)
    features = words.features_of(source)
    monkeypatch.setattr(words, "features_of", lambda *_: features * np.float32(1 + 1e-6))
    again = known.pairs(source)
    assert not np.array_equal(first.parts["condition"], again.parts["condition"])
    assert first.fingerprint == again.fingerprint
    assert known.pairs(data.load_source("noto_emoji_mini", "test[:8]")).fingerprint != (
        first.fingerprint
    )


def test_the_hub_gets_the_words(tmp_path):
    hub.write_folder("cgan_noto_emoji_words", tmp_path, "me/words")
    assert zoo.load(tmp_path).words.vocabulary == zoo.words("cgan_noto_emoji_words").vocabulary
    assert "hf://me/words" in (tmp_path / "README.md").read_text()
