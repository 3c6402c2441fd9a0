"""Folders of sounds, and the drum hits of Debian's hydrogen-drumkits."""

import collections

import numpy as np
import pytest
import sounds
import tensorflow as tf

from kerasgan import data
from kerasgan.data import drums, names, unread
from kerasgan.data.spec import spec_of
from kerasgan.signature import Label, Waveform
from kerasgan.utils import sounds as files
from kerasgan.utils.errors import UserError

soundfile = pytest.importorskip("soundfile", reason="needs kerasgan[sound]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sounds.folder_of(tmp_path_factory.mktemp("hits"))


# --- What a file becomes ---


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff"])
def test_every_format_gives_the_same_sound(tmp_path, suffix):
    path = sounds.write(tmp_path / f"a.{suffix}", 0.5 * sounds.tone(440))
    read = files.Reader(8000, 16000, "none").sound(path)
    expected = files.Reader(8000, 16000, "none").prepared(0.5 * sounds.tone(440), 16000)
    assert read.shape == (8000, 1) and read.dtype == np.float32
    if suffix == "ogg":  # lossy, and its echo begins a sample earlier
        np.testing.assert_allclose(read[1:, 0], expected[:-1], atol=0.02)
    else:
        np.testing.assert_allclose(read[:, 0], expected, atol=1e-4)


@pytest.mark.parametrize("channels", [2, 8])
def test_channels_are_mixed_down_to_their_mean(tmp_path, channels):
    one = sounds.tone(300)
    several = one[:, None] * np.linspace(0, 1, channels)
    path = sounds.write(tmp_path / "a.wav", several, subtype="FLOAT")
    read = files.Reader(8000, 16000, "none").sound(path)[:, 0]
    np.testing.assert_allclose(read, np.append(0.5 * one[1:], 0.0), atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_other_rates_are_resampled_without_moving_the_pitch(tmp_path, rate):
    sound = sounds.tone(1000, 0.5, rate, decay=0.0)
    path = sounds.write(tmp_path / "a.wav", sound, rate, subtype="FLOAT")
    read = files.Reader(8000, 16000, "none").sound(path)[:, 0]
    spectrum = np.abs(np.fft.rfft(read * np.hanning(8000)))
    assert abs(np.argmax(spectrum) * 2 - 1000) <= 2
    middle = read[1000:7000]
    assert np.abs(middle).max() == pytest.approx(1.0, abs=0.02)


def test_what_a_lower_rate_cannot_hold_is_filtered_out():
    high = sounds.tone(11000, 0.5, 44100, decay=0.0)  # 5 kHz, if it were mirrored at 8 kHz
    assert np.abs(files.resampled(high, 44100, 16000)[500:-500]).max() < 0.01


def test_silence_at_the_start_is_cut_off_and_the_end_is_filled_with_it():
    late = sounds.tone(200, 0.1, silence=0.25)
    read = files.Reader(4096, 16000).prepared(late, 16000)
    np.testing.assert_array_equal(read, files.Reader(4096, 16000).prepared(late[4000:], 16000))
    assert not read[1600:].any() and read[:1600].any()


def test_normalization_is_by_peak_by_loudness_or_none():
    quiet = 0.25 * sounds.tone(200, 0.5, decay=0.0)

    def read(normalize):
        return files.Reader(8000, 16000, normalize).prepared(quiet, 16000)

    assert np.abs(read("peak")).max() == pytest.approx(1.0)
    assert np.sqrt(np.mean(read("loudness") ** 2)) == pytest.approx(0.1, rel=1e-4)
    assert np.abs(read("none")).max() == pytest.approx(0.25, abs=1e-3)
    click = np.zeros(8000, "float32")
    click[10] = 0.1  # so short that its loudness would take a peak of 9
    assert np.abs(files.Reader(8000, 16000, "loudness").prepared(click, 16000)).max() == 1.0


def test_wav_files_hold_what_tensorflow_writes(tmp_path):
    audio = np.random.default_rng(0).uniform(-1, 1, 100_000).astype("float32")
    audio[:4] = [-1.0, 1.0, 0.5 / 2**15, -1.5 / 2**15]
    files.save_wav(audio, tmp_path / "a.wav", 8000)
    theirs = tf.audio.encode_wav(audio[:, None], 8000).numpy()
    assert (tmp_path / "a.wav").read_bytes() == theirs
    with pytest.raises(UserError, match="Sounds are written as .wav"):
        files.save_wav(audio, tmp_path / "a.mp3", 8000)


# --- Folders ---


def test_a_folder_is_a_source_of_sounds_with_its_subfolders_as_classes(folder):
    source = data.load_source(folder, length=4096)
    assert source.spec == {"audio": Waveform(4096, 16000), "label": Label(2, ["kick", "snare"])}
    assert source.parts["audio"].shape == (18, 4096, 1)  # every tenth file is a test
    assert np.bincount(source.parts["label"]).tolist() == [9, 9]
    tested = data.load_source(folder, "test", length=4096)
    first = files.Reader(4096, 16000).sound(folder / "kick" / "09.wav")
    np.testing.assert_array_equal(tested.parts["audio"][0], first)
    assert spec_of(folder, length=4096, rate=8000)["audio"] == Waveform(4096, 8000)


def test_folders_called_train_and_test_are_the_splits(tmp_path):
    for split, number in (("train", 4), ("test", 2)):
        sounds.folder_of(tmp_path / split, ("a", "b"), number)
    assert len(data.load_source(tmp_path, length=4096)) == 8
    assert len(data.load_source(tmp_path, "test", length=4096)) == 4
    assert data.load_source(tmp_path, length=4096).class_names == ["a", "b"]


def test_batches_for_fit_come_from_load(folder):
    audio, labels = next(iter(data.load(folder, batch_size=6, labels=True, length=4096)))
    assert audio.shape == (6, 4096, 1) and labels.shape == (6,)
    assert float(tf.reduce_max(tf.abs(audio))) == 1.0


def test_the_cache_holds_the_same_sounds_and_notices_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    root = sounds.folder_of(tmp_path / "hits", each=5)
    direct = data.load_source(root, length=4096, rate=8000)
    cached = data.load_source(root, length=4096, rate=8000, cached=True)
    again = data.load_source(root, length=4096, rate=8000)
    assert cached.cache and again.cache == cached.cache
    assert again.spec == direct.spec and again.fingerprint == direct.fingerprint
    np.testing.assert_array_equal(again.parts["audio"], direct.parts["audio"])
    sounds.write(root / "kick" / "00.wav", sounds.tone(2000))
    changed = data.load_source(root, length=4096, rate=8000)
    assert changed.fingerprint != direct.fingerprint


def test_many_sounds_are_read_by_several_processes(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasgan.data.audio.FEW", 1)
    root = sounds.folder_of(tmp_path, each=40, seconds=0.05)
    several = data.load_source(root, "all", length=4096).parts["audio"]
    monkeypatch.setattr("kerasgan.data.audio.FEW", 1000)
    alone = data.load_source(root, "all", length=4096).parts["audio"]
    np.testing.assert_array_equal(several, alone)


def bad_folder(root):
    sounds.folder_of(root, ("good",), 10)
    sounds.write(root / "good" / "a_empty.wav", np.zeros(0, "float32"))
    wrong = sounds.tone(100)
    wrong[50] = np.nan
    sounds.write(root / "good" / "b_nan.wav", wrong, subtype="FLOAT")
    sounds.write(root / "good" / "c_silent.wav", np.zeros(500, "float32"))
    (root / "good" / "d_text.wav").write_text("no sound")
    (root / "good" / "e_nothing.flac").write_bytes(b"")
    return root


def test_all_files_without_sound_are_named_in_one_sentence(tmp_path):
    with pytest.raises(UserError) as raised:
        data.load_source(bad_folder(tmp_path), "all", length=4096)
    told = str(raised.value)
    assert "5 of 15 files give no sound" in told and "\n" not in told
    for part in (
        "a_empty.wav has no samples",
        "b_nan.wav holds NaN or infinite values",
        "c_silent.wav is silent",
        "d_text.wav cannot be read: ",
        "e_nothing.flac cannot be read: ",
        "skip_damaged",
    ):
        assert part in told


def test_files_without_sound_can_be_left_out(tmp_path):
    with pytest.warns(UserWarning, match="left out files without sound: .*a_empty.wav has no"):
        source = data.load_source(bad_folder(tmp_path), "all", length=4096, skip_damaged=True)
    assert len(source) == 10


@pytest.mark.parametrize(
    "options, message",
    [
        ({"image_size": 32}, "`image_size` is for images, and .* holds sounds"),
        ({"transparent": True}, "`transparent` is for images"),
        ({"background": "black"}, "`background` is for images"),
        ({"flip": True}, "`flip` is for images"),
        ({"length": 0}, "`length` must be a whole number, 1 or more"),
        ({"rate": 0.5}, "`rate` must be a whole number, 1 or more"),
        ({"normalize": "rms"}, "`normalize` must be peak, loudness, none. Received: 'rms'"),
        ({"split": "validation"}, "has no split"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(folder, options, message):
    with pytest.raises(UserError, match=message):
        data.load_source(folder, **options)


def test_options_of_sounds_are_refused_for_images():
    with pytest.raises(UserError, match='`length` is for sounds. Received: "fashion_mnist_mini"'):
        data.load_source("fashion_mnist_mini", length=4096)


def test_a_folder_is_told_by_what_most_of_its_files_are(folder, tmp_path):
    from kerasgan.utils import pixels

    sounds.folder_of(tmp_path, ("a",), 3)
    pixels.save_picture(np.zeros((8, 8, 1), np.uint8), tmp_path / "cover.png")
    assert names.is_sounds(tmp_path) and names.is_sounds(str(folder))
    for number in range(3):
        pixels.save_picture(np.zeros((8, 8, 1), np.uint8), tmp_path / f"{number}.png")
    assert not names.is_sounds(tmp_path)
    assert not names.is_sounds("fashion_mnist_mini")


# --- Drum hits ---

needs_kits = pytest.mark.skipif(
    not drums.FOLDER.is_dir(), reason="Debian's package hydrogen-drumkits is not installed"
)


@pytest.mark.parametrize(
    "instrument, kind",
    [
        ("Closed HH", "hat"),
        ('Hi-Hat Pedal (Paiste Alpha Metal edge 14")', "hat"),
        ("BassDrum", "kick"),
        ("Snare Roll", "snare"),
        ("Rim Click (Pearl Free Floating Maple 14x3.5)", "percussion"),
        ("Floor Tom", "tom"),
        ("Cowbell", "percussion"),
        ("Sangban1 Bell Hit", "percussion"),
        ("Ride Bell", "cymbal"),
        ("Sample: beats_06-10.flac", None),
        ("Whistle", None),
    ],
)
def test_instruments_have_the_class_that_a_drummer_would_say(instrument, kind):
    assert drums.kind_of(instrument) == kind


def test_without_the_package_a_message_names_it(monkeypatch, tmp_path):
    monkeypatch.setattr(drums, "FOLDER", tmp_path / "missing")
    drums.listed.cache_clear()
    with pytest.raises(UserError, match="apt-get install hydrogen-drumkits"):
        data.load_source("drum_hits")


@needs_kits
def test_drum_hits_have_six_classes_and_no_drum_in_both_splits():
    drums.listed.cache_clear()
    instruments = drums.listed()
    assert {each.kit for each in instruments} == set(drums.KITS)
    every = [each for each in instruments for _ in each.files]
    splits = drums.splits_of(instruments)
    assert len(every) == 635 == sum(map(len, splits.values()))
    of_split = {name: {every[place] for place in places} for name, places in splits.items()}
    assert not of_split["train"] & of_split["test"]
    kinds = collections.Counter(every[place].kind for place in splits["test"])
    assert set(kinds) == set(drums.NAMES) and min(kinds.values()) >= 8


@needs_kits
def test_drum_hits_are_read_with_their_captions():
    source = data.load_source("drum_hits", "test[:20]", length=4096)
    assert source.spec["audio"] == Waveform(4096, 16000)
    assert source.class_names == drums.NAMES and "GPL-2" in source.licence
    assert len(source.captions) == 20
    np.testing.assert_allclose(np.abs(source.parts["audio"]).max(axis=(1, 2)), 1.0)


def test_the_cache_lists_sounds_by_their_name(tmp_path, monkeypatch, folder):
    from typer.testing import CliRunner

    from kerasgan.cli.common import app

    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path))
    data.load_source(folder, length=4096, cached=True)
    assert len(unread.prepared()) == 1
    told = CliRunner().invoke(app, ["data", "list"]).output
    assert "18 sounds (4096, 1) of" in told
