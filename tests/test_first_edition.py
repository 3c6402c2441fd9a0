"""Files, run directories and zoo entries of kerasgan 0.1.0 still load, and its runs resume.

`golden/make_first_edition.py` made the artefacts and the expected samples with 0.1.0 itself.
"""

import tarfile
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasgan import zoo
from kerasgan.training import checkpoints, recipe
from kerasgan.training.train import train_recipe as train

ARCHIVE = Path(__file__).parent / "golden" / "first_edition.tar.xz"
NAMES = ("cgan", "dcgan", "lapgan", "lsgan", "sagan", "sngan", "vanilla", "wgan_gp")
STOPPED = "checkpoints/step_00000007/model.keras"


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artefacts")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "first_edition"


@pytest.fixture(scope="module")
def expected(artefacts):
    return np.load(artefacts / "expected.npz")


def samples(gan):
    labels = np.arange(6) % 10 if "label" in gan.signature.inputs else None
    return gan.sample(6, labels, seed=3)


@pytest.mark.parametrize("name", NAMES)
def test_a_keras_file_keeps_samples_and_both_optimizers(name, artefacts, expected):
    gan = keras.saving.load_model(artefacts / name / "run" / STOPPED)
    np.testing.assert_allclose(samples(gan), expected[f"{name}/stopped"], atol=1e-5)
    for player in ("g_optimizer", "d_optimizer"):
        optimizer = getattr(gan, player)
        sums = [np.abs(v.numpy()).sum(dtype="float64") for v in optimizer.variables]
        np.testing.assert_allclose(sums, expected[f"{name}/{player}"], rtol=1e-6)
        assert int(optimizer.iterations) > 0
    assert int(gan.draws) > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_zoo_entry_draws_its_pictures(name, artefacts, expected):
    gan = zoo.load(artefacts / name / "entry")
    np.testing.assert_allclose(samples(gan), expected[f"{name}/entry"], atol=1e-5)


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_run_resumes_to_the_same_end(name, artefacts, expected, monkeypatch, tmp_path):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path))
    run = artefacts / name / "run"
    path, state = checkpoints.newest(run / "checkpoints")
    assert state.step == 7 and path.name == "step_00000007"
    result = train(recipe.read(run / "recipe.toml"), run, verbose=0)
    assert result["steps"] == 10
    end = keras.saving.load_model(run / "model.keras")
    np.testing.assert_allclose(samples(end), expected[f"{name}/finished"], atol=2e-3)
    table = str(expected[f"{name}/history"]).splitlines()
    ours = (run / "history.csv").read_text().splitlines()
    assert ours[0] == table[0]
    for line, before in zip(ours[1:], table[1:], strict=True):
        values = [[float(v) for v in row.split(",")] for row in (line, before)]
        np.testing.assert_allclose(*values, rtol=2e-3, atol=1e-4)
