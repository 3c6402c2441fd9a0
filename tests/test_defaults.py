"""Files that were written before a default changed are rebuilt as they were."""

import json
import zipfile

import keras
import numpy as np
import pytest

from kerasgan import DCGAN, WGANGP, zoo
from kerasgan.signature import Image
from kerasgan.training import recipe
from kerasgan.training.build import build, settled, take_weights
from kerasgan.training.train import train, train_recipe
from kerasgan.utils import hashing
from kerasgan.utils.errors import UserError

SPEC = {"image": Image((8, 8, 1))}


class Softer(DCGAN):
    """A model of a user, whose slope was 0.1 first and is 0.3 now."""

    def __init__(self, image_shape, slope=0.3, **options):
        super().__init__(image_shape, width=4, **options)
        self.slope = slope

    @classmethod
    def changed_defaults(cls, arguments):
        return {"slope": (0.1, 0.3)}


def without(file, name):
    """Takes an argument out of a `.keras` file, as if it had been written before it existed."""
    with zipfile.ZipFile(file) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    config = json.loads(parts["config.json"])
    del config["config"][name]
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)


def wgan_gp(steps=1, **arguments):
    return recipe.complete(
        {
            "model": {"name": "wgan_gp", "width": 4, "n_critic": 1, **arguments},
            "data": {"image_size": 8, "batch_size": 8},
            "training": {"steps": steps, "steps_per_execution": 1},
            "evaluation": {"num": 20},
        }
    )


def epsilons(gan):
    kind = keras.layers.BatchNormalization
    return {layer.epsilon for layer in gan.generator.layers if isinstance(layer, kind)}


def test_a_keras_file_keeps_the_default_of_its_time(tmp_path):
    Softer((8, 8, 1)).save(tmp_path / "gan.keras")
    assert keras.saving.load_model(tmp_path / "gan.keras").slope == 0.3
    without(tmp_path / "gan.keras", "slope")
    assert keras.saving.load_model(tmp_path / "gan.keras").slope == 0.1


def test_wgan_gp_has_the_authors_epsilon_and_an_older_file_keras_s(tmp_path):
    gan = WGANGP((8, 8, 1), width=4)
    assert epsilons(gan) == {1e-5}
    gan.save(tmp_path / "gan.keras")
    assert epsilons(keras.saving.load_model(tmp_path / "gan.keras")) == {1e-5}
    without(tmp_path / "gan.keras", "bn_epsilon")
    assert epsilons(keras.saving.load_model(tmp_path / "gan.keras")) == {1e-3}


def test_an_epsilon_of_0_is_refused():
    with pytest.raises(UserError, match="`bn_epsilon` must be above 0. Received: bn_epsilon=0.0"):
        WGANGP((8, 8, 1), width=4, bn_epsilon=0.0)


def test_the_recipe_of_an_entry_says_what_its_weights_need(tmp_path):
    gan = build(wgan_gp(), SPEC)
    gan.generator.save_weights(tmp_path / zoo.WEIGHTS)
    result = {
        "image_shape": [8, 8, 1],
        "files": {zoo.WEIGHTS: hashing.of_file(tmp_path / zoo.WEIGHTS)},
    }
    (tmp_path / "result.json").write_text(json.dumps({"metric": "FD[lite0]", **result}))
    for arguments, epsilon in (({}, 1e-3), ({"bn_epsilon": 1e-5}, 1e-5)):
        recipe.write(wgan_gp(**arguments), tmp_path / "recipe.toml")
        assert epsilons(zoo.load_entry(tmp_path)) == {epsilon}


@pytest.mark.filterwarnings("ignore:The Frechet distance of")
@pytest.mark.parametrize("old", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_run_goes_on_with_the_default_of_its_time(tmp_path, old):
    train_recipe(wgan_gp(), tmp_path / "run", verbose=0)
    kept = recipe.read(tmp_path / "run" / "recipe.toml")
    assert kept.model.arguments["bn_epsilon"] == 1e-5
    if old:
        del kept.model.arguments["bn_epsilon"]
        recipe.write(kept, tmp_path / "run" / "recipe.toml")
        for file in (tmp_path / "run").rglob("model.keras"):
            without(file, "bn_epsilon")
    train_recipe(wgan_gp(steps=2), tmp_path / "run", change_recipe=True, verbose=0)
    end = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert end.bn_epsilon == (1e-3 if old else 1e-5)
    train_recipe(wgan_gp(steps=2), tmp_path / "run", verbose=0)  # nothing differs


def test_a_run_by_call_goes_on_though_its_record_lacks_new_arguments(tmp_path):
    def gan(**arguments):
        gan = WGANGP((8, 8, 1), width=4, n_critic=1, seed=1, **arguments)
        gan.compile()
        return gan

    images = np.zeros((8, 8, 8, 1), "float32")

    def run(gan, steps):
        train(gan, images, tmp_path / "run", steps=steps, batch_size=4, verbose=0)

    run(gan(), 1)
    record = tmp_path / "run" / "session.json"
    kept = json.loads(record.read_text())
    del kept["model"]["bn_epsilon"], kept["model"]["gp_weight"]
    record.write_text(json.dumps(kept))
    with pytest.raises(UserError, match="another training .model.bn_epsilon: 0.001 -> 1e-05"):
        run(gan(), 2)
    run(gan(bn_epsilon=1e-3), 2)


def test_a_training_does_not_start_from_weights_of_another_default():
    start = WGANGP((8, 8, 1), width=4, bn_epsilon=1e-3)
    with pytest.raises(UserError, match="set model.bn_epsilon=0.001. Received: bn_epsilon=1e-05"):
        take_weights(WGANGP((8, 8, 1), width=4), start)


def test_a_new_recipe_gets_todays_default_and_a_given_value_stays():
    assert settled(wgan_gp(), SPEC).model.arguments["bn_epsilon"] == 1e-5
    assert settled(wgan_gp(bn_epsilon=0.1), SPEC).model.arguments["bn_epsilon"] == 0.1
    assert settled(wgan_gp(), SPEC, kept={}).model.arguments["bn_epsilon"] == 1e-3
