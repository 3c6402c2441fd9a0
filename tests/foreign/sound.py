"""Audio: generates waveforms of 1,024 samples."""

import keras
import tensorflow as tf
from keras import layers

import kerasgan
from kerasgan.losses import hinge_discriminator_loss, hinge_generator_loss
from kerasgan.signature import Latent, Signature, Waveform


class Sound(kerasgan.GAN):
    """Trains on audio (N, 1024, 1) in [-1, 1]."""

    def __init__(self, length=1024, width=8, **options):
        super().__init__(
            build_generator(length, width),
            build_discriminator(length, width),
            signature=Signature({"z": Latent(16)}, Waveform(length, rate=8000)),
            **options,
        )
        self.length = length
        self.width = width

    @classmethod
    def from_spec(cls, spec, **arguments):
        return {"length": spec["audio"].length}

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(1e-4, beta_1=0.5), keras.optimizers.Adam(1e-4, beta_1=0.5)

    def train_step(self, audio):
        num = tf.shape(audio)[0]
        fakes = self.generator(self.sample_latents(num), training=True)
        with tf.GradientTape() as tape:
            real_logits = self.discriminator(audio, training=True)
            fake_logits = self.discriminator(fakes, training=True)
            d_loss = hinge_discriminator_loss(real_logits, fake_logits)
        self.minimize(tape, d_loss, self.discriminator, self.d_optimizer)

        z = self.sample_latents(num)
        with tf.GradientTape() as tape:
            fakes = self.generator(z, training=True)
            g_loss = hinge_generator_loss(self.discriminator(fakes, training=True))
        self.minimize(tape, g_loss, self.generator, self.g_optimizer)
        return self.end_step(d_loss=d_loss, g_loss=g_loss)


def build_generator(length, width):
    z = keras.Input((16,), name="z")
    x = layers.Dense(length // 16 * width, activation="relu")(z)
    x = layers.Reshape((length // 16, width))(x)  # (N, 64, w)
    for _ in range(2):  # (N, 256, w), (N, 1024, w)
        x = layers.UpSampling1D(4)(x)
        x = layers.Conv1D(width, 9, padding="same", activation="relu")(x)
    audio = layers.Conv1D(1, 9, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(z, audio, name="generator")


def build_discriminator(length, width):
    audio = keras.Input((length, 1), name="audio")
    x = audio
    for _ in range(2):
        x = layers.LeakyReLU(0.2)(layers.Conv1D(width, 9, strides=4, padding="same")(x))
    logits = layers.Dense(1, use_bias=False, dtype="float32")(layers.Flatten()(x))
    return keras.Model(audio, logits, name="discriminator")
