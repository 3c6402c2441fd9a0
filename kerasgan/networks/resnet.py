"""Residual blocks of WGAN-GP, SNGAN, SAGAN and BigGAN: Gulrajani et al. 2017, section 5.3 and
`gan_cifar_resnet.py`, https://arxiv.org/abs/1704.00028; Miyato et al. 2018, appendix,
https://arxiv.org/abs/1802.05957"""

import keras
from keras import layers

from kerasgan.layers import ConditionalBatchNormalization, SpectralConv2D
from kerasgan.networks.classes import label_input, pair
from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings


def glorot(gain=1.0):
    return keras.initializers.VarianceScaling(gain**2, "fan_avg", "uniform")


def conv(filters, kernel_size, **kwargs):
    gain = 2.0**0.5 if kernel_size == 3 else 1.0
    return layers.Conv2D(
        filters, kernel_size, padding="same", kernel_initializer=glorot(gain), **kwargs
    )


def spectral_conv(filters, kernel_size):
    gain = 2.0**0.5 if kernel_size == 3 else 1.0
    return SpectralConv2D(filters, kernel_size, padding="same", kernel_initializer=glorot(gain))


def orthogonal_conv(filters, kernel_size, use_bias=True, **kwargs):
    """Convolution with spectral normalisation and the initialization of BigGAN."""
    return SpectralConv2D(
        filters,
        kernel_size,
        padding="same",
        use_bias=use_bias,
        kernel_initializer="orthogonal",
        **kwargs,
    )


def batch_norm(x):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True)(x)


def unchanged(x):
    return x


def up_block(x, filters, conv=conv, norm=batch_norm):
    """Residual block of a generator: (N, H, W, C) -> (N, 2H, 2W, filters).

    Args:
        x: Feature map.
        filters: Channels that come out.
        conv: Function of filters, kernel size and `use_bias` that makes a convolution.
        norm: Function of a feature map that normalises it.
    """
    h = layers.UpSampling2D(2)(layers.ReLU()(norm(x)))
    h = conv(filters, 3, use_bias=False)(h)
    h = conv(filters, 3, use_bias=False)(layers.ReLU()(norm(h)))
    shortcut = conv(filters, 1, use_bias=False)(layers.UpSampling2D(2)(x))
    return layers.Add()([h, shortcut])


def first_down_block(images, filters, conv=spectral_conv):
    """First block of a discriminator: as `down_block`, but with no ReLU before the images."""
    h = conv(filters, 3)(images)
    h = conv(filters, 3)(layers.ReLU()(h))
    shortcut = conv(filters, 1)(layers.AveragePooling2D(2)(images))
    return layers.Add()([layers.AveragePooling2D(2)(h), shortcut])


def down_block(x, filters, conv=spectral_conv, norm=unchanged):
    """Residual block of a discriminator: (N, H, W, C) -> (N, H / 2, W / 2, filters)."""
    h = conv(filters, 3)(layers.ReLU()(norm(x)))
    h = conv(filters, 3)(layers.ReLU()(norm(h)))
    h = layers.Add()([h, conv(filters, 1)(x)])  # pooling the sum is pooling both
    return layers.AveragePooling2D(2)(h)


def last_block(x, conv=spectral_conv, norm=unchanged):
    """Residual block that keeps the shape (N, H, W, C)."""
    h = conv(x.shape[-1], 3)(layers.ReLU()(norm(x)))
    h = conv(x.shape[-1], 3)(layers.ReLU()(norm(h)))
    return layers.Add()([h, x])


def build_generator(image_shape, latent_dim=128, width=128, norm=batch_norm, num_classes=None):
    """Latents (N, latent_dim) and labels (N,), if any -> images (N, H, W, C) in [-1, 1].

    Blocks have `width` channels. With classes, their norms are conditional batch norms.
    """
    check_image_shape(image_shape)
    halvings, base = count_halvings(image_shape), base_sides(image_shape)
    z, label = keras.Input((latent_dim,), name="z"), label_input(num_classes)

    def block_norm(x):
        return norm(x) if label is None else ConditionalBatchNormalization(num_classes)(x, label)

    x = layers.Dense(base[0] * base[1] * width, kernel_initializer=glorot())(z)
    x = layers.Reshape((*base, width))(x)  # (N, 4, 4, w) for 32 pixels
    for _ in range(halvings):  # (N, 8, 8, w), (N, 16, 16, w), (N, 32, 32, w)
        x = up_block(x, width, norm=block_norm)
    images = layers.Conv2D(
        image_shape[2],
        3,
        padding="same",
        activation="tanh",
        kernel_initializer=glorot(),
        dtype="float32",
        name="images",
    )(layers.ReLU()(norm(x)))
    return keras.Model(pair(z, label), images, name="generator")
