"""Conditional batch norm: Dumoulin, Shlens & Kudlur 2017, "A Learned Representation For Artistic
Style", https://arxiv.org/abs/1610.07629"""

import keras
import tensorflow as tf
from keras import layers


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
        # A product with one-hot labels: gradients of a lookup would be sparse.
        chosen = tf.one_hot(labels, self.num_classes, dtype=self.compute_dtype)
        gamma = tf.matmul(chosen, self.gamma)[:, None, None, :]  # (N, 1, 1, C)
        beta = tf.matmul(chosen, self.beta)[:, None, None, :]
        return gamma * self.norm(inputs, training=training) + beta

    def compute_output_shape(self, inputs_shape, labels_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
