"""LSGAN: Mao, Li, Xie, Lau, Wang & Smolley 2017, "Least Squares Generative Adversarial Networks",
https://arxiv.org/abs/1611.04076

`train_step` minimizes Eq. (2). Section 3.2.3 chooses its targets: a=0, b=1, c=1, Eq. (9), which the
paper trains with and which is the default here; or such that b - c = 1 and b - a = 2, with which G
minimizes the Pearson chi^2 divergence, for instance a=-1, b=1, c=0, Eq. (8).

The networks are the authors' for 28 pixels, Chinese characters (`mcgan.py` and `train_chn.py` in
github.com/xudonmao/LSGAN), as are their settings: 5x5 kernels, weights N(0, 0.02), LeakyReLU slope
0.2, batch norm's momentum 0.9, latents uniform in [-1, 1], Adam 2e-4 with beta_1 0.5, batch 64.

What differs, and why:
- Without class labels, since this model has none: D's convolutions have 64 and 128 channels instead
  of 257 and 320, of which 256 served the label.
- G ends in tanh on [-1, 1], not in a sigmoid on [0, 1], as do all images here.
- Layers before a batch norm have no bias, which it would take out again.
- Losses are means over the batch, as Eq. (2) says; the authors' code sums.
- D's convolutions start from N(0, 0.02), as all layers; in the authors' code they alone are cut off
  at two standard deviations.
- There is one pair of networks. The authors have two more: one for LSUN's scenes at 112 pixels
  (`vgg.py`: G of seven 3x3 transposed convolutions with up to 256 channels, D of four 5x5
  convolutions, Adam 1e-3), and the one for 3,740 classes of characters from which ours is taken.
"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.gan import GAN, Paper
from kerasgan.networks.shapes import check_image_shape
from kerasgan.signature import Image, Latent, Signature


class LSGAN(GAN, package="kerasgan"):
    """Least squares GAN.

    Args:
        image_shape: (height, width, channels); both sides divisible by 4.
        latent_dim: Length of the latent vector, uniform in [-1, 1]. The paper uses 1024; with
            Adam on small images D wins against it, and 64 do far better (zoo/TUNING.md).
        width: Channels of G's hidden layers; D has half of that and all of it, then 8 times as many
            units. The paper uses 128, 32 is quick on a CPU.
        a: float, what D should say of generated images.
        b: float, what D should say of real images.
        c: float, what G wants D to say of generated images.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4.

    Example:

    >>> gan = LSGAN(image_shape=(28, 28, 1), width=8, a=-1.0, b=1.0, c=0.0)  # Pearson chi^2
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), batch_size=4, verbose=0)
    >>> gan.sample(2, seed=0).shape
    (2, 28, 28, 1)

    Reference: Mao et al. 2017, https://arxiv.org/abs/1611.04076
    """

    variant = "lsgan"
    paper = Paper(
        "Mao, Li, Xie, Lau, Wang & Smolley 2017",
        "Least Squares Generative Adversarial Networks",
        "https://arxiv.org/abs/1611.04076",
    )

    def __init__(
        self,
        image_shape,
        latent_dim=1024,
        width=128,
        a=0.0,
        b=1.0,
        c=1.0,
        **options,
    ):
        super().__init__(
            build_generator(image_shape, latent_dim, width),
            build_discriminator(image_shape, width),
            signature=Signature({"z": Latent(latent_dim, uniform=(-1, 1))}, Image(image_shape)),
            **options,
        )
        self.width = width
        self.a = a
        self.b = b
        self.c = c

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def train_step(self, images):
        z = self.sample_latents(tf.shape(images)[0])

        with tf.GradientTape() as g_tape:
            fakes = self.generator(z, training=True)

            # Eq. (2), first line: the discriminator
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator(images, training=True)
                fake_logits = self.discriminator(tf.stop_gradient(fakes), training=True)
                d_loss = discriminator_loss(real_logits, fake_logits, self.a, self.b)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)

            # Eq. (2), second line: the generator, on the same z, as in the authors' code
            g_loss = generator_loss(self.discriminator(fakes, training=True), self.c)
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss)


def discriminator_loss(real_logits, fake_logits, a=0.0, b=1.0):
    """The discriminator's loss: 1/2 E[(D(x) - b)^2] + 1/2 E[(D(G(z)) - a)^2].

    Args:
        real_logits: float tensor, any shape: D on real images, without a sigmoid.
        fake_logits: float tensor, any shape: D on generated images.
        a: float, the target for generated images.
        b: float, the target for real images.

    Returns:
        Scalar float32 tensor; (b - a)^2 / 4 at its least where D cannot tell them apart.

    Example:

    >>> float(discriminator_loss(tf.fill((4, 1), 0.5), tf.fill((4, 1), 0.5)))
    0.25

    Reference: Mao et al. 2017, Eq. (2).
    """
    real_loss = tf.reduce_mean((tf.cast(real_logits, tf.float32) - b) ** 2) / 2.0
    fake_loss = tf.reduce_mean((tf.cast(fake_logits, tf.float32) - a) ** 2) / 2.0
    return real_loss + fake_loss


def generator_loss(fake_logits, c=1.0):
    """The generator's loss: 1/2 E[(D(G(z)) - c)^2].

    Args:
        fake_logits: float tensor, any shape: D on generated images, without a sigmoid.
        c: float, the value that G wants D to give them.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> float(generator_loss(tf.zeros((4, 1))))
    0.5

    Reference: Mao et al. 2017, Eq. (2).
    """
    return tf.reduce_mean((tf.cast(fake_logits, tf.float32) - c) ** 2) / 2.0


def normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


def batch_norm(x):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True)(x)


def build_generator(image_shape, latent_dim=1024, width=128):
    """Latents (N, latent_dim) -> images (N, H, W, C) in [-1, 1]."""
    check_image_shape(image_shape)
    height, wide, channels = image_shape
    base = (height // 4, wide // 4, width)

    z = keras.Input((latent_dim,), name="z")
    x = layers.Dense(base[0] * base[1] * width, use_bias=False, kernel_initializer=normal())(z)
    x = layers.ReLU()(batch_norm(x))
    x = layers.Reshape(base)(x)  # (N, 7, 7, w) for 28 pixels
    x = layers.Conv2DTranspose(
        width, 5, strides=2, padding="same", use_bias=False, kernel_initializer=normal()
    )(x)
    x = layers.ReLU()(batch_norm(x))  # (N, 14, 14, w)
    images = layers.Conv2DTranspose(
        channels,
        5,
        strides=2,
        padding="same",
        kernel_initializer=normal(),
        activation="tanh",
        dtype="float32",
        name="images",
    )(x)
    return keras.Model(z, images, name="generator")


def build_discriminator(image_shape, width=128):
    """Images (N, H, W, C) -> logits (N, 1), on which no sigmoid follows."""
    check_image_shape(image_shape)
    images = keras.Input(image_shape, name="images")
    x = layers.Conv2D(width // 2, 5, strides=2, padding="same", kernel_initializer=normal())(images)
    x = layers.LeakyReLU(0.2)(x)  # (N, 14, 14, w / 2)
    x = layers.Conv2D(
        width, 5, strides=2, padding="same", use_bias=False, kernel_initializer=normal()
    )(x)
    x = layers.LeakyReLU(0.2)(batch_norm(x))  # (N, 7, 7, w)
    x = layers.Dense(8 * width, use_bias=False, kernel_initializer=normal())(layers.Flatten()(x))
    x = layers.LeakyReLU(0.2)(batch_norm(x))  # (N, 8w)
    logits = layers.Dense(1, kernel_initializer=normal(), dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")
