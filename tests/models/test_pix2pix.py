"""pix2pix: a step by hand, what each player sees, and what samples depend on."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import Pix2Pix
from kerasgan.utils.errors import UserError

SMALL = {"image_shape": (16, 16, 3), "source_shape": (16, 16, 1), "width": 4, "patch_size": 16}


def pairs(num=4, side=16):
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (num, side, side, 3)).astype("float32")
    return images, images.mean(axis=3, keepdims=True)


def built(rate=0.1, **arguments):
    keras.utils.set_random_seed(0)
    gan = Pix2Pix(**{**SMALL, "dropout": 0.0, "seed": 1, **arguments})
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate), run_eagerly=True)
    return gan


def cross_entropy(logits, target):
    """-log of the probability of a target, in float64."""
    logits = np.asarray(logits, "float64")
    return np.mean(np.log1p(np.exp(-logits if target else logits)))


def test_both_updates_are_those_of_the_paper():
    images, source = map(tf.constant, pairs())
    rate, by_hand = 0.1, built()
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    # The discriminator first, on half of its loss
    fakes = by_hand.generator(source, training=True)
    judge = by_hand.discriminator
    with tf.GradientTape() as tape:
        fake_logits = judge([fakes, source], training=True)
        real_logits = judge([images, source], training=True)
        loss = (
            bce(tf.zeros_like(fake_logits), fake_logits)
            + bce(tf.ones_like(real_logits), real_logits)
        ) * 0.5
    for weight, gradient in zip(
        judge.trainable_variables, tape.gradient(loss, judge.trainable_variables), strict=True
    ):
        weight.assign_sub(rate * gradient)
    # Then the generator, against the new discriminator
    weights = by_hand.generator.trainable_variables
    with tf.GradientTape() as tape:
        fakes = by_hand.generator(source, training=True)
        logits = judge([fakes, source], training=True)
        adversarial = bce(tf.ones_like(logits), logits)
        l1 = tf.reduce_mean(keras.losses.mean_absolute_error(images, fakes))
        total = adversarial + 100.0 * l1
    for weight, gradient in zip(weights, tape.gradient(total, weights), strict=True):
        weight.assign_sub(rate * gradient)

    gan = built()
    logs = gan.fit(images, source, batch_size=4, shuffle=False, verbose=0).history
    for network, expected in (
        (gan.discriminator, judge),
        (gan.generator, by_hand.generator),
    ):
        for got, want in zip(
            network.trainable_variables, expected.trainable_variables, strict=True
        ):
            scale = max(1.0, float(tf.reduce_max(tf.abs(want))))
            np.testing.assert_allclose(got, want, atol=2e-5 * scale, err_msg=want.path)
    expected = cross_entropy(fake_logits, 0) + cross_entropy(real_logits, 1)
    np.testing.assert_allclose(logs["d_loss"][0], expected, rtol=1e-5)
    np.testing.assert_allclose(logs["l1"][0], l1, rtol=1e-5)
    np.testing.assert_allclose(logs["g_loss"][0], total, rtol=1e-5)


def test_l1_counts_as_its_weight_says():
    values = {}
    for weight in (0.0, 10.0):
        images, source = pairs()
        logs = built(0.0, l1_weight=weight).fit(images, source, batch_size=4, verbose=0).history
        values[weight] = {name: each[0] for name, each in logs.items()}
    gained = values[10.0]["g_loss"] - values[0.0]["g_loss"]
    np.testing.assert_allclose(gained, 10.0 * values[0.0]["l1"], rtol=1e-5)


def test_the_discriminator_sees_the_source():
    images, source = pairs()
    gan = built()
    judged = gan.discriminator([images, source])
    assert np.abs(judged - gan.discriminator([images, -source])).max() > 1e-3


def test_dropout_is_noise_in_training_alone():
    gan = Pix2Pix(**SMALL)
    _, source = pairs()
    drawn = [gan.generator(source, training=True) for _ in range(2)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    np.testing.assert_array_equal(*(gan.sample(source=source) for _ in range(2)))


def test_a_sample_depends_on_its_own_source_alone():
    gan = built()
    images, source = pairs(8)
    gan.fit(images, source, batch_size=4, verbose=0)
    together = gan.sample(source=source)
    alone = np.concatenate([gan.sample(source=each[None]) for each in source])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The Frechet distance of")
def test_scores_take_the_sources_of_the_pairs():
    gan = built()
    images, source = pairs(8)
    seen = []
    gan.outputs_for = lambda inputs, *rest: seen.append(inputs) or iter([images])
    gan.evaluate(images, source, verbose=0)
    np.testing.assert_array_equal(seen[0]["source"], source)


def test_augmentation_changes_image_and_source_alike():
    images, source = pairs(64)
    grey = Pix2Pix((16, 16, 1), (16, 16, 1), width=4, patch_size=16, augment="diffaugment", seed=0)
    seen = []
    grey.augmentation.draw = lambda num: lambda pictures: seen.append(pictures) or pictures
    grey.compile(run_eagerly=True)
    grey.fit(source, source, batch_size=64, verbose=0)
    assert len(seen) == 6  # image and source, three times


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"patch_size": 30}, "one of 16, 34, 70, 142, 286. Received: patch_size=30"),
        ({"source_shape": (32, 32, 1)}, "the same sides"),
        ({"patch_size": 70}, "must be 24 pixels or more"),
        ({"image_shape": (18, 18, 3), "source_shape": None}, "divisible by 4"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Pix2Pix(**{**SMALL, **arguments})


def test_pairs_that_do_not_fit_are_refused():
    gan = built()
    images, source = pairs()
    with pytest.raises(UserError, match="Pix2Pix is conditional: `source` must be given"):
        gan.fit(images, verbose=0)
    with pytest.raises(UserError, match=r"`source` must hold images of shape \(16, 16, 1\)"):
        gan.fit(images, images, verbose=0)
    with pytest.raises(UserError, match="must hold 4 images. Received: 3"):
        gan.fit(images, source[:3], verbose=0)
