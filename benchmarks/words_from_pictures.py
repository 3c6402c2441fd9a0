"""Scores a model that draws words for pictures, as in section 4.2 of the paper of conditional GANs.

    kerasgan benchmark words_from_pictures cgan_noto_emoji_words
    kerasgan benchmark words_from_pictures RUN

The words of an emoji are those of its name and its group. For each test picture, 100 vectors of
words are drawn, the 20 nearest words of each are looked up, and the ten most frequent are its tags.
Precision and recall of the ten stand beside those of the most frequent words, and of the words of
the nearest training pictures. Writes one JSON line to `words_from_pictures.jsonl`, and ten test
pictures with their tags as a picture.

Reference: Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784
"""

import collections
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

import kerasgan
from kerasgan import cli, metrics
from kerasgan.cli import common
from kerasgan.evaluation import records
from kerasgan.training import recipe
from kerasgan.training.train import source_of_recipe
from kerasgan.training.words import TAGS, features_of, lists_of, within
from kerasgan.utils import pictures, pixels, provenance
from kerasgan.utils.errors import UserError
from kerasgan.utils.progress import Bar

SHOWN = 10


def main(
    source: Annotated[str, typer.Argument(help="Zoo entry or run that draws words.")],
    split: Annotated[str, typer.Option(help="Pictures held out.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Measure how well words are drawn for pictures."""
    gan = kerasgan.load(source)
    tables = (gan.origin or {}).get("recipe")
    if tables is None or not tables["data"].get("words"):
        raise UserError(f"{source} draws no words: this needs a run of a recipe with data.words.")
    found, shown = compared(gan, recipe.complete(tables).data, split, seed, data_dir)
    line = {
        "benchmark": "words_from_pictures",
        "source": source,
        "dataset": tables["data"]["name"],
        "split": split,
        "seed": seed,
        **found,
        **provenance.stamp(gan.inference_generator, metrics.EfficientNetLite0()),
    }
    records.append(output / "words_from_pictures.jsonl", line)
    for name, each in found["ways"].items():
        print(f"  {name}: precision {each['precision']:.3f}, recall {each['recall']:.3f}")
    print(f"  most that is possible: precision {found['best_precision']:.3f}")
    pixels.save_picture(shown, output / "words_from_pictures.png")


def compared(gan, settings, split="test", seed=0, data_dir=None):
    """Compares the words that a model draws with those of simple ways.

    Args:
        gan: The model.
        settings: `kerasgan.training.schema.Data` of its training.
        split: Pictures held out.
        seed: Of the draws.
        data_dir: Folder of TFDS.

    Returns:
        dict of numbers, and ten pictures with their words, uint8 (H, W, 3).
    """
    training = source_of_recipe(settings, settings.split, data_dir)
    held = source_of_recipe(settings, split, data_dir)
    words = gan.words
    known, own = (
        [within(each, words.vocabulary) for each in lists_of(source)] for source in (training, held)
    )
    features = words.scaled(features_of(held))
    bar, drawn = Bar(len(features), "picture", True), []
    for each in features:
        drawn.append(words.drawn(gan, each, seed=seed))
        bar.add(1)
    ways = {
        "model": drawn,
        "the nearest training pictures": neighbours(
            words.scaled(features_of(training)), features, known
        ),
        "the most frequent words": [most_frequent(known)] * len(drawn),
    }
    images = pictures.opaque(held.parts["image"])
    chosen = np.linspace(0, len(drawn) - 1, min(SHOWN, len(drawn))).astype(int)
    numbers = {
        "vocabulary": len(words.vocabulary),
        "n_train": len(training),
        "n_test": len(held),
        "ways": {name: precision(each, own) for name, each in ways.items()},
        "best_precision": precision([sorted(each) for each in own], own)["precision"],
    }
    return numbers, table([(images[i], own[i], drawn[i]) for i in chosen])


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
