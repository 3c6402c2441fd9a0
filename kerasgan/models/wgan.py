"""WGAN: Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", https://arxiv.org/abs/1701.07875

`train_step` is Algorithm 1, with its defaults: RMSProp with alpha = 5e-5, weights clipped to
[-c, c] = [-0.01, 0.01] after each update of the critic, minibatches of m = 64, n_critic = 5. The
networks are DCGAN's with latents from a standard normal distribution, as in the authors' code,
https://github.com/martinarjovsky/WassersteinGAN: batch norm in both, and every weight of the critic
is clipped, those of batch norm too.

What differs, and why:
- The critic takes `n_critic` updates in every step. The authors' code takes 100 during the first 25
  updates of G and at every 500th.
- The critic is clipped after its update, as in Algorithm 1; the authors' code clips before it.
- RMSProp has torch's defaults, and so the authors': it averages squares with 0.99, where Keras does
  with 0.9, and adds 1e-8 to their root, where Keras adds a number (here 1e-16) below the root.
- The critic's first convolution and G's last one have biases, as in our DCGAN.
- Batch norm's running averages have momentum 0.9, for short trainings.
- Points instead of images: the three hidden layers of `gan_toy.py` in
  https://github.com/igul222/improved_wgan_training, which also clips weights in one of its modes.
"""

import keras
import tensorflow as tf

from kerasgan.gan import GAN, Paper
from kerasgan.losses import wasserstein_critic_loss, wasserstein_generator_loss
from kerasgan.networks import dcgan, points
from kerasgan.signature import Latent, Signature, output_of
from kerasgan.utils.errors import UserError, check_count


class WGAN(GAN, package="kerasgan"):
    """Wasserstein GAN with clipped weights.

    The batch that `fit` hands over is split into `n_critic` minibatches, one for each update of the
    critic: for minibatches of 64 the batch size is 320. The logs hold `wasserstein`, the critic's
    estimate E[D(x)] - E[D(G(z))]. It is the Wasserstein distance up to a factor that `clip`
    determines, and falls while the samples improve (figure 3 of the paper): compare its values
    within a training.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4; or (dimensions,), for
            points.
        latent_dim: Length of the latent vector, standard normal.
        width: Channels of the critic's first and G's last hidden layer, for points an eighth of the
            units of each hidden layer. The paper uses 64, 32 is quick on a CPU.
        clip: float above 0, c of Algorithm 1.
        n_critic: int, updates of the critic for one of the generator.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, `clip` is not above 0, or `n_critic` is not 1 or
            more.

    Example:

    >>> gan = WGAN(image_shape=(28, 28, 1), width=8)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((20, 28, 28, 1)), batch_size=20, verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'g_loss', 'wasserstein']

    Reference: Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875
    """

    variant = "wgan"
    paper = Paper(
        "Arjovsky, Chintala & Bottou 2017", "Wasserstein GAN", "https://arxiv.org/abs/1701.07875"
    )

    log_names = ("d_loss", "g_loss", "wasserstein")
    saturating_losses = ()  # the critic's loss has no least value

    def __init__(self, image_shape, latent_dim=100, width=64, clip=0.01, n_critic=5, **options):
        check_count(n_critic, "n_critic")
        if not clip > 0.0:
            raise UserError(f"`clip` must be above 0. Received: clip={clip}")
        super().__init__(
            *build_networks(image_shape, latent_dim, width),
            signature=Signature({"z": Latent(latent_dim)}, output_of(image_shape)),
            **options,
        )
        self.width = width
        self.clip = clip
        self.n_critic = n_critic

    @staticmethod
    def default_optimizers():
        g_optimizer = keras.optimizers.RMSprop(5e-5, rho=0.99, epsilon=1e-16)
        d_optimizer = keras.optimizers.RMSprop(5e-5, rho=0.99, epsilon=1e-16)
        return g_optimizer, d_optimizer

    def train_step(self, images):
        num = tf.shape(images)[0] // self.n_critic

        # Algorithm 1, lines 2 to 8: n_critic updates of the critic
        fakes = [
            self.generator(self.sample_latents(num), training=True) for _ in range(self.n_critic)
        ]

        def update_critic(real_images, fake_images):
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator(real_images, training=True)
                fake_logits = self.discriminator(fake_images, training=True)
                d_loss = wasserstein_critic_loss(real_logits, fake_logits)  # line 5
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)  # line 6
            for weight in self.discriminator.trainable_weights:  # line 7
                weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))
            return {"d_loss": d_loss, "wasserstein": -d_loss}

        losses = self.repeat(update_critic, self.minibatches(images), fakes)

        # Lines 9 to 11: one of the generator
        z = self.sample_latents(num)
        with tf.GradientTape() as g_tape:
            fake_images = self.generator(z, training=True)
            fake_logits = self.discriminator(fake_images, training=True)
            g_loss = wasserstein_generator_loss(fake_logits)
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(g_loss=g_loss, **losses)


def build_networks(image_shape, latent_dim=100, width=64):
    """Returns the generator and the critic, for images or for points."""
    if len(image_shape) == 1:
        units = 8 * width
        return (
            points.build_generator(image_shape[0], latent_dim, units),
            points.build_discriminator(image_shape[0], units, use_bias=False),
        )
    return (
        dcgan.build_generator(image_shape, latent_dim, width),
        dcgan.build_discriminator(image_shape, width, use_bias=False),
    )
