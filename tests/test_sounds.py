"""What people see and hear of sounds: pictures, WAV files, TensorBoard, runs."""

import json
import re
import wave

import keras
import numpy as np
import pytest
import sounds
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

import kerasgan
from kerasgan import viz
from kerasgan.callbacks import SampleGrid
from kerasgan.cli.common import app
from kerasgan.models import dcgan
from kerasgan.signature import Waveform
from kerasgan.training import recipe
from kerasgan.utils import spectra
from kerasgan.utils.errors import UserError
from kerasgan.utils.sounds import to_int16

pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 96 features")


@pytest.fixture(scope="module")
def gan():
    keras.utils.set_random_seed(0)
    gan = kerasgan.WaveGAN(length=4096, rate=8000, width=2, n_critic=1, seed=0)
    gan.compile()
    return gan


def invoke(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    return result.exit_code, result.output, result.exception


# --- Pictures ---


def test_a_picture_shows_pitch_and_course_of_a_sound():
    kind = Waveform(4096)
    low, high = (sounds.tone(f, 0.256, decay=20.0)[:, None] for f in (200, 4000))
    picture = kind.grid(np.stack([low, high]), columns=2)
    height, width, _ = kind.picture_shape
    assert picture.shape == (height, 2 * width + 2, 3)
    spectra_of = [picture[: spectra.SPECTRUM, x : x + width].sum(2) for x in (0, width + 2)]
    brightest = [np.argmax(each[:, 5:20].sum(1)) for each in spectra_of]
    assert brightest[0] > 50 and brightest[1] < 30  # rows from the top
    for each in spectra_of:  # it fades
        assert each[:, :20].sum() > 1.5 * each[:, 60:80].sum()


def test_the_waveform_is_the_envelope_in_ink():
    drawn = spectra.waveform(np.linspace(0, 1, 1000), height=41, width=10)
    ink = (drawn == spectra.INK).all(axis=2)
    assert [np.argmax(column) for column in ink.T] == [18, 16, 14, 12, 10, 8, 6, 4, 2, 0]


@pytest.mark.parametrize("length", [1, 50, 130, 4096])
def test_sounds_of_every_length_are_drawn(length):
    kind = Waveform(length, 8000)
    assert kind.grid(np.zeros((3, length, 1)), columns=3).shape == (104, 388, 3)


def test_colours_run_from_dark_to_bright():
    light = spectra.coloured(np.linspace(-0.5, 1.5, 50)).astype(int).sum(axis=1)
    assert (np.diff(light) >= 0).all() and light[0] < 10 and light[-1] > 650


def test_samples_of_a_model_are_a_grid(gan):
    assert viz.sample_grid(gan, num=4).shape == (2 * 106 - 2, 2 * 130 - 2, 3)


# --- Files ---


def test_sample_writes_wav_files_and_a_picture(gan, tmp_path):
    gan.save(tmp_path / "gan.keras")
    folder = tmp_path / "out"
    code, told, _ = invoke("sample", tmp_path / "gan.keras", "--num", 3, "--output", folder)
    assert code == 0 and "3 samples" in told
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["0000.wav", "0001.wav", "0002.wav", "samples.png"]
    with wave.open(str(folder / "0001.wav")) as file:
        assert file.getframerate() == 8000 and file.getnframes() == 4096
        samples = np.frombuffer(file.readframes(4096), "<i2")
    np.testing.assert_array_equal(samples, to_int16(gan.sample(3, seed=0)[1])[:, 0])
    with Image.open(folder / "samples.png") as picture:
        assert picture.size == (2 * 258, 2 * 210)
    _, _, error = invoke("sample", tmp_path / "gan.keras", "--num", 3, "--output", folder)
    assert isinstance(error, UserError) and "0000.wav exists: pass --overwrite" in str(error)
    again = ("sample", tmp_path / "gan.keras", "--num", 3, "--output", folder, "--overwrite")
    assert invoke(*again)[0] == 0


def test_a_folder_is_refused_for_models_of_pictures(tmp_path):
    images = dcgan.DCGAN((8, 8, 1), width=4)
    with pytest.raises(UserError, match="DCGAN makes images: name a picture"):
        viz.write_files(images, tmp_path)
    images.save(tmp_path / "gan.keras")
    _, _, error = invoke("sample", tmp_path / "gan.keras", "--output", tmp_path / "folder")
    assert isinstance(error, UserError) and "Pictures are written as .png" in str(error)


# --- Training ---


def test_tensorboard_gets_the_first_sounds(gan, tmp_path):
    callback = SampleGrid(tmp_path / "grids", num=4, log_dir=str(tmp_path / "board"))
    gan.fit(sounds.tones(8, rate=8000), batch_size=8, verbose=0, callbacks=[callback])
    board = EventAccumulator(str(tmp_path / "board"), {"tensors": 0}).Reload()
    (_, last) = board.Tensors("sounds")
    heard = tf.make_ndarray(last.tensor_proto)[:, 0]
    assert len(heard) == 8
    audio, rate = tf.audio.decode_wav(heard[3])
    assert int(rate) == 8000
    np.testing.assert_allclose(audio, gan.sample(8, seed=0)[3], atol=1e-4)


def hits(tmp_path):
    pytest.importorskip("soundfile", reason="needs kerasgan[sound]")
    return sounds.folder_of(tmp_path / "hits", each=10)


def test_a_folder_trains_by_recipe_and_is_scored_sampled_and_evaluated(tmp_path):
    folder, run = hits(tmp_path), tmp_path / "run"
    options = ("--set", "model.width=2", "--set", "model.n_critic=1", "--steps", 2)
    arguments = ("train", "--dataset", folder, "--model", "wavegan", "--output", run, *options)
    code, told, error = invoke(*arguments, "--batch-size", 8)
    assert code == 0, error
    assert "A recipe for 18 sounds" in told
    assert "18 sounds (4096, 1)" in told and "FD[log-mel] of 2 samples against 2 of test" in told
    result = json.loads((run / "result.json").read_text())
    assert result["metric"] == "FD[log-mel]" and result["n_real"] == 2
    for name in ("samples.png", "progress.png", "model.keras"):
        assert (run / name).is_file()
    data = recipe.read(run / "recipe.toml").data
    assert data.length == 4096 and data.name == str(folder)
    code, told, error = invoke("evaluate", run, "--seed", 1)
    assert code == 0, error
    line = json.loads(told.strip().splitlines()[-1])
    assert line["metric"] == "FD[log-mel]" and line["value"] == pytest.approx(result["trained"])


def test_without_a_model_a_folder_of_sounds_trains_wavegan(tmp_path):
    code, told, error = invoke(
        "train", "--dataset", hits(tmp_path), "--dry-run", "--set", "model.width=2"
    )
    assert code == 0, error
    assert 'name = "wavegan"' in told
    assert "WaveGAN, sounds (4096, 1) of" in told and "one step on random sounds" in told


@pytest.mark.parametrize(
    "options, message",
    [
        (("--model", "dcgan"), "DCGAN trains on image, and the data have audio"),
        (("--image-size", 32), "`image_size` is for images, and .* holds sounds"),
        (("--set", "data.flip=true"), "`flip` is for images"),
    ],
)
def test_what_does_not_fit_sounds_is_said_in_one_sentence(tmp_path, options, message):
    arguments = ("train", "--dataset", hits(tmp_path), "--output", tmp_path / "run", *options)
    _, _, error = invoke(*arguments)
    assert isinstance(error, UserError) and re.search(message, str(error)), error


def test_sounds_are_refused_for_other_models_and_images_for_this_one(gan, tmp_path):
    with pytest.raises(UserError, match="DCGAN trains on images, and .* holds sounds"):
        images = dcgan.DCGAN((8, 8, 1), width=4)
        images.compile()
        kerasgan.train(images, hits(tmp_path), tmp_path / "run", steps=1)
    with pytest.raises(UserError, match="WaveGAN trains on sounds, and fashion_mnist_mini holds"):
        kerasgan.train(gan, "fashion_mnist_mini", tmp_path / "run", steps=1)


def test_a_model_of_a_script_trains_on_a_folder(tmp_path):
    keras.utils.set_random_seed(0)
    gan = kerasgan.WaveGAN(length=4096, rate=8000, width=2, n_critic=1, seed=0)
    gan.compile()
    result = kerasgan.train(
        gan, hits(tmp_path), tmp_path / "run", steps=1, batch_size=8, num=2, verbose=0
    )
    assert result["metric"] == "FD[log-mel@8000]" and result["steps"] == 1


@pytest.mark.slow
def test_a_run_that_goes_on_ends_with_the_same_bits(tmp_path):
    audio = sounds.tones(16)

    def trained(folder, *parts):
        for steps in parts:
            keras.utils.set_random_seed(0)
            gan = kerasgan.WaveGAN(length=4096, width=2, n_critic=2, seed=0)
            gan.compile()
            kerasgan.train(gan, audio, tmp_path / folder, steps=steps, batch_size=8, verbose=0)
        return [weight.numpy() for weight in gan.weights]

    for a, b in zip(trained("whole", 5), trained("parts", 3, 5), strict=True):
        np.testing.assert_array_equal(a, b)
