"""Trains a conditional GAN that draws words for pictures, as in section 4.2 of its paper.

    kerasgan benchmark words_from_pictures            # minutes on a CPU
    kerasgan benchmark words_from_pictures --steps 500 --width 300

The words of an emoji are those of its name and its group. `ConditionalGAN` learns to draw vectors
of such words, given the features of EfficientNet-Lite0 of the picture, which is repeated for each
of its words. For each test picture, 100 vectors are drawn, the 20 nearest words of each are looked
up, and the ten most frequent are its tags. Precision and recall of the ten stand beside those of
the most frequent words, and of the words of the nearest training pictures. Writes one JSON line to
`words_from_pictures.jsonl`, and ten test pictures with their tags as a picture.

Differs from the paper: vectors of words come from the singular values of their positive pointwise
mutual information within lists of words, not from a skip-gram model, which for lists as short and
few as these learns little more (Levy & Goldberg 2014 show that it factorises the same matrix,
shifted); the optimizers are Adam.

Reference: Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784
"""

import collections
import re
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from kerasgan import ConditionalGAN, cli, data, metrics
from kerasgan.evaluation import records
from kerasgan.evaluation.features import real_features
from kerasgan.utils import pictures, pixels, provenance

LEAST = 3  # training pictures that a word must belong to
SMALL = {"a", "and", "in", "of", "on", "or", "the", "to", "with", "without", "s"}
DRAWS, NEAREST, TAGS = 100, 20, 10  # section 4.2
BATCH_SIZE = 100
SHOWN = 10


def main(
    dataset: Annotated[str, typer.Option(help="Data with captions.")] = "noto_emoji_mini",
    dim: Annotated[int, typer.Option(min=2, help="Length of the vectors of words.")] = 50,
    width: Annotated[
        int, typer.Option(min=8, help="As in ConditionalGAN; 1200 is the paper's.")
    ] = 1200,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 10_000,
    g_rate: Annotated[float, typer.Option(help="Learning rate of G.")] = 2e-4,
    d_rate: Annotated[float, typer.Option(help="Learning rate of D.")] = 2e-4,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and draws.")] = 0,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Measure how well words are drawn for pictures."""
    extractor = metrics.EfficientNetLite0()
    sources = {split: data.load_source(dataset, split) for split in ("train", "test")}
    images = {name: pictures.opaque(each.parts["image"]) for name, each in sources.items()}
    features = {
        name: real_features(each, extractor, f"{dataset} {name}", verbose=True)[0]
        for name, each in images.items()
    }
    mean, spread = features["train"].mean(axis=0), features["train"].std(axis=0) + 1e-6
    features = {name: (each - mean) / spread for name, each in features.items()}
    lists = {name: words_of(each) for name, each in sources.items()}
    vocabulary = words_in(lists["train"])
    lists = {name: [within(words, vocabulary) for words in each] for name, each in lists.items()}
    vectors = word_vectors(lists["train"], vocabulary, dim)

    keras.utils.set_random_seed(seed)
    gan = ConditionalGAN((dim,), condition_dim=extractor.dim, width=width, seed=seed)
    gan.compile(keras.optimizers.Adam(g_rate, 0.5), keras.optimizers.Adam(d_rate, 0.5))
    places, words = pairs(lists["train"], vocabulary)
    print(f"{len(vocabulary)} words, {len(places):,} pairs of a picture and a word", flush=True)
    batches = data.steps(
        (vectors[words], features["train"][places]), None, BATCH_SIZE, seed, stop=steps
    )
    gan.fit(batches)
    found = [tags(gan, each, vectors, vocabulary, seed) for each in features["test"]]

    scored = {
        "gan": found,
        "frequent": [most_frequent(lists["train"])] * len(found),
        "neighbours": neighbours(features["train"], features["test"], lists["train"]),
    }
    line = {
        "benchmark": "words_from_pictures",
        "dataset": dataset,
        "split": "test",
        "dim": dim,
        "width": width,
        "steps": steps,
        "batch_size": BATCH_SIZE,
        "g_rate": g_rate,
        "d_rate": d_rate,
        "seed": seed,
        "vocabulary": len(vocabulary),
        "n_train": len(lists["train"]),
        "n_test": len(found),
        **{
            f"{name}_{key}": value
            for name, each in scored.items()
            for key, value in precision(each, lists["test"]).items()
        },
        "best_precision": precision([sorted(each) for each in lists["test"]], lists["test"])[
            "precision"
        ],
        **provenance.stamp(gan.inference_generator, extractor),
    }
    records.append(output / "words_from_pictures.jsonl", line)
    for name in scored:
        shares = [line[f"{name}_{key}"] for key in ("precision", "recall")]
        print(f"  {name}: precision {shares[0]:.3f}, recall {shares[1]:.3f}", flush=True)
    print(f"  most that is possible: precision {line['best_precision']:.3f}")
    chosen = np.linspace(0, len(found) - 1, min(SHOWN, len(found))).astype(int)
    sheet = table([(images["test"][i], lists["test"][i], found[i]) for i in chosen])
    pixels.save_picture(sheet, output / "words_from_pictures.png")


def words_of(source):
    """Returns for each picture the list of the words of its name and its group."""
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

    They are the left singular vectors of the words' positive pointwise mutual information, each by
    the root of its singular value.

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
    # A word means itself before all: without that, words of one group alone would coincide.
    np.fill_diagonal(information, information.max(axis=1))
    left, values, _ = np.linalg.svd(information)
    kept = min(dim, len(values))
    left = left[:, :kept] * np.where(left[:, :kept].sum(axis=0) < 0, -1.0, 1.0)
    vectors = np.zeros((len(vocabulary), dim))
    vectors[:, :kept] = left * np.sqrt(values[:kept])
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return (vectors / lengths * dim**0.5).astype("float32")


def pairs(lists, vocabulary):
    """Returns the places of pictures and of words, a pair for each word of each picture."""
    places = {word: place for place, word in enumerate(vocabulary)}
    found = [(row, places[word]) for row, words in enumerate(lists) for word in words]
    return tuple(np.array(found, np.int64).reshape(-1, 2).T)


def tags(gan, features, vectors, vocabulary, seed):
    """Returns the ten words that are most often among the 20 nearest to 100 drawn vectors."""
    drawn = gan.sample(condition=np.repeat(features[None], DRAWS, axis=0), seed=seed)
    return most_common(drawn, vectors, vocabulary)


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


def most_frequent(lists):
    """Returns the ten words of the most lists."""
    numbers = collections.Counter(word for words in lists for word in words)
    return [word for word, _ in numbers.most_common(TAGS)]


def neighbours(training, test, lists):
    """Returns for each test picture the words of the nearest training picture, and of the next ones
    as long as there are fewer than ten."""
    order = metrics.nearest_neighbours(test, training, k=min(50, len(training)))[0]
    return [list(dict.fromkeys(w for place in row for w in lists[place]))[:TAGS] for row in order]


def precision(found, real):
    """Returns the mean precision and recall of ten words, over the pictures that have any.

    Example:

    >>> precision([["a", "b"], ["c"]], [["a"], []])
    {'precision': 0.1, 'recall': 1.0}
    """
    hits = [
        (len(set(ours[:TAGS]) & set(theirs)), len(theirs))
        for ours, theirs in zip(found, real, strict=True)
        if theirs
    ]
    return {
        "precision": round(float(np.mean([hit / TAGS for hit, _ in hits])), 4),
        "recall": round(float(np.mean([hit / number for hit, number in hits])), 4),
    }


def table(rows, side=64):
    """Draws pictures with their own words, and below these the words drawn; right ones in green.

    Args:
        rows: List of (picture, list of its words, list of words drawn).
        side: Height of a row, and of its picture.

    Returns:
        uint8 array (H, W, 3).
    """
    font, width, gap = ImageFont.load_default(), 760, 6
    sheet = Image.new("RGB", (width, len(rows) * (side + gap) + gap), "white")
    pen = ImageDraw.Draw(sheet)
    for place, (picture, own, drawn) in enumerate(rows):
        top = gap + place * (side + gap)
        shown = Image.fromarray(pixels.in_channels(picture[None], 3)[0]).resize((side, side))
        sheet.paste(shown, (gap, top))
        pen.text((side + 3 * gap, top + 8), " · ".join(own), fill="#222222", font=font)
        left = side + 3 * gap
        for word in drawn:
            colour = "#117733" if word in own else "#aa3377"
            pen.text((left, top + 34), word, fill=colour, font=font)
            left += font.getlength(word) + 10
    return np.asarray(sheet)


if __name__ == "__main__":
    cli.run(main)
