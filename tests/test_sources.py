"""`kerasgan.sources`: the images that a name, a split or a folder selects."""

import hashlib
import importlib.util
import logging
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from kerasgan import data
from kerasgan.data import mini, tfds_sets
from kerasgan.data.mini import MINI_FILE
from kerasgan.utils import network
from kerasgan.utils.errors import UserError

MINI = "fashion_mnist_mini"
needs_debian_files = pytest.mark.skipif(
    not tfds_sets.DEBIAN_FASHION_MNIST.is_dir(),
    reason="needs Debian's package dataset-fashion-mnist",
)


# --- Splits ---


def test_split_strings_slice_by_number_and_percent():
    whole, _ = data.load_arrays(MINI, "train")
    tenth, _ = data.load_arrays(MINI, "train[10%:20%]")
    np.testing.assert_array_equal(tenth, whole[1000:2000])
    assert len(data.load_arrays(MINI, "test[-5:]+train[:7]")[0]) == 12
    assert len(data.load_arrays(MINI, "all")[0]) == 12500
    pictures = np.broadcast_to(np.arange(9, dtype=np.uint8).reshape(-1, 1, 1, 1), (9, 8, 8, 1))
    np.testing.assert_array_equal(data.load_arrays(pictures, "train[3:5]")[0], pictures[3:5])


@pytest.mark.parametrize(
    "split, message",
    [
        ("tets", 'has no split "tets": did you mean "test"'),
        ("train[5]", '`split` must look like .* Received: split="train'),
        ("train[:99999]", "reaches beyond the 10000 images"),
        ("train[3:3]", "holds no images"),
    ],
)
def test_wrong_splits_are_reported(split, message):
    with pytest.raises(UserError, match=message):
        data.load_arrays(MINI, split)


# --- The embedded set ---


def test_mini_set_is_balanced_and_of_the_promised_size():
    for split, count in (("train", 10_000), ("test", 2_500)):
        pixels, labels = data.load_arrays(MINI, split)
        assert pixels.shape == (count, 28, 28, 1) and pixels.dtype == np.uint8
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(np.bincount(labels), [count // 10] * 10)
        assert np.bincount(labels[:500], minlength=10).min() > 25  # shuffled
    assert MINI_FILE.stat().st_size <= 6_000_000


@needs_debian_files
def test_mini_set_is_what_its_script_builds_from_fashion_mnist():
    path = Path(__file__).parents[1] / "tools" / "build_fashion_mnist_mini.py"
    spec = importlib.util.spec_from_file_location("build_mini", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for name, array in script.build(tfds_sets.DEBIAN_FASHION_MNIST).items():
        split, kind = name.split("_")
        np.testing.assert_array_equal(data.load_arrays(MINI, split)[kind == "labels"], array)


def test_damaged_embedded_file_is_refused(monkeypatch, tmp_path):
    damaged = bytearray(MINI_FILE.read_bytes())
    damaged[1000] ^= 1
    (tmp_path / "mini.npz").write_bytes(damaged)
    monkeypatch.setattr(mini, "MINI_FILE", tmp_path / "mini.npz")
    with pytest.raises(UserError, match="must have SHA-256 1c98.* reinstall kerasgan"):
        data.load(MINI)


# --- TFDS ---


def test_unknown_dataset_suggests_the_nearest():
    with pytest.raises(UserError, match='Unknown dataset "cifr10".* did you mean "cifar10"'):
        data.load("cifr10")
    with pytest.raises(UserError, match='did you mean "cifar10:3'):
        data.load("cifar10:9.9.9")
    with pytest.raises(UserError, match='"imdb_reviews" must have a feature "image"'):
        data.load("imdb_reviews")


def test_without_network_the_error_names_all_three_remedies(monkeypatch, tmp_path, caplog):
    released = threading.Event()

    def hang(*_):  # like name resolution on some machines without a network
        released.wait(30)
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", hang)
    monkeypatch.setattr(tfds_sets, "DEBIAN_FASHION_MNIST", tmp_path / "missing")
    start = time.monotonic()
    with pytest.raises(UserError) as caught:
        data.load("fashion_mnist", data_dir=tmp_path)
    assert time.monotonic() - start < 10
    released.set()
    remedies = ("apt-get install dataset-fashion-mnist", "TFDS_DATA_DIR", "connect to the network")
    assert all(remedy in str(caught.value) for remedy in remedies)
    assert MINI in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r'"cifar10" is not prepared .* www\.cs\.toronto\.edu'):
        data.load("cifar10", data_dir=tmp_path)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_one_reachable_host_is_network_enough(monkeypatch):
    class Connection:
        close = staticmethod(lambda: None)

    def connect(address, timeout):
        if address != ("mirror.example", 443):
            raise ConnectionRefusedError
        return Connection

    monkeypatch.setattr(network.urllib.request, "getproxies", dict)
    monkeypatch.setattr(socket, "create_connection", connect)
    assert network.unreachable(["http://a.example/x", "ftp://b.example/y"]) == [
        "a.example",
        "b.example",
    ]
    assert network.unreachable(["http://a.example/x", "https://mirror.example/x"]) == []
    assert network.unreachable([]) == []
    proxies = {"http": "https://mirror.example"}
    monkeypatch.setattr(network.urllib.request, "getproxies", lambda: proxies)
    assert network.unreachable(["http://a.example/x"]) == []


@needs_debian_files
def test_staged_files_pass_the_checksums_of_tfds(tmp_path):
    tfds_sets.stage_fashion_mnist(tfds_sets.DEBIAN_FASHION_MNIST, tmp_path)
    originals = tfds_sets.find("fashion_mnist", tmp_path).url_infos.values()
    assert len(originals) == 4
    for original in originals:
        staged = (tmp_path / original.filename).read_bytes()
        assert hashlib.sha256(staged).hexdigest() == original.checksum


def test_two_processes_prepare_a_set_of_tfds_at_once(monkeypatch, tmp_path):
    import tensorflow_datasets as tfds

    with tfds.core.registered.skip_registration():

        class Squares(tfds.core.GeneratorBasedBuilder):
            VERSION = tfds.core.Version("1.0.0")

            def _info(self):
                features = tfds.features.FeaturesDict({"image": tfds.features.Image()})
                return tfds.core.DatasetInfo(builder=self, features=features)

            def _split_generators(self, manager):
                return {"train": self._generate_examples()}

            def _generate_examples(self):
                for side in range(4):
                    yield side, {"image": np.zeros((8, 8, 3), np.uint8)}

    one, other = (Squares(data_dir=tmp_path) for _ in range(2))

    def too_late(**options):
        tfds_sets.ensure(one)
        raise OSError("Cannot rename: the destination already exists")

    monkeypatch.setattr(other, "download_and_prepare", too_late)
    tfds_sets.ensure(other)
    assert other.info.splits["train"].num_examples == 4
    assert len(list(other.as_dataset("train"))) == 4


@needs_debian_files
@pytest.mark.slow
def test_fashion_mnist_is_prepared_by_tfds_from_debian_files(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(tfds_sets, "unreachable", lambda urls: pytest.fail("no network is needed"))
    train, _ = data.load_arrays("fashion_mnist", "train", data_dir=tmp_path)
    assert train.shape == (60000, 28, 28, 1)
    assert not any((tmp_path / "downloads").rglob("*.gz"))  # no second copy is left behind
    capfd.readouterr()
    test, labels = data.load_arrays("fashion_mnist", "test", data_dir=tmp_path)
    assert test.shape == (10000, 28, 28, 1) and np.bincount(labels).tolist() == [1000] * 10
    assert "Downloading" not in "".join(capfd.readouterr())
    mini = {image.tobytes() for image in data.load_arrays(MINI, "test")[0]}
    assert mini <= {image.tobytes() for image in test}
    with pytest.raises(UserError, match='"fashion_mnist" has no split "tset"'):
        data.load("fashion_mnist", "tset", data_dir=tmp_path)
    assert (
        len(data.load("fashion_mnist", "train[:10%]", 100, image_size=32, data_dir=tmp_path)) == 60
    )
