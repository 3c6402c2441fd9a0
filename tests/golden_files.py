"""Arrays that `golden/make_*.py` recorded."""

import functools
import pathlib

import numpy as np
import tensorflow as tf

FOLDER = pathlib.Path(__file__).with_name("golden")


def part_of(file, part):
    """Returns the arrays of a file whose names start with "part/", by the rest of their names."""
    with np.load(FOLDER / file) as arrays:
        return {k.split("/", 1)[1]: arrays[k] for k in arrays if k.startswith(f"{part}/")}


def reader(file):
    """Returns `part_of` for one file."""
    return functools.partial(part_of, file)


def check_network(network, arrays, weights=None, rtol=2e-5):
    """Compares a network with a recorded one: values in training mode, and gradients of the mean of
    squares with respect to inputs and weights.

    Args:
        network: Function of a tensor, or of a list of several, and of `training`.
        arrays: dict of x_0, ..., y_0, ..., x_gradient_0, ..., weight_000, ..., gradient_000, ...
        weights: Its trainable weights in the recorded order, by default in that of Keras.
        rtol: Tolerance, as a share of the largest value of an array.
    """
    weights = network.trainable_variables if weights is None else weights

    def numbered(prefix):
        return [arrays[name] for name in sorted(arrays) if name.rsplit("_", 1)[0] == prefix]

    def close(actual, expected, name):
        scale = max(1e-2, np.abs(expected).max())  # biases before a norm have gradients of 0
        np.testing.assert_allclose(actual, expected, atol=rtol * scale, rtol=0, err_msg=name)

    for weight, value in zip(weights, numbered("weight"), strict=True):
        weight.assign(value)
    inputs = [tf.constant(x) for x in numbered("x")]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = network(inputs if len(inputs) > 1 else inputs[0], training=True)
        outputs = tf.nest.flatten(outputs)
        loss = tf.add_n([tf.reduce_mean(y**2) for y in outputs])
    for actual, expected in zip(outputs, numbered("y"), strict=True):
        close(actual, expected, "output")
    x_gradients, gradients = tape.gradient(loss, [inputs, weights])
    if numbered("x_gradient"):
        for actual, expected in zip(x_gradients, numbered("x_gradient"), strict=True):
            close(actual, expected, "gradient of an input")
    for actual, expected, weight in zip(gradients, numbered("gradient"), weights, strict=True):
        close(actual, expected, f"gradient of {weight.path}")
