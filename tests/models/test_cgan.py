"""ConditionalGAN against its paper: the layers of section 4.1, and the effect of conditions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import ConditionalGAN
from kerasgan.utils.errors import UserError


def small(**arguments):
    gan = ConditionalGAN((8, 8, 1), **{"num_classes": 3, "width": 60, "seed": 0, **arguments})
    gan.compile()
    return gan


def pictures(num):
    return np.random.default_rng(0).uniform(-1, 1, (num, 8, 8, 1)).astype("float32")


def kernel_shapes(network):
    return sorted(tuple(w.shape) for w in network.weights if w.name == "kernel")


# --- Networks ---


@pytest.mark.parametrize("condition", [{"num_classes": 10}, {"condition_dim": 10}])
def test_networks_have_the_layers_of_the_paper(condition):
    gan = ConditionalGAN((28, 28, 1), **condition)
    assert kernel_shapes(gan.generator) == sorted(
        [(100, 200), (10, 1000), (200 + 1000, 1200), (1200, 784)]
    )
    assert kernel_shapes(gan.discriminator) == sorted(
        [(784, 240 * 5), (10, 50 * 5), (240 + 50, 240 * 4), (240, 1)]
    )
    for network, rates in ((gan.generator, []), (gan.discriminator, [0.5, 0.5, 0.5])):
        assert [layer.rate for layer in network.layers if hasattr(layer, "rate")] == rates


@pytest.mark.parametrize(
    "condition, bound", [({"num_classes": 4}, 1.0), ({"condition_dim": 4}, 0.5)]
)
def test_layers_on_condition_and_latents_start_larger_than_the_others(condition, bound):
    gan = small(**{"num_classes": None, "width": 1200, **condition})
    for network, others in ((gan.generator, 0.05), (gan.discriminator, 0.005)):
        for weight in network.weights:
            if weight.name == "kernel":
                expected = {4: bound, 100: 0.6}.get(weight.shape[0], others)
                assert 0.95 * expected < np.abs(weight.numpy()).max() <= expected


def test_samples_of_a_class_differ_as_much_as_those_of_different_classes():
    samples = small(width=1200).sample(300, seed=0).reshape(100, 3, -1)
    within, between = samples.std(axis=0).mean(), samples.mean(axis=0).std(axis=0).mean()
    assert 0.5 < within / between < 2.0


def test_latents_fill_the_unit_hypercube():
    latents = small().latent_prior(2000, [0, 0]).numpy().astype("float64")
    assert 0.0 <= latents.min() < 0.001 and 0.999 < latents.max() < 1.0
    np.testing.assert_allclose(latents.mean(), 0.5, atol=0.01)


def test_learning_rates_are_divided_by_1_00004_at_each_update():
    for optimizer, rate in zip(ConditionalGAN.default_optimizers(), (0.1, 0.01), strict=True):
        schedule = optimizer._learning_rate
        for step in (0, 1, 1000, 100_000):
            np.testing.assert_allclose(float(schedule(step)), rate / 1.00004**step, rtol=1e-5)


def test_both_networks_see_labels_as_one_hot_vectors():
    gan, dense = small(), small(num_classes=None, condition_dim=3)
    for network in ("generator", "discriminator"):
        getattr(dense, network).set_weights(getattr(gan, network).get_weights())
    labels, vectors = np.array([0, 2, 1], "int32"), np.eye(3, dtype="float32")[[0, 2, 1]]
    z = gan.latent_prior(3, [0, 0])
    np.testing.assert_array_equal(gan.generate(z, labels), dense.generate(z, vectors))
    np.testing.assert_array_equal(
        gan.discriminator([pictures(3), labels]), dense.discriminator([pictures(3), vectors])
    )


# --- Conditions ---


def test_another_label_gives_another_image_from_the_same_latents():
    gan = small()
    first, second = (gan.sample(4, labels=[c] * 4, seed=0) for c in (0, 1))
    assert np.abs(first - second).max(axis=(1, 2, 3)).min() > 1e-3
    np.testing.assert_array_equal(gan.sample(4, labels=[0] * 4, seed=0), first)


def test_without_labels_the_classes_take_turns():
    gan = small()
    expected = gan.sample(5, labels=[0, 1, 2, 0, 1], seed=0)
    np.testing.assert_array_equal(gan.sample(5, seed=0), expected)


def test_a_dense_condition_trains_samples_saves_and_loads(tmp_path):
    gan = small(num_classes=None, condition_dim=5)
    conditions = np.random.default_rng(1).normal(0, 1, (32, 5)).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices((pictures(32), conditions)).batch(8)
    history = gan.fit(dataset, verbose=0).history
    assert np.isfinite([*history["d_loss"], *history["g_loss"]]).all()
    samples = gan.sample(4, labels=conditions[:4], seed=0)
    assert np.abs(samples - gan.sample(4, labels=conditions[4:8], seed=0)).max() > 1e-3
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.sample(4, labels=conditions[:4], seed=0), samples)


def test_a_dense_condition_is_an_input_of_the_saved_model_under_its_name(tmp_path):
    gan = small(num_classes=None, condition_dim=5)
    serve = tf.saved_model.load(gan.export(tmp_path)).signatures["serving_default"]
    z, condition = gan.latent_prior(3, [0, 0]), tf.ones((3, 5))
    images = serve(z=z, condition=condition)["images"]
    np.testing.assert_allclose(images, gan.generate(z, condition), atol=1e-5)


# --- Wrong use ---


@pytest.mark.parametrize("given", [{}, {"num_classes": 10, "condition_dim": 5}])
def test_exactly_one_kind_of_condition_must_be_given(given):
    with pytest.raises(UserError, match="One of `num_classes` and `condition_dim` must be given"):
        ConditionalGAN((28, 28, 1), **given)


def test_an_image_shape_without_channels_is_refused():
    with pytest.raises(UserError, match=r"must be \(height, width, channels\).* Received: .*\(28,"):
        ConditionalGAN((28, 28), num_classes=10)


def test_conditions_must_be_given_and_fit():
    gan = small(num_classes=None, condition_dim=5)
    with pytest.raises(UserError, match=r"is conditional: `condition` must be given, shape \(N, 5"):
        gan.fit(pictures(8), batch_size=8)
    with pytest.raises(UserError, match=r"is conditional: `condition` must be given, shape \(2, 5"):
        gan.sample(2)
    with pytest.raises(UserError, match=r"`condition` must have shape \(2, 5\), dtype float32"):
        gan.sample(2, labels=np.zeros((2, 4)))
    dataset = tf.data.Dataset.from_tensors((pictures(8), np.zeros((8, 4), "float32")))
    with pytest.raises(UserError, match=r"`condition` of `x`.* shape \(N, 5\). Received:"):
        gan.fit(dataset)


# --- Vectors, section 4.2 ---


def test_networks_for_vectors_have_the_layers_of_section_4_2():
    gan = ConditionalGAN((200,), condition_dim=4096)
    assert kernel_shapes(gan.generator) == sorted([(100, 500), (4096, 2000), (2500, 200)])
    assert kernel_shapes(gan.discriminator) == sorted(
        [(200, 500), (4096, 1200), (1700, 1000 * 3), (1000, 1)]
    )
    joint = gan.generator.layers[-1]
    assert joint.name == "images" and joint.activation is keras.activations.linear
    z = gan.signature.inputs["z"].draw(2000, [0, 0]).numpy()
    assert abs(z.mean()) < 0.02 and abs(z.std() - 1) < 0.02  # Gaussian noise of size 100


def test_vectors_follow_their_conditions():
    # The vector of a condition lies near 3 times the condition, in any range.
    rng = np.random.default_rng(0)
    conditions = rng.normal(size=(512, 2)).astype("float32")
    vectors = 3.0 * conditions + rng.normal(0, 0.3, conditions.shape).astype("float32")
    keras.utils.set_random_seed(0)
    gan = ConditionalGAN((2,), condition_dim=2, latent_dim=4, width=120, seed=0)
    gan.compile(keras.optimizers.Adam(1e-3, 0.5), keras.optimizers.Adam(2e-3, 0.5))
    gan.fit(vectors, conditions, batch_size=64, epochs=60, verbose=0)
    drawn = gan.sample(condition=conditions, seed=0)
    assert drawn.shape == (512, 2) and np.abs(drawn).max() > 3.0
    for axis in range(2):
        assert np.corrcoef(drawn[:, axis], conditions[:, axis])[0, 1] > 0.8


def test_vectors_of_classes_are_saved_and_loaded(tmp_path):
    gan = ConditionalGAN((3,), num_classes=2, width=60)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(gan.sample(4, seed=0), loaded.sample(4, seed=0))
