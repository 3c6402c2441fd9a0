"""Self-attention: Zhang, Goodfellow, Metaxas & Odena 2019, "Self-Attention Generative Adversarial
Networks", https://arxiv.org/abs/1805.08318"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.layers.spectral import (
    SpectralConv2D,
)
from kerasgan.utils.errors import UserError


@keras.saving.register_keras_serializable(package="kerasgan")
class SelfAttention(layers.Layer):
    """Self-attention between all places of a feature map, with spectral normalisation.

    Input and output are (N, H, W, C), H and W even. The paper's f, g, h and v are called theta,
    phi, g and out here, as in the authors' code; as there, phi and g are max-pooled, which makes
    attention four times cheaper, and the convolutions have no bias.

    Args:
        kernel_initializer: Initializer of the four 1x1 convolutions.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        UserError: If a side of the feature map is odd.

    Example:

    >>> layer = SelfAttention()
    >>> layer(tf.ones((2, 16, 16, 64)), training=True).shape
    TensorShape([2, 16, 16, 64])

    Reference: Zhang et al. 2019, Eq. (1) to (3), https://arxiv.org/abs/1805.08318; `non_local.py`
    in https://github.com/brain-research/self-attention-gan
    """

    def __init__(self, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        _, height, width, channels = input_shape
        if height % 2 or width % 2:
            raise UserError(
                f"SelfAttention needs a feature map with even sides. Received: {input_shape}"
            )
        self.theta = self._conv(max(channels // 8, 1), "theta")
        self.phi = self._conv(max(channels // 8, 1), "phi")
        self.g = self._conv(max(channels // 2, 1), "g")
        self.out = self._conv(channels, "out")
        for conv in (self.theta, self.phi, self.g):
            conv.build(input_shape)
        self.out.build((*input_shape[:-1], self.g.filters))
        self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")

    def _conv(self, filters, name):
        return SpectralConv2D(
            filters,
            1,
            use_bias=False,
            # A copy each: one initializer draws the same values every time.
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, inputs, training=False):
        _, height, width, _ = inputs.shape
        theta = places(self.theta(inputs, training=training))  # (N, H W, C/8)
        phi = places(pool(self.phi(inputs, training=training)))  # (N, H W / 4, C/8)
        g = places(pool(self.g(inputs, training=training)))  # (N, H W / 4, C/2)
        # Eq. (1): beta_ji = exp(s_ij) / sum_i exp(s_ij), s_ij = f(x_i)^T g(x_j)
        scores = tf.cast(tf.matmul(theta, phi, transpose_b=True), tf.float32)
        attention = tf.cast(tf.nn.softmax(scores), g.dtype)  # (N, H W, H W / 4)
        # Eq. (2): o_j = v(sum_i beta_ji h(x_i))
        attended = tf.reshape(tf.matmul(attention, g), (-1, height, width, g.shape[-1]))
        # Eq. (3): y_i = gamma o_i + x_i
        return inputs + self.gamma * self.out(attended, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), "kernel_initializer": initializer}


def pool(x):
    return tf.nn.max_pool2d(x, 2, 2, "VALID")


def places(x):
    """(N, H, W, C) -> (N, H W, C)."""
    return tf.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
