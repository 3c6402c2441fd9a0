"""Zoo entries, from a run to what is made of them; tiny, with the tools that make real ones."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import kerasgan
from kerasgan import cli, dry_run, recipe, train, zoo
from kerasgan.errors import UserError

# 40 samples make a tiny entry quickly; the warning is about scores.
pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features needs")

ROOT = Path(__file__).parents[1]
RECIPE = """
[model]
name = "cgan"
num_classes = 10
width = 60
ema_decay = 0.5

[data]
name = "fashion_mnist_mini"

[training]
epochs = 1

[evaluation]
num = 40
"""


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    """A zoo with one entry, made as tools/make_zoo_entry.py makes them, of 40 samples."""
    folder = tmp_path_factory.mktemp("zoo")
    entry = folder / "tiny"
    entry.mkdir()
    (entry / "recipe.toml").write_text(RECIPE)
    run = tmp_path_factory.mktemp("runs") / "tiny"
    train.train(recipe.read(entry / "recipe.toml"), run, verbose=0)
    tool = runpy.run_path(str(ROOT / "tools" / "make_zoo_entry.py"))
    settings = tool["main"].__globals__
    settings.update(
        NUM=40, CHOICE_NUM=40, SEEDS=(1, 2), classes=lambda gan: {"conditional_accuracy": 0.5}
    )
    tool["main"](run, entry)
    return entry


@pytest.fixture
def shipped(entry, monkeypatch):
    """That zoo in place of the package's."""
    monkeypatch.setattr(zoo, "folder", lambda: entry.parent)
    return entry


def test_the_weights_kept_are_those_that_score_best_on_the_training_split(entry):
    about = json.loads((entry / "result.json").read_text())
    distances = about["training_split_distances"]
    assert distances["last"] != distances["average"]
    assert about["weights"] == min(("last", "average"), key=distances.get)
    assert about["precision_on_disk"] == "float16" and abs(distances["half"]) < 2000


def test_an_entry_loads_by_name_and_by_path_and_draws_its_own_picture(shipped, tmp_path):
    by_name, by_path = kerasgan.load("tiny"), kerasgan.load(shipped)
    np.testing.assert_array_equal(by_name.sample(4, seed=0), by_path.sample(4, seed=0))
    about = json.loads((shipped / "result.json").read_text())
    assert by_name.origin["scores"]["weights_sha256"] == about["weights_sha256"]
    tool = runpy.run_path(str(ROOT / "tools" / "make_zoo_entry.py"))
    tool["draw"](by_name, tmp_path)
    for picture in ("samples.png", "interpolation.png"):
        assert (tmp_path / picture).read_bytes() == (shipped / picture).read_bytes()


def test_a_folder_of_an_entrys_name_does_not_hide_it(shipped, tmp_path, monkeypatch):
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    assert zoo.find("tiny") == shipped


def test_weights_of_another_hash_are_refused(shipped, tmp_path):
    other = shutil.copytree(shipped, tmp_path / "tiny")
    content = bytearray((other / zoo.WEIGHTS).read_bytes())
    content[-1] ^= 1
    (other / zoo.WEIGHTS).write_bytes(content)
    with pytest.raises(UserError, match="must have SHA-256 .* install kerasgan anew"):
        zoo.load(other)


def test_entries_are_listed(shipped, capsys):
    with pytest.raises(SystemExit):
        cli.main(["list"])
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[:2] == ["tiny", "cgan"] and "MIT" in row


def test_gallery_card_and_tables_are_made_of_the_entry(shipped, monkeypatch):
    tool = runpy.run_path(str(ROOT / "tools" / "make_results.py"))
    assert "[tiny](tiny/README.md)" in tool["gallery_page"]()
    assert "| [tiny](zoo/tiny/README.md) |" in tool["zoo_table"]()
    (card,) = tool["card_pages"]().values()
    assert 'kerasgan.load("tiny")' in card and "conditional accuracy | 0.5" in card


def test_the_whole_zoo_is_exported_twice_and_agrees_with_keras(shipped, tmp_path, monkeypatch):
    def page(gans, folder):
        folder.mkdir()
        (folder / "models.json").write_text("{}")
        return folder

    monkeypatch.setattr(kerasgan.export, "browser", page)
    tool = runpy.run_path(str(ROOT / "export" / "export_zoo.py"))
    for _ in range(2):
        tool["main"](tmp_path)
    assert sorted(p.name for p in (tmp_path / "served" / "tiny").iterdir()) == ["1", "2"]
    assert len(list((tmp_path / "tflite").iterdir())) == 5
    parity = runpy.run_path(str(ROOT / "export" / "check_parity.py"))
    ((name, served, tflite),) = parity["cases"](tmp_path)
    parity["write_reference"](name, tmp_path / "reference.npz")
    monkeypatch.delitem(sys.modules, "kerasgan")
    assert parity["compare"](served, tflite, tmp_path / "reference.npz")


@pytest.mark.parametrize(
    "name, arguments",
    [("dcgan", {}), ("cgan", {"condition_dim": 3}), ("sagan", {"num_classes": 10})],
)
def test_a_dry_run_takes_a_step_without_the_data(name, arguments):
    model = {"name": name, "width": 16, **arguments}
    settings = {"model": model, "data": {"name": "cifar10", "batch_size": 8}}
    text = dry_run.dry_run(recipe.complete(settings))
    assert "images (32, 32, 3) of cifar10, batch 8" in text and "nan" not in text


def test_a_dry_run_takes_a_folder_of_images(tmp_path):
    from kerasgan import images

    for i in range(3):
        images.save_png(np.zeros((20, 20, 3), "uint8"), tmp_path / f"{i}.png", 1)
    settings = {
        "model": {"name": "dcgan", "width": 4},
        "data": {"name": str(tmp_path), "image_size": 16, "batch_size": 2},
    }
    assert "images (16, 16, 3)" in dry_run.dry_run(recipe.complete(settings))
