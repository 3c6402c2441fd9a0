"""Conditional batch norm: Dumoulin, Shlens & Kudlur 2017, "A Learned Representation For Artistic
Style", https://arxiv.org/abs/1610.07629; on a vector: Brock, Donahue & Simonyan 2019, "Large Scale
GAN Training for High Fidelity Natural Image Synthesis", https://arxiv.org/abs/1809.11096"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.layers.spectral import SpectralDense


def statistics(layer):
    """Returns the batch norm inside a conditional one, which has neither scale nor shift itself."""
    return layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        center=False,
        scale=False,
        synchronized=True,
        dtype=layer.dtype_policy,
        name="norm",
    )


@keras.saving.register_keras_serializable(package="kerasgan")
class ConditionalBatchNormalization(layers.Layer):
    """Batch normalisation whose scale gamma and shift beta depend on the class.

    Statistics are those of the whole batch, over all replicas and classes.

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
        self.norm = statistics(self)
        self.norm.build(inputs_shape)
        shape = (self.num_classes, inputs_shape[-1])
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")

    def call(self, inputs, labels, training=False):
        # A product with one-hot labels: gradients of a lookup would be sparse.
        chosen = tf.one_hot(labels, self.num_classes, dtype=self.compute_dtype)
        gamma = tf.matmul(chosen, self.gamma)[:, None, None, :]  # (N, 1, 1, C)
        beta = tf.matmul(chosen, self.beta)[:, None, None, :]
        return gamma * self.norm(inputs, training=training) + beta

    def compute_output_shape(self, inputs_shape, labels_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package="kerasgan")
class ProjectedBatchNormalization(layers.Layer):
    """Batch normalisation whose scale and shift are linear projections of a vector.

    The projections have spectral normalisation and no bias; the scale is 1 plus its projection, so
    that a vector of zeros leaves the normalised input as it is. Statistics are those of the whole
    batch, over all replicas.

    Args:
        kernel_initializer: Initializer of both projections.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor (N, H, W, C).
        condition: float tensor (N, D).
        training: Whether to use the batch's statistics or their running averages.

    Example:

    >>> layer = ProjectedBatchNormalization()
    >>> layer(tf.ones((2, 16, 16, 64)), tf.ones((2, 148)), training=True).shape
    TensorShape([2, 16, 16, 64])

    Reference: Brock et al. 2019, section 3 and appendix B, https://arxiv.org/abs/1809.11096;
    `ccbn` in https://github.com/ajbrock/BigGAN-PyTorch
    """

    def __init__(self, kernel_initializer="orthogonal", **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, inputs_shape, condition_shape):
        self.norm = statistics(self)
        self.norm.build(inputs_shape)
        self.gain = self._projection(inputs_shape[-1], "gain")
        self.bias = self._projection(inputs_shape[-1], "bias")
        for projection in (self.gain, self.bias):
            projection.build(condition_shape)

    def _projection(self, channels, name):
        return SpectralDense(
            channels,
            use_bias=False,
            # A copy each: one initializer draws the same values every time.
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, inputs, condition, training=False):
        gain = 1.0 + self.gain(condition, training=training)[:, None, None, :]  # (N, 1, 1, C)
        bias = self.bias(condition, training=training)[:, None, None, :]
        return gain * self.norm(inputs, training=training) + bias

    def compute_output_shape(self, inputs_shape, condition_shape):
        return inputs_shape

    def get_config(self):
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), "kernel_initializer": initializer}
