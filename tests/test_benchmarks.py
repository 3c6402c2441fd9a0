"""Benchmarks: their result files, the cache of real features, and the scripts on tiny models."""

import json
import runpy
import sys

import keras
import numpy as np
import pytest

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


def run(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(benchmark.find(name)), run_name="__main__")
    return stopped.value.code


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


@pytest.mark.slow
def test_growth_measures_each_point_in_a_process_of_its_own(tmp_path, monkeypatch, capsys):
    options = ("--over=batch", "--steps=2", "--rounds=1", f"--output={tmp_path}")
    assert run(monkeypatch, "growth", *options) == 0
    lines = records.read(tmp_path / "growth.jsonl")
    assert [line["batch"] for line in lines] == [16, 64, 256]
    assert lines[0]["milliseconds"] < lines[2]["milliseconds"]
    assert all(10 < line["megabytes"] < 2000 for line in lines)
    assert (tmp_path / "growth.png").stat().st_size > 1000
    assert run(monkeypatch, "growth", "--over=sides") == 2
    assert 'did you mean "side"?' in capsys.readouterr().err


@pytest.mark.slow
def test_gpu_check_says_that_it_ran_on_the_cpu(tmp_path, monkeypatch, capsys):
    options = ("--models=vanilla", "--batch=4", f"--output={tmp_path}")
    assert run(monkeypatch, "gpu_check", *options) == 0
    assert "There is no GPU" in capsys.readouterr().out
    (line,) = records.read(tmp_path / "gpu_check.jsonl")
    found = line["models"]["vanilla"]
    assert (line["devices"], found["step"], found["xla"]) == ("CPU", "ok", "ok")
    assert found["replicas"]["replicas"] == 2
    assert found["replicas"]["difference"] < 1e-5 < found["replicas"]["moved"]
    assert found["ratios"]["hand-written"] > 0
    assert run(monkeypatch, "gpu_check", "--models=dcgann") == 2
    assert 'did you mean "dcgan"?' in capsys.readouterr().err


def test_a_curve_is_drawn_below_samples_of_five_moments(tmp_path, monkeypatch, capsys):
    samples = tmp_path / "run" / "samples"
    samples.mkdir(parents=True)
    for epoch in range(7):
        tiles = np.full((64, 8, 8, 1), 40 * epoch, "uint8")
        pixels.save_picture(pixels.grid(tiles, columns=8), samples / f"epoch_{epoch:04d}.png")
    rows = "".join(f"{epoch},{6 - epoch}.5\n" for epoch in range(6))
    (tmp_path / "run" / "history.csv").write_text("epoch,wasserstein\n" + rows)
    options = (str(tmp_path / "run"), "--output", str(tmp_path / "out"))
    assert run(monkeypatch, "curve", *options) == 0
    assert (tmp_path / "out" / "curve_wasserstein.png").stat().st_size > 10_000
    assert "wasserstein from 6.5 over 6.5 to 1.5" in capsys.readouterr().out
    assert run(monkeypatch, "curve", *options, "--log", "wasserstien") == 2
    assert 'did you mean "wasserstein"?' in capsys.readouterr().err
    assert run(monkeypatch, "curve", str(tmp_path)) == 2
    assert "history.csv does not exist" in capsys.readouterr().err


def test_mode_collapse_counts_modes_of_short_trainings(tmp_path, monkeypatch):
    options = ["--task=ring", "--models=vanilla,wgan_gp", "--steps=4", "--seeds=1"]
    options.append(f"--output={tmp_path}")
    assert run(monkeypatch, "mode_collapse", *options) == 0
    lines = records.read(tmp_path / "mode_collapse.jsonl")
    assert [line["model"] for line in lines] == ["vanilla", "wgan_gp"]
    assert all(0 <= line["modes"] <= line["of"] == 8 for line in lines)
    assert (tmp_path / "mode_collapse_ring.png").stat().st_size > 1000
    assert run(monkeypatch, "mode_collapse", *options) == 0
    assert records.read(tmp_path / "mode_collapse.jsonl") == lines


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_seeds_of_a_recipe_train_equally_long(tmp_path, monkeypatch, capsys):
    (tmp_path / "tiny").mkdir()
    recipe = tmp_path / "tiny" / "recipe.toml"
    recipe.write_text(
        '[model]\nname = "vanilla"\nwidth = 5\n'
        '[data]\nname = "fashion_mnist_mini"\nsplit = "train[:640]"\n'
    )
    options = [recipe, "--minutes=0.01", "--num=10", f"--output={tmp_path / 'results'}"]
    assert run(monkeypatch, "training_seeds", *options, "--seeds=1") == 0
    assert run(monkeypatch, "training_seeds", *options, "--seeds=2") == 0
    assert "tiny seed 0: already in" in capsys.readouterr().out
    first, second = records.read(tmp_path / "results" / "training_seeds.jsonl")
    seeds = [line["recipe"]["training"].pop("seed") for line in (first, second)]
    assert seeds == [0, 1] and first["recipe"] == second["recipe"]
    assert first["recipe"]["training"]["epochs"] > 1 and first["split"] == "test"
    assert first["weights_sha256"] != second["weights_sha256"]
    assert (tmp_path / "results" / "training_seeds.png").stat().st_size > 1000


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_few_images_trains_with_and_without_augmentation(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    options = ["--images=64", "--models=dcgan", "--steps=2", "--seeds=1", "--num=10"]
    options += ["--dataset=fashion_mnist_mini", f"--output={tmp_path}"]
    monkeypatch.setattr("kerasgan.data.load_arrays", lambda *_: (np.zeros((8, 28, 28, 1), "u1"), 0))
    assert run(monkeypatch, "few_images", *options) == 0
    lines = records.read(tmp_path / "few_images.jsonl")
    assert [line["augment"] for line in lines] == ["none", "diffaugment"]
    assert lines[0]["trained"] != lines[1]["trained"] and lines[0]["n_real"] == 8
    assert (tmp_path / "few_images_dcgan_64_none.png").is_file()
    assert (tmp_path / "few_images.png").stat().st_size > 1000
    assert run(monkeypatch, "few_images", *options) == 0
    assert capsys.readouterr().out.count("already in") == 2


def test_start_measures_each_wait(tmp_path, monkeypatch, capsys):
    folder = str(benchmark.find("start").parent)
    monkeypatch.syspath_prepend(folder)
    import start

    monkeypatch.setattr(start.throughput, "ARGUMENTS", ("vanilla", "biggan"))
    monkeypatch.setattr(start.zoo, "names", lambda: ["dcgan_fashion_mnist"])
    steps, loads = start.first_steps(), start.loads()
    assert list(steps) == ["vanilla", "biggan"] and 0.1 < steps["vanilla"] < steps["biggan"]
    assert list(loads) == ["dcgan_fashion_mnist"] and loads["dcgan_fashion_mnist"] > 0

    def printed(*arguments):
        if arguments[-2:-1] == ("--child",):
            return "a log\n" + json.dumps({"load": loads, "first step": steps}[arguments[-1]])
        return "1.5\n"

    monkeypatch.setattr(start, "printed", printed)
    start.main(rounds=2, output=tmp_path)
    (line,) = records.read(tmp_path / "start.jsonl")
    assert line["seconds"]["import"] == {"keras, tensorflow": 1.5, "kerasgan": 1.5}
    assert set(line["seconds"]["command"]) == {"--help", "list"}
    assert line["seconds"]["first step"] == {k: round(v, 3) for k, v in steps.items()}
    assert "first step: vanilla" in capsys.readouterr().out


def test_few_images_knows_its_models(monkeypatch, capsys):
    assert run(monkeypatch, "few_images", "--models=dcgn") == 2
    assert 'There is no "dcgn" here: did you mean "dcgan"?' in capsys.readouterr().err


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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_fine_tuning_compares_two_starts(tmp_path, monkeypatch, capsys):
    options = ["--before=2", "--steps=4", "--images=64", "--seeds=1", f"--output={tmp_path}"]
    options += ["--dataset=fashion_mnist_mini", f"--folder={tmp_path}"]
    assert run(monkeypatch, "fine_tuning", *options) == 0
    tuned, scratch = records.read(tmp_path / "fine_tuning.jsonl")
    assert (tuned["steps"], scratch["steps"]) == (4, 16)
    assert len(tuned["distance_after_cpu_minutes"]) == 4
    assert len(scratch["distance_after_cpu_minutes"]) == 4
    assert tuned["weights_sha256"] != scratch["weights_sha256"]
    assert len(list(tmp_path.glob("without_*.keras"))) == 1
    assert run(monkeypatch, "fine_tuning", *options) == 0
    assert capsys.readouterr().out.count("already in") == 2


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


def test_usefulness_needs_classes(tmp_path, monkeypatch, capsys):
    kerasgan.DCGAN((8, 8, 1), width=4).save(tmp_path / "gan.keras")
    assert run(monkeypatch, "usefulness", tmp_path / "gan.keras", f"--output={tmp_path}") == 2
    assert "has no classes: only a conditional generator" in capsys.readouterr().err


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


@pytest.mark.slow
def test_data_measures_everything_it_says(tmp_path, monkeypatch):
    options = ["--images=1000", "--files=64", "--steps=2", "--rounds=1", "--gigabytes=0.02"]
    assert run(monkeypatch, "data", *options, f"--output={tmp_path}") == 0
    lines = {line["measure"]: line for line in records.read(tmp_path / "data.jsonl")}
    assert lines["workers"]["images_read"] == [640, 640]
    assert len(lines["memory"]["gigabytes"]) == 4
    assert set(lines["step_time"]["over_in_memory"]) == {"warm", "cold"}
