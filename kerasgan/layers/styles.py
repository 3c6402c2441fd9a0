"""Layers of style-based generators: Karras et al. 2020, "Analyzing and Improving the Image Quality
of StyleGAN" (StyleGAN2), https://arxiv.org/abs/1912.04958"""

import math

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan.layers.equalized import normal
from kerasgan.layers.resampling import blur
from kerasgan.utils import replicas

EPSILON = 1e-8


@keras.saving.register_keras_serializable(package="kerasgan")
class PixelNormalization(layers.Layer):
    """Divides each vector by the root of its mean square, in float32.

    Example:

    >>> PixelNormalization()(tf.constant([[3.0, -3.0]])).numpy().round(4).tolist()
    [[1.0, -1.0]]

    Reference: Karras et al. 2018, section 4.2, https://arxiv.org/abs/1710.10196
    """

    def call(self, inputs):
        x = tf.cast(inputs, tf.float32)
        squares = tf.reduce_mean(x**2, axis=-1, keepdims=True)
        return tf.cast(x * tf.math.rsqrt(squares + EPSILON), self.compute_dtype)


@keras.saving.register_keras_serializable(package="kerasgan")
class Truncation(layers.Layer):
    """Moves latents towards their mean: w' = w_avg + psi (w - w_avg).

    w_avg is a moving average over the batches of training, over all replicas. It is a weight that
    is not trained: saved with the layer, and changed by training calls only.

    Args:
        momentum: float, share of w_avg that a training call keeps.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        w: float tensor (N, dim).
        psi: float tensor (N,): 1 changes nothing, 0 gives the mean.
        training: Whether to update w_avg.

    Example:

    >>> layer = Truncation()
    >>> layer(tf.ones((2, 8)), tf.constant([0.0, 0.5])).numpy()[:, 0].tolist()  # w_avg is 0
    [0.0, 0.5]

    Reference: Karras et al. 2019, appendix B, https://arxiv.org/abs/1812.04948
    """

    def __init__(self, momentum=0.995, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum

    def build(self, w_shape, psi_shape):
        self.w_avg = self.add_weight(
            shape=(w_shape[-1],),
            initializer="zeros",
            trainable=False,
            autocast=False,
            aggregation="mean",  # of the replicas' means
            name="w_avg",
        )

    def call(self, w, psi, training=False):
        w_avg = tf.convert_to_tensor(self.w_avg)
        if training:
            mean = tf.reduce_mean(tf.cast(tf.stop_gradient(w), tf.float32), axis=0)
            self.w_avg.assign(mean + self.momentum * (w_avg - mean))
        w_avg = tf.cast(w_avg, w.dtype)
        return w_avg + psi[:, None] * (w - w_avg)

    def compute_output_shape(self, w_shape, psi_shape):
        return w_shape

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@keras.saving.register_keras_serializable(package="kerasgan")
class LearnedConstant(layers.Layer):
    """The learned feature map that a synthesis network starts from, the same for every sample.

    Args:
        shape: (height, width, channels).
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        w: Tensor (N, ...), whose batch it follows.

    Example:

    >>> LearnedConstant((4, 4, 8))(tf.ones((2, 16))).shape
    TensorShape([2, 4, 4, 8])
    """

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def build(self, w_shape):
        self.constant = self.add_weight(shape=self.shape, initializer=normal(), name="constant")

    def call(self, w):
        constant = tf.convert_to_tensor(self.constant)
        return tf.tile(constant[tf.newaxis], [tf.shape(w)[0], 1, 1, 1])

    def compute_output_shape(self, w_shape):
        return (w_shape[0], *self.shape)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape}


@keras.saving.register_keras_serializable(package="kerasgan")
class ModulatedConv2D(layers.Layer):
    """Convolution whose kernel is modulated by a style, and demodulated, for each sample.

    w'_ijk = s_i w_ijk (Eq. 1) and w''_ijk = w'_ijk / sqrt(sum_ik w'_ijk^2 + epsilon) (Eq. 3), for
    input channel i, output channel j and place k. One kernel serves all samples: s_i scales the
    input, and the root, which depends on the sample and j alone, the output. Statistics are float32
    under every dtype policy.

    Args:
        filters: Channels that come out.
        kernel_size: Side of the kernel.
        upsample: Whether to double both sides, with `blur` after the convolution.
        demodulate: Whether to do Eq. (3). If not, the kernel has an equalised learning rate, which
            Eq. (3) would cancel.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor (N, H, W, C).
        styles: float tensor (N, C): s.

    Example:

    >>> layer = ModulatedConv2D(8, 3, upsample=True)
    >>> layer(tf.ones((2, 16, 16, 4)), tf.ones((2, 4))).shape
    TensorShape([2, 32, 32, 8])

    Reference: Karras et al. 2020, section 2.2, https://arxiv.org/abs/1912.04958; float16:
    `networks.py` in https://github.com/NVlabs/stylegan2-ada-pytorch
    """

    def __init__(self, filters, kernel_size, upsample=False, demodulate=True, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.upsample = upsample
        self.demodulate = demodulate

    def build(self, inputs_shape, styles_shape):
        shape = (self.kernel_size, self.kernel_size, inputs_shape[-1], self.filters)
        self.kernel = self.add_weight(
            shape=shape, initializer=normal(), autocast=False, name="kernel"
        )

    def call(self, inputs, styles):
        kernel, styles = self.scaled(tf.convert_to_tensor(self.kernel), tf.cast(styles, tf.float32))
        x = self.per_sample(tf.cast(inputs, self.compute_dtype), styles)  # Eq. (1)
        x = self.convolve(x, tf.cast(kernel, self.compute_dtype))
        if not self.demodulate:
            return x
        squares = tf.reduce_sum(kernel**2, axis=(0, 1))  # (i, j)
        return self.per_sample(x, tf.math.rsqrt(tf.matmul(styles**2, squares) + EPSILON))  # Eq. (3)

    def per_sample(self, x, factors):
        """Multiplies a feature map (N, H, W, C) by factors (N, C)."""
        return x * tf.cast(factors, self.compute_dtype)[:, tf.newaxis, tf.newaxis]

    def scaled(self, kernel, styles):
        """Returns kernel and styles, scaled where that does not change the result, or equalised."""
        fan_in = math.prod(kernel.shape[:-1])
        if not self.demodulate:
            return kernel / math.sqrt(fan_in), styles
        if self.compute_dtype == "float16":  # whose largest number is 65504
            kernel /= math.sqrt(fan_in) * tf.reduce_max(abs(kernel), axis=(0, 1, 2))
            styles /= tf.reduce_max(abs(styles), axis=1, keepdims=True)
        return kernel, styles

    def convolve(self, x, kernel):
        """Convolves maps (N, H, W, i) with a kernel (k, k, i, j), and doubles sides if asked to."""
        if not self.upsample:
            return ops.conv(x, kernel, padding="same")
        transposed = tf.transpose(kernel, (0, 1, 3, 2))
        x = ops.conv_transpose(x, transposed, strides=2, padding="valid")  # (N, 2H + 1, 2W + 1, j)
        return blur(x, padding=1, gain=4.0)

    def compute_output_shape(self, inputs_shape, styles_shape):
        factor = 2 if self.upsample else 1
        return (inputs_shape[0], *(factor * side for side in inputs_shape[1:3]), self.filters)

    def get_config(self):
        names = ("filters", "kernel_size", "upsample", "demodulate")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="kerasgan")
class Noise(layers.Layer):
    """Adds noise of a learned strength, one number for each place of all channels.

    In training it is drawn anew at every call, from a seed that is saved with the layer, so that a
    resumed run goes on exactly; replicas draw their rows of what one device would draw. At
    inference it is a constant, a weight that is not trained.

    Args:
        seed: int, or `None` for a random one.
        **kwargs: As in `keras.layers.Layer`.

    Example:

    >>> images = Noise()(tf.zeros((2, 4, 4, 8)), training=True)
    >>> float(tf.reduce_max(images))  # the strength starts at 0
    0.0

    Reference: Karras et al. 2020, figure 2, https://arxiv.org/abs/1912.04958
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        self.strength = self.add_weight(shape=(), initializer="zeros", name="strength")
        self.constant = self.add_weight(
            shape=(*input_shape[1:3], 1), initializer=normal(), trainable=False, name="constant"
        )

    def call(self, inputs, training=False):
        if not training:
            return inputs + self.strength * self.constant
        seed, sides = self.seed_generator.next(), inputs.shape[1:3]

        def draw(rows):
            return tf.random.stateless_normal((rows, *sides, 1), seed, alg="philox")

        noise = tf.cast(replicas.own_rows(draw, tf.shape(inputs)[0]), inputs.dtype)
        return inputs + self.strength * noise

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["seed"] = self.seed_generator.state.numpy()

    def load_own_variables(self, store):
        self.seed_generator.state.assign(store["seed"])
        super().load_own_variables({key: store[key] for key in store.keys() if key != "seed"})
