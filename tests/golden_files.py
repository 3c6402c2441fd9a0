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


def check_network(network, arrays, rtol=2e-5):
    """Compares a network with a recorded one: values in training mode, and gradients of the mean of
    squares with respect to inputs and weights.

    Args:
        network: `keras.Model`.
        arrays: dict of x_0, ..., y_0, ..., x_gradient_0, ..., weight_000, ..., gradient_000, ...
        rtol: Tolerance, as a share of the largest value of an array.
    """

    def numbered(prefix):
        return [arrays[name] for name in sorted(arrays) if name.rsplit("_", 1)[0] == prefix]

    def close(actual, expected, name):
        scale = max(1e-2, np.abs(expected).max())  # biases before a norm have gradients of 0
        np.testing.assert_allclose(actual, expected, atol=rtol * scale, rtol=0, err_msg=name)

    for weight, value in zip(network.trainable_variables, numbered("weight"), strict=True):
        weight.assign(value)
    inputs = [tf.constant(x) for x in numbered("x")]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = network(inputs if len(inputs) > 1 else inputs[0], training=True)
        outputs = tf.nest.flatten(outputs)
        loss = tf.add_n([tf.reduce_mean(y**2) for y in outputs])
    gradients = tape.gradient(loss, [*inputs, *network.trainable_variables])
    expected = numbered("y"), [*numbered("x_gradient"), *numbered("gradient")]
    for actual, value in zip(outputs, expected[0], strict=True):
        close(actual, value, "output")
    names = [f"input {i}" for i in range(len(inputs))]
    names += [weight.path for weight in network.trainable_variables]
    for actual, value, name in zip(gradients, expected[1], names, strict=True):
        close(actual, value, f"gradient of {name}")
