"""StyleGAN2's networks: Karras et al. 2020, figures 2 and 7, https://arxiv.org/abs/1912.04958, with
the details of https://github.com/NVlabs/stylegan2-ada-pytorch; what differs stands in
`kerasgan.models.stylegan2`. Layers have the names of the authors', such as "b8_conv0" for the first
convolution at 8 pixels."""

import keras
from keras import layers

from kerasgan.layers import (
    Bias,
    Blur,
    ClipAtInference,
    EqualizedConv2D,
    EqualizedDense,
    FilteredUpsample,
    LearnedConstant,
    MinibatchStandardDeviation,
    ModulatedConv2D,
    Noise,
    PixelNormalization,
    Truncation,
    scaled_leaky_relu,
)
from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings
from kerasgan.utils.errors import UserError

MOST_CHANNELS = 512


def count_layers(image_shape):
    """Returns the number of latents w that a synthesis network takes, as in the authors' code.

    Example:

    >>> count_layers((32, 32, 3))  # 4x4: 1, 8x8: 2, 16x16: 2, 32x32: 2, picture: 1
    8
    """
    return 2 * count_halvings(image_shape) + 2


def channels_at(level, width):
    """Returns the channels of feature maps after `level` halvings."""
    return min(width * 2**level, MOST_CHANNELS)


def build_generator(image_shape, latent_dim=512, width=512, mapping_layers=2):
    """Latents (N, latent_dim) and psi (N,) -> images (N, H, W, C), in [-1, 1] at inference."""
    check_image_shape(image_shape)
    z = keras.Input((latent_dim,), name="z")
    truncation = keras.Input((), name="truncation")
    w = build_mapping(latent_dim, mapping_layers)([z, truncation])
    images = build_synthesis(image_shape, latent_dim, width)([w] * count_layers(image_shape))
    return keras.Model([z, truncation], images, name="generator")


def build_mapping(latent_dim, mapping_layers):
    """Latents z (N, latent_dim) and psi (N,) -> truncated latents w (N, latent_dim), float32."""
    z = keras.Input((latent_dim,), name="z")
    truncation = keras.Input((), name="truncation")
    w = PixelNormalization(dtype="float32")(z)
    for layer in range(mapping_layers):
        w = EqualizedDense(
            latent_dim,
            lr_multiplier=0.01,
            activation=scaled_leaky_relu,
            dtype="float32",
            name=f"fc{layer}",
        )(w)
    w = Truncation(dtype="float32", name="truncated")(w, truncation)
    return keras.Model([z, truncation], w, name="mapping")


def build_synthesis(image_shape, latent_dim, width):
    """Latents w, a list with one (N, latent_dim) for each layer -> images (N, H, W, C)."""
    inputs = [keras.Input((latent_dim,), name=f"w{i}") for i in range(count_layers(image_shape))]
    ws = iter(inputs)
    height, channels = base_sides(image_shape)[0], image_shape[2]
    halvings = count_halvings(image_shape)

    filters = channels_at(halvings, width)
    x = LearnedConstant((*base_sides(image_shape), filters), name=f"b{height}_constant")(inputs[0])
    x = styled_conv(x, next(ws), filters, f"b{height}_conv1")  # (N, 4, 4, 8w) for 32 pixels
    w = next(ws)
    images = to_image(x, w, channels, f"b{height}_torgb")
    for level in reversed(range(halvings)):  # (N, 8, 8, 4w), (N, 16, 16, 2w), (N, 32, 32, w)
        height *= 2
        filters = channels_at(level, width)
        x = styled_conv(x, w, filters, f"b{height}_conv0", upsample=True)
        x = styled_conv(x, next(ws), filters, f"b{height}_conv1")
        w = next(ws)  # the next block's first convolution takes it too
        larger = FilteredUpsample(dtype="float32")(images)
        images = layers.Add(dtype="float32")([larger, to_image(x, w, channels, f"b{height}_torgb")])
    images = ClipAtInference(dtype="float32", name="images")(images)
    return keras.Model(inputs, images, name="synthesis")


def style(x, w, name):
    """The style s of figure 2, one number for each channel of `x`, from w."""
    return EqualizedDense(x.shape[-1], bias_init=1.0, dtype="float32", name=f"{name}_style")(w)


def styled_conv(x, w, filters, name, upsample=False):
    """Figure 2 (d): modulated convolution, noise, bias, activation."""
    x = ModulatedConv2D(filters, 3, upsample, name=name)(x, style(x, w, name))
    x = Noise(name=f"{name}_noise")(x)
    return Bias(scaled_leaky_relu, name=f"{name}_bias")(x)


def to_image(x, w, channels, name):
    """tRGB of figure 7: feature map -> (N, H, W, C), float32; modulated, but not demodulated."""
    x = ModulatedConv2D(channels, 1, demodulate=False, name=name)(x, style(x, w, name))
    return Bias(dtype="float32", name=f"{name}_bias")(x)


def build_discriminator(image_shape, width=512, architecture="orig", group_size=32):
    """Images (N, H, W, C) -> logits (N, 1); float32 all through.

    Args:
        image_shape, width, architecture, group_size: As in `StyleGAN2`.
    """
    check_image_shape(image_shape)
    if architecture not in ("orig", "resnet"):
        raise UserError(
            f'`architecture` must be "orig" or "resnet". Received: architecture={architecture!r}'
        )
    images = keras.Input(image_shape, name="images")
    height, halvings = image_shape[0], count_halvings(image_shape)
    x = conv(images, channels_at(0, width), 1, f"b{height}_fromrgb")
    for level in range(halvings):  # (N, 16, 16, 2w), (N, 8, 8, 4w), (N, 4, 4, 8w) for 32 pixels
        x = down_block(x, channels_at(level + 1, width), f"b{height}", architecture == "resnet")
        height //= 2
    filters = x.shape[-1]
    x = MinibatchStandardDeviation(group_size, dtype="float32")(x)
    x = layers.Flatten(dtype="float32")(conv(x, filters, 3, f"b{height}_conv"))
    x = dense(x, filters, f"b{height}_fc", activation=scaled_leaky_relu)
    return keras.Model(images, dense(x, 1, f"b{height}_out"), name="discriminator")


def down_block(x, filters, name, residual):
    """Block of a discriminator: (N, H, W, C) -> (N, H / 2, W / 2, filters)."""
    h = conv(x, x.shape[-1], 3, f"{name}_conv0")
    h = Blur(padding=2, dtype="float32")(h)
    h = conv(h, filters, 3, f"{name}_conv1", strides=2, padding="valid")
    if not residual:
        return h
    shortcut = Blur(padding=1, stride=2, dtype="float32")(x)
    shortcut = EqualizedConv2D(filters, 1, use_bias=False, dtype="float32", name=f"{name}_skip")(
        shortcut
    )
    both = layers.Add(dtype="float32")([h, shortcut])
    return layers.Rescaling(0.5**0.5, dtype="float32")(both)  # keeps the variance


def conv(x, filters, kernel_size, name, padding="same", **kwargs):
    return EqualizedConv2D(
        filters,
        kernel_size,
        padding=padding,
        activation=scaled_leaky_relu,
        dtype="float32",
        name=name,
        **kwargs,
    )(x)


def dense(x, units, name, **kwargs):
    return EqualizedDense(units, dtype="float32", name=name, **kwargs)(x)
