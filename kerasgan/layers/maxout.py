"""Maxout units."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="kerasgan")
class Maxout(layers.Layer):
    """Fully connected layer of maxout units: h_j = max over p of (x W_jp + b_jp).

    Args:
        units: Number of outputs.
        pieces: Number of affine functions that each takes the largest of.
        kernel_initializer: Initial weights, as in `keras.layers.Dense`; biases start at 0.

    Example:

    >>> Maxout(240, pieces=5)(ops.zeros((2, 784))).shape
    TensorShape([2, 240])

    Reference: Goodfellow et al. 2013, "Maxout Networks", https://arxiv.org/abs/1302.4389
    """

    def __init__(self, units, pieces, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.pieces = pieces
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        shape = (input_shape[-1], self.units * self.pieces)
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape[1:], "zeros", name="bias")

    def call(self, inputs):
        affine = ops.matmul(inputs, self.kernel) + self.bias
        affine = ops.reshape(affine, (-1, self.units, self.pieces))  # (N, units, pieces)
        return ops.max(affine, axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
