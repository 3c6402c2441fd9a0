"""The networks of pix2pix and CycleGAN against their authors' (`golden/make_translation.py`)."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from golden_files import reader

from kerasgan.networks.translation import (
    build_patch_discriminator,
    build_resnet,
    build_unet,
    instance_norm,
)
from kerasgan.utils.errors import UserError

golden = reader("translation.npz")


def close(actual, expected, name):
    scale = max(1e-2, np.abs(expected).max())  # biases before a norm have gradients of 0
    np.testing.assert_allclose(actual, expected, atol=2e-5 * scale, rtol=0, err_msg=name)


def check(network, inputs_of, arrays):
    """Compares values in training mode, and gradients of the mean of squares."""
    weights = network.trainable_variables
    names = sorted(name for name in arrays if name.startswith("weight"))
    for weight, name in zip(weights, names, strict=True):
        weight.assign(arrays[name])
    x = tf.constant(arrays["x"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = network(inputs_of(x), training=True)
        loss = tf.reduce_mean(y**2)
    x_gradient, *gradients = tape.gradient(loss, [x, *weights])
    close(y, arrays["y"], "y")
    close(x_gradient, arrays["x_gradient"], "x_gradient")
    for gradient, name in zip(gradients, names, strict=True):
        close(gradient, arrays[name.replace("weight", "gradient")], name)


def test_the_unet_is_the_authors():
    network = build_unet((64, 64, 3), (64, 64, 2), width=1, dropout=0.0)
    check(network, lambda x: x, golden("unet"))


def test_the_discriminator_of_patches_is_the_authors():
    network = build_patch_discriminator((32, 32, 3), (32, 32, 2), width=2)
    # The authors join source and image, in this order.
    check(network, lambda x: [x[..., 2:], x[..., :2]], golden("patches"))


def test_the_residual_network_is_the_authors():
    network = build_resnet((16, 20, 3), (16, 20, 2), width=2, blocks=2)
    check(network, lambda x: x, golden("resnet"))


def test_the_discriminator_with_instance_norm_is_the_authors():
    network = build_patch_discriminator((16, 16, 3), width=2, halvings=2, norm=instance_norm)
    check(network, lambda x: x, golden("instance_patches"))


@pytest.mark.parametrize("build", [build_unet, build_resnet])
def test_generators_become_built_in_operators_with_the_same_values(build):
    network = build((16, 16, 3), (16, 16, 1), width=2)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 1)).astype("float32")
    content = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    interpreter = Interpreter(model_content=content)
    made = interpreter.get_signature_runner()(source=x)
    (made,) = made.values()
    np.testing.assert_allclose(made, network(x), atol=1e-5)


def test_channels_and_dropout_are_those_of_the_paper_at_256_pixels():
    network = build_unet((256, 256, 3), (256, 256, 3))
    kinds = keras.layers.Conv2D, keras.layers.Conv2DTranspose
    down, up = ([x.filters for x in network.layers if type(x) is kind] for kind in kinds)
    assert down == [64, 128, 256, 512, 512, 512, 512, 512]
    assert up == [512, 512, 512, 512, 256, 128, 64, 3]
    dropped = [x.output.shape[1:] for x in network.layers if type(x).__name__ == "Dropout"]
    assert dropped == [(2, 2, 512), (4, 4, 512), (8, 8, 512)]
    patches = build_patch_discriminator((256, 256, 3), (256, 256, 3))
    assert patches.output_shape == (None, 30, 30, 1)


@pytest.mark.parametrize("halvings, size", [(1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_a_patch_of_that_size(halvings, size):
    network = build_patch_discriminator((128, 128, 1), width=1, halvings=halvings)
    x = tf.random.stateless_normal((1, 128, 128, 1), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = network(x, training=False)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.argwhere(tape.gradient(middle, x)[0, :, :, 0].numpy())
    np.testing.assert_array_equal(np.ptp(seen, axis=0) + 1, [size, size])


@pytest.mark.parametrize("image_shape, inner", [((28, 28, 1), 7), ((32, 64, 3), 1), ((8, 8, 1), 1)])
def test_sides_halve_as_long_as_both_are_even(image_shape, inner):
    network = build_unet(image_shape, (*image_shape[:2], 2), width=2)
    convs = [layer for layer in network.layers if type(layer) is keras.layers.Conv2D]
    assert min(convs[-1].output.shape[1:3]) == inner
    assert network.output_shape == (None, *image_shape)
    images = network(tf.zeros((2, *image_shape[:2], 2)), training=True)
    assert np.isfinite(images).all()


def test_wrong_shapes_are_refused():
    with pytest.raises(UserError, match=r"the same sides. Received: \(32, 32, 3\) and \(64, 32"):
        build_unet((32, 32, 3), (64, 32, 3))
    with pytest.raises(UserError, match="must be 24 pixels or more: take fewer halvings"):
        build_patch_discriminator((16, 16, 1))
    with pytest.raises(UserError, match="divisible by 4"):
        build_unet((30, 30, 1), (30, 30, 1))
