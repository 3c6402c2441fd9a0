"""Equalised learning rates: Karras, Aila, Laine & Lehtinen 2018, "Progressive Growing of GANs for
Improved Quality, Stability, and Variation", section 4.1, https://arxiv.org/abs/1710.10196

Weights start from N(0, 1), and He's constant scales them at run time. Optimizers such as Adam,
whose steps do not depend on the gradient's scale, then move all layers alike.
"""

import math

import keras
import tensorflow as tf
from keras import layers, ops

SLOPE = 0.2


@keras.saving.register_keras_serializable(package="kerasgan")
def scaled_leaky_relu(x):
    """Leaky ReLU of slope 0.2, times sqrt(2), which keeps the mean square of standard normal x.

    Example:

    >>> scaled_leaky_relu(tf.constant([-1.0, 1.0])).numpy().round(4)
    array([-0.2828,  1.4142], dtype=float32)

    Reference: `bias_act.py` in https://github.com/NVlabs/stylegan2-ada-pytorch
    """
    return tf.nn.leaky_relu(x, SLOPE) * math.sqrt(2.0)


@keras.saving.register_keras_serializable(package="kerasgan")
class EqualizedDense(layers.Dense):
    """Fully connected layer with an equalised learning rate: x W c + b m, c = m / sqrt(inputs).

    Args:
        units: Length of the output.
        lr_multiplier: float, m: how much faster or slower than others the layer learns. The kernel
            starts from N(0, 1 / m^2), so that the output does not depend on it.
        bias_init: float, initial value of b.
        **kwargs: As in `keras.layers.Dense`.

    Example:

    >>> EqualizedDense(8, lr_multiplier=0.01)(tf.ones((2, 16))).shape
    TensorShape([2, 8])

    Reference: Karras et al. 2018, section 4.1, https://arxiv.org/abs/1710.10196; the multiplier:
    Karras et al. 2019, appendix C, https://arxiv.org/abs/1812.04948
    """

    def __init__(self, units, lr_multiplier=1.0, bias_init=0.0, **kwargs):
        kwargs.setdefault("kernel_initializer", normal(1.0 / lr_multiplier))
        kwargs.setdefault("bias_initializer", keras.initializers.Constant(bias_init))
        super().__init__(units, **kwargs)
        self.lr_multiplier = lr_multiplier
        self.bias_init = bias_init

    def call(self, inputs, training=None):
        scale = self.lr_multiplier / math.sqrt(inputs.shape[-1])
        x = ops.matmul(inputs, self.kernel * scale)
        if self.use_bias:
            x = x + self.bias * self.lr_multiplier
        return self.activation(x)

    def get_config(self):
        config = super().get_config()
        return {**config, "lr_multiplier": self.lr_multiplier, "bias_init": self.bias_init}


@keras.saving.register_keras_serializable(package="kerasgan")
class EqualizedConv2D(layers.Conv2D):
    """2-D convolution with an equalised learning rate: its kernel times 1 / sqrt(fan-in).

    Args:
        *args, **kwargs: As in `keras.layers.Conv2D`.

    Example:

    >>> EqualizedConv2D(8, 3, padding="same")(tf.ones((2, 16, 16, 4))).shape
    TensorShape([2, 16, 16, 8])

    Reference: Karras et al. 2018, section 4.1, https://arxiv.org/abs/1710.10196
    """

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("kernel_initializer", normal())
        super().__init__(*args, **kwargs)

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, kernel / math.sqrt(math.prod(kernel.shape[:-1])))


@keras.saving.register_keras_serializable(package="kerasgan")
class Bias(layers.Layer):
    """Adds a learned number to each channel, then applies an activation.

    Args:
        activation: Function or name of one, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Example:

    >>> Bias()(tf.ones((2, 4, 4, 8))).shape
    TensorShape([2, 4, 4, 8])
    """

    def __init__(self, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, inputs):
        return self.activation(inputs + self.bias)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "activation": activation}


def normal(deviation=1.0):
    return keras.initializers.RandomNormal(0.0, deviation)
