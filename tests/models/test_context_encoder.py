"""The context encoder: networks against torch's (`golden/make_restoration.py`), what is composed of
what, holes, and the losses of a step against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from golden_files import check_network, reader

from kerasgan import ContextEncoder
from kerasgan.models.context_encoder import (
    build_discriminator,
    build_generator,
    central_hole,
    fill,
    margin_weights,
    random_holes,
)
from kerasgan.utils import replicas
from kerasgan.utils.errors import UserError

golden = reader("restoration.npz")
SHAPE = (32, 32, 3)


def pictures(num=4, shape=SHAPE):
    return np.random.default_rng(0).uniform(-1, 1, (num, *shape)).astype("float32")


def small_gan(rate=None, shape=SHAPE, **arguments):
    keras.utils.set_random_seed(0)
    gan = ContextEncoder(shape, **{"width": 2, "seed": 1, **arguments})
    optimizers = () if rate is None else (keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    gan.compile(*optimizers, run_eagerly=True)  # tracing takes longer than such steps
    return gan


def drawing_of(generator):
    return keras.Model(generator.inputs, generator.get_layer("drawing").output)


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, "float64")))


def test_the_generator_is_the_authors():
    picture = keras.Input((128, 128, 1))
    drawing = drawing_of(build_generator((128, 128, 1), 1))
    whole = keras.Model(picture, drawing([picture, keras.ops.zeros_like(picture)]))
    assert drawing.output_shape == (None, 64, 64, 1)
    check_network(whole, golden("context_encoder"))


def test_the_discriminator_is_the_authors():
    check_network(build_discriminator((128, 128, 3), 1), golden("context_judge"))


def test_default_width_gives_the_networks_of_the_paper():
    def filters(network, kind):
        return [x.filters for x in network.layers if type(x) is kind]

    down, up = keras.layers.Conv2D, keras.layers.Conv2DTranspose
    central = build_generator((128, 128, 3))
    assert filters(central, down) == [64, 64, 128, 256, 512, 4000]
    assert filters(central, up) == [512, 256, 128, 64, 3]
    whole = build_generator((128, 128, 3), 4, central=False)
    assert filters(whole, up) == [32, 16, 8, 4, 4, 3]
    smaller = build_generator((64, 64, 3), 4, central=False)
    assert filters(smaller, down) == [4, 8, 16, 32, 250]
    assert filters(smaller, up) == [32, 16, 8, 4, 3]
    judge = build_discriminator((128, 128, 3), 4, central=False)
    assert filters(judge, down) == [4, 4, 8, 16, 32, 1]


@pytest.mark.parametrize("region", ["central", "random"])
@pytest.mark.parametrize("shape", [SHAPE, (28, 32, 1), (16, 16, 4)])
def test_a_sample_is_the_picture_outside_of_the_hole_and_the_drawing_inside(region, shape):
    gan = ContextEncoder(shape, width=2, region=region)
    images = pictures(3, shape)
    holes = np.asarray(gan.holes(3, (0, 1)))
    inside = np.broadcast_to(holes == 1, images.shape)
    filled = gan.sample(picture=images, hole=holes)
    np.testing.assert_array_equal(filled[~inside], images[~inside])
    drawn = drawing_of(gan.generator)([images, holes]).numpy()
    if region == "central":
        height, width = shape[0] // 4, shape[1] // 4
        drawn = np.pad(drawn, [(0, 0), (height, height), (width, width), (0, 0)])
    np.testing.assert_allclose(filled[inside], drawn[inside], atol=1e-5)
    # G does not look into the hole
    other = np.where(inside, -images, images)
    np.testing.assert_array_equal(gan.sample(picture=other, hole=holes), filled)


def test_a_hole_outside_of_the_central_region_is_filled_with_the_mean_colour():
    gan = ContextEncoder(SHAPE, width=2)
    filled = gan.sample(picture=pictures(1), hole=np.ones((1, 32, 32, 1)))
    expected = np.array([117.0, 104.0, 123.0]) / 127.5 - 1.0
    np.testing.assert_allclose(filled[0, :8].reshape(-1, 3), [expected] * (8 * 32), atol=1e-6)
    np.testing.assert_allclose(fill(1), expected.mean(keepdims=True), atol=1e-6)
    np.testing.assert_allclose(fill(4), [*expected, 1.0], atol=1e-6)


def test_the_central_hole_and_its_margin_are_the_authors_at_128_pixels():
    hole, weights = central_hole((128, 128, 3)), margin_weights((128, 128, 3))
    rows = np.flatnonzero(hole[:, 64, 0])
    assert (rows[0], rows[-1], hole.sum()) == (32 + 4, 95 - 4, 56 * 56)
    assert weights.shape == (64, 64, 1) and (weights[4:-4, 4:-4] == 1.0).all()
    assert (weights == 10.0).sum() == 64 * 64 - 56 * 56


def test_random_holes_are_rectangles_of_up_to_a_quarter_of_the_picture():
    holes = random_holes(200, (0, 1), (32, 48, 3)).numpy()
    assert holes.shape == (200, 32, 48, 1) and set(np.unique(holes)) == {0.0, 1.0}
    shares = holes.mean((1, 2, 3))
    assert 1 / 64 <= shares.min() < 0.08 and 0.15 < shares.max() <= 0.25
    assert holes[:, :, 24].any(0).all() and holes[:, 16].any(0).all()  # up to the borders
    assert len(np.unique(holes.reshape(200, -1), axis=0)) == 200
    np.testing.assert_array_equal(random_holes(5, (0, 1), (32, 48, 3)), holes[:5])


def test_replicas_draw_the_holes_of_one_device(mirrored):
    gan = small_gan(region="random")
    images = tf.constant(pictures(4))
    with mirrored.scope():
        two = small_gan(region="random")

    def drawn(model):
        seed = model.next_seed()
        return replicas.own_rows(lambda rows: model.holes(rows, seed), 2)

    parts = mirrored.run(drawn, [two])
    parts = np.concatenate([each.numpy() for each in mirrored.experimental_local_results(parts)])
    np.testing.assert_array_equal(parts, gan.holes(len(images), gan.next_seed()))


@pytest.mark.parametrize("region", ["central", "random"])
def test_a_step_has_the_joint_loss(region):
    gan, images = small_gan(0.0, region=region), tf.constant(pictures())
    holes = gan.holes(4, (1, 1))  # the first draw
    if region == "central":
        fakes = drawing_of(gan.generator)([images, holes], training=True).numpy()
        real, weights = images[:, 8:24, 8:24], np.full((1, 16, 16, 1), 10.0)
        weights[:, 1:-1, 1:-1] = 1.0
        l2 = np.mean(weights * (real - fakes) ** 2)
    else:
        fakes = gan.generator([images, holes], training=True).numpy()
        real, inside = images, np.broadcast_to(holes == 1, images.shape)
        l2 = np.mean([np.mean((real - fakes).numpy()[i][inside[i]] ** 2) for i in range(4)])
    real_logits, fake_logits = (gan.discriminator(x, training=True) for x in (real, fakes))
    adversarial = softplus(-fake_logits).mean()
    expected = {
        "d_loss": softplus(-real_logits).mean() + softplus(fake_logits).mean(),
        "g_loss": 0.999 * l2 + 0.001 * adversarial,
        "l2": l2,
        "adversarial": adversarial,
    }
    history = gan.fit(images, batch_size=4, shuffle=False, verbose=0).history
    logs = {name: values[0] for name, values in history.items()}
    assert logs == pytest.approx({k: float(v) for k, v in expected.items()}, rel=1e-4)


def test_g_learns_ten_times_as_fast():
    rates = [float(each.learning_rate) for each in small_gan().optimizers.values()]
    assert rates == pytest.approx([2e-3, 2e-4])


def test_each_step_cuts_other_holes_and_kept_ones_stay():
    gan, images = small_gan(region="random"), pictures(8)
    gan.fit(images, batch_size=4, shuffle=False, verbose=0)
    kept = gan.examples["hole"].copy()
    assert kept.shape == (8, 32, 32, 1) and 0 < kept.mean() < 0.25
    np.testing.assert_allclose(gan.examples["picture"], images, atol=1e-6)
    assert int(gan.draws.numpy()) == 2
    gan.fit(images, batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_array_equal(gan.examples["hole"], kept)
    assert gan.sample(3).shape == (3, *SHAPE)


def test_a_resumed_training_cuts_the_same_holes(tmp_path):
    images, straight = pictures(8), small_gan(region="random")
    straight.fit(images, batch_size=4, verbose=0)
    straight.save(tmp_path / "gan.keras")
    resumed = keras.saving.load_model(tmp_path / "gan.keras")
    for gan in (straight, resumed):
        gan.fit(images, batch_size=4, verbose=0)
    for first, second in zip(straight.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(first, second, err_msg=first.path)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_it_trains_in_mixed_precision_and_augmented(policy):
    gan = small_gan(region="random", dtype=policy, augment="ada")
    logs = gan.fit(pictures(), batch_size=4, verbose=0).history
    assert np.isfinite(list(logs.values())).all() and "augment_p" in logs
    holes = np.asarray(gan.holes(4, (0, 0)))
    filled = gan.sample(picture=pictures(), hole=holes)
    outside = np.broadcast_to(holes == 0, filled.shape)
    np.testing.assert_array_equal(filled[outside], pictures()[outside])  # not rounded to 16 bits


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"region": "centre"}, 'no region "centre"'),
        ({"augment": "ada"}, 'works with region="random"'),
        ({"image_shape": (30, 32, 3)}, "divisible by 4"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        ContextEncoder(**{"image_shape": SHAPE, "width": 2, **arguments})
    with pytest.raises(UserError, match="`hole` must be 0 or 1"):
        small_gan().sample(picture=pictures(), hole=np.full((4, 32, 32, 1), 0.5))
