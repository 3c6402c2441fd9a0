"""Differentiable augmentation: transformations against the authors' code, and their one seat."""

from pathlib import Path

import contract
import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.gan.augmentation import some_values
from kerasgan.layers import augmentation
from kerasgan.signature import Image
from kerasgan.training.build import build
from kerasgan.training.recipe import complete
from kerasgan.utils.errors import UserError

GOLDEN = np.load(Path(__file__).parent / "golden" / "augment.npz")


def transformed(name, channels):
    """Returns the function of pictures that golden results belong to."""
    uniform, normal = (tf.constant(GOLDEN[f"{each}_{channels}"]) for each in ("uniform", "normal"))
    if name == "diffaugment":
        return lambda x: augmentation.diff_augment(x, uniform[:, :7])
    p = tf.constant(float(name.partition("_")[2]))
    return lambda x: augmentation.ada(x, uniform, normal, p)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["diffaugment", "ada_0.3", "ada_1.0"])
def test_values_and_gradients_are_those_of_the_authors_code(name, channels):
    images = tf.constant(GOLDEN[f"images_{channels}"])
    weights = GOLDEN[f"weights_{channels}"]
    with tf.GradientTape() as tape:
        tape.watch(images)
        made = transformed(name, channels)(images)
        total = tf.reduce_sum(made * weights)
    near(made.numpy(), GOLDEN[f"{name}_{channels}"])
    gradient = tape.gradient(total, images).numpy()
    near(gradient, GOLDEN[f"{name}_gradient_{channels}"])


def near(actual, desired):
    """1e-5 of the largest value."""
    assert np.abs(actual - desired).max() < 1e-5 * np.abs(desired).max()


def test_opacity_keeps_its_levels():
    images = tf.random.stateless_uniform((4, 16, 16, 4), [0, 0], -1, 1)
    uniform = tf.random.stateless_uniform((4, 21), [0, 1])
    still = tf.constant([[0.5] * 5 + [0.0] * 16] * 4)  # no colours, no shift; the hole stays
    hole = augmentation.diff_augment(images, still[:, :7])
    kept = hole != 0
    np.testing.assert_array_equal(hole[..., 3][kept[..., 3]], images[..., 3][kept[..., 3]])
    recoloured = augmentation.recolour(
        images,
        augmentation.colour_transform(False, iter(tf.unstack(uniform, axis=1)),
                                      iter(tf.unstack(uniform, axis=1)), tf.constant(1.0)),
    )  # fmt: skip
    np.testing.assert_array_equal(recoloured[..., 3], images[..., 3])
    assert not np.allclose(recoloured[..., :3], images[..., :3])


@pytest.mark.parametrize("name", ["diffaugment", "ada_1.0"])
def test_a_penalty_on_gradients_has_gradients_through_it(name):
    images = tf.constant(GOLDEN["images_3"])
    weights = tf.constant(GOLDEN["weights_3"])
    direction = tf.constant(np.random.default_rng(1).normal(size=images.shape).astype("float32"))

    def penalty(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(weights * transformed(name, 3)(x) ** 3)
        return tf.reduce_sum(tape.gradient(total, x) ** 2)

    with tf.GradientTape() as tape:
        tape.watch(images)
        value = penalty(images)
    slope = float(tf.reduce_sum(tape.gradient(value, images) * direction))
    step = 1e-3
    numeric = float(penalty(images + step * direction) - penalty(images - step * direction))
    assert slope == pytest.approx(numeric / (2 * step), rel=1e-2)


# --- The seat ---

NAMES = [
    case
    for case in contract.cases(slow=("sagan", "sngan"))
    if contract.model(case.values[0][0]).judges_pictures
]
# SRGAN's G also learns from features of its pictures, which no discriminator sees.
DRAWING = [case for case in NAMES if "foreign" not in case.id and case.id != "srgan"]


def start(case, augment, **more):
    name, arguments = case.values[0] if hasattr(case, "values") else case
    gan = contract.build(name, **{**arguments, "augment": augment, **more})
    gan.compile()
    return gan


@pytest.mark.parametrize("case", DRAWING)
def test_no_picture_reaches_the_discriminator_unchanged(case, monkeypatch):
    # Where nothing of a picture is left, D cannot teach G anything.
    monkeypatch.setattr(augmentation, "diff_augment", lambda pictures, uniform: pictures * 0.0)
    # Terms that move weights by themselves
    gan = start(case, "diffaugment", ortho_weight=0.0, l1_weight=0.0)
    kept = [weight.numpy() for weight in gan.generator.trainable_weights]
    logs = contract.train(gan).history
    for weight, old in zip(gan.generator.trainable_weights, kept, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    if "gradient_penalty" in logs:  # (0 - 1)^2
        assert logs["gradient_penalty"] == [pytest.approx(1.0, abs=1e-5)]


def test_pictures_of_one_example_change_alike(monkeypatch):
    seen = []
    change = augmentation.diff_augment

    def recorded(pictures, uniform):
        seen.append((pictures.shape[-1], uniform))
        return change(pictures, uniform)

    monkeypatch.setattr(augmentation, "diff_augment", recorded)
    contract.train(start(("foreign.pictures", {}), "diffaugment"))
    channels, numbers = zip(*seen, strict=True)
    assert channels[:6] == (3, 1) * 3  # of D's three judgements
    assert [a is b for a, b in zip(numbers[:5], numbers[1:6], strict=True)] == [True, False] * 2 + [
        True
    ]


@pytest.mark.parametrize("augment", ["diffaugment", "ada"])
def test_pictures_change_in_steps_only_and_differently_each_time(augment):
    gan = start(("dcgan", {}), augment)
    x = contract.fake_images(4)
    judged = gan.discriminator(x).numpy()
    losses = []
    for _ in range(2):
        gan.test_on_batch(x)  # a step that leaves no trace
        losses.append(gan.test_on_batch(x, return_dict=True)["d_loss"])
    np.testing.assert_array_equal(gan.discriminator(x), judged)
    assert losses[0] == losses[1]
    contract.train(gan, 2)
    assert gan.discriminator(x).shape == (4, 1)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("augment", ["diffaugment", "ada"])
def test_mixed_precision(augment, policy):
    gan = contract.build("dcgan", augment=augment, dtype=policy)
    gan.compile()
    if augment == "ada":
        gan.augmentation.probability.assign(0.6)
    history = contract.train(gan, 4).history
    assert np.isfinite([values for values in history.values()]).all()


@pytest.mark.parametrize("name", ["diffaugment", "ada_1.0"])
def test_xla_computes_the_same(name):
    images = tf.constant(GOLDEN["images_3"])
    compiled = tf.function(transformed(name, 3), jit_compile=True)
    near(compiled(images).numpy(), GOLDEN[f"{name}_3"])


@pytest.mark.parametrize("augment", [pytest.param("diffaugment", marks=pytest.mark.slow), "ada"])
def test_xla_trains(augment):
    gan = contract.build("wgan_gp" if augment == "diffaugment" else "dcgan", augment=augment)
    gan.compile(jit_compile=True)
    history = contract.train(gan).history
    assert np.isfinite([values for values in history.values()]).all()


@pytest.mark.parametrize(
    "options", [{}, pytest.param({"jit_compile": True}, marks=pytest.mark.slow)]
)
def test_ada_changes_pictures_as_often_as_p_says(options):
    losses = []
    for p in (0.0, 0.9):
        keras.utils.set_random_seed(0)
        gan = contract.build("dcgan", augment="ada")
        gan.compile(**options)
        gan.augmentation.probability.assign(p)
        losses.append(contract.train(gan).history["d_loss"][0])
    keras.utils.set_random_seed(0)
    gan = contract.build("dcgan")
    gan.compile(**options)
    plain = contract.train(gan).history["d_loss"][0]
    assert losses[0] == pytest.approx(plain, abs=1e-5) != pytest.approx(losses[1], abs=1e-3)


def biased(gan, bias):
    """Lets D place every picture on one side."""
    layer = gan.discriminator.get_layer("logits")
    layer.bias.assign(tf.fill(layer.bias.shape, bias))


def test_p_follows_the_sign_of_what_d_says_of_real_pictures():
    gan = start(("dcgan", {}), "ada")
    biased(gan, 1e3)
    history = contract.train(gan, 11).history
    # Two moves, after the 4th and the 8th step, of 4 batches of 8 images each.
    assert float(gan.augmentation.probability) == pytest.approx(2 * 4 * 8 / 500_000)
    assert history["augment_p"] == [pytest.approx(2 * 4 * 8 / 500_000)]
    biased(gan, -1e3)
    contract.train(gan, 1)  # the 12th
    # The mean of 1, 1, 1, -1 is below 0.6.
    assert float(gan.augmentation.probability) == pytest.approx(4 * 8 / 500_000)
    contract.train(gan, 20)
    assert float(gan.augmentation.probability) == 0.0


def test_only_real_pictures_count_also_where_d_sees_both_in_one_call():
    gan = start(("dcgan", {}), "ada")
    random = np.random.default_rng(0)
    real, fakes = random.uniform(-1, 1, (2, 4, *gan.image_shape)).astype("float32")
    real[0] = fakes[0] = -1.0  # black, but for what makes it another picture
    fakes[0, ::2, ::2] = 1.0
    example = {"image": tf.constant(real)}
    for both, logits in (([fakes, real], [-2.0, 3.0]), ([real[:2], fakes], [3.0, -2.0])):
        logits = np.concatenate(
            [np.full((len(x), 1), y) for x, y in zip(both, logits, strict=True)]
        )
        before = [float(gan.augmentation.signs), float(gan.augmentation.seen)]
        gan.augmentation.observe([tf.constant(np.concatenate(both))], tf.constant(logits), example)
        number = 1.0 if both[0] is fakes else 0.5  # of a batch
        assert float(gan.augmentation.signs) - before[0] == number
        assert float(gan.augmentation.seen) - before[1] == number


@pytest.mark.parametrize("shape", [(64, 64, 3), (128, 128, 1), (28, 28, 1), (8, 8, 3)])
def test_pictures_are_known_by_values_all_over_them(shape):
    picture = tf.reshape(tf.range(np.prod(shape), dtype="float32"), (1, *shape))
    places = some_values(picture)[0].numpy().astype(int)
    rows, columns, channels = np.unravel_index(places, shape)
    assert len(set(places)) > 40  # of 64
    for found, side in ((rows, shape[0]), (columns, shape[1]), (channels, shape[2])):
        assert len(set(found)) >= min(side, 24)


def test_a_real_picture_that_is_given_makes_no_generated_one_real():
    gan = start(("dcgan", {}), "ada")
    real, fakes = np.random.default_rng(0).uniform(-1, 1, (2, 4, *gan.image_shape))
    example = {"image": tf.constant(real, "float32")}
    gan.augmentation.observe([tf.constant(fakes), tf.constant(real)], tf.ones((4, 1)), example)
    assert float(gan.augmentation.seen) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sagan", "biggan"])
def test_p_rises_for_models_that_judge_both_in_one_pass(name):
    gan = start((name, {}), "ada")
    gan.discriminator.get_layer("logits").bias.assign([1e3])
    contract.train(gan, 4)
    assert float(gan.augmentation.probability) > 0.0
    gan.discriminator.get_layer("logits").bias.assign([-1e3])
    contract.train(gan, 4)
    assert float(gan.augmentation.probability) == 0.0


def test_p_is_told_and_fixed_without_a_decision_boundary():
    with pytest.warns(
        UserWarning, match="LSGAN has no decision boundary .* probability 0.4"
    ) as told:
        gan = start(("lsgan", {}), "ada")
    assert "augment_p" not in contract.train(gan).history
    assert told[0].filename.endswith("contract.py")  # the caller


def test_ada_goes_on_where_it_was(tmp_path):
    gan = start(("dcgan", {}), "ada")
    biased(gan, 1e3)
    contract.train(gan, 6)
    gan.augmentation.probability.assign(0.6)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.augment == "ada"
    state = ("probability", "signs", "seen", "steps")
    before = [float(getattr(gan.augmentation, name)) for name in state]
    assert [float(getattr(loaded.augmentation, name)) for name in state] == before
    assert before[0] > 0 and before[3] == 2


@pytest.mark.slow
def test_ada_refuses_what_it_cannot_judge():
    class Smoothed(kerasgan.DCGAN):
        def train_step(self, images):
            return super().train_step(images * 0.9)

    gan = Smoothed((8, 8, 1), width=4, augment="ada")
    gan.compile()
    with pytest.raises((UserError, tf.errors.InvalidArgumentError), match="no real picture as it"):
        gan.fit(np.zeros((8, 8, 8, 1)) + 0.5, batch_size=4, verbose=0)
    gan.compile(jit_compile=True)  # XLA knows no assertions
    history = gan.fit(np.zeros((8, 8, 8, 1)) + 0.5, batch_size=4, verbose=0).history
    assert np.isnan(history["augment_p"]).all()


def test_refusals():
    with pytest.raises(UserError, match='no augmentation "difaugment": did you mean "diffaugment"'):
        kerasgan.DCGAN((8, 8, 1), width=4, augment="difaugment")
    with pytest.raises(UserError, match="draws points"):
        kerasgan.WGANGP((2,), width=4, augment="ada")
    for name in ("lapgan", "cyclegan"):
        with pytest.raises(UserError, match="GAN judges no whole pictures, or with several"):
            contract.build(name, augment="diffaugment")


def test_a_recipe_may_ask_for_it():
    recipe = complete({"model": {"name": "sngan", "width": 4, "augment": "ada"}})
    assert build(recipe, {"image": Image((8, 8, 3))}).augment == "ada"
    with pytest.raises(UserError, match="model.augment must be a text"):
        complete({"model": {"name": "sngan", "augment": True}})
