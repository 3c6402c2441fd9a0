"""Layers of StyleGAN2 against the authors' code, recorded by `golden/make_stylegan2.py`."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from golden_files import reader

from kerasgan import layers
from kerasgan.layers.resampling import blur

golden = reader("stylegan2.npz")


def close(actual, expected):
    """Within 1e-5 of the largest value, or of 1."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(
        actual, expected, rtol=1e-5, atol=1e-5 * max(1.0, abs(expected).max())
    )


def check(name, layer, *inputs):
    """Compares a layer's output, and the gradients of sum(y^2) + sum(y), with the recorded ones."""
    arrays = golden(name)
    values = [tf.constant(arrays[each]) for each in inputs]
    if isinstance(layer, keras.Layer):
        layer.build(*(value.shape for value in values))
        for weight in layer.trainable_weights:
            weight.assign(arrays[weight.name])
    weights = layer.trainable_weights if isinstance(layer, keras.Layer) else []
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = layer(*values)
        objective = tf.reduce_sum(outputs**2) + tf.reduce_sum(outputs)
    close(outputs, arrays["outputs"])
    gradients = tape.gradient(objective, [*values, *(weight.value for weight in weights)])
    names = [*inputs, *(weight.name for weight in weights)]
    for each, gradient in zip(names, gradients, strict=True):
        close(gradient, arrays[f"{each}_gradient"])


# --- Resampling ---


def test_upsampling_equals_the_authors():
    check("upsample", layers.FilteredUpsample(), "inputs")


def test_blur_and_downsampling_equal_the_authors():
    check("blur", layers.Blur(padding=2), "inputs")
    check("downsample", layers.Blur(padding=1, stride=2), "inputs")


def test_filters_keep_the_brightness_inside_a_picture():
    close(blur(tf.ones((1, 8, 8, 2)), padding=1)[:, 1:-1, 1:-1], np.ones((1, 5, 5, 2)))
    close(layers.FilteredUpsample()(tf.ones((1, 4, 4, 2)))[:, 1:-1, 1:-1], np.ones((1, 6, 6, 2)))


# --- Equalised learning rates ---


def test_a_dense_layer_with_a_slower_rate_equals_the_authors():
    layer = layers.EqualizedDense(4, 0.01, activation=layers.scaled_leaky_relu)
    check("dense", layer, "inputs")


def test_a_convolution_equals_the_authors():
    layer = layers.EqualizedConv2D(5, 3, padding="same", activation=layers.scaled_leaky_relu)
    check("conv", layer, "inputs")


def test_a_convolution_with_stride_after_a_blur_equals_the_authors():
    activation = layers.scaled_leaky_relu
    layer = keras.Sequential(
        [layers.Blur(padding=2), layers.EqualizedConv2D(5, 3, strides=2, activation=activation)]
    )
    check("conv_down", layer, "inputs")


@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_outputs_start_with_variance_1_whatever_the_rate(multiplier):
    keras.utils.set_random_seed(0)
    x = tf.random.normal((64, 256))
    dense = layers.EqualizedDense(256, multiplier)
    assert float(tf.math.reduce_std(dense(x))) == pytest.approx(1.0, abs=0.05)
    assert float(tf.math.reduce_std(dense.kernel)) == pytest.approx(1.0 / multiplier, rel=0.02)
    conv = layers.EqualizedConv2D(64, 3)
    assert float(tf.math.reduce_std(conv(tf.random.normal((4, 8, 8, 64))))) == pytest.approx(
        1.0, abs=0.05
    )


def test_the_activation_keeps_the_mean_square_of_normal_inputs():
    x = tf.random.stateless_normal((100_000,), (0, 0))
    mean_square = float(tf.reduce_mean(layers.scaled_leaky_relu(x) ** 2))
    assert mean_square == pytest.approx(1.0 + layers.equalized.SLOPE**2, abs=0.02)


# --- Modulation ---


def test_a_modulated_convolution_equals_the_authors():
    check("modulated_plain", layers.ModulatedConv2D(7, 3), "inputs", "styles")


def test_a_modulated_convolution_that_doubles_the_sides_equals_the_authors():
    check("modulated_up", layers.ModulatedConv2D(7, 3, upsample=True), "inputs", "styles")


def test_a_modulated_convolution_without_demodulation_equals_the_authors():
    layer = layers.ModulatedConv2D(7, 3, demodulate=False)
    check("modulated_no_demodulation", layer, "inputs", "styles")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_demodulates_styles_that_it_could_not_hold(policy):
    layer = layers.ModulatedConv2D(8, 3, dtype=policy)
    x = tf.random.stateless_normal((2, 6, 6, 64), (0, 0))
    styles = 3e4 * tf.random.stateless_normal((2, 64), (0, 1))  # 3e4 * 64 is beyond float16
    outputs = layer(x, styles)
    assert outputs.dtype == layer.compute_dtype
    whole = layers.ModulatedConv2D(8, 3)
    whole.build(x.shape, styles.shape)
    whole.kernel.assign(layer.kernel)
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), whole(x, styles), atol=0.05)


# --- Noise ---


def noise_layer(shape=(None, 4, 4, 3)):
    layer = layers.Noise(seed=1)
    layer.build(shape)
    layer.strength.assign(0.5)
    return layer


def test_noise_is_new_at_every_training_call_and_one_number_for_all_channels():
    layer, x = noise_layer(), tf.zeros((8, 4, 4, 3))
    first, second = (layer(x, training=True).numpy() for _ in range(2))
    assert first.std() == pytest.approx(0.5, abs=0.1)
    assert np.abs(first - second).max() > 0.1 and np.abs(first[0] - first[1]).max() > 0.1
    np.testing.assert_array_equal(first, np.repeat(first[..., :1], 3, axis=-1))


def test_noise_is_constant_at_inference():
    layer, x = noise_layer(), tf.zeros((2, 4, 4, 3))
    first = layer(x).numpy()
    layer(x, training=True)
    np.testing.assert_array_equal(layer(x), first)
    np.testing.assert_array_equal(first[0], first[1])
    assert first.std() == pytest.approx(0.5, abs=0.3)


def test_noise_of_training_goes_on_after_loading(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Noise(seed=1)])
    model.layers[0].strength.assign(0.5)
    x = tf.zeros((2, 4, 4, 3))
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    np.testing.assert_array_equal(loaded(x, training=True), model(x, training=True))


# --- Mapping ---


def mapping_layers():
    arrays = golden("mapping")
    dense = [
        layers.EqualizedDense(8, 0.01, activation=layers.scaled_leaky_relu, name=name)
        for name in ("fc0", "fc1")
    ]
    truncation = layers.Truncation()
    for layer in dense:
        layer.build((None, 8))
        layer.kernel.assign(arrays[f"{layer.name}/kernel"])
        layer.bias.assign(arrays[f"{layer.name}/bias"])
    truncation.build((None, 8), (None,))
    truncation.w_avg.assign(arrays["start"])

    def call(z, psi, training):
        w = layers.PixelNormalization()(z)
        for layer in dense:
            w = layer(w)
        return truncation(w, tf.fill((len(z),), psi), training=training)

    return arrays, truncation, call


def test_mapping_tracks_and_truncates_like_the_authors():
    arrays, truncation, call = mapping_layers()
    z = tf.constant(arrays["inputs"])
    close(call(z, 1.0, training=True), arrays["outputs"])
    close(truncation.w_avg, arrays["w_avg"])
    with tf.GradientTape() as tape:
        tape.watch(z)
        w = call(z, 0.7, training=False)
        objective = tf.reduce_sum(w**2) + tf.reduce_sum(w)
    close(w, arrays["truncated"])
    close(tape.gradient(objective, z), arrays["gradient"])
    close(truncation.w_avg, arrays["w_avg"])  # inference changes nothing


# --- Minibatch standard deviation ---


def test_minibatch_deviation_equals_the_authors():
    check("minibatch", layers.MinibatchStandardDeviation(3), "inputs")


def deviations(x, group_size):
    return layers.MinibatchStandardDeviation(group_size)(x).numpy()[:, 0, 0, -1]


def deviation_in_numpy(group):
    return np.sqrt(np.asarray(group, "float64").var(axis=0) + 1e-8).mean()


def test_groups_are_as_equal_as_they_can_be():
    x = tf.random.stateless_normal((7, 2, 2, 3), (0, 0))
    expected = [deviation_in_numpy(group) for group in (x[:3], x[3:5], x[5:])]
    close(deviations(x, 3), np.repeat(expected, (3, 2, 2)))
    close(deviations(x, 32), np.full(7, deviation_in_numpy(x)))


def test_the_deviation_follows_a_batch_of_unknown_size():
    layer = layers.MinibatchStandardDeviation(4)
    function = tf.function(layer, input_signature=[tf.TensorSpec((None, 2, 2, 3))])
    x = tf.random.stateless_normal((8, 2, 2, 3), (0, 0))
    close(function(x), layer(x))
    assert math.isfinite(float(tf.reduce_sum(function(x[:1]))))


def test_equal_pictures_have_no_deviation_and_a_finite_gradient():
    x = tf.ones((4, 2, 2, 3))
    layer = layers.MinibatchStandardDeviation(4)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x))
    assert deviations(x, 4).max() < 1e-3
    assert np.isfinite(tape.gradient(total, x)).all()


# --- All ---


def test_pictures_are_clipped_at_inference_only():
    x = tf.constant([-3.0, 0.5, 2.0])
    np.testing.assert_array_equal(layers.ClipAtInference()(x), [-1.0, 0.5, 1.0])
    np.testing.assert_array_equal(layers.ClipAtInference()(x, training=True), x)


def test_layers_survive_their_configs():
    made = [
        layers.EqualizedDense(4, 0.01, 1.0, activation=layers.scaled_leaky_relu),
        layers.EqualizedConv2D(4, 3, padding="same", activation=layers.scaled_leaky_relu),
        layers.Bias(activation=layers.scaled_leaky_relu),
        layers.Blur(2, 2),
        layers.ModulatedConv2D(4, 3, upsample=True),
        layers.Truncation(0.9),
        layers.LearnedConstant((2, 2, 3)),
        layers.MinibatchStandardDeviation(8),
    ]
    for layer in made:
        config = layer.get_config()
        assert type(layer).from_config(config).get_config() == config
