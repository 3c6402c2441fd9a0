"""Text to image: a step by hand in float64, what each player sees, and what samples depend on."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import TextToImage
from kerasgan.models.text_to_image import wrong_text
from kerasgan.utils.errors import UserError

SMALL = {"image_shape": (16, 16, 3), "text_dim": 6, "latent_dim": 4, "width": 4, "projection": 5}


def pairs(num=6, side=16):
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (num, side, side, 3)).astype("float32")
    return images, rng.normal(size=(num, 6)).astype("float32")


def built(rate=0.1, **arguments):
    keras.utils.set_random_seed(0)
    gan = TextToImage(**{**SMALL, "seed": 1, **arguments})
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate), run_eagerly=True)
    return gan


class Float64:
    """A network in float64, by its layers' weights: what the paper's figure 2 says."""

    def __init__(self, network):
        self.network = keras.models.clone_model(
            network, clone_function=lambda layer: type(layer).from_config(in_float64(layer))
        )
        self.network.set_weights(network.get_weights())

    def __call__(self, *inputs):
        return self.network([tf.cast(each, tf.float64) for each in inputs], training=True)


def in_float64(layer):
    return {**layer.get_config(), "dtype": "float64"}


def log(x):
    return tf.math.log(x)


def probability(logits):
    return 1.0 / (1.0 + tf.exp(-logits))


def step(network, loss_of, rate=0.1):
    """Descends a loss once; returns it."""
    weights = network.network.trainable_variables
    with tf.GradientTape() as tape:
        loss = loss_of()
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        weight.assign_sub(rate * gradient)
    return loss


def test_both_updates_are_those_of_algorithm_1_with_interpolated_texts():
    images, text = pairs()
    start = built()
    g, d = Float64(start.generator), Float64(start.discriminator)
    z = [start.sample_latents(6), start.sample_latents(6), start.sample_latents(3)]

    wrong = np.concatenate([text[1:], text[:1]])
    fakes = g(z[0], text)

    def d_loss():
        s_r = probability(d(images, text))
        s_w = probability(d(images, wrong))
        s_f = probability(d(fakes, text))
        return -tf.reduce_mean(log(s_r) + (log(1 - s_w) + log(1 - s_f)) / 2)

    def g_loss():
        texts = np.concatenate([text, (text[0::2] + text[1::2]) / 2])
        s_f = probability(d(g(tf.concat(z[1:], 0), texts), texts))
        return -tf.reduce_mean(log(s_f))  # 6 + 3 images with equal weights, as the authors' code

    expected = {"d_loss": step(d, d_loss), "g_loss": step(g, g_loss)}

    gan = built()
    logs = gan.fit(images, text, batch_size=6, shuffle=False, verbose=0).history
    for name, value in expected.items():
        np.testing.assert_allclose(logs[name][0], value, rtol=1e-5)
    largest = 0.0
    for ours, theirs in ((gan.generator, g), (gan.discriminator, d)):
        moved = 0.0
        for got, want, before in zip(
            ours.trainable_variables,
            theirs.network.trainable_variables,
            getattr(start, ours.name).trainable_variables,
            strict=True,
        ):
            largest = max(largest, np.abs(got.numpy() - want.numpy()).max())
            moved = max(moved, np.abs(got.numpy() - before.numpy()).max())
        assert moved > 1e-3, ours.name
    assert largest < 1e-5, largest


def test_the_wrong_text_is_the_next_one_and_counts_0_where_it_is_the_right_one():
    texts = tf.constant([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
    wrong, differs = wrong_text(texts)
    np.testing.assert_array_equal(wrong, [[1, 2], [3, 4], [1, 2]])
    np.testing.assert_array_equal(differs, [0, 1, 1])
    gan = built()
    images, text = pairs()
    logs = gan.fit(images, np.repeat(text[:1], 6, axis=0), batch_size=6, verbose=0).history
    assert logs["wrong_loss"][0] == 0.0 and logs["d_loss"][0] > 0.0


def test_the_discriminator_sees_the_text_and_so_does_the_generator():
    images, text = pairs()
    gan = built()
    judged = gan.discriminator([images, text], training=True)
    assert np.abs(judged - gan.discriminator([images, -text], training=True)).max() > 1e-3
    same_z = [gan.sample(6, text=each, seed=0) for each in (text, -text)]
    assert np.abs(same_z[0] - same_z[1]).max() > 1e-4


def test_networks_are_those_of_the_authors_at_64_pixels():
    gan = TextToImage((64, 64, 3), width=64)
    d = gan.discriminator
    assert gan.signature.inputs["text"].shape == (1024,) and gan.latent_dim == 100
    shapes = [tuple(w.shape) for w in d.trainable_weights if len(w.shape) == 4]
    assert shapes == [
        (4, 4, 3, 64),
        (4, 4, 64, 128),
        (4, 4, 128, 256),
        (4, 4, 256, 512),
        (1, 1, 512 + 128, 512),
    ]
    first = next(w for w in gan.generator.trainable_weights if w.shape[0] == 100 + 128)
    assert tuple(first.shape) == (228, 4 * 4 * 512)
    g, d = gan.default_optimizers()
    assert [g.get_config()[key] for key in ("learning_rate", "beta_1", "beta_2")] == [
        pytest.approx(2e-4),
        0.5,
        0.999,
    ]
    assert g is not d


def test_a_sample_depends_on_its_own_text_alone():
    gan = built()
    images, text = pairs(8)
    gan.fit(images, text, batch_size=4, verbose=0)
    together = gan.sample(text=text, seed=2)
    kept = gan.sample(8, text=np.concatenate([text[:4], text[:4]]), seed=2)
    np.testing.assert_allclose(together[:4], kept[:4], atol=1e-6)
    assert np.abs(together[4:] - kept[4:]).max() > 1e-5


def test_it_learns_to_follow_the_text():
    # A text says how bright its picture is.
    rng = np.random.default_rng(0)
    bright = rng.uniform(-1, 1, 512).astype("float32")
    images = 0.8 * bright[:, None, None, None] + rng.normal(0, 0.1, (512, 8, 8, 1))
    images = images.clip(-1, 1).astype("float32")
    texts = 2.0 * bright[:, None] * np.array([[1, -1, 1, -1]], "float32")
    keras.utils.set_random_seed(0)
    gan = TextToImage((8, 8, 1), text_dim=4, latent_dim=4, width=8, projection=8, seed=0)
    gan.compile(*(keras.optimizers.Adam(2e-3, beta_1=0.5) for _ in range(2)))
    gan.fit(images, texts, batch_size=32, epochs=4, verbose=0)
    made = gan.sample(text=texts[:64], seed=0).mean(axis=(1, 2, 3))
    assert np.corrcoef(made, bright[:64])[0, 1] > 0.8


def test_ada_has_a_fixed_probability_since_d_is_to_reject_real_pictures_with_wrong_texts():
    with pytest.warns(UserWarning, match="no decision boundary"):
        TextToImage((16, 16, 3), text_dim=4, width=2, augment="ada")


def test_augmentation_leaves_texts_alone():
    images, text = pairs(8)
    gan = built(augment="diffaugment")
    seen = []
    gan.augmentation.draw = lambda num: lambda pictures: seen.append(pictures.shape) or pictures
    gan.fit(images, text, batch_size=8, verbose=0)
    assert seen == [(8, 16, 16, 3)] * 3 + [(12, 16, 16, 3)]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_shape": (18, 18, 3)}, "divisible by 4"),
        ({"text_dim": 0}, "text_dim"),
        ({"projection": 1.5}, "projection"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        TextToImage(**{**SMALL, **arguments})


def test_examples_without_texts_are_refused():
    gan = built()
    images, text = pairs()
    with pytest.raises(UserError, match="TextToImage is conditional: `text` must be given"):
        gan.fit(images, verbose=0)
    with pytest.raises(UserError, match=r"`text` must have shape \(6, 6\)"):
        gan.fit(images, text[:, :5], verbose=0)
