"""R3GAN: Huang, Gokaslan, Kuleshov & Tompkin 2024, "The GAN is dead; long live the GAN! A Modern
Baseline GAN", https://arxiv.org/abs/2501.05441

Section 2: each real image is compared with one generated image (relativistic pairing), and the
gradients of D are penalised on real images (R1) and on generated ones (R2), both centred on zero,
at every step. Section 3: ResNets of grouped convolutions with few activations and no normalisation,
whose residual branches start at zero (Fix-up), and bilinear resampling
(`kerasgan.networks.r3gan`). The networks, their initial values, the order of the updates and all
schedules are those of the authors' code, https://github.com/brownvc/R3GAN; the defaults are its
preset for CIFAR-10.

What differs, and why:
- Widths follow the image as in their presets for FFHQ: they halve with each doubling of the sides
  beyond 32 pixels, or earlier (`halve_beyond`). Depth follows it too: 28 pixels have a basis of 7x7
  and three stages.
- G's loss compares with the same real images as D's; the authors read another batch for it.
- Samples are clipped to [-1, 1], as in the authors' PNGs; D sees them unclipped, as theirs does.
- Schedules count the images of a step before it, not after it.
- The authors train with ADA's changes at a probability that rises to 0.55 with the other schedules;
  here `augment="ada"` has a fixed probability and fewer changes, and is not the default.
- Under `mixed_bfloat16`, both networks compute in bfloat16 but for the smallest stage, as theirs
  do, and for the last layers. Under `mixed_float16`, D is float32: its penalties are gradients,
  squared and differentiated again, which float16 cannot hold.
- Points have the three hidden layers of WGAN-GP's authors; the paper has images only.
"""

import tensorflow as tf

from kerasgan import schedules
from kerasgan.gan import GAN, Paper
from kerasgan.networks.classes import pair
from kerasgan.networks.r3gan import build_discriminator, build_generator
from kerasgan.signature import Label, Latent, Signature, output_of
from kerasgan.utils.errors import UserError, check_count

BURN_IN = 20_000_000  # images over which the schedules of CIFAR-10 run


class R3GAN(GAN, package="kerasgan"):
    """R3GAN, conditional on classes or not.

    Everything that changes in training follows half a cosine over the first `burn_in` images: the
    learning rates fall from 2e-4 to 5e-5, beta_2 rises from 0.9 to 0.99, the penalties' weight
    falls from `gamma` to a tenth, and the half-life of the averaged generator rises from 0 to
    `ema_half_life`. Set `burn_in` to at most the images of your training. The logs hold both
    penalties, `r1` and `r2`, before their weight.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4; or (dimensions,), for
            points.
        num_classes: Number of classes, for `fit(images, labels)`; `None` for `fit(images)`.
        latent_dim: Length of the latent vector, standard normal.
        width: Channels of both networks between blocks; for points half the units of each hidden
            layer. The paper uses 768 for CIFAR-10, 32 is quick on a CPU.
        halve_beyond: Largest side with all channels: they halve with each doubling beyond it. 32 in
            the paper's networks for CIFAR-10 and FFHQ, 64 for ImageNet of 64 pixels; 8 makes small
            networks quick.
        blocks: Residual blocks at each resolution.
        cardinality: Groups of the 3x3 convolutions; by default each has 16 channels.
        gamma: float, weight of the penalties at the start. The authors' presets have 0.05 for
            CIFAR-10, 0.5 and 1 for ImageNet of 32 and 64 pixels, 2 for FFHQ of 64.
        burn_in: Number of images over which all schedules run.
        ema_half_life: Number of images, the average's half-life after `burn_in`. `None` is a
            quarter of `burn_in`, as in the presets for CIFAR-10 and ImageNet (FFHQ's has 500,000);
            0 keeps no average; `ema_decay` takes its place.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, `gamma` is negative, `ema_half_life` is not
            0 or more, `cardinality` does not divide the channels, or points have classes or are
            given what only images have.

    Example:

    >>> gan = R3GAN(image_shape=(28, 28, 1), width=8, burn_in=1000)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), batch_size=4, verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'g_loss', 'r1', 'r2']

    Reference: Huang et al. 2024, https://arxiv.org/abs/2501.05441
    """

    variant = "r3gan"
    paper = Paper(
        "Huang, Gokaslan, Kuleshov & Tompkin 2024",
        "The GAN is dead; long live the GAN! A Modern Baseline GAN",
        "https://arxiv.org/abs/2501.05441",
    )

    log_names = ("d_loss", "g_loss", "r1", "r2")
    saturating_losses = ()  # penalties keep D's loss away from 0

    def __init__(
        self,
        image_shape,
        num_classes: int | None = None,
        latent_dim=64,
        width=768,
        halve_beyond=32,
        blocks=2,
        cardinality: int | None = None,
        gamma=0.05,
        burn_in=BURN_IN,
        ema_half_life: float | None = None,
        **options,
    ):
        if gamma < 0:
            raise UserError(f"`gamma` must be 0 or more. Received: gamma={gamma}")
        if ema_half_life is not None and not ema_half_life >= 0:
            raise UserError(
                f"`ema_half_life` must be 0 or more, or None. Received: {ema_half_life}"
            )
        if len(image_shape) == 1 and (halve_beyond, blocks, cardinality) != (32, 2, None):
            raise UserError(
                "Points have neither `halve_beyond` nor `blocks` nor `cardinality`. Received: "
                f"{halve_beyond}, {blocks}, {cardinality}"
            )
        inputs = {"z": Latent(latent_dim)}
        if num_classes is not None:
            check_count(num_classes, "num_classes")
            inputs["label"] = Label(num_classes)
        self.given_decay = options.get("ema_decay")
        half_life = burn_in / 4 if ema_half_life is None else ema_half_life
        if self.given_decay is None and half_life:
            options["ema_decay"] = schedules.HalfLife(schedules.Cosine(0.0, half_life, burn_in))
        network = (num_classes, width, halve_beyond, blocks, cardinality)
        super().__init__(
            build_generator(image_shape, latent_dim, *network),
            build_discriminator(image_shape, *network),
            signature=Signature(inputs, output_of(image_shape)),
            **options,
        )
        self.num_classes = num_classes
        self.width = width
        self.halve_beyond = halve_beyond
        self.blocks = blocks
        self.cardinality = cardinality
        self.gamma = gamma
        self.burn_in = burn_in
        self.ema_half_life = ema_half_life
        self.gamma_schedule = schedules.Cosine(gamma, gamma / 10, burn_in)

    def get_config(self):
        # The half-life comes of the other arguments.
        config = super().get_config()
        return {**config, "ema_decay": None} if self.given_decay is None else config

    @staticmethod
    def default_optimizers(burn_in=BURN_IN):
        def adam():
            rate = schedules.Cosine(2e-4, 5e-5, burn_in)
            beta_2 = schedules.Cosine(0.9, 0.99, burn_in)
            return schedules.Adam(rate, beta_1=0.0, beta_2=beta_2, epsilon=1e-8)

        return adam(), adam()

    def paper_optimizers(self):
        return self.default_optimizers(self.burn_in)

    def train_step(self, data):
        images, labels = (data, None) if self.num_classes is None else data
        num = tf.shape(images)[0]

        # D minimises E[softplus(D(G(z)) - D(x))] + R1 + R2 (section 2), where each penalty is
        # gamma / 2 E[|grad D|^2], on real images and on generated ones.
        fakes = self.generator(pair(self.sample_latents(num), labels), training=True)
        with tf.GradientTape() as d_tape:
            real_logits, fake_logits, r1, r2 = judge(self.discriminator, images, fakes, labels)
            penalty = self.now(self.gamma_schedule) / 2.0 * (r1 + r2)
            d_loss = relativistic_loss(real_logits, fake_logits) + penalty
        self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)

        # G minimises E[softplus(D(x) - D(G(z)))].
        z = self.sample_latents(num)
        real_logits = self.discriminator(pair(images, labels), training=True)
        with tf.GradientTape() as g_tape:
            fakes = self.generator(pair(z, labels), training=True)
            fake_logits = self.discriminator(pair(fakes, labels), training=True)
            g_loss = relativistic_loss(fake_logits, real_logits)
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss, r1=r1, r2=r2)


def relativistic_loss(higher, lower):
    """How far D is from placing one image above the other: E[softplus(lower - higher)].

    Args:
        higher: float tensor (N, 1): logits that are to be the higher ones; the real images' for D,
            the generated images' for G.
        lower: float tensor (N, 1): logits of the images with which these are paired.

    Returns:
        Scalar float32 tensor, in nats; log 2 = 0.693 where D cannot tell.

    Example:

    >>> float(relativistic_loss(tf.ones((4, 1)), tf.ones((4, 1))))
    0.6931471824645996

    Reference: Huang et al. 2024, section 2.1; Jolicoeur-Martineau 2018,
    https://arxiv.org/abs/1807.00734
    """
    higher, lower = tf.cast(higher, tf.float32), tf.cast(lower, tf.float32)
    return tf.reduce_mean(tf.nn.softplus(lower - higher))


def judge(discriminator, images, fakes, labels=None):
    """Returns D's logits and the mean squared norms of its gradients, on real and fake images.

    Args:
        discriminator: Callable, images (N, ...), or a list with labels (N,), -> logits (N, 1),
            each from its own image alone.
        images: float tensor (N, ...): real images.
        fakes: float tensor of the same shape: generated ones.
        labels: int tensor (N,) of both, or `None`.

    Returns:
        Tuple of the logits (N, 1) of real and of generated images, and the scalars R1 and R2,
        E[|grad D|^2] without weight: all float32.

    Example:

    >>> discriminator = lambda x, training: tf.reduce_sum(3.0 * x, axis=1, keepdims=True)
    >>> *_, r1, r2 = judge(discriminator, tf.ones((4, 2)), tf.zeros((4, 2)))
    >>> float(r1), float(r2)  # 3^2 + 3^2
    (18.0, 18.0)

    Reference: Huang et al. 2024, section 2.2; Mescheder, Geiger & Nowozin 2018, "Which Training
    Methods for GANs do actually Converge?", https://arxiv.org/abs/1801.04406
    """
    both = tf.concat([tf.cast(images, tf.float32), tf.cast(fakes, tf.float32)], 0)
    twice = None if labels is None else tf.concat([labels, labels], 0)
    with tf.GradientTape() as tape:
        tape.watch(both)
        logits = discriminator(pair(both, twice), training=True)
    # The sum over the batch has as its gradient each image's own.
    gradients = tf.cast(tape.gradient(logits, both), tf.float32)
    squares = tf.reduce_sum(gradients**2, axis=range(1, len(gradients.shape)))  # (2N,)
    r1, r2 = (tf.reduce_mean(each) for each in tf.split(squares, 2))
    return *tf.split(tf.cast(logits, tf.float32), 2), r1, r2
