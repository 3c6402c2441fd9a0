"""`kerasgan benchmark pictures`: its measures by hand, and a line of each kind of model."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import pictures as benchmark
from kerasgan.training import recipe
from kerasgan.training.train import train_recipe

pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")


def bytes_of(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_differences_are_those_of_numpy():
    made, true = bytes_of(3, 16, 16, 3), bytes_of(3, 16, 16, 3, seed=1)
    found = benchmark.differences(made, true)
    errors = (made.astype("float64") - true) / 255
    assert found["l1"] == pytest.approx(np.abs(errors).mean(), abs=1e-5)
    psnr = -10 * np.log10((errors**2).mean(axis=(1, 2, 3)))
    assert found["psnr"] == pytest.approx(psnr.mean(), abs=1e-3)
    equal = benchmark.differences(true, true)
    assert equal == {"l1": 0.0, "psnr": benchmark.MOST_PSNR, "ssim": 1.0}
    assert found["ssim"] < 0.2


def test_the_nearest_example_is_found_by_the_known_pixels_alone():
    trained, asked = bytes_of(20, 4, 4, 1), bytes_of(5, 4, 4, 1, seed=1)
    known = (np.random.default_rng(2).random((5, 4, 4, 1)) < 0.5).astype("float32")
    for weights in (None, known):
        counted = np.ones_like(known) if weights is None else weights
        by_hand = [
            np.argmin([(w * (a.astype("float64") - b) ** 2).sum() for b in trained])
            for a, w in zip(asked, counted, strict=True)
        ]
        np.testing.assert_array_equal(benchmark.nearest(trained, asked, weights), by_hand)


def test_sharpness_is_that_of_the_paper():
    made, true = bytes_of(2, 6, 5, 1), bytes_of(2, 6, 5, 1, seed=1)
    total = []
    for a, b in zip(made[..., 0] / 255.0, true[..., 0] / 255.0, strict=True):
        difference = 0.0
        for i in range(1, 6):
            for j in range(1, 5):
                steep = [abs(p[i, j] - p[i - 1, j]) + abs(p[i, j] - p[i, j - 1]) for p in (a, b)]
                difference += abs(steep[0] - steep[1]) / 20
        total.append(10 * np.log10(1 / difference))
    assert benchmark.sharpness_difference(made, true) == pytest.approx(np.mean(total), rel=1e-5)


def test_a_picture_that_is_its_own_nearest_is_a_hit():
    class Mean:
        def collect(self, batches, num):
            return np.concatenate([each.mean(axis=(1, 2)) for each in batches]), None

    true = bytes_of(8, 4, 4, 3)
    features = benchmark.Features(Mean(), true)
    assert benchmark.hits(features, true) == 1.0
    assert benchmark.hits(features, true[::-1]) == 0.0


RECIPES = {
    "pix2pix": {"source": "outline"},
    "cyclegan": {"source": "outline", "paired": False},
    "srgan": {},
    "context_encoder": {},
    "next_frame": {"name": "moving_fashion_mnist"},
}
WAYS = {
    "pix2pix": {"what it is given", "the nearest training example"},
    "cyclegan": {"what it is given"},
    "srgan": {"bicubic", "the nearest training example"},
    "context_encoder": {"the mean picture", "the nearest training picture"},
    "next_frame": {"the last frame", "the nearest training example"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_run_is_scored_beside_simple_ways(name, tmp_path):
    arguments = {"width": 2, "patch_size": 16, "blocks": 1, "bottleneck": 8}
    known = recipe.model_arguments(benchmark.kerasgan.models.get(name))
    settings = recipe.complete(
        {
            "model": {"name": name, **{k: v for k, v in arguments.items() if k in known}},
            "data": {
                "name": "noto_emoji_mini",
                "image_size": 32,
                "batch_size": 16,
                **RECIPES[name],
            },
            "training": {"steps": 2},
            "evaluation": {"num": 8},
        }
    )
    train_recipe(settings, tmp_path / "run", verbose=0)
    benchmark.main([str(tmp_path / "run")], 16, 2, None, tmp_path)
    (line,) = map(json.loads, (tmp_path / "pictures.jsonl").read_text().splitlines())
    assert set(line["ways"]) == {"model", *WAYS[name]} and line["n_fake"] == 16
    for scores in line["ways"].values():
        assert ("psnr" in scores) == (name != "cyclegan")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    command = [sys.executable, "-m", "kerasgan_cli", "evaluate", tmp_path / "run", "--num", "8"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["value"] == result["trained"]
    if name == "context_encoder":  # outside of the hole every way is right
        assert all(scores["psnr"] > 5 for scores in line["ways"].values())
    if name == "cyclegan":
        assert line["back"]["model"] > 0 and line["twins"] is None
    if name == "next_frame":
        assert len(line["ahead"]) == 2 and (tmp_path / "pictures_run.webp").is_file()
    assert (tmp_path / "pictures_run.png").is_file()
