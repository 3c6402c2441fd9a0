"""The learned maps at the small end of R3GAN's networks."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="kerasgan")
class Basis(layers.Layer):
    """Multiplies features with a learned map for each channel.

    A generator starts from (N, 1, 1, C), one factor for each map; a discriminator ends with the
    sums over both sides of what comes out, one inner product for each channel.

    Args:
        sides: (height, width) of the maps.
        stddev: float, that of the maps' initial values, which are normal.

    Example:

    >>> import tensorflow as tf
    >>> Basis((4, 4))(tf.ones((2, 1, 1, 16))).shape
    TensorShape([2, 4, 4, 16])

    Reference: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern Baseline GAN",
    https://arxiv.org/abs/2501.05441
    """

    def __init__(self, sides, stddev=1.0, **kwargs):
        super().__init__(**kwargs)
        self.sides = tuple(sides)
        self.stddev = stddev

    def build(self, input_shape):
        self.maps = self.add_weight(
            shape=(*self.sides, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(0.0, self.stddev),
            name="maps",
        )

    def call(self, x):
        return x * self.maps

    def compute_output_shape(self, input_shape):
        return input_shape[0], *self.sides, input_shape[-1]

    def get_config(self):
        return {**super().get_config(), "sides": self.sides, "stddev": self.stddev}
