"""VanillaGAN: Goodfellow et al. 2014, "Generative Adversarial Nets",
https://arxiv.org/abs/1406.2661

Algorithm 1 is `train_step`. Section 5 names the kinds of layer; their sizes, initial weights and
learning rates are those of the authors' code for MNIST, https://github.com/goodfeli/adversarial
(`mnist.yaml`): latents uniform with variance 1, ReLU 1200-1200 in G, maxout 240x5 twice in D with
dropout, weights U(-0.05, 0.05) in G and U(-0.005, 0.005) in D, SGD with learning rate 0.1 divided
by 1.000004 at each update, momentum from 0.5 to 0.7 over 250 epochs of 50,000 images, batch 100.

What differs, and why:
- Images lie in [-1, 1], as everywhere here: tanh instead of sigmoid, and its bias starts at 0
  instead of at the mean of the data, which a network does not see when it is built.
- The authors' floor of 1e-6 for the learning rate is left out: it would be reached after 2.9
  million updates.
- D learns at 0.01, a tenth of G's rate and of the authors', who show it images in [0, 1]: with 0.1,
  losses on 10,000 images of clothes grew to NaN within nine epochs.
- Networks narrower than the paper's start with larger hidden weights: see `uniform`.
- The loss of D is not halved, as in Algorithm 1 and unlike the authors' code.
- Points instead of images: G ends in a linear layer, and D has no dropout, since a point with one
  coordinate dropped is another point.
- One-sided label smoothing, off by default, is Salimans et al. 2016, section 3.4,
  https://arxiv.org/abs/1606.03498
"""

import math

import keras
import tensorflow as tf
from keras import layers

from kerasgan import schedules
from kerasgan.gan import GAN, Paper
from kerasgan.layers import Dropout, Maxout
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.signature import Latent, Signature, output_of
from kerasgan.utils.errors import UserError, check_count


class VanillaGAN(GAN, package="kerasgan"):
    """The first GAN: two multilayer perceptrons, for images or for points.

    Args:
        image_shape: (height, width, channels) of images in [-1, 1], or (dimensions,) of points
            anywhere, such as those of `kerasgan.data.ring`.
        latent_dim: Length of the latent vector, uniform with mean 0 and variance 1.
        width: Units of G's hidden layers; the paper uses 1200. D's have a fifth as many maxout
            units, each of 5 pieces, but 8 at least.
        k: Discriminator updates for each generator update; each takes its own k-th part of the
            batch that `fit` is given.
        minimax: Whether G descends log(1 - D(G(z))), the game as the paper states it, instead of
            ascending log D(G(z)), which has stronger gradients early on.
        label_smoothing: D's target for real images is `1 - label_smoothing`; in [0, 1).
        input_dropout: Share of the pixels that D does not see; 0.2 is the authors', for digits. On
            images of many greys 0 is better: real images with holes look like noise, and D accepts
            noise for them. D's hidden layers drop one half always. Points lose nothing anywhere.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If an argument is out of range.

    Example:

    >>> from kerasgan import data
    >>> gan = VanillaGAN(image_shape=(2,), latent_dim=2, width=40, k=2)
    >>> gan.compile()
    >>> history = gan.fit(data.ring(1000, seed=0), batch_size=200, verbose=0)
    >>> gan.sample(3, seed=0).shape
    (3, 2)

    Reference: Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661
    """

    variant = "vanilla"
    paper = Paper(
        "Goodfellow et al. 2014",
        "Generative Adversarial Nets",
        "https://arxiv.org/abs/1406.2661",
    )

    decision_boundary = 0.0

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        width=1200,
        k=1,
        minimax=False,
        label_smoothing=0.0,
        input_dropout=0.2,
        **options,
    ):
        check_count(k, "k")
        if not 0.0 <= label_smoothing < 1.0:
            raise UserError(
                f"`label_smoothing` must lie in [0, 1). Received: label_smoothing={label_smoothing}"
            )
        if not 0.0 <= input_dropout < 1.0:
            raise UserError(
                f"`input_dropout` must lie in [0, 1). Received: input_dropout={input_dropout}"
            )
        super().__init__(
            build_generator(image_shape, latent_dim, width),
            build_discriminator(image_shape, width, input_dropout),
            signature=Signature(
                {"z": Latent(latent_dim, uniform=(-math.sqrt(3.0), math.sqrt(3.0)))},
                output_of(image_shape),
            ),
            **options,
        )
        self.width = width
        self.k = self.n_critic = k
        self.minimax = minimax
        self.label_smoothing = label_smoothing
        self.input_dropout = input_dropout

    @staticmethod
    def default_optimizers():
        return sgd(0.1), sgd(0.01)

    def train_step(self, images):
        # Algorithm 1: for k steps do
        num = tf.shape(images)[0] // self.n_critic

        def update_discriminator(x):
            # Sample m latents and m examples; ascend log D(x) + log(1 - D(G(z))).
            fakes = self.generator(self.sample_latents(num), training=True)
            with tf.GradientTape() as tape:
                real_logits = self.discriminator(x, training=True)
                fake_logits = self.discriminator(fakes, training=True)
                d_loss = smoothed_discriminator_loss(real_logits, fake_logits, self.label_smoothing)
            self.minimize(tape, d_loss, self.discriminator, self.d_optimizer)
            return {"d_loss": d_loss}

        losses = self.repeat(update_discriminator, self.minibatches(images))

        # Sample m latents; descend log(1 - D(G(z))), or rather ascend log D(G(z)) (section 3).
        z = self.sample_latents(num)
        with tf.GradientTape() as tape:
            fake_logits = self.discriminator(self.generator(z, training=True), training=True)
            g_loss = (minimax_loss if self.minimax else non_saturating_loss)(fake_logits)
        self.minimize(tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(g_loss=g_loss, **losses)


def sgd(rate):
    # The decay of a thousand updates: in float32, 1.000004 itself is hard to tell from 1.
    decay = keras.optimizers.schedules.ExponentialDecay(rate, 1000, 1.000004**-1000)
    return schedules.SGD(decay, momentum=schedules.Linear(0.5, 0.7, images=250 * 50_000))


def minimax_loss(fake_logits):
    """The generator's half of the game as the paper states it: E[log(1 - D(G(z)))], to minimise.

    Args:
        fake_logits: float tensor, any shape: logits of D on generated images.

    Returns:
        Scalar float32 tensor, in nats; -log 2 = -0.693 where D cannot tell.

    Example:

    >>> float(minimax_loss(tf.zeros((4, 1))))
    -0.6931471824645996

    Reference: Goodfellow et al. 2014, Eq. (1).
    """
    return -tf.reduce_mean(tf.nn.softplus(tf.cast(fake_logits, tf.float32)))


def smoothed_discriminator_loss(real_logits, fake_logits, label_smoothing):
    """`discriminator_loss` with target 1 - s on real images: -E[(1-s) log D(x) + s log(1 - D(x))].

    Targets of generated images stay 0: with smoothed ones, samples that D finds far from the data
    would have no incentive to come nearer.

    Args:
        real_logits: float tensor, any shape: logits of D on real images.
        fake_logits: float tensor, any shape: logits of D on generated images.
        label_smoothing: float s in [0, 1).

    Returns:
        Scalar float32 tensor, in nats.

    Example:

    >>> round(float(smoothed_discriminator_loss(tf.ones((4, 1)), tf.zeros((4, 1)), 0.1)), 4)
    1.1064

    Reference: Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4,
    https://arxiv.org/abs/1606.03498
    """
    # (1-s) softplus(-l) + s softplus(l) = softplus(-l) + s l
    smoothing = label_smoothing * tf.reduce_mean(tf.cast(real_logits, tf.float32))
    return discriminator_loss(real_logits, fake_logits) + smoothing


def uniform(bound, width=1200):
    """U(-bound, bound) at the paper's width. A layer on fewer hidden units starts larger, by the
    root of their ratio, so that its sums keep their size and learning does not stall."""
    bound *= (1200 / width) ** 0.5
    return keras.initializers.RandomUniform(-bound, bound)


def check_image_shape(image_shape):
    if len(image_shape) not in (1, 3):
        raise UserError(
            "`image_shape` must be (height, width, channels), or (dimensions,) for points. "
            f"Received: image_shape={tuple(image_shape)}"
        )


def build_generator(image_shape, latent_dim=100, width=1200):
    """Latents (N, latent_dim) -> images (N, H, W, C) in [-1, 1], or points (N, D)."""
    check_image_shape(image_shape)
    z = keras.Input((latent_dim,), name="z")
    x = layers.Dense(width, activation="relu", kernel_initializer=uniform(0.05))(z)
    x = layers.Dense(width, activation="relu", kernel_initializer=uniform(0.05, width))(x)
    x = layers.Dense(
        math.prod(image_shape),
        activation="tanh" if len(image_shape) == 3 else "linear",
        kernel_initializer=uniform(0.05, width),
        dtype="float32",
    )(x)
    images = layers.Reshape(image_shape, dtype="float32", name="images")(x)
    return keras.Model(z, images, name="generator")


def build_discriminator(image_shape, width=1200, input_dropout=0.2):
    """Images (N, H, W, C) or points (N, D) -> logits (N, 1)."""
    check_image_shape(image_shape)
    drop = len(image_shape) == 3
    images = keras.Input(image_shape, name="images")
    x = layers.Flatten()(images)
    x = Dropout(input_dropout)(x) if drop else x
    for first in (True, False):
        initial = uniform(0.005) if first else uniform(0.005, width)
        x = Maxout(max(8, width // 5), 5, kernel_initializer=initial)(x)
        x = Dropout(0.5)(x) if drop else x
    logits = layers.Dense(
        1, kernel_initializer=uniform(0.005, width), dtype="float32", name="logits"
    )(x)
    return keras.Model(images, logits, name="discriminator")
