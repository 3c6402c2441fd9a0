"""The truncation trick: in `sample`, in exports, on cards."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import kerasgan
from kerasgan import export
from kerasgan.export import card, metadata
from kerasgan.networks import points
from kerasgan.signature import Image, Latent, Scalar, Signature, Vector
from kerasgan.signature.truncation import truncated
from kerasgan.utils.errors import UserError


class Shown(kerasgan.GAN):
    """A model of points that are its latents, so that samples show what was drawn."""

    def __init__(self, offered=True, **options):
        z = keras.Input((3,), name="z")
        generator = keras.Model(z, keras.layers.Identity(name="images")(z), name="generator")
        signature = Signature({"z": Latent(3, truncation=offered)}, Vector(3))
        self.offered = offered
        super().__init__(
            generator, points.build_discriminator(3, 4), signature=signature, **options
        )


@pytest.mark.parametrize("threshold", [0.01, 0.5, 1.0, 2.0, 4.0, 5.9])
def test_latents_become_those_of_scipys_truncated_normal_distribution(threshold):
    z = np.append(np.random.default_rng(0).normal(size=1000), [5.6, -5.6, 0.0, 1e-4])
    z = z.astype("float32")[None]
    moved = truncated(tf.constant(z), tf.constant([threshold])).numpy()
    expected = stats.truncnorm.ppf(stats.norm.cdf(z.astype("float64")), -threshold, threshold)
    np.testing.assert_allclose(moved, expected, atol=1e-6)
    assert np.abs(moved).max() <= threshold


def test_samples_have_the_spread_of_a_truncated_normal_distribution():
    samples = Shown().sample(20_000, seed=0, truncation=0.8)
    assert 0.79 < np.abs(samples).max() <= 0.8
    distance, _ = stats.kstest(samples.ravel(), stats.truncnorm(-0.8, 0.8).cdf)
    assert distance < 0.01
    assert np.abs(np.corrcoef(samples.T) - np.eye(3)).max() < 0.03


def test_without_a_threshold_or_from_6_samples_are_the_same_to_the_bit():
    gan = Shown()
    drawn = gan.signature.inputs["z"].draw(300, tf.constant([7, 0], tf.int64))
    np.testing.assert_array_equal(gan.sample(300, seed=7), drawn)
    for threshold in (None, 6.0, 100, [6.0] * 300):
        np.testing.assert_array_equal(gan.sample(300, seed=7, truncation=threshold), drawn)


def test_a_seed_fixes_truncated_samples_and_a_larger_number_only_appends():
    gan = Shown()
    few, many = (
        gan.sample(3, seed=5, truncation=1.0),
        gan.sample(9, seed=5, batch_size=2, truncation=1.0),
    )
    np.testing.assert_array_equal(few, many[:3])
    signs = np.sign(gan.sample(9, seed=5))
    np.testing.assert_array_equal(np.sign(many), signs)


def test_each_sample_may_have_a_threshold_of_its_own():
    gan = Shown()
    several = gan.sample(3, seed=1, truncation=[0.0, 0.5, 2.0])
    for i, threshold in enumerate((0.0, 0.5, 2.0)):
        single = gan.sample(3, seed=1, truncation=threshold)
        np.testing.assert_array_equal(several[i], single[i])
    assert not several[0].any()


@pytest.mark.parametrize(
    "threshold, message",
    [
        (-0.5, r"`truncation` must lie in \[0, inf\]. Received: -0.5"),
        (float("nan"), "`truncation` must be finite"),
        ([1.0, 1.0], r"`truncation` must have shape \(3,\)"),
        ("much", "`truncation` must have shape"),
    ],
)
def test_a_wrong_threshold_is_refused(threshold, message):
    with pytest.raises(UserError, match=message):
        Shown().sample(3, truncation=threshold)


def test_uniform_latents_refuse_truncation():
    gan = kerasgan.DCGAN((8, 8, 1), width=4)
    with pytest.raises(UserError, match="DCGAN draws uniform latents.*truncation=0.5"):
        gan.sample(2, truncation=0.5)
    with pytest.raises(UserError, match="is for normal latents. Received: Latent"):
        Latent(4, uniform=(0, 1), truncation=True)


def test_an_input_that_is_itself_called_truncation_keeps_its_meaning():
    signature = Signature({"z": Latent(2), "truncation": Scalar(1.0, 0.0, 1.0)}, Vector(2))
    assert not signature.truncates and list(signature.served) == ["truncation"]
    z, psi = keras.Input((2,), name="z"), keras.Input((), name="truncation")
    product = keras.layers.Multiply()([z, keras.layers.Reshape((1,))(psi)])
    generator = keras.Model([z, psi], product)
    gan = kerasgan.GAN(generator, points.build_discriminator(2, 4), signature=signature)
    np.testing.assert_allclose(
        gan.sample(3, seed=0, truncation=0.5), 0.5 * gan.sample(3, seed=0), rtol=1e-6
    )


def test_signatures_that_do_not_offer_it_are_saved_as_before():
    assert Latent(4).get_config() == {"kind": "latent", "dim": 4, "uniform": None}
    offered = Signature({"z": Latent(4, truncation=True)}, Image((8, 8, 1)))
    restored = Signature.from_config(offered.get_config())
    assert list(restored.served) == ["truncation"] and restored.asked == {}


@pytest.mark.parametrize("offered", [True, False])
def test_a_saved_model_takes_a_threshold_where_latents_offer_it(offered, tmp_path):
    gan = Shown(offered=offered)
    served = tf.saved_model.load(export.saved_model(gan, tmp_path)).signatures
    given = served["sample"].structured_input_signature[1]
    assert set(given) == ({"seed", "num", "truncation"} if offered else {"seed", "num"})
    assert set(served["serving_default"].structured_input_signature[1]) == {"z"}
    if not offered:
        return
    request = {"seed": tf.constant(1, tf.int64), "num": tf.constant(4)}
    for threshold in (0.5, [0.5, 1.0, 2.0, 9.0], 6.0):
        values = tf.constant(np.atleast_1d(threshold), tf.float32)
        made = served["sample"](**request, truncation=values)["images"]
        expected = gan.sample(4, seed=1, truncation=threshold)
        np.testing.assert_allclose(made, expected, atol=1e-6)
    for wrong, message in ((-1.0, "`truncation` is too low"), (np.nan, "must be finite")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            served["sample"](**request, truncation=tf.constant([wrong], tf.float32))
    with pytest.raises(tf.errors.InvalidArgumentError, match="one truncation, or `num` of them"):
        served["sample"](**request, truncation=tf.constant([1.0, 2.0]))


def test_a_card_shows_how_to_truncate_and_its_code_runs():
    gan = Shown()
    text = card.usage(metadata.describe(gan))
    assert "gan.sample(4, truncation=1.0, seed=0)" in text
    assert '"num": 4, "truncation": [1.0]' in text
    names = {"np": np, "random": np.random.default_rng(0)}
    exec(gan.signature.inputs["z"].numpy_draw("z"), names)
    assert names["z"].shape == (1, 3) and np.abs(names["z"]).max() <= 1.0
    assert "truncation" not in card.usage(metadata.describe(Shown(offered=False)))
