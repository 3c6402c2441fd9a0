"""Spectral normalisation against PyTorch (`golden/make_spectral.py`), and its invariants."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from golden_files import reader

from kerasgan.layers.spectral import (
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
)
from kerasgan.utils.errors import UserError

golden = reader("spectral.npz")
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


def kernel_of(layer):
    return layer.embeddings if isinstance(layer, SpectralEmbedding) else layer.kernel


def torch_layer(name, **arguments):
    """Returns a layer with the kernel, bias, u and v of PyTorch, and PyTorch's results."""
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
    """Returns the kernel reshaped as in the paper, (out, h w in), in float64."""
    kernel = np.asarray(kernel, "float64")
    if name == "conv_transpose":
        kernel = kernel.swapaxes(2, 3)
    return kernel if name == "embedding" else kernel.reshape(-1, kernel.shape[-1]).T


def largest_singular_value(name, kernel):
    return np.linalg.svd(matrix(name, kernel), compute_uv=False)[0]


def close(actual, expected, tolerance=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


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
    layer.u.assign(0.5 * layer.u)  # norm below 1, like the mean of two directions
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
    for training in (False, True):  # training continues from the saved u and v
        outputs = model(inputs, training=training)
        for other in (loaded, clone):
            np.testing.assert_array_equal(other(inputs, training=training), outputs)


def test_channels_first_is_refused():
    with pytest.raises(UserError, match="SpectralConv2D takes images as .*=channels_first"):
        SpectralConv2D(4, 3, data_format="channels_first").build((None, 3, 8, 8))
