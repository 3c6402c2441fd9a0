"""The wheel as a user installs it, outside the repository."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

from kerasgan import zoo

ROOT = pathlib.Path(__file__).parents[1]
PACKAGED = (
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "NOTICE",
    "kerasgan",
    "kerasgan_cli.py",
    "benchmarks",
    "zoo",
)


def run(*command, **options):
    """Runs a command and returns its output; if it fails, the test shows the output."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    # Build from a copy: stale files in the build/ of setuptools would enter the next wheel.
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source)
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", output, source)
    run(sys.executable, *build)
    (path,) = output.glob("kerasgan-*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


def relative_files(folder, pattern):
    return {path.relative_to(folder).as_posix() for path in folder.glob(pattern)}


def test_wheel_holds_every_module(names):
    modules = {f"kerasgan/{file}" for file in relative_files(ROOT / "kerasgan", "**/*.py")}
    assert modules | {"kerasgan_cli.py"} <= names


def test_wheel_holds_every_benchmark_and_none_of_their_results(names):
    scripts = {f"kerasgan/benchmark_scripts/{p.name}" for p in (ROOT / "benchmarks").glob("*.py")}
    found = {name for name in names if name.startswith("kerasgan/benchmark_scripts/")}
    assert found == scripts | {"kerasgan/benchmark_scripts/digit_classifier.keras"}


def test_wheel_holds_every_asset(names):
    assets = relative_files(ROOT / "kerasgan", "*/assets/*")
    assert {
        "metrics/assets/efficientnet_lite0.npz",
        "data/assets/fashion_mnist_mini.npz",
        "data/assets/noto_emoji_mini.json",
        "data/assets/noto_emoji_mini.webp",
    } == assets
    assert {f"kerasgan/{file}" for file in assets} <= names


def test_wheel_holds_every_file_of_the_page_for_browsers(names):
    page = relative_files(ROOT / "kerasgan", "export/page/**/*.*")
    assert {"export/page/index.html", "export/page/litert/LICENSE.txt"} <= page
    assert {f"kerasgan/{file}" for file in page} <= names


def test_wheel_holds_every_zoo_entry(names):
    entries = relative_files(ROOT / "zoo", "*/*.*") | relative_files(ROOT / "zoo", "*/samples/*")
    assert "demo/recipe.toml" in entries
    assert {f"kerasgan/zoo_entries/{file}" for file in entries} <= names


def test_wheel_holds_the_licences_of_what_it_embeds(names):
    assert {pathlib.PurePath(name).name for name in names} >= {"LICENSE", "NOTICE"}


def test_wheel_installs_nothing_but_kerasgan(names):
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "kerasgan",
        "kerasgan_cli.py",
    }


TRAIN_ONE_STEP = """
import pathlib, sys
import kerasgan

assert pathlib.Path(kerasgan.__file__).is_relative_to(sys.prefix), kerasgan.__file__
train = kerasgan.data.load("fashion_mnist_mini", split="train", batch_size=4)
gan = kerasgan.DCGAN(image_shape=(28, 28, 1), width=8)
gan.compile()
gan.fit(train.take(1), verbose=0)
print(gan.sample(2, seed=0).shape)
"""

DRAW_THE_ZOO = """
import numpy as np
from PIL import Image

import kerasgan
from kerasgan import viz, zoo
from kerasgan.viz.grids import text_grid

for name in zoo.names():
    gan = kerasgan.load(name)
    texts = gan.origin["scores"].get("texts")
    drawn = viz.sample_grid(gan) if texts is None else text_grid(gan, texts)
    if drawn is None:
        print(name, "draws", len(zoo.words(name).vocabulary), "words, beside pictures, 0")
        continue
    with Image.open(zoo.folder() / name / "samples.png") as file:
        kept = np.asarray(file)
    kept = kept[:: len(kept) // len(drawn), :: len(kept) // len(drawn)]
    print(name, "differs by at most", np.abs(drawn.squeeze().astype(int) - kept).max())
"""


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory):
    """Commands of an environment with the wheel, which shares this test's dependencies."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    pathlib.Path(purelib, "dependencies.pth").write_text("\n".join(sorted(dependencies)))

    install = ("install", "--quiet", "--no-deps", "--no-index", "--ignore-installed")
    run(sys.executable, "-m", "pip", "--python", python, *install, wheel)
    return folder / "bin"


def outside(command, *arguments, folder):
    """Runs a command where the repository cannot be imported."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return run(command, *arguments, cwd=folder, env=environment)


@pytest.mark.slow
def test_installed_wheel_trains_outside_the_repository(scripts, tmp_path):
    usage = outside(scripts / "kerasgan", "--help", folder=tmp_path)
    assert "train" in usage and "export" in usage
    shape = outside(scripts / "python", "-c", TRAIN_ONE_STEP, folder=tmp_path)
    assert shape.strip().endswith("(2, 28, 28, 1)")
    dry = outside(scripts / "kerasgan", "train", "dcgan_cifar10", "--dry-run", folder=tmp_path)
    assert "images (32, 32, 3) of cifar10" in dry


@pytest.mark.slow
def test_installed_wheel_draws_the_picture_of_every_entry(scripts, tmp_path):
    drawn = outside(scripts / "python", "-c", DRAW_THE_ZOO, folder=tmp_path).splitlines()
    assert [line.split()[0] for line in drawn] == zoo.names() != []
    assert max(int(line.split()[-1]) for line in drawn) <= 1
    listed = outside(scripts / "kerasgan", "list", folder=tmp_path)
    assert [line.split()[0] for line in listed.splitlines()[1:-3]] == zoo.names()
