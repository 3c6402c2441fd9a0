"""Layers: against PyTorch (`golden/make_layers.py`), float64 NumPy and each other's invariants."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kerasgan.errors import UserError
from kerasgan.layers import (
    ConditionalBatchNormalization,
    SelfAttention,
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
)

GOLDEN = pathlib.Path(__file__).with_name("golden") / "layers.npz"
SPECTRAL = {
    "conv": (SpectralConv2D, {"filters": 5, "kernel_size": 3, "padding": "same"}),
    "conv_transpose": (
        SpectralConv2DTranspose,
        {"filters": 5, "kernel_size": 4, "strides": 2, "padding": "same"},
    ),
    "dense": (SpectralDense, {"units": 4}),
    "embedding": (SpectralEmbedding, {"input_dim": 6, "output_dim": 4}),
}
every_spectral_layer = pytest.mark.parametrize("name", SPECTRAL)


def golden(name):
    with np.load(GOLDEN) as arrays:
        return {k.split("/")[1]: arrays[k] for k in arrays if k.startswith(f"{name}/")}


def kernel_of(layer):
    return layer.embeddings if isinstance(layer, SpectralEmbedding) else layer.kernel


def torch_layer(name, **arguments):
    """The layer with the kernel, bias, u and v that PyTorch had, and what PyTorch made of them."""
    expected = golden(name)
    cls, config = SPECTRAL[name]
    layer = cls(**config, **arguments)
    layer.build(expected["inputs"].shape)
    weights = [expected[key] for key in ("kernel", "bias", "u", "v") if key in expected]
    layer.set_weights(weights)
    return layer, expected


def run(layer, inputs, training):
    with tf.GradientTape() as tape:
        outputs = layer(tf.constant(inputs), training=training)
        loss = tf.reduce_sum(outputs**2) + tf.reduce_sum(outputs)
    return outputs, tf.convert_to_tensor(tape.gradient(loss, kernel_of(layer).value))


def matrix(name, kernel):
    """A kernel as the paper reshapes it: (out, h w in), in float64."""
    kernel = np.asarray(kernel, "float64")
    if name == "conv_transpose":
        kernel = kernel.swapaxes(2, 3)
    return kernel if name == "embedding" else kernel.reshape(-1, kernel.shape[-1]).T


def largest_singular_value(name, kernel):
    return np.linalg.svd(matrix(name, kernel), compute_uv=False)[0]


def close(actual, expected, tolerance=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


# --- Spectral normalisation ---


@every_spectral_layer
def test_training_passes_equal_torch_forward_and_gradient(name):
    layer, expected = torch_layer(name)
    for step in ("first", "second"):
        outputs, gradient = run(layer, expected["inputs"], training=True)
        close(outputs, expected[f"{step}_outputs"])
        close(gradient, expected[f"{step}_gradient"])
    close(layer.u, expected["second_u"])
    close(layer.v, expected["second_v"])


@every_spectral_layer
def test_inference_equals_torch_after_the_kernel_has_moved(name):
    layer, expected = torch_layer(name)
    for _ in range(2):
        run(layer, expected["inputs"], training=True)
    kernel_of(layer).assign(expected["moved_kernel"])
    outputs, gradient = run(layer, expected["inputs"], training=False)
    close(outputs, expected["eval_outputs"])
    close(gradient, expected["eval_gradient"])
    close(layer.u, expected["second_u"])


@every_spectral_layer
@pytest.mark.parametrize("training", [True, False])
def test_gradient_is_orthogonal_to_the_kernel(name, training):
    layer, expected = torch_layer(name)
    _, gradient = run(layer, expected["inputs"], training)
    gradient, kernel = (np.asarray(x, "float64").ravel() for x in (gradient, kernel_of(layer)))
    cosine = gradient @ kernel / np.linalg.norm(gradient) / np.linalg.norm(kernel)
    assert abs(cosine) < 1e-6


@every_spectral_layer
def test_power_iteration_finds_the_largest_singular_value(name):
    layer, expected = torch_layer(name)
    for _ in range(100):
        layer(tf.constant(expected["inputs"]), training=True)
    sigma = largest_singular_value(name, expected["kernel"])
    close(layer.normalized_kernel(training=False), expected["kernel"] / sigma)


@every_spectral_layer
def test_a_kernel_ten_times_larger_changes_nothing_in_training_or_inference(name):
    layer, expected = torch_layer(name)
    inputs = tf.constant(expected["inputs"])
    before = layer(inputs, training=False), layer(inputs, training=True)
    layer, _ = torch_layer(name)
    kernel_of(layer).assign(10.0 * expected["kernel"])
    close(layer(inputs, training=False), before[0])
    close(layer(inputs, training=True), before[1])


@every_spectral_layer
def test_vectors_averaged_over_training_still_normalise(name):
    layer, expected = torch_layer(name)
    inputs = tf.constant(expected["inputs"])
    layer(inputs, training=True)
    before = layer(inputs)
    layer.u.assign(0.5 * layer.u)  # shorter than 1, as the mean of two directions
    layer.v.assign(0.25 * layer.v)
    close(layer(inputs), before)


@every_spectral_layer
def test_a_new_layer_starts_near_spectral_norm_one_without_training(name):
    cls, config = SPECTRAL[name]
    layer = cls(**config)
    layer.build(golden(name)["inputs"].shape)
    np.testing.assert_allclose(np.linalg.norm(layer.u), 1.0, rtol=1e-6)
    assert 1.0 <= largest_singular_value(name, layer.normalized_kernel(training=False)) < 5.0


@every_spectral_layer
def test_sigma_is_float32_under_mixed_precision(name):
    layer, expected = torch_layer(name, dtype="mixed_float16")
    kernel_of(layer).assign(1e5 * expected["kernel"])  # too large for float16
    inputs = tf.constant(expected["inputs"])
    outputs = layer(inputs, training=True)
    assert outputs.dtype == tf.float16
    close(tf.cast(outputs, tf.float32), expected["first_outputs"], 0.02)
    close(layer.u, torch_layer_after_one_pass(name).u)


def torch_layer_after_one_pass(name):
    layer, expected = torch_layer(name)
    layer(tf.constant(expected["inputs"]), training=True)
    return layer


@every_spectral_layer
def test_spectral_layers_survive_saving_and_cloning(name, tmp_path):
    layer, expected = torch_layer(name)
    inputs = tf.constant(expected["inputs"])
    model = keras.Sequential([keras.Input(inputs.shape[1:], dtype=inputs.dtype), layer])
    model(inputs, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for training in (False, True):  # in training u and v go on from where they were
        outputs = model(inputs, training=training)
        for other in (loaded, clone):
            np.testing.assert_array_equal(other(inputs, training=training), outputs)


def test_channels_first_is_refused():
    with pytest.raises(UserError, match="SpectralConv2D takes images as .*=channels_first"):
        SpectralConv2D(4, 3, data_format="channels_first").build((None, 3, 8, 8))


# --- Self-attention ---


def attention_layer(shape=(6, 8, 16)):
    layer = SelfAttention()
    layer.build((None, *shape))
    layer.gamma.assign(0.7)
    return layer, tf.random.normal((2, *shape))


def attention_in_numpy(layer, x):
    """Eq. (1) to (3) place by place in float64; sigma by u and v, as at inference."""

    def convolve(conv, x):
        kernel = np.asarray(conv.kernel, "float64")[0, 0]
        u, v = np.asarray(conv.u, "float64"), np.asarray(conv.v, "float64")
        return x @ kernel / (u @ kernel.T @ v)

    def pool(x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4)).reshape(n, -1, c)

    x = np.asarray(x, "float64")
    theta, phi, g = (convolve(conv, x) for conv in (layer.theta, layer.phi, layer.g))
    theta, phi, g = theta.reshape(len(x), -1, theta.shape[-1]), pool(phi), pool(g)
    o = np.zeros((*theta.shape[:2], g.shape[-1]))
    for n in range(len(x)):
        for j in range(theta.shape[1]):
            s = np.exp(phi[n] @ theta[n, j])
            o[n, j] = (s / s.sum()) @ g[n]
    return x + float(layer.gamma) * convolve(layer.out, o.reshape(*x.shape[:3], -1))


def test_attention_equals_numpy_in_float64():
    layer, x = attention_layer()
    x = 3.0 * x
    close(layer(x), attention_in_numpy(layer, x))
    outputs = layer(x, training=True)  # updates u and v, which inference then keeps
    close(outputs, attention_in_numpy(layer, x))


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


def test_convolutions_of_attention_start_different():
    layer, _ = attention_layer()
    assert np.abs(layer.theta.kernel - layer.phi.kernel).max() > 0.1


def test_attention_sees_every_place():
    layer, x = attention_layer((8, 8, 16))
    with tf.GradientTape() as tape:
        tape.watch(x)
        corner = layer(x)[:, 0, 0]
    reached = np.abs(tape.gradient(corner, x)).sum((0, 3)) > 0
    # One place of each 2x2 block at least, in the farthest corner too.
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


# --- All of them ---


def network():
    """A small generator with every layer, conditional."""
    z = keras.Input((4,), name="z")
    label = keras.Input((), dtype="int32", name="label")
    x = keras.layers.Add()([SpectralDense(64)(z), SpectralEmbedding(10, 64)(label)])
    x = keras.layers.Reshape((4, 4, 4))(x)
    x = SpectralConv2DTranspose(8, 4, strides=2, padding="same")(x)
    x = keras.layers.ReLU()(ConditionalBatchNormalization(10)(x, label))
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
