"""Small models that make pictures of other pictures, the part `source`, for tests of the data."""

import keras
import tensorflow as tf
from keras import layers

import kerasgan
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.signature import Image, Signature


class Translator(kerasgan.GAN):
    """Trains on (image, source)."""

    def __init__(self, image_shape=(16, 16, 3), source_shape=(16, 16, 1), width=4, **options):
        super().__init__(
            build_generator(image_shape, source_shape, width),
            build_discriminator(image_shape, source_shape, width),
            signature=Signature({"source": Image(source_shape)}, Image(image_shape)),
            **options,
        )
        self.image_shape, self.source_shape = tuple(image_shape), tuple(source_shape)
        self.width = width

    @classmethod
    def from_spec(cls, spec, **arguments):
        parts = [part for part in ("image", "source") if part in spec]
        return {f"{part}_shape": spec[part].shape for part in parts}

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5)

    def train_step(self, example):
        images, sources = example
        with tf.GradientTape() as g_tape:
            fakes = self.generator(sources, training=True)
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator([images, sources], training=True)
                fake_logits = self.discriminator([tf.stop_gradient(fakes), sources], training=True)
                d_loss = discriminator_loss(real_logits, fake_logits)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
            g_loss = non_saturating_loss(self.discriminator([fakes, sources], training=True))
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)
        return self.end_step(d_loss=d_loss, g_loss=g_loss)


class Unpaired(Translator):
    """The same, of pictures that do not belong together."""

    paired = False


def build_generator(image_shape, source_shape, width):
    source = keras.Input(source_shape, name="source")
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(source)
    images = layers.Conv2D(image_shape[2], 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(source, images, name="generator")


def build_discriminator(image_shape, source_shape, width):
    image = keras.Input(image_shape, name="image")
    source = keras.Input(source_shape, name="source")
    x = layers.Concatenate()([image, source])
    x = layers.LeakyReLU(0.2)(layers.Conv2D(width, 4, strides=2, padding="same")(x))
    logits = layers.Dense(1, dtype="float32")(layers.Flatten()(x))
    return keras.Model([image, source], logits, name="discriminator")
