"""WGAN: Algorithm 1, with clipping after each update of the critic."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import WGAN, losses
from kerasgan.models import wgan
from kerasgan.utils.errors import UserError


def pictures(num):
    return np.random.default_rng(0).uniform(-1, 1, (num, 8, 8, 1)).astype("float32")


def trained(steps=1, optimizers=None, **arguments):
    gan = WGAN((8, 8, 1), width=4, seed=1, **arguments)
    gan.compile(*(optimizers or ()))
    images = pictures(10 * steps)
    gan.fit(images, batch_size=10, shuffle=False, verbose=0)
    return gan


def test_every_weight_of_the_critic_is_clipped_and_none_of_the_generator():
    keras.utils.set_random_seed(0)
    fast = [keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)]
    gan = trained(clip=0.005, optimizers=fast)
    kinds = set()
    for weight in gan.discriminator.trainable_weights:
        assert np.abs(weight.numpy()).max() <= 0.005, weight.path
        kinds.add(weight.name)
    assert kinds == {"kernel", "bias", "gamma", "beta"}
    assert max(np.abs(weight.numpy()).max() for weight in gan.generator.trainable_weights) > 0.1


def test_a_step_is_algorithm_1(monkeypatch):
    """The same five updates and one, with RMSProp and clipping written out in float64."""
    keras.utils.set_random_seed(0)
    gan = WGAN((2,), latent_dim=2, width=1, n_critic=2, clip=0.3, seed=1)
    gan.compile()
    data = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
    networks = {
        name: [w.numpy().astype("float64") for w in getattr(gan, name).trainable_weights]
        for name in ("generator", "discriminator")
    }
    squares = {name: [0.0 * w for w in weights] for name, weights in networks.items()}

    def output(weights, x):
        *hidden, kernel = weights[:7]
        for k, b in zip(hidden[::2], hidden[1::2], strict=True):
            x = tf.nn.relu(x @ k + b)
        return x @ kernel + sum(weights[7:])  # only G has a last bias

    def descend(name, loss):
        variables = [tf.Variable(w) for w in networks[name]]
        with tf.GradientTape() as tape:
            value = loss(variables)
        for i, gradient in enumerate(tape.gradient(value, variables)):
            if gradient is not None:
                squares[name][i] = 0.99 * squares[name][i] + 0.01 * gradient.numpy() ** 2
                change = 5e-5 * gradient.numpy() / (np.sqrt(squares[name][i]) + 1e-8)
                networks[name][i] = networks[name][i] - change
        return float(value)

    draws = [tf.cast(gan.latent_prior(4, [1, i]), tf.float64) for i in (1, 2, 3)]
    fakes = [output(networks["generator"], z) for z in draws[:2]]
    for k in range(2):
        d_loss = descend(
            "discriminator",
            lambda d, k=k: (
                tf.reduce_mean(output(d, fakes[k]))
                - tf.reduce_mean(output(d, tf.constant(data[k::2], tf.float64)))
            ),
        )
        networks["discriminator"] = [np.clip(w, -0.3, 0.3) for w in networks["discriminator"]]
    g_loss = descend(
        "generator",
        lambda g: -tf.reduce_mean(output(networks["discriminator"], output(g, draws[2]))),
    )

    logs = gan.fit(data, batch_size=8, shuffle=False, verbose=0).history
    assert logs["d_loss"][0] == pytest.approx(d_loss, abs=1e-5)
    assert logs["wasserstein"][0] == pytest.approx(-d_loss, abs=1e-5)
    assert logs["g_loss"][0] == pytest.approx(g_loss, abs=1e-5)
    for name, expected in networks.items():
        for weight, value in zip(getattr(gan, name).trainable_weights, expected, strict=True):
            # RMSProp divides a gradient by its size: of a tiny one, float32 keeps few digits.
            wrong = np.abs(weight.numpy() - value)
            assert np.mean(wrong > 2e-6) < 0.05 and wrong.max() < 5e-5, weight.path


def test_the_estimate_grows_with_the_distance(monkeypatch):
    """The distance of N(mu, 1) and N(0, 1) is mu; the estimate is about some K mu."""
    z = keras.Input((1,), name="z")
    identity = keras.Model(z, layers.Dense(1, kernel_initializer="ones")(z))
    critics = wgan.points.build_discriminator
    monkeypatch.setattr(wgan, "build_networks", lambda *_: (identity, critics(1, 32)))
    estimates = []
    for mu in (0.0, 1.0, 2.0):
        keras.utils.set_random_seed(0)
        gan = WGAN((1,), latent_dim=1, clip=0.1, seed=1)
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.RMSprop(1e-3))
        step = tf.function(gan.train_step)
        for i in range(100):
            step(tf.random.stateless_normal((5 * 64, 1), (7, i), mean=mu))
        points = tf.random.stateless_normal((10_000, 1), (8, 0))
        loss = losses.wasserstein_critic_loss(
            gan.discriminator(points + mu), gan.discriminator(points)
        )
        estimates.append(-float(loss))
    assert abs(estimates[0]) < 0.1 * estimates[1]
    assert 1.5 < estimates[2] / estimates[1] < 2.1


def test_the_optimizers_are_the_papers():
    gan = WGAN((8, 8, 1), width=4)
    gan.compile()
    for optimizer in gan.optimizers.values():
        assert isinstance(optimizer, keras.optimizers.RMSprop)
        assert float(optimizer.learning_rate) == pytest.approx(5e-5)
        assert optimizer.rho == 0.99


def test_rmsprop_is_that_of_torch_for_small_gradients_too():
    _, optimizer = WGAN.default_optimizers()
    weight = keras.Variable([0.0, 0.0, 0.0])
    gradients = np.array([1e-2, 1e-5, 1e-8])
    optimizer.apply([tf.constant(gradients, tf.float32)], [weight])
    expected = -5e-5 * gradients / (np.sqrt(0.01 * gradients**2) + 1e-8)  # torch's formula
    np.testing.assert_allclose(weight.numpy()[:2], expected[:2], rtol=0.02)
    assert 0.0 > weight.numpy()[2] > -5e-4


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"clip": 0.0}, "`clip` must be above 0. Received: clip=0.0"),
        ({"clip": float("nan")}, "`clip` must be above 0. Received: clip=nan"),
        ({"n_critic": 0}, "n_critic"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        WGAN((8, 8, 1), width=4, **arguments)
