"""CycleGAN: a step by hand, the pool of earlier pictures, and the way back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import CycleGAN
from kerasgan.models.cyclegan import exchanged
from kerasgan.utils.errors import UserError

SMALL = {"image_shape": (16, 16, 3), "width": 4, "blocks": 1, "patch_size": 16}


def pictures(num=4, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (num, 16, 16, channels)).astype("float32")


def built(rate=0.1, **arguments):
    keras.utils.set_random_seed(0)
    gan = CycleGAN(**{**SMALL, "seed": 1, **arguments})
    optimizers = {f"{player}_optimizer": keras.optimizers.SGD(rate) for player in gan.players}
    gan.compile(**optimizers, run_eagerly=True)
    return gan


def descend(tape, loss, network, rate=0.1):
    weights = network.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        weight.assign_sub(rate * gradient)


def test_all_updates_are_those_of_the_authors():
    y, x = tf.constant(pictures()), tf.constant(pictures(seed=1))
    by_hand = built(identity_weight=0.5)
    g, f = by_hand.generator, by_hand.backward
    d_y, d_x = by_hand.discriminator, by_hand.backward_discriminator
    mse, l1 = keras.losses.MeanSquaredError(), keras.losses.MeanAbsoluteError()

    def real(logits):
        return mse(tf.ones_like(logits), logits)

    with tf.GradientTape(persistent=True) as tape:
        fake_y, fake_x = g(x, training=True), f(y, training=True)
        total = real(d_y(fake_y, training=True)) + real(d_x(fake_x, training=True))
        total += 10.0 * (l1(x, f(fake_y, training=True)) + l1(y, g(fake_x, training=True)))
        total += 5.0 * (l1(y, g(y, training=True)) + l1(x, f(x, training=True)))
    gradients = tape.gradient(total, [g.trainable_variables, f.trainable_variables])
    for network, each in zip((g, f), gradients, strict=True):
        for weight, gradient in zip(network.trainable_variables, each, strict=True):
            weight.assign_sub(0.1 * gradient)
    for judge, pictures_, fakes in ((d_y, y, fake_y), (d_x, x, fake_x)):
        with tf.GradientTape() as tape:
            logits = judge(fakes, training=True)
            loss = 0.5 * (real(judge(pictures_, training=True)) + mse(0.0 * logits, logits))
        descend(tape, loss, judge)

    gan = built(identity_weight=0.5)
    gan.fit(y, x, batch_size=4, shuffle=False, verbose=0)
    pairs = zip(gan.networks, (g, f, d_y, d_x), strict=True)
    for network, expected in pairs:
        for got, want in zip(
            network.trainable_variables, expected.trainable_variables, strict=True
        ):
            np.testing.assert_allclose(got, want, atol=2e-5, err_msg=want.path)


def test_a_pool_fills_and_then_exchanges_half_of_the_pictures():
    pool, held = np.zeros((5, 1), "float32"), 0
    numbers, out, exchange = [], [], tf.function(exchanged)
    for step in range(300):
        batch = np.arange(4 * step, 4 * step + 4, dtype="float32")[:, None] + 1
        numbered = tf.constant([0, step])
        filled, taken = exchange(tf.constant(pool), tf.constant(held), tf.constant(batch), numbered)
        pool, held = filled.numpy(), min(held + 4, 5)
        out.append(taken.numpy())
        numbers.append(batch)
    out, numbers = np.concatenate(out).ravel(), np.concatenate(numbers).ravel()
    np.testing.assert_array_equal(out[:5], numbers[:5])  # as long as it is not full
    itself = (out == numbers)[5:]
    assert 0.45 < itself.mean() < 0.55
    others = out[5:][~itself]
    assert (others < numbers[5:][~itself]).all()  # earlier ones
    assert len(set(others)) == len(others)  # each leaves once
    ages = numbers[5:][~itself] - others
    # Of 5 places half of the pictures take one at random: 10 pictures until one is taken
    assert 8 < ages.mean() < 12


def test_the_pool_follows_the_authors_rule_picture_by_picture():
    pool, batch = np.array([[10.0], [20.0]], "float32"), np.array([[1.0], [2.0], [3.0]], "float32")
    draws = tf.random.stateless_uniform((3, 2), [4, 2], alg="philox").numpy()
    expected, out = pool.copy(), []
    for picture, (coin, place) in zip(batch, draws, strict=True):
        if coin > 0.5:
            chosen = int(place * 2)
            out.append(expected[chosen].copy())
            expected[chosen] = picture
        else:
            out.append(picture)
    filled, taken = exchanged(tf.constant(pool), tf.constant(2), tf.constant(batch), [4, 2])
    np.testing.assert_array_equal(filled, expected)
    np.testing.assert_array_equal(taken, out)


def test_the_pools_are_saved_and_a_resumed_training_is_the_same(tmp_path):
    y, x = pictures(6), pictures(6, seed=1)
    whole, gan = built(pool_size=3), built(pool_size=3)
    whole.fit(y, x, batch_size=2, epochs=2, verbose=0)
    gan.fit(y, x, batch_size=2, epochs=1, verbose=0)
    assert float(gan.pooled) == 3.0 and np.abs(gan.image_pool).max() > 0.0
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.source_pool, gan.source_pool)
    loaded.fit(y, x, batch_size=2, epochs=1, verbose=0)
    for network, expected in zip(loaded.networks, whole.networks, strict=True):
        for got, want in zip(network.weights, expected.weights, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-6)


def test_the_reversed_model_is_the_way_back():
    gan = built(source_shape=(16, 16, 1), ema_decay=0.9)
    y, x = pictures(), pictures(channels=1, seed=1)
    gan.fit(y, x, batch_size=2, verbose=0)
    back = gan.reversed()
    np.testing.assert_allclose(back.sample(source=y), gan.backward(y), atol=1e-6)
    np.testing.assert_allclose(back.backward(x), gan.sample(source=x), atol=1e-6)
    again = back.reversed()
    np.testing.assert_allclose(again.sample(source=x), gan.sample(source=x), atol=1e-6)


def test_a_saved_model_goes_both_ways(tmp_path):
    gan = built(source_shape=(16, 16, 1))
    kerasgan.export.saved_model(gan, tmp_path / "served")
    signatures = tf.saved_model.load(tmp_path / "served" / "1").signatures
    y, x = pictures(), pictures(channels=1, seed=1)
    forth = signatures["serving_default"](source=tf.constant(x))["images"]
    np.testing.assert_allclose(forth, gan.sample(source=x), atol=1e-5)
    back = signatures["backward"](images=tf.constant(y))["sources"]
    np.testing.assert_allclose(back, gan.backward(y), atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must lie in \[-1, 1\]"):
        signatures["backward"](images=tf.constant(9 * y))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"patch_size": 30}, "one of 16, 34, 70. Received: patch_size=30"),
        ({"source_shape": (32, 32, 3)}, "the same sides"),
        ({"source_shape": (16, 16, 1), "identity_weight": 0.5}, "of one shape"),
        ({"augment": "diffaugment"}, "judges no whole pictures, or with several networks"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        CycleGAN(**{**SMALL, **arguments})
