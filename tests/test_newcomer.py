"""What newcomers with pictures of their own type at the command line."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan import cli
from kerasgan.training import recipe
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError

pytestmark = [
    pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features"),
    pytest.mark.filterwarnings("ignore:divide by zero"),
]


def run(*arguments, cwd="."):
    """Runs a command within this process, which saves the start of TensorFlow."""
    out, err = io.StringIO(), io.StringIO()
    before = os.getcwd()
    os.chdir(cwd)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            with pytest.raises(SystemExit) as stopped:
                cli.main([str(argument) for argument in arguments])
    finally:
        os.chdir(before)
    return types.SimpleNamespace(
        returncode=stopped.value.code, stdout=out.getvalue(), stderr=err.getvalue()
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Twenty small pictures in two class folders."""
    folder = tmp_path_factory.mktemp("photos") / "photos"
    for i in range(20):
        picture = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype="uint8")
        pixels.save_picture(picture, folder / ("cats" if i < 10 else "dogs") / f"{i:02}.png")
    return folder


SMALL = ["--set", "model.width=60", "--batch-size", "8", "--set", "evaluation.num=2"]


@pytest.fixture(scope="module")
def cats_and_dogs(photos, tmp_path_factory):
    """A run of cGAN on them, started from their parent folder."""
    output = tmp_path_factory.mktemp("runs") / "run"
    arguments = ["train", "--model", "cgan", "--dataset", "photos", "--steps", "3", *SMALL]
    done = run(*arguments, "--output", output, cwd=photos.parent)
    assert done.returncode == 0, done.stderr
    return output, done


def test_a_folder_of_folders_has_classes_that_are_counted_named_and_used(cats_and_dogs, tmp_path):
    folder, done = cats_and_dogs
    assert "3 steps of 8 images, 2 in an epoch" in done.stdout and "GB" in done.stdout
    assert "hardly better than those of the untrained generator" in done.stdout
    assert "inflated" in done.stdout
    tables = recipe.read(folder / "recipe.toml").tables()
    assert tables["model"]["num_classes"] == 2 and tables["model"]["class_names"] == [
        "cats",
        "dogs",
    ]
    assert tables["data"]["name"] == str(Path(tables["data"]["name"]).absolute())
    gan = kerasgan.load(folder)
    np.testing.assert_array_equal(
        gan.sample(4, labels="dogs", seed=0), gan.sample(4, labels=[1] * 4, seed=0)
    )
    with pytest.raises(UserError, match='no class "dog": did you mean "dogs"'):
        gan.sample(2, labels="dog")
    result = json.loads((folder / "result.json").read_text())
    assert result["steps"] == 3 and result["inflated"] is True
    served = kerasgan.export.saved_model(gan, tmp_path / "served")
    assert '"dogs"' in (Path(served) / "kerasgan.json").read_text()
    for label in ("dogs", "1"):
        output = tmp_path / f"{label}.png"
        assert run("sample", folder, "--label", label, "--output", output).returncode == 0
    assert (tmp_path / "dogs.png").read_bytes() == (tmp_path / "1.png").read_bytes()


def test_a_run_goes_on_from_another_folder_and_with_more_steps(cats_and_dogs, photos, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(cats_and_dogs[0], folder)
    again = ["train", folder / "recipe.toml", "--output", folder]
    done = run(*again, cwd=tmp_path)
    assert done.returncode == 0 and "holds this run, finished" in done.stdout, done.stderr
    moved = tmp_path / "moved"
    shutil.copytree(photos, moved)
    elsewhere = ["--dataset", moved, "--steps", 5, "--change-recipe"]
    done = run(*again, *elsewhere, cwd=tmp_path)
    assert done.returncode == 0 and "2 steps of 8 images" in done.stdout, done.stderr
    assert json.loads((folder / "result.json").read_text())["steps"] == 5
    pixels.save_picture(np.zeros((8, 8, 3), "uint8"), moved / "cats" / "00.png")
    done = run(*again, *elsewhere[:-2], 6, "--change-recipe", cwd=tmp_path)
    assert done.returncode == 2 and "same number of images, but other ones" in done.stderr


def test_classes_that_the_data_does_not_have_are_refused_and_those_ignored_are_named(photos):
    wrong = ["train", "--model", "cgan", "--dataset", photos, "--set", "model.num_classes=10"]
    for arguments in (wrong, [*wrong, "--dry-run"]):
        done = run(*arguments)
        assert done.returncode == 2 and "model.num_classes must be 2" in done.stderr
    ignoring = ["train", "--model", "sagan", "--dataset", photos, "--set", "model.width=4"]
    done = run(*ignoring, "--batch-size", "4", "--dry-run")
    assert "has 2 classes, which SAGAN ignores" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train", "dcgan_fashion_mnits"], 'did you mean "dcgan_fashion_mnist"'),
        (["train", "{run}"], "is a run: go on with it by `kerasgan train"),
        (["train", "{run}/model.keras"], "is a model, not a recipe: `kerasgan sample`"),
        (["train", "{photos}"], "train on it by --dataset"),
        (["sample", "{run}", "--output", "{run}/model.keras/x.png"], "model.keras is a file"),
        (["sample", "{run}", "--output", "x.gif"], "Pictures are written as .png"),
        (["sample", "{run}", "--output", "{run}/samples.png"], "pass --overwrite"),
        (["sample", "{run}", "--label", "cows"], 'no class "cows"'),
        (["export", "{run}", "--format", "tflite", "--output", "{run}/samples.png"], "--overwrite"),
        (["export", "{run}", "--format", "saved_model", "--output", "{photos}"], "other files"),
        (
            ["export", "{run}", "--format", "onnx", "--output", "x", "--batch-size", "2"],
            "for tflite",
        ),
        (["evaluate", "{tflite}"], "is an export, of which only the generator is left"),
        (["evaluate", "{keras}"], "Nothing tells what"),
        (["evaluate", "{run}", "--channels", "2"], "--channels is 1"),
        (["evaluate", "{run}", "--dataset", "fashion_mnist_mini"], "--channels 1 compares both"),
        (["film", "{run}", "--output", "a.mp4"], "Films are written as .gif"),
        (["film", "{photos}"], "holds no epoch_"),
        (["train", "--image-size", "32x"], "--image-size is a side or height x width"),
        (["train", "--model", "nowhere.py:Mine"], "There is no file"),
    ],
)
def test_a_newcomers_mistakes_are_one_sentence_each(
    arguments, message, cats_and_dogs, photos, tmp_path, monkeypatch, capsys
):
    folder, _ = cats_and_dogs
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.tflite").write_bytes(b"")
    shutil.copy(folder / "model.keras", tmp_path / "ft.keras")
    places = {"run": folder, "photos": photos, "tflite": "a.tflite", "keras": "ft.keras"}
    with pytest.raises(SystemExit) as stopped:
        cli.main([argument.format(**places) for argument in arguments])
    errors = capsys.readouterr().err
    assert stopped.value.code == 2 and message in errors, errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tflite", "ft.keras"]


def test_evaluate_takes_the_data_of_the_run_and_converts_channels(cats_and_dogs):
    folder, _ = cats_and_dogs
    done = run("evaluate", folder)
    line = json.loads(done.stdout)
    assert Path(line["dataset"]).name == "photos" and line["n_real"] == 2 and line["inflated"]
    done = run("evaluate", folder, "--dataset", "fashion_mnist_mini", "--channels", 1, "--num", 5)
    assert json.loads(done.stdout)["channels"] == 1, done.stderr


def test_films_and_comparisons_show_what_was_trained(cats_and_dogs, tmp_path):
    folder, _ = cats_and_dogs
    done = run("film", folder, "--output", tmp_path / "film.gif")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames >= 2
    done = run("compare", folder, folder, "--num", 4, "--output", tmp_path / "both.png")
    assert done.returncode == 0 and "ConditionalGAN" in done.stdout, done.stderr
    assert (tmp_path / "both.png").is_file()


def in_a_process(*arguments, cwd):
    command = [Path(sys.executable).parent / "kerasgan", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


MINE = """
import kerasgan


class Mine(kerasgan.DCGAN):
    pass
"""


@pytest.mark.slow
def test_a_class_of_ones_own_is_trained_and_loaded_by_its_file(photos, tmp_path):
    (tmp_path / "my_gan.py").write_text(MINE)
    small = ["--set", "model.width=4", "--batch-size", 8, "--set", "evaluation.num=2", "--steps", 1]
    model = ["--model", "my_gan.py:Mine", "--dataset", photos, "--output", "run"]
    done = in_a_process("train", *model, *small, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for command in (["sample", "run"], ["export", "run", "--format", "tflite"]):
        arguments = [*command, "--output", "out" + (".png" if "sample" in command else ".tflite")]
        done = in_a_process(*arguments, cwd=tmp_path)
        assert done.returncode == 2 and "pass --import my_module.py" in done.stderr
        done = in_a_process(*arguments, "--import", "my_gan.py", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
