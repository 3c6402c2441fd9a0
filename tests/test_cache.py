"""Sets that are read once into the cache: the same data as in memory, whatever happens."""

import mmap
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasgan
from kerasgan import cli, data
from kerasgan.data import unread
from kerasgan.data.source import ArraySource, announcer
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import locked

SIDE = 8


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


@pytest.fixture
def photos(tmp_path):
    """A folder of 100 pictures in two classes, colour and grey, of several sizes and formats."""
    rng = np.random.default_rng(0)
    for place in range(100):
        folder = tmp_path / "photos" / ("cats", "dogs")[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        shape = (20 + place % 3, 24, 3) if place % 5 else (20, 24)
        picture = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
        picture.save(folder / f"{place:03}.{('png', 'jpg', 'webp')[place % 3]}")
    return tmp_path / "photos"


def read(photos, **options):
    return data.load_source(photos, image_size=SIDE, **options)


def no_reading(monkeypatch):
    """Makes every reading of a picture fail."""

    def chunks(self):
        raise AssertionError("pictures are read")

    monkeypatch.setattr(unread.Unread, "_shown", chunks)


def assert_same(source, other):
    assert list(source.parts) == list(other.parts)
    for part, values in source.parts.items():
        np.testing.assert_array_equal(values, other.parts[part])
        assert values.dtype == other.parts[part].dtype
    assert source.spec == other.spec and source.class_names == other.class_names
    for parts in (["image"], ["image", "label"]):
        assert source.only(parts).fingerprint == other.only(parts).fingerprint
        known = source.fingerprints or other.fingerprints
        assert known[",".join(parts)] == ArraySource(other.only(parts).parts).fingerprint


def test_the_cache_holds_what_memory_would(photos, cache, capsys, monkeypatch):
    held = read(photos)
    assert held.cache is None and not cache.exists()
    monkeypatch.setattr(unread, "IN_MEMORY", 100)
    mapped = read(photos)
    assert_same(mapped, held)
    assert mapped.cache == str(cache / os.listdir(cache)[0]) or mapped.cache.startswith(str(cache))
    assert isinstance(mapped.parts["image"].base, np.memmap)
    assert "Reading" in capsys.readouterr().out
    no_reading(monkeypatch)
    again = read(photos)
    assert_same(again, held)
    assert capsys.readouterr().out == ""
    with pytest.raises(AssertionError, match="pictures are read"):
        read(photos, split="test")


def test_batches_are_the_same_to_the_bit(photos, monkeypatch):
    held, mapped = read(photos, flip=True), read(photos, flip=True, cached=True)
    monkeypatch.setattr("kerasgan.data.source.COPIED", 0)
    again = read(photos, flip=True)  # from the cache, and through NumPy
    assert again.cache
    for start in (0, 7):
        streams = [
            data.steps(each, None, 8, 3, start, start + 14) for each in (held, mapped, again)
        ]
        for batches in zip(*streams, strict=True):
            for other in batches[1:]:
                np.testing.assert_array_equal(batches[0][0], other[0])
                np.testing.assert_array_equal(batches[0][1], other[1])
    assert streams[0].element_spec == streams[2].element_spec


def test_a_training_is_the_same_and_goes_on_to_the_same_bits(photos, tmp_path, monkeypatch):
    def train(name, epochs, source):
        keras.utils.set_random_seed(0)
        gan = kerasgan.DCGAN((SIDE, SIDE, 3), width=4, seed=0)
        gan.compile()
        options = {"batch_size": 8, "checkpoint_minutes": 0.0, "verbose": 0}
        kerasgan.train(gan, source, tmp_path / name, epochs=epochs, **options)
        return gan.generator.get_weights()

    held = train("held", 2, read(photos))
    monkeypatch.setattr("kerasgan.data.source.COPIED", 0)
    train("mapped", 1, read(photos, cached=True))
    shutil.copytree(photos, tmp_path / "elsewhere")  # is the same data
    mapped = train("mapped", 2, read(tmp_path / "elsewhere", cached=True))
    for weight, other in zip(held, mapped, strict=True):
        np.testing.assert_array_equal(weight, other)
    Image.new("RGB", (20, 20)).save(tmp_path / "elsewhere" / "cats" / "000.png")
    with pytest.raises(UserError, match="another training .data.fingerprint"):
        train("mapped", 3, read(tmp_path / "elsewhere"))


def test_a_changed_folder_is_read_anew(photos, cache):
    read(photos, cached=True)
    path = photos / "cats" / "000.png"
    before = read(photos).parts["image"][0].copy()
    Image.new("RGB", (20, 20), "red").save(path)
    after = read(photos, cached=True)
    assert after.cache and not np.array_equal(after.parts["image"][0], before)
    os.utime(path, (1, 1))
    assert read(photos).cache is None  # small: in memory, and not from the stale cache
    os.remove(path)
    assert read(photos, cached=True).fingerprint != after.fingerprint
    assert len([each for each in cache.iterdir() if each.is_dir()]) == 1


SCRIPT = """
import sys, time
from kerasgan import data
from kerasgan.data import unread
chunks = unread.Unread._shown
def slow(self):
    for chunk in chunks(self):
        yield chunk
        print("read", flush=True)
        time.sleep(60)
unread.Unread._shown = slow
data.load_source(sys.argv[1], image_size=8, cached=True)
"""


def test_a_killed_preparation_is_never_half_used(photos, cache, capsys):
    killed = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(photos)], stdout=subprocess.PIPE, text=True
    )
    while "read" not in killed.stdout.readline():
        assert killed.poll() is None
    waiting = threading.Thread(target=read, args=(photos,), kwargs={"cached": True})
    waiting.start()
    time.sleep(1.0)
    assert waiting.is_alive()  # the other process is at work
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    waiting.join(timeout=60)
    assert not waiting.is_alive()
    assert "Waiting for another process" in capsys.readouterr().out
    assert_same(read(photos, cached=True), read(photos))
    assert not list(cache.glob(".partial-*"))


def test_a_damaged_cache_is_read_anew(photos, cache):
    folder = read(photos, cached=True).cache
    with open(os.path.join(folder, "image.npy"), "r+b") as file:
        file.truncate(1000)
    assert len(read(photos, cached=True)) == 90
    with open(os.path.join(folder, "set.json"), "w") as file:
        file.write("{")
    assert len(read(photos, cached=True)) == 90
    os.remove(os.path.join(folder, "label.npy"))
    assert read(photos, cached=True).class_names == ["cats", "dogs"]
    assert list(read(photos, cached=True).parts) == ["image", "label"]


def test_a_removal_that_is_killed_leaves_nothing_that_counts(photos, monkeypatch):
    folder = read(photos, cached=True).cache

    def killed(path):
        raise KeyboardInterrupt if os.path.isdir(path) else os.remove(path)

    monkeypatch.setattr(unread, "delete", killed)
    with pytest.raises((KeyboardInterrupt, TypeError)):
        unread.remove(os.path.basename(folder))
    assert not os.path.exists(os.path.join(folder, "set.json"))
    assert os.path.exists(os.path.join(folder, "image.npy"))


def test_a_full_disk_is_told_before_anything_is_read(photos, cache, monkeypatch):
    no_reading(monkeypatch)
    usage = shutil.disk_usage(photos)._replace(free=10_000)
    monkeypatch.setattr(unread.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(
        UserError, match="takes 0.0 GB in .*, where 0.0 GB are free.*KERASGAN_CACHE"
    ):
        read(photos, cached=True)
    assert not [each for each in cache.iterdir() if each.is_dir()]


def test_damaged_pictures_leave_nothing_behind(photos, cache):
    (photos / "cats" / "000.png").write_bytes(b"none")
    with pytest.raises(UserError, match="cannot read 1 of 90 images: cats/000.png"):
        read(photos, cached=True)
    assert not [each for each in cache.iterdir() if each.is_dir()]
    with pytest.warns(UserWarning, match="left out damaged images: cats/000.png"):
        source = read(photos, cached=True, skip_damaged=True)
    assert len(source) == len(source.parts["label"]) == 89
    assert_same(source, ArraySource({k: np.array(v) for k, v in source.parts.items()},
                                    class_names=source.class_names))  # fmt: skip


# --- A user's tf.data ---


def test_a_dataset_is_read_once(monkeypatch):
    rng = np.random.default_rng(0)
    pictures, labels = rng.integers(0, 256, (300, 12, 10, 3), np.uint8), np.arange(300) % 3
    dataset = tf.data.Dataset.from_tensor_slices((pictures, labels))
    source = data.prepare(dataset, "mine", image_size=SIDE)
    held = data.load_source((pictures, labels), image_size=SIDE)
    for part in ("image", "label"):
        np.testing.assert_array_equal(source.parts[part], held.parts[part])
    assert source.fingerprint == held.fingerprint
    batched = dataset.map(lambda x, y: {"image": x, "label": y, "id": y}).batch(7)
    assert_same(data.prepare(batched, "batched", image_size=SIDE), source)
    generator = tf.data.Dataset.from_generator(
        lambda: iter(pictures[:3] / 127.5 - 1), output_signature=tf.TensorSpec((None, None, 3))
    )
    floats = data.prepare(generator, "floats")
    np.testing.assert_array_equal(floats.parts["image"], pictures[:3])
    mixed = tf.data.Dataset.from_generator(
        lambda: (picture[: 12 - i % 3] for i, picture in enumerate(pictures)),
        output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
    )
    mixed = data.prepare(mixed, "mixed", image_size=SIDE)
    for i in range(4):
        one = data.load_source(pictures[i : i + 1, : 12 - i % 3], image_size=SIDE)
        np.testing.assert_array_equal(mixed.parts["image"][i], one.parts["image"][0])
    no_reading(monkeypatch)
    assert_same(data.prepare(dataset, "mine", image_size=SIDE), source)
    with pytest.raises(AssertionError, match="pictures are read"):
        data.prepare(dataset.take(5), "mine", image_size=SIDE)


def test_datasets_that_cannot_be_prepared():
    pictures = np.zeros((4, 8, 8, 3), np.uint8)
    dataset = tf.data.Dataset.from_tensor_slices(pictures)
    with pytest.raises(UserError, match=r"mine is endless: pass `dataset.take\(number\)`"):
        data.prepare(dataset.repeat(), "mine")
    with pytest.raises(UserError, match="must yield images"):
        data.prepare(tf.data.Dataset.range(4), "mine")
    with pytest.raises(UserError, match="mine must lie in .-1, 1.. Received: values from 200"):
        data.prepare(dataset.map(lambda x: tf.cast(x, tf.float32) + 200), "mine")
    with pytest.raises(UserError, match="holds no images"):
        data.prepare(dataset.take(0), "mine")


def test_a_script_needs_no_guard(photos, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            import sys
            from kerasgan import data
            print("started")
            print(len(data.load_source(sys.argv[1], image_size=8, cached=True)))
        """)
    )
    done = subprocess.run(
        [sys.executable, script, photos], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("started") == 1 and done.stdout.strip().endswith("90")


# --- The command ---


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(each) for each in arguments])
    return stop.value.code


def test_prepare_list_remove(photos, cache, capsys):
    assert run("data", "prepare", photos, "--image-size", "8") == 0
    assert f"90 images (8, 8, 3) of {photos}" in capsys.readouterr().out
    (cache / ".partial-01234567-x").mkdir()
    assert run("data", "list") == 0
    out = capsys.readouterr().out
    assert f"0.00 GB  90 images (8, 8, 3) of {photos}, train" in out
    assert "a preparation that runs, or was killed" in out and "2 sets, 0.00 GB in" in out
    assert run("data", "remove") == 2
    assert run("data", "remove", "photos") == 2
    assert "There is no set" in capsys.readouterr().err
    assert run("data", "remove", "--all") == 0
    assert run("data", "list") == 0
    assert "0 sets" in capsys.readouterr().out
    assert run("data", "prepare", "fashion_mnist_mini") == 2


def test_the_cache_repeats_what_was_left_out(photos):
    (photos / "cats" / "000.png").write_bytes(b"none")
    for _ in range(2):
        with pytest.warns(UserWarning, match="left out damaged images: cats/000.png"):
            read(photos, cached=True, skip_damaged=True)


def test_a_set_that_is_being_read_is_not_removed(photos, cache):
    name = os.path.basename(read(photos, cached=True).cache)
    with locked(unread.lock_of(name)):
        for each in (name, f".partial-01234567-{name}"):
            with pytest.raises(UserError, match="Another process is at work"):
                unread.remove(each)
    assert (cache / name).is_dir()


def test_rows_of_a_mapped_file_are_announced(photos, monkeypatch):
    source = read(photos, cached=True)
    monkeypatch.setattr("kerasgan.data.source.COPIED", 0)
    values = source.parts["image"]
    told, announced = announcer(values), []
    told(np.array([0, 89, 3]))  # the system takes any page of the file

    class File(bytearray):
        def madvise(self, option, start=0, length=0):
            if length:
                assert start % mmap.PAGESIZE == 0
                announced.append((start, start + length))

    file = File(np.zeros(values.nbytes + 100, np.uint8).tobytes())
    mapped = np.ndarray.__new__(np.memmap, values.shape, np.uint8, file, 100)
    mapped._mmap = file
    announcer(mapped)(np.array([0, 89, 3]))
    size = values[0].nbytes
    for (start, end), row in zip(announced, (0, 89, 3), strict=True):
        assert start <= 100 + row * size < start + mmap.PAGESIZE and end == 100 + (row + 1) * size
    for others in (np.zeros((3, 2)), values[::-1]):
        assert announcer(others)(np.array([0])) is None


def test_other_parts_of_a_dataset_may_vary_in_size():
    def examples():
        for i in range(5):
            yield {"image": np.full((SIDE, SIDE, 3), i, np.uint8), "boxes": np.zeros((i, 4))}

    image = tf.TensorSpec((SIDE, SIDE, 3), tf.uint8)
    signature = {"image": image, "boxes": tf.TensorSpec((None, 4), tf.float64)}
    dataset = tf.data.Dataset.from_generator(examples, output_signature=signature)
    assert data.prepare(dataset, "boxed").parts["image"][:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
