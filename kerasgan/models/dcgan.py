"""DCGAN: Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep
Convolutional Generative Adversarial Networks", https://arxiv.org/abs/1511.06434

The guidelines of section 3, which the networks (`kerasgan.networks.dcgan`) follow:
  (a) strided convolutions instead of pooling (D), fractional-strided ones (G);
  (b) batch norm in both, but not on G's output layer nor on D's input layer;
  (c) no fully connected hidden layers; (d) ReLU in G, tanh on its output; (e) LeakyReLU in D.
Section 4: weights N(0, 0.02), LeakyReLU slope 0.2, Adam 2e-4 with beta_1 0.5, batch 128,
latents uniform (figure 1).

What differs, and why:
- Kernels are 4x4, not 5x5: with stride 2 each output pixel then sees the same number of weights,
  as in the authors' Torch code.
- Depth follows the image: sides are halved down to 4 pixels or until they are odd (28 -> 14 -> 7).
- Batch norm's running averages have momentum 0.9: at Keras's 0.99 they lag behind the weights
  of short trainings, and sampling uses them.
"""

import keras
import tensorflow as tf

from kerasgan.gan import GAN, Paper
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.networks.dcgan import build_discriminator, build_generator
from kerasgan.signature import Image, Latent, Signature


class DCGAN(GAN, package="kerasgan"):
    """Deep convolutional GAN.

    Args:
        image_shape: (height, width, channels); both sides divisible by 4.
        latent_dim: Length of the latent vector, uniform in [-1, 1].
        width: Channels of D's first and G's last hidden layer; the paper uses 128, 32 is quick
            on a CPU.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4.

    Example:

    >>> gan = DCGAN(image_shape=(28, 28, 1), width=8)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), batch_size=4, verbose=0)
    >>> gan.sample(2, seed=0).shape
    (2, 28, 28, 1)

    Reference: Radford et al. 2016, https://arxiv.org/abs/1511.06434
    """

    variant = "dcgan"
    paper = Paper(
        "Radford, Metz & Chintala 2016",
        "Unsupervised Representation Learning with "
        "Deep Convolutional Generative Adversarial Networks",
        "https://arxiv.org/abs/1511.06434",
    )

    decision_boundary = 0.0

    def __init__(self, image_shape, latent_dim=100, width=128, **options):
        super().__init__(
            build_generator(image_shape, latent_dim, width),
            build_discriminator(image_shape, width),
            signature=Signature({"z": Latent(latent_dim, uniform=(-1, 1))}, Image(image_shape)),
            **options,
        )
        self.width = width

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def train_step(self, images):
        z = self.sample_latents(tf.shape(images)[0])

        with tf.GradientTape() as g_tape:
            fakes = self.generator(z, training=True)

            # Discriminator: ascend log D(x) + log(1 - D(G(z))), real and fake in batches of
            # their own, so that batch norm does not tell them apart by their mixture.
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator(images, training=True)
                fake_logits = self.discriminator(tf.stop_gradient(fakes), training=True)
                d_loss = discriminator_loss(real_logits, fake_logits)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)

            # Generator: ascend log D(G(z)) against the discriminator just updated, on the same
            # fakes, as in the authors' code: one pass through G serves both updates.
            g_loss = non_saturating_loss(self.discriminator(fakes, training=True))
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss)
