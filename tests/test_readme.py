"""The README's code runs."""

import pathlib
import re
import shlex

import keras
import numpy as np
import pytest
import typer

import kerasgan
from kerasgan import cli

README = pathlib.Path(__file__).parents[1] / "README.md"


TEXT = README.read_text(encoding="utf-8")
SHELL = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line for each in SHELL for line in each.splitlines() if line.startswith("kerasgan ")]


def block(section):
    """The first Python code of a section of the README."""
    text = TEXT.partition(f"## {section}\n")[2]
    return re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]


def test_the_zoos_lines_run():
    names = {}
    exec(compile(block("The zoo"), "README.md", "exec"), names)
    assert names["images"].shape == (64, 32, 32, 1)


def test_the_lines_for_litert_run(tmp_path, monkeypatch):
    pytest.importorskip("ai_edge_litert")
    monkeypatch.chdir(tmp_path)
    kerasgan.export.tflite(kerasgan.load("dcgan_fashion_mnist"), "dcgan.tflite")
    names = {}
    exec(compile(block("Shipping a generator"), "README.md", "exec"), names)
    assert names["images"].shape == (1, 32, 32, 1) and np.abs(names["images"]).max() <= 1


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_their_options_exist(line):
    _, name, *words = shlex.split(line, comments=True)
    commands = typer.main.get_command(cli.app).commands
    assert name in commands
    if name != "benchmark":  # a benchmark's options are its script's
        known = {option for each in commands[name].params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_a_gan_of_ones_own_trains_saves_and_exports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "tutorial"}
    exec(compile(block("A GAN of your own, in one file"), "README.md", "exec"), names)
    gan = names["gan"]
    assert int(gan.g_optimizer.iterations) == 10
    assert (tmp_path / "ragan.tflite").stat().st_size > 10_000
    loaded = keras.saving.load_model(tmp_path / "ragan.keras")
    assert (loaded.sample(2, seed=0) == gan.sample(2, seed=0)).all()
