"""Self-attention: Zhang, Goodfellow, Metaxas & Odena 2019, "Self-Attention Generative Adversarial
Networks", https://arxiv.org/abs/1805.08318"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.layers.spectral import SpectralConv2D
from kerasgan.utils.errors import UserError


@keras.saving.register_keras_serializable(package="kerasgan")
class SelfAttention(layers.Layer):
    """Self-attention between all places of a feature map.

    Input and output are (N, H, W, C), H and W even. The paper's f (keys), g (queries), h (values)
    and v are made by the sub-layers `phi`, `theta`, `g` and `out`, which are called so in the
    authors' code and in saved files. As in that code, f and h are max-pooled, which makes attention
    four times cheaper, and the convolutions have no bias.

    Args:
        kernel_initializer: Initializer of the four 1x1 convolutions.
        spectral: Whether these have spectral normalisation, as the paper's have.
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

    def __init__(self, kernel_initializer="glorot_uniform", spectral=True, **kwargs):
        super().__init__(**kwargs)
        self.spectral = spectral
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
        return (SpectralConv2D if self.spectral else layers.Conv2D)(
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
        mode = {"training": training} if self.spectral else {}
        f = places(pool(self.phi(inputs, **mode)))  # keys (N, H W / 4, C/8)
        g = places(self.theta(inputs, **mode))  # queries (N, H W, C/8)
        h = places(pool(self.g(inputs, **mode)))  # values (N, H W / 4, C/2)
        attended = tf.reshape(attend(f, g, h), (-1, height, width, h.shape[-1]))
        o = self.out(attended, **mode)  # Eq. (2): o_j = v(sum_i beta_ji h(x_i))
        return inputs + self.gamma * o  # Eq. (3): y_i = gamma o_i + x_i

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        initializer = keras.initializers.serialize(self.kernel_initializer)
        own = {"kernel_initializer": initializer, "spectral": self.spectral}
        return {**super().get_config(), **own}


def attend(f, g, h):
    """Returns each query's mean of the values, weighted by its attention to their keys.

    Args:
        f: Tensor (N, I, D): f(x_i), the keys.
        g: Tensor (N, J, D): g(x_j), the queries.
        h: Tensor (N, I, C): h(x_i), the values.

    Returns:
        Tensor (N, J, C): sum_i beta_ji h(x_i), with the softmax in float32.

    Example:

    >>> keys, queries = tf.constant([[[9.0], [0.0]]]), tf.constant([[[9.0], [-9.0]]])
    >>> attend(keys, queries, tf.constant([[[1.0], [2.0]]])).numpy().round(3).tolist()
    [[[1.0], [2.0]]]

    Reference: Zhang et al. 2019, Eq. (1) and (2).
    """
    # Eq. (1): beta_ji = exp(s_ij) / sum_i exp(s_ij), s_ij = f(x_i)^T g(x_j); rows j, columns i
    scores = tf.cast(tf.matmul(g, f, transpose_b=True), tf.float32)
    beta = tf.cast(tf.nn.softmax(scores), h.dtype)
    return tf.matmul(beta, h)


def pool(x):
    return tf.nn.max_pool2d(x, 2, 2, "VALID")


def places(x):
    """(N, H, W, C) -> (N, H W, C)."""
    return tf.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
