"""Pictures of one's own: a recipe that suits them, and trainings that start from trained models."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import contract
import keras
import numpy as np
import pictures
import pytest
from PIL import Image, ImageFile

import kerasgan
from kerasgan import cli, data, zoo
from kerasgan.cli.train import suggested as suggested_by_command
from kerasgan.data import folder
from kerasgan.training import recipe as recipes
from kerasgan.training import suggestions
from kerasgan.training.build import take_weights
from kerasgan.utils import hashing
from kerasgan.utils.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return pictures.write(tmp_path_factory.mktemp("mine") / "photos", 30)


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(each) for each in arguments])
    return stop.value.code


def suggested(number, sizes=((480, 640),), tables=None, gpus=0, tested=30):
    held = folder.Pictures(number, tested, list(sizes), 3, None)
    return suggestions.for_pictures(tables or {}, held, gpus)


def test_a_recipe_follows_number_and_size_of_the_pictures():
    assert suggested(270) == {
        "model": {"name": "dcgan", "width": 32, "ema_decay": 0.998, "augment": "diffaugment"},
        "data": {"image_size": 64},
        "training": {"steps": 10_000},
    }
    many = suggested(100_000, gpus=2)
    assert "augment" not in many["model"] and many["data"]["image_size"] == 128
    assert suggested(9, tested=1)["data"]["batch_size"] == 8
    assert suggested(9, tested=1)["evaluation"] == {"split": "train"}
    held = folder.Pictures(90, 10, [(64, 64)], 3, None)
    critic = suggestions.for_pictures({"model": {"name": "sngan"}}, held, updates=5)
    assert critic["data"] == {"batch_size": 80}
    for tables in (suggested(9), many, critic):
        recipes.complete(tables)


def test_what_is_given_stays():
    given = {
        "model": {"name": "sngan", "augment": "ada"},
        "data": {"image_size": 32, "batch_size": 4},
        "training": {"epochs": 3},
    }
    assert suggested(20, tables=given) == given


def test_a_folder_is_looked_at_without_decoding(photos, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    held = folder.look(photos)
    assert (held.count, held.tested, held.channels) == (27, 3, 3)
    assert held.class_names == ["cats", "dogs"] and len(held.sizes) == 27


def test_all_formats_of_a_folder_are_read(photos):
    images, labels = data.load_arrays(photos, "all", image_size=16)
    assert images.shape == (30, 16, 16, 3) and sorted(set(labels)) == [0, 1]
    assert images.std(axis=(1, 2, 3)).min() > 5  # none is blank


def test_a_folder_alone_is_enough(photos, tmp_path, capsys):
    command = ("train", "--dataset", photos, "--steps", 2, "--output", tmp_path / "run")
    assert run(*command, "--set", "model.width=4", "--image-size", 16) == 0
    out = capsys.readouterr().out
    assert "A recipe for 27 pictures" in out and 'augment = "diffaugment"' in out
    kept = recipes.read(tmp_path / "run" / "recipe.toml")
    assert kept.model.arguments["augment"] == "diffaugment" and kept.data.batch_size == 16


# --- From a trained model ---


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    run_of = tmp_path_factory.mktemp("trained") / "run"
    command = ("train", "--dataset", photos, "--steps", 2, "--output", run_of, "--image-size", 16)
    assert run(*command, "--set", "model.width=4") == 0
    return run_of


def test_from_a_run_takes_its_recipe_and_both_networks(trained, photos, tmp_path, capsys):
    output = tmp_path / "tuned"
    command = ("train", "--from", trained, "--dataset", photos / "cats", "--output", output)
    assert run(*command, "--steps", 1, "--set", "training.freeze_d=1") == 0
    assert "A recipe for" in capsys.readouterr().out
    kept = recipes.read(output / "recipe.toml")
    assert kept.training.start_from == str(trained) and kept.model.arguments["width"] == 4
    assert kept.data.image_size == 16 and kept.data.name == str(photos / "cats")
    before, after = (keras.saving.load_model(each / "model.keras") for each in (trained, output))
    names = ("generator", "discriminator")
    moved = [
        contract.largest_difference(*(contract.weights(getattr(g, n)) for g in (before, after)))
        for n in names
    ]
    assert all(0 < each < 0.3 for each in moved)  # one step away
    first = [each.discriminator.layers[1] for each in (before, after)]
    np.testing.assert_array_equal(*(each.kernel.numpy() for each in first))
    assert not first[1].trainable


def test_from_a_file_without_a_recipe_takes_a_model(trained, photos, tmp_path, capsys):
    shutil.copy(trained / "model.keras", tmp_path / "mine.keras")
    command = ("train", "--from", tmp_path / "mine.keras", "--dataset", photos, "--steps", 1)
    command += ("--set", "model.width=4", "--image-size", 16, "--output", tmp_path / "run")
    assert run(*command) == 2
    assert "has no recipe beside it: name one as well, or --model." in capsys.readouterr().err
    assert run(*command, "--model", "dcgan") == 0


def test_from_a_checkpoint_takes_the_recipe_of_its_run(trained, photos, tmp_path):
    checkpoint = max(trained.glob("checkpoints/step_*/model.keras"))
    command = ("train", "--from", checkpoint, "--dataset", photos / "cats", "--steps", 1)
    assert run(*command, "--output", tmp_path / "run") == 0
    assert recipes.read(tmp_path / "run" / "recipe.toml").model.arguments["width"] == 4


def test_from_a_model_of_ones_own(photos, tmp_path):
    (tmp_path / "my_gan.py").write_text(
        "import kerasgan\n\n\nclass FineGAN(kerasgan.DCGAN):\n    pass\n"
    )
    own = ("--model", f"{tmp_path / 'my_gan.py'}:FineGAN", "--set", "model.width=4")
    common = ("--dataset", photos, "--image-size", 16, "--steps", 1)
    first = ["train", *own, *common, "--output", tmp_path / "a"]
    command = [sys.executable, "-m", "kerasgan_cli", *map(str, first)]  # else it is imported here
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert run("train", "--from", tmp_path / "a", *common, "--output", tmp_path / "b") == 0


@pytest.mark.slow
def test_a_run_that_goes_on_needs_no_start(trained, photos, tmp_path, capsys):
    start, output = tmp_path / "start", tmp_path / "run"
    shutil.copytree(trained, start)
    command = ("train", "--from", start, "--dataset", photos / "cats", "--output", output)
    assert run(*command, "--steps", 1) == 0
    shutil.rmtree(start)
    assert run(*command, "--steps", 2, "--change-recipe") == 0
    assert "Going on after step 1" in capsys.readouterr().out
    assert run(*command, "--steps", 2, "--overwrite") == 2
    assert "no trained model" in capsys.readouterr().err


@pytest.mark.slow
def test_where_all_checkpoints_are_damaged_the_training_starts_from_the_weights(
    trained, photos, tmp_path, capsys, monkeypatch
):
    command = (
        "train",
        "--from",
        trained,
        "--dataset",
        photos / "cats",
        "--output",
        tmp_path / "run",
    )
    assert run(*command, "--steps", 1) == 0
    for file in (tmp_path / "run" / "checkpoints").glob("step_*/model.keras"):
        file.write_bytes(b"")
    taken = []
    monkeypatch.setattr("kerasgan.training.train.take_weights", lambda *_: taken.append(True))
    assert run(*command, "--steps", 2, "--change-recipe") == 0
    assert taken and "is damaged" in capsys.readouterr().out


def test_from_a_run_keeps_its_batch_unless_the_pictures_are_too_few():
    tables = {"data": {"name": "mnist", "batch_size": 96}, "evaluation": {"num": 9, "split": "all"}}
    kept = suggestions.from_trained(tables, "runs/a", (16, 16, 3), "photos")
    assert kept["data"]["batch_size"] == 96 and kept["evaluation"] == {"num": 9}
    few = folder.Pictures(40, 4, [(16, 16)] * 40, 3, None)
    assert suggestions.for_pictures(kept, few)["data"]["batch_size"] == 32


@pytest.mark.parametrize(
    "shape, kept",
    [
        ((4096, 1), {"length": 4096, "rate": 16000, "normalize": True}),
        ((50,), {"words": True}),
        ((64, 64, 3), {"texts": True, "image_size": 64}),
    ],
)
def test_from_a_run_keeps_what_other_kinds_of_data_need(shape, kept):
    tables = {"model": {"name": "m"}, "data": {"name": "old", "split": "train[:9]", **kept}}
    made = suggestions.from_trained(tables, "runs/a", shape, "new")
    assert made["data"] == {"name": "new", **kept}


def test_a_dry_run_tells_what_does_not_fit(photos, capsys):
    command = ("train", "--from", "dcgan_fashion_mnist", "--dataset", photos, "--dry-run")
    assert run(*command) == 2
    assert "Do the channels" in capsys.readouterr().err


def test_from_an_entry_of_the_zoo(photos, tmp_path, capsys):
    command = ("train", "--from", "dcgan_fashion_mnist", "--dataset", photos)
    assert run(*command, "--output", tmp_path / "run") == 2
    assert "Do the channels" in capsys.readouterr().err
    assert run("train", "--from", "vanilla_fashion_mnist", "--dataset", photos) == 2
    assert "comes without its discriminator" in capsys.readouterr().err
    assert run("train", "--from", tmp_path / "none", "--dataset", photos) == 2
    assert "no trained model" in capsys.readouterr().err


def test_what_does_not_fit_is_told():
    small, large, grey = (
        kerasgan.DCGAN(shape, width=width) for shape, width in
        (((8, 8, 3), 4), ((8, 8, 3), 8), ((8, 8, 1), 4))
    )  # fmt: skip
    with pytest.raises(UserError, match=r"The generator of DCGAN has weights of other shapes: .*"):
        take_weights(large, small)
    with pytest.raises(UserError, match=r"\(4, 4, 1, 4\), where \(4, 4, 3, 4\) is needed. Do the"):
        take_weights(small, grey)


def test_freezing_needs_a_start_and_leaves_a_layer(trained, photos, tmp_path, capsys):
    command = ("train", "--dataset", photos, "--steps", 1, "--output", tmp_path / "run")
    assert run(*command, "--set", "training.freeze_d=1") == 2
    assert "training.start_from, which is missing" in capsys.readouterr().err
    assert run(*command, "--from", trained, "--set", "training.freeze_d=9") == 2
    assert "has 3 layers with weights" in capsys.readouterr().err


@pytest.mark.slow
def test_300_pictures_of_mixed_formats_from_the_folder_to_the_film(tmp_path):
    photos, output = pictures.write(tmp_path / "photos", 300), tmp_path / "run"
    command = [sys.executable, "-m", "kerasgan_cli", "train", "--dataset", photos, "--steps", "60"]
    command += ["--set", "training.checkpoint_minutes=0.02", "--output", output]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not list((output / "checkpoints").glob("step_*/state.json")):
        assert killed.poll() is None
        time.sleep(0.2)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Going on after step" in done.stdout
    for arguments in (
        ["evaluate", output, "--num", "30"],
        ["export", output, "--format", "saved_model", "--output", tmp_path / "served"],
        ["export", output, "--format", "tflite", "--output", tmp_path / "small.tflite"],
        ["film", output, "--output", tmp_path / "film.webp"],
        ["sample", output, "--output", tmp_path / "more.png"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "kerasgan_cli", *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        if arguments[0] == "evaluate":
            assert json.loads(done.stdout)["metric"] == "FD[lite0]"
    assert os.path.getsize(tmp_path / "film.webp") > 1000
    assert zoo.load(output).signature.output.shape == (32, 32, 3)


def test_a_finished_run_of_other_pictures_is_no_finished_run(trained, photos, tmp_path, capsys):
    other = pictures.write(tmp_path / "photos", 31)
    command = ("train", "--dataset", other, "--steps", 2, "--output", trained, "--image-size", 16)
    assert run(*command, "--set", "model.width=4") == 2
    assert "was trained with" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*left out damaged images")
def test_evaluate_reads_a_folder_as_the_run_did(tmp_path, capsys):
    held = tmp_path / "held"
    pictures.write(held, 12, classes=("all",))
    (held / "all" / "broken.png").write_bytes(b"none")
    command = ["train", "--dataset", held, "--steps", 1, "--output", tmp_path / "run"]
    command += ["--image-size", 16, "--set", "model.width=4", "--set", "data.background=black"]
    assert run(*command, "--set", "data.skip_damaged=true") == 0
    capsys.readouterr()
    assert run("evaluate", tmp_path / "run") == 0
    line = json.loads(capsys.readouterr().out)
    kept = json.loads((tmp_path / "run" / "result.json").read_text())
    assert line["split"] == kept["split"] == "train"
    images, _ = data.load_arrays(held, "train", 16, background="black", skip_damaged=True)
    assert line["real_sha256"] == hashing.of_array(data.subset(images, line["n_real"]))


def test_augmentation_may_be_refused_and_is_suggested_to_those_that_take_it(tmp_path):
    given = suggested(20, tables={"model": {"name": "dcgan", "augment": "none"}})
    assert given["model"]["augment"] == "none"
    assert kerasgan.DCGAN((8, 8, 1), width=4, augment="none").augmentation is None
    held = folder.Pictures(20, 2, [(64, 64)], 3, None)
    made = suggestions.for_pictures({"model": {"name": "x.py:Mine"}}, held, augments=False)
    assert "augment" not in made["model"]


@pytest.mark.parametrize("number", [4, 12])
def test_few_pictures_are_scored_against_themselves(number, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for place in range(number):
        picture = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        picture.save(tmp_path / "photos" / f"{place}.png")
    gan = kerasgan.DCGAN((8, 8, 3), width=4)
    gan.compile()
    given = {"steps": 1, "batch_size": 2, "verbose": 0}
    result = kerasgan.train(gan, tmp_path / "photos", tmp_path / "run", **given)
    assert result["split"] == "train" and result["n_real"] >= 2


def test_opacity_that_a_set_does_not_have_is_refused():
    with pytest.raises(UserError, match="those of fashion_mnist_mini have none: .28, 28, 1."):
        data.load_source("fashion_mnist_mini", transparent=True)


def test_options_of_folders_are_refused_elsewhere():
    for option in ({"background": "black"}, {"skip_damaged": True}):
        with pytest.raises(UserError, match=f"`{next(iter(option))}` is for folders"):
            data.load_source("fashion_mnist_mini", **option)


def test_models_that_judge_parts_of_pictures_are_not_augmented(photos, capsys):
    def augment(name):
        tables = {"model": {"name": name}, "data": {"name": str(photos)}}
        return suggested_by_command(tables)["model"].get("augment")

    assert (augment("lapgan"), augment("dcgan")) == (None, "diffaugment")
