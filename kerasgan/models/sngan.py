"""SNGAN: Miyato, Kataoka, Koyama & Yoshida 2018, "Spectral Normalization for Generative Adversarial
Networks", https://arxiv.org/abs/1802.05957

Spectral normalisation (Algorithm 1) stands in `kerasgan.layers`: every layer of the discriminator
has it, and no batch norm. `train_step` is the hinge game of Eq. (16) and (17).

Two pairs of networks, for images of 32 pixels:
- "resnet" (appendix, table of the CIFAR-10 ResNets): G is three residual blocks, D four, of which
  two halve the sides, with ReLU and a *sum* over places at the end; Glorot's initialization, in the
  3x3 convolutions of the blocks with gain sqrt(2); 5 updates of D for one of G, Adam 2e-4 with
  beta_1 = 0, beta_2 = 0.9, the learning rate falling linearly to 0 over 100,000 updates of G (over
  50,000 in the CIFAR-10 files of the authors' code, github.com/pfnet-research/sngan_projection).
- "conv" (the standard CNNs, "SNDCGAN"): G of 4x4 transposed convolutions, D of 3x3 convolutions
  between 4x4 ones with stride 2, LeakyReLU with slope 0.1.

What differs, and why:
- The number of blocks that double or halve follows the image: 28 pixels start from 7x7, 64 from 4x4
  with a block more.
- Convolutions of G have no bias where a batch norm would take it out again.
- In "conv", D's channels double at the strided convolutions, as in the networks that later
  comparisons call SNDCGAN (chainer-gan-lib of the authors' laboratory, compare_gan).
- Both pairs play the hinge game; the paper's CNNs play that of Goodfellow et al. (-log D for G),
  and the hinge game as a further test.
- Both pairs share the optimizers and `n_critic` of "resnet"; the paper's search for the CNNs went
  over six settings, of which Adam 2e-4 with beta_1 = 0.5 and one update of D is the classic one.
- G trains on as many samples as D does in one update; the authors' code takes twice as many.
- D trains before G in each step, not after it.
- Weights of "conv" start as in "resnet", with Glorot's range; chainer-gan-lib draws N(0, 0.02).
- The real images have no noise; the authors' code adds some, uniform up to a grey level, so that
  their values are not discrete.
- Batch norm has epsilon 1e-5, not Chainer's 2e-5; its momentum, 0.9, is the authors'.

With classes, "resnet" is the conditional pair for 32 pixels of Miyato & Koyama 2018, "cGANs with
Projection Discriminator", https://arxiv.org/abs/1802.05637, as its code
(github.com/pfnet-research/sngan_projection) has it: conditional batch norm in G's blocks, not in
its last norm, and D adds the inner product of the class's embedding with its features, Eq. (3).
What differs: generated images take the labels of the real ones, where the code draws classes
uniformly, so that D learns nothing from how frequent a class is; and the rates fall over 100,000
updates of G here, too, where the code has 50,000 for CIFAR-10.
"""

import functools

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan.gan import GAN, Paper
from kerasgan.layers import SpectralConv2D, SpectralDense
from kerasgan.losses import hinge_discriminator_loss, hinge_generator_loss
from kerasgan.networks import resnet
from kerasgan.networks.classes import add_projection, label_input, pair
from kerasgan.networks.resnet import (
    batch_norm,
    down_block,
    first_down_block,
    glorot,
    last_block,
)
from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings
from kerasgan.signature import Image, Label, Latent, Signature
from kerasgan.utils.errors import UserError, check_count


class SNGAN(GAN, package="kerasgan"):
    """GAN with a spectrally normalised discriminator, conditional on classes or not.

    The batch that `fit` hands over is split into `n_critic` minibatches, one for each update of the
    discriminator: for minibatches of 64 the batch size is 320.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4.
        latent_dim: Length of the latent vector, standard normal.
        width: Channels of G's residual blocks, twice those of D's; in the conv nets channels of
            G's first hidden layer of an image of 32 pixels. The paper uses 256, 32 is quick on a
            CPU.
        architecture: "resnet" or "conv".
        n_critic: int, updates of the discriminator for one of the generator. The paper's conv nets
            were also trained with 1. The default learning rates reach 0 together with 5.
        first_norm: What the first batch norm in G's conv net normalises: each of the "units" of the
            dense layer, or, as in files of kerasgan 0.1.0, the "channels" of the map that they
            become, all places of which then have the same mean.
        num_classes: Number of classes, for `fit(images, labels)`, with "resnet" only; `None` for
            `fit(images)`.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, there is no such architecture or first norm, the
            architecture takes no classes, or `n_critic` is not 1 or more.

    Example:

    >>> gan = SNGAN(image_shape=(28, 28, 1), width=8, n_critic=1)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), batch_size=4, verbose=0)
    >>> gan.sample(2, seed=0).shape
    (2, 28, 28, 1)

    Reference: Miyato et al. 2018, https://arxiv.org/abs/1802.05957; Miyato & Koyama 2018,
    https://arxiv.org/abs/1802.05637
    """

    variant = "sngan"
    paper = Paper(
        "Miyato, Kataoka, Koyama & Yoshida 2018",
        "Spectral Normalization for Generative Adversarial Networks",
        "https://arxiv.org/abs/1802.05957",
    )

    decision_boundary = 0.0

    def __init__(
        self,
        image_shape,
        latent_dim=128,
        width=256,
        architecture="resnet",
        n_critic=5,
        first_norm="units",
        num_classes: int | None = None,
        **options,
    ):
        if architecture not in ARCHITECTURES:
            raise UserError(
                f"`architecture` must be one of {', '.join(ARCHITECTURES)}. "
                f"Received: architecture={architecture!r}"
            )
        if first_norm not in ("units", "channels"):
            raise UserError(
                f"`first_norm` must be units or channels. Received: first_norm={first_norm!r}"
            )
        if first_norm != "units" and architecture != "conv":
            raise UserError(
                f'`first_norm` is of architecture="conv". Received: first_norm={first_norm!r}'
            )
        check_count(n_critic, "n_critic")
        inputs, classes = {"z": Latent(latent_dim)}, ()
        if num_classes is not None:
            check_count(num_classes, "num_classes")
            if architecture != "resnet":
                raise UserError(
                    f'Classes need architecture="resnet": the paper on them has no other networks. '
                    f"Received: num_classes={num_classes}, architecture={architecture!r}"
                )
            inputs["label"], classes = Label(num_classes), (num_classes,)
        build_generator, build_discriminator = ARCHITECTURES[architecture]
        if architecture == "conv":
            build_generator = functools.partial(build_generator, first_norm=first_norm)
        super().__init__(
            build_generator(image_shape, latent_dim, width, *classes),
            build_discriminator(image_shape, width, *classes),
            signature=Signature(inputs, Image(image_shape)),
            **options,
        )
        self.width = width
        self.architecture = architecture
        self.n_critic = n_critic
        self.first_norm = first_norm
        self.num_classes = num_classes

    @classmethod
    def changed_defaults(cls, arguments):
        conv = arguments.get("architecture") == "conv"
        return {"first_norm": ("channels", "units")} if conv else {}

    @staticmethod
    def default_optimizers():
        # D takes five updates for each of G's 100,000, and both must arrive at 0 together.
        decay = keras.optimizers.schedules.PolynomialDecay
        return (
            keras.optimizers.Adam(decay(2e-4, 100_000, 0.0), beta_1=0.0, beta_2=0.9),
            keras.optimizers.Adam(decay(2e-4, 500_000, 0.0), beta_1=0.0, beta_2=0.9),
        )

    def train_step(self, data):
        images, *labels = [data] if self.num_classes is None else data
        num = tf.shape(images)[0] // self.n_critic
        images, *labels = [self.minibatches(each) for each in (images, *labels)]

        # n_critic updates of the discriminator, each on real images of its own. Every call of D
        # is one power iteration for each of its layers (Algorithm 1).
        fakes = [
            self.generator(pair(self.sample_latents(num), *(y[i] for y in labels)), training=True)
            for i in range(self.n_critic)
        ]

        def update_discriminator(fake_images, real_images, *label):
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator(pair(real_images, *label), training=True)
                fake_logits = self.discriminator(pair(fake_images, *label), training=True)
                # Eq. (16): E[min(0, -1 + D(x))] + E[min(0, -1 - D(G(z)))], to be maximised
                d_loss = hinge_discriminator_loss(real_logits, fake_logits)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
            return {"d_loss": d_loss}

        losses = self.repeat(update_discriminator, fakes, images, *labels)

        # Eq. (17): -E[D(G(z))], with the labels of the last minibatch
        z, label = self.sample_latents(num), [y[-1] for y in labels]
        with tf.GradientTape() as g_tape:
            fake_images = self.generator(pair(z, *label), training=True)
            fake_logits = self.discriminator(pair(fake_images, *label), training=True)
            g_loss = hinge_generator_loss(fake_logits)
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(g_loss=g_loss, **losses)


# --- ResNets ---


def build_resnet_generator(image_shape, latent_dim=128, width=256, num_classes=None):
    """Latents (N, latent_dim) and labels (N,), if any -> images (N, H, W, C) in [-1, 1]."""
    return resnet.build_generator(image_shape, latent_dim, width, num_classes=num_classes)


def build_resnet_discriminator(image_shape, width=256, num_classes=None):
    """Images (N, H, W, C) and labels (N,), if any -> logits (N, 1), in channels half as many as the
    generator's."""
    check_image_shape(image_shape)
    filters = width // 2
    images, label = keras.Input(image_shape, name="images"), label_input(num_classes)
    x = first_down_block(images, filters)  # (N, 16, 16, w/2) for 32 pixels
    for _ in range(max(2, count_halvings(image_shape) - 1) - 1):  # (N, 8, 8, w/2)
        x = down_block(x, filters)
    x = layers.ReLU()(last_block(last_block(x)))
    h = ops.sum(ops.cast(x, "float32"), axis=(1, 2))  # (N, w/2)
    logits = SpectralDense(
        1, use_bias=False, kernel_initializer=glorot(), dtype="float32", name="logits"
    )(h)
    logits = add_projection(logits, h, label, num_classes, glorot())
    return keras.Model(pair(images, label), logits, name="discriminator")


# --- Plain convolutional networks ---


def build_conv_generator(image_shape, latent_dim=128, width=256, first_norm="units"):
    """Latents (N, latent_dim) -> images (N, H, W, C) in [-1, 1]."""
    check_image_shape(image_shape)
    halvings, base = count_halvings(image_shape), base_sides(image_shape)
    filters = width // 4 * 2**halvings

    z = keras.Input((latent_dim,), name="z")
    x = layers.Dense(base[0] * base[1] * filters, use_bias=False, kernel_initializer=glorot())(z)
    if first_norm == "units":  # as DCGANGenerator in chainer-gan-lib
        x = batch_norm(x)
    x = layers.Reshape((*base, filters))(x)  # (N, 4, 4, 2w) for 32 pixels
    x = layers.ReLU()(batch_norm(x) if first_norm == "channels" else x)
    for _ in range(halvings):  # (N, 8, 8, w), (N, 16, 16, w/2), (N, 32, 32, w/4)
        filters //= 2
        x = layers.Conv2DTranspose(
            filters, 4, strides=2, padding="same", use_bias=False, kernel_initializer=glorot()
        )(x)
        x = layers.ReLU()(batch_norm(x))
    images = layers.Conv2D(
        image_shape[2],
        3,
        padding="same",
        activation="tanh",
        kernel_initializer=glorot(),
        dtype="float32",
        name="images",
    )(x)
    return keras.Model(z, images, name="generator")


def build_conv_discriminator(image_shape, width=256):
    """Images (N, H, W, C) -> logits (N, 1)."""
    check_image_shape(image_shape)
    filters = width // 4
    images = keras.Input(image_shape, name="images")
    x = conv_lrelu(images, filters, 3)  # (N, 32, 32, w/4)
    for _ in range(count_halvings(image_shape)):  # (N, 16, 16, w/2), (N, 8, 8, w), (N, 4, 4, 2w)
        filters *= 2
        x = conv_lrelu(x, filters, 4, strides=2)
        x = conv_lrelu(x, filters, 3)
    logits = SpectralDense(1, kernel_initializer=glorot(), dtype="float32", name="logits")(
        layers.Flatten()(x)
    )
    return keras.Model(images, logits, name="discriminator")


def conv_lrelu(x, filters, kernel_size, strides=1):
    x = SpectralConv2D(
        filters, kernel_size, strides=strides, padding="same", kernel_initializer=glorot()
    )(x)
    return layers.LeakyReLU(0.1)(x)


ARCHITECTURES = {
    "resnet": (build_resnet_generator, build_resnet_discriminator),
    "conv": (build_conv_generator, build_conv_discriminator),
}
