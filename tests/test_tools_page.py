"""The code of docs/guides/tools.md runs, against the text as it stands."""

import pathlib
import re
import shlex

import keras
import pytest
import typer
from hub_stand_in import standing_in

from kerasgan.cli.common import app

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "guides" / "tools.md").read_text(encoding="utf-8")
SHELL = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = [line for line in SHELL.splitlines() if line.startswith("kerasgan ")]


def run(section, *changes):
    """Runs the first Python code of a section, some texts of it replaced; returns its names."""
    code = re.search(r"```python\n(.*?)```", PAGE.partition(f"\n## {section}\n")[2], re.DOTALL)[1]
    for before, after in changes:
        assert before in code
        code = code.replace(before, after)
    names = {}
    exec(compile(code, f"tools.md, {section}", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_lines_for_tensorboard_run(folder):
    run("TensorBoard")
    assert list(folder.glob("logs/train/events.*")) and list(folder.glob("logs/samples/*.png"))


@pytest.mark.export
def test_the_lines_for_mlflow_run(folder, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    monkeypatch.setenv("MLFLOW_TESTING", "true")  # its callbacks raise, where they only warn
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    run("MLflow", ("sqlite:///mlflow.db", (folder / "store").as_uri()))  # needs all of MLflow
    (logged,) = mlflow.search_runs(output_format="list")
    assert {"d_loss", "g_loss"} <= set(logged.data.metrics)


@pytest.mark.export
def test_the_lines_for_weights_and_biases_run_offline(folder, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run("Weights & Biases")
    assert list(folder.glob("wandb/offline-run-*/*.wandb"))


def test_the_lines_for_the_hub_run(folder, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    with standing_in(folder / "cache", monkeypatch) as hub:
        names = run("The Hugging Face Hub")
    assert names["images"].shape == (64, 32, 32, 1) and list(hub.repos) == ["user/clothes"]


TINY = """recipe.complete(
    {
        "model": {"name": "dcgan", "width": 4},
        "data": {"name": "fashion_mnist_mini", "image_size": 8, "batch_size": 64},
        "training": {"steps": 2},
        "evaluation": {"num": 20},
    }
)"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")  # its names of threads
def test_the_lines_for_keras_tuner_choose_between_two_trials(folder):
    pytest.importorskip("keras_tuner", reason="keras-tuner is not installed")
    try:
        names = run(
            "KerasTuner",
            ('recipe.read(kerasgan.zoo.recipe_file("demo"))', TINY),
            ("max_trials=20", "max_trials=2"),
        )
    finally:
        keras.utils.clear_session()
    trials = names["tuner"].oracle.trials.values()
    scores = {each.trial_id: each.score for each in trials}
    assert len(scores) == 2 and len(list(folder.glob("runs/tuning/*/run/result.json"))) == 2
    best = min(trials, key=lambda trial: trial.score)
    assert names["best"] == best.hyperparameters.values
    assert len({each.hyperparameters.get("g_rate") for each in trials}) == 2


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_their_options_exist(line):
    group = typer.main.get_command(app)
    _, name, *words = shlex.split(line, comments=True)
    known = {option for each in group.commands.get(name, group).params for option in each.opts}
    assert name in group.commands or name == "--install-completion"
    assert {word for word in [name, *words] if word.startswith("--")} <= known
