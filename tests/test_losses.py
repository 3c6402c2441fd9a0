"""Every loss against its closed form in float64, and against TF-GAN's function of the same name."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import losses
from kerasgan.models import lsgan, vanilla, wgan_gp

needs_tfgan = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_gan") is None,
    reason="TF-GAN is not installed: pip install kerasgan[tfgan]",
)


def log_sigmoid(x):
    return -np.logaddexp(0.0, -x)


# name: (loss of kerasgan, closed form, loss of TF-GAN), each a function of (real, fake).
LOSSES = {
    "minimax_discriminator": (
        losses.discriminator_loss,
        lambda real, fake: -log_sigmoid(real).mean() - log_sigmoid(-fake).mean(),
        lambda t, real, fake: t.minimax_discriminator_loss(real, fake, label_smoothing=0.0),
    ),
    "minimax_generator": (
        lambda real, fake: vanilla.minimax_loss(fake),
        lambda real, fake: log_sigmoid(-fake).mean(),
        # TF-GAN's value differs by a constant: its discriminator's loss on real logits of 1.
        lambda t, real, fake: t.minimax_generator_loss(fake) + tf.math.softplus(-1.0),
    ),
    "modified_discriminator, smoothed": (
        lambda real, fake: vanilla.smoothed_discriminator_loss(real, fake, 0.1),
        lambda real, fake: (
            -(0.9 * log_sigmoid(real) + 0.1 * log_sigmoid(-real)).mean() - log_sigmoid(-fake).mean()
        ),
        # TF-GAN's smoothing s moves the target to 1 - s / 2: 0.2 gives a target of 0.9.
        lambda t, real, fake: t.modified_discriminator_loss(real, fake, label_smoothing=0.2),
    ),
    "modified_generator": (
        lambda real, fake: losses.non_saturating_loss(fake),
        lambda real, fake: -log_sigmoid(fake).mean(),
        lambda t, real, fake: t.modified_generator_loss(fake),
    ),
    "least_squares_discriminator": (
        lsgan.discriminator_loss,
        lambda real, fake: ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2,
        lambda t, real, fake: t.least_squares_discriminator_loss(real, fake),
    ),
    "least_squares_generator": (
        lambda real, fake: lsgan.generator_loss(fake),
        lambda real, fake: ((fake - 1) ** 2).mean() / 2,
        lambda t, real, fake: t.least_squares_generator_loss(fake),
    ),
    "least_squares_discriminator, Pearson": (
        lambda real, fake: lsgan.discriminator_loss(real, fake, a=-1.0, b=1.0),
        lambda real, fake: ((real - 1) ** 2).mean() / 2 + ((fake + 1) ** 2).mean() / 2,
        lambda t, real, fake: t.least_squares_discriminator_loss(
            real, fake, real_label=1, fake_label=-1
        ),
    ),
    "least_squares_generator, Pearson": (
        lambda real, fake: lsgan.generator_loss(fake, c=0.0),
        lambda real, fake: (fake**2).mean() / 2,
        lambda t, real, fake: t.least_squares_generator_loss(fake, real_label=0),
    ),
    "wasserstein_discriminator": (
        losses.wasserstein_critic_loss,
        lambda real, fake: fake.mean() - real.mean(),
        lambda t, real, fake: t.wasserstein_discriminator_loss(real, fake),
    ),
    "wasserstein_generator": (
        lambda real, fake: losses.wasserstein_generator_loss(fake),
        lambda real, fake: -fake.mean(),
        lambda t, real, fake: t.wasserstein_generator_loss(fake),
    ),
    "wasserstein_hinge_discriminator": (
        losses.hinge_discriminator_loss,
        lambda real, fake: np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(),
        lambda t, real, fake: t.wasserstein_hinge_discriminator_loss(real, fake),
    ),
    "wasserstein_hinge_generator": (
        lambda real, fake: losses.hinge_generator_loss(fake),
        lambda real, fake: -fake.mean(),
        lambda t, real, fake: t.wasserstein_hinge_generator_loss(fake),
    ),
}

every_loss = pytest.mark.parametrize("name", LOSSES)


def random_logits():
    rng = np.random.default_rng(0)
    return [rng.normal(scale=3.0, size=(64, 1)).astype("float32") for _ in ("real", "fake")]


def value_and_gradients(loss, logits):
    logits = [tf.constant(part) for part in logits]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(*logits)
    gradients = tape.gradient(value, logits, unconnected_gradients="zero")
    return [value.numpy(), *(gradient.numpy() for gradient in gradients)]


def assert_close(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6)


@every_loss
def test_loss_is_its_closed_form_in_float64(name):
    ours, closed_form, _ = LOSSES[name]
    logits = random_logits()
    assert_close([ours(*logits).numpy()], [closed_form(*(x.astype("float64") for x in logits))])


@every_loss
def test_gradient_is_that_of_the_closed_form(name):
    ours, closed_form, _ = LOSSES[name]
    logits, step = random_logits(), 1e-6
    gradients = value_and_gradients(ours, logits)[1:]
    rng = np.random.default_rng(1)
    for side, gradient in enumerate(gradients):
        direction = rng.normal(size=(64, 1))
        moved = [[x.astype("float64") for x in logits] for _ in (0, 1)]
        moved[0][side] = moved[0][side] + step * direction
        moved[1][side] = moved[1][side] - step * direction
        expected = (closed_form(*moved[0]) - closed_form(*moved[1])) / (2 * step)
        np.testing.assert_allclose((gradient * direction).sum(), expected, atol=1e-6)


@every_loss
def test_loss_is_finite_on_extreme_logits_and_float32_on_half_ones(name):
    ours, _, _ = LOSSES[name]
    extreme = [np.array([[-200.0], [200.0]], "float32")] * 2
    assert all(np.isfinite(part).all() for part in value_and_gradients(ours, extreme))
    assert ours(*(tf.constant(x, tf.float16) for x in extreme)).dtype == tf.float32


@needs_tfgan
@every_loss
def test_loss_and_gradients_equal_tfgan(name):
    from kerasgan import tfgan

    ours, _, theirs = LOSSES[name]
    logits = random_logits()
    expected = value_and_gradients(lambda *x: theirs(tfgan.losses.wargs, *x), logits)
    assert_close(value_and_gradients(ours, logits), expected)


class Critic:
    """D(x) = v tanh(W x) with gradient W' (v (1 - tanh^2)), in NumPy or TensorFlow."""

    def __init__(self, dimensions=12, units=20):
        rng = np.random.default_rng(2)
        self.first = rng.normal(scale=0.5, size=(dimensions, units)).astype("float32")
        self.last = rng.normal(size=(units, 1)).astype("float32")

    def __call__(self, x):
        return tf.tanh(tf.reshape(x, (-1, len(self.first))) @ self.first) @ self.last

    def gradients(self, x):
        first, last = self.first.astype("float64"), self.last.astype("float64")
        inner = np.tanh(x.reshape(len(x), -1) @ first)
        return ((1 - inner**2) * last[:, 0]) @ first.T


def penalty_case():
    rng = np.random.default_rng(3)
    real, fake = rng.uniform(-1, 1, (2, 16, 2, 3, 2)).astype("float32")
    return Critic(), real, fake, rng.uniform(size=16).astype("float32")


def test_gradient_penalty_is_its_closed_form_in_float64():
    critic, real, fake, alpha = penalty_case()
    share = alpha.astype("float64").reshape(-1, 1, 1, 1)
    norms = np.linalg.norm(critic.gradients(share * real + (1 - share) * fake), axis=1)
    ours = wgan_gp.gradient_penalty(critic, real, fake, alpha).numpy()
    np.testing.assert_allclose(ours, ((norms - 1) ** 2).mean(), rtol=1e-6, atol=1e-6)


@needs_tfgan
def test_gradient_penalty_equals_tfgan(monkeypatch):
    from kerasgan import tfgan

    critic, real, fake, alpha = penalty_case()
    # TF-GAN draws the interpolation weights of the generated images; the test fixes them.
    shares = tf.constant(1 - alpha.reshape(-1, 1, 1, 1))
    monkeypatch.setattr(tf.random, "uniform", lambda shape: tf.ensure_shape(shares, shape))

    @tf.function
    def theirs():
        scope = tf.compat.v1.VariableScope(reuse=tf.compat.v1.AUTO_REUSE, name="critic")
        return tfgan.losses.wargs.wasserstein_gradient_penalty(
            real, fake, None, lambda x, _: critic(x), scope
        )

    ours = wgan_gp.gradient_penalty(critic, real, fake, alpha)
    np.testing.assert_allclose(ours.numpy(), theirs().numpy(), rtol=1e-6, atol=1e-6)
