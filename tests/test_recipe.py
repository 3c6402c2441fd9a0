"""Recipes: reading one fills in every default, and errors name the mistake."""

import keras
import numpy as np
import pytest
from foreign import cycle

import kerasgan
from kerasgan import models
from kerasgan.signature import Image
from kerasgan.training import recipe
from kerasgan.training.build import build
from kerasgan.training.optimizers import build_optimizer
from kerasgan.training.train import train_recipe
from kerasgan.utils.errors import UserError


def write(folder, text):
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_what_a_file_leaves_out_has_its_default(tmp_path):
    read = recipe.read(write(tmp_path, '[model]\nname = "dcgan"\nwidth = 16\n'))
    assert read.model == recipe.Model("dcgan", {"width": 16})
    assert read.training == recipe.Training()


def test_a_written_recipe_reads_back_the_same(tmp_path):
    given = recipe.complete({"model": {"width": 16}, "g_optimizer": {"learning_rate": 1e-4}})
    recipe.write(given, tmp_path / "a.toml")
    assert recipe.read(tmp_path / "a.toml") == given


@pytest.mark.parametrize(
    "text, message",
    [
        ("[modle]\nwidth = 1", 'unknown table "modle": did you mean "model"'),
        ("[model]\nwidht = 16", 'unknown key model.widht: did you mean "width"'),
        ("[data]\nbatchsize = 16", 'unknown key data.batchsize: did you mean "batch_size"'),
        ("[g_optimizer]\nlearning_rat = 1", 'did you mean "learning_rate"'),
        ('[g_optimizer]\nname = "adm"', 'Keras has no optimizer "adm"'),
        ('[model]\nname = "dcgn"', 'there is no model "dcgn": did you mean "dcgan"'),
        ("[training]\nepochs = 1.5", "training.epochs must be a whole number. Received: 1.5"),
        ("[training]\nepochs = true", "training.epochs must be a whole number. Received: True"),
        ("[training]\nepochs = 0", "training.epochs must be positive"),
        ('[data]\nimage_size = "32"', "data.image_size must be a whole number"),
        ("[data]\nname = 3", "data.name must be a text"),
        ('[model]\nname = "cgan"\nnum_classes = 1.5', "model.num_classes must be a whole number"),
        ("[training]\nstart_from = 3", "training.start_from must be a text"),
        ('[training]\nprecision = "half"', 'there is no "half": valid: auto, float32'),
        ('[training]\njit_compile = "of"', 'there is no "of": did you mean "off"'),
        ("[training]\njit_compile = true", "training.jit_compile must be a text"),
        ("model = 3", "model must be a table"),
        ("[model\n", "not valid TOML"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_sentence_that_names_it(tmp_path, text, message):
    with pytest.raises(UserError) as raised:
        recipe.read(write(tmp_path, text))
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(UserError, match="Cannot read the recipe .*: No such file"):
        recipe.read(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "model, batch_size",
    [
        ({"name": "dcgan"}, 64),
        ({"name": "sngan"}, 320),
        ({"name": "wgan_gp", "n_critic": 2}, 128),
        ({"name": "vanilla", "k": 3}, 192),
    ],
)
def test_a_batch_holds_64_images_for_each_update_of_the_discriminator(model, batch_size):
    assert recipe.complete({"model": model}).data.batch_size == batch_size
    given = {"model": model, "data": {"batch_size": 10}}
    assert recipe.complete(given).data.batch_size == 10


def test_overrides_take_toml_values_and_bare_words():
    given = recipe.override({}, ["model.name=dcgan", "training.epochs=3", 'data.name="a b"'])
    assert given == {
        "model": {"name": "dcgan"},
        "training": {"epochs": 3},
        "data": {"name": "a b"},
    }
    with pytest.raises(UserError, match="written table.key=value. Received: epochs"):
        recipe.override({}, ["epochs"])


def test_optimizer_tables_change_only_what_they_name():
    def table(name=None, **arguments):
        return recipe.Optimizer(name, arguments=arguments)

    default, _ = models.get("dcgan").default_optimizers()
    changed = build_optimizer(table(learning_rate=1e-3), default)
    assert changed.get_config() == pytest.approx({**default.get_config(), "learning_rate": 1e-3})
    other = build_optimizer(table("sgd", momentum=0.5), default)
    assert type(other).__name__ == "SGD" and other.momentum == 0.5


FALLING = {"schedule": "cosine", "start": 1e-3, "end": 1e-4, "images": 1000}


def test_a_rate_may_follow_a_schedule_of_the_images_seen(tmp_path):
    table = '[g_optimizer]\nlearning_rate = { schedule = "cosine", start = 1e-3, end = 1e-4, '
    whole = recipe.read(write(tmp_path, table + "images = 1_000 }\n"))
    assert whole.optimizers["g"].arguments == {"learning_rate": FALLING}
    recipe.write(whole, tmp_path / "written.toml")
    assert recipe.read(tmp_path / "written.toml") == whole
    gan = build(whole.replace(model={"width": 4}), {"image": Image((8, 8, 1))})
    gan.images_seen.assign(500)
    assert float(gan.g_optimizer.learning_rate) == pytest.approx(5.5e-4)
    assert isinstance(gan.d_optimizer.get_config()["learning_rate"], float)


@pytest.mark.parametrize(
    "table, message",
    [
        ({"learning_rate": {**FALLING, "end": "x"}}, "learning_rate.end must be a number"),
        ({"learning_rate": {**FALLING, "images": 0}}, "images must be positive. Received: 0"),
        ({"learning_rate": {**FALLING, "schedule": "cos"}}, 'there is no "cos".*"cosine"'),
        ({"learning_rate": {**FALLING, "epochs": 3}}, "unknown key epochs"),
        ({"learning_rate": {"start": 1.0}}, "is a number, or a schedule.*no schedule"),
        ({"learning_rate": FALLING, "linear_decay": True}, "linear_decay needs a number"),
        ({"beta_1": FALLING}, "beta_1 cannot follow a schedule"),
        ({"beta_2": FALLING}, "beta_2 cannot follow a schedule"),  # of Keras's own Adam
        ({"beta_3": FALLING}, "beta_3 cannot follow a schedule"),
    ],
)
def test_a_wrong_schedule_is_refused(table, message):
    with pytest.raises(UserError, match=message):
        recipe.complete({"model": {"name": "dcgan"}, "g_optimizer": table})


def test_each_player_of_a_model_has_its_table(monkeypatch):
    monkeypatch.setattr(models, "names", lambda: ["cycle", "dcgan"])
    monkeypatch.setattr(models, "get", lambda name: cycle.Cycle)
    given = {"model": {"name": "cycle"}, "f_optimizer": {"learning_rate": 1e-3}}
    whole = recipe.complete(given)
    assert whole.optimizers["f"] == recipe.Optimizer(arguments={"learning_rate": 1e-3})
    assert whole.optimizers["e"] == recipe.Optimizer()
    with pytest.raises(UserError, match='unknown table "h_optimizer": did you mean'):
        recipe.complete({**given, "h_optimizer": {}})


@pytest.mark.parametrize("table, updates", [("g_optimizer", 100), ("d_optimizer", 200)])
def test_a_rate_that_decays_reaches_0_with_the_last_update_and_the_other_stays(table, updates):
    model = {"name": "wgan_gp", "width": 8, "n_critic": 2}
    gan = build(
        recipe.complete({"model": model, table: {"learning_rate": 0.5, "linear_decay": True}}),
        {"image": Image((8, 8, 1))},
        updates=100,
    )
    falling, other = gan.g_optimizer, gan.d_optimizer
    if table == "d_optimizer":
        falling, other = other, falling
    rates = []
    for iterations in (0, updates // 2, updates):
        falling.iterations.assign(iterations)
        rates.append(float(falling.learning_rate))
    np.testing.assert_allclose(rates, [0.5, 0.25, 0.0], rtol=1e-6)
    other.iterations.assign(updates)
    assert float(other.learning_rate) == pytest.approx(1e-4)


def test_precision_and_ways_to_execute_reach_the_model():
    training = {"precision": "mixed_bfloat16", "jit_compile": "on", "steps_per_execution": 4}
    gan = build(
        recipe.complete({"model": {"width": 8}, "training": training}), {"image": Image((8, 8, 1))}
    )
    assert gan.generator.layers[1].compute_dtype == "bfloat16"
    assert (gan.jit_compile, gan.pace.wanted) == (True, 4)
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("value", [0, "often", 1.5, True])
def test_the_number_of_steps_in_a_call_is_checked(value):
    with pytest.raises(UserError, match="training.steps_per_execution must be"):
        recipe.complete({"training": {"steps_per_execution": value}})


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_a_training_starts_from_the_weights_of_a_trained_model(tmp_path):
    small = {
        "model": {"width": 4},
        "data": {"split": "train[:64]", "image_size": 8, "batch_size": 32},
        "training": {"epochs": 1, "start_from": "a run"},
        "evaluation": {"num": 2},
    }
    first = kerasgan.DCGAN((8, 8, 1), width=4, seed=1)
    settings = recipe.complete(small).replace(g_optimizer={"learning_rate": 0.0})
    with pytest.raises(UserError, match="start=load"):
        train_recipe(settings, tmp_path / "run", verbose=0)
    with pytest.raises(UserError, match="same class and arguments"):
        other = kerasgan.DCGAN((8, 8, 1), width=8)
        train_recipe(settings, tmp_path / "run", verbose=0, start=other)
    train_recipe(settings, tmp_path / "run", verbose=0, start=first)
    trained = kerasgan.load(tmp_path / "run")
    for weight, start in zip(
        trained.generator.trainable_weights, first.generator.trainable_weights, strict=True
    ):
        np.testing.assert_array_equal(weight, start)
