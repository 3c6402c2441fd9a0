"""Trains the Fashion-MNIST classifier for generated images.

    python tools/train_fashion_classifier.py

Trains on the 60,000 training images at 32 x 32. Writes the accuracy on the 10,000 test images to
`benchmarks/fashion_classifier.json`. Takes some minutes on two cores.
"""

import hashlib
import json
from pathlib import Path

import keras

from kerasgan import data
from kerasgan.networks.classifier import build_classifier
from kerasgan.utils import pixels

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


def main(epochs=17, batch_size=128):
    keras.utils.set_random_seed(0)
    (pictures, labels), (test_pictures, test_labels) = (
        data.load_arrays("fashion_mnist", split, image_size=32) for split in ("train", "test")
    )
    classifier = build_classifier((32, 32, 1), 10)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(pictures) // batch_size)
    classifier.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    classifier.fit(pixels.from_uint8(pictures), labels, batch_size, epochs)
    _, accuracy = classifier.evaluate(pixels.from_uint8(test_pictures), test_labels)
    # Without the optimizer's state, which would triple the file.
    path = FOLDER / "fashion_classifier.keras"
    keras.Model(classifier.inputs, classifier.outputs).save(path)
    about = {
        "test_accuracy": round(accuracy, 4),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    path.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    main()
