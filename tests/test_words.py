"""Words from pictures, and the score of images made of texts: the benchmarks' own arithmetic."""

import runpy

import keras
import numpy as np
import pytest

from kerasgan import ConditionalGAN
from kerasgan.cli import benchmark

WORDS = runpy.run_path(str(benchmark.find("words_from_pictures")))
TEXTS = runpy.run_path(str(benchmark.find("text_to_image")))


def test_words_are_those_of_names_without_small_ones():
    assert WORDS["split"]("flag: Curaçao & the 1st-place Flag") == [
        "flag",
        "curaçao",
        "1st",
        "place",
    ]


def test_a_word_must_belong_to_three_pictures():
    lists = [["cat", "face"], ["cat", "face"], ["cat", "sun"], ["face", "moon"]]
    assert WORDS["words_in"](lists) == ["cat", "face"]


def test_vectors_have_one_length_and_words_of_one_kind_are_near():
    lists = [["cat", "animal"], ["dog", "animal"], ["car", "travel"], ["bus", "travel"]] * 3
    vocabulary = WORDS["words_in"](lists)
    vectors = WORDS["word_vectors"](lists, vocabulary, 4)
    assert vectors.shape == (6, 4) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 2.0, rtol=1e-5)
    by_name = dict(zip(vocabulary, vectors, strict=True))
    near = by_name["cat"] @ by_name["animal"]
    assert near > by_name["cat"] @ by_name["car"] + 1.0
    assert near > by_name["cat"] @ by_name["travel"] + 1.0


def test_information_is_that_of_its_definition():
    # Two pairs of words in eight lists: each word's share of the pairs is 1/4, a pair's is 1/2.
    lists = [["a", "b"]] * 4 + [["c", "d"]] * 4
    vectors = WORDS["word_vectors"](lists, ["a", "b", "c", "d"], 4).astype("float64")
    cosines = vectors @ vectors.T / 4.0
    # log(1/4 / (1/4 * 1/4)) = log 4 within a pair and on the diagonal, which is thus of rank 2
    np.testing.assert_allclose(cosines, np.kron(np.eye(2), np.ones((2, 2))), atol=1e-6)


def test_each_picture_is_repeated_for_each_of_its_words():
    places, words = WORDS["pairs"]([["a", "c"], [], ["b"]], ["a", "b", "c"])
    assert places.tolist() == [0, 0, 2] and words.tolist() == [0, 2, 1]


def test_precision_of_ten_words_against_those_of_a_picture():
    ten = list("abcdefghij")
    assert WORDS["precision"]([ten, ten], [["a", "z"], ["b", "c"]]) == {
        "precision": 0.15,
        "recall": 0.75,
    }


def test_words_of_the_nearest_picture_come_first():
    training = np.array([[0.0, 0.0], [5.0, 5.0], [9.0, 9.0]])
    found = WORDS["neighbours"](training, np.array([[6.0, 6.0]]), [["a"], ["b", "c"], ["c", "d"]])
    assert found == [["b", "c", "d", "a"]]


def test_a_gan_learns_which_words_belong_to_a_picture():
    # Two kinds of picture, told by their features, with two words each.
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 200)
    features = np.where(kinds[:, None] == 1, 1.0, -1.0) * np.ones((1, 3))
    features = (features + rng.normal(0, 0.1, features.shape)).astype("float32")
    lists = [["cat", "animal"] if kind else ["car", "travel"] for kind in kinds]
    vocabulary = WORDS["words_in"](lists)
    vectors = WORDS["word_vectors"](lists, vocabulary, 4)
    places, words = WORDS["pairs"](lists, vocabulary)
    keras.utils.set_random_seed(0)
    gan = ConditionalGAN((4,), condition_dim=3, latent_dim=8, width=120, seed=0)
    gan.compile(keras.optimizers.Adam(1e-3, 0.5), keras.optimizers.Adam(2e-3, 0.5))
    gan.fit(vectors[words], features[places], batch_size=50, epochs=20, verbose=0)
    for kind, own in ((1, {"cat", "animal"}), (0, {"car", "travel"})):
        drawn = gan.sample(condition=np.repeat(features[kinds == kind][:1], 50, axis=0), seed=0)
        assert set(WORDS["most_common"](drawn, vectors, vocabulary, 2, 2)) == own


def test_the_table_shows_pictures_with_their_words():
    rows = [(np.zeros((8, 8, 3), "uint8"), ["cat", "face"], ["cat", "dog"])] * 2
    sheet = WORDS["table"](rows)
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
