"""Grouped convolution that trains on every device."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

DEPTH = 16  # input channels from which a dense convolution is worth its call
MOST = 16  # convolutions in a layer: more make larger graphs than products with zeros cost


@keras.saving.register_keras_serializable(package="kerasgan")
class GroupedConv2D(layers.Conv2D):
    """`keras.layers.Conv2D` with `groups`, of plain convolutions.

    TensorFlow has no gradient of a grouped convolution on CPUs, and XLA's is slow there. This layer
    has the same weights and values. It packs groups into at most 16 dense convolutions of at least
    16 input channels each, whose kernels are 0 between groups.

    Args:
        *args, **kwargs: As in `keras.layers.Conv2D`; channels last only.

    Example:

    >>> layer = GroupedConv2D(48, 3, groups=3, padding="same")
    >>> layer(tf.ones((2, 8, 8, 48))).shape
    TensorShape([2, 8, 8, 48])
    >>> layer.kernel.shape
    TensorShape([3, 3, 16, 48])
    """

    def convolution_op(self, inputs, kernel):
        depth, filters = kernel.shape[-2], kernel.shape[-1] // self.groups  # of one group
        together = packed(self.groups, depth)
        number = self.groups // together
        mask = np.kron(np.eye(together), np.ones((depth, filters)))  # blocks on the diagonal
        mask = tf.constant(mask, kernel.dtype)
        outputs = [
            keras.ops.conv(
                part,
                tf.tile(weights, [1, 1, together, 1]) * mask,
                strides=list(self.strides),
                padding=self.padding,
                dilation_rate=self.dilation_rate,
                data_format="channels_last",
            )
            for part, weights in zip(
                parts(inputs, number), parts(tf.convert_to_tensor(kernel), number), strict=True
            )
        ]
        return outputs[0] if number == 1 else tf.concat(outputs, -1)


def packed(groups, depth):
    """Returns how many groups of `depth` input channels one convolution takes."""
    least = min(groups, max(-(-DEPTH // depth), -(-groups // MOST)))
    return next(number for number in range(least, groups + 1) if groups % number == 0)


def parts(tensor, number):
    return [tensor] if number == 1 else tf.split(tensor, number, axis=-1)
