"""Layers against float64 NumPy, and their invariants. test_spectral.py tests spectral layers."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kerasgan.layers import (
    ConditionalBatchNormalization,
    PhaseShuffle,
    ProjectedBatchNormalization,
    SelfAttention,
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
    phase_shuffle,
)
from kerasgan.layers.attention import attend
from kerasgan.utils.errors import UserError

GOLDEN = pathlib.Path(__file__).with_name("golden") / "biggan.npz"


def close(actual, expected, tolerance=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


# --- Self-attention ---


def attention_layer(shape=(6, 8, 16)):
    layer = SelfAttention()
    layer.build((None, *shape))
    layer.gamma.assign(0.7)
    return layer, tf.random.normal((2, *shape))


def attention_in_numpy(layer, x):
    """Computes Eq. (1) to (3) per position in float64; sigma from u and v, as at inference."""

    def convolve(conv, x):
        kernel = np.asarray(conv.kernel, "float64")[0, 0]
        u, v = np.asarray(conv.u, "float64"), np.asarray(conv.v, "float64")
        return x @ kernel / (u @ kernel.T @ v)

    def pool(x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4)).reshape(n, -1, c)

    x = np.asarray(x, "float64")
    f, g, h = (convolve(conv, x) for conv in (layer.phi, layer.theta, layer.g))
    f, g, h = pool(f), g.reshape(len(x), -1, g.shape[-1]), pool(h)
    o = np.zeros((*g.shape[:2], h.shape[-1]))
    for n in range(len(x)):
        for j in range(g.shape[1]):
            s = np.exp(f[n] @ g[n, j])
            o[n, j] = (s / s.sum()) @ h[n]
    return x + float(layer.gamma) * convolve(layer.out, o.reshape(*x.shape[:3], -1))


def test_attention_equals_numpy_in_float64():
    layer, x = attention_layer()
    x = 3.0 * x
    close(layer(x), attention_in_numpy(layer, x))
    outputs = layer(x, training=True)  # updates u and v; inference keeps them
    close(outputs, attention_in_numpy(layer, x))


def test_keys_are_the_papers_f_and_queries_its_g():
    rng = np.random.default_rng(0)
    f, g, h = (rng.normal(size=shape) for shape in ((2, 5, 3), (2, 7, 3), (2, 5, 4)))
    expected = np.zeros((2, 7, 4))
    for n, j in np.ndindex(2, 7):  # o_j = sum_i beta_ji h(x_i), before v
        s = np.array([f[n, i] @ g[n, j] for i in range(5)])
        expected[n, j] = sum(np.exp(s[i]) / np.exp(s).sum() * h[n, i] for i in range(5))
    close(attend(*(x.astype("float32") for x in (f, g, h))), expected)


def test_attention_starts_as_the_identity_and_gamma_learns_first():
    layer, x = attention_layer()
    layer.gamma.assign(0.0)
    with tf.GradientTape() as tape:
        outputs = layer(x, training=True)
        loss = tf.reduce_sum(outputs**2)
    np.testing.assert_array_equal(outputs, x)
    gradients = tape.gradient(loss, [weight.value for weight in layer.trainable_weights])
    learns = {
        w.path.split("/", 1)[1]
        for w, g in zip(layer.trainable_weights, gradients, strict=True)
        if np.any(g)
    }
    assert learns == {"gamma"}


def test_convolutions_of_attention_start_with_different_weights():
    layer, _ = attention_layer()
    assert np.abs(layer.theta.kernel - layer.phi.kernel).max() > 0.1


def test_attention_sees_every_position():
    layer, x = attention_layer((8, 8, 16))
    with tf.GradientTape() as tape:
        tape.watch(x)
        corner = layer(x)[:, 0, 0]
    reached = np.abs(tape.gradient(corner, x)).sum((0, 3)) > 0
    # At least one position in each 2x2 block, including the farthest corner.
    assert reached.reshape(4, 2, 4, 2).any((1, 3)).all()


def test_attention_refuses_odd_sides():
    with pytest.raises(UserError, match="even sides.*7, 8, 16"):
        SelfAttention().build((None, 7, 8, 16))


# --- Conditional batch norm ---


def test_conditional_batch_norm_equals_numpy_in_float64():
    rng = np.random.default_rng(0)
    layer = ConditionalBatchNormalization(num_classes=3)
    labels = np.array([2, 0, 2, 1, 0], "int32")
    layer.build((None, 4, 6, 7), (None,))
    gamma, beta = rng.normal(size=(2, 3, 7))
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    moving_mean, moving_variance = np.zeros(7), np.ones(7)

    def normalise(x, mean, variance):
        per_image = [a[labels][:, None, None] for a in (gamma, beta)]
        return per_image[0] * (x - mean) / np.sqrt(variance + 1e-5) + per_image[1]

    for _ in range(2):
        x = rng.normal(2.0, 3.0, size=(5, 4, 6, 7))
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        outputs = layer(x.astype("float32"), labels, training=True)
        close(outputs, normalise(x, mean, variance))
        moving_mean += 0.1 * (mean - moving_mean)
        moving_variance += 0.1 * (variance - moving_variance)
    outputs = layer(x.astype("float32"), labels, training=False)
    close(outputs, normalise(x, moving_mean, moving_variance))


def test_conditional_batch_norm_trains_only_the_classes_that_it_saw():
    layer = ConditionalBatchNormalization(num_classes=3)
    x = tf.random.normal((4, 2, 2, 5))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, tf.constant([0, 2, 2, 0]), training=True) ** 3)
    gradients = tape.gradient(loss, [layer.gamma.value, layer.beta.value])
    for gradient in gradients:
        moved = np.abs(np.asarray(gradient)).max(axis=1) > 0
        assert moved.tolist() == [True, False, True]


# --- Batch norm on a vector ---


def of_torch():
    """Returns the layer with the weights of `golden/make_biggan.py`, and what PyTorch computed."""
    with np.load(GOLDEN) as file:
        torch = {name.split("/")[1]: file[name] for name in file if name.startswith("norm/")}
    layer = ProjectedBatchNormalization()
    layer.build(torch["x_0"].shape, torch["condition_0"].shape)
    for name in ("gain", "bias"):
        projection = getattr(layer, name)
        for part in ("kernel", "u", "v"):
            getattr(projection, part).assign(torch[f"{name}_{part}"])
    return layer, torch


def test_projected_batch_norm_equals_pytorch_with_its_running_averages():
    layer, torch = of_torch()
    for step in range(2):
        close(
            layer(torch[f"x_{step}"], torch[f"condition_{step}"], training=True), torch[f"y_{step}"]
        )
        close(layer.norm.moving_mean, torch[f"mean_{step}"])
        # PyTorch's average is that of the unbiased variance; both start from 1.
        rest, values = 0.9 ** (step + 1), torch["x_0"][..., 0].size
        unbiased = (np.asarray(layer.norm.moving_variance) - rest) * values / (values - 1)
        close(unbiased + rest, torch[f"variance_{step}"])
    layer.norm.moving_variance.assign(torch["variance_1"])
    close(layer(torch["x_2"], torch["condition_2"]), torch["y_2"])


def test_gradients_of_projected_batch_norm_equal_those_of_pytorch():
    layer, torch = of_torch()
    layer(torch["x_0"], torch["condition_0"], training=True)
    x, condition = tf.constant(torch["x_1"]), tf.constant(torch["condition_1"])
    kernels = [layer.gain.kernel.value, layer.bias.kernel.value]
    with tf.GradientTape() as tape:
        tape.watch([x, condition])
        loss = tf.reduce_sum(layer(x, condition, training=True) ** 3)
    gradients = tape.gradient(loss, [x, condition, *kernels])
    names = ("x", "condition", "gain", "bias")
    for name, gradient in zip(names, gradients, strict=True):
        expected = torch[f"{name}_gradient"]
        np.testing.assert_allclose(gradient, expected, atol=2e-5 * np.abs(expected).max())


def test_projected_batch_norm_of_zeros_is_plain_batch_norm():
    layer, torch = of_torch()
    x = torch["x_0"]
    expected = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    close(layer(x, np.zeros_like(torch["condition_0"]), training=True), expected)
    assert np.abs(layer.gain.kernel - layer.bias.kernel).max() > 0.1


# --- All of them ---


def network():
    """Returns a small conditional generator that contains every layer."""
    z = keras.Input((4,), name="z")
    label = keras.Input((), dtype="int32", name="label")
    x = keras.layers.Add()([SpectralDense(64)(z), SpectralEmbedding(10, 64)(label)])
    x = keras.layers.Reshape((4, 4, 4))(x)
    x = SpectralConv2DTranspose(8, 4, strides=2, padding="same")(x)
    x = keras.layers.ReLU()(ConditionalBatchNormalization(10)(x, label))
    x = ProjectedBatchNormalization()(x, z)
    attention = SelfAttention()
    x = attention(x)
    model = keras.Model([z, label], SpectralConv2D(3, 3, padding="same")(x))
    attention.gamma.assign(0.5)
    inputs = [tf.random.normal((5, 4)), tf.constant([0, 3, 9, 3, 1])]
    for _ in range(3):
        model(inputs, training=True)
    return model, inputs


def test_every_layer_can_be_rebuilt_from_its_config():
    model, inputs = network()
    for layer in model.layers:
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(inputs), model(inputs))


def test_every_layer_survives_a_keras_file_and_a_saved_model(tmp_path):
    model, inputs = network()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    model.export(str(tmp_path / "served"), verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    close(served.serve(inputs), model(inputs))


def test_every_layer_becomes_builtin_tflite_operators_that_agree():
    model, inputs = network()
    serve = tf.function(
        lambda z, label: model([z, label], training=False),
        input_signature=[tf.TensorSpec((1, 4), name="z"), tf.TensorSpec((1,), tf.int32, "label")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()])
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert not [operator for operator in operators if operator.startswith("Flex")]
    expected = model(inputs).numpy()
    for i in range(len(expected)):
        for detail in interpreter.get_input_details():
            value = inputs[0] if "z" in detail["name"] else inputs[1]
            interpreter.set_tensor(detail["index"], value[i : i + 1].numpy())
        interpreter.invoke()
        made = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        close(made[0], expected[i])


@pytest.mark.parametrize("shift", [-3, -1, 0, 2, 3])
def test_phase_shuffle_is_numpy_s_reflection(shift):
    x = np.random.default_rng(0).normal(size=(2, 9, 4)).astype("float32")
    places = np.pad(np.arange(9), 3, mode="reflect")  # of t - 3, t - 2, ...
    expected = x[:, places[3 - shift : 12 - shift]]
    np.testing.assert_array_equal(phase_shuffle.shifted(x, tf.constant(shift), 3), expected)


def test_phase_shuffle_draws_every_shift_equally_often_for_the_whole_batch():
    layer = PhaseShuffle(2, seed=0)
    x = tf.tile(tf.reshape(tf.range(20.0), (1, 20, 1)), (3, 1, 2))
    call = tf.function(lambda: layer(x, training=True))
    made = np.stack([call() for _ in range(1000)])
    assert (made == made[:, :1, :, :1]).all()
    shifts, counts = np.unique(10 - made[:, 0, 10, 0], return_counts=True)
    assert shifts.tolist() == [-2, -1, 0, 1, 2]
    assert counts.min() > 150 and counts.max() < 250
    np.testing.assert_array_equal(layer(x), x)
