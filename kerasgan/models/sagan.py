"""SAGAN: Zhang, Goodfellow, Metaxas & Odena 2019, "Self-Attention Generative Adversarial Networks",
https://arxiv.org/abs/1805.08318

Section 3: self-attention (Eq. 1 to 3, `kerasgan.layers.SelfAttention`) in both networks, and the
hinge game of Eq. (4). Section 4: spectral normalisation in both networks, one update of D for one
of G, with learning rates of their own; section 5: 4e-4 for D and 1e-4 for G, Adam with beta_1 = 0
and beta_2 = 0.9. With classes, G has conditional batch norm and D is a projection discriminator
(Miyato & Koyama 2018, "cGANs with Projection Discriminator", https://arxiv.org/abs/1802.05637). The
networks are those of https://github.com/brain-research/self-attention-gan: the residual blocks of
SNGAN, with channels that halve towards the image.

What differs, and why:
- Depth follows the image: the authors' five blocks for 128 pixels are three for 32 and two for 28.
- Attention is at 32x32 for 128 pixels, the best of the paper's four places (table 1). Images of 32
  pixels have no such inner map, those of 64 only beside their last block: there it is at 16x16, and
  at 14x14 for 28 pixels.
- D sees real and generated images in one pass, which is one power iteration; as in the authors'
  code, whose pass over generated images leaves u as it is. Here the pass of G's update moves u too,
  where theirs only computes an iteration (`update_collection="NO_OPS"`).
- The authors' code leaves Adam's beta_2 at 0.999, where the paper says 0.9. Its batch is 256, four
  GPUs with 64 each, and it trains for a million steps; recipes here say their own.
- Without classes the batch norms are ordinary and D has no projection: the paper always had them.
- Weights start orthogonal, as in the reimplementations since BigGAN; the paper does not say, its
  code has Glorot's.
- Convolutions of G have no bias where a batch norm would take it out again.
- G's training samples take the labels of the real batch; the authors' code draws them uniformly.
- Batch norm's running averages have momentum 0.9, for short trainings, in place of 0.999 and, in
  G's last one, 0.9999.

Spectral norm costs a *narrow* G its variety: at width 16, 95% of the energy of its Jacobian lies in
3 dimensions, in DCGAN's in 5. `sn_generator=False` and a wider D, `d_width`, help there and are not
the paper's. Measured at 16 pixels after 6,000 steps, recall and FD[lite0] (with a second seed):

    the paper's networks at width 16      .233  64.8  (.257  58.7)
    no spectral norm in G                 .348  53.2  (.366  52.1)
    D of width 40                         .337  49.0
    both                                  .428  51.5
    the paper's, D's rate 3e-4            .085  92.0
"""

import functools

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan.gan import GAN, Paper
from kerasgan.layers import (
    ConditionalBatchNormalization,
    SelfAttention,
    SpectralConv2D,
    SpectralDense,
)
from kerasgan.losses import hinge_discriminator_loss, hinge_generator_loss
from kerasgan.networks.classes import add_projection, judge_both, label_input, pair
from kerasgan.networks.resnet import batch_norm, down_block, first_down_block, last_block, up_block
from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings
from kerasgan.signature import Image, Label, Latent, Signature
from kerasgan.utils.errors import UserError, check_count


class SAGAN(GAN, package="kerasgan"):
    """Self-attention GAN, conditional on classes or not.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4.
        num_classes: Number of classes, for `fit(images, labels)`; `None` for `fit(images)`.
        latent_dim: Length of the latent vector, standard normal.
        width: Channels at the image's end of both networks; they double with each halving of the
            sides. The paper uses 64, 16 is quick on a CPU.
        attention: int, shorter side of the feature maps with self-attention, or `None` for 32 in
            images of 128 pixels and 16 in those of 32 and 64. Both networks have maps of half the
            image's side, a quarter and so on, down to 8 pixels or twice the smallest map.
        sn_generator: Whether G has spectral normalisation, as the paper's. Narrow ones are better
            without.
        d_width: Width of the discriminator, or `None` for `width`.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, a number is not 1 or more, or there is no
            feature map of the side that `attention` names.

    Example:

    >>> gan = SAGAN(image_shape=(28, 28, 1), num_classes=10, width=8)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), [0, 1, 2, 3] * 2, batch_size=4, verbose=0)
    >>> gan.sample(2, labels=[3, 7], seed=0).shape
    (2, 28, 28, 1)

    Reference: Zhang et al. 2019, https://arxiv.org/abs/1805.08318
    """

    variant = "sagan"
    paper = Paper(
        "Zhang, Goodfellow, Metaxas & Odena 2019",
        "Self-Attention Generative Adversarial Networks",
        "https://arxiv.org/abs/1805.08318",
    )

    decision_boundary = 0.0

    def __init__(
        self,
        image_shape,
        num_classes: int | None = None,
        latent_dim=128,
        width=64,
        attention: int | None = None,
        sn_generator=True,
        d_width: int | None = None,
        **options,
    ):
        check_image_shape(image_shape)
        attention = default_side(image_shape) if attention is None else attention
        if num_classes is not None:
            check_count(num_classes, "num_classes")
        inputs = {"z": Latent(latent_dim)}
        if num_classes is not None:
            inputs["label"] = Label(num_classes)
        super().__init__(
            build_generator(image_shape, num_classes, latent_dim, width, attention, sn_generator),
            build_discriminator(image_shape, num_classes, d_width or width, attention),
            signature=Signature(inputs, Image(image_shape)),
            **options,
        )
        self.num_classes = num_classes
        self.width = width
        self.attention = attention
        self.sn_generator = sn_generator
        self.d_width = d_width

    @classmethod
    def changed_defaults(cls, arguments):
        if "image_shape" not in arguments:
            return {}
        shape = arguments["image_shape"]
        before, now = first_default_side(shape), default_side(shape)
        return {} if before == now else {"attention": (before, now)}

    @staticmethod
    def default_optimizers():
        # Section 5; section 4.2 gives the reason, "imbalanced learning rate"
        return (
            keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9),
            keras.optimizers.Adam(4e-4, beta_1=0.0, beta_2=0.9),
        )

    def train_step(self, data):
        images, labels = (data, None) if self.num_classes is None else data
        num = tf.shape(images)[0]

        # Eq. (4): L_D = -E[min(0, -1 + D(x, y))] - E[min(0, -1 - D(G(z), y))]
        fakes = self.generator(pair(self.sample_latents(num), labels), training=True)
        with tf.GradientTape() as d_tape:
            real_logits, fake_logits = judge_both(self.discriminator, images, fakes, labels)
            d_loss = hinge_discriminator_loss(real_logits, fake_logits)
        self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)

        # Eq. (4): L_G = -E[D(G(z), y)]
        z = self.sample_latents(num)
        with tf.GradientTape() as g_tape:
            fakes = self.generator(pair(z, labels), training=True)
            g_loss = hinge_generator_loss(self.discriminator(pair(fakes, labels), training=True))
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss)


def spectral_conv(filters, kernel_size, use_bias=True, kind=SpectralConv2D, **kwargs):
    return kind(
        filters,
        kernel_size,
        padding="same",
        use_bias=use_bias,
        kernel_initializer="orthogonal",
        **kwargs,
    )


plain_conv = functools.partial(spectral_conv, kind=layers.Conv2D)


def attention_sides(image_shape):
    """Returns the shorter sides of the feature maps that both networks have, the largest first."""
    return [min(image_shape[:2]) >> level for level in range(1, count_halvings(image_shape))]


def first_default_side(image_shape):
    """Where kerasgan 0.1.0 had attention: four times the smallest map, or twice it at 28 pixels."""
    return min(image_shape[:2]) >> max(1, count_halvings(image_shape) - 2)


def default_side(image_shape):
    """Where attention is: at the paper's 32 in its size, 128 pixels, and in larger images."""
    large = [side for side in attention_sides(image_shape) if side >= 32]
    return large[-1] if min(image_shape[:2]) >= 128 else first_default_side(image_shape)


def attention_level(image_shape, attention=None):
    """Returns how often the image is halved where attention is."""
    sides = attention_sides(image_shape)
    side = default_side(image_shape) if attention is None else attention
    if side not in sides:
        raise UserError(
            f"`attention` must be the side of a feature map, one of {', '.join(map(str, sides))} "
            f"for images of {image_shape[0]} x {image_shape[1]}. Received: attention={attention}"
        )
    return sides.index(side) + 1


def build_generator(
    image_shape, num_classes=None, latent_dim=128, width=64, attention=None, spectral=True
):
    """Latents (N, latent_dim) and labels (N,), if any -> images (N, H, W, C) in [-1, 1]."""
    check_image_shape(image_shape)
    attended = attention_level(image_shape, attention)
    conv, dense = (spectral_conv, SpectralDense) if spectral else (plain_conv, layers.Dense)
    halvings, base = count_halvings(image_shape), base_sides(image_shape)
    filters = width * 2 ** (halvings - 1)
    z = keras.Input((latent_dim,), name="z")
    label = label_input(num_classes)

    def norm(x):
        return (
            batch_norm(x) if label is None else ConditionalBatchNormalization(num_classes)(x, label)
        )

    x = dense(base[0] * base[1] * filters, kernel_initializer="orthogonal")(z)
    x = layers.Reshape((*base, filters))(x)  # (N, 4, 4, 4w) for 32 pixels
    for level in reversed(range(halvings)):  # (N, 8, 8, 4w), (N, 16, 16, 2w), (N, 32, 32, w)
        x = up_block(x, width * 2**level, conv, norm)
        if level == attended:
            x = SelfAttention("orthogonal", spectral)(x)
    x = layers.ReLU()(batch_norm(x))
    images = conv(image_shape[2], 3, activation="tanh", dtype="float32", name="images")(x)
    return keras.Model(pair(z, label), images, name="generator")


def build_discriminator(image_shape, num_classes=None, width=64, attention=None):
    """Images (N, H, W, C) and labels (N,), if any -> logits (N, 1)."""
    check_image_shape(image_shape)
    attended = attention_level(image_shape, attention)
    halvings = count_halvings(image_shape)
    images = keras.Input(image_shape, name="images")
    label = label_input(num_classes)

    x = first_down_block(images, width, spectral_conv)  # (N, 16, 16, w) for 32 pixels
    for level in range(1, halvings):  # (N, 8, 8, 2w), (N, 4, 4, 4w)
        if level == attended:
            x = SelfAttention("orthogonal")(x)
        x = down_block(x, width * 2**level, spectral_conv)
    x = layers.ReLU()(last_block(x, spectral_conv))
    h = ops.sum(ops.cast(x, "float32"), axis=(1, 2))  # (N, 4w)
    logits = SpectralDense(1, kernel_initializer="orthogonal", dtype="float32", name="logits")(h)
    logits = add_projection(logits, h, label, num_classes, "orthogonal")
    return keras.Model(pair(images, label), logits, name="discriminator")
