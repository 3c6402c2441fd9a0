"""The README's code runs."""

import pathlib
import re

import keras

README = pathlib.Path(__file__).parents[1] / "README.md"


def block(section):
    """The Python code of a section of the README."""
    text = README.read_text(encoding="utf-8").partition(f"## {section}\n")[2]
    return re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]


def test_a_gan_of_ones_own_trains_saves_and_exports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "tutorial"}
    exec(compile(block("A GAN of your own, in one file"), "README.md", "exec"), names)
    gan = names["gan"]
    assert int(gan.g_optimizer.iterations) == 10
    assert (tmp_path / "ragan.tflite").stat().st_size > 10_000
    loaded = keras.saving.load_model(tmp_path / "ragan.keras")
    assert (loaded.sample(2, seed=0) == gan.sample(2, seed=0)).all()
