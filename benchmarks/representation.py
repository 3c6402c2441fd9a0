"""Classifies images by the features of trained discriminators, as in section 5 of DCGAN's paper.

    kerasgan benchmark representation dcgan_fashion_mnist lsgan_fashion_mnist

The outputs of all convolutional layers' activations are max-pooled to 4 x 4, joined, and a linear
classifier (an L2-SVM, as in the paper) is trained on those of 1,000 images, as many as the paper
takes of house numbers. Beside its accuracy on test images stand the same classifier's on raw
pixels, and on the features of such a discriminator before training. Writes one JSON line per source
to `representation.jsonl`.

Reference: Radford et al. 2016, section 5.1, https://arxiv.org/abs/1511.06434
"""

from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
import typer
from keras import layers

import kerasgan
from kerasgan import cli, data
from kerasgan.cli import common
from kerasgan.evaluation import records
from kerasgan.utils import pixels, progress, provenance
from kerasgan.utils.errors import UserError, needs

SIDE = 4  # of each feature map after pooling
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2)  # the SVM's C; one is chosen on a fifth of the images
BATCH_SIZE = 250
WAYS = {
    "discriminator": "features of the discriminator",
    "untrained": "those before its training",
    "pixels": "pixels",
}
ACTIVATIONS = (layers.LeakyReLU, layers.ReLU, layers.ELU)


def main(
    sources: Annotated[list[str], typer.Argument(help="Zoo entries, runs or .keras files.")],
    dataset: Annotated[str, typer.Option(help="Images with labels.")] = "fashion_mnist",
    num: Annotated[int, typer.Option(min=10, help="Training images of the SVM.")] = 1_000,
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Measure what discriminators have learnt about the classes."""
    needs("sklearn", "benchmarks")
    gans = {source: with_discriminator(source) for source in sources}
    file = output / "representation.jsonl"
    for source, gan in gans.items():
        measure(source, gan, dataset, num, data_dir, file)


def with_discriminator(source):
    """Returns a trained model whose discriminator judges images alone."""
    gan = kerasgan.zoo.load_start(source)
    maps = feature_maps(gan.discriminator)
    if not maps:
        raise UserError(
            f"The discriminator of {source} has no feature maps between layers of its own: this "
            "takes networks of convolutions with an activation."
        )
    return gan


def feature_maps(discriminator):
    """Returns the outputs of the activations that have the shape of a picture.

    Those of an autoencoder's decoder, which begins at a flat code or where sides grow again, are
    left out.
    """
    found = []
    for layer in discriminator.layers:
        if isinstance(layer, layers.Reshape) and len(layer.input.shape) == 2:
            break
        if activates(layer) and len(layer.output.shape) == 4:
            if found and layer.output.shape[1] > found[-1].shape[1]:
                break
            found.append(layer.output)
    return found


def activates(layer):
    activation = getattr(layer, "activation", keras.activations.linear)
    return isinstance(layer, ACTIVATIONS) or activation is not keras.activations.linear


def measure(source, gan, dataset, num, data_dir, file):
    """Adds the line of one source, unless the file holds it."""
    wanted = {
        "benchmark": "representation",
        "source": source,
        "weights_sha256": provenance.weights_sha256(gan.discriminator),
        "dataset": dataset,
        "split": "test",
    }
    sets = [
        data.load_arrays(dataset, split, gan.image_shape[0], data_dir=data_dir)
        for split in ("train", "test")
    ]
    check(source, gan, dataset, *sets[0])
    wanted["n_train"] = min(num, len(sets[0][0]))
    for line in records.read(file):
        if all(line[key] == value for key, value in wanted.items()):
            print(f"{source}: already in {file}")
            report(line)
            return
    sets[0] = tuple(data.subset(values, wanted["n_train"]) for values in sets[0])
    keras.utils.set_random_seed(0)
    untrained = type(gan).from_config(gan.get_config())
    ways = {
        "discriminator": lambda pictures: features(gan.discriminator, pictures),
        "untrained": lambda pictures: features(untrained.discriminator, pictures),
        "pixels": lambda pictures: pixels.from_uint8(pictures).reshape(len(pictures), -1),
    }
    line = {**wanted, "n_test": len(sets[1][0])}
    for name, way in ways.items():
        print(f"{source}: {name}", flush=True)
        (train, test), labels = [way(each[0]) for each in sets], [each[1] for each in sets]
        line[f"{name}_features"] = train.shape[1]
        line[name], line[f"{name}_penalty"] = accuracy(train, labels[0], test, labels[1])
    records.append(file, {**line, **provenance.software()})
    report(line)


def check(source, gan, dataset, pictures, labels):
    """Raises UserError if a discriminator does not take these images, or they have no classes."""
    if pictures.shape[1:] != tuple(gan.image_shape):
        raise UserError(
            f"{source} judges images {tuple(gan.image_shape)}, and {dataset} has images "
            f"{pictures.shape[1:]}: name its data by --dataset."
        )
    if labels is None:
        raise UserError(f"{dataset} has no classes, by which features are judged.")


def features(discriminator, pictures):
    """Returns the pooled and joined feature maps of uint8 images, float32 (N, D)."""
    images = discriminator.inputs[0]
    try:
        network = keras.Model(images, feature_maps(discriminator))
    except ValueError:
        raise UserError("This discriminator's features depend on the class as well.") from None

    @tf.function
    def pooled(batch):
        maps = network(batch, training=False)
        maps = maps if isinstance(maps, list | tuple) else [maps]
        return tf.concat([tf.reshape(pool(x), (len(batch), -1)) for x in maps], axis=1)

    parts = range(0, len(pictures), BATCH_SIZE)
    batches = (pixels.from_uint8(pictures[start : start + BATCH_SIZE]) for start in parts)
    return np.concatenate(
        [pooled(batch).numpy() for batch in progress.shown(batches, len(pictures))]
    )


def pool(x):
    """Max-pools feature maps to at most 4 x 4."""
    windows = [-(-side // SIDE) for side in x.shape[1:3]]
    return tf.nn.max_pool2d(tf.cast(x, tf.float32), windows, windows, "SAME")


def accuracy(train, train_labels, test, test_labels):
    """Returns an SVM's share of right answers on the test set, and the penalty it has."""
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    held_out = np.arange(len(train)) % 5 == 0

    def svm(penalty, rows):
        machine = LinearSVC(C=penalty, dual="auto", random_state=0, max_iter=2000)
        return machine.fit(train[rows], train_labels[rows])

    scores = [
        svm(penalty, ~held_out).score(train[held_out], train_labels[held_out])
        for penalty in PENALTIES
    ]
    best = PENALTIES[int(np.argmax(scores))]
    everything = np.ones(len(train), bool)
    return round(svm(best, everything).score(test, test_labels), 4), best


def report(line):
    shares = ", ".join(f"{line[name]:.1%} by {words}" for name, words in WAYS.items())
    print(f"  right on {line['n_test']:,} test images: {shares}", flush=True)


if __name__ == "__main__":
    cli.run(main)
