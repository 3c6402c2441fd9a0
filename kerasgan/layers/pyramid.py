"""The Laplacian pyramid as Keras layers: images to band-pass images and back, exactly.

The kernel is the 5x5 binomial one of Burt & Adelson 1983, "The Laplacian Pyramid as a Compact Image
Code", with weights (1, 4, 6, 4, 1) / 16 in each direction. Borders use
reflection padding, so that a constant image stays constant at every level; zero padding would give
a dark frame.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def blur(images, stride=1, gain=1.0):
    """Convolves each channel with the binomial kernel; `gain` is the sum of the weights."""
    channels = images.shape[-1]
    kernel = tf.constant(gain * BINOMIAL[:, :, None, None], images.dtype)  # (5, 5, 1, 1)
    mirrored = tf.pad(images, [[0, 0], [2, 2], [2, 2], [0, 0]], "REFLECT")
    return tf.nn.depthwise_conv2d(
        mirrored, tf.tile(kernel, [1, 1, channels, 1]), [1, stride, stride, 1], "VALID"
    )


@keras.saving.register_keras_serializable(package="kerasgan")
class Downsample(layers.Layer):
    """d(I): blurs, then keeps every second pixel; (N, 2H, 2W, C) -> (N, H, W, C).

    Example:

    >>> Downsample()(tf.ones((1, 16, 16, 3))).shape
    TensorShape([1, 8, 8, 3])
    """

    def call(self, images):
        return blur(images, stride=2)


@keras.saving.register_keras_serializable(package="kerasgan")
class Upsample(layers.Layer):
    """u(I): puts a zero after each pixel, then blurs; (N, H, W, C) -> (N, 2H, 2W, C).

    Example:

    >>> float(tf.reduce_mean(Upsample()(tf.ones((1, 8, 8, 3)))))
    1.0
    """

    def call(self, images):
        # The first of each 2x2 pixels is the old one: `depth_to_space` orders 4C channels so.
        zeros = [[0, 0], [0, 0], [0, 0], [0, 3 * images.shape[-1]]]
        spread = tf.nn.depth_to_space(tf.pad(images, zeros), 2)
        return blur(spread, gain=4.0)  # since only a quarter of the pixels are not zero


@keras.saving.register_keras_serializable(package="kerasgan")
class LaplacianPyramid(layers.Layer):
    """Decomposes images into band-pass images, coarse to fine, and reconstructs them.

    Args:
        levels: int K >= 1, number of halvings. Sides must be divisible by 2^K and stay >= 4.

    Returns:
        Tuple `(residuals, lows)` of lists of float32 tensors. `residuals` holds I_K, the smallest
        image, (N, H / 2^K, W / 2^K, C), then h_{K-1}, ..., h_0 (N, H, W, C). `lows` holds
        l_{K-1}, ..., l_0, the low-pass images u(I_{k+1}) of these h_k.

    Example:

    >>> pyramid = LaplacianPyramid(levels=2)
    >>> images = tf.random.uniform((1, 32, 32, 3), -1.0, 1.0)
    >>> residuals, lows = pyramid(images)
    >>> [h.shape[1] for h in residuals], [low.shape[1] for low in lows]
    ([8, 16, 32], [16, 32])
    >>> bool(tf.reduce_max(abs(pyramid.reconstruct(residuals) - images)) <= 1e-6)
    True

    Reference: Denton et al. 2015, section 2.2, https://arxiv.org/abs/1506.05751
    """

    def __init__(self, levels, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.levels = levels
        self.downsample = Downsample(dtype="float32")
        self.upsample = Upsample(dtype="float32")

    def call(self, images):
        residuals, lows = [], []
        for _ in range(self.levels):
            smaller = self.downsample(images)
            lows.insert(0, self.upsample(smaller))
            residuals.insert(0, images - lows[0])  # Eq. (3): h_k = I_k - u(I_{k+1})
            images = smaller
        return [images, *residuals], lows

    def reconstruct(self, residuals):
        """Returns the images (N, H, W, C) of residuals, coarse to fine."""
        images = residuals[0]
        for residual in residuals[1:]:
            images = self.upsample(images) + residual  # Eq. (4): I_k = u(I_{k+1}) + h_k
        return images

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}
