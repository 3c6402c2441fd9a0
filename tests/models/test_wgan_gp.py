"""WGAN-GP: Algorithm 1 and the penalty, against closed forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import WGANGP, losses
from kerasgan.models import wgan_gp
from kerasgan.models.wgan_gp import build_critic, build_generator, gradient_penalty
from kerasgan.utils.errors import UserError


def pictures(num):
    # Each image has a distinct brightness that identifies it.
    values = np.linspace(-1, 1, num, dtype="float32").reshape(-1, 1, 1, 1)
    return np.broadcast_to(values, (num, 28, 28, 1)).copy()


def of_kind(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("norm", [0.5, 1.0, 3.0])
def test_penalty_of_a_linear_critic_is_the_square_of_its_norm_minus_1(norm):
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(5, 1))
    weights = tf.constant(norm * direction / np.linalg.norm(direction), tf.float32)
    real, fake = rng.normal(size=(2, 16, 5)).astype("float32")
    alpha = rng.uniform(size=16).astype("float32")
    penalty = gradient_penalty(lambda x: x @ weights, real, fake, alpha)
    assert float(penalty) == pytest.approx((norm - 1) ** 2, abs=1e-6)


def test_penalty_of_a_flat_critic_is_1_and_its_gradient_is_finite():
    weights = tf.Variable(tf.zeros((5, 1)))
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(
            lambda x: x @ weights, tf.ones((4, 5)), tf.zeros((4, 5)), tf.fill((4,), 0.5)
        )
    assert float(penalty) == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(tape.gradient(penalty, weights)).all()


def test_penalty_is_taken_between_each_real_image_and_its_own_fake():
    seen = []
    real, fake = tf.ones((3, 2, 2, 1)), tf.zeros((3, 2, 2, 1))
    alpha = tf.constant([0.0, 0.25, 1.0])
    gradient_penalty(lambda x: seen.append(x) or tf.reduce_sum(x, (1, 2, 3)), real, fake, alpha)
    np.testing.assert_array_equal(
        seen[0], np.broadcast_to([[[[0]]], [[[0.25]]], [[[1]]]], (3, 2, 2, 1))
    )


def spied_step(monkeypatch, gan, images):
    """Runs one step and returns the arguments of `gradient_penalty`, one list item per update."""
    calls = []

    def spy(critic, *arguments):
        calls.append([np.asarray(argument) for argument in arguments])
        return gradient_penalty(critic, *arguments)

    monkeypatch.setattr(wgan_gp, "gradient_penalty", spy)
    gan.compile(run_eagerly=True)
    gan.fit(images, batch_size=len(images), shuffle=False, verbose=0)
    return zip(*calls, strict=True)


def test_five_critic_steps_see_five_disjoint_minibatches_and_fresh_noise(monkeypatch):
    gan = WGANGP((28, 28, 1), width=8, seed=1)
    images = pictures(20)
    real, fake, _ = spied_step(monkeypatch, gan, images)
    assert len(real) == 5 and all(len(part) == 4 for part in real)
    for k, part in enumerate(real):
        np.testing.assert_array_equal(part, images[k::5])
    fakes = np.concatenate(fake).reshape(20, -1)
    distances = np.abs(fakes[:, None] - fakes[None]).max(-1) + np.eye(20)
    assert distances.min() > 1e-3
    assert int(gan.d_optimizer.iterations) == 5 and int(gan.g_optimizer.iterations) == 1


def test_alpha_is_uniform_on_0_to_1_and_drawn_anew_for_each_image(monkeypatch):
    gan = WGANGP((1,), latent_dim=2, width=2, seed=1)
    points = np.zeros((5000, 1), "float32")
    *_, alpha = spied_step(monkeypatch, gan, points)
    alpha = np.sort(np.concatenate(alpha))
    assert alpha.shape == (5000,) and 0 <= alpha[0] and alpha[-1] < 1
    assert (np.diff(alpha) > 0).mean() > 0.99
    # Kolmogorov-Smirnov test: the critical value at the 0.1% level is 1.95 / sqrt(n).
    assert np.abs(alpha - (np.arange(5000) + 0.5) / 5000).max() < 1.95 / np.sqrt(5000)


def test_critic_has_no_batch_norm_and_the_generator_has():
    for shape in ((28, 28, 1), (32, 32, 3), (2,)):
        assert not of_kind(build_critic(shape, width=8), layers.BatchNormalization)
    assert len(of_kind(build_generator((32, 32, 3), width=8), layers.BatchNormalization)) == 3


def test_critic_computes_in_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        gan = WGANGP((28, 28, 1), width=8)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in gan.discriminator.layers[1:]} == {"float32"}
    assert gan.generator.layers[1].compute_dtype == "float16"
    gan.compile()
    history = gan.fit(pictures(10), batch_size=10, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())


def test_initial_kernels_have_the_authors_spread():
    # 4 / (fan_in + fan_out), where stride 2 divides the fan of the finer side by 4.
    critic = wgan_gp.build_critic((32, 32, 3), width=64)
    generator = wgan_gp.build_generator((32, 32, 3), width=64)
    for network, kind in ((critic, layers.Conv2D), (generator, layers.Conv2DTranspose)):
        for layer in [layer for layer in network.layers if type(layer) is kind]:
            *_, first, second = layer.kernel.shape  # (in, out), or (out, in) if transposed
            wanted = 4 / (25 * (first + second / 4))
            np.testing.assert_allclose(layer.kernel.numpy().var(), wanted, rtol=0.05)


def test_default_width_gives_the_authors_32_pixel_networks():
    generator, critic = build_generator((32, 32, 3)), build_critic((32, 32, 3))
    assert [x.filters for x in of_kind(generator, layers.Conv2DTranspose)] == [256, 128, 3]
    assert generator.get_layer("images").input.shape == (None, 16, 16, 128)
    assert [x.filters for x in of_kind(critic, layers.Conv2D)] == [128, 256, 512]
    assert {x.kernel_size for x in of_kind(critic, layers.Conv2D)} == {(5, 5)}
    assert critic.get_layer("logits").input.shape == (None, 4 * 4 * 512)
    points = build_critic((2,))
    assert [x.units for x in of_kind(points, layers.Dense)] == [512, 512, 512, 1]


def test_optimizers_are_those_of_algorithm_1():
    for optimizer in WGANGP.default_optimizers():
        config = optimizer.get_config()
        assert config["learning_rate"] == pytest.approx(1e-4)
        assert (config["beta_1"], config["beta_2"]) == (0.0, 0.9)


def test_logged_losses_add_up():
    gan = WGANGP((28, 28, 1), width=8, gp_weight=7.0)
    gan.compile()
    logs = {k: v[0] for k, v in gan.fit(pictures(10), batch_size=10, verbose=0).history.items()}
    expected = -logs["wasserstein"] + 7.0 * logs["gradient_penalty"]
    assert logs["d_loss"] == pytest.approx(expected, abs=1e-5)


# The penalty biases the estimate. In one dimension, with distribution functions P and Q and the
# density r of x_hat, the optimal critic has slope 1 + (Q - P) / (2 lambda r), and its estimate
# exceeds the distance by the integral of (Q - P)^2 / (2 lambda r). By quadrature, the integral is
# 2.103 / lambda here: 10.5% of the distance at the paper's lambda of 10, and 5% at 20.
def test_estimate_for_two_unit_gaussians_2_apart_is_2(monkeypatch):
    # A generator that outputs its latents, N(0, 1), and never changes.
    z = keras.Input((1,), name="z")
    identity = keras.Model(z, layers.Dense(1, kernel_initializer="ones")(z))
    monkeypatch.setattr(wgan_gp, "build_generator", lambda *_: identity)
    gan = WGANGP((1,), latent_dim=1, width=16, gp_weight=20.0, seed=1)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, decay_steps=2000)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.9))
    step = tf.function(gan.train_step)
    for i in range(400):
        step(tf.random.stateless_normal((5 * 64, 1), (7, i), mean=2.0))
    points = tf.random.stateless_normal((100_000, 1), (8, 0))
    loss = losses.wasserstein_critic_loss(
        gan.discriminator(points + 2.0), gan.discriminator(points)
    )
    assert -float(loss) == pytest.approx(2.0, rel=0.1)


def test_points_move_both_networks_and_are_not_bounded():
    gan = WGANGP((2,), latent_dim=2, width=8)
    gan.compile()
    points = np.random.default_rng(0).normal(scale=5.0, size=(20, 2)).astype("float32")
    gan.fit(points, batch_size=10, verbose=0)
    assert gan.sample(3, seed=0).shape == (3, 2)
    assert gan.generator.layers[-1].activation is keras.activations.linear


def test_a_batch_that_does_not_divide_by_n_critic_is_refused():
    gan = WGANGP((28, 28, 1), width=8)
    gan.compile()
    with pytest.raises(UserError, match="split into 5 minibatches.*divisible by 5. Received: 16"):
        gan.fit(pictures(16), batch_size=16)
    batches_of_any_size = tf.data.Dataset.from_tensor_slices(pictures(13)).batch(10)
    with pytest.raises(UserError, match="batch 1.*divisible by 5. Received: 3"):
        gan.fit(batches_of_any_size)
    stream = batches_of_any_size.filter(lambda images: True)  # of unknown length
    with pytest.raises(UserError, match="batch 1.*must be divisible by 5"):
        gan.fit(stream)


def test_fit_takes_64_points_for_each_update_of_the_critic():
    gan = WGANGP((1,), width=8, n_critic=2)
    gan.compile()
    gan.fit(np.zeros((260, 1), "float32"), verbose=0)
    assert (int(gan.g_optimizer.iterations), int(gan.d_optimizer.iterations)) == (2, 4)


@pytest.mark.parametrize("n_critic", [0, -1, 2.5])
def test_an_n_critic_below_1_is_refused(n_critic):
    with pytest.raises(
        UserError, match="`n_critic` must be a whole number, 1 or more. Received: n_critic="
    ):
        WGANGP((28, 28, 1), width=8, n_critic=n_critic)


def test_sides_that_do_not_halve_twice_are_refused():
    with pytest.raises(UserError, match="sides divisible by 4, such as .* Received: image_shape="):
        WGANGP((30, 28, 1), width=8)


# --- ResNets ---


def count(*kernels):
    return sum(int(np.prod(kernel)) for kernel in kernels)


def test_resnets_have_the_weights_of_the_authors():
    gan = WGANGP((32, 32, 3), architecture="resnet")
    dense, block = (128, 4 * 4 * 128), [(9, 128, 128), (9, 128, 128), (128, 128)]
    norms = 7 * 2 * 128  # two in each of three blocks, and the last one
    wanted = count(dense, *3 * block, (9, 128, 3)) + 4 * 4 * 128 + 3 + norms  # and two biases
    trained = [tuple(weight.shape) for weight in gan.generator.trainable_weights]
    assert count(*trained) == wanted
    first = [(9, 3, 128), (9, 128, 128), (3, 128)]
    kept = 2 * [(9, 128, 128), (9, 128, 128)]  # two blocks, whose shortcuts are the identity
    biases = (3 + 3 + 2 + 2) * 128
    wanted = count(*first, *block, *kept, (128, 1)) + biases
    assert gan.discriminator.count_params() == wanted
    blocks = [layer.output.shape[1:3] for layer in of_kind(gan.discriminator, layers.Add)]
    assert blocks == [(16, 16), (16, 16), (8, 8), (8, 8)]  # the second one pools its sum


def made(network, kind):
    """Yields the weights of the layers of a kind, in the order in which Keras numbered them."""

    def number(layer):
        return int(layer.name.rpartition("_")[2]) if layer.name[-1].isdigit() else 0

    for layer in sorted(of_kind(network, kind), key=number):
        yield [np.asarray(weight, "float64") for weight in layer.weights]


def critic_as_the_authors(network, x):
    """`Discriminator` of gan_cifar_resnet.py in float64: its first shortcut is pooled before the
    convolution, the others after it, and layer norm takes moments of all but the batch."""
    convs, norms = made(network, layers.Conv2D), made(network, layers.GroupNormalization)

    def conv(x):
        kernel, bias = next(convs)
        return tf.nn.conv2d(x, kernel, 1, "SAME") + bias

    def pool(x):
        return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4.0

    def norm(x):
        scale, offset = next(norms, (None, None))
        if scale is None:
            return x
        mean, variance = tf.nn.moments(x, [1, 2, 3], keepdims=True)
        return (x - mean) / tf.sqrt(variance + 1e-5) * scale + offset

    h = pool(conv(tf.nn.relu(conv(x))))
    x = conv(pool(x)) + h
    for down in (True, False, False):
        h = conv(tf.nn.relu(norm(conv(tf.nn.relu(norm(x))))))
        x = pool(conv(x)) + pool(h) if down else x + h
    return tf.reduce_mean(tf.nn.relu(x), [1, 2]) @ np.asarray(network.layers[-1].kernel, "float64")


@pytest.mark.parametrize("norm", [None, "layer"])
def test_resnet_critic_computes_what_the_authors_does(norm):
    critic = wgan_gp.build_resnet_critic((16, 16, 3), width=6, norm=norm)
    assert len(of_kind(critic, layers.GroupNormalization)) == (0 if norm is None else 6)
    rng = np.random.default_rng(0)
    for weight in critic.weights:
        weight.assign(weight + rng.normal(0.0, 0.2, weight.shape))
    x = rng.uniform(-1, 1, (5, 16, 16, 3))
    expected = critic_as_the_authors(critic, tf.constant(x))
    np.testing.assert_allclose(critic(x.astype("float32")), expected, rtol=1e-4, atol=1e-5)


def test_resnet_critic_computes_in_float32_and_its_penalty_reaches_every_weight():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        gan = WGANGP((8, 8, 1), width=4, n_critic=1, architecture="resnet", critic_norm="layer")
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in gan.discriminator.layers[1:]} == {"float32"}
    assert gan.generator.layers[1].compute_dtype == "float16"
    assert WGANGP.from_config(gan.get_config()).architecture == "resnet"
    x = np.random.default_rng(0).uniform(-1, 1, (2, 4, 8, 8, 1)).astype("float32")
    kernels = [w for w in gan.discriminator.trainable_weights if "kernel" in w.path]
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(gan.discriminator, *x, tf.fill((4,), 0.3))
    gradients = tape.gradient(penalty, [weight.value for weight in kernels])
    assert np.isfinite(penalty) and all(np.abs(each).max() > 0 for each in gradients)


@pytest.mark.slow
def test_a_resnet_trains_and_is_loaded_as_one(tmp_path):
    gan = WGANGP((8, 8, 1), width=4, n_critic=1, architecture="resnet", critic_norm="layer", seed=1)
    gan.compile()
    gan.fit(pictures(8)[:, :8, :8], batch_size=8, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.sample(2, seed=1), gan.sample(2, seed=1))


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"architecture": "mlp"}, "must be conv or resnet.*'mlp'"),
        ({"architecture": "resnet", "critic_norm": "batch"}, "must be layer or None.*'batch'"),
        ({"critic_norm": "layer"}, "Only a resnet has `critic_norm`.*'conv'"),
        ({"architecture": "resnet", "image_shape": (2,)}, "makes images.*image_shape=.2,"),
    ],
)
def test_networks_that_there_are_not_are_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        WGANGP(**{"image_shape": (8, 8, 1), "width": 4, **wrong})
