"""Trains classifiers on samples of conditional generators, and tests them on real images.

    kerasgan benchmark usefulness cgan_fashion_mnist sagan_fashion_mnist

The accuracy of a classifier that saw nothing but samples is the classification accuracy score
(Ravuri & Vinyals 2019, https://arxiv.org/abs/1905.10887). Beside it stand the same classifier
trained on as many real images, on a few real images, and on these few and all samples together,
half of each: whether samples help where images are few. All trainings take equally many steps;
those on real images alone are shared by the sources of one command that draw the same size.
Writes one JSON line per source and seed to `usefulness.jsonl`; those already in the file are not
repeated.
"""

import functools
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

import kerasgan
from kerasgan import cli, data
from kerasgan.cli import common
from kerasgan.evaluation import records
from kerasgan.networks.classifier import build_classifier
from kerasgan.utils import pixels, provenance
from kerasgan.utils.errors import UserError

BATCH_SIZE = 128


def main(
    sources: Annotated[list[str], typer.Argument(help="Zoo entries, runs or .keras files.")],
    dataset: Annotated[str, typer.Option(help="Its labels are the models'.")] = "fashion_mnist",
    num: Annotated[int, typer.Option(min=10, help="Samples, and real images.")] = 20_000,
    few: Annotated[int, typer.Option(min=1, help="Real images of the small sets.")] = 500,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each classifier.")] = 1_000,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each kind.")] = 3,
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Measure what samples are worth to a classifier."""
    gans = {source: conditional(source) for source in sources}
    file = output / "usefulness.jsonl"
    for source, gan in gans.items():
        for seed in range(seeds):
            measure(source, gan, dataset, num, few, steps, seed, data_dir, file)


def conditional(source):
    """Returns a trained model, which must have classes."""
    gan = kerasgan.load(source)
    if gan.signature.turns is None:
        raise UserError(
            f"{source} has no classes: only a conditional generator's samples have labels, which a "
            "classifier needs."
        )
    return gan


def measure(source, gan, dataset, num, few, steps, seed, data_dir, file):
    """Adds the line of one source and seed, unless the file holds it."""
    wanted = {
        "benchmark": "usefulness",
        "source": source,
        "weights_sha256": provenance.weights_sha256(gan.inference_generator),
        "dataset": dataset,
        "split": "test",
        "n_fake": num,
        "steps": steps,
        "batch_size": BATCH_SIZE,
        "seed": seed,
    }
    side = gan.image_shape[0]
    (real, labels), test = images_of(dataset, side, seed, data_dir)
    turns = gan.signature.turns
    if real.shape[1:] != tuple(gan.image_shape) or labels.max() + 1 != turns:
        raise UserError(
            f"{source} makes images {tuple(gan.image_shape)} of {turns} classes. {dataset} has "
            f"images {real.shape[1:]} of {labels.max() + 1} classes: name its data by --dataset."
        )
    wanted["n_few"] = few = min(few, num, len(real))
    for line in records.read(file):
        if all(line[key] == value for key, value in wanted.items()):
            print(f"{source}, seed {seed}: already in {file}")
            report(line)
            return
    again = np.resize(np.arange(few), num)  # half of a batch is real
    print(f"{source}, seed {seed}: samples", flush=True)
    sampled = pixels.to_uint8(gan.sample(num, seed=seed))
    classes = (np.arange(num) % turns).astype("int32")
    both = np.concatenate([real[again], sampled]), np.concatenate([labels[again], classes])
    line = {
        **wanted,
        "n_real": min(num, len(real)),
        "n_test": len(test[0]),
        "samples": accuracy("samples", sampled, classes, test, steps, seed),
        "real": accuracy_of_real(dataset, side, num, steps, seed, data_dir),
        "few_real": accuracy_of_real(dataset, side, few, steps, seed, data_dir),
        "few_real_and_samples": accuracy("real images and samples", *both, test, steps, seed),
    }
    records.append(file, {**line, **provenance.software()})
    report(line)


def images_of(dataset, side, seed, data_dir):
    """Returns (images, labels) of the training split in an order of the seed, and of the test
    split."""
    (real, labels), test = (
        data.load_arrays(dataset, split, side, data_dir=data_dir) for split in ("train", "test")
    )
    if labels is None:
        raise UserError(f"{dataset} has no classes, which a classifier learns.")
    order = np.random.default_rng(seed).permutation(len(real))
    return (real[order], labels[order]), test


@functools.cache
def accuracy_of_real(dataset, side, num, steps, seed, data_dir):
    """Returns the share of right answers after training on `num` real images, or on all."""
    (real, labels), test = images_of(dataset, side, seed, data_dir)
    return accuracy("real images", real[:num], labels[:num], test, steps, seed)


def accuracy(what, pictures, labels, test, steps, seed):
    """Trains a classifier and returns its share of right answers on the test images."""
    print(f"seed {seed}: training on {len(pictures):,} {what}", flush=True)
    keras.utils.set_random_seed(seed)
    classifier = build_classifier(pictures.shape[1:], int(test[1].max()) + 1)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    classifier.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    batch_size = min(BATCH_SIZE, len(pictures))
    batches = data.steps(pictures, labels, batch_size, seed, stop=steps)
    classifier.fit(batches, verbose=0)
    _, share = classifier.evaluate(pixels.from_uint8(test[0]), test[1], BATCH_SIZE, verbose=0)
    return round(share, 4)


def report(line):
    print(
        f"  trained on {line['n_fake']:,} samples: {line['samples']:.1%}; on {line['n_real']:,} "
        f"real images: {line['real']:.1%}; on {line['n_few']:,}: {line['few_real']:.1%}; on these "
        f"and all samples: {line['few_real_and_samples']:.1%}",
        flush=True,
    )


if __name__ == "__main__":
    cli.run(main)
