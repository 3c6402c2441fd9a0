"""WaveGAN: Donahue, McAuley & Puckette 2019, "Adversarial Audio Synthesis",
https://arxiv.org/abs/1802.04208

A DCGAN for sound, made flat: 1-D kernels of 25 in place of 5x5, strides of 4 in place of 2x2, and
16,384 samples in place of 128x128 pixels (section 3.2), trained as a WGAN-GP. A transposed
convolution leaves a pattern in all that it makes, whose phase gives it away; phase shuffle between
the layers of the critic hides that (section 3.3). Constants are those of the appendix: latents of
100, uniform in [-1, 1], lambda 10, five updates of the critic for one of the generator, Adam 1e-4
with betas .5 and .9, batches of 64, no batch norm. Networks are those of the authors' code
(https://github.com/chrisdonahue/wavegan, `wavegan.py`): Glorot's initialization, and one shift for
all examples of a batch.

What differs, and why:
- 4,096 samples have one layer less than 16,384 in both networks, as the authors' 65,536 have one
  more. 32,768, where the last layer has stride 2, are in their code and not in the paper.
- The critic's last layer has no bias, which cancels in the loss; and a small number stands under
  the square root of the penalty, without which the gradient of the norm is not finite where the
  norm is 0.
- Phases are shuffled where the authors' code does it, behind the first four layers, if another one
  follows.
- Options of the authors' code that the paper's best results do without are left out: batch norm,
  nearest-neighbour up-sampling, other losses, and the filter behind the generator.
- The critic computes in float32 under every dtype policy: its penalty is a gradient, squared and
  differentiated again, which float16 cannot hold.
"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.gan import GAN, Paper
from kerasgan.layers import PhaseShuffle
from kerasgan.losses import (
    gradient_penalty,
    wasserstein_critic_loss,
    wasserstein_generator_loss,
)
from kerasgan.signature import Latent, Signature, Waveform
from kerasgan.utils.errors import UserError, check_count

# Strides of the layers of both networks by the length of a sound, which the critic reduces to 16
# places.
STRIDES = {4096: (4,) * 4, 16384: (4,) * 5, 32768: (4,) * 5 + (2,), 65536: (4,) * 6}
PLACES = 16


class WaveGAN(GAN, package="kerasgan"):
    """WaveGAN: draws sounds.

    The batch that `fit` hands over is split into `n_critic` minibatches, one for each update of the
    critic: for minibatches of 64 the batch size is 320. The logs hold `wasserstein`, the critic's
    estimate E[D(x)] - E[D(G(z))] of the distance, and `gradient_penalty` before its weight.

    Args:
        length: Number of samples of a sound: 4096, 16384, 32768 or 65536.
        rate: Samples per second, for files and pictures; the networks do not depend on it.
        latent_dim: Length of the latent vector, uniform in [-1, 1].
        width: Channels of the critic's first and G's last hidden layer. The paper has 64; 8 is
            quick on a CPU.
        kernel_size: int, length of all kernels.
        phase_shuffle: int, n of section 3.3, the largest shift between the critic's layers; 0 for
            none.
        gp_weight: float, lambda, the weight of the penalty.
        n_critic: int, updates of the critic for one of the generator.
        **options: `ema_decay`, `seed`: as in `kerasgan.GAN`.

    Raises:
        UserError: If the length is another one, or a number is out of range.

    Example:

    >>> gan = WaveGAN(length=4096, width=2, n_critic=2)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 4096, 1)), batch_size=8, verbose=0)
    >>> gan.sample(3).shape
    (3, 4096, 1)

    Reference: Donahue et al. 2019, https://arxiv.org/abs/1802.04208
    """

    variant = "wavegan"
    paper = Paper(
        "Donahue, McAuley & Puckette 2019",
        "Adversarial Audio Synthesis",
        "https://arxiv.org/abs/1802.04208",
    )

    log_names = ("d_loss", "g_loss", "wasserstein", "gradient_penalty")
    saturating_losses = ()  # the critic's loss has no least value
    judges_pictures = False

    def __init__(
        self,
        length=16384,
        rate=16000,
        latent_dim=100,
        width=64,
        kernel_size=25,
        phase_shuffle: int = 2,
        gp_weight=10.0,
        n_critic=5,
        **options,
    ):
        if length not in STRIDES:
            raise UserError(
                f"`length` must be one of {', '.join(map(str, STRIDES))}. "
                f"Received: length={length!r}"
            )
        check_count(phase_shuffle, "phase_shuffle", least=0)
        super().__init__(
            build_generator(length, latent_dim, width, kernel_size),
            build_critic(length, width, kernel_size, phase_shuffle),
            signature=Signature(
                {"z": Latent(latent_dim, uniform=(-1.0, 1.0))}, Waveform(length, rate)
            ),
            **options,
        )
        self.length = length
        self.rate = rate
        self.width = width
        self.kernel_size = kernel_size
        self.phase_shuffle = phase_shuffle
        self.gp_weight = gp_weight
        self.n_critic = n_critic

    @classmethod
    def from_spec(cls, spec, **arguments):
        return {"length": spec["audio"].length, "rate": spec["audio"].rate}

    @staticmethod
    def default_optimizers():
        g_optimizer = keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9, epsilon=1e-8)
        d_optimizer = keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9, epsilon=1e-8)
        return g_optimizer, d_optimizer

    def train_step(self, audio):
        num = tf.shape(audio)[0] // self.n_critic

        # What does not depend on the critic comes first: z, the place between x and G(z), and G(z).
        draws = [(self.sample_latents(num), self.sample_uniform(num)) for _ in range(self.n_critic)]
        fakes = [self.generator(z, training=True) for z, _ in draws]
        alphas = [alpha for _, alpha in draws]

        def update_critic(real_audio, fake_audio, alpha):
            with tf.GradientTape() as d_tape:
                # E[D(G(z))] - E[D(x)], V_WGAN of section 2 negated. Each call of the critic
                # shuffles phases anew.
                distance_loss = wasserstein_critic_loss(
                    self.judged(real_audio), self.judged(fake_audio)
                )
                penalty = gradient_penalty(self.judged, real_audio, fake_audio, alpha)
                d_loss = distance_loss + self.gp_weight * penalty
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
            return {"d_loss": d_loss, "wasserstein": -distance_loss, "gradient_penalty": penalty}

        losses = self.repeat(update_critic, self.minibatches(audio), fakes, alphas)

        z = self.sample_latents(num)
        with tf.GradientTape() as g_tape:
            g_loss = wasserstein_generator_loss(self.judged(self.generator(z, training=True)))
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(g_loss=g_loss, **losses)

    def judged(self, audio):
        """Returns what the critic says in training, with phases shuffled."""
        return self.discriminator(audio, training=True)


def build_generator(length, latent_dim=100, width=64, kernel_size=25):
    """Latents (N, latent_dim) -> sounds (N, length, 1) in [-1, 1]."""
    strides = STRIDES[length]
    filters = width * 2 ** (len(strides) - 1)
    z = keras.Input((latent_dim,), name="z")
    x = layers.Dense(PLACES * filters)(z)
    x = layers.ReLU()(layers.Reshape((PLACES, filters))(x))  # (N, 16, 16w) for 16,384
    for stride in strides[:-1]:  # (N, 64, 8w), (N, 256, 4w), (N, 1024, 2w), (N, 4096, w)
        filters //= 2
        x = layers.Conv1DTranspose(filters, kernel_size, strides=stride, padding="same")(x)
        x = layers.ReLU()(x)
    audio = layers.Conv1DTranspose(
        1,
        kernel_size,
        strides=strides[-1],
        padding="same",
        activation="tanh",
        dtype="float32",
        name="audio",
    )(x)
    return keras.Model(z, audio, name="generator")


def build_critic(length, width=64, kernel_size=25, phase_shuffle=2):
    """Sounds (N, length, 1) -> values (N, 1); float32 all through."""
    strides = STRIDES[length]
    audio = keras.Input((length, 1), name="audio")
    x = audio
    for level, stride in enumerate(strides):  # (N, 4096, w), (N, 1024, 2w) ... (N, 16, 16w)
        x = layers.Conv1D(
            width * 2**level, kernel_size, strides=stride, padding="same", dtype="float32"
        )(x)
        x = layers.LeakyReLU(0.2, dtype="float32")(x)
        if level < 4 and level < len(strides) - 1:
            x = PhaseShuffle(phase_shuffle, dtype="float32")(x)
    x = layers.Flatten(dtype="float32")(x)
    logits = layers.Dense(1, use_bias=False, dtype="float32", name="logits")(x)
    return keras.Model(audio, logits, name="discriminator")
