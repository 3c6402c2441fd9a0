"""R3GAN: losses, penalties and networks against the authors' code, closed forms, schedules."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import R3GAN, schedules
from kerasgan.layers import GroupedConv2D
from kerasgan.models.r3gan import BURN_IN, judge, relativistic_loss
from kerasgan.networks import r3gan as networks
from kerasgan.networks.r3gan import build_discriminator, build_generator
from kerasgan.utils.errors import UserError

GOLDEN = np.load(pathlib.Path(__file__).parents[1] / "golden" / "r3gan.npz")
GAMMA = 20.0  # of the golden file


def pictures(num, shape=(16, 16, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (num, *shape)).astype("float32")


def small(**arguments):
    arguments = {"width": 8, "blocks": 1, "seed": 1, "burn_in": 100, **arguments}
    return R3GAN((16, 16, 1), **arguments)


def close(actual, expected):
    expected = np.asarray(expected)
    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max(), rtol=0)


def arrays(prefix):
    return [GOLDEN[key] for key in sorted(GOLDEN.files) if key.startswith(prefix)]


def in_forward_order(network):
    """Trainable weights in the order of the golden file; an embedding comes first there."""
    weights = list(network.trainable_weights)
    return weights if network.name == "generator" else [weights[0], weights[-1], *weights[1:-1]]


@pytest.fixture(scope="module")
def authors():
    """The authors' conditional networks for 16 pixels, with 8 channels and two groups."""
    generator = build_generator((16, 16, 3), 6, 3, width=8, blocks=1, cardinality=2)
    discriminator = build_discriminator((16, 16, 3), 3, width=8, blocks=1, cardinality=2)
    for name, network in (("g", generator), ("d", discriminator)):
        for weight, value in zip(in_forward_order(network), arrays(f"{name}/weight"), strict=True):
            weight.assign(value)
    return generator, discriminator


# --- The authors' code ---


def test_a_block_is_the_authors_also_in_its_gradients():
    inputs = keras.Input(GOLDEN["block/x"].shape[1:])
    model = keras.Model(inputs, networks.block(inputs, groups=3, total=4))
    model.set_weights(arrays("block/weight"))
    x = tf.constant(GOLDEN["block/x"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x)
        loss = tf.reduce_sum(y**2) + tf.reduce_sum(y)
    gradients = tape.gradient(loss, [x, *model.trainable_variables])
    close(y, GOLDEN["block/y"])
    for actual, expected in zip(
        gradients, [GOLDEN["block/x_gradient"], *arrays("block/gradient")], strict=True
    ):
        close(actual, expected)


def test_losses_penalties_and_their_gradients_are_the_authors(authors):
    generator, discriminator = authors
    z, labels = tf.constant(GOLDEN["z"]), tf.constant(GOLDEN["labels"], tf.int32)
    fakes = generator([z, labels], training=True)
    close(fakes, GOLDEN["fake"])
    assert np.abs(fakes).max() > 1.0  # D sees more than the range of images
    with tf.GradientTape() as tape:
        real_logits, fake_logits, r1, r2 = judge(discriminator, GOLDEN["real"], fakes, labels)
        loss = relativistic_loss(real_logits, fake_logits) + GAMMA / 2 * (r1 + r2)
    close(real_logits - fake_logits, GOLDEN["d_logits"][:, None])
    close(r1, GOLDEN["r1"].mean())
    close(r2, GOLDEN["r2"].mean())
    close(loss, (GOLDEN["d_loss"] + GAMMA / 2 * (GOLDEN["r1"] + GOLDEN["r2"])).mean())
    gradients = tape.gradient(loss, [w.value for w in in_forward_order(discriminator)])
    for actual, expected in zip(gradients, arrays("d/gradient"), strict=True):
        close(actual, expected)

    with tf.GradientTape() as tape:
        fake_logits = discriminator([generator([z, labels], training=True), labels])
        loss = relativistic_loss(fake_logits, real_logits)
    close(loss, GOLDEN["g_loss"].mean())
    gradients = tape.gradient(loss, [w.value for w in in_forward_order(generator)])
    for actual, expected in zip(gradients, arrays("g/gradient"), strict=True):
        close(actual, expected)


def test_schedules_are_the_authors_at_given_numbers_of_images():
    gan = small(burn_in=BURN_IN)
    gan.compile()
    for number, images in enumerate(GOLDEN["schedule/images"]):
        gan.images_seen.assign(images)
        for optimizer in gan.optimizers.values():
            close(optimizer.learning_rate, GOLDEN["schedule/rate"][number])
            close(optimizer.beta_2, GOLDEN["schedule/beta_2"][number])
            assert (optimizer.beta_1, optimizer.epsilon) == (0.0, 1e-8)
        close(gan.now(gan.gamma_schedule), GOLDEN["schedule/gamma"][number])
        half_life = GOLDEN["schedule/half_life"][number]
        np.testing.assert_allclose(gan.now(gan.ema_decay), half_life, rtol=1e-5, atol=0.1)


# --- Closed forms ---


def test_the_relativistic_loss_is_its_formula():
    real, fake = np.random.default_rng(0).normal(size=(2, 64, 1)) * 3
    expected = np.log1p(np.exp(fake - real)).mean()
    assert float(relativistic_loss(real, fake)) == pytest.approx(expected, rel=1e-6)
    far = relativistic_loss(tf.constant([[-500.0]]), tf.constant([[500.0]]))
    assert float(far) == pytest.approx(1000.0)  # without overflow


def test_penalties_of_a_quadratic_discriminator_are_the_mean_squares_of_its_arguments():
    # D(x) = x^T A x / 2 with a symmetric A has the gradient A x.
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(5, 5))
    matrix = (matrix + matrix.T).astype("float32")
    real, fake = rng.normal(size=(2, 16, 5)).astype("float32")

    def discriminator(x, training):
        return tf.reduce_sum(x * (x @ matrix), axis=1, keepdims=True) / 2

    *_, r1, r2 = judge(discriminator, real, fake)
    assert float(r1) == pytest.approx(((real @ matrix) ** 2).sum(1).mean(), rel=1e-5)
    assert float(r2) == pytest.approx(((fake @ matrix) ** 2).sum(1).mean(), rel=1e-5)


def test_penalties_sum_over_pixels_and_average_over_images():
    weights = tf.constant(np.random.default_rng(0).normal(size=(4, 4, 3)), tf.float32)

    def discriminator(x, training):
        return tf.reduce_sum(x * weights, axis=(1, 2, 3))[:, None]

    *_, r1, r2 = judge(discriminator, tf.zeros((7, 4, 4, 3)), tf.ones((7, 4, 4, 3)))
    np.testing.assert_allclose([r1, r2], float(tf.reduce_sum(weights**2)), rtol=1e-5)


# --- The step ---


def test_a_step_logs_the_losses_of_its_formula():
    gan = small(gamma=3.0, ema_half_life=0)
    # With rates of 0, the logged losses are those of the initial networks.
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    shake(gan)
    logs = {
        k: v[0]
        for k, v in gan.fit(pictures(8), batch_size=8, shuffle=False, verbose=0).history.items()
    }
    real = gan.discriminator(pictures(8)).numpy()
    fakes = [gan.generator(gan.latent_prior(8, [1, draw]), training=True) for draw in (1, 2)]
    first, second = (gan.discriminator(fake).numpy() for fake in fakes)
    gamma = 0.3 + 2.7 * (1 + np.cos(np.pi * 8 / 100)) / 2  # 8 of 100 images
    penalty = gamma / 2 * (logs["r1"] + logs["r2"])
    assert penalty > 0.01
    d_loss = np.log1p(np.exp(first - real)).mean() + penalty
    assert logs["d_loss"] == pytest.approx(d_loss, abs=1e-5)
    assert logs["g_loss"] == pytest.approx(np.log1p(np.exp(real - second)).mean(), abs=1e-5)


def shake(gan):
    """Moves weights that start at zero, behind which gradients vanish."""
    rng = np.random.default_rng(0)
    for network in gan.networks:
        for weight in network.trainable_weights:
            weight.assign_add(0.2 * rng.normal(size=weight.shape))


@pytest.mark.parametrize("trained, fixed", [("d", "g"), ("g", "d")])
def test_each_loss_changes_its_own_network_only(trained, fixed):
    gan = small()
    shake(gan)
    rates = {trained: keras.optimizers.SGD(0.1), fixed: keras.optimizers.SGD(0.0)}
    gan.compile(rates["g"], rates["d"], run_eagerly=True)
    (own,), (other,) = gan.networks_of(trained), gan.networks_of(fixed)
    before = own.get_weights(), other.get_weights()
    gan.fit(pictures(4), batch_size=4, verbose=0)
    moved = [np.abs(a - b).max() for a, b in zip(own.get_weights(), before[0], strict=True)]
    assert min(moved) > 0.0
    for old, new in zip(before[1], other.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_d_is_updated_before_g_and_both_once(monkeypatch):
    gan, order = small(), []
    minimize = R3GAN.minimize

    def spy(self, tape, loss, network, optimizer):
        order.append(network.name)
        return minimize(self, tape, loss, network, optimizer)

    monkeypatch.setattr(R3GAN, "minimize", spy)
    gan.compile(run_eagerly=True)
    gan.fit(pictures(4), batch_size=4, verbose=0)
    assert order == ["discriminator", "generator"]


def test_classes_reach_both_networks():
    gan = small(num_classes=3)
    shake(gan)
    z, images = gan.latent_prior(2, [1, 1]), tf.constant(pictures(2))
    drawn = [gan.generator([z, tf.fill((2,), k)]).numpy() for k in range(3)]
    judged = [gan.discriminator([images, tf.fill((2,), k)]).numpy() for k in range(3)]
    for values in (drawn, judged):
        assert min(np.abs(values[a] - values[b]).max() for a, b in ((0, 1), (0, 2), (1, 2))) > 1e-3


# --- Schedules and averages in the model ---


def test_burn_in_sets_all_schedules_also_of_a_loaded_model(tmp_path):
    gan = small(num_classes=2, gamma=2.0, ema_half_life=50)
    gan.compile()
    gan.save(tmp_path / "gan.keras")
    for each in (gan, keras.saving.load_model(tmp_path / "gan.keras")):
        each.images_seen.assign(100)
        assert float(each.d_optimizer.learning_rate) == pytest.approx(5e-5)
        assert float(each.g_optimizer.beta_2) == pytest.approx(0.99)
        assert float(each.now(each.gamma_schedule)) == pytest.approx(0.2)
        assert float(each.ema_decay.decay(each.images_seen, 50)) == pytest.approx(0.5)


def test_the_half_life_follows_burn_in_also_where_a_config_is_changed():
    config = small(burn_in=100).get_config()
    for burn_in in (100, 4000):
        gan = R3GAN.from_config({**config, "burn_in": burn_in})
        gan.images_seen.assign(burn_in)  # a quarter of it is the authors' for CIFAR-10
        decay = float(gan.ema_decay.decay(gan.images_seen, burn_in // 4))
        assert decay == pytest.approx(0.5)
    assert R3GAN.from_config({**config, "ema_half_life": 0}).ema_generator is None


def test_an_average_can_be_left_out_or_have_a_decay():
    assert small(ema_half_life=0).ema_generator is None
    gan = small(ema_decay=0.9)
    assert R3GAN.from_config(gan.get_config()).ema_decay == 0.9
    assert isinstance(small().ema_decay, schedules.HalfLife)


# --- Networks ---


def test_defaults_give_the_authors_networks_for_cifar_10(monkeypatch):
    made = []
    monkeypatch.setattr(
        networks, "block", lambda x, *arguments: made.append((x.shape[1:], arguments)) or x
    )
    for build in (build_generator, build_discriminator):
        build((32, 32, 3))
    sides = [4, 4, 8, 8, 16, 16, 32, 32]
    assert [(shape, arguments[:2]) for shape, arguments in made] == [
        ((side, side, 768), (96, 8)) for side in [*sides, *sides[::-1]]
    ]


def test_widths_halve_beyond_32_pixels_as_for_ffhq():
    assert networks.stages((256, 256, 3), 768) == [768, 768, 768, 768, 384, 192, 96]
    assert [networks.groups_of(w, 768, 96) for w in (768, 384, 192, 96)] == [96, 48, 24, 12]
    assert [networks.groups_of(w, 768, None) for w in (768, 384, 192, 96)] == [96, 48, 24, 12]
    assert networks.stages((32, 32, 3), 64, halve_beyond=8) == [64, 64, 32, 16]
    assert networks.stages((28, 28, 1), 64, halve_beyond=8) == [64, 32, 16]
    assert networks.stages((28, 28, 1), 24) == [24, 24, 24]  # 7, 14 and 28 pixels


def test_initial_weights_have_the_authors_spread():
    network = build_discriminator((16, 16, 3), width=64)
    gain = np.sqrt(2 / 1.04) * 6**-0.25  # of two blocks at three resolutions
    grouped = [layer for layer in network.layers if isinstance(layer, GroupedConv2D)]
    assert {layer.groups for layer in grouped} == {8} and len(grouped) == 6
    for layer in grouped:
        assert layer.kernel.numpy().std() == pytest.approx(gain / np.sqrt(9 * 16), rel=0.05)
    convs = [layer for layer in network.layers if type(layer) is keras.layers.Conv2D]
    assert convs[0].kernel.numpy().std() == pytest.approx(1 / np.sqrt(3), rel=0.2)
    for first, last in zip(convs[1::2], convs[2::2], strict=True):
        assert first.kernel.numpy().std() == pytest.approx(gain / np.sqrt(64), rel=0.05)
        assert not last.kernel.numpy().any()
    maps, dense = (network.layers[i].trainable_weights[0].numpy() for i in (-2, -1))
    assert maps.shape == (4, 4, 64) and maps.std() == pytest.approx(1 / 4, rel=0.1)
    assert dense.std() == pytest.approx(1 / 8, rel=0.3)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_penalties_and_outputs_in_float32(policy):
    gan = small(dtype=policy, gamma=5.0)
    low = policy.removeprefix("mixed_")
    blocks = [x.compute_dtype for x in gan.discriminator.layers if isinstance(x, GroupedConv2D)]
    # The stage of 4x4 pixels is float32, as the authors'; under float16 all of D is.
    assert blocks == ([low, low, "float32"] if low == "bfloat16" else ["float32"] * 3)
    blocks = [x.compute_dtype for x in gan.generator.layers if isinstance(x, GroupedConv2D)]
    assert blocks == ["float32", low, low]
    fakes = gan.generator(gan.latent_prior(4, [1, 1]), training=True)
    values = judge(gan.discriminator, pictures(4), fakes)
    assert {value.dtype for value in (fakes, *values)} == {tf.float32}
    gan.compile(run_eagerly=True)
    history = gan.fit(pictures(4), batch_size=4, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())


def test_points_train_without_bounds():
    gan = R3GAN((2,), latent_dim=2, width=8, burn_in=100)
    gan.compile(run_eagerly=True)
    points = np.random.default_rng(0).normal(scale=5.0, size=(20, 2)).astype("float32")
    gan.fit(points, batch_size=10, verbose=0)
    assert gan.sample(3, seed=0).shape == (3, 2)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"gamma": -1.0}, "`gamma` must be 0 or more. Received: gamma=-1.0"),
        ({"burn_in": 0}, "`burn_in` must be a whole number, 1 or more"),
        ({"ema_half_life": -1}, "`ema_half_life` must be 0 or more, or None. Received: -1"),
        ({"image_shape": (2,), "halve_beyond": 8}, "Points have neither `halve_beyond` nor"),
        ({"cardinality": 3}, "`cardinality` must divide.*Received: cardinality=3, width=8"),
        ({"halve_beyond": 0}, "`halve_beyond` must be a whole number, 1 or more"),
        ({"blocks": 0}, "`blocks` must be a whole number, 1 or more"),
        ({"num_classes": 0}, "`num_classes` must be a whole number, 1 or more"),
        ({"image_shape": (30, 28, 1)}, "sides divisible by 4, such as"),
        ({"image_shape": (128, 128, 1), "width": 9}, "`width` must be divisible by 4"),
        ({"image_shape": (2,), "num_classes": 3}, "Points have no classes"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        R3GAN(**{"image_shape": (16, 16, 1), "width": 8, **arguments})
