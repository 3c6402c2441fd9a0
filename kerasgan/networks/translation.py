"""Networks that make pictures of pictures: the U-Net and the discriminator of patches of pix2pix,
and the residual network of CycleGAN.

Isola, Zhu, Zhou & Efros 2017, "Image-to-Image Translation with Conditional Adversarial Networks",
appendix 6.1, https://arxiv.org/abs/1611.07004: 4x4 kernels with a stride of 2, LeakyReLU of slope
0.2 on the way down, ReLU on the way up, weights N(0, 0.02), scales of batch norms N(1, 0.02). Zhu,
Park, Isola & Efros 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", appendix 7.2, https://arxiv.org/abs/1703.10593: reflected borders, instance norm without
scales. Details are those of https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix: there is no
norm on the first layers, nor on the U-Net's innermost map, whose single place it would empty in a
batch of 1; and layers before an instance norm have biases.
"""

import functools

from keras import Input, Model, layers

from kerasgan.layers import Dropout, ReflectionPadding2D
from kerasgan.networks.dcgan import batch_norm, leaky_relu, normal
from kerasgan.networks.shapes import check_image_shape, count_halvings
from kerasgan.utils.errors import UserError

MOST = 8  # times `width`: the channels of the smallest maps
PATCHES = {16: 1, 34: 2, 70: 3, 142: 4, 286: 5}  # sides of patches by halvings
DROPPED = 3  # of the decoder's maps, from the smallest on, have dropout


def build_unet(image_shape, source_shape, width=64, dropout=0.5, name="source"):
    """Source pictures (N, H, W, C) -> images (N, H, W, D) in [-1, 1], through maps down to 1x1.

    Args:
        image_shape: (height, width, channels) of the images that come out; sides divisible by 4.
            They halve as long as both are even.
        source_shape: That of the pictures that go in; same sides.
        width: Channels of the largest maps; they double with each halving, up to 8 times.
        dropout: Share of numbers that training drops from the decoder's first three maps.
        name: Name of the input.

    Returns:
        `keras.Model`.

    Raises:
        UserError: If the sides differ, or one is not divisible by 4.

    Example:

    >>> build_unet((32, 32, 3), (32, 32, 1), width=4).output_shape
    (None, 32, 32, 3)
    """
    check_sides(image_shape, source_shape)
    halvings = count_halvings(image_shape, least=1)
    source = Input(source_shape, name=name)
    down = [conv(source, width)]  # (N, 128, 128, w) for 256 pixels
    for level in range(1, halvings):  # (N, 64, 64, 2w), ..., (N, 1, 1, 8w)
        x = conv(leaky_relu()(down[-1]), width * min(2**level, MOST))
        down.append(batch_norm(x) if level < halvings - 1 else x)
    x = down.pop()
    for level in reversed(range(halvings - 1)):  # (N, 2, 2, 8w), ..., (N, 128, 128, w)
        x = batch_norm(doubled(layers.ReLU()(x), width * min(2**level, MOST)))
        if level > halvings - 2 - DROPPED and dropout:
            x = Dropout(dropout)(x)
        x = layers.Concatenate()([down.pop(), x])
    images = doubled(
        layers.ReLU()(x),
        image_shape[2],
        use_bias=True,
        activation="tanh",
        dtype="float32",
        name="images",
    )
    return Model(source, images, name="generator")


def instance_norm(x):
    """Normalises each map of each picture: no statistics of a batch, no weights."""
    return layers.GroupNormalization(groups=-1, epsilon=1e-5, center=False, scale=False)(x)


def build_resnet(
    image_shape,
    source_shape,
    width=64,
    blocks=9,
    norm=instance_norm,
    name="source",
    output="images",
):
    """Source pictures (N, H, W, C) -> images (N, H, W, D) in [-1, 1], by residual blocks at a
    quarter of the sides.

    Args:
        image_shape: (height, width, channels) of the images that come out; sides divisible by 4.
        source_shape: That of the pictures that go in; same sides.
        width: Channels at full size.
        blocks: Residual blocks; the paper has 6 for 128 pixels and 9 from 256 on.
        norm: Function of a feature map that normalises it.
        name: Name of the input.
        output: Name of the last layer.

    Returns:
        `keras.Model`.

    Raises:
        UserError: If the sides differ, or one is not divisible by 4.

    Example:

    >>> build_resnet((32, 32, 3), (32, 32, 1), width=4, blocks=2).output_shape
    (None, 32, 32, 3)
    """
    check_sides(image_shape, source_shape)
    use_bias = norm is instance_norm
    plain = functools.partial(layers.Conv2D, kernel_initializer=normal(), use_bias=use_bias)
    source = Input(source_shape, name=name)
    x = plain(width, 7)(ReflectionPadding2D(3)(source))
    x = layers.ReLU()(norm(x))  # (N, H, W, w)
    for level in (1, 2):  # (N, H / 2, W / 2, 2w), (N, H / 4, W / 4, 4w)
        x = plain(width * 2**level, 3, strides=2)(layers.ZeroPadding2D(1)(x))
        x = layers.ReLU()(norm(x))
    for _ in range(blocks):
        h = layers.ReLU()(norm(plain(4 * width, 3)(ReflectionPadding2D(1)(x))))
        x = layers.Add()([x, norm(plain(4 * width, 3)(ReflectionPadding2D(1)(h)))])
    for level in (1, 0):
        x = layers.Conv2DTranspose(
            width * 2**level, 3, strides=2, use_bias=use_bias, kernel_initializer=normal()
        )(x)
        x = layers.Cropping2D(((1, 0), (1, 0)))(x)  # as PyTorch's padding of 1
        x = layers.ReLU()(norm(x))
    images = layers.Conv2D(
        image_shape[2],
        7,
        activation="tanh",
        kernel_initializer=normal(),
        dtype="float32",
        name=output,
    )(ReflectionPadding2D(3)(x))
    return Model(source, images, name="generator" if output == "images" else "backward")


def halvings_for(patch_size, most=286):
    """Returns how many convolutions with a stride of 2 give logits of patches of this size.

    Args:
        patch_size: 16, 34, 70, 142 or 286 (Isola et al. 2017, section 4.4).
        most: The largest size that is allowed.

    Raises:
        UserError: If it is another size.

    Example:

    >>> halvings_for(70)
    3
    """
    allowed = {size: halvings for size, halvings in PATCHES.items() if size <= most}
    if patch_size not in allowed:
        raise UserError(
            f"`patch_size` must be one of {', '.join(map(str, allowed))}. "
            f"Received: patch_size={patch_size}"
        )
    return allowed[patch_size]


def build_patch_discriminator(
    image_shape, source_shape=None, width=64, halvings=3, norm=batch_norm, name="discriminator"
):
    """Images (N, H, W, D), and the pictures that they are made of, if any -> logits (N, h, w, 1).

    Each logit judges a patch: of 70x70 pixels with 3 halvings, of 34x34 with 2, of 16x16 with 1.

    Args:
        image_shape: (height, width, channels) of the images.
        source_shape: That of the pictures, or `None`.
        width: Channels of the first map; they double with each further one, up to 8 times.
        halvings: Convolutions with a stride of 2; two more have a stride of 1.
        norm: Function of a feature map that normalises it.
        name: Name of the network.

    Returns:
        `keras.Model`, of `images`, or of [images, source].

    Raises:
        UserError: If the sides differ, one is not divisible by 4, or no patch is left.

    Example:

    >>> build_patch_discriminator((256, 256, 3), (256, 256, 3), width=2).output_shape
    (None, 30, 30, 1)
    """
    check_sides(image_shape, source_shape or image_shape)
    if min(image_shape[:2]) >> halvings < 3:
        raise UserError(
            f"Sides that halve {halvings} times must be {3 * 2**halvings} pixels or more: take "
            f"fewer halvings. Received: image_shape={tuple(image_shape)}"
        )
    inputs = [Input(image_shape, name="images")]
    if source_shape is not None:
        inputs.append(Input(source_shape, name="source"))
    x = layers.Concatenate()(inputs[::-1]) if len(inputs) > 1 else inputs[0]
    x = leaky_relu()(conv(x, width, use_bias=True))
    for level in range(1, halvings + 1):
        strides = 2 if level < halvings else 1
        x = padded_conv(x, width * min(2**level, MOST), strides, use_bias=norm is instance_norm)
        x = leaky_relu()(norm(x))
    logits = padded_conv(x, 1, use_bias=True, dtype="float32", name="logits")
    return Model(inputs if len(inputs) > 1 else inputs[0], logits, name=name)


def check_sides(image_shape, source_shape):
    """Checks that images and the pictures that they are made of have the same fitting sides."""
    check_image_shape(image_shape)
    if tuple(image_shape[:2]) != tuple(source_shape[:2]):
        raise UserError(
            f"Images and their sources must have the same sides. Received: {tuple(image_shape)} "
            f"and {tuple(source_shape)}"
        )


def conv(x, filters, use_bias=False):
    return layers.Conv2D(
        filters, 4, strides=2, padding="same", use_bias=use_bias, kernel_initializer=normal()
    )(x)


def doubled(x, filters, use_bias=False, **options):
    return layers.Conv2DTranspose(
        filters,
        4,
        strides=2,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=normal(),
        **options,
    )(x)


def padded_conv(x, filters, strides=1, use_bias=False, **options):
    """A convolution with a zero on each side, as in PyTorch: sides of n with a stride of 1 become
    n - 1."""
    x = layers.ZeroPadding2D(1)(x)
    return layers.Conv2D(
        filters, 4, strides, use_bias=use_bias, kernel_initializer=normal(), **options
    )(x)
