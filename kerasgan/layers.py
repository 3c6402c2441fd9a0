"""Layers that more than one paper uses, or where an error would be silent.

Spectral normalisation: Miyato, Kataoka, Koyama & Yoshida 2018, "Spectral Normalization for
Generative Adversarial Networks", https://arxiv.org/abs/1802.05957
Self-attention: Zhang, Goodfellow, Metaxas & Odena 2019, "Self-Attention Generative Adversarial
Networks", https://arxiv.org/abs/1805.08318
Conditional batch norm: Dumoulin, Shlens & Kudlur 2017, "A Learned Representation For Artistic
Style", https://arxiv.org/abs/1610.07629

`keras.layers.SpectralNormalization` is something else: it overwrites the kernel with its quotient
at every training call, lets no gradient through sigma and normalises nothing at inference.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan import distribution
from kerasgan.errors import UserError


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
        store["seed"] = self.seed_generator.state.numpy()

    def load_own_variables(self, store):
        self.seed_generator.state.assign(store["seed"])
