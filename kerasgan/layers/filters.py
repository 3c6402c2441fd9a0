"""Resampling with the filter [1, 3, 3, 1]: Karras et al. 2020, "Analyzing and Improving the Image
Quality of StyleGAN", https://arxiv.org/abs/1912.04958; the filter is that of Zhang 2019, "Making
Convolutional Networks Shift-Invariant Again", https://arxiv.org/abs/1904.11486

Borders are padded with zeros, as in the authors' code.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

BINOMIAL = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def blur(images, padding, stride=1, gain=1.0):
    """Convolves each channel with the filter.

    Args:
        images: float tensor (N, H, W, C).
        padding: Zeros to add on each side.
        stride: Distance of the pixels that stay.
        gain: Sum of the filter's weights.

    Returns:
        float tensor (N, (H + 2 padding - 4) // stride + 1, the same of W, C).

    Example:

    >>> blur(tf.ones((1, 9, 9, 1)), padding=1).shape
    TensorShape([1, 8, 8, 1])
    """
    kernel = np.tile(gain * BINOMIAL[:, :, None, None], (1, 1, images.shape[-1], 1))
    padded = tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    strides = [1, stride, stride, 1]
    return tf.nn.depthwise_conv2d(padded, tf.constant(kernel, images.dtype), strides, "VALID")


@keras.saving.register_keras_serializable(package="kerasgan")
class Blur(layers.Layer):
    """Low-pass filter before or instead of a stride: see `blur`.

    Args:
        padding, stride: As in `blur`.
        **kwargs: As in `keras.layers.Layer`.

    Example:

    >>> Blur(padding=1, stride=2)(tf.ones((1, 8, 8, 3))).shape
    TensorShape([1, 4, 4, 3])
    """

    def __init__(self, padding, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding
        self.stride = stride

    def call(self, images):
        return blur(images, self.padding, self.stride)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding, "stride": self.stride}


@keras.saving.register_keras_serializable(package="kerasgan")
class FilteredUpsample(layers.Layer):
    """Doubles both sides: a zero after each pixel, then the filter. (N, H, W, C) -> (N, 2H, 2W, C).

    Meant for pictures: its work grows with the square of the channels.

    Example:

    >>> doubled = FilteredUpsample()(tf.ones((1, 4, 4, 1)))
    >>> doubled[0, :4, 4, 0].numpy().tolist()  # dark only at the border
    [0.75, 1.0, 1.0, 1.0]
    """

    def call(self, images):
        eye = np.eye(images.shape[-1])
        kernel = tf.constant(4.0 * BINOMIAL[:, :, None, None] * eye, images.dtype)
        return ops.conv_transpose(images, kernel, strides=2, padding="same")
