"""MMD GAN: estimator, kernels and penalty against float64, metrics and closed forms; the step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import MMDGAN, metrics
from kerasgan.models import mmd_gan
from kerasgan.models.mmd_gan import gradient_penalty, squared_mmd, witness
from kerasgan.utils.errors import UserError


# By the definitions, in NumPy, one pair at a time.
def rational_quadratic(a, b):
    square = ((a - b) ** 2).sum()
    return sum((1 + square / (2 * alpha)) ** -alpha for alpha in (0.2, 0.5, 1, 2, 5))


def rbf(a, b):
    square = ((a - b) ** 2).sum()
    return sum(np.exp(-square / (2 * sigma**2)) for sigma in (2, 5, 10, 20, 40, 80))


PAIRS = {"rational_quadratic": rational_quadratic, "rbf": rbf}
KERNELS = pytest.mark.parametrize("kernel", PAIRS)


def features(num, spread=1.0, seed=0):
    return np.random.default_rng(seed).normal(scale=spread, size=(num, 16)).astype("float32")


def points_gan(**arguments):
    return MMDGAN((2,), **{"latent_dim": 2, "width": 2, "n_critic": 2, "seed": 1, **arguments})


@KERNELS
@pytest.mark.parametrize("linear_weight", [0.0, 1.0, 0.1])
def test_the_mmd_is_that_of_a_double_loop_without_the_diagonals(kernel, linear_weight):
    gan = points_gan(kernel=kernel, linear_weight=linear_weight)
    real, fake = features(9), features(7, 3.0, seed=1)

    def k(a, b):
        return PAIRS[kernel](a, b) + linear_weight * (a @ b)

    x, y = real.astype("float64"), fake.astype("float64")
    expected = np.mean([k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    expected += np.mean([k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    expected -= 2 * np.mean([k(a, b) for a in x for b in y])
    assert float(squared_mmd(real, fake, gan.similarity)) == pytest.approx(expected, abs=5e-6)
    for dtype in (tf.float32, tf.float64):
        pair = gan.similarity(tf.constant(x[:1], dtype), tf.constant(y[:1], dtype))
        assert float(pair[0, 0]) == pytest.approx(k(x[0], y[0]), abs=1e-5)


def test_with_the_polynomial_kernel_it_is_the_kernel_distance_of_metrics():
    real, fake = features(60), features(50, 1.5, seed=1)
    estimate = squared_mmd(
        tf.constant(real, tf.float64),
        tf.constant(fake, tf.float64),
        lambda x, y: (tf.matmul(x, y, transpose_b=True) / 16.0 + 1.0) ** 3,
    )
    distance, _ = metrics.kernel_distance(real, fake)
    assert float(estimate) == pytest.approx(distance, rel=1e-9)


def test_the_mean_of_many_estimates_is_the_mmd_of_two_gaussians():
    # E exp(-(x - y)^2 / 2 s^2) for x - y ~ N(d, 2): s / sqrt(s^2 + 2) exp(-d^2 / 2 (s^2 + 2))
    def expected(d):
        return sum(
            s / np.sqrt(s**2 + 2) * np.exp(-(d**2) / (2 * (s**2 + 2)))
            for s in (2, 5, 10, 20, 40, 80)
        )

    @tf.function
    def estimate_each(draws):
        return tf.map_fn(lambda pair: squared_mmd(pair[0], pair[1], mmd_gan.rbf), draws)

    rng = np.random.default_rng(0)
    for shift in (0.0, 1.0):
        draws = tf.constant(rng.normal(size=(1000, 2, 8, 1)) + [[[0.0]], [[shift]]])
        estimates = estimate_each(draws).numpy()
        error = np.std(estimates) / np.sqrt(len(draws))
        wanted = 2 * expected(0.0) - 2 * expected(shift)
        assert np.mean(estimates) == pytest.approx(wanted, abs=3.5 * error)
        assert error < 0.02  # the biased estimate would be .1 higher


@KERNELS
def test_far_and_equal_features_have_finite_values_and_gradients(kernel):
    gan = points_gan(kernel=kernel)
    for size in (0.0, 1e4):
        x = tf.Variable(size * np.ones((4, 16), "float32"))
        with tf.GradientTape() as tape:
            loss = squared_mmd(x, tf.zeros((4, 16)), gan.similarity)
        assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, x)).all()


@KERNELS
def test_the_penalty_is_on_the_witness_of_whole_images(kernel):
    # D(x) = x W; the witness's gradient by finite differences in float64.
    gan = points_gan(kernel=kernel, linear_weight=0.5)
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(12, 3)) / 4
    real, fake = rng.normal(size=(2, 5, 2, 3, 2)).astype("float32")
    alpha = rng.uniform(size=5).astype("float32")

    def k(a, b):
        return PAIRS[kernel](a, b) + 0.5 * (a @ b)

    def f(x):
        return np.mean([k(x @ matrix, y.reshape(12) @ matrix) for y in real.astype("float64")]) - (
            np.mean([k(x @ matrix, y.reshape(12) @ matrix) for y in fake.astype("float64")])
        )

    norms = []
    for x, y, share in zip(real, fake, alpha, strict=True):
        x_hat = (share * x + (1 - share) * y).reshape(12).astype("float64")
        slopes = [(f(x_hat + step) - f(x_hat - step)) / 2e-5 for step in 1e-5 * np.eye(12)]
        norms.append(np.linalg.norm(slopes))
    expected = np.mean((np.array(norms) - 1) ** 2)

    weights = tf.Variable(matrix.astype("float32"))

    def penalty():
        def d(x):
            return tf.reshape(x, (-1, 12)) @ weights

        a, b = d(real), d(fake)
        return gradient_penalty(lambda x: witness(d(x), a, b, gan.similarity), real, fake, alpha)

    with tf.GradientTape() as tape:
        value = penalty()
    assert float(value) == pytest.approx(expected, rel=1e-4)
    # D's gradient also goes through the features that the witness compares with.
    gradient = tape.gradient(value, weights).numpy()
    size = np.linalg.norm(gradient)
    values = []
    for step in (3e-3, -3e-3):
        weights.assign(matrix + step * gradient / size)
        values.append(float(penalty()))
    assert size == pytest.approx((values[0] - values[1]) / 6e-3, rel=1e-2)


def test_a_step_updates_d_on_each_minibatch_then_g_against_the_last(monkeypatch):
    gan = MMDGAN((8, 8, 1), latent_dim=4, width=4, n_critic=3, gp_weight=7.0, l2_weight=2.0, seed=1)
    images = np.linspace(-1, 1, 12, dtype="float32").reshape(12, 1, 1, 1) * np.ones((8, 8, 1), "f")
    seen, order = [], []
    monkeypatch.setattr(
        mmd_gan,
        "gradient_penalty",
        lambda critic, *parts: seen.append(parts) or gradient_penalty(critic, *parts),
    )
    minimize = gan.minimize
    monkeypatch.setattr(
        gan, "minimize", lambda *each: order.append((each[2].name, each[1])) or minimize(*each)
    )
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), run_eagerly=True)
    logs = gan.fit(images, batch_size=12, shuffle=False, verbose=0).history
    logs = {name: values[0] for name, values in logs.items()}
    assert [name for name, _ in order] == ["discriminator"] * 3 + ["generator"]
    for k, (real, fake, alpha) in enumerate(seen):
        np.testing.assert_array_equal(real, images[k::3])
        assert fake.shape == (4, 8, 8, 1) and alpha.shape == (4,)
    fakes = np.concatenate([fake for _, fake, _ in seen]).reshape(12, -1)
    assert (np.abs(fakes[:, None] - fakes[None]).max(-1) + np.eye(12)).min() > 1e-4
    # Rates of 0: the initial networks. G's latents are the 7th draw, after 3 of z and 3 of alpha.
    last = gan.generator(gan.latent_prior(4, [1, 7]), training=True)
    expected = squared_mmd(*(gan.discriminator(x)[0] for x in (images[2::3], last)), gan.similarity)
    assert logs["g_loss"] == pytest.approx(float(expected), rel=1e-4, abs=1e-8)
    # What is left of D's loss is the L2 penalty.
    rest = logs["d_loss"] + logs["mmd"] - 7.0 * logs["gradient_penalty"]
    layers_of_both = (*gan.discriminator(images[2::3]), *gan.discriminator(seen[-1][1]))
    squares = sum(np.square(layer).mean() for layer in layers_of_both)
    assert rest == pytest.approx(2.0 * squares, rel=1e-3)


def test_a_step_lowers_the_discrepancy_of_g_and_raises_that_of_d():
    gan = MMDGAN((8, 8, 1), latent_dim=4, width=4, n_critic=1, gp_weight=0.0, l2_weight=0.0, seed=1)
    images = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)).astype("float32")
    draws = [gan.latent_prior(6, [1, place]) for place in (1, 3)]  # a draw of alpha between them

    def mmd(z):
        pair = images, gan.generator(z, training=True)
        return squared_mmd(*(gan.discriminator(x)[0] for x in pair), gan.similarity)

    with tf.GradientTape() as tape:
        value = mmd(draws[0])
    weights = gan.discriminator.trainable_variables
    expected = [w + 0.1 * d for w, d in zip(weights, tape.gradient(value, weights), strict=True)]
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    start = [weight.numpy() for weight in gan.generator.trainable_variables]
    gan.fit(images, batch_size=6, shuffle=False, verbose=0)
    for weight, value in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight, value, atol=1e-6, err_msg=weight.path)
    moved = [weight.numpy() for weight in gan.generator.trainable_variables]
    for weight, value in zip(gan.generator.trainable_variables, start, strict=True):
        weight.assign(value)
    with tf.GradientTape() as tape:
        value = mmd(draws[1])
    gradients = tape.gradient(value, gan.generator.trainable_variables)
    for old, gradient, new in zip(start, gradients, moved, strict=True):
        np.testing.assert_allclose(new, old - 0.1 * gradient, atol=1e-6)


def test_the_l2_penalty_takes_features_and_every_hidden_layer_of_both_batches():
    gan = MMDGAN((8, 8, 1), latent_dim=4, width=4, n_critic=1, gp_weight=0.0, l2_weight=3.0, seed=1)
    images = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)).astype("float32")
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    logs = gan.fit(images, batch_size=6, shuffle=False, verbose=0).history
    z = gan.latent_prior(6, [1, 1])  # the first draw
    every = [gan.discriminator(x) for x in (images, gan.generator(z, training=True))]
    assert [each.shape[1:] for each in every[0]] == [(16,), (4, 4, 4), (2, 2, 8)]
    penalty = sum(np.square(layer).mean() for batch in every for layer in batch)
    assert logs["d_loss"][0] + logs["mmd"][0] == pytest.approx(3.0 * penalty, rel=1e-4)
    mmd = squared_mmd(every[0][0], every[1][0], gan.similarity)
    assert logs["mmd"][0] == pytest.approx(float(mmd), abs=1e-6)


def test_d_has_no_batch_norm_and_computes_in_float32_under_mixed_precision():
    gan = MMDGAN((28, 28, 1), width=4, dtype="mixed_float16")
    assert not [x for x in gan.discriminator.layers if isinstance(x, layers.BatchNormalization)]
    assert {layer.compute_dtype for layer in gan.discriminator.layers[1:]} == {"float32"}
    assert gan.generator.layers[1].compute_dtype == "float16"
    dense = MMDGAN((2,), width=2, dtype="mixed_float16").discriminator
    assert {layer.compute_dtype for layer in dense.layers[1:]} == {"float32"}
    assert [tuple(x.shape[1:]) for x in dense.outputs] == [(16,), (8,), (8,), (8,)]


@pytest.mark.parametrize("kernel, weight", [("rational_quadratic", 1.0), ("rbf", 0.0)])
def test_the_linear_kernel_goes_with_rational_quadratic_ones(kernel, weight):
    gan = MMDGAN((2,), width=2, kernel=kernel)
    assert gan.linear_weight == weight
    assert MMDGAN.from_config(gan.get_config()).linear_weight == weight
    assert MMDGAN((2,), width=2, kernel=kernel, linear_weight=0.5).linear_weight == 0.5


def test_defaults_are_the_authors():
    gan = MMDGAN((32, 32, 3))
    assert (gan.feature_dim, gan.latent_dim, gan.n_critic) == (16, 100, 5)
    assert (gan.linear_weight, gan.gp_weight, gan.l2_weight) == (1.0, 1.0, 1.0)
    for optimizer in MMDGAN.default_optimizers():
        config = optimizer.get_config()
        assert config["learning_rate"] == pytest.approx(1e-4)
        assert (config["beta_1"], config["beta_2"], config["clipnorm"]) == (0.5, 0.9, 1.0)


def test_one_image_a_minibatch_is_refused():
    gan = points_gan()
    gan.compile(run_eagerly=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="it needs two or more"):
        gan.fit(np.zeros((2, 2), "float32"), batch_size=2, verbose=0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kernel": "rational"}, 'There is no kernel "rational".*rational_quadratic'),
        ({"kernel": None}, "There is no kernel"),
        ({"linear_weight": -1.0}, "`linear_weight` must be 0 or more. Received: .*-1.0"),
        ({"gp_weight": float("nan")}, "`gp_weight` must be 0 or more"),
        ({"n_critic": 0}, "`n_critic` must be a whole number"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        points_gan(**arguments)
