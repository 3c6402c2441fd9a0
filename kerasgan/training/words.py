"""Words of pictures: the words of captions as vectors, and pictures as the features that a model
draws them from, as in section 4.2 of Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784.

    gan = kerasgan.load("cgan_noto_emoji_words")
    words = kerasgan.zoo.words("cgan_noto_emoji_words")  # or a run
    words.tags(gan, pictures)   # ten words for each picture
"""

import collections
import dataclasses
import os
import re
from typing import ClassVar

import numpy as np

from kerasgan.evaluation.features import real_features
from kerasgan.metrics import EfficientNetLite0
from kerasgan.signature.checks import check_images
from kerasgan.training.texts import check_captions
from kerasgan.utils import hashing, pictures, pixels
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import replacing

FILE = "words.npz"  # of a run or zoo entry
DIM = 50  # length of the vectors
LEAST = 3  # training pictures that a word must belong to
SMALL = {"a", "and", "in", "of", "on", "or", "the", "to", "with", "without", "s"}
DRAWS, NEAREST, TAGS = 100, 20, 10  # section 4.2


@dataclasses.dataclass(frozen=True)
class Words:
    """A vocabulary with the vectors of its words, and the scale of the features of pictures.

    Vectors of words are the left singular vectors of their positive pointwise mutual information
    within captions, each by the root of its singular value, all of length sqrt(D). The paper has a
    skip-gram model, which for lists as short and few as captions learns little more: it factorises
    the same matrix, shifted (Levy & Goldberg 2014).

    Attributes:
        vocabulary: List of words, of at least three training pictures each.
        vectors: float32 array (words, D).
        mean, deviation: float32 arrays (1280,) of the training pictures' features.
    """

    file: ClassVar[str] = FILE

    vocabulary: list
    vectors: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, source, dim=DIM, verbose=False):
        """Returns the words of the captions of training pictures.

        Args:
            source: `kerasgan.data.ArraySource` with captions.
            dim: D, length of the vectors.
            verbose: Whether to show a progress bar while features are computed.

        Raises:
            UserError: If the source has no captions, or none of its words is in three of them.
        """
        lists = lists_of(source)
        vocabulary = words_in(lists)
        if not vocabulary:
            raise UserError(
                f"No word belongs to {LEAST} of the {len(source):,} captions of {source.name}: "
                f"there is nothing to learn."
            )
        vectors = word_vectors([within(each, vocabulary) for each in lists], vocabulary, dim)
        found = features_of(source, verbose)
        return cls(vocabulary, vectors, found.mean(axis=0), found.std(axis=0) + 1e-6)

    @classmethod
    def load(cls, path):
        """Returns the words that `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            kept = dict(file)
        return cls([str(word) for word in kept.pop("vocabulary")], **kept)

    def save(self, path):
        """Writes the words as an npz file."""
        kept = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **kept)

    def scaled(self, features):
        """Returns features (N, 1280) as models take them: of mean 0 and deviation 1."""
        return ((features - self.mean) / self.deviation).astype("float32")

    def pairs(self, source, verbose=False):
        """Returns the training examples of a source with captions: for each word of each picture
        "image", the word's vector, and "condition", the picture's features."""
        places, words = pairs(
            [within(each, self.vocabulary) for each in lists_of(source)], self.vocabulary
        )
        parts = {
            "image": self.vectors[words],
            "condition": self.scaled(features_of(source, verbose))[places],
        }
        # What they are made of: the last digits of features depend on the machine.
        made_of = [source.fingerprint, source.captions, source.class_names, self.vocabulary]
        mark = hashing.of_json([*made_of, self.vectors.shape[1], EfficientNetLite0.sha256])
        return source.replace(
            parts=parts,
            class_names=None,
            captions=None,
            cache=None,
            fingerprints=None,
            origins=dict.fromkeys(parts, mark),
        )

    def tags(self, gan, images, num=TAGS, seed=0):
        """Returns the words that a model draws for images, the most frequent first.

        For each image, 100 vectors are drawn; the words that are most often among the 20 nearest to
        each are its tags.

        Args:
            gan: A model from features to the vectors of these words.
            images: uint8 array (N, H, W, 1 or 3), or float in [-1, 1].
            num: Number of words for each image.
            seed: int.

        Returns:
            List of N lists of words.

        Raises:
            UserError: If `images` are none, or the model draws other vectors.
        """
        check_images(np.asarray(images), "images")
        if gan.signature.output.shape != self.vectors.shape[1:]:
            raise UserError(
                f"The model must draw vectors of {self.vectors.shape[1]}. Received: one of "
                f"{gan.signature.output.noun} {gan.signature.output.shape}"
            )
        extractor = EfficientNetLite0()
        found, _ = extractor.collect(extractor.batches(pixels.opaque(images)), len(images))
        return [self.drawn(gan, each, num, seed) for each in self.scaled(found)]

    def drawn(self, gan, features, num=TAGS, seed=0):
        """Returns the words that a model draws for the scaled features (1280,) of one picture."""
        vectors = gan.sample(condition=np.repeat(features[None], DRAWS, axis=0), seed=seed)
        return most_common(vectors, self.vectors, self.vocabulary, num=num)


def kept(directory):
    """Returns the words that a run or zoo entry was trained with, or `None`."""
    path = None if directory is None else os.path.join(directory, FILE)
    return Words.load(path) if path is not None and os.path.isfile(path) else None


def features_of(source, verbose=False):
    """Returns the features of the pictures of a source, float32 (N, 1280)."""
    images = pictures.opaque(source.parts["image"])
    return real_features(images, EfficientNetLite0(), source.name, verbose)[0]


def lists_of(source):
    """Returns for each picture the list of the words of its caption and its class."""
    check_captions(source)
    groups = [""] * len(source)
    if source.class_names is not None:
        groups = [source.class_names[label] for label in source.parts["label"]]
    return [split(f"{name} {group}") for name, group in zip(source.captions, groups, strict=True)]


def split(text):
    """Returns the words of a text in small letters, each once.

    Example:

    >>> split("woman’s hat: the red Hat")
    ['woman', 'hat', 'red']
    """
    found = re.findall(r"[^\W_]+", text.lower())
    return [word for word in dict.fromkeys(found) if word not in SMALL]


def words_in(lists):
    """Returns the words of at least `LEAST` lists, sorted."""
    numbers = collections.Counter(word for words in lists for word in words)
    return sorted(word for word, number in numbers.items() if number >= LEAST)


def within(words, vocabulary):
    return [word for word in words if word in vocabulary]


def word_vectors(lists, vocabulary, dim):
    """Returns the vectors of words, float32 (words, dim), all of length sqrt(dim).

    Args:
        lists: Lists of words.
        vocabulary: List of the words.
        dim: Length of the vectors; where there are fewer words, they end in zeros.
    """
    places = {word: place for place, word in enumerate(vocabulary)}
    held = np.zeros((len(lists), len(vocabulary)))
    for row, words in enumerate(lists):
        held[row, [places[word] for word in words]] = 1.0
    together = held.T @ held
    np.fill_diagonal(together, 0.0)
    alone = together.sum(axis=1)
    expected = alone[:, None] * alone[None] / max(together.sum(), 1.0)
    ratio = np.divide(together, expected, out=np.ones_like(together), where=expected > 0)
    information = np.log(np.maximum(ratio, 1.0))
    # A word means itself as much as the words that it goes with. Words that stand in the same
    # lists all but always, such as the two of a group's name, have the same vector all the same.
    np.fill_diagonal(information, information.max(axis=1))
    left, values, _ = np.linalg.svd(information)
    kept = min(dim, len(values))
    left = left[:, :kept]
    largest = np.abs(left).argmax(axis=0)
    left = left * np.sign(left[largest, np.arange(kept)])  # else the sign is the machine's
    vectors = np.zeros((len(vocabulary), dim))
    vectors[:, :kept] = left * np.sqrt(values[:kept])
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return (vectors / lengths * dim**0.5).astype("float32")


def pairs(lists, vocabulary):
    """Returns the places of pictures and of words, a pair for each word of each picture."""
    places = {word: place for place, word in enumerate(vocabulary)}
    found = [(row, places[word]) for row, words in enumerate(lists) for word in words]
    return tuple(np.array(found, np.int64).reshape(-1, 2).T)


def most_common(drawn, vectors, vocabulary, nearest=NEAREST, num=TAGS):
    """Returns the words that are most often among the nearest to vectors, by cosine similarity.

    Of words that are equally often there, the one with the larger sum of similarities comes first.

    Example:

    >>> vectors = np.eye(3)
    >>> most_common(np.array([[1.0, 0.1, 0.0], [0.0, 1.0, 0.3]]), vectors, ["a", "b", "c"], 1, 2)
    ['b', 'a']
    """
    lengths = np.linalg.norm(drawn, axis=1, keepdims=True)
    scores = (
        drawn / np.maximum(lengths, 1e-9) @ (vectors / np.linalg.norm(vectors, axis=1)[:, None]).T
    )
    near = np.argsort(-scores, axis=1, kind="stable")[:, :nearest]
    numbers = np.bincount(near.ravel(), minlength=len(vocabulary))
    order = np.lexsort((-scores.sum(axis=0), -numbers))
    return [vocabulary[place] for place in order[:num]]
