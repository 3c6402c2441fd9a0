"""Minibatch standard deviation: Karras, Aila, Laine & Lehtinen 2018, "Progressive Growing of GANs
for Improved Quality, Stability, and Variation", section 3, https://arxiv.org/abs/1710.10196"""

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package="kerasgan")
class MinibatchStandardDeviation(layers.Layer):
    """Appends a channel that tells how much the pictures of a group differ.

    Its one number for each group is the standard deviation over the group, averaged over places and
    channels: small where a generator draws the same picture again and again. Groups are neighbours
    in the batch, as equal as they can be, and of at most `group_size`; a batch that is smaller is
    one group. With several replicas each groups its own share of the batch: they equal one device
    if `group_size` divides that share.

    Args:
        group_size: int, most pictures in a group.
        **kwargs: As in `keras.layers.Layer`.

    Example:

    >>> layer = MinibatchStandardDeviation(group_size=4)
    >>> x = layer(tf.ones((8, 4, 4, 16)))
    >>> x.shape, round(float(tf.reduce_max(x[..., -1])), 4)
    (TensorShape([8, 4, 4, 17]), 0.0001)

    Reference: Karras et al. 2018, section 3, https://arxiv.org/abs/1710.10196; `MinibatchStdLayer`
    in https://github.com/NVlabs/stylegan2-ada-pytorch, whose groups take every n-th picture.
    """

    def __init__(self, group_size=4, **kwargs):
        super().__init__(**kwargs)
        self.group_size = group_size

    def call(self, inputs):
        num = inputs.shape[0] or tf.shape(inputs)[0]
        groups = (num + self.group_size - 1) // self.group_size
        group = tf.range(num) * groups // num  # 0, 0, ..., 1, 1, ...
        same = tf.cast(group[:, tf.newaxis] == group, tf.float32)
        averaging = same / tf.reduce_sum(same, axis=1, keepdims=True)  # (N, N)
        x = tf.reshape(tf.cast(inputs, tf.float32), (num, -1))
        variance = averaging @ (x - averaging @ x) ** 2
        feature = tf.reduce_mean(tf.sqrt(variance + 1e-8), axis=1)  # (N,)
        channel = tf.reshape(feature, (-1, 1, 1, 1))
        channel = tf.broadcast_to(channel, (num, *inputs.shape[1:3], 1))
        return tf.concat([inputs, tf.cast(channel, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size}
