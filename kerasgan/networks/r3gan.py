"""R3GAN's networks: Huang et al. 2024, section 3, https://arxiv.org/abs/2501.05441, with the
initial values of https://github.com/brownvc/R3GAN; what differs stands in `kerasgan.models.r3gan`.
"""

import math

import keras
from keras import layers, ops

from kerasgan.layers import (
    Basis,
    Blur,
    ClipAtInference,
    FilteredUpsample,
    GroupedConv2D,
    OneHot,
)
from kerasgan.networks import points
from kerasgan.networks.classes import pair
from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings
from kerasgan.utils.errors import UserError

EXPANSION = 2  # of the channels within a block
GROUP = 16  # channels of a group
GAIN = math.sqrt(2.0 / (1.0 + 0.2**2))  # keeps the variance through a leaky ReLU of slope 0.2


def msr(gain=1.0):
    """Normal initial values of standard deviation gain / sqrt(fan in)."""
    return keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal")


def conv(filters, **options):
    return layers.Conv2D(filters, 1, **{"use_bias": False, "kernel_initializer": msr(), **options})


def groups_of(channels, width, cardinality):
    """Returns the groups of a stage of so many channels."""
    inner = EXPANSION * channels
    if cardinality is None:
        return next(n for n in range(max(1, inner // GROUP), 0, -1) if inner % n == 0)
    groups = cardinality * channels // width
    if groups < 1 or inner % groups or cardinality * channels % width:
        raise UserError(
            f"`cardinality` must divide the channels of each block, {EXPANSION} times `width`; "
            f"both halve at larger sides. Received: cardinality={cardinality}, width={width}"
        )
    return groups


def block(x, groups, total, dtype=None):
    """Residual block of (N, H, W, C): 1x1 to 2C, grouped 3x3, 1x1 back to C, added to x.

    Args:
        x: Feature map.
        groups: Groups of the 3x3 convolution.
        total: L, blocks in the network. With the branch's last convolution zero and L^(-1/4) in the
            others, its updates are as large as those of a network of one block (Fix-up: Zhang,
            Dauphin & Ma 2019, https://arxiv.org/abs/1901.09321).
        dtype: Policy of the layers.
    """
    channels, scaled = x.shape[-1], msr(GAIN * total**-0.25)
    options = {"use_bias": True, "dtype": dtype}
    h = conv(EXPANSION * channels, kernel_initializer=scaled, **options)(x)
    h = layers.LeakyReLU(0.2, dtype=dtype)(h)
    h = GroupedConv2D(
        EXPANSION * channels,
        3,
        padding="same",
        groups=groups,
        kernel_initializer=scaled,
        **options,
    )(h)
    h = layers.LeakyReLU(0.2, dtype=dtype)(h)
    h = conv(channels, kernel_initializer="zeros", dtype=dtype)(h)
    return layers.Add(dtype=dtype)([x, h])


def stages(image_shape, width, halve_beyond=32):
    """Returns the channels of each stage, from the smallest to the image's."""
    check_image_shape(image_shape)
    side = min(base_sides(image_shape))
    sides = [side * 2**level for level in range(count_halvings(image_shape) + 1)]
    doublings = [max(0, math.ceil(math.log2(side / halve_beyond))) for side in sides]
    channels = [width // 2**number for number in doublings]
    if width % 2 ** doublings[-1]:
        raise UserError(
            f"`width` must be divisible by {2 ** doublings[-1]} for images of {sides[-1]} pixels. "
            f"Received: width={width}"
        )
    return channels


def build_generator(
    image_shape,
    latent_dim=64,
    num_classes=None,
    width=768,
    halve_beyond=32,
    blocks=2,
    cardinality=None,
):
    """Latents (N, latent_dim) and labels (N,), if any -> images (N, H, W, C), in [-1, 1] at
    inference; or latents -> points (N, D)."""
    if len(image_shape) == 1:
        check_no_classes(num_classes)
        return points.build_generator(image_shape[0], latent_dim, 2 * width)
    channels = stages(image_shape, width, halve_beyond)
    total = blocks * len(channels)
    z = keras.Input((latent_dim,), name="z")
    label, x, dtype = None, z, "float32"
    if num_classes is not None:
        label = keras.Input((), dtype="int32", name="label")
        x = layers.Concatenate(dtype=dtype)([z, embedding(label, num_classes, latent_dim)])

    x = dense(channels[0])(x)
    x = Basis(base_sides(image_shape), dtype=dtype)(layers.Reshape((1, 1, -1), dtype=dtype)(x))
    for level, filters in enumerate(channels):  # (N, 4, 4, w), ..., (N, 32, 32, w)
        if level:
            dtype = None
            x = x if x.shape[-1] == filters else conv(filters)(x)
            x = FilteredUpsample()(x)
        for _ in range(blocks):
            x = block(x, groups_of(filters, width, cardinality), total, dtype)
    x = conv(image_shape[2], dtype="float32")(x)
    images = ClipAtInference(dtype="float32", name="images")(x)
    return keras.Model(pair(z, label), images, name="generator")


def build_discriminator(
    image_shape, num_classes=None, width=768, halve_beyond=32, blocks=2, cardinality=None
):
    """Images (N, H, W, C) and labels (N,), if any, or points (N, D), -> logits (N, 1)."""
    if len(image_shape) == 1:
        check_no_classes(num_classes)
        return points.build_discriminator(image_shape[0], 2 * width)
    channels = stages(image_shape, width, halve_beyond)[::-1]
    total = blocks * len(channels)
    images = keras.Input(image_shape, name="images")
    label = None if num_classes is None else keras.Input((), dtype="int32", name="label")
    dtype = "float32" if keras.config.dtype_policy().compute_dtype == "float16" else None

    x = conv(channels[0], dtype=dtype)(images)
    for level, filters in enumerate(channels):  # (N, 32, 32, w), ..., (N, 4, 4, w)
        if level:
            x = Blur(padding=1, stride=2, dtype=dtype)(x)
            x = x if x.shape[-1] == filters else conv(filters, dtype=dtype)(x)
        dtype = "float32" if level == len(channels) - 1 else dtype
        for _ in range(blocks):
            x = block(x, groups_of(filters, width, cardinality), total, dtype)
    height, side = x.shape[1:3]
    x = Basis((height, side), stddev=(height * side) ** -0.5, dtype="float32")(x)
    x = ops.sum(x, axis=(1, 2))  # (N, w)
    if label is None:
        return keras.Model(images, dense(1, name="logits")(x), name="discriminator")
    # The inner product with the class's embedding
    classes = embedding(label, num_classes, width, 1 / math.sqrt(width))
    logits = layers.Dot(axes=1, dtype="float32", name="logits")([dense(width)(x), classes])
    return keras.Model([images, label], logits, name="discriminator")


def dense(units, gain=1.0, **options):
    return layers.Dense(
        units, use_bias=False, kernel_initializer=msr(gain), dtype="float32", **options
    )


def embedding(label, num_classes, dim, gain=1.0):
    return dense(dim, gain)(OneHot(num_classes, dtype="float32")(label))


def check_no_classes(num_classes):
    if num_classes is not None:
        raise UserError(f"Points have no classes. Received: num_classes={num_classes}")
