"""Clipping of what a generator draws."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="kerasgan")
class ClipAtInference(layers.Layer):
    """Clips images to [-1, 1], except in training, where a clipped pixel would have no gradient.

    Example:

    >>> import tensorflow as tf
    >>> clip, pixel = ClipAtInference(), tf.constant(1.5)
    >>> float(clip(pixel)), float(clip(pixel, training=True))
    (1.0, 1.5)
    """

    def call(self, images, training=False):
        return images if training else keras.ops.clip(images, -1.0, 1.0)

    def compute_output_shape(self, input_shape):
        return input_shape
