"""Four players: two generators that translate in opposite directions, two discriminators, as in
Zhu et al. 2017, "Unpaired Image-to-Image Translation", https://arxiv.org/abs/1703.10593"""

import keras
import tensorflow as tf
from keras import layers

import kerasgan
from kerasgan.signature import Image, Signature


class Cycle(kerasgan.GAN):
    """Trains on unpaired (image, picture) examples; translates pictures into images."""

    players = {
        "g": "generator",
        "f": "backward",
        "d": "discriminator",
        "e": "backward_discriminator",
    }
    log_names = ("d_loss", "e_loss", "g_loss", "cycle_loss")

    def __init__(self, side=8, width=8, **options):
        shape = (side, side, 1)
        super().__init__(
            build_translator(shape, width, "generator"),
            build_discriminator(shape, width, "discriminator"),
            signature=Signature({"picture": Image(shape)}, Image(shape)),
            **options,
        )
        self.backward = build_translator(shape, width, "backward")
        self.backward_discriminator = build_discriminator(shape, width, "backward_discriminator")
        self.side = side
        self.width = width

    @staticmethod
    def default_optimizers():
        return tuple(keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(4))

    def train_step(self, example):
        images, pictures = example
        with tf.GradientTape(persistent=True) as tape:
            fake_images = self.generator(pictures, training=True)
            fake_pictures = self.backward(images, training=True)
            cycle_loss = tf.reduce_mean(
                tf.abs(self.backward(fake_images, training=True) - pictures)
            ) + tf.reduce_mean(tf.abs(self.generator(fake_pictures, training=True) - images))
            d_loss = squares(self.discriminator, images, tf.stop_gradient(fake_images))
            e_loss = squares(self.backward_discriminator, pictures, tf.stop_gradient(fake_pictures))
            g_loss = (
                tf.reduce_mean((self.discriminator(fake_images, training=True) - 1) ** 2)
                + tf.reduce_mean(
                    (self.backward_discriminator(fake_pictures, training=True) - 1) ** 2
                )
                + 10.0 * cycle_loss
            )
        self.minimize(tape, g_loss, self.generator, self.g_optimizer)
        self.minimize(tape, g_loss, self.backward, self.f_optimizer)
        self.minimize(tape, d_loss, self.discriminator, self.d_optimizer)
        self.minimize(tape, e_loss, self.backward_discriminator, self.e_optimizer)
        return self.end_step(d_loss=d_loss, e_loss=e_loss, g_loss=g_loss, cycle_loss=cycle_loss)


def squares(discriminator, real, fake):
    real_loss = tf.reduce_mean((discriminator(real, training=True) - 1) ** 2)
    return real_loss + tf.reduce_mean(discriminator(fake, training=True) ** 2)


def build_translator(shape, width, name):
    picture = keras.Input(shape, name="picture")
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(picture)
    images = layers.Conv2D(shape[-1], 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(picture, images, name=name)


def build_discriminator(shape, width, name):
    images = keras.Input(shape, name="images")
    x = layers.LeakyReLU(0.2)(layers.Conv2D(width, 4, strides=2, padding="same")(images))
    logits = layers.Dense(1, dtype="float32")(layers.Flatten()(x))
    return keras.Model(images, logits, name=name)
