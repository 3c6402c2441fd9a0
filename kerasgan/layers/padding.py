"""Borders of feature maps."""

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package="kerasgan")
class ReflectionPadding2D(layers.Layer):
    """Adds a border in which feature maps are reflected: (N, H, W, C) -> (N, H + 2n, W + 2n, C).

    Args:
        padding: n, pixels on each side; less than both sides.
        **kwargs: As in `keras.layers.Layer`.

    Example:

    >>> ReflectionPadding2D(2)(tf.reshape([1.0, 2.0, 3.0] * 3, (1, 3, 3, 1)))[0, 0, :, 0].numpy()
    array([3., 2., 1., 2., 3., 2., 1.], dtype=float32)
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, inputs):
        border = [self.padding] * 2
        return tf.pad(inputs, [[0, 0], border, border, [0, 0]], mode="REFLECT")

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
