"""NextFrame: networks against torch's (`golden/make_restoration.py`), losses and their gradients
against NumPy, and films that go on."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from golden_files import check_network, reader

from kerasgan import NextFrame
from kerasgan.models.next_frame import (
    SCALES,
    build_discriminator,
    build_generator,
    gradient_difference_loss,
    lp_loss,
)
from kerasgan.utils.errors import UserError

golden = reader("restoration.npz")
SHAPE = (32, 32, 1)


def film(num=4, frames=3, shape=SHAPE):
    return np.random.default_rng(0).uniform(-1, 1, (num, frames, *shape)).astype("float32")


def small_gan(rate=None, **arguments):
    keras.utils.set_random_seed(0)
    gan = NextFrame(**{"image_shape": SHAPE, "num_frames": 2, "width": 2, "seed": 1, **arguments})
    optimizers = () if rate is None else (keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    gan.compile(*optimizers, run_eagerly=True)  # tracing takes longer than such steps
    return gan


def averages(images, scale):
    num, height, width, channels = images.shape
    blocks = images.reshape(num, height // scale, scale, width // scale, scale, channels)
    return blocks.mean((2, 4))


def gdl_by_hand(images, fakes, alpha):
    """The paper's formula, pixel by pixel, in float64; means in place of its sums."""
    y, f = images.astype("float64"), fakes.astype("float64")
    num, height, width, channels = y.shape
    rows, columns = [], []
    for n, c in np.ndindex(num, channels):
        for i, j in np.ndindex(height, width):
            if i:
                edges = [abs(x[n, i, j, c] - x[n, i - 1, j, c]) for x in (y, f)]
                rows.append(abs(edges[0] - edges[1]) ** alpha)
            if j:
                edges = [abs(x[n, i, j - 1, c] - x[n, i, j, c]) for x in (y, f)]
                columns.append(abs(edges[0] - edges[1]) ** alpha)
    return np.mean(rows) + np.mean(columns)


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, "float64")))


def test_the_generator_is_the_authors():
    generator = build_generator((32, 32, 3), 2, 2)
    outputs = [generator.get_layer(f"images_{scale}").output for scale in SCALES]
    maps = keras.Input((32, 32, 6))
    frames = keras.layers.Permute((3, 1, 2, 4))(keras.layers.Reshape((32, 32, 2, 3))(maps))
    guesses = keras.Model(maps, keras.Model(generator.input, outputs)(frames))
    check_network(guesses, golden("predictor"))


def test_the_discriminators_are_the_authors_with_the_numbers_of_table_1():
    network = build_discriminator((32, 32, 1), 2, 2)
    logits = [network.get_layer(f"logits_{scale}").output for scale in SCALES]
    weights = [w for each in logits for w in keras.Model(network.inputs, each).trainable_variables]
    maps = keras.Input((32, 32, 2))
    images = [keras.Input((32 // scale, 32 // scale, 1)) for scale in SCALES]
    frames = keras.layers.Permute((3, 1, 2, 4))(keras.layers.Reshape((32, 32, 2, 1))(maps))
    whole = keras.Model([maps, *images], network([frames, *images]))
    check_network(whole, golden("film_judge"), weights)


def test_default_width_gives_the_networks_of_table_1():
    def of_kind(network, kind, attribute):
        return [getattr(x, attribute) for x in network.layers if type(x) is kind]

    generator = build_generator((32, 32, 3), 4, 128)
    small, large = [128, 256, 128, 3], [128, 256, 512, 256, 128, 3]
    assert of_kind(generator, keras.layers.Conv2D, "filters") == 2 * small + 2 * large
    kernels = [size for size, _ in of_kind(generator, keras.layers.Conv2D, "kernel_size")]
    assert kernels == [*(3, 3, 3, 3), *(5, 3, 3, 5), *(5, 3, 3, 3, 3, 5), *(7, 5, 5, 5, 5, 7)]
    network = build_discriminator((32, 32, 3), 4, 128)
    expected = {
        8: ([64], [512, 256, 1]),
        4: ([64, 128, 128], [1024, 512, 1]),
        2: ([128, 256, 256], [1024, 512, 1]),
        1: ([128, 256, 512, 128], [1024, 512, 1]),
    }
    for scale, (maps, units) in expected.items():
        part = keras.Model(network.inputs, network.get_layer(f"logits_{scale}").output)
        assert of_kind(part, keras.layers.Conv2D, "filters") == maps
        assert of_kind(part, keras.layers.Dense, "units") == units


@pytest.mark.parametrize("power", [1, 2])
def test_losses_and_their_gradients_are_the_papers(power):
    images, fakes = np.random.default_rng(1).uniform(-1, 1, (2, 2, 4, 5, 3)).astype("float32")
    for loss, by_hand in (
        (gradient_difference_loss, gdl_by_hand),
        (lp_loss, lambda y, f, p: np.mean(np.abs(y.astype("float64") - f) ** p)),
    ):
        drawn = tf.constant(fakes)
        with tf.GradientTape() as tape:
            tape.watch(drawn)
            value = loss(tf.constant(images), drawn, power)
        assert float(value) == pytest.approx(by_hand(images, fakes, power), abs=1e-6)
        gradient = tape.gradient(value, drawn).numpy()
        for place in [(0, 0, 0, 0), (1, 3, 4, 2), (0, 2, 1, 1), (1, 1, 3, 0)]:
            moved = [fakes.astype("float64") for _ in range(2)]
            moved[0][place] += 1e-6
            moved[1][place] -= 1e-6
            slope = by_hand(images, moved[0], power) - by_hand(images, moved[1], power)
            assert gradient[place] == pytest.approx(slope / 2e-6, abs=1e-5)


def test_a_step_has_the_combined_loss_at_all_scales():
    weights = {"adversarial_weight": 0.5, "lp_weight": 2.0, "gdl_weight": 3.0}
    gan, whole = small_gan(0.0, p=2, alpha=1, **weights), film()
    frames, images = whole[:, :2], whole[:, 2]
    real = [averages(images, scale) for scale in SCALES]
    fakes = [each.numpy() for each in gan.all_scales()(frames)]
    assert [each.shape[1] for each in fakes] == [4, 8, 16, 32]
    logits = [
        gan.discriminator([tf.constant(x) for x in (frames, *next_ones)])
        for next_ones in (real, fakes)
    ]
    expected = {
        "lp": sum(np.mean((y - f) ** 2) for y, f in zip(real, fakes, strict=True)),
        "gdl": sum(gdl_by_hand(y, f, 1) for y, f in zip(real, fakes, strict=True)),
        "adversarial": sum(softplus(-each).mean() for each in logits[1]),
        "d_loss": sum(softplus(-each).mean() for each in logits[0])
        + sum(softplus(each).mean() for each in logits[1]),
    }
    parts = {"adversarial": 0.5, "lp": 2.0, "gdl": 3.0}
    expected["g_loss"] = sum(weight * expected[name] for name, weight in parts.items())
    history = gan.fit(images, frames, batch_size=4, shuffle=False, verbose=0).history
    logs = {name: values[0] for name, values in history.items()}
    assert logs == pytest.approx({k: float(v) for k, v in expected.items()}, rel=1e-4)


def test_a_continued_film_is_predicted_frame_by_frame():
    gan, frames = small_gan(), film(3, 2)
    predicted = gan.continue_film(frames, 3, batch_size=2)
    assert predicted.shape == (3, 3, *SHAPE)
    first = gan.sample(frames=frames)
    second = gan.sample(frames=np.stack([frames[:, 1], first], axis=1))
    third = gan.sample(frames=np.stack([first, second], axis=1))
    np.testing.assert_allclose(predicted, np.stack([first, second, third], 1), atol=1e-5)
    with pytest.raises(UserError, match="`number` must be a whole number, 1 or more"):
        gan.continue_film(frames, 0)
    with pytest.raises(UserError, match="`frames` must hold films"):
        gan.continue_film(frames[:, 1:], 1)


def test_it_learns_that_a_square_moves_on():
    place = np.arange(6)[:, None] * 4
    columns = np.arange(32)
    bars = np.where((columns >= place) & (columns < place + 8), 1.0, -1.0)  # (6, 32)
    whole = np.repeat(bars[:, None, :, None], 32, axis=1).astype("float32")
    examples = np.stack([whole[i : i + 3] for i in range(4)])
    gan = small_gan(width=4)
    optimizers = (keras.optimizers.Adam(3e-3), keras.optimizers.SGD(0.02))
    gan.compile(*optimizers)
    frames, images = examples[:, :2], examples[:, 2]
    before = np.abs(gan.sample(frames=frames) - images).mean()
    gan.fit(images, frames, batch_size=4, epochs=60, verbose=0)
    assert np.abs(gan.sample(frames=frames) - images).mean() < before / 4


def test_a_resumed_training_has_the_same_bits(tmp_path):
    whole, straight = film(8), small_gan(ema_decay=0.9, p=2, num_frames=2)
    straight.fit(whole[:, 2], whole[:, :2], batch_size=4, verbose=0)
    straight.save(tmp_path / "gan.keras")
    resumed = keras.saving.load_model(tmp_path / "gan.keras")
    assert (resumed.p, resumed.alpha, resumed.num_frames) == (2, 1, 2)
    np.testing.assert_array_equal(resumed.examples["frames"], straight.examples["frames"])
    for gan in (straight, resumed):
        gan.fit(whole[:, 2], whole[:, :2], batch_size=4, verbose=0)
    for first, second in zip(straight.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(first, second, err_msg=first.path)


def test_shapes_follow_from_a_source():
    gan = small_gan()
    spec = gan.signature.example
    assert NextFrame.from_spec(spec) == {"image_shape": SHAPE, "num_frames": 2}


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_it_trains_in_mixed_precision(policy):
    gan, whole = small_gan(dtype=policy), film()
    logs = gan.fit(whole[:, 2], whole[:, :2], batch_size=4, verbose=0).history
    assert np.isfinite(list(logs.values())).all()
    assert gan.continue_film(whole[:, :2], 1).dtype == np.float32


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_shape": (36, 32, 1)}, "`image_shape` must be .* divisible by 8, 32 or more"),
        ({"image_shape": (24, 24, 1)}, "`image_shape` must be .* divisible by 8, 32 or more"),
        ({"p": 3}, "`p` must be 1 or 2. Received: p=3"),
        ({"alpha": 3}, "`alpha` must be 1 or 2"),
        ({"gdl_weight": -1.0}, "`gdl_weight` must be 0 or more"),
        ({"augment": "ada"}, "judges no whole pictures"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        NextFrame(**{"image_shape": SHAPE, "width": 2, **arguments})
