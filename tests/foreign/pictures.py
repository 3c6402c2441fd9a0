"""Image-to-image translation: colours grey pictures. The input is given; there are no latents."""

import keras
import tensorflow as tf
from keras import layers

import kerasgan
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.signature import Image, Signature


class Colouring(kerasgan.GAN):
    """Trains on pairs (image, picture): a colour image and its grey version."""

    log_names = ("d_loss", "g_loss", "l1")

    def __init__(self, side=16, width=8, **options):
        super().__init__(
            build_generator(side, width),
            build_discriminator(side, width),
            signature=Signature({"picture": Image((side, side, 1))}, Image((side, side, 3))),
            **options,
        )
        self.side = side
        self.width = width

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def train_step(self, example):
        images, pictures = example
        with tf.GradientTape() as g_tape:
            fakes = self.generator(pictures, training=True)
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator([images, pictures], training=True)
                fake_logits = self.discriminator([tf.stop_gradient(fakes), pictures], training=True)
                d_loss = discriminator_loss(real_logits, fake_logits)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
            l1 = tf.reduce_mean(tf.abs(images - fakes))
            adversarial = non_saturating_loss(self.discriminator([fakes, pictures], training=True))
            g_loss = adversarial + 10.0 * l1
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)
        return self.end_step(d_loss=d_loss, g_loss=g_loss, l1=l1)


def build_generator(side, width):
    picture = keras.Input((side, side, 1), name="picture")
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(picture)
    images = layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(picture, images, name="generator")


def build_discriminator(side, width):
    image = keras.Input((side, side, 3), name="image")
    picture = keras.Input((side, side, 1), name="picture")
    x = layers.Concatenate()([image, picture])
    x = layers.LeakyReLU(0.2)(layers.Conv2D(width, 4, strides=2, padding="same")(x))
    logits = layers.Dense(1, dtype="float32")(layers.Flatten()(x))
    return keras.Model([image, picture], logits, name="discriminator")
