"""SRGAN: networks against torch's (`golden/make_restoration.py`), reductions against Pillow and
TensorFlow, losses against NumPy, and when each stage trains what."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from golden_files import check_network, reader
from PIL import Image as Pillow

from kerasgan import SRGAN
from kerasgan.metrics import EfficientNetLite0
from kerasgan.models.srgan import (
    FEATURE_SCALE,
    Features,
    build_discriminator,
    build_generator,
    reduced,
)
from kerasgan.utils.errors import UserError

golden = reader("restoration.npz")
SHAPE = (16, 16, 3)


def pictures(num=8, shape=SHAPE):
    return np.random.default_rng(0).uniform(-1, 1, (num, *shape)).astype("float32")


def small_gan(shape=SHAPE, rate=None, run_eagerly=True, **arguments):
    keras.utils.set_random_seed(0)
    gan = SRGAN(shape, **{"width": 2, "blocks": 1, "seed": 1, "mse_images": 8, **arguments})
    optimizers = () if rate is None else (keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    gan.compile(*optimizers, run_eagerly=run_eagerly)  # tracing takes longer than such steps
    return gan


def values(network):
    return [weight.copy() for weight in network.get_weights()]


def same(first, second):
    return all((a == b).all() for a, b in zip(first, second, strict=True))


def logs_of(history):
    return {name: each[-1] for name, each in history.history.items()}


def test_the_generator_is_that_of_figure_4():
    # The recorded small pictures have 5 x 4 pixels
    check_network(build_generator((20, 16, 3), 4, 2, 2), golden("srresnet"))


def test_the_discriminator_is_that_of_figure_4():
    check_network(build_discriminator((32, 32, 3), 2), golden("srgan_judge"))


def test_default_width_gives_the_networks_of_the_paper():
    generator = build_generator((96, 96, 3))
    convs = [x for x in generator.layers if isinstance(x, keras.layers.Conv2D)]
    assert [x.filters for x in convs] == [64] * (1 + 2 * 16 + 1) + [256, 256, 3]
    assert [x.kernel_size[0] for x in convs] == [9] + [3] * (2 * 16 + 1 + 2) + [9]
    discriminator = build_discriminator((96, 96, 3))
    convs = [x for x in discriminator.layers if isinstance(x, keras.layers.Conv2D)]
    assert [x.filters for x in convs] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [x.strides[0] for x in convs] == [1, 2] * 4
    dense = [x.units for x in discriminator.layers if isinstance(x, keras.layers.Dense)]
    assert dense == [1024, 1]


@pytest.mark.parametrize("scale", [2, 4])
def test_small_pictures_are_bicubic_reductions(scale):
    images = pictures(3, (16, 24, 3)) / 2  # so that nothing is clipped
    small = reduced(images, scale).numpy()
    sides = 16 // scale, 24 // scale
    expected = tf.image.resize(images, sides, "bicubic", antialias=True)
    np.testing.assert_allclose(small, expected, atol=1e-6)
    for place in range(3):
        for channel in range(3):
            plane = Pillow.fromarray(images[place, :, :, channel])
            plane = np.asarray(plane.resize(sides[::-1], Pillow.Resampling.BICUBIC))
            np.testing.assert_allclose(small[place, :, :, channel], plane, atol=1e-6)
    white = np.full((1, 16, 16, 1), 255, "uint8")
    np.testing.assert_allclose(reduced(white, scale), 1.0, atol=1e-6)
    assert np.abs(reduced(np.sign(pictures()), scale)).max() <= 1.0


def test_features_are_those_of_the_extractor_before_its_last_reduction():
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    extractor = EfficientNetLite0(64)  # doubles them
    network = extractor.build_network()
    layers = [layer.name for layer in network.layers]
    maps = network.layers[layers.index("block11.depthwise") - 1].output  # ReLU6
    expected = keras.Model(network.input, maps)(extractor.preprocess(images)) / FEATURE_SCALE
    features = Features()(images / np.float32(127.5) - 1.0)
    assert features.shape == (2, 4, 4, 672)
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_features_of_grey_and_transparent_pictures_are_those_of_what_one_sees():
    features, colour = Features(), pictures(2)
    grey = colour[..., :1]
    np.testing.assert_allclose(features(grey), features(np.repeat(grey, 3, -1)), atol=1e-5)
    opaque = np.concatenate([colour, np.ones_like(grey)], -1)
    np.testing.assert_allclose(features(opaque), features(colour), atol=1e-5)
    unseen = np.concatenate([colour, -np.ones_like(grey)], -1)
    np.testing.assert_allclose(features(unseen), features(np.ones_like(colour)), atol=1e-5)


def test_a_step_of_the_first_stage_is_one_of_the_mean_squared_error_alone():
    gan, images = small_gan(rate=0.1), pictures()
    reference = keras.models.clone_model(gan.generator)
    reference.set_weights(values(gan.generator))
    state = [v.numpy() for v in (*gan.discriminator.variables, *gan.d_optimizer.variables)]
    logs = logs_of(gan.fit(images, batch_size=8, shuffle=False, verbose=0))
    with tf.GradientTape() as tape:
        mse = tf.reduce_mean((reference(reduced(images, 4), training=True) - images) ** 2)
    keras.optimizers.SGD(0.1).apply(
        tape.gradient(mse, reference.trainable_variables), reference.trainable_variables
    )
    for actual, expected in zip(values(gan.generator), values(reference), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-6)
    now = [v.numpy() for v in (*gan.discriminator.variables, *gan.d_optimizer.variables)]
    assert same(now, state)  # also its optimizer's number of updates
    assert logs["mse"] == logs["g_loss"] == pytest.approx(float(mse), rel=1e-5)
    assert logs["content"] == logs["adversarial"] == logs["d_loss"] == 0.0


def test_a_step_of_the_second_stage_has_the_losses_of_eq_2_to_6():
    gan, images = small_gan(rate=0.0, mse_images=1), pictures()
    fakes = gan.generator(reduced(images, 4), training=True)
    real, fake = (gan.discriminator(x, training=True).numpy() for x in (images, fakes))
    logs = logs_of(gan.fit(images, batch_size=8, shuffle=False, verbose=0))
    features = Features()
    content = np.mean((features(images).numpy() - features(fakes).numpy()) ** 2)
    adversarial = np.mean(np.log1p(np.exp(-fake)))
    expected = {
        "mse": np.mean((fakes - images) ** 2),
        "content": content,
        "adversarial": adversarial,
        "d_loss": np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake))),
        "g_loss": content + 1e-3 * adversarial,
    }
    assert logs == pytest.approx({k: float(v) for k, v in expected.items()}, rel=1e-4)


def test_a_resumed_training_changes_over_at_the_same_image_to_the_bit(tmp_path):
    images, straight = pictures(8), small_gan(mse_images=12)
    straight.fit(images, batch_size=4, verbose=0)
    straight.save(tmp_path / "gan.keras")
    resumed = keras.saving.load_model(tmp_path / "gan.keras")
    for gan in (straight, resumed):
        assert int(gan.d_optimizer.iterations) == 0
        gan.fit(images, batch_size=4, verbose=0)
        assert int(gan.d_optimizer.iterations) == 1
    for name in ("generator", "discriminator"):
        assert same(values(getattr(resumed, name)), values(getattr(straight, name)))


def test_features_are_neither_trained_nor_saved():
    gan = small_gan()
    assert not [weight.path for weight in gan.weights if "block11" in weight.path]


@pytest.mark.slow
def test_two_replicas_go_through_both_stages_as_one_device(mirrored):
    images, trained = pictures(16), []
    for strategy in (tf.distribute.get_strategy(), mirrored):
        with strategy.scope():
            gan = small_gan(rate=0.01, mse_images=8, run_eagerly=False)
        logs = gan.fit(images, batch_size=8, shuffle=False, verbose=0).history
        trained.append((gan, logs))
    (one, logs), (two, other) = trained
    for player in ("g", "d"):
        steps = [int(gan.optimizers[player].iterations.numpy()) for gan in (one, two)]
        assert steps == ([2, 2] if player == "g" else [1, 1])
    for first, second in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5, rtol=0, err_msg=first.path)
    for name in logs:
        np.testing.assert_allclose(other[name], logs[name], rtol=1e-3, atol=1e-5)


def test_exported_it_enlarges_pictures_of_any_sides(tmp_path):
    gan = small_gan(ema_decay=0.5)
    served = tf.saved_model.load(gan.export(tmp_path / "served")).signatures
    small = pictures(2, (4, 4, 3))
    made = served["any_size"](small=tf.constant(small))["images"]
    np.testing.assert_allclose(made, gan.sample(images=small), atol=1e-5)
    wide = served["any_size"](small=tf.constant(pictures(1, (7, 9, 3))))["images"]
    assert wide.shape == (1, 28, 36, 3) and np.abs(wide).max() <= 1.0
    # Far from the border the sides do not matter
    framed = np.pad(small, [(0, 0), (30, 30), (30, 30), (0, 0)], mode="edge")
    other = np.pad(framed, [(0, 0), (1, 1), (2, 2), (0, 0)], mode="edge")
    first, second = (served["any_size"](small=tf.constant(x))["images"] for x in (framed, other))
    np.testing.assert_allclose(first[:, 60:-60, 60:-60], second[:, 64:-64, 68:-68], atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must lie in \[-1, 1\]"):
        served["any_size"](small=tf.constant(small + 2.0))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_it_trains_in_mixed_precision(policy):
    gan = small_gan(dtype=policy, mse_images=4, augment="diffaugment")
    logs = gan.fit(pictures(), batch_size=4, verbose=0).history
    assert np.isfinite(list(logs.values())).all()
    assert gan.sample(images=pictures(1, (4, 4, 3))).dtype == np.float32


def test_kept_examples_and_scores_are_of_reduced_pictures():
    gan = small_gan((32, 32, 1), scale=2)
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 1), dtype="uint8")
    gan.fit(images, batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(gan.examples["small"], reduced(images, 2), atol=1e-6)
    assert gan.sample(3).shape == (3, 32, 32, 1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"scale": 3}, "`scale` must be 2 or 4. Received: scale=3"),
        ({"image_shape": (18, 16, 3)}, "sides divisible by `scale`, 4. Received: .*18, 16, 3"),
        ({"mse_images": 0}, "`mse_images` must be a whole number, 1 or more"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        SRGAN(**{"image_shape": SHAPE, "width": 2, "blocks": 1, **arguments})
