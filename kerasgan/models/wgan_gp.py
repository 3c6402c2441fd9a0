"""WGAN-GP: Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017, "Improved Training of Wasserstein
GANs", https://arxiv.org/abs/1704.00028

`train_step` is Algorithm 1, with its defaults: lambda = 10, n_critic = 5, Adam with alpha = 1e-4,
beta_1 = 0 and beta_2 = 0.9. The networks are the authors', from
github.com/igul222/improved_wgan_training, with batch norm in G and none in the critic, since it
would tie the penalty of an image to the others (section 4):
- "conv", from `gan_cifar.py`, for 32 pixels: 5x5 kernels with He's initialization.
- "resnet", from `gan_cifar_resnet.py`, which has the paper's best scores: G of three residual
  blocks, the critic of four, of which two halve the sides, with ReLU and the *mean* over places at
  the end. They were trained with Adam 2e-4, falling linearly to 0 over 100,000 updates of G.
- for points, from `gan_toy.py`: three hidden layers of 512 ReLUs.

What differs, and why:
- The random number that mixes a real and a generated image is `alpha` here, as in the authors'
  code, not epsilon: that is the small number under the square root, without which the gradient of
  the norm is not finite where the norm is 0.
- Adam's betas are Algorithm 1's, as for the ResNets; the authors' scripts for the convolutional
  networks and for points have (0.5, 0.9).
- Depth follows the image: 28 pixels halve twice, 32 three times. The authors' network for MNIST,
  `gan_mnist.py`, is another: G cuts a map of 8x8 to 7x7 and has no batch norm, the critic halves 28
  pixels to 14, 7 and 4; width 64, batch 50. So are those for 64 pixels, `gan_64x64.py`.
- Adam's rate is Algorithm 1's for "resnet" as well, and stays: a recipe sets 2e-4 and
  `linear_decay`.
- "resnet" has no classes, with which the authors' script makes an ACGAN; G trains on as many
  samples as the critic in one update, not on twice as many; real images have no noise, where the
  script adds some, uniform up to a grey level.
- Batch norm's running averages have momentum 0.9: at Keras's 0.99 they lag behind the weights of
  short trainings, and sampling uses them.
- Layers before a batch norm have no bias, which it would take out again; nor has the critic's last
  one, which cancels in the loss.
- The critic computes in float32 under every dtype policy: its penalty is a gradient, squared and
  differentiated again, which float16 cannot hold.
"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.gan import GAN, Paper
from kerasgan.gan.construction import policy
from kerasgan.losses import (
    gradient_penalty,
    wasserstein_critic_loss,
    wasserstein_generator_loss,
)
from kerasgan.networks import points, resnet
from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings
from kerasgan.signature import Latent, Signature, output_of
from kerasgan.utils.errors import UserError, check_count


class WGANGP(GAN, package="kerasgan"):
    """Wasserstein GAN with gradient penalty.

    The batch that `fit` hands over is split into `n_critic` minibatches, one for each update of the
    critic: for minibatches of 64 the batch size is 320. The logs hold `wasserstein`, the critic's
    estimate E[D(x)] - E[D(G(z))] of the distance, which falls while the samples improve, and
    `gradient_penalty` before its weight.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4; or (dimensions,), for
            points.
        latent_dim: Length of the latent vector, standard normal.
        width: Channels of the critic's first and G's last hidden layer, or of all blocks of a
            "resnet"; for points a quarter of the units of each hidden layer. The paper uses 128, 32
            is quick on a CPU.
        gp_weight: float, lambda of Eq. (3); the authors' toy script has 0.1.
        n_critic: int, updates of the critic for one of the generator.
        bn_epsilon: float, added to the variance in G's batch norms. Files of kerasgan 0.1.0 have
            Keras's 1e-3.
        architecture: "conv" or "resnet", for images.
        critic_norm: "layer" for layer norm in the blocks of a "resnet" critic, an option of the
            authors; `None` for no norm, their choice.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, `n_critic` is not 1 or more, or there is no such
            architecture or norm.

    Example:

    >>> gan = WGANGP(image_shape=(28, 28, 1), width=8)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((20, 28, 28, 1)), batch_size=20, verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'g_loss', 'gradient_penalty', 'wasserstein']

    Reference: Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028
    """

    variant = "wgan_gp"
    paper = Paper(
        "Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017",
        "Improved Training of Wasserstein GANs",
        "https://arxiv.org/abs/1704.00028",
    )

    log_names = ("d_loss", "g_loss", "wasserstein", "gradient_penalty")
    saturating_losses = ()  # the critic's loss has no least value

    def __init__(
        self,
        image_shape,
        latent_dim=128,
        width=128,
        gp_weight=10.0,
        n_critic=5,
        bn_epsilon=1e-5,
        architecture="conv",
        critic_norm: str | None = None,
        **options,
    ):
        check_count(n_critic, "n_critic")
        if not bn_epsilon > 0.0:
            raise UserError(f"`bn_epsilon` must be above 0. Received: bn_epsilon={bn_epsilon}")
        check_architecture(architecture, critic_norm, image_shape)
        if architecture == "resnet":
            networks = (
                resnet.build_generator(image_shape, latent_dim, width, batch_norm(bn_epsilon)),
                build_resnet_critic(image_shape, width, critic_norm),
            )
        else:
            networks = (
                build_generator(image_shape, latent_dim, width, bn_epsilon),
                build_critic(image_shape, width),
            )
        super().__init__(
            *networks,
            signature=Signature({"z": Latent(latent_dim)}, output_of(image_shape)),
            **options,
        )
        self.width = width
        self.gp_weight = gp_weight
        self.n_critic = n_critic
        self.bn_epsilon = bn_epsilon
        self.architecture = architecture
        self.critic_norm = critic_norm

    @classmethod
    def changed_defaults(cls, arguments):
        return {"bn_epsilon": (1e-3, 1e-5)}

    @staticmethod
    def default_optimizers():
        g_optimizer = keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9)
        d_optimizer = keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9)
        return g_optimizer, d_optimizer

    def train_step(self, images):
        num = tf.shape(images)[0] // self.n_critic

        # Algorithm 1, lines 2 to 10: n_critic updates of the critic. What does not depend on the
        # critic comes first: z ~ p(z), alpha ~ U (line 4), and G(z) (line 5).
        draws = [(self.sample_latents(num), self.sample_uniform(num)) for _ in range(self.n_critic)]
        fakes = [self.generator(z, training=True) for z, _ in draws]
        alphas = [alpha for _, alpha in draws]

        def update_critic(real_images, fake_images, alpha):
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator(real_images, training=True)
                fake_logits = self.discriminator(fake_images, training=True)
                distance_loss = wasserstein_critic_loss(real_logits, fake_logits)
                penalty = gradient_penalty(self.discriminator, real_images, fake_images, alpha)
                d_loss = distance_loss + self.gp_weight * penalty  # line 7
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)  # line 9
            return {"d_loss": d_loss, "wasserstein": -distance_loss, "gradient_penalty": penalty}

        losses = self.repeat(update_critic, self.minibatches(images), fakes, alphas)

        # Lines 11 and 12: one of the generator
        z = self.sample_latents(num)
        with tf.GradientTape() as g_tape:
            fake_images = self.generator(z, training=True)
            g_loss = wasserstein_generator_loss(self.discriminator(fake_images))
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(g_loss=g_loss, **losses)


def he(fine, coarse):
    """He's initialization over the mean of both fans, as in the authors' code: with stride 2, only
    a quarter of a kernel meets each pixel of the finer side."""
    scale = 2.0 * (fine + coarse) / (fine + coarse / 4)
    return keras.initializers.VarianceScaling(scale, "fan_avg", "uniform")


def batch_norm(epsilon):
    return lambda x: layers.BatchNormalization(momentum=0.9, epsilon=epsilon, synchronized=True)(x)


def check_architecture(architecture, critic_norm, image_shape):
    """Raises UserError if there is no such network."""
    if architecture not in ("conv", "resnet"):
        raise UserError(
            f"`architecture` must be conv or resnet. Received: architecture={architecture!r}"
        )
    if critic_norm not in (None, "layer"):
        raise UserError(f"`critic_norm` must be layer or None. Received: {critic_norm!r}")
    if critic_norm is not None and architecture != "resnet":
        raise UserError(f"Only a resnet has `critic_norm`. Received: architecture={architecture!r}")
    if architecture == "resnet" and len(image_shape) == 1:
        raise UserError(f"A resnet makes images. Received: image_shape={image_shape}")


# --- Convolutional networks, and those for points ---


def build_generator(image_shape, latent_dim=128, width=128, bn_epsilon=1e-5):
    """Latents (N, latent_dim) -> images (N, H, W, C) in [-1, 1], or points (N, D)."""
    if len(image_shape) == 1:
        return points.build_generator(image_shape[0], latent_dim, 4 * width)
    check_image_shape(image_shape)
    z = keras.Input((latent_dim,), name="z")
    halvings, base = count_halvings(image_shape), base_sides(image_shape)
    filters = width * 2 ** (halvings - 1)

    norm = batch_norm(bn_epsilon)

    def batch_norm_relu(x):
        return layers.ReLU()(norm(x))

    x = batch_norm_relu(layers.Dense(base[0] * base[1] * filters, use_bias=False)(z))
    x = layers.Reshape((*base, filters))(x)  # (N, 4, 4, 4w) for 32 pixels
    for _ in range(halvings - 1):  # (N, 8, 8, 2w), (N, 16, 16, w)
        filters //= 2
        x = layers.Conv2DTranspose(
            filters,
            5,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=he(filters, 2 * filters),
        )(x)
        x = batch_norm_relu(x)
    images = layers.Conv2DTranspose(
        image_shape[2],
        5,
        strides=2,
        padding="same",
        kernel_initializer=he(image_shape[2], filters),
        activation="tanh",
        dtype="float32",
        name="images",
    )(x)
    return keras.Model(z, images, name="generator")


def build_critic(image_shape, width=128):
    """Images (N, H, W, C), or points (N, D), -> values (N, 1); float32 all through."""
    if len(image_shape) == 1:
        return points.build_discriminator(image_shape[0], 4 * width, use_bias=False)
    check_image_shape(image_shape)
    images = keras.Input(image_shape, name="images")
    x = images
    for level in range(count_halvings(image_shape)):  # (N, 16, 16, w) ... (N, 4, 4, 4w)
        x = layers.Conv2D(
            width * 2**level,
            5,
            strides=2,
            padding="same",
            kernel_initializer=he(x.shape[-1], width * 2**level),
            dtype="float32",
        )(x)
        x = layers.LeakyReLU(0.2, dtype="float32")(x)
    x = layers.Flatten(dtype="float32")(x)
    logits = layers.Dense(1, use_bias=False, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")


# --- ResNets ---


def layer_norm(x):
    """Mean and variance over places and channels, scale and offset of each channel."""
    return layers.GroupNormalization(groups=1, epsilon=1e-5)(x)


def build_resnet_critic(image_shape, width=128, norm=None):
    """Images (N, H, W, C) -> values (N, 1); float32 all through."""
    check_image_shape(image_shape)
    norm = resnet.unchanged if norm is None else layer_norm
    with policy("float32"):
        images = keras.Input(image_shape, name="images")
        x = resnet.first_down_block(images, width, resnet.conv)  # (N, 16, 16, w) for 32 pixels
        for _ in range(max(2, count_halvings(image_shape) - 1) - 1):  # (N, 8, 8, w)
            x = resnet.down_block(x, width, resnet.conv, norm)
        for _ in range(2):
            x = resnet.last_block(x, resnet.conv, norm)
        h = layers.GlobalAveragePooling2D()(layers.ReLU()(x))  # (N, w)
        values = layers.Dense(1, use_bias=False, name="logits")(h)
    return keras.Model(images, values, name="discriminator")
