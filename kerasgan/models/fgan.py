"""f-GAN: Nowozin, Cseke & Tomioka 2016, "f-GAN: Training Generative Neural Samplers using
Variational Divergence Minimization", https://arxiv.org/abs/1606.00709

`train_step` is Algorithm 1, the single-step gradient method: one pass through both networks gives
the gradients of both, at the same parameters, of F, Eq. (6), a lower bound of the divergence
D_f(P || Q) = E_q[f(p / q)]. `DIVERGENCES` is Table 6, for seven choices of f. G follows the
alternative objective by default, which section 3.2 found useful under every divergence.

Images have the networks of DCGAN, with ELUs in V, as in the experiment on LSUN; Adam 2e-4 with
beta_1 0.5 and latents uniform in [-1, 1] are the paper's, too. Points have three hidden layers.

What differs, and why:
- f*(g_f(v)) is written as one function of v: as log(1 - exp(t)) it would be infinite where t rounds
  to 0. The exponentials go on as straight lines beyond exp(30): where V runs away, values and
  gradients stay finite, so that it can come back. Below, nothing changes.
- f is the one of the tables, whose divergence is twice the Jensen-Shannon divergence under
  "jensen_shannon", and twice that less log 4 under "gan". "pearson" is (u - 1)^2, so that
  D_f = E_q[(p / q - 1)^2], and "neyman" is (1 - u)^2 / u.
- Pearson's conjugate is that of (u - 1)^2 for all u, as in the table. For u >= 0 alone it would be
  -1 below t = -2, which no optimal V reaches; F is a lower bound either way.
- Gradient clipping, which section 3.2 found useful, is left to the optimizers (`global_clipnorm`),
  since the paper names no threshold. With respect to V, gradients are bounded under "gan" and
  "jensen_shannon" alone: the others need it.
- Images end in tanh on [-1, 1]. What differs in the networks stands in `kerasgan.models.dcgan`.
"""

import math
import typing

import keras
import tensorflow as tf
from keras import layers

from kerasgan.gan import GAN, Paper
from kerasgan.networks import dcgan, points
from kerasgan.signature import Latent, Signature, output_of
from kerasgan.utils.errors import UserError, nearest

LOG_2 = math.log(2.0)
LARGEST = 30.0  # exponent: the square of exp(30), in Adam's second moment, fits float32 with room


def exp(x, largest=LARGEST):
    """Returns exp(x), and beyond `largest` its tangent there."""
    below = tf.minimum(x, largest)
    return tf.exp(below) * (1.0 + x - below)


def root(v):
    """Returns exp(-v / 2), whose square is as large as `exp` may be."""
    return exp(-v / 2.0, LARGEST / 2.0)


class Divergence(typing.NamedTuple):
    """A row of Table 6; functions take tensors of V's values, in any range."""

    activation: typing.Callable  # T = g_f(v), which rises with v and lies in the domain of f*
    conjugate: typing.Callable  # f*(g_f(v))
    threshold: float  # f'(1), above which T says real
    boundary: float = 0.0  # the v for which g_f(v) is the threshold


DIVERGENCES = {
    # f(u) = u log u; f*(t) = exp(t - 1)
    "kl": Divergence(lambda v: v, lambda v: exp(v - 1.0), 1.0, boundary=1.0),
    # f(u) = -log u; f*(t) = -1 - log(-t)
    "reverse_kl": Divergence(lambda v: -exp(-v), lambda v: v - 1.0, -1.0),
    # f(u) = (u - 1)^2; f*(t) = t^2 / 4 + t
    "pearson": Divergence(lambda v: v, lambda v: v**2 / 4.0 + v, 0.0),
    # f(u) = (1 - u)^2 / u; f*(t) = 2 - 2 sqrt(1 - t)
    "neyman": Divergence(lambda v: 1.0 - root(v) ** 2, lambda v: 2.0 - 2.0 * root(v), 0.0),
    # f(u) = (sqrt(u) - 1)^2; f*(t) = t / (1 - t)
    "squared_hellinger": Divergence(lambda v: 1.0 - exp(-v), lambda v: exp(v) - 1.0, 0.0),
    # f(u) = u log u - (u + 1) log((u + 1) / 2); f*(t) = -log(2 - exp(t))
    "jensen_shannon": Divergence(
        lambda v: LOG_2 - tf.nn.softplus(-v), lambda v: tf.nn.softplus(v) - LOG_2, 0.0
    ),
    # f(u) = u log u - (u + 1) log(u + 1); f*(t) = -log(1 - exp(t))
    "gan": Divergence(lambda v: -tf.nn.softplus(-v), tf.nn.softplus, -LOG_2),
}


class FGAN(GAN, package="kerasgan"):
    """f-GAN: trains the generator on an f-divergence of choice.

    The logs hold `divergence`, F: the discriminator's estimate, from below, of the divergence.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4; or (dimensions,), for
            points.
        latent_dim: Length of the latent vector, uniform in [-1, 1].
        width: Channels of V's first and G's last hidden layer; for points a quarter of the units of
            each hidden layer. The paper uses 128, 32 is quick on a CPU.
        divergence: "kl", "reverse_kl", "pearson", "neyman", "squared_hellinger", "jensen_shannon"
            or "gan": the f of D_f(data || generated).
        alternative: bool, whether G raises E[g_f(V)] (section 3.2), instead of lowering F.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, or there is no such divergence.

    Example:

    >>> gan = FGAN(image_shape=(28, 28, 1), width=8, divergence="reverse_kl")
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), batch_size=4, verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'divergence', 'g_loss']

    Reference: Nowozin et al. 2016, https://arxiv.org/abs/1606.00709
    """

    variant = "fgan"
    paper = Paper(
        "Nowozin, Cseke & Tomioka 2016",
        "f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization",
        "https://arxiv.org/abs/1606.00709",
    )

    log_names = ("d_loss", "g_loss", "divergence")

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        width=128,
        divergence="gan",
        alternative=True,
        **options,
    ):
        check_divergence(divergence)
        self.divergence = divergence  # the base class asks for `decision_boundary`
        super().__init__(
            build_generator(image_shape, latent_dim, width),
            build_discriminator(image_shape, width),
            signature=Signature({"z": Latent(latent_dim, uniform=(-1, 1))}, output_of(image_shape)),
            **options,
        )
        self.width = width
        self.alternative = alternative

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    @property
    def decision_boundary(self):
        """float, the value of V above which it takes an image for a real one."""
        return DIVERGENCES[self.divergence].boundary

    @property
    def saturating_losses(self):
        """ "d_loss" for "gan", whose F ends at 0; other bounds end elsewhere or nowhere."""
        return ("d_loss",) if self.divergence == "gan" else ()

    def train_step(self, images):
        z = self.sample_latents(tf.shape(images)[0])

        # Algorithm 1: both gradients at (theta^t, omega^t), from one pass
        with tf.GradientTape(persistent=True) as tape:
            fakes = self.generator(z, training=True)
            real_values = self.discriminator(images, training=True)
            fake_values = self.discriminator(fakes, training=True)
            bound = lower_bound(real_values, fake_values, self.divergence)
            d_loss = -bound
            g_loss = generator_loss(fake_values, self.divergence, self.alternative)
        self.minimize(tape, d_loss, self.discriminator, self.d_optimizer)  # line 3
        self.minimize(tape, g_loss, self.generator, self.g_optimizer)  # line 4

        return self.end_step(d_loss=d_loss, g_loss=g_loss, divergence=bound)


def lower_bound(real_values, fake_values, divergence):
    """A lower bound of the divergence: F = E_p[g_f(V(x))] - E_q[f*(g_f(V(x)))].

    Args:
        real_values: float tensor, any shape: V on real images, in any range.
        fake_values: float tensor, any shape: V on generated images.
        divergence: str, a key of `DIVERGENCES`.

    Returns:
        Scalar float32 tensor; the divergence itself where g_f(V) = f'(p / q).

    Example:

    >>> float(lower_bound(tf.ones((4, 1)), tf.ones((4, 1)), "kl"))  # p = q: f'(1) = 1
    0.0

    Reference: Nowozin et al. 2016, Eqs. (4) and (6).
    """
    row = DIVERGENCES[divergence]
    real_values, fake_values = tf.cast(real_values, tf.float32), tf.cast(fake_values, tf.float32)
    return tf.reduce_mean(row.activation(real_values)) - tf.reduce_mean(row.conjugate(fake_values))


def generator_loss(fake_values, divergence, alternative=True):
    """The generator's loss: -E_q[g_f(V(x))], or the part of F that depends on it.

    Args:
        fake_values: float tensor, any shape: V on generated images, in any range.
        divergence: str, a key of `DIVERGENCES`.
        alternative: bool, whether to use the first, which does not saturate where V is low.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> float(generator_loss(tf.constant([1.0, 3.0]), "kl"))
    -2.0
    >>> float(generator_loss(tf.constant([1.0, 1.0]), "kl", alternative=False))
    -1.0

    Reference: Nowozin et al. 2016, section 3.2; Eq. (6).
    """
    row = DIVERGENCES[divergence]
    values = tf.cast(fake_values, tf.float32)
    return -tf.reduce_mean(row.activation(values) if alternative else row.conjugate(values))


def check_divergence(divergence):
    """Raises UserError if there is no such divergence."""
    if not isinstance(divergence, str) or divergence not in DIVERGENCES:
        raise UserError(
            f'There is no divergence "{divergence}": {nearest(str(divergence), DIVERGENCES)}'
        )


def build_generator(image_shape, latent_dim=100, width=128):
    """Latents (N, latent_dim) -> images (N, H, W, C) in [-1, 1], or points (N, D)."""
    if len(image_shape) == 1:
        return points.build_generator(image_shape[0], latent_dim, 4 * width)
    return dcgan.build_generator(image_shape, latent_dim, width)


def build_discriminator(image_shape, width=128):
    """Images (N, H, W, C), or points (N, D), -> values of V (N, 1), before g_f."""
    if len(image_shape) == 1:
        return points.build_discriminator(image_shape[0], 4 * width)
    return dcgan.build_discriminator(image_shape, width, activation=layers.ELU)
