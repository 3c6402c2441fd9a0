"""Spectral normalisation: Miyato, Kataoka, Koyama & Yoshida 2018, "Spectral Normalization for
Generative Adversarial Networks", https://arxiv.org/abs/1802.05957

`keras.layers.SpectralNormalization` is something else: it overwrites the kernel with its quotient
at every training call, lets no gradient through sigma and normalises nothing at inference.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan.utils.errors import UserError


class SpectralNormalized:
    """Mixin for Keras layers: they work with W / sigma(W) in place of their kernel W.

    sigma = u^T W v, the largest singular value of W as a matrix (outputs, everything else), with
    its singular vectors u and v found by power iteration: one iteration in each training call,
    none at inference. u and v are weights that are not trained, so they are saved with the layer,
    and no gradient passes through them; it does pass through sigma by way of W. As
    `torch.nn.utils.spectral_norm` does it, u and v are updated by every training call: twice in a
    discriminator step with one call for real images and one for fake.

    sigma is computed in the kernel's own precision, float32 under mixed precision too.

    Reference: Miyato et al. 2018, Eq. (8) and Algorithm 1 (appendix A),
    https://arxiv.org/abs/1802.05957
    """

    kernel_name = "kernel"

    def matrix(self, kernel):
        """The kernel as the paper's matrix: one row for each output, (outputs, everything else)."""
        return tf.transpose(tf.reshape(kernel, (-1, kernel.shape[-1])))

    def add_weight(self, *args, name=None, **kwargs):
        if name == self.kernel_name:
            kwargs["autocast"] = False
        return super().add_weight(*args, name=name, **kwargs)

    def build(self, input_shape=None):
        if getattr(self, "data_format", "channels_last") != "channels_last":
            raise UserError(
                f"{type(self).__name__} takes images as (N, H, W, C) only. "
                f"Received: data_format={self.data_format}"
            )
        super().build(input_shape)
        matrix = self.matrix(getattr(self, self.kernel_name))
        rows, columns = matrix.shape
        self.u = self._add_vector("u", rows, lambda: tf.random.normal((rows,), dtype=matrix.dtype))
        self.v = self._add_vector("v", columns, lambda: tf.linalg.matvec(matrix, self.u, True))

    def _add_vector(self, name, size, start):
        return self.add_weight(
            shape=(size,),
            initializer=lambda shape, dtype=None: unit(start()),
            trainable=False,
            autocast=False,
            # Every replica computes the same vector from the same kernel.
            aggregation="only_first_replica",
            name=name,
        )

    def normalized_kernel(self, training):
        """Returns W / sigma(W) for a forward pass, after one power iteration if in training."""
        kernel = getattr(self, self.kernel_name)
        matrix = self.matrix(kernel)
        if training:  # Algorithm 1, step 1: v <- W^T u / |W^T u|, u <- W v / |W v|
            fixed = tf.stop_gradient(matrix)
            v = unit(tf.linalg.matvec(fixed, self.u, transpose_a=True))
            u = unit(tf.linalg.matvec(fixed, v))
            self.u.assign(u)
            self.v.assign(v)
        else:  # of unit length already, except in a moving average of weights
            u, v = unit(self.u), unit(self.v)
        sigma = tf.tensordot(u, tf.linalg.matvec(matrix, v), 1)  # step 2: u^T W v
        return tf.cast(kernel / sigma, self.compute_dtype)

    def finish(self, outputs):
        """Adds the bias and applies the activation, as the Keras layers do."""
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)

    # Keras's convolution and dense layers list their weights by hand here, without u and v.

    def save_own_variables(self, store):
        layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        layers.Layer.load_own_variables(self, store)


def unit(vector):
    return tf.math.l2_normalize(vector, epsilon=1e-24)  # of the squared length


@keras.saving.register_keras_serializable(package="kerasgan")
class SpectralConv2D(SpectralNormalized, layers.Conv2D):
    """2-D convolution with spectral normalisation.

    The kernel (h, w, in, out) is normalised as a matrix (out, h w in), as in the paper.

    Args:
        *args, **kwargs: As in `keras.layers.Conv2D`; channels last only.

    Example:

    >>> layer = SpectralConv2D(8, 3, padding="same")
    >>> layer(tf.ones((2, 28, 28, 1)), training=True).shape
    TensorShape([2, 28, 28, 8])
    >>> [weight.name for weight in layer.non_trainable_weights]
    ['u', 'v']

    Reference: Miyato et al. 2018, https://arxiv.org/abs/1802.05957
    """

    def call(self, inputs, training=False):
        return self.finish(self.convolution_op(inputs, self.normalized_kernel(training)))


@keras.saving.register_keras_serializable(package="kerasgan")
class SpectralConv2DTranspose(SpectralNormalized, layers.Conv2DTranspose):
    """2-D transposed convolution with spectral normalisation.

    The kernel (h, w, out, in) is normalised as a matrix (out, h w in), as PyTorch does it.

    Args:
        *args, **kwargs: As in `keras.layers.Conv2DTranspose`; channels last only.

    Example:

    >>> layer = SpectralConv2DTranspose(8, 4, strides=2, padding="same")
    >>> layer(tf.ones((2, 7, 7, 16)), training=True).shape
    TensorShape([2, 14, 14, 8])

    Reference: Miyato et al. 2018, https://arxiv.org/abs/1802.05957
    """

    def matrix(self, kernel):
        return super().matrix(tf.transpose(kernel, (0, 1, 3, 2)))

    def call(self, inputs, training=False):
        outputs = ops.conv_transpose(
            inputs,
            self.normalized_kernel(training),
            strides=self.strides,
            padding=self.padding,
            output_padding=self.output_padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        return self.finish(outputs)


@keras.saving.register_keras_serializable(package="kerasgan")
class SpectralDense(SpectralNormalized, layers.Dense):
    """Fully connected layer with spectral normalisation.

    Args:
        *args, **kwargs: As in `keras.layers.Dense`.

    Example:

    >>> layer = SpectralDense(1)
    >>> layer(tf.ones((2, 128)), training=True).shape
    TensorShape([2, 1])

    Reference: Miyato et al. 2018, https://arxiv.org/abs/1802.05957
    """

    def call(self, inputs, training=False):
        return self.finish(ops.matmul(inputs, self.normalized_kernel(training)))


@keras.saving.register_keras_serializable(package="kerasgan")
class SpectralEmbedding(SpectralNormalized, layers.Embedding):
    """Embedding with spectral normalisation of its table (input_dim, output_dim).

    Args:
        *args, **kwargs: As in `keras.layers.Embedding`.

    Example:

    >>> layer = SpectralEmbedding(10, 128)
    >>> layer(tf.constant([3, 7]), training=True).shape
    TensorShape([2, 128])

    Reference: Miyato & Koyama 2018, "cGANs with Projection Discriminator",
    https://arxiv.org/abs/1802.05637
    """

    kernel_name = "embeddings"

    def matrix(self, kernel):
        return tf.convert_to_tensor(kernel)

    def call(self, inputs, training=False):
        return tf.gather(self.normalized_kernel(training), inputs)

    def compute_output_spec(self, inputs, training=False):
        return super().compute_output_spec(inputs)
