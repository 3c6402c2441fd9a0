"""pix2pix: Isola, Zhu, Zhou & Efros 2017, "Image-to-Image Translation with Conditional Adversarial
Networks", https://arxiv.org/abs/1611.07004

Networks and constants are those of appendix 6.1 and of the authors' PyTorch code
(https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix, `pix2pix_model.py`): a U-Net with dropout,
a discriminator of patches of (source, image) pairs, G's loss plus 100 times L1, D's loss halved,
Adam 2e-4 with beta_1 0.5. The order of updates is theirs: G draws once; D learns from that, then G,
from the same images judged by the new D.

What differs, and why:
- Samples and exports are functions of the source alone: dropout, the paper's only noise (section
  3.2), is off, and batch norms use their moving averages. The authors draw with both as in
  training, with a batch of 1.
- A U-Net halves its maps as long as both sides are even: 28 pixels down to 7x7, where the authors
  need powers of 2 to reach 1x1.
- Patches of 70x70 pixels see the whole of pictures of 64: recipes for these take 34 or 16.
- Pictures are not enlarged and cropped at random before training ("jitter", section 6.2);
  `kerasgan.data` mirrors pairs where it is asked to.
"""

import keras
import tensorflow as tf

from kerasgan.gan import GAN, Paper
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.networks.translation import build_patch_discriminator, build_unet, halvings_for
from kerasgan.signature import Image, Signature


class Pix2Pix(GAN, package="kerasgan"):
    """pix2pix: makes images of pictures of the same size, trained on pairs.

    An example is a pair (image, source): what comes out, and what goes in. See
    `kerasgan.data.pairs`. The logs hold `l1`, the mean absolute difference.

    Args:
        image_shape: (height, width, channels) of the images; both sides divisible by 4.
        source_shape: That of the pictures they are made of; by default that of the images.
        width: Channels of the largest maps of both networks. The paper has 64; 16 is quick on a
            CPU.
        patch_size: int, side in pixels of the patches that the discriminator judges: 16, 34, 70,
            142 or 286 (section 4.4).
        dropout: float in [0, 1), share of numbers that training drops from three of G's maps.
        l1_weight: float >= 0, lambda of Eq. (4).
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, the sides of images and sources differ, there is
            no such patch, or a picture is too small for it.

    Example:

    >>> gan = Pix2Pix(image_shape=(32, 32, 3), source_shape=(32, 32, 1), width=4, patch_size=16)
    >>> gan.compile()
    >>> images, outlines = tf.zeros((8, 32, 32, 3)), tf.ones((8, 32, 32, 1))
    >>> history = gan.fit(images, outlines, batch_size=4, verbose=0)
    >>> gan.sample(source=outlines[:2]).shape
    (2, 32, 32, 3)

    Reference: Isola et al. 2017, https://arxiv.org/abs/1611.07004
    """

    variant = "pix2pix"
    paper = Paper(
        "Isola, Zhu, Zhou & Efros 2017",
        "Image-to-Image Translation with Conditional Adversarial Networks",
        "https://arxiv.org/abs/1611.07004",
    )

    log_names = ("d_loss", "g_loss", "l1")
    decision_boundary = 0.0

    def __init__(
        self,
        image_shape,
        source_shape=None,
        width=64,
        patch_size=70,
        dropout=0.5,
        l1_weight=100.0,
        **options,
    ):
        source_shape = tuple(image_shape if source_shape is None else source_shape)
        halvings = halvings_for(patch_size)
        super().__init__(
            build_unet(image_shape, source_shape, width, dropout),
            build_patch_discriminator(image_shape, source_shape, width, halvings),
            signature=Signature({"source": Image(source_shape)}, Image(image_shape)),
            **options,
        )
        self.source_shape = source_shape
        self.width = width
        self.patch_size = patch_size
        self.dropout = dropout
        self.l1_weight = l1_weight

    @staticmethod
    def default_optimizers():
        return (
            keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8),
            keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8),
        )

    def train_step(self, example):
        images, source = example
        with tf.GradientTape() as g_tape:
            fakes = self.generator(source, training=True)

            # Eq. (1), discriminator: "we divide the objective by 2" (section 3.3)
            with tf.GradientTape() as d_tape:
                stopped = tf.stop_gradient(fakes)
                fake_logits = self.discriminator([stopped, source], training=True)
                real_logits = self.discriminator([images, source], training=True)
                d_loss = discriminator_loss(real_logits, fake_logits)
                halved = d_loss / 2.0
            self.minimize(d_tape, halved, self.discriminator, self.d_optimizer)

            # Eq. (4), generator: the non-saturating loss, and L1 (Eq. 3)
            l1 = tf.reduce_mean(tf.abs(images - fakes))
            adversarial = non_saturating_loss(self.discriminator([fakes, source], training=True))
            g_loss = adversarial + self.l1_weight * l1
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss, l1=l1)
