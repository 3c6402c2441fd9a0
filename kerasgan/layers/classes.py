"""Class ids as vectors."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package="kerasgan")
class OneHot(layers.Layer):
    """One-hot vectors of class ids, as rows of a table.

    Unlike `keras.ops.one_hot`, which gives zeros for ids beyond the classes, runtimes refuse such
    ids: TensorFlow on CPUs, TFLite and ONNX Runtime.

    Args:
        num_classes: Number of classes.

    Example:

    >>> OneHot(3)(tf.constant([2, 0])).numpy()
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, labels):
        table = tf.constant(np.eye(self.num_classes, dtype="float32"))  # not an op of the graph
        return tf.gather(tf.cast(table, self.compute_dtype), labels)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.num_classes)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
