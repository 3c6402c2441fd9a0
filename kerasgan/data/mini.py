"""The embedded set, `fashion_mnist_mini`."""

import io
from pathlib import Path

import numpy as np

from kerasgan.data import tfds_sets
from kerasgan.data.sizes import fitted
from kerasgan.data.source import ArraySource
from kerasgan.data.splits import select
from kerasgan.utils import hashing
from kerasgan.utils.errors import UserError

MINI_FILE = Path(__file__).parent / "assets" / "fashion_mnist_mini.npz"
MINI_SHA256 = "1c98be6d6a93ab194f32e7e08ea91db3e33e04a1672a0e36534161b84530e608"
CLASSES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]


def read_mini(split, image_size):
    data = MINI_FILE.read_bytes()
    found = hashing.of_bytes(data)
    if found != MINI_SHA256:
        raise UserError(
            f"{MINI_FILE} must have SHA-256 {MINI_SHA256}. Received: {found}; reinstall kerasgan."
        )
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        images = np.concatenate([arrays["train_images"], arrays["test_images"]])
        labels = np.concatenate([arrays["train_labels"], arrays["test_labels"]])
        indices = np.split(np.arange(len(labels)), [len(arrays["train_labels"])])
    chosen = select(split, dict(zip(("train", "test"), indices, strict=True)), tfds_sets.MINI)
    parts = {"image": fitted(images[chosen], image_size), "label": labels[chosen]}
    return ArraySource(parts, tfds_sets.MINI, CLASSES, licence="MIT")
