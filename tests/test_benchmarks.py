"""Benchmarks: their result files, the cache of real features, and the scripts on tiny models."""

import json

import keras
import numpy as np
import pytest
from benchmark_scripts import run

import kerasgan
from kerasgan import data, export, zoo
from kerasgan.cli import benchmark
from kerasgan.evaluation import records
from kerasgan.evaluation.features import real_features
from kerasgan.inspection.samplers import open_sampler
from kerasgan.metrics import EfficientNetLite0
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError

# --- Result files ---


def test_results_are_added_line_by_line_and_a_half_written_one_is_dropped(tmp_path):
    file = tmp_path / "new" / "results.jsonl"
    assert records.read(file) == []
    records.append(file, {"fd": 1.5})
    with open(file, "a") as opened:
        opened.write('{"fd": 2')  # a run was killed while writing
    assert records.read(file) == [{"fd": 1.5}]
    records.append(file, {"fd": 3.0})
    assert records.read(file) == [{"fd": 1.5}, {"fd": 3.0}]


def test_a_result_that_is_not_a_number_is_refused_and_changes_nothing(tmp_path):
    file = tmp_path / "results.jsonl"
    records.append(file, {"fd": 1.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.append(file, {"fd": float("nan")})
    assert records.read(file) == [{"fd": 1.5}]


def test_a_damaged_line_is_named(tmp_path):
    file = tmp_path / "results.jsonl"
    file.write_text('{"fd": 1}\n{"fd": \n{"fd": 2}\n')
    with pytest.raises(UserError, match="results.jsonl, line 2: not JSON"):
        records.read(file)


def test_a_misspelt_benchmark_is_reported():
    with pytest.raises(UserError, match='There is no benchmark "fit": did you mean "fid"?'):
        benchmark.find("fit")


# --- Features of real images ---


class Counting(EfficientNetLite0):
    """Counts the images it receives and uses their first pixels as features."""

    seen = 0

    def collect(self, batches, num=None, verbose=False):
        stack = np.concatenate(list(batches))
        type(self).seen += len(stack)
        flat = stack.reshape(len(stack), -1).astype("float32")
        return flat[:, :5], flat[:, :3]


@pytest.fixture
def cached(tmp_path):
    Counting.seen = 0

    def read(split="test", num=20, image_size=None):
        pictures, _ = data.load_arrays("fashion_mnist_mini", f"{split}[:{num}]", image_size)
        return real_features(pictures, Counting(), f"mini {split}", cache=tmp_path)

    return read, tmp_path


def test_features_are_computed_once_for_each_protocol(cached):
    read, folder = cached
    first, again = read(), read()
    assert Counting.seen == 20
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    for other in ({"split": "train"}, {"num": 21}, {"image_size": 32}):
        read(**other)
    assert Counting.seen == 20 + 20 + 21 + 20
    assert len(list(folder.rglob("*.npz"))) == 4


@pytest.mark.parametrize("damage", ["truncated", "noise", "another's", "altered"])
def test_a_cache_file_that_cannot_be_trusted_is_computed_anew(cached, damage):
    read, folder = cached
    right = read()
    (file,) = folder.rglob("*.npz")
    content = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    if damage == "noise":
        file.write_bytes(b"noise" * 100)
    if damage == "another's":
        read(num=21)
        (other,) = set(folder.rglob("*.npz")) - {file}
        file.write_bytes(other.read_bytes())
    if damage == "altered":
        with np.load(file) as opened:
            arrays = dict(opened)
        np.savez(file, **{**arrays, "features": arrays["features"] + 1})
    seen = Counting.seen
    np.testing.assert_array_equal(read()[0], right[0])
    assert Counting.seen == seen + 20
    read()
    assert Counting.seen == seen + 20  # the cache file was repaired


# --- Sample sources ---


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory):
    """One conditional model as .keras file, SavedModel, TFLite file and folder of pictures."""
    folder = tmp_path_factory.mktemp("artefacts")
    keras.utils.set_random_seed(0)
    gan = kerasgan.ConditionalGAN((8, 8, 1), num_classes=3, width=60, seed=0)
    gan.compile()
    gan.save(folder / "gan.keras")
    export.saved_model(gan, folder / "served")
    export.tflite(gan, folder / "gan.tflite")
    for i, image in enumerate(gan.sample(12, seed=1)):
        pixels.save_picture(pixels.to_uint8(image), folder / "pictures" / f"{i:02}.png")
    return gan, folder


@pytest.mark.parametrize("name", ["gan.keras", "served", "served/1", "gan.tflite"])
def test_a_model_and_its_exports_give_the_same_samples(artefacts, name):
    gan, folder = artefacts
    sampler = open_sampler(folder / name)
    assert sampler.image_shape == (8, 8, 1)
    made = np.concatenate(list(sampler.sample_batches(10, 4)))
    np.testing.assert_allclose(made, gan.sample(10, seed=4), atol=1e-5)


def test_pictures_are_drawn_without_repeats(artefacts):
    sampler = open_sampler(artefacts[1] / "pictures")
    assert sampler.limit == 12
    first = np.concatenate(list(sampler.sample_batches(12, 1)))
    assert first.shape == (12, 8, 8, 1) and first.dtype == np.uint8
    assert len({picture.tobytes() for picture in first}) == 12


def test_an_invalid_source_of_samples_is_refused(artefacts, tmp_path):
    with pytest.raises(UserError, match="There is no trained model at"):
        open_sampler(tmp_path / "nothing")
    (tmp_path / "foreign.tflite").write_bytes(b"\0\0\0\0TFL2 and so on")
    with pytest.raises(UserError, match="does not say which model it is of"):
        open_sampler(tmp_path / "foreign.tflite")
    with pytest.raises(UserError, match="There is no trained model at"):
        zoo.load(tmp_path)


# --- The scripts ---


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
@pytest.mark.filterwarnings("ignore:Precision, recall, density and coverage of fewer")
def test_fid_scores_every_source_and_resumes_where_it_was(artefacts, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    _, folder = artefacts
    sources = [folder / name for name in ("gan.keras", "served", "gan.tflite", "pictures")]
    options = ["--dataset=fashion_mnist_mini", "--num=10", "--extractor=lite0"]
    output = f"--output={tmp_path / 'results'}"
    assert run(monkeypatch, "fid", *sources[:2], *options, output) == 0
    first = records.read(tmp_path / "results" / "fid.jsonl")
    capsys.readouterr()
    assert run(monkeypatch, "fid", *sources, *options, output) == 0
    assert capsys.readouterr().out.count("already in") == 2
    lines = records.read(tmp_path / "results" / "fid.jsonl")
    assert lines[:2] == first
    assert [line["kind"] for line in lines] == ["model", "saved_model", "tflite", "images"]
    assert {line["metric"] for line in lines} == {"FD[lite0]"}
    assert len({json.dumps(sorted(line)) for line in lines}) == 1
    # Same latents: exports score like their model, up to rounding to bytes.
    assert lines[1]["distance"] == pytest.approx(lines[0]["distance"], rel=1e-3)
    assert lines[2]["distance"] == pytest.approx(lines[0]["distance"], rel=1e-3)
    assert (tmp_path / "results" / "fid.png").stat().st_size > 1000


def test_fid_is_never_reported_without_its_network(artefacts, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_INCEPTION", str(tmp_path / "missing.pb"))
    wanted = [artefacts[1] / "gan.keras", "--extractor=inception", f"--output={tmp_path}"]
    assert run(monkeypatch, "fid", *wanted) == 2
    assert "inception-2015-12-05.tgz" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
@pytest.mark.filterwarnings("ignore:Precision, recall, density and coverage of fewer")
def test_truncation_scores_each_threshold_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    gan = kerasgan.SNGAN((28, 28, 1), width=8, architecture="conv")
    gan.save(tmp_path / "gan.keras")
    options = [str(tmp_path / "gan.keras"), "--thresholds=0.5", "--thresholds=9", "--num=16"]
    options += ["--dataset=fashion_mnist_mini", f"--output={tmp_path}"]
    assert run(monkeypatch, "truncation", *options) == 0
    lines = records.read(tmp_path / "truncation.jsonl")
    assert [line["truncation"] for line in lines] == [0.5, 6.0]
    assert lines[0]["distance"] != lines[1]["distance"] and lines[0]["n_real"] == 16
    assert (tmp_path / "truncation.png").stat().st_size > 1000
    assert run(monkeypatch, "truncation", *options) == 0
    assert records.read(tmp_path / "truncation.jsonl") == lines


def test_truncation_refuses_uniform_latents(tmp_path, monkeypatch, capsys):
    kerasgan.DCGAN((28, 28, 1), width=4).save(tmp_path / "gan.keras")
    assert run(monkeypatch, "truncation", str(tmp_path / "gan.keras")) == 2
    assert "has no normal latents" in capsys.readouterr().err


def test_parzen_scores_sources_beside_training_images(artefacts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "load_arrays", tiny_pictures)
    options = ["--dataset=tiny", "--num=20", "--validation=30", f"--output={tmp_path}"]
    for _ in range(2):
        assert run(monkeypatch, "parzen", artefacts[1] / "gan.keras", *options) == 0
    real, fake = records.read(tmp_path / "parzen.jsonl")
    assert (real["source"], real["n_real"], real["n_validation"]) == ("training images", 60, 30)
    assert fake["n_fake"] == 20
    assert np.isfinite(fake["log_likelihood"])
    assert capsys.readouterr().out.count("already in") == 2


def tiny_pictures(name, split="train", image_size=None, data_dir=None):
    """300 or 90 pictures of three classes, which the brightness of their left half tells."""
    num = 300 if split == "train" else 90
    labels = (np.arange(num) % 3).astype("int32")
    pictures = np.random.default_rng(num).integers(0, 40, (num, 8, 8, 1)).astype("uint8")
    pictures[:, :, :4] += (labels * 100).astype("uint8")[:, None, None, None]
    return pictures, labels


@pytest.mark.slow
def test_usefulness_trains_on_samples_and_on_real_images(artefacts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "load_arrays", tiny_pictures)
    options = ["--dataset=tiny", "--num=150", "--few=9", "--steps=500", "--seeds=1"]
    options += [f"--output={tmp_path}"]
    for _ in range(2):
        assert run(monkeypatch, "usefulness", artefacts[1] / "gan.keras", *options) == 0
    (line,) = records.read(tmp_path / "usefulness.jsonl")
    assert (line["n_real"], line["n_few"], line["n_test"]) == (150, 9, 90)
    # Real images teach what the classes are, and samples of an untrained generator do not.
    assert line["real"] > 0.8
    assert line["samples"] < 0.8
    assert capsys.readouterr().out.count("already in") == 1


def test_usefulness_refuses_data_of_other_classes(artefacts, tmp_path, monkeypatch, capsys):
    def more_classes(*arguments, **options):
        pictures, labels = tiny_pictures(*arguments, **options)
        return pictures, labels + 1

    monkeypatch.setattr(data, "load_arrays", more_classes)
    options = ["--dataset=tiny", f"--output={tmp_path}"]
    assert run(monkeypatch, "usefulness", artefacts[1] / "gan.keras", *options) == 2
    told = capsys.readouterr().err
    assert "of 3 classes. tiny has images (8, 8, 1) of 4 classes: name its data" in told


def test_usefulness_needs_labels(artefacts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "load_arrays", lambda *a, **k: (tiny_pictures(*a, **k)[0], None))
    options = ["--dataset=tiny", f"--output={tmp_path}"]
    assert run(monkeypatch, "usefulness", artefacts[1] / "gan.keras", *options) == 2
    assert "tiny has no classes, which a classifier learns" in capsys.readouterr().err


def test_usefulness_counts_the_few_images_that_it_shows(artefacts, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load_arrays", tiny_pictures)
    options = ["--dataset=tiny", "--num=12", "--few=90", "--steps=1", "--seeds=1"]
    options += [f"--output={tmp_path}"]
    assert run(monkeypatch, "usefulness", artefacts[1] / "gan.keras", *options) == 0
    (line,) = records.read(tmp_path / "usefulness.jsonl")
    assert line["n_few"] == 12


def test_usefulness_needs_classes(tmp_path, monkeypatch, capsys):
    kerasgan.DCGAN((8, 8, 1), width=4).save(tmp_path / "gan.keras")
    assert run(monkeypatch, "usefulness", tmp_path / "gan.keras", f"--output={tmp_path}") == 2
    assert "has no classes: only a conditional generator" in capsys.readouterr().err


def test_representation_leaves_out_the_decoder(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load_arrays", tiny_pictures)
    gan = kerasgan.BEGAN((8, 8, 1), width=4)
    gan.save(tmp_path / "gan.keras")
    options = ["--dataset=tiny", "--num=40", f"--output={tmp_path}"]
    assert run(monkeypatch, "representation", tmp_path / "gan.keras", *options) == 0
    (line,) = records.read(tmp_path / "representation.jsonl")
    names = [layer.name for layer in gan.discriminator.layers]
    encoder = gan.discriminator.layers[: names.index("code")]
    maps = [each.output.shape for each in encoder if isinstance(each, keras.layers.Conv2D)]
    assert maps and line["discriminator_features"] == sum(
        min(shape[1], 4) ** 2 * shape[-1] for shape in maps
    )


@pytest.mark.parametrize("shape, labels", [((8, 8, 3), np.zeros(9)), ((8, 8, 1), None)])
def test_representation_needs_its_images_and_classes(shape, labels, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "load_arrays", lambda *_, **__: (np.zeros((9, *shape), "u1"), labels))
    kerasgan.DCGAN((8, 8, 1), width=4).save(tmp_path / "gan.keras")
    assert run(monkeypatch, "representation", tmp_path / "gan.keras", f"--output={tmp_path}") == 2
    told = "has no classes" if labels is None else "name its data by --dataset"
    assert told in capsys.readouterr().err


def test_representation_reads_the_features_of_discriminators(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "load_arrays", tiny_pictures)
    keras.utils.set_random_seed(0)
    gan = kerasgan.DCGAN((8, 8, 1), width=4)
    gan.compile()
    gan.save(tmp_path / "gan.keras")
    options = ["--dataset=tiny", "--num=300", f"--output={tmp_path}"]
    for _ in range(2):
        assert run(monkeypatch, "representation", tmp_path / "gan.keras", *options) == 0
    (line,) = records.read(tmp_path / "representation.jsonl")
    # 4x4 maps of 4 channels and 2x2 maps of 8: 8 pixels are halved twice.
    assert line["discriminator_features"] == line["untrained_features"] == 4 * 4 * 4 + 2 * 2 * 8
    assert line["pixels_features"] == 64
    assert line["pixels"] > 0.8 and line["discriminator"] > 0.5
    assert capsys.readouterr().out.count("already in") == 1
