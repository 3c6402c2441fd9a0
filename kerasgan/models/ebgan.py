"""EBGAN: Zhao, Mathieu & LeCun 2017, "Energy-based Generative Adversarial Network",
https://arxiv.org/abs/1609.03126

The discriminator is an autoencoder. The energy that it gives an image is its reconstruction error,
D(x) = |Dec(Enc(x)) - x|. `train_step` minimizes the losses of section 2.1, Eq. (1) and (2), and the
pulling-away term of section 2.4 (EBGAN-PT, weight 0.1), which keeps the codes of a batch apart.

Which margin goes with which energy: the paper does not say which norm |.| is. Here it is the
Euclidean norm over an image, neither squared nor averaged, since that makes one error for each
value, 0.18, of most of the paper's margins in colour: 20 for faces of 64 pixels, 40 and 80 for
ImageNet's 128 and 256. It is 0.36 for digits (10 at 28 pixels), and 0.72 for bedrooms (80 at 64).
Reimplementations with a mean of squares need margins far below 1.

The networks are the convolutional ones of the appendix: DCGAN's generator; (64)4c2s-(128)4c2s-
(256)4c2s as encoder and its mirror image as decoder, with ReLU; batch norm except on D's input
layer and on the output layers; weights N(0, 0.02) in G and N(0, 0.002) in D.

What differs, and why:
- Depth follows the image: D halves sides at least twice, down to 8 pixels or until they are odd
  (28 -> 14 -> 7).
- D's reconstructions end in tanh, as G's images do: then nothing that it decodes to is no image.
- Adam has DCGAN's constants; the paper's grid search on digits has fully connected networks.
- Layers before a batch norm have no bias, which it would take out again.
- Batch norm's running averages have momentum 0.9, for short trainings.
- With several replicas the pulling-away term compares the codes of the whole batch.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan.gan import GAN, Paper, Reconstructing
from kerasgan.networks.dcgan import batch_norm, build_generator
from kerasgan.networks.shapes import check_image_shape, count_halvings
from kerasgan.signature import Image, Latent, Signature
from kerasgan.utils import replicas
from kerasgan.utils.errors import UserError


class EBGAN(Reconstructing, GAN, package="kerasgan"):
    """Energy-based GAN, whose discriminator is an autoencoder.

    The logs hold `real_energy` and `fake_energy`, the mean energies that D gives real and generated
    images, and `pulling_away` before its weight: 1 if all codes of a batch are alike. `reconstruct`
    shows what D makes of images. `gan.discriminator(images)` returns their energies (N,), and their
    codes.

    Args:
        image_shape: (height, width, channels); both sides divisible by 4.
        latent_dim: Length of the latent vector, standard normal.
        width: Channels of D's first hidden layer; G's last one has twice as many. The paper uses
            64, 16 is quick on a CPU.
        margin: float, m of Eq. (1): D pushes up no energy above it. Where samples have the energy
            of real images at once, it is too small.
        pulling_away: float, weight of the pulling-away term; 0 leaves it out (EBGAN without PT).
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, `margin` is not positive, or `pulling_away` is
            negative.

    Example:

    >>> gan = EBGAN(image_shape=(28, 28, 1), width=4, margin=10.0)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), batch_size=4, verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'fake_energy', 'g_loss', 'pulling_away', 'real_energy']
    >>> gan.reconstruct(gan.sample(2, seed=0)).shape
    (2, 28, 28, 1)

    Reference: Zhao et al. 2017, https://arxiv.org/abs/1609.03126
    """

    variant = "ebgan"
    paper = Paper(
        "Zhao, Mathieu & LeCun 2017",
        "Energy-based Generative Adversarial Network",
        "https://arxiv.org/abs/1609.03126",
    )

    log_names = ("d_loss", "g_loss", "real_energy", "fake_energy", "pulling_away")
    saturating_losses = ()  # a loss of 0 would be a perfect autoencoder, not a lost game

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        width=64,
        margin=10.0,
        pulling_away=0.1,
        **options,
    ):
        if not margin > 0.0:
            raise UserError(f"`margin` must be positive. Received: margin={margin}")
        if not pulling_away >= 0.0:
            raise UserError(f"`pulling_away` must be 0 or more. Received: {pulling_away}")
        super().__init__(
            build_generator(image_shape, latent_dim, 2 * width),
            build_discriminator(image_shape, width),
            signature=Signature({"z": Latent(latent_dim)}, Image(image_shape)),
            **options,
        )
        self.width = width
        self.margin = margin
        self.pulling_away = pulling_away

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def train_step(self, images):
        z = self.sample_latents(tf.shape(images)[0])

        with tf.GradientTape() as g_tape:
            fakes = self.generator(z, training=True)

            # Eq. (1): L_D = D(x) + [m - D(G(z))]^+
            with tf.GradientTape() as d_tape:
                real_energies, _ = self.discriminator(images, training=True)
                fake_energies, _ = self.discriminator(tf.stop_gradient(fakes), training=True)
                d_loss = discriminator_loss(real_energies, fake_energies, self.margin)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)

            # Eq. (2): L_G = D(G(z)), and the weighted f_PT of section 2.4
            energies, codes = self.discriminator(fakes, training=True)
            repelling = pulling_away_term(replicas.all_rows(codes))
            g_loss = tf.reduce_mean(energies)
            if self.pulling_away:
                g_loss += self.pulling_away * repelling
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(
            d_loss=d_loss,
            g_loss=g_loss,
            real_energy=tf.reduce_mean(real_energies),
            fake_energy=tf.reduce_mean(fake_energies),
            pulling_away=repelling,
        )


def energy(images, reconstructions):
    """The energy of each image, |Dec(Enc(x)) - x|: the Euclidean norm of what is lost.

    Args:
        images: float tensor (N, H, W, C).
        reconstructions: float tensor of the same shape.

    Returns:
        float32 tensor (N,).

    Example:

    >>> energy(tf.zeros((1, 2, 2, 1)), tf.fill((1, 2, 2, 1), 0.5)).numpy()
    array([1.], dtype=float32)

    Reference: Zhao et al. 2017, section 2.3.
    """
    lost = ops.cast(reconstructions, "float32") - ops.cast(images, "float32")
    # The root has a finite slope where an image is restored exactly.
    return ops.sqrt(ops.sum(ops.square(lost), axis=(1, 2, 3)) + 1e-12)


def discriminator_loss(real_energies, fake_energies, margin):
    """The discriminator's loss: E[D(x)] + E[max(0, m - D(G(z)))].

    Args:
        real_energies: float tensor (N,): energies of real images.
        fake_energies: float tensor (N,): those of generated ones.
        margin: float, m; energies above it have no gradient. Each image has a hinge of its own.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> float(discriminator_loss(tf.constant([1.0, 3.0]), tf.constant([4.0, 12.0]), margin=10.0))
    5.0

    Reference: Zhao et al. 2017, Eq. (1).
    """
    real_energies = tf.cast(real_energies, tf.float32)
    hinges = tf.nn.relu(margin - tf.cast(fake_energies, tf.float32))
    return tf.reduce_mean(real_energies) + tf.reduce_mean(hinges)


def pulling_away_term(codes):
    """The mean squared cosine between the codes of any two images of a batch.

    Args:
        codes: float tensor (N, ...): outputs of the encoder.

    Returns:
        Scalar float32 tensor in [0, 1]; 0 for orthogonal codes, and for a single one.

    Example:

    >>> float(pulling_away_term(tf.constant([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]])))
    0.3333333432674408

    Reference: Zhao et al. 2017, section 2.4, f_PT; many reimplementations forget the square.
    """
    codes = tf.reshape(tf.cast(codes, tf.float32), (tf.shape(codes)[0], -1))
    codes = tf.math.l2_normalize(codes, axis=1)
    cosines = tf.matmul(codes, codes, transpose_b=True)
    cosines = tf.linalg.set_diag(cosines, tf.zeros_like(cosines[0]))
    num = tf.cast(tf.shape(codes)[0], tf.float32)
    return tf.reduce_sum(cosines**2) / tf.maximum(num * (num - 1.0), 1.0)


def build_discriminator(image_shape, width=64):
    """Images (N, H, W, C) -> energies (N,) and codes (N, h * w * channels)."""
    check_image_shape(image_shape)
    initial = keras.initializers.RandomNormal(0.0, 0.002)
    halvings = count_halvings(image_shape, least=8)
    images = keras.Input(image_shape, name="images")

    x = images
    for level in range(halvings):  # (N, 32, 32, w), (N, 16, 16, 2w), (N, 8, 8, 4w) for 64 pixels
        x = layers.Conv2D(
            width * 2**level,
            4,
            strides=2,
            padding="same",
            use_bias=level == 0,
            kernel_initializer=initial,
        )(x)
        x = layers.ReLU()(x if level == 0 else batch_norm(x))
    codes = layers.Flatten(name="codes")(x)
    for level in reversed(range(halvings - 1)):  # (N, 16, 16, 2w), (N, 32, 32, w)
        x = layers.Conv2DTranspose(
            width * 2**level,
            4,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=initial,
        )(x)
        x = layers.ReLU()(batch_norm(x))
    reconstructions = layers.Conv2DTranspose(
        image_shape[2],
        4,
        strides=2,
        padding="same",
        activation="tanh",
        kernel_initializer=initial,
        dtype="float32",
        name="reconstructions",
    )(x)
    return keras.Model(images, [energy(images, reconstructions), codes], name="discriminator")
