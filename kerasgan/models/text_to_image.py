"""Text to image: Reed, Akata, Yan, Logeswaran, Schiele & Lee 2016, "Generative Adversarial Text to
Image Synthesis", https://arxiv.org/abs/1605.05396

GAN-INT-CLS: `train_step` is Algorithm 1, with the interpolated texts of Eq. (5) in the generator's
update. Networks are DCGAN's, as section 4.1 joins texts to them; constants are those of section 5:
normal latents of length 100, texts projected to 128, batch 64, Adam 2e-4 with beta_1 0.5.

Where the paper is silent, the authors' code decides (https://github.com/reedscot/icml2016,
`main_cls_int.lua`): the projection in D has a batch norm, and there are half as many interpolated
texts as others, each of which counts as much.

What differs, and why:
- D sees a wrong text with a real image, as Algorithm 1 says; the authors' code shows a wrong image
  with a right text. The wrong text is that of the next example of the batch, over all replicas. It
  counts 0 where it equals the right one.
- G's update draws new latents, as the authors' code does; Algorithm 1 takes D's fakes again.
- Interpolated texts lie between neighbours in the batch; the authors take one from each half of it.
- The authors' code adds residual blocks, in G at 4x4 and 8x8 pixels, in D at 4x4, resets the biases
  of convolutions to 0 at each step, and halves the learning rates every 100 epochs. The paper
  mentions none of these.
- Batch norm's running averages have momentum 0.9, as in `kerasgan.models.dcgan`.
"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.gan import GAN, Paper
from kerasgan.losses import non_saturating_loss
from kerasgan.networks import dcgan
from kerasgan.networks.shapes import check_image_shape
from kerasgan.signature import Image, Latent, Signature, Text
from kerasgan.utils import replicas

TEXT_DIM = 1024  # of the paper's encoder


class TextToImage(GAN, package="kerasgan"):
    """GAN-INT-CLS: makes images of texts, trained on images and a text of each.

    An example is a pair (image, text). A text is a vector, by any encoder; with an `encoder`, which
    is saved with the model, it may also be the text itself. The logs hold `wrong_loss`, the mean of
    -log(1 - D(image, wrong text)).

    Args:
        image_shape: (height, width, channels); both sides divisible by 4. The paper has 64 pixels.
        text_dim: Length of the vectors; by default that of the encoder, or 1024 as in the paper.
        latent_dim: Length of the latent vector, standard normal.
        width: Channels of D's first and G's last hidden layer. The authors use 64 in D and 128 in
            G; 32 is quick on a CPU.
        projection: Length of the vectors to which both networks bring texts.
        encoder: `kerasgan.signature.TextEncoder` of the texts, or `None`.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, or the encoder makes other vectors.

    Example:

    >>> gan = TextToImage(image_shape=(16, 16, 3), text_dim=8, width=4)
    >>> gan.compile()
    >>> texts = tf.random.normal((8, 8))
    >>> history = gan.fit(tf.zeros((8, 16, 16, 3)), texts, batch_size=4, verbose=0)
    >>> gan.sample(text=texts[:2], seed=0).shape
    (2, 16, 16, 3)

    Reference: Reed et al. 2016, https://arxiv.org/abs/1605.05396
    """

    variant = "text_to_image"
    paper = Paper(
        "Reed, Akata, Yan, Logeswaran, Schiele & Lee 2016",
        "Generative Adversarial Text to Image Synthesis",
        "https://arxiv.org/abs/1605.05396",
    )

    log_names = ("d_loss", "g_loss", "wrong_loss")
    # `decision_boundary` is `None`: D is to reject real pictures beside wrong texts, which ADA
    # would take for a lack of overfitting.

    def __init__(
        self,
        image_shape,
        text_dim: int | None = None,
        latent_dim=100,
        width=64,
        projection=128,
        encoder=None,
        **options,
    ):
        if text_dim is None:
            text_dim = TEXT_DIM if encoder is None else encoder.dim
        inputs = {"z": Latent(latent_dim), "text": Text(text_dim, encoder)}
        super().__init__(
            build_generator(image_shape, text_dim, latent_dim, width, projection),
            build_discriminator(image_shape, text_dim, width, projection),
            signature=Signature(inputs, Image(image_shape)),
            **options,
        )
        self.text_dim = text_dim
        self.width = width
        self.projection = projection
        self.encoder = encoder

    @classmethod
    def from_spec(cls, spec, **arguments):
        found = {"image_shape": spec["image"].shape}
        if "text" in spec:
            found["text_dim"] = spec["text"].shape[0]
            found["encoder"] = getattr(spec["text"], "encoder", None)
        return found

    @staticmethod
    def default_optimizers():
        return (
            keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8),
            keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8),
        )

    def train_step(self, example):
        images, text = example
        num = tf.shape(images)[0]

        # Algorithm 1, lines 3 to 6: right text, wrong text, noise, fake image
        wrong, differs = wrong_text(text)
        fakes = self.generator([self.sample_latents(num), text], training=True)

        # Lines 7 to 11: s_r, s_w and s_f, and L_D = log s_r + (log(1 - s_w) + log(1 - s_f)) / 2
        with tf.GradientTape() as tape:
            right_logits = self.discriminator([images, text], training=True)
            wrong_logits = self.discriminator([images, wrong], training=True)
            fake_logits = self.discriminator([fakes, text], training=True)
            wrong_loss = tf.reduce_mean(rejection(wrong_logits) * differs)
            fake_loss = tf.reduce_mean(rejection(fake_logits))
            d_loss = non_saturating_loss(right_logits) + (wrong_loss + fake_loss) / 2.0
        self.minimize(tape, d_loss, self.discriminator, self.d_optimizer)

        # Lines 12 and 13, and Eq. (5): L_G = log s_f on texts and, beta = 1/2, between two of them
        between = (text[: num // 2 * 2 : 2] + text[1::2]) / 2.0
        z = tf.concat([self.sample_latents(num), self.sample_latents(num // 2)], axis=0)
        texts = tf.concat([text, between], axis=0)
        with tf.GradientTape() as tape:
            fakes = self.generator([z, texts], training=True)
            g_loss = non_saturating_loss(self.discriminator([fakes, texts], training=True))
        self.minimize(tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss, wrong_loss=wrong_loss)


def rejection(logits):
    """Returns -log(1 - D), float32 (N,), for logits (N, 1)."""
    return tf.nn.softplus(tf.cast(logits[:, 0], tf.float32))


def wrong_text(text):
    """Returns for each text (N, D) that of the next example of the whole batch, and whether the two
    differ, float32 (N,)."""
    num, context = tf.shape(text)[0], tf.distribute.get_replica_context()
    first = 0 if context is None else context.replica_id_in_sync_group * num
    turned = tf.roll(replicas.all_rows(text), -1, axis=0)[first : first + num]
    wrong = tf.ensure_shape(turned, text.shape)
    return wrong, tf.cast(tf.reduce_any(wrong != text, axis=1), tf.float32)


def projected(text, units, norm=False):
    """The layers from texts (N, D) to (N, units)."""
    # Torch's initial weights: U(-1, 1) / sqrt(D)
    initial = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    x = layers.Dense(units, kernel_initializer=initial)(text)
    return dcgan.leaky_relu()(dcgan.batch_norm(x) if norm else x)


def build_generator(image_shape, text_dim=TEXT_DIM, latent_dim=100, width=64, projection=128):
    """Latents (N, latent_dim) and texts (N, text_dim) -> images (N, H, W, C) in [-1, 1]."""
    check_image_shape(image_shape)
    z = keras.Input((latent_dim,), name="z")
    text = keras.Input((text_dim,), name="text")
    x = layers.Concatenate()([z, projected(text, projection)])
    return keras.Model([z, text], dcgan.drawn_images(x, image_shape, width), name="generator")


def build_discriminator(image_shape, text_dim=TEXT_DIM, width=64, projection=128):
    """Images (N, H, W, C) and texts (N, text_dim) -> logits (N, 1)."""
    check_image_shape(image_shape)
    images = keras.Input(image_shape, name="images")
    text = keras.Input((text_dim,), name="text")
    x = dcgan.feature_maps(images, width)  # (N, 4, 4, 8w) for 64 pixels
    height, breadth, filters = x.shape[1:]
    y = layers.RepeatVector(height * breadth)(projected(text, projection, norm=True))
    y = layers.Reshape((height, breadth, projection))(y)
    x = layers.Concatenate()([x, y])
    x = layers.Conv2D(filters, 1, use_bias=False, kernel_initializer=dcgan.normal())(x)
    x = dcgan.leaky_relu()(dcgan.batch_norm(x))
    # The last convolution spans the whole map
    logits = layers.Dense(1, kernel_initializer=dcgan.normal(), dtype="float32", name="logits")(
        layers.Flatten()(x)
    )
    return keras.Model([images, text], logits, name="discriminator")
