"""Resampling by 2 with the filter (1, 3, 3, 1) in each direction, with zeros around the maps.

StyleGAN2 (Karras et al. 2020, https://arxiv.org/abs/1912.04958) and R3GAN resample with it; the
filter is that of Zhang 2019, "Making Convolutional Networks Shift-Invariant Again",
https://arxiv.org/abs/1904.11486. Values inside are those of bilinear interpolation; at the border
zeros enter, where `tf.image.resize` repeats the last pixel.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def depthwise(x, weights, stride=1, padding="VALID"):
    """Convolves each channel with the same separable kernel, `weights` in each direction."""
    kernel = tf.constant(np.outer(weights, weights)[:, :, None, None], x.dtype)
    kernel = tf.tile(kernel, [1, 1, x.shape[-1], 1])
    return tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], padding)


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
    padded = tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    return depthwise(padded, np.array([1, 3, 3, 1]) * gain**0.5 / 8, stride)


@keras.saving.register_keras_serializable(package="kerasgan")
class Blur(layers.Layer):
    """Low-pass filter before or instead of a stride; `padding=1, stride=2` halves both sides.

    Args:
        padding, stride: As in `blur`.
        **kwargs: As in `keras.layers.Layer`.

    Example:

    >>> Blur(padding=1, stride=2)(tf.ones((1, 8, 8, 1)))[0, 1, :, 0].numpy()
    array([0.875, 1.   , 1.   , 0.875], dtype=float32)
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

    Example:

    >>> FilteredUpsample()(tf.ones((1, 4, 4, 1)))[0, 1, :, 0].numpy()
    array([0.75, 1.  , 1.  , 1.  , 1.  , 1.  , 1.  , 0.75], dtype=float32)
    """

    def call(self, images):
        # (1, 2, 1) after each pixel is doubled is (1, 3, 3, 1) after zeros are put between them.
        doubled = ops.repeat(ops.repeat(images, 2, 1), 2, 2)
        return depthwise(doubled, np.array([1, 2, 1]) / 4, padding="SAME")
