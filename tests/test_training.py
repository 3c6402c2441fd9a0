"""Small recipes learn: each at least halves its initial Frechet distance."""

from pathlib import Path

import pytest

from kerasgan import data, models
from kerasgan.data import drums
from kerasgan.evaluation.scorer import Scorer
from kerasgan.training import recipe
from kerasgan.training.train import train_recipe as train

ZOO = Path(__file__).parents[1] / "zoo"
SMALL = {
    path.parent.name: settings
    for path in sorted(ZOO.glob("*/recipe.toml"))
    if path.parent.name.endswith(("demo", "_mini")) and (settings := recipe.read(path))
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_training_halves_the_frechet_distance(name, tmp_path):
    if SMALL[name].data.name == drums.NAME and not drums.FOLDER.is_dir():
        pytest.skip("Debian's package hydrogen-drumkits is not installed")
    result = train(SMALL[name], tmp_path / "run", verbose=0)
    # Of the few pictures of emoji the floor is more than a third of an untrained model's distance.
    most = 2 * result["floor"] if "emoji" in name else result["untrained"] / 2
    assert result["trained"] <= max(most, result["untrained"] / 2)
    assert result["floor"] < result["trained"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vanilla", "cgan"])
def test_perceptrons_of_paper_size_keep_their_losses_with_default_optimizers(name):
    """With the papers' rate of 0.1 in D, losses would be in the thousands or NaN by then."""
    model = models.get(name)
    pictures, labels = data.load_arrays("fashion_mnist_mini", "train")
    gan = model((28, 28, 1), seed=0, **({"num_classes": 10} if name == "cgan" else {}))
    gan.compile()
    labels = labels if gan.signature.asked else None
    logs = gan.fit(data.steps(pictures, labels, 100, stop=900), verbose=0).history
    assert 0.1 < logs["d_loss"][-1] < 1.4
    assert 0.5 < logs["g_loss"][-1] < 3.0


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features needs")
def test_the_floor_of_a_score_on_the_training_split_is_of_other_images():
    split = "train[:64]"
    pictures = data.load_source("fashion_mnist_mini", split)
    scorer = Scorer(pictures.spec["image"], pictures, pictures, 32, (split, split), verbose=0)
    assert scorer.floor > 1


def test_every_model_has_a_small_recipe():
    assert {settings.model.name for settings in SMALL.values()} == set(models.names())
