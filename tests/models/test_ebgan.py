"""EBGAN: energies, margin and pulling-away term against NumPy, and what each player is moved by."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import EBGAN
from kerasgan.models.ebgan import (
    build_discriminator,
    discriminator_loss,
    energy,
    pulling_away_term,
)
from kerasgan.networks.dcgan import build_generator
from kerasgan.utils.errors import UserError


def pictures(num=8, side=16):
    return np.random.default_rng(0).uniform(-1, 1, (num, side, side, 1)).astype("float32")


def stepped(rate=0.0, **arguments):
    """Returns a small model after one step of plain SGD, and its logs."""
    keras.utils.set_random_seed(0)
    gan = EBGAN((16, 16, 1), latent_dim=4, width=4, **{"seed": 1, **arguments})
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate), run_eagerly=True)
    logs = gan.fit(pictures(), batch_size=8, shuffle=False, verbose=0).history
    return gan, {name: values[0] for name, values in logs.items()}


def trained_weights(network):
    return np.concatenate([np.ravel(weight) for weight in network.trainable_weights])


def pulling_away_by_hand(codes):
    """f_PT as it is printed: two sums, in float64."""
    codes, total = codes.astype("float64"), 0.0
    for i, first in enumerate(codes):
        for j, second in enumerate(codes):
            if j != i:
                cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
                total += cosine**2
    return total / (len(codes) * (len(codes) - 1))


def test_the_energy_of_each_image_is_the_norm_of_what_is_lost():
    images, decoded = pictures(), pictures()[::-1].copy()
    expected = [
        np.linalg.norm((a - b).astype("float64")) for a, b in zip(images, decoded, strict=True)
    ]
    np.testing.assert_allclose(energy(images, decoded), expected, rtol=1e-6)


def test_the_energy_of_a_perfect_reconstruction_has_a_finite_gradient():
    decoded = tf.Variable(pictures())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(energy(pictures(), decoded))
    assert float(loss) < 1e-4
    assert np.isfinite(tape.gradient(loss, decoded)).all()


def test_each_generated_image_has_a_hinge_of_its_own():
    real, fake = tf.constant([1.0, 2.0]), tf.Variable([4.0, 12.0])
    with tf.GradientTape() as tape:
        loss = discriminator_loss(real, fake, margin=10.0)
    assert float(loss) == 1.5 + 6.0 / 2  # a hinge on the mean of fakes would give 2
    np.testing.assert_array_equal(tape.gradient(loss, fake), [-0.5, 0.0])


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("float16", 1e-5)])
def test_pulling_away_is_that_of_section_2_4(dtype, tolerance):
    # Squares of such values do not fit float16.
    codes = (300.0 * np.random.default_rng(1).normal(1, 1, (7, 50))).astype(dtype)
    term = pulling_away_term(tf.constant(codes))
    assert term.dtype == tf.float32
    assert float(term) == pytest.approx(pulling_away_by_hand(codes), abs=tolerance)


def test_pulling_away_of_one_code_or_of_no_code_is_0_with_a_finite_gradient():
    assert float(pulling_away_term(tf.ones((1, 3)))) == 0.0
    codes = tf.Variable(tf.zeros((4, 3)))
    with tf.GradientTape() as tape:
        term = pulling_away_term(codes)
    assert float(term) == 0.0
    assert np.isfinite(tape.gradient(term, codes)).all()


def test_a_step_logs_the_losses_of_eq_1_and_2_and_pulling_away():
    gan, logs = stepped(pulling_away=0.5, margin=3.0)  # rates of 0: the initial networks
    fakes = gan.generator(gan.latent_prior(8, [1, 1]), training=True)  # the first draw
    autoencoder = keras.Model(
        gan.discriminator.input, gan.discriminator.get_layer("reconstructions").output
    )
    real, fake = (
        np.linalg.norm((autoencoder(x, training=True) - x).numpy().reshape(8, -1), axis=1)
        for x in (tf.constant(pictures()), fakes)
    )
    codes = gan.discriminator(fakes, training=True)[1].numpy()
    repelling = pulling_away_by_hand(codes)
    expected = {
        "d_loss": real.mean() + np.maximum(0.0, 3.0 - fake).mean(),
        "g_loss": fake.mean() + 0.5 * repelling,
        "real_energy": real.mean(),
        "fake_energy": fake.mean(),
        "pulling_away": repelling,
    }
    assert logs == pytest.approx(expected, rel=1e-5)


def test_fakes_beyond_the_margin_do_not_move_the_discriminator():
    # Other latents are other fakes.
    first, second = (stepped(1.0, margin=1e-4, seed=seed)[0] for seed in (1, 2))
    np.testing.assert_array_equal(*(trained_weights(g.discriminator) for g in (first, second)))
    first, second = (stepped(1.0, margin=100.0, seed=seed)[0] for seed in (1, 2))
    one, other = (trained_weights(gan.discriminator) for gan in (first, second))
    assert np.abs(one - other).max() > 1e-6


def test_the_pulling_away_term_moves_the_generator_alone_and_0_leaves_it_out():
    (off, logs), (on, _) = stepped(1.0, pulling_away=0.0), stepped(1.0, pulling_away=100.0)
    assert logs["pulling_away"] > 0.0
    np.testing.assert_array_equal(*(trained_weights(gan.discriminator) for gan in (off, on)))
    one, other = (trained_weights(gan.generator) for gan in (off, on))
    assert np.abs(one - other).max() > 1e-4
    _, still = stepped(pulling_away=0.0)
    assert still["g_loss"] == still["fake_energy"]  # with rates of 0


def test_energies_are_those_of_what_reconstruct_returns():
    gan, _ = stepped(0.1)
    images = np.round((pictures(5) + 1.0) * 127.5).astype("uint8")
    floats = images / 127.5 - 1.0
    decoded = gan.reconstruct(images, batch_size=2)
    assert decoded.shape == images.shape and decoded.dtype == np.float32
    expected = np.linalg.norm((decoded - floats).reshape(5, -1), axis=1)
    np.testing.assert_allclose(gan.discriminator(floats.astype("float32"))[0], expected, rtol=1e-5)
    with pytest.raises(UserError, match="`images` must"):
        gan.reconstruct(images[:, :8])


def test_augmented_images_are_compared_with_themselves():
    keras.utils.set_random_seed(0)
    gan = EBGAN((16, 16, 1), latent_dim=4, width=4, seed=1, augment="diffaugment")
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    white = np.ones((64, 16, 16, 1), "float32")
    logs = gan.fit(white, batch_size=64, verbose=0).history
    # The initial autoencoder returns grey, so that an energy is the norm of what D was shown: holes
    # and shifts take away from the 16 of a white image.
    assert 8.0 < logs["real_energy"][0] < 15.5


def test_energies_are_float32_in_mixed_precision():
    gan = EBGAN((16, 16, 1), width=4, dtype="mixed_float16")
    energies, codes = gan.discriminator(pictures())
    assert (energies.dtype, codes.dtype) == (tf.float32, tf.float16)


def of_kind(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


def test_default_width_gives_the_papers_64_pixel_networks():
    discriminator = build_discriminator((64, 64, 3))
    assert [x.filters for x in of_kind(discriminator, layers.Conv2D)] == [64, 128, 256]
    ups = of_kind(discriminator, layers.Conv2DTranspose)
    assert [x.filters for x in ups] == [128, 64, 3]
    assert [output.shape for output in discriminator.outputs] == [(None,), (None, 8 * 8 * 256)]
    # Batch norm except on the input layer and the output layer
    assert len(of_kind(discriminator, layers.BatchNormalization)) == 4
    for layer in of_kind(discriminator, (layers.Conv2D, layers.Conv2DTranspose)):
        assert np.std(layer.kernel) == pytest.approx(0.002, rel=0.1)
    generator = build_generator((64, 64, 3), 100, 2 * 64)
    assert of_kind(generator, layers.Dense)[0].units == 4 * 4 * 1024
    assert [x.filters for x in of_kind(generator, layers.Conv2DTranspose)] == [512, 256, 128, 3]


def test_the_generator_is_twice_as_wide_as_the_discriminator():
    gan = EBGAN((32, 32, 1), width=4)
    assert [x.filters for x in of_kind(gan.generator, layers.Conv2DTranspose)] == [16, 8, 1]
    assert [x.filters for x in of_kind(gan.discriminator, layers.Conv2D)] == [4, 8]


def test_margin_and_weight_survive_saving(tmp_path):
    EBGAN((16, 16, 1), width=4, margin=3.0, pulling_away=0.0).save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert (loaded.margin, loaded.pulling_away) == (3.0, 0.0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"margin": 0.0}, "`margin` must be positive. Received: margin=0.0"),
        ({"margin": float("nan")}, "`margin` must be positive"),
        ({"pulling_away": -0.1}, "`pulling_away` must be 0 or more. Received: -0.1"),
    ],
)
def test_constants_out_of_range_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        EBGAN((16, 16, 1), width=4, **arguments)
    with pytest.raises(UserError, match="sides divisible by 4"):
        EBGAN((30, 28, 1), width=4)
