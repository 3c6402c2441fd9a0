"""BEGAN: Berthelot, Schumm & Metz 2017, "BEGAN: Boundary Equilibrium Generative Adversarial
Networks", https://arxiv.org/abs/1703.10717

The discriminator is an autoencoder, and L(v) the mean absolute error with which it restores an
image v. `train_step` is the objective of section 3.4: k_t, updated by proportional control, keeps
E[L(G(z))] at gamma E[L(x)]. M = L(x) + |gamma L(x) - L(G(z))| measures convergence (section 3.4.1).

The networks are those of section 3.5: 3x3 convolutions with ELU, two for each size but the
smallest; the encoder's channels grow by `width` with each halving, which is a stride of 2; the
decoder doubles sides with nearest neighbours. Dense layers without an activation lead to the code
h, as long as z, and from it. G is built like the decoder. As in section 3.5.1 each doubled map but
the last is joined with the decoder's first one, enlarged to its size. At 128 pixels and width 128
both networks have 17.3 million weights, as in the paper; the layout is that of the first author's
layers, which are in github.com/carpedm20/BEGAN-tensorflow. Adam has Keras's betas and a rate of
1e-4, halved when M stalls; the paper's batches hold 16 images.

What differs, and why:
- Depth follows the image: sides halve at least twice, down to the paper's 8 pixels or until they
  are odd (28 -> 14 -> 7).
- Without vanishing residuals, the other option of section 3.5.1, whose carry is gone after one
  epoch of the paper's data.
- ELU follows every convolution but the last, as the paper says; in the first author's layers there
  is none where sizes change, and none after the encoder's first. Initial weights are Glorot's, as
  in carpedm20's code; the first author's are normal with a deviation of 0.01.
- G's output is linear, as in carpedm20's code, and clipped to [-1, 1] outside of training only:
  where it saturates, as tanh does, G stops at white images, whose error D balances with k.
- All terms of a step are those before its updates, as the equations say; carpedm20's code leaves
  their order open, and gives z_D and z_G the same values.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan.gan import GAN, Paper, Reconstructing
from kerasgan.layers import ClipAtInference
from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings
from kerasgan.signature import Image, Latent, Signature
from kerasgan.utils import replicas
from kerasgan.utils.errors import UserError


class BEGAN(Reconstructing, GAN, package="kerasgan"):
    """Boundary equilibrium GAN, whose discriminator is an autoencoder.

    The logs hold `convergence`, the paper's M, which falls while training goes well, and `k`, the
    weight of generated images in D's loss. `reconstruct` shows what D makes of images.
    `gan.discriminator(images)` returns their errors L(v), (N,).

    The paper halves both rates when M stalls. Keras's callback does that, one for each optimizer;
    both see the same M. A recipe has `linear_decay` instead:

        def halve(player):
            stalled = keras.callbacks.ReduceLROnPlateau("convergence", factor=0.5, patience=5)
            return kerasgan.callbacks.for_optimizer(player, stalled)

        gan.fit(images, epochs=100, callbacks=[halve("g"), halve("d")])

    Args:
        image_shape: (height, width, channels); both sides divisible by 4.
        latent_dim: Length of the latent vector, uniform in [-1, 1], and of D's code.
        width: Channels of every layer of G, and of D's first ones, n in the paper. It uses 128, 32
            is quick on a CPU.
        gamma: float in (0, 1], the diversity ratio E[L(G(z))] / E[L(x)]: lower values give sharper
            images, and less variety. The paper shows 0.3 to 0.7.
        lambda_k: float, the step of k.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, `gamma` is not in (0, 1], or `lambda_k` is not
            positive.

    Example:

    >>> gan = BEGAN(image_shape=(28, 28, 1), width=4)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), batch_size=4, verbose=0)
    >>> sorted(history.history)
    ['convergence', 'd_loss', 'g_loss', 'k']
    >>> gan.reconstruct(gan.sample(2, seed=0)).shape
    (2, 28, 28, 1)

    Reference: Berthelot et al. 2017, https://arxiv.org/abs/1703.10717
    """

    variant = "began"
    paper = Paper(
        "Berthelot, Schumm & Metz 2017",
        "BEGAN: Boundary Equilibrium Generative Adversarial Networks",
        "https://arxiv.org/abs/1703.10717",
    )

    log_names = ("d_loss", "g_loss", "convergence", "k")
    saturating_losses = ()  # the discriminator's loss is negative where k is large

    def __init__(
        self,
        image_shape,
        latent_dim=64,
        width=128,
        gamma=0.5,
        lambda_k=0.001,
        **options,
    ):
        if not 0.0 < gamma <= 1.0:
            raise UserError(f"`gamma` must lie in (0, 1]. Received: gamma={gamma}")
        if not lambda_k > 0.0:
            raise UserError(f"`lambda_k` must be positive. Received: lambda_k={lambda_k}")
        super().__init__(
            build_generator(image_shape, latent_dim, width),
            build_discriminator(image_shape, latent_dim, width),
            signature=Signature({"z": Latent(latent_dim, uniform=(-1, 1))}, Image(image_shape)),
            **options,
        )
        self.width = width
        self.gamma = gamma
        self.lambda_k = lambda_k
        self.k = self.add_state("k")  # k_0 = 0

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)

    def train_step(self, images):
        num = tf.shape(images)[0]
        z_d, z_g = self.sample_latents(num), self.sample_latents(num)
        k = tf.identity(self.k)

        # L_D = L(x) - k_t L(G(z_D))
        fakes = self.generator(z_d, training=True)
        with tf.GradientTape() as d_tape:
            real_loss = tf.reduce_mean(self.discriminator(images, training=True))
            fake_loss = tf.reduce_mean(self.discriminator(fakes, training=True))
            d_loss = real_loss - k * fake_loss

        # L_G = L(G(z_G))
        with tf.GradientTape() as g_tape:
            fakes = self.generator(z_g, training=True)
            g_loss = tf.reduce_mean(self.discriminator(fakes, training=True))

        # k_{t+1} = k_t + lambda_k (gamma L(x) - L(G(z_G))), kept in [0, 1]
        real_mean, fake_mean = replicas.mean(real_loss), replicas.mean(g_loss)
        next_k, convergence = balance(real_mean, fake_mean, k, self.gamma, self.lambda_k)

        self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)
        self.k.assign(next_k)
        return self.end_step(d_loss=d_loss, g_loss=g_loss, convergence=convergence, k=next_k)


def autoencoder_loss(images, reconstructions):
    """The error of each image, L(v) = |v - D(v)|, a mean over its values.

    Args:
        images: float tensor (N, H, W, C).
        reconstructions: float tensor of the same shape.

    Returns:
        float32 tensor (N,).

    Example:

    >>> autoencoder_loss(tf.zeros((1, 2, 2, 1)), tf.fill((1, 2, 2, 1), -0.5)).numpy()
    array([0.5], dtype=float32)

    Reference: Berthelot et al. 2017, section 3.1, with eta = 1.
    """
    lost = ops.cast(reconstructions, "float32") - ops.cast(images, "float32")
    return ops.mean(ops.abs(lost), axis=(1, 2, 3))


def balance(real_loss, fake_loss, k, gamma=0.5, lambda_k=0.001):
    """The next k, and the measure of convergence M = L(x) + |gamma L(x) - L(G(z))|.

    Args:
        real_loss: float scalar, L(x).
        fake_loss: float scalar, L(G(z_G)).
        k: float scalar, k_t.
        gamma: float, the diversity ratio.
        lambda_k: float, the step of k.

    Returns:
        Tuple of two float32 scalars, k_{t+1} in [0, 1] and M.

    Example:

    >>> k, convergence = balance(tf.constant(0.5), tf.constant(0.125), k=0.25, lambda_k=1.0)
    >>> float(k), float(convergence)
    (0.375, 0.625)

    Reference: Berthelot et al. 2017, sections 3.4 and 3.4.1.
    """
    difference = gamma * real_loss - fake_loss
    return tf.clip_by_value(k + lambda_k * difference, 0.0, 1.0), real_loss + tf.abs(difference)


def conv(x, filters, strides=1):
    return layers.Conv2D(filters, 3, strides=strides, padding="same", activation="elu")(x)


def decoded(code, image_shape, width, name):
    """Codes (N, h) -> images (N, H, W, C), in any range."""
    base = base_sides(image_shape, least=8)
    first = layers.Reshape((*base, width))(layers.Dense(base[0] * base[1] * width)(code))
    x = first
    for level in range(count_halvings(image_shape, least=8)):  # (N, 16, 16, n), (N, 32, 32, n)
        if level:
            x = layers.Concatenate()([x, layers.UpSampling2D(2**level)(first)])
        x = layers.UpSampling2D(2)(conv(x, width))
        x = conv(x, width)
    return layers.Conv2D(image_shape[2], 3, padding="same", dtype="float32", name=name)(x)


def build_generator(image_shape, latent_dim=64, width=128):
    """Latents (N, latent_dim) -> images (N, H, W, C), outside of training in [-1, 1]."""
    check_image_shape(image_shape)
    z = keras.Input((latent_dim,), name="z")
    images = ClipAtInference(dtype="float32", name="images")(
        decoded(z, image_shape, width, "unclipped")
    )
    return keras.Model(z, images, name="generator")


def build_discriminator(image_shape, code_dim=64, width=128):
    """Images (N, H, W, C) -> errors L(v) of their reconstructions, (N,)."""
    check_image_shape(image_shape)
    images = keras.Input(image_shape, name="images")
    x = conv(images, width)
    for level in range(count_halvings(image_shape, least=8)):  # (N, 16, 16, 2n), (N, 8, 8, 3n)
        x = conv(x, (level + 1) * width)
        x = conv(x, (level + 2) * width, strides=2)
    code = layers.Dense(code_dim, name="code")(layers.Flatten()(x))
    reconstructions = decoded(code, image_shape, width, "reconstructions")
    return keras.Model(images, autoencoder_loss(images, reconstructions), name="discriminator")
