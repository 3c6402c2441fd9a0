"""Scores whether images made of texts show what the texts say, on texts that were held out.

    kerasgan benchmark text_to_image text_to_image_noto_emoji_mini
    kerasgan benchmark text_to_image RUN --classes CONDITIONAL_RUN   # beside a model of the classes

For each caption of the test split, samples are drawn, and the test picture nearest to each in the
features of EfficientNet-Lite0 is looked up. `right` is the share of samples whose nearest picture
is in the group of the caption, `own` the share for which the caption's own picture is among the ten
nearest. Beside them stand: `chance`, a test picture at random; `shuffled`, the same samples with
captions exchanged, in expectation; `class_conditional`, samples of the captions' groups by a model
that knows these alone; `nearest_name`, the training picture whose name has the nearest vector; and
`real`, each test picture itself, with its nearest other one. Writes one JSON line to
`text_to_image.jsonl` and a picture of ten captions.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import kerasgan
from kerasgan import cli, data, metrics
from kerasgan.cli import common
from kerasgan.evaluation import records, scorer
from kerasgan.evaluation.features import real_features
from kerasgan.utils import pixels, provenance
from kerasgan.utils.errors import UserError
from kerasgan.viz import grids

OWN = 10  # pictures among which a caption's own must be
SHOWN = 10  # captions of the picture
SEED = scorer.SCORE_SEED


def main(
    source: Annotated[str, typer.Argument(help="Zoo entry, run or .keras file.")],
    classes: Annotated[str | None, typer.Option(help="Model of the same groups.")] = None,
    dataset: Annotated[str, typer.Option(help="Data with captions.")] = "noto_emoji_mini",
    split: Annotated[str, typer.Option(help="Captions held out.")] = "test",
    draws: Annotated[int, typer.Option(min=1, help="Samples of each caption.")] = 16,
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Measure whether images show what texts say."""
    gan = kerasgan.load(source)
    if getattr(gan, "encoder", None) is None:
        raise UserError(f"{source} takes no texts: this needs a model with an encoder of its own.")
    groups_gan = None if classes is None else kerasgan.load(classes)
    side = data.side_of(gan.image_shape)
    held = data.load_source(dataset, split, side, data_dir)
    training = data.load_source(dataset, "train", side, data_dir)
    if held.captions is None or "label" not in held.parts:
        raise UserError(f"{dataset} has no captions and groups.")
    extractor = metrics.EfficientNetLite0()
    real, known = (
        real_features(each.parts["image"], extractor, f"{dataset} {name}", verbose=True)[0]
        for each, name in ((held, split), (training, "train"))
    )
    labels = held.parts["label"]
    texts = np.repeat(held.captions, draws)
    asked = np.repeat(labels, draws)

    print(f"{source}: {len(texts):,} samples of {len(labels)} captions", flush=True)
    features = features_of(gan.sample_batches(text=texts, seed=SEED), len(texts), extractor)
    order = nearest(features, real)
    line = {
        "benchmark": "text_to_image",
        "source": source,
        "dataset": dataset,
        "split": split,
        "captions": len(labels),
        "draws": draws,
        **agreement(order, labels, asked, np.repeat(np.arange(len(labels)), draws)),
        "nearest_name": nearest_name(gan.encoder, held, training, known, real),
        "real": round(float((labels[nearest(real, real)[:, 1]] == labels).mean()), 4),
        "class_conditional": None,
        "classes": classes,
        "metric": extractor.distance_name,
        "distance": round(distance(real, features), 3),
        "floor": round(distance(real, known), 3),
        "n_real": len(real),
        "n_fake": len(features),
        "inflated": scorer.inflated(len(real), extractor),
        **provenance.stamp(gan.inference_generator, extractor),
    }
    if groups_gan is not None:
        samples = groups_gan.sample_batches(len(asked), labels=asked, seed=SEED)
        order = nearest(features_of(samples, len(asked), extractor), real)
        line["class_conditional"] = round(float((labels[order[:, 0]] == asked).mean()), 4)
    records.append(output / "text_to_image.jsonl", line)
    report(line)
    pixels.save_picture(picture(gan, held), output / "text_to_image.png", zoom=1)


def features_of(batches, num, extractor):
    """Returns the features of samples, float32 (num, D)."""
    return extractor.collect(pixels.uint8_batches(batches), num, verbose=True)[0]


def nearest(features, real):
    """Returns for each sample the places of the real pictures, the nearest first."""
    return metrics.nearest_neighbours(features, real, k=len(real))[0]


def agreement(order, labels, asked, own):
    """Returns the shares of samples that show what their caption says, beside chance.

    Args:
        order: int array (N, M), places of the test pictures, the nearest first.
        labels: int array (M,), groups of the test pictures.
        asked: int array (N,), group of each sample's caption.
        own: int array (N,), place of the picture of each sample's caption.

    Example:

    >>> order = np.array([[0, 1], [1, 0]])
    >>> agreement(order, np.array([0, 1]), np.array([0, 1]), np.array([0, 1]))["right"]
    1.0
    """
    found = labels[order[:, 0]]
    shares = [np.bincount(each, minlength=labels.max() + 1) / len(each) for each in (labels, asked)]
    drawn = np.bincount(found, minlength=labels.max() + 1) / len(found)
    among = (order[:, :OWN] == own[:, None]).any(axis=1)
    return {
        "right": round(float((found == asked).mean()), 4),
        "chance": round(float(shares[0] @ shares[1]), 4),
        "shuffled": round(float(drawn @ shares[1]), 4),
        "own": round(float(among.mean()), 4),
        "own_chance": round(min(OWN, len(labels)) / len(labels), 4),
    }


def nearest_name(encoder, held, training, known, real):
    """Returns the share of captions for which the training picture of the nearest name, taken for a
    sample, finds the caption's group."""
    scores = encoder(held.captions) @ encoder(training.captions).T
    found = nearest(known[scores.argmax(axis=1)], real)[:, 0]
    labels = held.parts["label"]
    return round(float((labels[found] == labels).mean()), 4)


def distance(real, features):
    return metrics.frechet_distance(metrics.Statistics.of(real), metrics.Statistics.of(features))


def picture(gan, held, rows=6):
    """Draws captions evenly spaced over the split: the real picture, and samples below it."""
    places = np.linspace(0, len(held) - 1, min(SHOWN, len(held))).astype(int)
    names = [held.captions[place] for place in places]
    real = held.parts["image"][places]
    samples = [pixels.to_uint8(gan.sample(text=names, seed=seed)) for seed in range(rows)]
    return grids.with_titles(pixels.grid(np.concatenate([real, *samples]), len(names)), names)


def report(line):
    beside = {
        "chance": "a picture at random",
        "shuffled": "with captions exchanged",
        "class_conditional": "by the model of classes",
        "nearest_name": "by the nearest name in training",
        "real": "real pictures",
    }
    print(f"  {line['right']:.1%} of samples find the caption's group", flush=True)
    for key, words in beside.items():
        if line[key] is not None:
            print(f"  {line[key]:.1%} {words}")
    own, chance = line["own"], line["own_chance"]
    print(f"  {own:.1%} have their own picture among {OWN}, {chance:.1%} by chance")
    print(f"  {line['metric']} {line['distance']:.1f}, floor {line['floor']:.1f}", flush=True)


if __name__ == "__main__":
    cli.run(main)
