"""Bilinear resampling by 2 of feature maps, with zeros around the map.

Both layers use the kernel (1, 3, 3, 1) / 8 in each direction, as `upfirdn2d` of StyleGAN2 and R3GAN
does. Values inside are those of bilinear interpolation; at the border zeros enter, where
`tf.image.resize` repeats the last pixel.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def depthwise(x, weights, stride):
    """Convolves each channel with the same separable kernel, `weights` in each direction."""
    weights = np.asarray(weights) / np.sum(weights)
    kernel = tf.constant(np.outer(weights, weights)[:, :, None, None], x.dtype)
    kernel = tf.tile(kernel, [1, 1, x.shape[-1], 1])
    return tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME")


@keras.saving.register_keras_serializable(package="kerasgan")
class BilinearDownsample(layers.Layer):
    """Halves both sides of feature maps, (N, 2H, 2W, C) -> (N, H, W, C).

    Example:

    >>> BilinearDownsample()(tf.ones((1, 8, 8, 1)))[0, 1, :, 0].numpy()
    array([0.875, 1.   , 1.   , 0.875], dtype=float32)
    """

    def call(self, x):
        return depthwise(x, [1, 3, 3, 1], stride=2)

    def compute_output_shape(self, input_shape):
        num, height, width, channels = input_shape
        return num, height // 2, width // 2, channels


@keras.saving.register_keras_serializable(package="kerasgan")
class BilinearUpsample(layers.Layer):
    """Doubles both sides of feature maps, (N, H, W, C) -> (N, 2H, 2W, C).

    Example:

    >>> BilinearUpsample()(tf.ones((1, 4, 4, 1)))[0, 1, :, 0].numpy()
    array([0.75, 1.  , 1.  , 1.  , 1.  , 1.  , 1.  , 0.75], dtype=float32)
    """

    def call(self, x):
        # (1, 2, 1) after each pixel is doubled is (1, 3, 3, 1) after zeros are put between them.
        return depthwise(keras.ops.repeat(keras.ops.repeat(x, 2, 1), 2, 2), [1, 2, 1], stride=1)

    def compute_output_shape(self, input_shape):
        num, height, width, channels = input_shape
        return num, 2 * height, 2 * width, channels
