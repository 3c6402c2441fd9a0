"""Context encoder: Pathak, Krähenbühl, Donahue, Darrell & Efros 2016, "Context Encoders: Feature
Learning by Inpainting", https://arxiv.org/abs/1604.07379

G fills holes of pictures. `train_step` minimizes the joint loss of section 3.2: 0.999 times the
squared error of what G draws plus 0.001 times the adversarial loss, for which D judges what G drew
and not its context. Networks are those of the paper's inpainting results (its supplement, figure 9)
and of the authors' code, https://github.com/pathak22/context-encoder: DCGAN's, around a bottleneck
of 4000. The channel-wise fully-connected layer belongs to the other variant, AlexNet's, with which
the paper learns features.

Details of the authors' code:
- A hole is filled with a constant, the mean colour 117, 104, 123 of 255.
- `region="central"`: G draws the middle half of the sides, D judges that. The hole is smaller by a
  margin of 4 in 128 pixels (7 in the paper), in which G sees the context that it draws again; there
  the squared error counts 10 times.
- D's Adam has rate 2e-4, G's ten times as much, both beta_1 = 0.5.
- No convolution has a bias: the code sets them to 0 before each update.

What differs, and why:
- Samples are composed: outside of the hole they are the picture, to the bit.
- `region="random"` draws the paper's "random block" (section 3.3): rectangles that may overlap, of
  up to a quarter of the picture. The authors' code cuts blobs out of noise, one for a whole batch.
- With it G draws whole pictures, as the authors' does, but D judges them composed, and the squared
  error is that of the hole alone, Eq. (1): the code asks G to copy the context as well.
- D judges anew what it has just been trained on; the code takes its judgement from before.
- Sides halve down to 4 pixels or until they are odd (28 -> 14 -> 7); the bottleneck has 62.5 times
  `width` channels.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from kerasgan.gan import GAN, Paper
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.networks.dcgan import batch_norm, leaky_relu, normal
from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings
from kerasgan.signature import Image, Mask, Signature
from kerasgan.utils import pixels, replicas
from kerasgan.utils.errors import UserError, nearest

REGIONS = ("central", "random")
COLOUR = (117.0, 104.0, 123.0)  # in a hole, of 255
L2_WEIGHT = 0.999
MARGIN_WEIGHT = 10.0
BLOCKS = 4  # rectangles of a random hole, each of at most a quarter of both sides
BOTTLENECK = 4000 / 64  # channels for each of `width`


class ContextEncoder(GAN, package="kerasgan"):
    """Fills holes of pictures.

    It trains on pictures alone, `fit(images)`, and cuts holes out of them itself, random ones anew
    in each step. The generator takes a whole `picture` and a `hole`, which is 1 where it may not
    look and is to draw: `sample(picture=pictures, hole=masks)`.

    The logs hold `l2`, the weighted squared error, and `adversarial`, both before their weights.

    Args:
        image_shape: (height, width, channels); both sides divisible by 4.
        width: Channels of the first hidden layers. The paper uses 64, 16 is quick on a CPU.
        region: "central", or "random" for a few rectangles anywhere. Trained on the central region,
            a model draws nothing outside of the middle half of the sides.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, there is no such region, or `augment` goes with
            the central one.

    Example:

    >>> gan = ContextEncoder(image_shape=(32, 32, 3), width=4)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 32, 32, 3)), batch_size=4, verbose=0)
    >>> pictures, holes = np.ones((2, 32, 32, 3)), np.zeros((2, 32, 32, 1))
    >>> holes[:, 12:20, 10:22] = 1.0
    >>> filled = gan.sample(picture=pictures, hole=holes)
    >>> bool((filled == pictures)[:, :12].all())
    True

    Reference: Pathak et al. 2016, https://arxiv.org/abs/1604.07379
    """

    variant = "context_encoder"
    paper = Paper(
        "Pathak, Krähenbühl, Donahue, Darrell & Efros 2016",
        "Context Encoders: Feature Learning by Inpainting",
        "https://arxiv.org/abs/1604.07379",
    )

    log_names = ("d_loss", "g_loss", "l2", "adversarial")
    decision_boundary = 0.0
    judges_pictures = False  # but the middle half of them, by default

    def __init__(self, image_shape, width=64, region="central", **options):
        if region not in REGIONS:
            raise UserError(f'There is no region "{region}": {nearest(str(region), REGIONS)}')
        if region == "central" and options.get("augment") not in (None, "none"):
            raise UserError(
                "`augment` changes whole pictures, and with the central region the discriminator "
                'judges what was drawn alone: it works with region="random".'
            )
        central = region == "central"
        self.judges_pictures = not central
        super().__init__(
            build_generator(image_shape, width, central),
            build_discriminator(image_shape, width, central),
            signature=Signature(
                {"picture": Image(image_shape), "hole": Mask(image_shape[:2])},
                Image(image_shape),
                made={
                    "picture": lambda parts: pixels.as_floats(parts["image"]),
                    "hole": lambda parts: self.holes(len(parts["image"]), (0, 0)),
                },
            ),
            **options,
        )
        self.autocast = False  # Keras would round what passes through to 16 bits
        self.width = width
        self.region = region

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(2e-3, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def holes(self, num, seed):
        """Returns holes for `num` pictures, float32 (num, H, W, 1); a larger `num` only adds."""
        if self.region == "central":
            return tf.repeat(central_hole(self.image_shape)[tf.newaxis], num, axis=0)
        return random_holes(num, seed, self.image_shape)

    def train_step(self, images):
        seed = self.next_seed()
        holes = replicas.own_rows(lambda rows: self.holes(rows, seed), tf.shape(images)[0])

        with tf.GradientTape() as g_tape:
            if self.region == "central":
                drawing = self.generator.get_layer("drawing").output
                draw = keras.Model(self.generator.inputs, drawing)
                real, weights = middle(images), margin_weights(self.image_shape)
            else:
                draw = self.generator
                # Eq. (1): the error of each hole, whatever its size
                real, weights = images, holes / tf.reduce_mean(holes, (1, 2, 3), keepdims=True)
            fakes = draw([images, holes], training=True)

            # Eq. (2): ascend log D(x) + log(1 - D(F((1 - M) x)))
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator(real, training=True)
                fake_logits = self.discriminator(tf.stop_gradient(fakes), training=True)
                d_loss = discriminator_loss(real_logits, fake_logits)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)

            # Eq. (3)
            l2 = tf.reduce_mean(weights * (real - fakes) ** 2)
            adversarial = non_saturating_loss(self.discriminator(fakes, training=True))
            g_loss = L2_WEIGHT * l2 + (1.0 - L2_WEIGHT) * adversarial
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss, l2=l2, adversarial=adversarial)


def middle(images):
    """Returns the middle half of both sides of pictures."""
    height, width = images.shape[1:3]
    return images[:, height // 4 : -height // 4, width // 4 : -width // 4]


def framed(sides, borders):
    """Returns a plane of 1 with borders of 0: float32 (height, width, 1)."""
    (height, width), (high, wide) = sides, borders
    inner = np.ones((height - 2 * high, width - 2 * wide, 1), "float32")
    return np.pad(inner, [(high, high), (wide, wide), (0, 0)])


def margins(image_shape):
    """Returns the rows and columns in which G draws again what it sees, 4 in 128 pixels."""
    return [max(1, side // 32) for side in image_shape[:2]]


def central_hole(image_shape):
    """Returns the central hole, the middle half without its margin: float32 (H, W, 1)."""
    sides = image_shape[:2]
    borders = [side // 4 + margin for side, margin in zip(sides, margins(image_shape), strict=True)]
    return framed(sides, borders)


def margin_weights(image_shape):
    """Returns the weights of the squared error in the middle half: float32 (H / 2, W / 2, 1).

    Example:

    >>> margin_weights((8, 8, 3))[:, :, 0].astype(int)
    array([[10, 10, 10, 10],
           [10,  1,  1, 10],
           [10,  1,  1, 10],
           [10, 10, 10, 10]])
    """
    inner = framed([side // 2 for side in image_shape[:2]], margins(image_shape))
    return MARGIN_WEIGHT + (1.0 - MARGIN_WEIGHT) * inner


def random_holes(num, seed, image_shape):
    """Draws holes of a few rectangles, each from an eighth to a quarter of both sides.

    Args:
        num: int or scalar int tensor.
        seed: int tensor (2,).
        image_shape: (height, width, ...).

    Returns:
        float32 tensor (num, height, width, 1), 1 in holes; they cover at most a quarter.
    """
    numbers = tf.random.stateless_uniform((num, BLOCKS, 4), seed, alg="philox")
    planes = []
    for axis, side in enumerate(image_shape[:2]):
        least, most = max(1, side // 8), side // 4
        lengths = least + tf.floor(numbers[:, :, axis] * (most - least + 1))
        starts = tf.floor(numbers[:, :, 2 + axis] * (side - lengths + 1.0))
        places = tf.range(side, dtype=tf.float32)
        planes.append(
            (places >= starts[..., tf.newaxis]) & (places < (starts + lengths)[..., tf.newaxis])
        )
    rows, columns = planes
    blocks = rows[:, :, :, tf.newaxis] & columns[:, :, tf.newaxis, :]  # (N, blocks, H, W)
    return tf.cast(tf.reduce_any(blocks, axis=1)[..., tf.newaxis], tf.float32)


def fill(channels):
    """Returns the values in a hole, float32 (channels,): colour, its mean for grey, opaque."""
    colour = np.array(COLOUR) / 127.5 - 1.0
    values = [colour.mean()] if channels == 1 else [*colour, 1.0][:channels]
    return np.array(values, "float32")


def channels(halvings):
    """Returns the channels of maps from large to small, as multiples of `width`.

    Example:

    >>> channels(5), channels(4), channels(3)
    ([1, 1, 2, 4, 8], [1, 2, 4, 8], [1, 2, 4])
    """
    return [2 ** max(0, level - max(0, halvings - 4)) for level in range(halvings)]


def down(x, halvings, width):
    """Halves the sides of maps so many times; no norm in the first layer."""
    for level, multiple in enumerate(channels(halvings)):
        x = conv(multiple * width, strides=2, padding="same")(x)
        x = leaky_relu()(batch_norm(x) if level else x)
    return x


def conv(filters, kernel_size=4, kind=layers.Conv2D, **options):
    return kind(filters, kernel_size, use_bias=False, kernel_initializer=normal(), **options)


def transposed(filters, kernel_size=4, **options):
    return conv(filters, kernel_size, layers.Conv2DTranspose, **options)


def build_generator(image_shape, width=64, central=True):
    """Pictures (N, H, W, C) and holes (N, H, W, 1) -> pictures with the holes filled.

    The layer "drawing" gives what is drawn: the middle half, or a whole picture.
    """
    check_image_shape(image_shape)
    halvings, base = count_halvings(image_shape), base_sides(image_shape)
    picture, hole = (
        keras.Input(image_shape, name="picture"),
        keras.Input((*image_shape[:2], 1), name="hole"),
    )
    is_hole = hole > 0.5
    context = ops.where(is_hole, fill(image_shape[2]), picture)

    x = down(context, halvings, width)  # (N, 4, 4, 8w) for 64 pixels
    x = leaky_relu()(batch_norm(conv(round(BOTTLENECK * width), base)(x)))  # (N, 1, 1, 62.5w)
    doublings = halvings - 1 if central else halvings
    first, *others = reversed(channels(doublings))
    x = layers.ReLU()(batch_norm(transposed(first * width, base)(x)))  # (N, 4, 4, 4w)
    for multiple in others:  # (N, 8, 8, 2w), (N, 16, 16, w)
        x = transposed(multiple * width, strides=2, padding="same")(x)
        x = layers.ReLU()(batch_norm(x))
    x = transposed(
        image_shape[2],
        strides=2,
        padding="same",
        activation="tanh",
        dtype="float32",
        name="drawing",
    )(x)  # (N, 32, 32, C)
    if central:
        height, wide = image_shape[0] // 4, image_shape[1] // 4
        x = ops.pad(x, [(0, 0), (height, height), (wide, wide), (0, 0)])
        is_hole = ops.logical_and(is_hole, framed(image_shape[:2], (height, wide)) > 0.5)
    images = ops.where(is_hole, x, context)
    return keras.Model([picture, hole], images, name="generator")


def build_discriminator(image_shape, width=64, central=True):
    """What was drawn, (N, H / 2, W / 2, C) or (N, H, W, C) -> logits (N, 1)."""
    halvings, base = count_halvings(image_shape), base_sides(image_shape)
    sides = [side // 2 if central else side for side in image_shape[:2]]
    images = keras.Input((*sides, image_shape[2]), name="images")
    x = down(images, halvings - 1 if central else halvings, width)  # (N, 4, 4, 4w)
    logits = layers.Flatten(dtype="float32")(conv(1, base, dtype="float32", name="logits")(x))
    return keras.Model(images, logits, name="discriminator")
