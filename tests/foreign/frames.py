"""Prediction: the next frame of a film. The input is a film of three frames."""

import keras
import tensorflow as tf
from keras import layers

import kerasgan
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.signature import Film, Image, Signature


class Prediction(kerasgan.GAN):
    """Trains on pairs (image, frames): a frame and those before it."""

    log_names = ("d_loss", "g_loss", "l1")

    def __init__(self, side=16, channels=1, frames=3, width=8, **options):
        film, shape = (frames, side, side, channels), (side, side, channels)
        super().__init__(
            build_generator(film, width),
            build_discriminator(shape, width),
            signature=Signature({"frames": Film(film)}, Image(shape)),
            **options,
        )
        self.side = side
        self.channels = channels
        self.frames = frames
        self.width = width

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def train_step(self, example):
        images, frames = example
        with tf.GradientTape() as g_tape:
            fakes = self.generator(frames, training=True)
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator(images, training=True)
                fake_logits = self.discriminator(tf.stop_gradient(fakes), training=True)
                d_loss = discriminator_loss(real_logits, fake_logits)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
            l1 = tf.reduce_mean(tf.abs(images - fakes))
            g_loss = non_saturating_loss(self.discriminator(fakes, training=True)) + 10.0 * l1
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)
        return self.end_step(d_loss=d_loss, g_loss=g_loss, l1=l1)


def build_generator(film, width):
    num, height, wide, channels = film
    frames = keras.Input(film, name="frames")
    x = layers.Permute((2, 3, 1, 4))(frames)
    x = layers.Reshape((height, wide, num * channels))(x)
    x = layers.Conv2D(width, 5, padding="same", activation="relu")(x)
    x = layers.Conv2D(width, 5, padding="same", activation="relu")(x)
    images = layers.Conv2D(channels, 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(frames, images, name="generator")


def build_discriminator(shape, width):
    images = keras.Input(shape, name="images")
    x = layers.LeakyReLU(0.2)(layers.Conv2D(width, 4, strides=2, padding="same")(images))
    logits = layers.Dense(1, dtype="float32")(layers.Flatten()(x))
    return keras.Model(images, logits, name="discriminator")
