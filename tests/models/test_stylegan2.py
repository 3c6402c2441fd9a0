"""StyleGAN2: networks and penalties against the authors' code, and lazy steps, truncation, w.

`golden/make_stylegan2.py` recorded the authors' results; `test_style_layers.py` tests the layers.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_style_layers import close, golden

from kerasgan import StyleGAN2
from kerasgan.losses import discriminator_loss
from kerasgan.models import stylegan2
from kerasgan.models.stylegan2 import path_lengths, r1_penalty
from kerasgan.networks.stylegan2 import build_discriminator, build_generator
from kerasgan.utils.errors import UserError

SHAPE = (16, 16, 3)


def fill(network, arrays):
    """Assigns recorded arrays, by layer and weight, to all weights; returns those by name."""
    parts = [each for each in network.layers if isinstance(each, keras.Model)] or [network]
    weights = {
        f"{layer.name}/{weight.name}": weight
        for part in parts
        for layer in part.layers
        for weight in layer.weights
    }
    weights.pop("truncated/w_avg", None)
    assert set(weights) == set(arrays)
    for name, weight in weights.items():
        assert weight.shape == arrays[name].shape
        weight.assign(arrays[name])
    return weights


def authors_generator():
    generator = build_generator(SHAPE, latent_dim=8, width=2)
    return generator, fill(generator, golden("generator"))


def authors_discriminator(architecture):
    discriminator = build_discriminator(SHAPE, 2, architecture, group_size=4)
    return discriminator, fill(discriminator, golden(f"{architecture}_weights"))


def close_gradients(gradients, names, expected):
    """Within 1e-5 of the largest gradient of its weight."""
    for name, gradient in zip(names, gradients, strict=True):
        scale = max(abs(expected[name]).max(), 1e-3)
        np.testing.assert_allclose(gradient / scale, expected[name] / scale, atol=2e-5)


# --- The authors' networks ---


def test_the_synthesis_network_and_its_gradients_equal_the_authors():
    generator, weights = authors_generator()
    arrays, expected = golden("synthesis"), golden("generator_gradients")
    trained = {name: weights[name] for name in expected}
    synthesis = generator.get_layer("synthesis")
    ws = tf.unstack(tf.constant(arrays["inputs"]), axis=1)
    with tf.GradientTape() as tape:
        tape.watch(ws)
        last = synthesis.get_layer("images")
        inner = keras.Model(synthesis.inputs, last.input)  # the authors do not clip
        images = inner(ws)
        objective = tf.reduce_sum(images**2) + tf.reduce_sum(images)
    close(images, arrays["outputs"])
    values = [weight.value for weight in trained.values()]
    of_ws, of_weights = tape.gradient(objective, [ws, values])
    close(tf.stack(of_ws, axis=1), arrays["gradient"])
    close_gradients(of_weights, trained, expected)


@pytest.mark.parametrize("architecture", ["orig", "resnet"])
def test_the_discriminator_equals_the_authors(architecture):
    discriminator, _ = authors_discriminator(architecture)
    arrays = golden(architecture)
    images = tf.constant(arrays["inputs"])
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images)
        objective = tf.reduce_sum(logits**2) + tf.reduce_sum(logits)
    close(logits, arrays["outputs"])
    close(tape.gradient(objective, images), arrays["inputs_gradient"])


def test_the_discriminators_loss_with_r1_has_the_authors_gradients():
    discriminator, weights = authors_discriminator("orig")
    images = tf.constant(golden("orig")["inputs"])

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            with tf.GradientTape() as r1_tape:
                r1_tape.watch(images)
                logits = discriminator(images)
            penalty = tf.cond(
                tf.size(images) > 0, lambda: r1_penalty(r1_tape, logits, images), lambda: 0.0
            )
            fake_logits = discriminator(images[::-1])
            loss = discriminator_loss(logits, fake_logits) + 0.4 / 2 * penalty
        return tape.gradient(loss, [weight.value for weight in weights.values()])

    close_gradients(gradients(), weights, golden("r1"))


def test_path_lengths_equal_the_authors():
    generator, _ = authors_generator()
    arrays = golden("path_length")
    ws = tf.unstack(tf.constant(golden("synthesis")["inputs"]), axis=1)
    synthesis = generator.get_layer("synthesis")
    inner = keras.Model(synthesis.inputs, synthesis.get_layer("images").input)
    with tf.GradientTape() as tape:
        tape.watch(ws)
        images = inner(ws)
    lengths = path_lengths(tape, images, ws, arrays["y"])
    close((lengths - arrays["end"]) ** 2, arrays["penalty"])
    close(arrays["start"] + 0.01 * (np.mean(lengths) - arrays["start"]), arrays["end"])


# --- Penalties in closed form ---


def penalty_of(critic, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = critic(images)
    return r1_penalty(tape, logits, images)


def test_r1_of_a_linear_critic_is_the_square_of_its_weights():
    weights = tf.Variable([[1.0], [-2.0], [3.0]])
    with tf.GradientTape() as tape:
        penalty = penalty_of(lambda x: x @ weights, tf.random.normal((5, 3)))
    close(penalty, 14.0)
    close(tape.gradient(penalty, weights), 2.0 * weights)


def test_r1_of_a_quadratic_critic_is_the_mean_square_of_the_images():
    images = tf.random.stateless_normal((5, 2, 2, 1), (0, 0))
    scale = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        penalty = penalty_of(lambda x: scale / 2 * tf.reduce_sum(x**2, (1, 2, 3)), images)
    squares = np.mean(np.sum(np.square(images), (1, 2, 3)))
    close(penalty, 9.0 * squares)
    close(tape.gradient(penalty, scale), 6.0 * squares)


# --- Training steps ---


def pictures(num, shape=(8, 8, 1)):
    return np.random.default_rng(0).uniform(-1, 1, (num, *shape)).astype("float32")


def small(seed=1, compiled=True, **arguments):
    keras.utils.set_random_seed(0)
    gan = StyleGAN2((8, 8, 1), **{"latent_dim": 8, "width": 4, "seed": seed, **arguments})
    if compiled:
        gan.compile(run_eagerly=True)
    return gan


def weights_of(gan):
    return [weight.copy() for network in gan.networks for weight in network.get_weights()]


@pytest.fixture(scope="module")
def lazy():
    """A model, and losses and average path lengths of its 7 steps, with R1 at every third and path
    lengths at every second."""
    gan = small(
        r1_interval=3,
        path_length_weight=2.0,
        path_length_interval=2,
        style_mixing=0.9,
        ema_decay=0.9,
    )
    gan.compile()
    rows = []
    for _ in range(7):
        logs = gan.train_on_batch(pictures(8), return_dict=True)
        rows.append({**logs, "steps": int(gan.steps), "a": float(gan.mean_path_length)})
        gan.reset_metrics()
    return gan, rows


def test_penalties_come_at_step_0_and_every_kth_after_it(lazy):
    _, rows = lazy
    assert [row["steps"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [row["r1_penalty"] > 0 for row in rows] == [True, False, False] * 2 + [True]
    assert [row["path_length_penalty"] > 0 for row in rows] == [True, False] * 3 + [True]


def test_the_average_path_length_moves_at_lazy_steps_only(lazy):
    _, rows = lazy
    averages = [0.0, *(row["a"] for row in rows)]
    moved = [after > before for before, after in zip(averages[:-1], averages[1:], strict=True)]
    assert moved == [True, False] * 3 + [True]


def test_the_average_follows_the_lengths_and_enters_their_penalty(monkeypatch):
    gan = small(path_length_weight=2.0, path_length_interval=3)
    monkeypatch.setattr(stylegan2, "path_lengths", lambda *_: tf.constant([1.0, 3.0]))
    penalty = gan.path_length_penalty(None, tf.zeros((2, 8, 8, 1)), [], 0)
    assert float(gan.mean_path_length) == pytest.approx(0.01 * 2.0)  # pl_decay of the authors
    expected = 3 * np.mean((np.array([1.0, 3.0]) - 0.02) ** 2)
    assert float(penalty) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "weight, rate, beta_2", [(0.0, 0.0025 * 0.8, 0.99**0.8), (2.0, 0.0025, 0.99)]
)
def test_without_path_lengths_the_rate_of_g_is_four_fifths(weight, rate, beta_2):
    gan = small(path_length_weight=weight)
    gan.compile()
    assert float(gan.g_optimizer.learning_rate) == pytest.approx(rate)
    assert gan.g_optimizer.beta_2 == pytest.approx(beta_2)
    assert float(gan.d_optimizer.learning_rate) == pytest.approx(0.0025)
    assert gan.d_optimizer.beta_2 == 0.99


def step_gradients(monkeypatch, gan):
    """Returns the losses that one step of a model minimizes, by player."""
    losses = {}

    def minimize(tape, loss, network, optimizer):
        losses[network.name] = float(loss)

    monkeypatch.setattr(gan, "minimize", minimize)
    logs = gan.train_on_batch(pictures(8), return_dict=True)
    return losses, logs


def test_a_lazy_step_adds_gamma_half_times_the_interval_times_the_penalty(monkeypatch):
    gan = small(r1_gamma=5.0, r1_interval=7, path_length_weight=3.0)
    losses, logs = step_gradients(monkeypatch, gan)
    with tf.GradientTape() as tape:
        images = tf.constant(pictures(8))
        tape.watch(images)
        logits = gan.discriminator(images)
    expected = 7 * float(r1_penalty(tape, logits, images))
    assert logs["r1_penalty"] == pytest.approx(expected, rel=1e-4) and expected > 0
    assert losses["discriminator"] == pytest.approx(logs["d_loss"] + 2.5 * expected, rel=1e-4)
    added = 3.0 * logs["path_length_penalty"]
    assert losses["generator"] == pytest.approx(logs["g_loss"] + added, rel=1e-4) and added > 0


def test_without_gamma_the_penalty_is_logged_and_not_added(monkeypatch):
    losses, logs = step_gradients(monkeypatch, small(r1_gamma=0.0))
    assert losses["discriminator"] == pytest.approx(logs["d_loss"]) and logs["r1_penalty"] > 0


def test_steps_and_averages_are_saved(lazy, tmp_path):
    gan, rows = lazy
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert int(loaded.steps) == 7
    assert float(loaded.mean_path_length) == rows[-1]["a"]
    w_avg = gan.generator.get_layer("mapping").get_layer("truncated").w_avg
    of_loaded = loaded.generator.get_layer("mapping").get_layer("truncated").w_avg
    assert np.abs(w_avg).max() > 0
    np.testing.assert_array_equal(w_avg, of_loaded)


def test_style_mixing_takes_a_second_w_behind_a_place_of_each_picture():
    gan = small(style_mixing=0.5)
    ws = np.stack(gan.draw_w(400), axis=1)  # (N, layers, dim)
    same = (ws == ws[:, :1]).all(axis=2)
    places = same.sum(axis=1)  # layers that have the first w
    assert (np.sort(~same, axis=1) == ~same).all()  # the others come after them
    number = gan.layers_of_w
    assert (places == number).mean() == pytest.approx(0.5, abs=0.1)
    assert set(places) == set(range(1, number + 1))


def test_w_avg_follows_the_first_w_of_each_step():
    gan = small(style_mixing=0.9, compiled=False)
    layer = gan.generator.get_layer("mapping").get_layer("truncated")
    first = np.mean(gan.draw_w(16)[0], axis=0)
    close(layer.w_avg, 0.005 * first)
    gan.to_w(gan.latent_prior(4, [0, 0]))
    gan.sample(4)
    close(layer.w_avg, 0.005 * first)


# --- Latents w and truncation ---


@pytest.fixture(scope="module")
def trained(lazy):
    """A trained model with visible noise."""
    gan, _ = lazy
    for layer in gan.ema_generator.get_layer("synthesis").layers:
        if layer.name.endswith("noise"):
            layer.strength.assign(0.3)
    return gan


def test_truncation_0_gives_one_picture_for_all_latents(trained):
    mean = trained.sample(4, truncation=0.0, seed=0)
    assert np.ptp(mean, axis=0).max() < 1e-6
    w_avg = trained.ema_generator.get_layer("mapping").get_layer("truncated").w_avg
    close(mean[:1], trained.from_w(tf.convert_to_tensor(w_avg)[None]))


def test_truncation_is_1_by_default_and_moves_w_towards_its_mean(trained):
    np.testing.assert_array_equal(
        trained.sample(4, seed=0), trained.sample(4, truncation=1.0, seed=0)
    )
    z = trained.latent_prior(4, [0, 0])
    w, mean, half = (trained.to_w(z, truncation=psi) for psi in (1.0, 0.0, 0.5))
    close(half, (w + mean) / 2)
    close(trained.to_w(z, truncation=[0.0, 0.5, 1.0, 1.0])[1:3], [half[1], w[2]])


def test_samples_are_deterministic_though_there_is_noise(trained):
    first, second = (trained.sample(4, seed=0) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    ones = tf.ones((2,))
    z = trained.latent_prior(2, [0, 0])
    images = [trained.ema_generator([z, ones], training=training) for training in (False, True)]
    assert np.abs(images[0] - images[1]).max() > 1e-3


def test_images_of_w_are_those_of_z(trained):
    z = trained.latent_prior(4, [0, 0])
    images = trained((z, tf.fill((4,), 0.7)))
    np.testing.assert_allclose(trained.from_w(trained.to_w(z, 0.7)), images, atol=1e-6)


def test_one_w_for_each_layer_mixes_styles(trained):
    w = trained.to_w(trained.latent_prior(2, [0, 0]))
    number = trained.layers_of_w
    repeated = tf.repeat(w[:1, None], number, axis=1)
    np.testing.assert_allclose(trained.from_w(repeated), trained.from_w(w[:1]), atol=1e-6)
    mixed = tf.concat([repeated[:, :2], tf.repeat(w[1:, None], number - 2, axis=1)], axis=1)
    images = trained.from_w(mixed)
    assert min(np.abs(images - trained.from_w(each[None])).max() for each in w) > 1e-4


def test_wrong_w_and_truncations_are_refused(trained):
    with pytest.raises(UserError, match=r"`w` must have shape \(N, 8\), or \(N, 6, 8\)"):
        trained.from_w(tf.zeros((2, 5, 8)))
    with pytest.raises(UserError, match=r"`z` must have shape \(2, 8\)"):
        trained.to_w(tf.zeros((2, 7)))
    for call in (
        lambda: trained.sample(2, truncation=-0.1),
        lambda: trained.to_w(tf.zeros((2, 8)), truncation=-0.1),
    ):
        with pytest.raises(UserError, match=r"`truncation` must lie in \[0, inf\]"):
            call()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"architecture": "skip"}, '`architecture` must be "orig" or "resnet". Received:'),
        ({"r1_gamma": -1.0}, "`r1_gamma` must be a number, 0 or more. Received: r1_gamma=-1.0"),
        ({"style_mixing": 1.5}, "`style_mixing` must be a number, from 0 to 1. Received:"),
        ({"path_length_weight": float("nan")}, "`path_length_weight` must be a number, 0 or more"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        small(compiled=False, **arguments)


# --- Networks ---


@pytest.mark.parametrize("side, start", [(28, 7), (32, 4), (64, 4)])
def test_depth_follows_the_image(side, start):
    generator = build_generator((side, side, 1), 8, 2)
    synthesis = generator.get_layer("synthesis")
    assert synthesis.get_layer(f"b{start}_constant").shape[:2] == (start, start)
    assert synthesis.get_layer(f"b{side}_conv1").filters == 2
    discriminator = build_discriminator((side, side, 1), 2)
    assert discriminator.get_layer(f"b{start}_conv").input.shape[1:3] == (start, start)


def test_channels_are_at_most_512():
    discriminator = build_discriminator((16, 16, 1), 256)
    assert discriminator.get_layer("b16_conv0").filters == 256
    assert discriminator.get_layer("b4_conv").filters == 512


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_its_discriminator_is_float32(policy):
    gan = small(dtype=policy, path_length_weight=2.0)
    assert {layer.compute_dtype for layer in gan.discriminator.layers} == {"float32"}
    before = weights_of(gan)
    history = gan.fit(pictures(32), batch_size=8, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    moved = [np.abs(a - b).max() for a, b in zip(weights_of(gan), before, strict=True)]
    assert max(moved) > 1e-3


@pytest.mark.slow
def test_xla_trains_like_a_graph():
    ends = []
    for jit_compile in (False, True):
        gan = small(compiled=False)
        rates = [keras.optimizers.SGD(1e-3) for _ in range(2)]
        gan.compile(*rates, jit_compile=jit_compile)
        gan.fit(pictures(16), batch_size=8, shuffle=False, verbose=0)
        ends.append(weights_of(gan))
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
