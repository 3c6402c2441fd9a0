"""Completion: fills a hole in a picture. Both inputs are made of the images that it trains on."""

import keras
import tensorflow as tf
from keras import layers

import kerasgan
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.signature import Image, Mask, Signature


class Completion(kerasgan.GAN):
    """Trains on images; the hole is the square in their middle."""

    log_names = ("d_loss", "g_loss", "l2")

    def __init__(self, side=16, channels=3, width=8, **options):
        shape = (side, side, channels)
        super().__init__(
            build_generator(shape, width),
            build_discriminator(shape, width),
            signature=Signature(
                {"picture": Image(shape), "hole": Mask(shape[:2])},
                Image(shape),
                made={
                    "picture": lambda parts: parts["image"],
                    "hole": lambda parts: middle(tf.shape(parts["image"])[0], side),
                },
            ),
            **options,
        )
        self.side = side
        self.channels = channels
        self.width = width

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def train_step(self, images):
        holes = middle(tf.shape(images)[0], self.side)
        with tf.GradientTape() as g_tape:
            fakes = self.generator([images, holes], training=True)
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator(images, training=True)
                fake_logits = self.discriminator(tf.stop_gradient(fakes), training=True)
                d_loss = discriminator_loss(real_logits, fake_logits)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
            l2 = tf.reduce_mean((images - fakes) ** 2)
            logits = self.discriminator(fakes, training=True)
            g_loss = non_saturating_loss(logits) + 10.0 * l2
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)
        return self.end_step(d_loss=d_loss, g_loss=g_loss, l2=l2)


def middle(num, side):
    """Returns `num` masks, 1 in the square of half the side in the middle."""
    inside = tf.cast(tf.abs(tf.range(side) - side // 2) < side // 4, tf.float32)
    mask = inside[:, tf.newaxis, tf.newaxis] * inside[tf.newaxis, :, tf.newaxis]
    return tf.repeat(mask[tf.newaxis], num, axis=0)


def build_generator(shape, width):
    picture = keras.Input(shape, name="picture")
    hole = keras.Input((*shape[:2], 1), name="hole")
    seen = layers.Multiply()([picture, layers.Rescaling(-1.0, 1.0)(hole)])
    x = layers.Concatenate()([seen, hole])
    x = layers.Conv2D(width, 5, padding="same", activation="relu")(x)
    x = layers.Conv2D(width, 5, padding="same", activation="relu")(x)
    filling = layers.Conv2D(shape[-1], 3, padding="same", activation="tanh")(x)
    images = layers.Add(dtype="float32")([seen, layers.Multiply()([filling, hole])])
    return keras.Model([picture, hole], images, name="generator")


def build_discriminator(shape, width):
    images = keras.Input(shape, name="images")
    x = layers.LeakyReLU(0.2)(layers.Conv2D(width, 4, strides=2, padding="same")(images))
    logits = layers.Dense(1, dtype="float32")(layers.Flatten()(x))
    return keras.Model(images, logits, name="discriminator")
