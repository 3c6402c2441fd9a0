"""`kerasgan benchmark sounds`: its measures by hand, and the line of a run."""

import json

import numpy as np
import pytest
import sounds

from benchmarks import sounds as benchmark
from kerasgan import DCGAN, WaveGAN
from kerasgan.data import ArraySource
from kerasgan.metrics import LogMel
from kerasgan.training import recipe
from kerasgan.training.train import train_recipe
from kerasgan.utils.errors import UserError
from kerasgan.utils.sounds import to_int16

pytest.importorskip("sklearn", reason="needs kerasgan[benchmarks]")
pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 96 features")


def test_noise_has_the_mean_envelope_of_the_sounds():
    audio = 0.3 * sounds.tones(20)  # quiet enough for noise that is not clipped
    noise = benchmark.noise_like(audio, 300)
    assert noise.shape == (300, 4096, 1) and noise.dtype == np.float32

    def envelope(values):
        return np.sqrt((values.reshape(len(values), 8, -1) ** 2).mean(axis=(0, 2)))

    np.testing.assert_allclose(envelope(noise), envelope(audio), rtol=0.15)  # loud noise is clipped
    np.testing.assert_allclose(benchmark.noise_like(to_int16(audio), 300), noise, atol=1e-3)


@pytest.mark.parametrize("length", [4096, 999])
def test_random_phases_keep_the_spectrum_and_lose_the_course(length):
    seconds = length / 16000
    tones = [sounds.tone(300 * (1 + i), seconds, decay=4 / seconds)[:, None] for i in range(4)]
    audio = 0.1 * np.stack(tones)
    turned = benchmark.random_phases(audio, 6)
    for place in range(6):
        spectra = [np.abs(np.fft.rfft(each[:, 0])) for each in (turned[place], audio[place % 4])]
        np.testing.assert_allclose(*spectra, atol=1e-3)
    halves = [np.square(each[:4, : length // 2]).sum() for each in (audio, turned)]
    assert halves[1] < 0.8 * halves[0]


def test_copies_are_nearer_than_every_test_sound_and_new_sounds_are_not():
    rng = np.random.default_rng(0)
    train, test, new = (rng.normal(size=(num, 5)) for num in (200, 100, 1000))
    places, copied = benchmark.neighbours(train[[7, 31, 90]] + 1e-6, test, train)
    assert places.tolist() == [7, 31, 90]
    assert copied["nearer"] == copied["copies"] == 1.0
    assert copied["nearest_of_samples"] < 0.001 < copied["nearest_of_test"]
    _, fresh = benchmark.neighbours(new, test, train)
    assert fresh["nearer"] == pytest.approx(0.5, abs=0.15) and fresh["copies"] < 0.05


def hits(num, seed):
    """Low and high tones, as kicks and bells."""
    labels = np.arange(num) % 2
    pitches = np.random.default_rng(seed).uniform(1.0, 1.5, num) * np.where(labels == 0, 80, 1500)
    audio = np.stack([sounds.tone(each, 0.128)[:, None] for each in pitches])
    return ArraySource({"audio": audio, "label": labels}, "tones", ["kick", "bell"])


def test_the_classifier_knows_the_classes_and_recognises_hits_alone():
    train, test = hits(80, 0), hits(20, 1)
    features = [LogMel()(to_int16(each.parts["audio"])) for each in (train, test)]
    classifier = benchmark.Classifier(features[0], train)
    assert classifier.recognised == ["kick"]
    assert classifier.accuracy(features[1], test) == {
        "classifier_accuracy": 1.0,
        "confident_accuracy": 1.0,
    }
    shares = classifier.shares(features[1])
    assert shares["recognised"] == shares["of_class"]["kick"] == pytest.approx(0.5, abs=0.1)
    between = classifier.shares(np.mean(features[0], axis=0, keepdims=True))
    assert between["recognised"] == 0.0


def test_models_without_sounds_or_data_are_refused_in_one_sentence():
    with pytest.raises(UserError, match="faces makes images, not sounds: `kerasgan benchmark fid`"):
        benchmark.checked("faces", DCGAN((8, 8, 1), width=4))
    with pytest.raises(UserError, match="hits does not say which data it was trained on"):
        benchmark.checked("hits", WaveGAN(length=4096, width=2))


def test_a_run_is_scored_beside_noise_and_training_sounds(tmp_path, capsys):
    pytest.importorskip("soundfile", reason="needs kerasgan[sound]")
    folder = sounds.folder_of(tmp_path / "hits", ("kick", "bell"), each=20)
    settings = recipe.complete(
        {
            "model": {"name": "wavegan", "width": 2, "n_critic": 1},
            "data": {"name": str(folder), "length": 4096, "batch_size": 8},
            "training": {"steps": 1},
        }
    )
    train_recipe(settings, tmp_path / "run", verbose=0)
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    benchmark.main([str(tmp_path / "run")], 20, None, tmp_path)
    (line,) = map(json.loads, (tmp_path / "sounds.jsonl").read_text().splitlines())
    ways = line["ways"]
    assert set(ways) == {
        "model", "untrained", "noise", "random phases", "training sounds", "test sounds"
    }  # fmt: skip
    assert ways["model"]["distance"] == pytest.approx(result["trained"], rel=0.01)
    assert ways["training sounds"]["distance"] == pytest.approx(result["floor"], rel=0.01)
    assert line["n_real"] == line["n_fake"] == 4 and line["draws"] == 20 and line["inflated"]
    assert line["recognised_classes"] == ["kick"] and line["metric"] == "FD[log-mel]"
    assert "recognised (kick)" in capsys.readouterr().out
    assert (tmp_path / "sounds_run.png").is_file()
