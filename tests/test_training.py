"""Small recipes learn: each at least halves the Frechet distance it starts with."""

from pathlib import Path

import pytest

from kerasgan import models, recipe
from kerasgan.train import train

ZOO = Path(__file__).parents[1] / "zoo"
SMALL = {
    path.parent.name: settings
    for path in sorted(ZOO.glob("*/recipe.toml"))
    if (settings := recipe.read(path))["data"]["name"] == "fashion_mnist_mini"
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_training_halves_the_frechet_distance(name, tmp_path):
    result = train(SMALL[name], tmp_path / "run", verbose=0)
    assert result["trained"] <= result["untrained"] / 2
    assert result["floor"] < result["trained"]


def test_every_model_has_a_small_recipe():
    assert {settings["model"]["name"] for settings in SMALL.values()} == set(models.names())
