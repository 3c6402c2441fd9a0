"""The discriminator is an autoencoder; a state k balances the two losses at each step, as in
Berthelot et al. 2017, "BEGAN", https://arxiv.org/abs/1703.10717"""

import keras
import tensorflow as tf
from keras import layers

import kerasgan
from kerasgan.signature import Image, Latent, Signature


class Balanced(kerasgan.GAN):
    """Trains on images."""

    log_names = ("d_loss", "g_loss", "balance")
    saturating_losses = ()

    def __init__(self, side=16, width=8, gamma=0.5, **options):
        super().__init__(
            build_generator(side, width),
            build_autoencoder(side, width),
            signature=Signature({"z": Latent(8, uniform=(-1, 1))}, Image((side, side, 1))),
            **options,
        )
        self.side = side
        self.width = width
        self.gamma = gamma
        self.k = self.add_state("k")

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)

    def error(self, images):
        return tf.reduce_mean(tf.abs(images - self.discriminator(images, training=True)))

    def train_step(self, images):
        z = self.sample_latents(tf.shape(images)[0])
        with tf.GradientTape(persistent=True) as tape:
            fakes = self.generator(z, training=True)
            real_error = self.error(images)
            d_loss = real_error - self.k * self.error(tf.stop_gradient(fakes))
            g_loss = self.error(fakes)
        self.minimize(tape, d_loss, self.discriminator, self.d_optimizer)
        self.minimize(tape, g_loss, self.generator, self.g_optimizer)
        self.k.assign(self.k + 0.1 * (self.gamma * real_error - g_loss))
        self.k.assign(tf.clip_by_value(tf.convert_to_tensor(self.k), 0.0, 1.0))
        return self.end_step(d_loss=d_loss, g_loss=g_loss, balance=tf.convert_to_tensor(self.k))


def build_generator(side, width):
    z = keras.Input((8,), name="z")
    x = layers.Dense(side * side * width // 4, activation="elu")(z)
    x = layers.Reshape((side // 2, side // 2, width))(x)
    x = layers.UpSampling2D()(x)
    images = layers.Conv2D(1, 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(z, images, name="generator")


def build_autoencoder(side, width):
    images = keras.Input((side, side, 1), name="images")
    x = layers.Conv2D(width, 3, strides=2, padding="same", activation="elu")(images)
    x = layers.UpSampling2D()(x)
    decoded = layers.Conv2D(1, 3, padding="same", dtype="float32")(x)
    return keras.Model(images, decoded, name="discriminator")
