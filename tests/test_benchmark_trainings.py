"""Benchmarks that train or time: each on a tiny model."""

import json

import numpy as np
import pytest
from benchmark_scripts import run

from kerasgan.cli import benchmark
from kerasgan.evaluation import records
from kerasgan.utils import pixels


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
    (tmp_path / "run" / "history.csv").write_text("epoch,d\n0,nan\n1,4.0\n2,nan\n3,2.0\n")
    assert run(monkeypatch, "curve", *options, "--log=d") == 0  # a score every other epoch
    assert "d from 4 over 4 to 2" in capsys.readouterr().out
    (tmp_path / "run" / "history.csv").write_text("epoch,d\n0,nan\n1,4.0\n")
    assert run(monkeypatch, "curve", *options, "--log=d") == 2
    assert 'has "d" of 1 epochs' in capsys.readouterr().err
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_scoring_compares_processes_of_both_kinds(tmp_path, monkeypatch):
    options = ["--num=64", "--rounds=1", "--dataset=fashion_mnist_mini", f"--output={tmp_path}"]
    assert run(monkeypatch, "scoring", *options) == 0
    (line,) = records.read(tmp_path / "scoring.jsonl")
    assert set(line["seconds"]) == {"kerasgan", "TensorFlow's own"}
    ours, theirs = line["distances"].values()
    assert ours == pytest.approx(theirs, rel=1e-3)


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_precision_trains_both_ways(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    options = ["--models=dcgan", "--steps=7", "--seeds=1", "--num=10"]
    options += ["--dataset=fashion_mnist_mini", f"--output={tmp_path}"]
    small = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1), "uint8")
    monkeypatch.setattr("kerasgan.data.load_arrays", lambda *_: (small, None))
    for _ in range(2):
        assert run(monkeypatch, "precision", *options) == 0
    exact, rough = records.read(tmp_path / "precision.jsonl")
    assert (exact["precision"], rough["precision"]) == ("float32", "mixed_bfloat16")
    assert exact["trained"] != rough["trained"] and rough["milliseconds"] > 0
    assert capsys.readouterr().out.count("already in") == 2


def test_few_images_knows_its_models(monkeypatch, capsys):
    assert run(monkeypatch, "few_images", "--models=dcgn") == 2
    assert 'There is no "dcgn" here: did you mean "dcgan"?' in capsys.readouterr().err


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


@pytest.mark.slow
def test_data_measures_everything_it_says(tmp_path, monkeypatch):
    options = ["--images=1000", "--files=64", "--steps=2", "--rounds=1", "--gigabytes=0.02"]
    assert run(monkeypatch, "data", *options, f"--output={tmp_path}") == 0
    lines = {line["measure"]: line for line in records.read(tmp_path / "data.jsonl")}
    assert lines["workers"]["images_read"] == [640, 640]
    assert len(lines["memory"]["gigabytes"]) == 4
    assert set(lines["step_time"]["over_in_memory"]) == {"warm", "cold"}
