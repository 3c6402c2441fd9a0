"""`push_to_hub` and `hf://user/name`, against a local stand-in for the Hugging Face Hub."""

import json
import os
import shutil
import socket
import zipfile

import keras
import numpy as np
import pytest
from hub_stand_in import point_to, standing_in

import kerasgan
from kerasgan import cli
from kerasgan.training.train import train
from kerasgan.utils.errors import UserError
from kerasgan.zoo import hub as hubs

huggingface_hub = pytest.importorskip(
    "huggingface_hub", reason="huggingface_hub is not installed: pip install 'kerasgan[hub]'"
)

IMAGES = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1)).astype("float32")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A running stand-in, an empty cache, and a token that may write."""
    with standing_in(tmp_path / "hub-cache", monkeypatch) as hub:
        yield hub


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A finished run on a folder of this machine."""
    folder = tmp_path_factory.mktemp("runs") / "clothes"
    gan = kerasgan.DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile()
    train(gan, IMAGES, folder, steps=2, batch_size=4, verbose=0, checkpoint_minutes=0)
    about = json.loads((folder / "session.json").read_text())
    about["data"]["name"] = "/home/me/photographs"
    (folder / "session.json").write_text(json.dumps(about))
    return folder


def test_a_zoo_entry_comes_back_with_its_weights_and_scores(server, capfd):
    assert kerasgan.push_to_hub("dcgan_fashion_mnist", "me/dcgan") == "hf://me/dcgan"
    gan, before = kerasgan.load("hf://me/dcgan"), kerasgan.load("dcgan_fashion_mnist")
    np.testing.assert_array_equal(gan.sample(2, seed=0), before.sample(2, seed=0))
    assert gan.origin["scores"] == before.origin["scores"]
    assert (gan.origin["name"], gan.origin["source"]) == ("dcgan", "hf://me/dcgan")
    names = set(server.repos["me/dcgan"][-1])
    assert {"generator.weights.h5", "recipe.toml", "result.json", "README.md"} <= names
    out, err = capfd.readouterr()
    assert not {"\r", "\b", "\x1b", "━"} & set(out + err)  # no bars without a terminal


def test_the_card_is_in_the_hubs_format(server):
    kerasgan.push_to_hub("dcgan_fashion_mnist", "me/dcgan")
    card = huggingface_hub.ModelCard(server.repos["me/dcgan"][-1]["README.md"].decode())
    about = card.data
    assert (about.library_name, about.license) == ("kerasgan", "apache-2.0")
    assert about.pipeline_tag == "unconditional-image-generation"
    assert {"gan", "keras", "dcgan", "DCGAN"} <= set(about.tags)
    (result,) = about.eval_results
    assert (result.metric_name, result.metric_value) == ("FD[lite0]", 44.624)
    assert result.metric_type == "frechet_distance"  # not FID
    assert 'kerasgan.load("hf://me/dcgan")' in card.text and "![" in card.text


def test_a_run_is_uploaded_without_checkpoints_logs_or_paths_of_this_machine(server, run_folder):
    kerasgan.push_to_hub(run_folder, "me/clothes", license="mit", private=True)
    (files,) = server.repos["me/clothes"][1:]
    assert "model.keras" in files and "samples.png" in files and "history.csv" in files
    assert not [name for name in files if "/" in name or name.startswith(".")]
    texts = [files[name] for name in files if name.endswith((".json", ".toml", ".md"))]
    assert not any(b"/home/me" in text for text in texts)
    assert b"license: mit" in files["README.md"] and "me/clothes" in server.private
    gan = kerasgan.load("hf://me/clothes")
    assert gan.images_seen == 8 and gan.optimizers["g"].iterations == 2  # it can train on


def test_a_model_in_memory_takes_the_place_of_another_format(server):
    gan = kerasgan.DCGAN((8, 8, 1), width=4, seed=0)
    kerasgan.push_to_hub("dcgan_fashion_mnist", "me/mine")
    kerasgan.push_to_hub(gan, "me/mine")
    files = server.repos["me/mine"][-1]
    assert "model.keras" in files and "generator.weights.h5" not in files
    assert b"license" not in files["README.md"].partition(b"\n---\n")[0]
    same = kerasgan.load("hf://me/mine")
    np.testing.assert_array_equal(same.sample(2, seed=0), gan.sample(2, seed=0))
    first = huggingface_hub.HfApi(endpoint=server.url).model_info("me/mine", revision="main").sha
    assert kerasgan.load(f"hf://me/mine@{first}").image_shape == (8, 8, 1)


def test_commands_take_a_model_of_the_hub(server, tmp_path, capsys):
    kerasgan.push_to_hub(kerasgan.DCGAN((8, 8, 1), width=4, seed=0), "me/mine")
    for arguments in (
        ["sample", "hf://me/mine", "--num", "4", "--output", str(tmp_path / "a.png")],
        ["inspect", "hf://me/mine"],
    ):
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        out, err = capsys.readouterr()
        assert stopped.value.code == 0, err
    assert (tmp_path / "a.png").is_file() and "Keras model hf://me/mine" in out


def test_what_was_downloaded_loads_without_a_network(server, tmp_path, monkeypatch):
    kerasgan.push_to_hub(kerasgan.DCGAN((8, 8, 1), width=4, seed=0), "me/mine")
    kerasgan.load("hf://me/mine")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    point_to(nowhere, tmp_path / "hub-cache", monkeypatch)
    assert kerasgan.load("hf://me/mine").image_shape == (8, 8, 1)
    with pytest.raises(UserError, match="cannot be reached, and hf://me/other was not downloaded"):
        kerasgan.load("hf://me/other")
    with pytest.raises(UserError, match="cannot be reached"):
        kerasgan.push_to_hub("dcgan_fashion_mnist", "me/mine")


def test_what_is_not_there_or_not_allowed_is_said(server, monkeypatch):
    server.repos["me/mine"] = [{"README.md": b"empty"}]
    with pytest.raises(UserError, match="There is no repository hf://me/nothing on http"):
        kerasgan.load("hf://me/nothing")
    with pytest.raises(UserError, match="hf://me/mine@v2: the repository has no such revision"):
        kerasgan.load("hf://me/mine@v2")
    with pytest.raises(UserError, match="is named hf://user/name. Received: hf://mine"):
        kerasgan.load("hf://mine")
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_stranger")
    with pytest.raises(UserError, match="log in by `hf auth login`|Log in by `hf auth login`"):
        kerasgan.push_to_hub("dcgan_fashion_mnist", "me/mine")


def test_other_repositories_are_refused(server, tmp_path):
    server.repos["me/bert"] = [{"config.json": b"{}", "model.weights.h5": b"large"}]
    with pytest.raises(
        UserError, match="hf://me/bert holds no kerasgan model: neither model.keras"
    ):
        kerasgan.load("hf://me/bert")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "model.keras")
    server.repos["me/keras"] = [{"model.keras": (tmp_path / "model.keras").read_bytes()}]
    with pytest.raises(UserError, match="holds a Sequential, which is not a kerasgan model"):
        kerasgan.load("hf://me/keras")


def test_no_code_of_the_hub_runs(server, tmp_path, monkeypatch):
    """Neither a Lambda layer in a `.keras` file, nor a Python file that a recipe names."""
    monkeypatch.chdir(tmp_path)
    gan = kerasgan.DCGAN((8, 8, 1), width=4, seed=0)
    gan.save("model.keras")
    evil = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    evil.save("evil.keras")
    server.repos["me/evil"] = [{"model.keras": (tmp_path / "evil.keras").read_bytes()}]
    with pytest.raises(UserError, match="Cannot load .*Lambda"):
        kerasgan.load("hf://me/evil")
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    recipe = b'[model]\nname = "evil.py:Mine"\n'
    model = (tmp_path / "model.keras").read_bytes()
    server.repos["me/evil"].append(
        {"model.keras": model, "recipe.toml": recipe, "evil.py": b"raise SystemExit('ran')"}
    )
    with pytest.raises(UserError, match="asks for the Python file evil.py:Mine"):
        kerasgan.load("hf://me/evil")
    cached = [name for _, _, names in os.walk(tmp_path / "hub-cache") for name in names]
    assert "evil.py" not in cached
    with zipfile.ZipFile("model.keras") as archive:
        assert {name.rpartition(".")[2] for name in archive.namelist()} <= {"json", "h5", "npz"}


def test_a_training_starts_from_a_model_of_the_hub(server, tmp_path, run_folder, capsys):
    shutil.copytree(run_folder, tmp_path / "run")
    kerasgan.push_to_hub(tmp_path / "run", "me/clothes")
    start = kerasgan.zoo.load_start("hf://me/clothes")
    assert start.images_seen == 8
    with pytest.raises(UserError, match="comes without a recipe: start from it by --from"):
        kerasgan.zoo.recipe_file("hf://me/clothes")
    kerasgan.push_to_hub("dcgan_fashion_mnist", "me/dcgan")
    assert kerasgan.zoo.recipe_file("hf:/me/dcgan").name == "recipe.toml"


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'pip install "kerasgan\[hub\]"'):
        hubs.fetch("hf://me/mine")
