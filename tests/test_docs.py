"""The code of the README and of the documentation runs, as it stands."""

import pathlib
import re
import runpy
import shlex
import subprocess
import sys

import pytest
import typer

from kerasgan.cli.common import app

ROOT = pathlib.Path(__file__).parents[1]
GUIDES = runpy.run_path(str(ROOT / "tools" / "guides.py"))
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")))
}
SHELL = [
    each for text in PAGES.values() for each in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
]
COMMANDS = [line for each in SHELL for line in each.splitlines() if line.startswith("kerasgan ")]
# These run every day; the others take longer.
QUICK = ("docs/guides/phones.md", "docs/built/index.md", "docs/built/input_kind.md")


def pages_with_code():
    for name in PAGES:
        if any(block.runs for block in GUIDES["blocks"](ROOT / name)):
            if name not in ("README.md", "docs/guides/own_gan.md"):  # tested below
                yield pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("name", list(pages_with_code()))
def test_the_code_of_a_page_runs(name, tmp_path, monkeypatch):
    page = ROOT / name
    if name == "docs/guides/phones.md":
        pytest.importorskip("ai_edge_litert")
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    GUIDES["run"](page, tmp_path, tests=True)
    for picture in GUIDES["pictures"](page):
        assert (tmp_path / pathlib.Path(picture).name).is_file(), f"{picture} is not made"


def test_pictures_of_pages_exist():
    missing = [
        picture
        for name in PAGES
        for picture in GUIDES["pictures"](ROOT / name)
        if not (ROOT / "docs" / picture).is_file()
    ]
    assert missing == []


def test_the_zoos_lines_run():
    names = {}
    exec(compile(block("README.md", "Trained generators"), "README.md", "exec"), names)
    assert names["images"].shape == (64, 32, 32, 1)


def block(page, section):
    """Returns the first Python code block in a section of a page."""
    text = PAGES[page].partition(f"# {section}\n")[2]
    return re.search(r"```python[^\n]*\n(.*?)```", text, re.DOTALL)[1]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_their_options_exist(line):
    _, name, *words = shlex.split(line, comments=True)
    main = typer.main.get_command(app)
    if name.startswith("--"):
        assert name in {option for each in main.params for option in each.opts}
        return
    commands = main.commands
    assert name in commands
    if hasattr(commands[name], "commands"):  # a group, such as `kerasgan data`
        commands, name, words = commands[name].commands, words[0], words[1:]
    if name != "benchmark":  # each benchmark's script defines its options
        takers = [name, "train"] if name == "launch" else [name]  # which hands the rest on
        known = {option for each in takers for p in commands[each].params for option in p.opts}
        assert {word for word in words if word.startswith("--")} <= known


FEW = """kerasgan.data.load_arrays("fashion_mnist_mini", "train[:640]")[0]"""
LATER = """
import sys, keras, numpy as np
import ragan  # registers its class with Keras
import kerasgan
from kerasgan import inspection

gan = kerasgan.load("runs/ragan")
assert type(gan).__name__ == "RelativisticGAN" and type(gan).__module__ == "ragan"
same = keras.saving.load_model("ragan.keras")
assert (same.sample(2, seed=0) == gan.sample(2, seed=0)).all()
for mode in ("dynamic", "int8", "int16x8"):
    kerasgan.export.tflite(gan, f"{mode}.tflite", quantization=mode)
if "runtimes" in sys.argv:
    kerasgan.export.onnx(gan, "ragan.onnx")
    kerasgan.export.browser({"mine": gan}, "site")
for artefact in ("runs/ragan", "served/ragan", "int8.tflite"):
    assert "RelativisticGAN" in inspection.inspect(artefact)
gan.fit(np.zeros((8, 28, 28, 1), "float32"), batch_size=4, verbose=0)
"""


def run_tutorial(folder, *arguments):
    """Runs the script of docs/guides/own_gan.md, and a second script that uses its output."""
    code = block("docs/guides/own_gan.md", "A GAN of your own, in one file")
    (folder / "ragan.py").write_text(code.replace('"fashion_mnist_mini"', FEW))
    (folder / "later.py").write_text(LATER)
    for script in (["ragan.py"], ["later.py", *arguments]):
        done = subprocess.run(
            [sys.executable, *script], cwd=folder, capture_output=True, text=True, timeout=500
        )
        assert done.returncode == 0, done.stderr[-3000:]


def test_a_custom_gan_trains_saves_and_exports_as_a_script(tmp_path):
    run_tutorial(tmp_path)
    assert (tmp_path / "runs" / "ragan" / "result.json").is_file()
    assert (tmp_path / "served" / "ragan" / "1" / "assets.extra" / "README.md").is_file()


@pytest.mark.export
def test_a_custom_gan_exports_to_onnx_and_to_a_page(tmp_path):
    run_tutorial(tmp_path, "runtimes")
    assert (tmp_path / "ragan.onnx").is_file() and (tmp_path / "site" / "index.html").is_file()


def test_links_between_pages_resolve():
    for name, text in PAGES.items():
        folder, prose = (ROOT / name).parent, re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", prose):
            path = (folder / link).resolve()
            generated = (ROOT / "docs" / "models", ROOT / "docs" / "reference")
            assert path.exists() or path.parent in generated, f"{name}: {link}"
