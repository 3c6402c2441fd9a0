"""ConditionalGAN: Mirza & Osindero 2014, "Conditional Generative Adversarial Nets",
https://arxiv.org/abs/1411.1784

Eq. (2): the game of Goodfellow et al. 2014, with a condition y given to both networks.
Section 4.1, for MNIST: y is the class, one-hot; G maps z, uniform in the unit hypercube, and y to
200 and 1000 ReLU units, both together to 1200; D maps x to maxout 240x5, y to maxout 50x5, both
together to maxout 240x4. Dropout 0.5 in both. SGD with learning rate 0.1 divided by 1.00004 at
each update, batch 100.
Section 4.2, for tags of pictures, draws vectors of words, given features of a picture: G maps z,
here normal, to 500 ReLU units and the features to 2000, and both linearly to the vector; D maps
vectors to 500 ReLU units, features to 1200, and both together to maxout 1000x3.

What differs, and why:
- Images lie in [-1, 1], as everywhere here: tanh instead of sigmoid.
- G ascends log D(G(z|y) | y) instead of descending log(1 - D), as Goodfellow et al. advise.
- Dropout is in D only, after its hidden layers. In G, where the paper has it too, it became the
  source of variety in training, z went unused, and sampling, which has no dropout, gave one image a
  class (FD[lite0] 781 with it and 660 without after 70 seconds of the small recipe in zoo/). On D's
  inputs it would take the condition away from half of the images.
- Momentum rises from 0.5 to 0.7, as in the paper, which does not say how fast: here over 250 epochs
  of 50,000 images, as in the code of Goodfellow et al. The paper's floor of 1e-6 for the learning
  rate, reached after 288,000 updates, is left out: training has ended by then.
- D learns at 0.01, a tenth of G's rate and of the paper's, whose images lie in [0, 1]. With 0.1,
  losses on 10,000 images of clothes grew to NaN within nine epochs.
- Initial weights, which the paper does not give, are those of Goodfellow et al., U(-0.05, 0.05) in
  G and U(-0.005, 0.005) in D, but U(-1, 1) on y and as much weight on z: one input of a one-hot
  vector is 1, against hundreds of pixels, and with the small weights labels went unnoticed for the
  first 1,000 updates, and z, beside such labels, for good.
  Networks narrower than the paper's start with larger hidden weights: see `uniform`.
- Section 4.2 gives no initial weights: those of Glorot & Bengio 2010, as Keras has them, for
  features of variance 1 in each coordinate.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from kerasgan import schedules
from kerasgan.gan import GAN, Paper
from kerasgan.layers import Dropout, Maxout, OneHot
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.signature import Label, Latent, Signature, Vector, output_of
from kerasgan.utils.errors import UserError


class ConditionalGAN(GAN, package="kerasgan"):
    """Two multilayer perceptrons that are told what each image shows.

    Args:
        image_shape: (height, width, channels) of images in [-1, 1], or (dimensions,) of vectors in
            any range, such as those of words, which take the networks of section 4.2.
        num_classes: Number of classes; the networks then take class ids `label`, int32 (N,).
        condition_dim: Length of dense conditions instead, such as embedded tags; the networks then
            take `condition`, float32 (N, condition_dim). One of the two must be given.
        latent_dim: Length of the latent vector, uniform in [0, 1]; for vectors, standard normal.
        width: Units of G's last hidden layer. The paper uses 1200; the other layers, and those of
            section 4.2, are scaled alike, down to 8 units.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If `image_shape` has not one axis or three, or not exactly one of `num_classes`
            and `condition_dim` is given.

    Example:

    >>> gan = ConditionalGAN(image_shape=(28, 28, 1), num_classes=10, width=60)
    >>> gan.compile()
    >>> labels = tf.range(8) % 10
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), labels, batch_size=4, verbose=0)
    >>> gan.sample(2, labels=[3, 7], seed=0).shape
    (2, 28, 28, 1)

    Reference: Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784
    """

    variant = "cgan"
    paper = Paper(
        "Mirza & Osindero 2014",
        "Conditional Generative Adversarial Nets",
        "https://arxiv.org/abs/1411.1784",
    )

    decision_boundary = 0.0

    def __init__(
        self,
        image_shape,
        num_classes: int | None = None,
        condition_dim: int | None = None,
        latent_dim=100,
        width=1200,
        **options,
    ):
        points = len(image_shape) == 1
        inputs = {"z": Latent(latent_dim, uniform=None if points else (0, 1))}
        if num_classes is not None:
            inputs["label"] = Label(num_classes)
        if condition_dim is not None:
            inputs["condition"] = Vector(condition_dim)
        generator = build_point_generator if points else build_generator
        discriminator = build_point_discriminator if points else build_discriminator
        super().__init__(
            generator(image_shape, latent_dim, width, num_classes, condition_dim),
            discriminator(image_shape, width, num_classes, condition_dim),
            signature=Signature(inputs, output_of(image_shape)),
            **options,
        )
        self.num_classes = num_classes
        self.condition_dim = condition_dim
        self.width = width

    @classmethod
    def from_spec(cls, spec, **arguments):
        shape = {"image_shape": spec["image"].shape}
        if "condition" in spec:
            return {**shape, "condition_dim": spec["condition"].shape[0]}
        if "label" in spec and "condition_dim" not in arguments:
            return {**shape, "num_classes": spec["label"].num_classes}
        return shape

    @staticmethod
    def default_optimizers():
        return sgd(0.1), sgd(0.01)

    def train_step(self, data):
        images, y = data

        # Eq. (2), discriminator: ascend log D(x|y) + log(1 - D(G(z|y))); fakes share the real y.
        fakes = self.generator([self.sample_latents(tf.shape(images)[0]), y], training=True)
        with tf.GradientTape() as tape:
            real_logits = self.discriminator([images, y], training=True)
            fake_logits = self.discriminator([fakes, y], training=True)
            d_loss = discriminator_loss(real_logits, fake_logits)
        self.minimize(tape, d_loss, self.discriminator, self.d_optimizer)

        # Eq. (2), generator: ascend log D(G(z|y)) on fresh latents.
        z = self.sample_latents(tf.shape(images)[0])
        with tf.GradientTape() as tape:
            fakes = self.generator([z, y], training=True)
            g_loss = non_saturating_loss(self.discriminator([fakes, y], training=True))
        self.minimize(tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss)


def sgd(rate):
    # The decay of 1,000 updates at once: float32 is too coarse for 1.00004, that of one.
    decay = keras.optimizers.schedules.ExponentialDecay(rate, 1000, 1.00004**-1000)
    return schedules.SGD(decay, momentum=schedules.Linear(0.5, 0.7, images=250 * 50_000))


def condition_input(num_classes, condition_dim):
    """The networks' second input; y, the vectors (N, D) that it stands for; and the bound of the
    initial weights that give sums over y a size of about 1, if dense conditions have variance 1."""
    if (num_classes is None) == (condition_dim is None):
        raise UserError(
            "One of `num_classes` and `condition_dim` must be given, and not both. "
            f"Received: num_classes={num_classes}, condition_dim={condition_dim}"
        )
    if num_classes is None:
        condition = keras.Input((condition_dim,), name="condition")
        return condition, condition, condition_dim**-0.5
    label = keras.Input((), dtype="int32", name="label")
    return label, OneHot(num_classes)(label), 1.0


def scaled(units, width):
    """Scales a layer of the paper, whose `width` is 1200, to this one."""
    return max(8, units * width // 1200)


def uniform(bound, width=1200):
    """U(-bound, bound) at the paper's width. A layer on fewer hidden units starts larger, by the
    root of their ratio, so that its sums keep their size and learning does not stall."""
    bound *= (1200 / width) ** 0.5
    return keras.initializers.RandomUniform(-bound, bound)


def build_generator(image_shape, latent_dim=100, width=1200, num_classes=None, condition_dim=None):
    """Latents (N, latent_dim) and labels (N,) or conditions (N, D) -> images in [-1, 1]."""

    def relu(units, x, initial):
        return layers.Dense(scaled(units, width), activation="relu", kernel_initializer=initial)(x)

    z = keras.Input((latent_dim,), name="z")
    label, y, y_bound = condition_input(num_classes, condition_dim)
    # z varies by 1 / sqrt(12) in each of its coordinates.
    x = [relu(200, z, uniform(6 * latent_dim**-0.5)), relu(1000, y, uniform(y_bound))]
    x = relu(1200, layers.Concatenate()(x), uniform(0.05, width))
    x = layers.Dense(
        math.prod(image_shape),
        activation="tanh",
        kernel_initializer=uniform(0.05, width),
        dtype="float32",
    )(x)
    images = layers.Reshape(image_shape, dtype="float32", name="images")(x)
    return keras.Model([z, label], images, name="generator")


def build_discriminator(image_shape, width=1200, num_classes=None, condition_dim=None):
    """Images (N, H, W, C) and labels (N,) or conditions (N, D) -> logits (N, 1)."""

    def maxout(units, pieces, x, initial):
        x = Maxout(scaled(units, width), pieces, kernel_initializer=initial)(x)
        return Dropout(0.5)(x)

    images = keras.Input(image_shape, name="images")
    label, y, y_bound = condition_input(num_classes, condition_dim)
    x = layers.Flatten()(images)
    x = [maxout(240, 5, x, uniform(0.005)), maxout(50, 5, y, uniform(y_bound))]
    x = maxout(240, 4, layers.Concatenate()(x), uniform(0.005, width))
    logits = layers.Dense(
        1, kernel_initializer=uniform(0.005, width), dtype="float32", name="logits"
    )(x)
    return keras.Model([images, label], logits, name="discriminator")


def build_point_generator(
    image_shape, latent_dim=100, width=1200, num_classes=None, condition_dim=None
):
    """Latents (N, latent_dim) and labels (N,) or conditions (N, D) -> vectors, in any range."""
    z = keras.Input((latent_dim,), name="z")
    label, y, _ = condition_input(num_classes, condition_dim)
    x = [
        layers.Dense(scaled(500, width), activation="relu")(z),
        layers.Dense(scaled(2000, width), activation="relu")(y),
    ]
    points = layers.Dense(*image_shape, dtype="float32", name="images")(layers.Concatenate()(x))
    return keras.Model([z, label], points, name="generator")


def build_point_discriminator(image_shape, width=1200, num_classes=None, condition_dim=None):
    """Vectors and labels (N,) or conditions (N, D) -> logits (N, 1)."""
    points = keras.Input(image_shape, name="images")
    label, y, _ = condition_input(num_classes, condition_dim)
    x = [
        Dropout(0.5)(layers.Dense(scaled(500, width), activation="relu")(points)),
        Dropout(0.5)(layers.Dense(scaled(1200, width), activation="relu")(y)),
    ]
    x = Dropout(0.5)(Maxout(scaled(1000, width), 3)(layers.Concatenate()(x)))
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model([points, label], logits, name="discriminator")
