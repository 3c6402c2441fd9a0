"""Zoo entries from run to export: tiny ones, made with the tools that make real ones."""

import json
import runpy
import shutil
import sys
import wave
from pathlib import Path

import entry_pictures
import numpy as np
import pytest
import sounds

import kerasgan
from kerasgan import cli, data, metrics, zoo
from kerasgan.export import card
from kerasgan.inspection.samplers import open_sampler
from kerasgan.training import dry_run, recipe
from kerasgan.training.train import train_recipe
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError
from kerasgan.utils.sounds import to_int16

# 40 samples keep the test fast; the warning is about their scores.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features needs"),
    pytest.mark.filterwarnings("ignore:Precision, recall, density and coverage of fewer"),
]

ROOT = Path(__file__).parents[1]
RECIPES = sorted(zoo.folder().glob("*/recipe.toml"))
PAPER_SIZE = [path for path in RECIPES if path.parent.name.endswith(("_cifar10", "_celeb_a"))]
RECIPE = """
[model]
name = "cgan"
num_classes = 10
width = 60
ema_decay = 0.5

[data]
name = "fashion_mnist_mini"
image_size = 32

[training]
epochs = 2

[evaluation]
num = 40
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    path = tmp_path_factory.mktemp("recipes") / "recipe.toml"
    path.write_text(RECIPE)
    train_recipe(recipe.read(path), folder, verbose=0)
    return folder


@pytest.fixture(scope="module")
def entry(run, tmp_path_factory):
    """A zoo with one entry that tools/make_zoo_entry.py makes, scored on 40 samples."""
    entry = tmp_path_factory.mktemp("zoo") / "tiny"
    entry.mkdir()
    (entry / "recipe.toml").write_text(RECIPE)
    (entry / "notes.md").write_text("Shoes without soles.")
    tool = runpy.run_path(str(ROOT / "tools" / "make_zoo_entry.py"))
    tool["main"].__globals__.update(NUM=40, CHOICE_NUM=40, CLASSES_NUM=30, SEEDS=(1, 2))
    tool["main"](run, entry)
    return entry


@pytest.fixture
def shipped(entry, monkeypatch):
    """The zoo of `entry` instead of the package's."""
    for module in (zoo, zoo.entries):
        monkeypatch.setattr(module, "folder", lambda: entry.parent)
    return entry


def test_the_weights_kept_are_those_that_score_best_on_the_training_split(run, entry):
    choice = json.loads((entry / "result.json").read_text())["choice"]
    distances = choice["distances"]
    assert choice["weights"] == min(("last", "average"), key=distances.get)
    assert choice["precision_on_disk"] == "float16"
    trained = zoo.load(run)
    best = {"last": trained.generator, "average": trained.ema_generator}[choice["weights"]]
    other = {"last": trained.ema_generator, "average": trained.generator}[choice["weights"]]
    kept = zoo.load(entry).generator

    def difference(network):
        return max(
            np.abs(one - two).max()
            for one, two in zip(kept.get_weights(), network.get_weights(), strict=True)
        )

    assert difference(best) < 1e-3 < difference(other)


def test_an_entry_says_which_classes_a_classifier_sees(entry):
    about = json.loads((entry / "result.json").read_text())
    assert sum(about["classes_seen"]) == 30 and len(about["classes_seen"]) == 10
    assert 0 <= about["conditional_accuracy"] <= 1 and about["classifier_test_accuracy"] > 0.93


def test_an_incomplete_entry_is_not_listed_or_loaded(entry, tmp_path, monkeypatch):
    shutil.copytree(entry, tmp_path / "half")
    (tmp_path / "half" / "result.json").unlink()
    monkeypatch.setattr(zoo.entries, "folder", lambda: tmp_path)
    assert zoo.names() == [] and zoo.table() == []
    with pytest.raises(UserError, match="no trained model"):
        zoo.load(tmp_path / "half")


def test_an_entry_loads_by_name_and_by_path_and_draws_its_own_picture(shipped, tmp_path):
    by_name, by_path = kerasgan.load("tiny"), kerasgan.load(shipped)
    assert by_name.ema_generator is None or int(by_name.ema_updates) == 0  # follows at once
    np.testing.assert_array_equal(by_name.sample(4, seed=0), by_path.sample(4, seed=0))
    about = json.loads((shipped / "result.json").read_text())
    assert by_name.origin["scores"]["weights_sha256"] == about["weights_sha256"]
    entry_pictures.draw(by_name, recipe.read(shipped / "recipe.toml").data, tmp_path, most=40)
    assert not (shipped / "neighbours.png").exists()  # too many training pictures
    for picture in ("samples.png", "worst.png", "interpolation.png"):
        assert (tmp_path / picture).read_bytes() == (shipped / picture).read_bytes()


def test_the_worst_samples_and_the_neighbours_are_shown():
    gan = kerasgan.DCGAN((32, 32, 3), width=4)
    table = recipe.Data(name="noto_emoji_mini", image_size=[32])
    training = data.load_arrays("noto_emoji_mini", image_size=32)[0][:10]
    samples, extractor = pixels.from_uint8(training[[7, 2]]), metrics.EfficientNetLite0()
    features, _ = extractor.collect([training[[7, 2]]])
    known, _ = extractor.collect([training])
    found = entry_pictures.neighbours(gan.signature.output, training, known, samples, features)
    np.testing.assert_array_equal(found[:32, :32], training[7])
    np.testing.assert_array_equal(found[34:66], found[:32])  # the nearest of a copy is the copied

    test, _ = data.load_arrays("noto_emoji_mini", "test", image_size=32)
    test = data.subset(test, 40)
    noise = np.random.default_rng(0).integers(256, size=(8, 32, 32, 3), dtype=np.uint8)
    mixed = np.concatenate([test[:4], noise, test[4:8]])
    features, _ = extractor.collect([mixed])
    features[4:12] += 100.0
    shown = entry_pictures.worst(gan, table, {}, pixels.from_uint8(mixed), features, 40)
    tiles = {shown[:, i : i + 32].tobytes() for i in range(0, 8 * 34, 34)}
    assert tiles == {picture.tobytes() for picture in noise}


def test_a_folder_of_an_entrys_name_does_not_hide_it(shipped, tmp_path, monkeypatch):
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    assert zoo.find("tiny") == shipped
    assert open_sampler("tiny").kind == open_sampler(shipped).kind == "model"


@pytest.mark.parametrize("file", [zoo.WEIGHTS, zoo.DISCRIMINATOR])
def test_weights_of_another_hash_are_refused(shipped, tmp_path, file):
    other = shutil.copytree(shipped, tmp_path / "tiny")
    content = bytearray((other / file).read_bytes())
    content[-1] ^= 1
    (other / file).write_bytes(content)
    with pytest.raises(UserError, match="must have SHA-256 .* download it anew"):
        zoo.load(other)


def test_no_training_starts_from_an_entry_without_its_discriminator():
    for name in ("cgan_fashion_mnist", "cyclegan_openmoji"):
        with pytest.raises(UserError, match=f"{name} comes without its (backward_)?discriminator"):
            zoo.load_start(name)
    assert zoo.load_start("dcgan_fashion_mnist").origin["name"] == "dcgan_fashion_mnist"


def test_entries_are_listed(shipped, capsys):
    with pytest.raises(SystemExit):
        cli.main(["list"])
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[:2] == ["tiny", "cgan"] and "MIT" in row


def test_gallery_card_and_tables_are_made_of_the_entry(shipped, monkeypatch):
    tool = runpy.run_path(str(ROOT / "tools" / "zoo_pages.py"))
    assert "[tiny](tiny/README.md)" in tool["gallery_page"]()
    assert "| [tiny](../zoo/tiny/README.md) |" in tool["zoo_tables"]()
    (page,) = tool["card_pages"]().values()
    assert (
        'kerasgan.load("tiny")' in page
        and "| conditional accuracy: the classifier sees the class asked for | 0." in page
    )
    assert "Shoes without soles." in page


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


def test_a_recipe_of_the_zoo_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    assert zoo.recipe_file("demo") == zoo.folder() / "demo" / "recipe.toml"
    (tmp_path / "mine.toml").touch()
    assert zoo.recipe_file("mine.toml") == Path("mine.toml")
    with pytest.raises(UserError, match='There is no recipe dem: did you mean "demo"'):
        recipe.read(zoo.recipe_file("dem"))


@pytest.mark.parametrize("name", [path.parent.name for path in RECIPES])
def test_every_recipe_of_the_zoo_is_valid(name):
    settings = recipe.read(zoo.recipe_file(name))
    assert name.startswith((settings.model.name, "demo"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.parent.name for path in PAPER_SIZE])
def test_every_recipe_of_paper_size_takes_a_step(name):
    small = {"model": {"width": 16}, "data": {"batch_size": 20}}  # divisible by five updates of D
    assert "nan" not in dry_run.dry_run(recipe.read(zoo.recipe_file(name)).replace(**small))


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("dcgan", {}),
        ("cgan", {"condition_dim": 3}),
        pytest.param("sagan", {"num_classes": 10}, marks=pytest.mark.slow),
    ],
)
def test_a_dry_run_takes_a_step_without_the_data(name, arguments):
    model = {"name": name, "width": 16, **arguments}
    settings = {"model": model, "data": {"name": "cifar10", "batch_size": 8}}
    text = dry_run.dry_run(recipe.complete(settings))
    assert "images (32, 32, 3) of cifar10, batch 8" in text and "nan" not in text


def test_a_dry_run_takes_a_folder_of_images(tmp_path):
    from kerasgan.utils import pixels

    for i in range(3):
        pixels.save_picture(np.zeros((20, 20, 3), "uint8"), tmp_path / f"{i}.png", 1)
    settings = {
        "model": {"name": "dcgan", "width": 4},
        "data": {"name": str(tmp_path), "image_size": 16, "batch_size": 2},
    }
    assert "images (16, 16, 3)" in dry_run.dry_run(recipe.complete(settings))


@pytest.mark.slow
def test_an_entry_of_a_model_that_takes_pictures_keeps_examples_and_both_ways(
    tmp_path, monkeypatch
):
    text = """
[model]
name = "cyclegan"
width = 2
blocks = 1
patch_size = 16

[data]
name = "noto_emoji_mini"
source = "outline"
image_size = 16
batch_size = 64

[training]
epochs = 2

[evaluation]
num = 40
"""
    run, entry = tmp_path / "run", tmp_path / "tiny"
    entry.mkdir()
    (entry / "recipe.toml").write_text(text)
    train_recipe(recipe.read(entry / "recipe.toml"), run, verbose=0)
    tool = runpy.run_path(str(ROOT / "tools" / "make_zoo_entry.py"))
    tool["main"].__globals__.update(NUM=40, CHOICE_NUM=40)
    tool["main"](run, entry)
    loaded, trained = zoo.load(entry), zoo.load(run)
    assert loaded.examples["source"].shape == (40, 16, 16, 1)
    sources = data.pairs("noto_emoji_mini", "outline", "test", 16).parts["source"]
    kept = pixels.to_uint8(loaded.examples["source"])
    assert {each.tobytes() for each in kept} <= {each.tobytes() for each in sources}
    for name in ("generator", "backward", "discriminator"):
        pairs = zip(
            getattr(loaded, name).get_weights(), getattr(trained, name).get_weights(), strict=True
        )
        assert max(np.abs(one - two).max() for one, two in pairs) < 1e-3
    about = json.loads((entry / "result.json").read_text())
    assert about["choice"]["n_real"] == about["choice"]["n_fake"] == 40
    assert about["sample_seeds"] == [1] and "classes_seen" not in about
    assert not (entry / "interpolation.png").exists()
    assert set(about["ways"]) == {"model", "what it is given"} and about["back"]["n_fake"] == 187
    assert (entry / "examples.png").is_file()
    pages = runpy.run_path(str(ROOT / "tools" / "zoo_pages.py"))
    title = pages["collection"](entry, about)
    assert title == "Images from images: Noto's emoji"
    assert "The way back: FD[lite0]" in card.score_table(about)
    assert "(what it is given) |" in pages["zoo_table"]({"two_styles": (entry, about)})


def made_entry(text, tmp_path):
    """Trains a recipe, makes an entry of the run, and returns both folders."""
    run, entry = tmp_path / "run", tmp_path / "tiny"
    entry.mkdir()
    (entry / "recipe.toml").write_text(text)
    train_recipe(recipe.read(entry / "recipe.toml"), run, verbose=0)
    tool = runpy.run_path(str(ROOT / "tools" / "make_zoo_entry.py"))
    tool["main"].__globals__.update(NUM=20, CHOICE_NUM=20, SEEDS=(1, 2), HEARD=3)
    tool["main"](run, entry)
    return run, entry


def card_of(entry):
    about = json.loads((entry / "result.json").read_text())
    said = zoo.origin(entry)
    beside = [path.name for path in entry.iterdir()]
    return card.model_card({**said["recipe"]["model"], **about, **said}, beside)


@pytest.mark.filterwarnings("ignore:The Frechet distance of 96 features needs")
def test_an_entry_of_a_model_of_sounds_has_wav_files_and_a_card_in_words_of_sound(tmp_path):
    pytest.importorskip("soundfile", reason="needs kerasgan[sound]")
    hits = sounds.folder_of(tmp_path / "hits", each=40)
    text = f"""
[model]
name = "wavegan"
width = 2
n_critic = 1

[data]
name = "{hits}"
length = 4096
batch_size = 18

[training]
epochs = 2
"""
    _, entry = made_entry(text, tmp_path)
    about = json.loads((entry / "result.json").read_text())
    assert about["metric"] == "FD[log-mel]" and about["n_real"] == about["n_fake"] == 8
    assert about["inflated"] and "classifier_score" not in about and "classes_seen" not in about
    loaded = zoo.load(entry)
    assert about["sounds"] == ["samples/0.wav", "samples/1.wav", "samples/2.wav"]
    with wave.open(str(entry / "samples" / "1.wav")) as file:
        assert file.getframerate() == 16000
        heard = np.frombuffer(file.readframes(4096), "<i2")
    np.testing.assert_array_equal(heard, to_int16(loaded.sample(3, seed=0)[1, :, 0]))
    assert (entry / "interpolation.png").is_file()
    told = card_of(entry)
    for part in (
        "A generator of sounds, 4,096 samples at 16,000 Hz, 0.26 s",
        "| FD[log-mel] |",
        "precision[log-mel]",
        "real training sounds (the floor)",
        "from 20 Hz at the bottom to 8,000 Hz",
        "[1](samples/0.wav)",
        "Not where a sound has to be real",
        "# float32 (4, 4096, 1)",
    ):
        assert part in told, part
    assert "image" not in told and "lite0" not in told


@pytest.mark.slow
def test_an_entry_of_a_model_of_texts_keeps_texts(tmp_path):
    text = """
[model]
name = "text_to_image"
width = 4
text_dim = 16

[data]
name = "noto_emoji_mini"
split = "train[:120]"
image_size = 16
texts = true
batch_size = 60

[training]
epochs = 2

[evaluation]
num = 20
"""
    run, entry = made_entry(text, tmp_path)
    about = json.loads((entry / "result.json").read_text())
    captions = data.load_source("noto_emoji_mini", "test", 16).captions
    assert len(about["texts"]) == 8 and set(about["texts"]) <= set(captions)
    with np.load(entry / "examples.npz") as kept:
        assert set(kept["text"]) <= set(captions)
    loaded, trained = zoo.load(entry), zoo.load(run)
    assert loaded.examples["text"].shape == (20, 16)
    wanted = trained.sample(2, text="smiling cat", seed=0)
    np.testing.assert_allclose(loaded.sample(2, text="smiling cat", seed=0), wanted, atol=0.05)
    told = card_of(entry)
    assert "from words" in told and "each below its text" in told
    assert "So few images inflate the distances." in told
