"""Draws the pictures of a zoo entry that it lacks, as far as its model makes such.

    python tools/entry_pictures.py zoo/dcgan_fashion_mnist

`samples.png` has 64 samples, seeded and not picked; `worst.png` the eight of them that are least
like test examples; `neighbours.png` eight of them above the training pictures nearest to each, if
these are few enough to be learnt by heart; `interpolation.png` walks between latents.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasgan import data, metrics, zoo
from kerasgan.evaluation.features import real_features
from kerasgan.signature import Vector, Waveform
from kerasgan.training import recipe
from kerasgan.training.train import source_for
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError
from kerasgan.viz import grids, walks

NUM = 64
SHOWN = 8
NEIGHBOURS = 3
BY_HEART = 5_000  # training pictures; more are not compared
REAL = 10_000  # test examples that samples are compared with


def draw(gan, table, folder, texts=None, most=REAL):
    """Writes the pictures.

    Args:
        gan: A `kerasgan.GAN`.
        table: `data` of its recipe.
        folder: An existing directory.
        texts: List of the texts of the columns, of a model that takes texts.
        most: Number of test examples that samples are compared with.
    """
    output = gan.signature.output
    if isinstance(output, Vector):
        return
    zoom = 1 if isinstance(output, Waveform) else 2  # spectrograms are large as they are
    picture = grids.sample_grid(gan) if texts is None else grids.text_grid(gan, texts)
    pixels.save_picture(picture, folder / "samples.png", zoom)

    given = {} if texts is None else {"text": [texts[i % len(texts)] for i in range(NUM)]}
    inputs = gan.inputs_for(NUM, 0, **given)
    samples = np.concatenate(list(gan.outputs_for(inputs)))
    extractor = output.extractor()
    features, _ = extractor.collect([output.observed(samples)])
    picture = worst(gan, table, inputs, samples, features, most)
    pixels.save_picture(picture, folder / "worst.png", zoom)
    if "z" not in gan.signature.inputs:
        return
    training = source_for(gan, table, "train").parts[output.part]
    if len(training) <= BY_HEART:
        known = features_of(training, extractor, f"{table.name} train")
        picture = neighbours(output, training, known, samples[:SHOWN], features[:SHOWN])
        pixels.save_picture(picture, folder / "neighbours.png", zoom)
    label = gan.signature.inputs.get("label")
    labels = {"rows": label.turns, "label": range(label.turns)} if label else {}
    pixels.save_picture(walks.interpolation_grid(gan, **labels), folder / "interpolation.png", zoom)


def worst(gan, table, inputs, samples, features, most):
    """Returns the samples of the least realism as a picture, beside what they were made of."""
    output = gan.signature.output
    real = source_for(gan, table, "test").parts[output.part]
    real = data.subset(real, min(most, len(real)))
    real = features_of(real, output.extractor(), f"{table.name} test")
    chosen = np.argsort(metrics.realism(real, features), kind="stable")[:SHOWN]
    inputs = {name: np.asarray(values)[chosen] for name, values in inputs.items()}
    beside = grids.beside_inputs(gan, inputs, samples[chosen])
    return output.grid(samples[chosen], SHOWN) if beside is None else beside


def neighbours(output, training, known, samples, features):
    """Returns samples as a row of a picture, and below each the nearest training examples."""
    nearest, _ = metrics.nearest_neighbours(features, known, NEIGHBOURS)
    below = np.stack([training[i] for i in nearest.T.ravel()])
    return output.grid(np.concatenate([samples, output.convert(tf.constant(below))]), len(samples))


def features_of(real, extractor, title):
    pictures = pixels.opaque(real) if real.ndim == 4 else real
    return real_features(pictures, extractor, title, verbose=True)[0]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    entry = Path(sys.argv[1])
    try:
        gan = zoo.load(entry)
    except UserError as error:
        sys.exit(str(error))
    texts = gan.origin["scores"].get("texts")
    with tempfile.TemporaryDirectory() as folder:
        draw(gan, recipe.read(entry / "recipe.toml").data, Path(folder), texts)
        for path in Path(folder).iterdir():
            if not (entry / path.name).exists():
                shutil.copy(path, entry)
