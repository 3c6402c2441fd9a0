"""Layers that more than one paper uses, or where an error would be silent.

Self-attention: Zhang, Goodfellow, Metaxas & Odena 2019, "Self-Attention Generative Adversarial
Networks", https://arxiv.org/abs/1805.08318
Conditional batch norm: Dumoulin, Shlens & Kudlur 2017, "A Learned Representation For Artistic
Style", https://arxiv.org/abs/1610.07629
"""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan import distribution
from kerasgan.errors import UserError
from kerasgan.spectral import (  # noqa: F401 (public here)
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
    SpectralNormalized,
)


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


@keras.saving.register_keras_serializable(package="kerasgan")
class ConditionalBatchNormalization(layers.Layer):
    """Batch normalisation whose scale gamma and shift beta depend on the class.

    The statistics are those of the whole batch, over all replicas, whatever the classes.

    Args:
        num_classes: Number of classes.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor (N, H, W, C).
        labels: int tensor (N,), class ids in 0 ... num_classes - 1.
        training: Whether to use the batch's statistics or their running averages.

    Example:

    >>> layer = ConditionalBatchNormalization(num_classes=10)
    >>> layer(tf.ones((2, 16, 16, 64)), tf.constant([3, 7]), training=True).shape
    TensorShape([2, 16, 16, 64])

    Reference: Dumoulin et al. 2017, Eq. (5), https://arxiv.org/abs/1610.07629; as used by Miyato &
    Koyama 2018, https://arxiv.org/abs/1802.05637
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def build(self, inputs_shape, labels_shape):
        self.norm = layers.BatchNormalization(
            momentum=0.9,
            epsilon=1e-5,
            center=False,
            scale=False,
            synchronized=True,
            dtype=self.dtype_policy,
            name="norm",
        )
        self.norm.build(inputs_shape)
        shape = (self.num_classes, inputs_shape[-1])
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")

    def call(self, inputs, labels, training=False):
        # A product with the one-hot label, not a lookup, whose gradients are sparse.
        chosen = tf.one_hot(labels, self.num_classes, dtype=self.compute_dtype)
        gamma = tf.matmul(chosen, self.gamma)[:, None, None, :]  # (N, 1, 1, C)
        beta = tf.matmul(chosen, self.beta)[:, None, None, :]
        return gamma * self.norm(inputs, training=training) + beta

    def compute_output_shape(self, inputs_shape, labels_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


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


@keras.saving.register_keras_serializable(package="kerasgan")
class Dropout(layers.Dropout):
    """Keras's dropout, whose masks go on where they were after loading, and differ on replicas.

    Keras leaves the state of its random generators out of what it saves: a resumed run would take
    other steps than one that was never interrupted. And it gives every replica the same mask; here
    they have the rows of the mask that one device would draw.

    Example:

    >>> dropped = Dropout(0.5, seed=0)(ops.ones((1, 1000)), training=True)
    >>> sorted(set(dropped.numpy().ravel().tolist()))
    [0.0, 2.0]
    """

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        seed = self.seed_generator.next()

        def draw(rows):
            shape = tf.concat([[rows], tf.shape(inputs)[1:]], 0)
            return tf.random.stateless_uniform(shape, seed, alg="philox")

        kept = distribution.own_rows(draw, tf.shape(inputs)[0]) >= self.rate
        return tf.where(kept, inputs / (1.0 - self.rate), tf.zeros_like(inputs))

    def save_own_variables(self, store):
        if self.rate > 0:
            store["seed"] = self.seed_generator.state.numpy()

    def load_own_variables(self, store):
        if self.rate > 0:
            self.seed_generator.state.assign(store["seed"])
