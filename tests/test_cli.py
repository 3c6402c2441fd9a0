"""The command line, run as users run it: in a separate process."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasgan import ConditionalGAN, cli, export, zoo
from kerasgan.training import recipe
from kerasgan.viz import grids

COMMAND = Path(sys.executable).parent / "kerasgan"
TINY = [
    "--model=dcgan",
    "--set=model.width=4",
    "--set=evaluation.num=20",
    "--dataset=fashion_mnist_mini",
    "--image-size=8",
    "--batch-size=500",
    "--epochs=2",
]


def run(*arguments, cwd=None):
    command = [COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


def assert_fit_for_a_log(done):
    """Checks that output without a terminal holds no bars and no colours."""
    assert not {"\r", "\b", "\x1b", "━"} & set(done.stdout + done.stderr)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    done = run("train", *TINY, "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_train_writes_a_whole_run_directory(trained):
    folder, done = trained
    names = {path.name for path in folder.iterdir()}
    assert names == {
        ".kerasgan-run",
        "recipe.toml",
        "model.keras",
        "checkpoints",
        "samples",
        "samples.png",
        "progress.png",
        "progress.webp",
        "history.csv",
        "tensorboard",
        "result.json",
    }
    assert recipe.read(folder / "recipe.toml").model == recipe.Model("dcgan", {"width": 4})
    assert len((folder / "history.csv").read_text().splitlines()) == 3
    assert pixels(folder / "samples.png").shape == ((8 * 10 - 2) * 2,) * 2
    assert "untrained" in done.stdout and "floor" in done.stdout
    assert "what the generator makes" in done.stdout.partition("Run directory")[2]
    assert_fit_for_a_log(done)


def test_a_result_carries_its_protocol_and_provenance(trained):
    result = json.loads((trained[0] / "result.json").read_text())
    assert result["metric"] == "FD[lite0]" and result["n_real"] == result["n_fake"] == 20
    assert result["floor"] < min(result["untrained"], result["trained"])
    assert len(result["weights_sha256"]) == len(result["extractor_sha256"]) == 64
    assert {"tensorflow", "keras", "kerasgan", "commit", "dataset", "split"} <= set(result)


def test_evaluate_repeats_the_score_of_the_run(trained):
    folder, _ = trained
    done = run("evaluate", folder, "--num", 20, "--seed", 1)
    line = json.loads(done.stdout)
    assert_fit_for_a_log(done)
    assert line["value"] == json.loads((folder / "result.json").read_text())["trained"]


def test_sample_draws_the_same_grid_for_the_same_seed(trained, tmp_path):
    folder, _ = trained
    for name in ("a.png", "b.png"):
        assert run("sample", folder, "--num", 9, "--output", tmp_path / name).returncode == 0
    first, second = (pixels(tmp_path / name) for name in ("a.png", "b.png"))
    assert first.shape == ((8 * 3 + 4) * 2,) * 2 and (first == second).all()


@pytest.mark.slow
def test_export_writes_what_check_parity_accepts(trained, pytestconfig):
    folder, _ = trained
    for format, output in (("saved_model", "saved_model"), ("tflite", "generator.tflite")):
        done = run("export", folder, "--format", format, "--output", folder / output)
        assert done.returncode == 0, done.stderr
    script = pytestconfig.rootpath / "export" / "check_parity.py"
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" ok") == 4


def test_an_existing_run_directory_is_not_touched(trained):
    folder, _ = trained
    before = (folder / "result.json").read_bytes()
    done = run("train", *TINY, "--output", folder)
    assert done.returncode == 0 and "holds this run, finished" in done.stdout
    done = run("train", *TINY, "--epochs=3", "--output", folder)
    assert done.returncode == 2
    assert "holds another training (training.epochs: 2 -> 3)" in done.stderr
    assert (folder / "result.json").read_bytes() == before


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train", "--model", "dcgn"], 'no model "dcgn": did you mean "dcgan"'),
        (["train", "--set", "model.widht=8"], 'unknown key model.widht: did you mean "width"'),
        (["train", "--dataset", "fashion_mnst"], 'did you mean "fashion_mnist"'),
        (["train", "no_such_recipe.toml"], "Cannot read the recipe no_such_recipe.toml"),
        (["train", "--epochs", "many"], "Invalid value for '--epochs'"),
        (["train", "--image-size", "30"], "divisible by 4"),
        (["trian"], "No such command 'trian'"),
        (["sample", "nowhere"], "no trained model at nowhere"),
        (["export", "nowhere", "--format", "tflit", "--output", "a"], 'did you mean "tflite"'),
        (["sample", "nowhere", "--num", "0"], "Invalid value for '--num'"),
        (["sample", "nowhere", "--seed", "-1"], "Invalid value for '--seed'"),
        (["train", "--seed", "4294967296"], "training.seed must be at most 4294967295"),
        (["train", "--set", "model.ema_decay=abc"], "model.ema_decay must be a number"),
        (["train", "--set", "g_optimizer.clipnorm=abc"], "g_optimizer.clipnorm must be a number"),
        (["train", "--dataset", "./nowhere"], "No such folder"),
        (["train", "--set", "data.split=trian"], 'did you mean "train"'),
    ],
)
def test_mistakes_give_one_line_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # `main` replaces it
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    errors = capsys.readouterr().err
    assert message in errors and errors.count("\n") == 1, errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["train", "--model", "dcgn"], ["train", "--set", "data.split=trian"]]
)
def test_mistakes_give_one_line_in_a_process_too(arguments, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr


def test_a_file_that_is_not_a_model_gives_one_line(tmp_path):
    (tmp_path / "a.keras").write_bytes(b"not a model")
    done = run("sample", "a.keras", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0 and not done.stderr
    assert all(name in done.stdout for name in ("train", "sample", "evaluate", "export"))


def test_a_keras_file_loads_whichever_package_is_imported_first(trained):
    for imports in ("import keras, kerasgan", "import kerasgan, keras"):
        program = f"{imports}; print(keras.saving.load_model({str(trained[0] / 'model.keras')!r}))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert "DCGAN" in done.stdout, done.stderr


NOWHERE = ["export", "nowhere", "--format", "tflite", "--output", "out"]


@pytest.mark.parametrize(
    "arguments, code", [(["--help"], 0), (["list"], 0), (["train", "--help"], 0), (NOWHERE, 2)]
)
def test_what_only_tells_something_does_not_start_tensorflow(arguments, code):
    script = (
        "import sys, kerasgan_cli\n"
        f"sys.argv = ['kerasgan', *{arguments}]\n"
        "try:\n    kerasgan_cli.main()\n"
        "except SystemExit as end:\n    print('code', end.code)\n"
        "print('started', 'tensorflow' in sys.modules, 'keras' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "started False False" in done.stdout, done.stdout + done.stderr
    assert f"code {code}" in done.stdout


def test_the_module_starts_tensorflow_no_sooner_than_the_command():
    command = [sys.executable, "-X", "importtime", "-m", "kerasgan_cli", "--help"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "kerasgan.cli" in imported and not {"keras", "tensorflow"} & imported


def told(*arguments):
    """Returns the exit code of a command in this process."""
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    return stop.value.code


def test_a_page_of_the_whole_zoo_leaves_out_what_no_page_shows(tmp_path, monkeypatch, capsys):
    names = ["cgan_noto_emoji_words", "dcgan_fashion_mnist"]
    monkeypatch.setattr(zoo, "names", lambda: names)
    written = []
    monkeypatch.setattr(export, "browser", lambda gans, folder: written.append(list(gans)))
    options = ["--format", "browser", "--output", str(tmp_path / "site")]
    assert told("export", "--all", *options) == 0
    assert written == [["dcgan_fashion_mnist"]]
    assert "cgan_noto_emoji_words is left out. A page shows images" in capsys.readouterr().out
    assert told("export", "--all", "dcgan_fashion_mnist", *options) == 2
    assert "alone. Received: dcgan_fashion_mnist" in capsys.readouterr().err
    assert told("export", "--all", "--import", "mine.py", *options) == 2
    assert "alone. Received: --import mine.py" in capsys.readouterr().err
    assert told("export", "--all", "--format", "onnx", "--output", "o.onnx") == 2
    assert "--all is for --format browser. Received: --format onnx" in capsys.readouterr().err
    assert told("export", *options) == 2
    assert "Name a model: a zoo entry" in capsys.readouterr().err


def test_a_class_that_is_called_by_a_number_is_found_by_its_name(tmp_path, monkeypatch):
    gan = ConditionalGAN((8, 8, 1), num_classes=3, width=10, class_names=["1", "10", "2"])
    gan.compile()
    gan.save(tmp_path / "coins.keras")
    drawn = []
    monkeypatch.setattr(
        grids, "sample_grid", lambda *_, **__: drawn.append(_[3]) or np.zeros((8, 8), "uint8")
    )
    for label in ("10", "0"):
        options = ["--label", label, "--output", str(tmp_path / f"{label}.png")]
        assert told("sample", str(tmp_path / "coins.keras"), *options) == 0
    assert drawn == ["10", 0]  # no class is called 0
