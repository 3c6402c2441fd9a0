"""Grouped convolution and resampling against PyTorch (`golden/make_r3gan.py`), and their limits."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from golden_files import reader

from kerasgan.layers import (
    Basis,
    Blur,
    ClipAtInference,
    FilteredUpsample,
    GroupedConv2D,
)
from kerasgan.layers.grouped import packed

golden = reader("r3gan.npz")


def run(layer, x):
    """Returns the output of a layer, and the gradients of sum(y^2) + sum(y)."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(y**2) + tf.reduce_sum(y)
    return y, *tape.gradient(loss, [x, *layer.trainable_variables])


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize(
    "name, layer", [("up", FilteredUpsample()), ("down", Blur(padding=1, stride=2))]
)
def test_resampling_is_that_of_r3gan(name, layer):
    expected = golden(name)
    y, gradient = run(layer, expected["x"])
    close(y, expected["y"])
    close(gradient, expected["gradient"])


def test_a_grouped_convolution_is_pytorch_s_also_in_its_gradients():
    expected = golden("grouped")  # 6 groups of 16 channels
    layer = GroupedConv2D(48, 3, groups=6, padding="same", use_bias=False)
    layer.build(expected["x"].shape)
    layer.kernel.assign(expected["kernel"])
    y, x_gradient, kernel_gradient = run(layer, expected["x"])
    close(y, expected["y"])
    close(x_gradient, expected["x_gradient"])
    close(kernel_gradient, expected["kernel_gradient"])


@pytest.mark.parametrize(
    "groups, depth, together",
    [(6, 16, 1), (3, 8, 3), (4, 4, 4), (8, 4, 4), (1, 3, 1), (96, 16, 6), (17, 16, 17)],
)
def test_groups_are_packed_into_few_convolutions(groups, depth, together):
    assert packed(groups, depth) == together


@pytest.mark.parametrize(
    "channels, groups, filters", [(12, 1, 4), (12, 3, 6), (80, 2, 8), (64, 16, 32)]
)
def test_groups_see_their_own_channels_only(channels, groups, filters):
    layer = GroupedConv2D(filters, 3, groups=groups, padding="same")
    x = np.random.default_rng(0).normal(size=(1, 5, 5, channels)).astype("float32")
    y = layer(x).numpy()
    assert layer.kernel.shape == (3, 3, channels // groups, filters)
    for group in range(groups):
        own = slice(group * filters // groups, (group + 1) * filters // groups)
        seen = slice(group * channels // groups, (group + 1) * channels // groups)
        alone = keras.ops.conv(x[..., seen], layer.kernel[..., own], padding="same")
        np.testing.assert_allclose(y[..., own], alone, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")  # TensorFlow's, of int8
@pytest.mark.parametrize("optimize", [False, True], ids=["float32", "int8"])
def test_a_grouped_convolution_becomes_built_in_operators(optimize):
    inputs = keras.Input((8, 8, 48))
    model = keras.Model(inputs, GroupedConv2D(48, 3, groups=3, padding="same")(inputs))
    x = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 48)).astype("float32")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: [[x]]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    made = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert np.abs(made - model(x)).max() < (0.05 if optimize else 1e-5)


def test_second_derivatives_reach_the_kernels():
    model = keras.Sequential(
        [
            GroupedConv2D(6, 3, groups=3, padding="same", activation="tanh"),
            Blur(padding=1, stride=2),
        ]
    )
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 4, 4, 6)), tf.float32)
    model(x)
    kernel = model.layers[0].kernel

    def penalty():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(model(x) ** 2)
        return tf.reduce_sum(tape.gradient(y, x) ** 2)

    with tf.GradientTape() as tape:
        value = penalty()
    gradient = tape.gradient(value, kernel.value).numpy()
    direction = np.random.default_rng(1).normal(size=kernel.shape).astype("float32")
    start, values = kernel.numpy(), []
    for step in (1e-3, -1e-3):
        kernel.assign(start + step * direction)
        values.append(float(penalty()))
    assert (values[0] - values[1]) / 2e-3 == pytest.approx((gradient * direction).sum(), rel=2e-3)


def test_layers_can_be_rebuilt_from_their_configs():
    for layer in (GroupedConv2D(6, 3, groups=3), Basis((4, 5), 0.25), ClipAtInference()):
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    layer = Basis((4, 5), 0.25)
    assert layer.compute_output_shape((None, 1, 1, 7)) == (None, 4, 5, 7)
    assert layer(tf.ones((2, 1, 1, 400))).numpy().std() == pytest.approx(0.25, rel=0.05)
