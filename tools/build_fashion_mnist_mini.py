"""Build `kerasgan/data/assets/fashion_mnist_mini.npz`, the images in kerasgan's wheel.

Takes the first 1,000 images of each class of Fashion-MNIST's train split and the first 250 of each
class of its test split, shuffled with a seed, so that any leading slice is nearly balanced.

    python tools/build_fashion_mnist_mini.py [DIRECTORY]

DIRECTORY holds the four idx .gz files (default: where Debian's dataset-fashion-mnist puts them).
The bytes depend on the zlib that Python was built with; after a rebuild, pin the SHA-256 printed
here as `MINI_SHA256` in `kerasgan/data/mini.py`.

Reference: Xiao, Rasul, Vollgraf, "Fashion-MNIST", 2017, https://arxiv.org/abs/1708.07747 (MIT).
"""

import argparse
import gzip
import hashlib
from pathlib import Path

import numpy as np

SOURCE = Path("/usr/share/datasets/fashion-mnist")
ASSET = (
    Path(__file__).resolve().parents[1] / "kerasgan" / "data" / "assets" / "fashion_mnist_mini.npz"
)
PER_CLASS = {"train": 1000, "test": 250}
MAX_BYTES = 6_000_000


def read_idx(path):
    """Read one idx .gz file: two zero bytes, type 8 (uint8), rank, big-endian sizes, then data."""
    data = gzip.decompress(path.read_bytes())
    if data[:3] != b"\x00\x00\x08":
        raise SystemExit(f"{path} must be an idx file of uint8. Received: header {data[:4]!r}")
    rank = data[3]
    shape = np.frombuffer(data, ">i4", count=rank, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def select(directory, prefix, per_class, random):
    """Return the first `per_class` images of each class with their labels, shuffled."""
    images = read_idx(directory / f"{prefix}-images-idx3-ubyte.gz")
    labels = read_idx(directory / f"{prefix}-labels-idx1-ubyte.gz")
    first = [np.flatnonzero(labels == label)[:per_class] for label in range(10)]
    chosen = random.permutation(np.concatenate(first))
    return images[chosen][..., None], labels[chosen]


def build(directory):
    """Return the asset's four arrays."""
    random = np.random.RandomState(0)  # NumPy guarantees this stream, unlike default_rng's
    arrays = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = select(directory, prefix, PER_CLASS[split], random)
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = images, labels
    return arrays


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", nargs="?", type=Path, default=SOURCE)
    directory = parser.parse_args().directory
    if not directory.is_dir():
        raise SystemExit(f"No such directory: {directory} (apt-get install dataset-fashion-mnist)")
    ASSET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(ASSET, **build(directory))
    data = ASSET.read_bytes()
    print(f"{ASSET}: {len(data):,} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")
    if len(data) > MAX_BYTES:
        raise SystemExit(f"The asset must be at most {MAX_BYTES:,} bytes. Received: {len(data):,}")


if __name__ == "__main__":
    main()
