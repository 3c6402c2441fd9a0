"""DCGAN's networks: Radford, Metz & Chintala 2016, sections 3 and 4,
https://arxiv.org/abs/1511.06434; what differs from the paper stands in `kerasgan.models.dcgan`."""

import keras
from keras import layers

from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings


def normal(mean=0.0):
    return keras.initializers.RandomNormal(mean, 0.02)


def batch_norm(x):
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, gamma_initializer=normal(1.0), synchronized=True
    )(x)


def leaky_relu(dtype=None):
    return layers.LeakyReLU(0.2, dtype=dtype)


def build_generator(image_shape, latent_dim=100, width=128):
    """Latents (N, latent_dim) -> images (N, H, W, C) in [-1, 1]."""
    check_image_shape(image_shape)
    z = keras.Input((latent_dim,), name="z")
    return keras.Model(z, drawn_images(z, image_shape, width), name="generator")


def drawn_images(x, image_shape, width):
    """The layers from vectors (N, D) to images (N, H, W, C) in [-1, 1]."""
    halvings, base = count_halvings(image_shape), base_sides(image_shape)
    filters = width * 2 ** (halvings - 1)
    x = layers.Dense(base[0] * base[1] * filters, use_bias=False, kernel_initializer=normal())(x)
    x = layers.Reshape((*base, filters))(x)  # (N, 4, 4, 4w) for 32 pixels
    x = layers.ReLU()(batch_norm(x))
    for _ in range(halvings - 1):  # (N, 8, 8, 2w), (N, 16, 16, w)
        filters //= 2
        x = layers.Conv2DTranspose(
            filters, 4, strides=2, padding="same", use_bias=False, kernel_initializer=normal()
        )(x)
        x = layers.ReLU()(batch_norm(x))
    return layers.Conv2DTranspose(
        image_shape[2],
        4,
        strides=2,
        padding="same",
        activation="tanh",
        kernel_initializer=normal(),
        dtype="float32",
        name="images",
    )(x)


def build_discriminator(
    image_shape,
    width=128,
    outputs=1,
    use_bias=True,
    norm=batch_norm,
    activation=leaky_relu,
    dtype=None,
):
    """Images (N, H, W, C) -> logits (N, outputs).

    Args:
        image_shape: (height, width, channels), both sides divisible by 4.
        width: Channels of the first hidden layer.
        outputs: Length of what comes out.
        use_bias: Whether the last layer has a bias; one cancels in a critic's loss.
        norm: Function of a feature map that normalises it, or `None`.
        activation: Function of a dtype that makes the layer after each convolution.
        dtype: Policy of all layers; `None` is Keras's.
    """
    check_image_shape(image_shape)
    images = keras.Input(image_shape, name="images")
    x = feature_maps(images, width, norm, activation, dtype)
    logits = layers.Dense(
        outputs, use_bias=use_bias, kernel_initializer=normal(), dtype="float32", name="logits"
    )(layers.Flatten(dtype=dtype)(x))
    return keras.Model(images, logits, name="discriminator")


def feature_maps(x, width, norm=batch_norm, activation=leaky_relu, dtype=None):
    """The layers from images (N, H, W, C) to maps (N, 4, 4, C), or of another base."""
    for level in range(count_halvings(x.shape[1:])):  # (N, 16, 16, w) ... (N, 4, 4, 4w)
        normed = level > 0 and norm is not None
        x = layers.Conv2D(
            width * 2**level,
            4,
            strides=2,
            padding="same",
            use_bias=not normed,
            kernel_initializer=normal(),
            dtype=dtype,
        )(x)
        x = activation(dtype=dtype)(norm(x) if normed else x)
    return x
