"""BigGAN: Brock, Donahue & Simonyan 2019, "Large Scale GAN Training for High Fidelity Natural Image
Synthesis", https://arxiv.org/abs/1809.11096

Section 3: SAGAN's hinge game with classes, an embedding of the class that all of G's batch norms
share, latents that enter at every block ("skip-z"), and two updates of D for one of G. Section 3.1:
the truncation trick (`gan.sample(..., truncation=...)`), and the orthogonal regularisation of
Eq. (3) that makes G amenable to it. Appendix C: orthogonal initialization, spectral normalisation
in both networks, Adam with beta_1 = 0 and beta_2 = 0.999, 5e-5 for G and 2e-4 for D. The networks
are those of appendix B and of https://github.com/ajbrock/BigGAN-PyTorch: for 32 pixels G has three
blocks of equal width and D four, of which two halve the sides; from 64 pixels on, channels double
with each halving, up to 16 times `width`.

The authors' script for CIFAR-10 keeps width 64, and has none of what is new: no shared embedding,
no skip-z, no regularisation, no attention, weights N(0, 0.02), four updates of D, 2e-4 for both,
minibatches of 50. Those last three are a matter of the recipe; the rest is here as in the paper.

What differs, and why:
- Without classes, batch norms see their chunk of z alone, and D has no projection: the paper always
  had classes.
- If the latents do not divide by the number of chunks, the first one gets the rest; the authors'
  code shortens z.
- Eq. (3) is taken as it stands. The gradient in the authors' code is half of Eq. (3)'s, so that
  their 1e-4 is 5e-5 here. As there, it holds for all weights of G with two axes or more except the
  shared embedding, before spectral normalisation, and not for D.
- For 64 pixels, G's blocks and D's last one have half the channels that the authors' code has. For
  256, G's second block and D's fifth have 16 times `width`, where the authors' have 8 times.
- Convolutions of G have no bias where a batch norm would take it out again.
- Generated images take the labels of the real ones, where the authors draw classes uniformly, so
  that D learns nothing from how frequent a class is.
- G is not averaged by default, since an average with the paper's decay of 0.9999 is useless before
  some 30,000 steps: pass `ema_decay=0.9999` for those. The authors' scripts begin to average
  after 20,000 steps, or 1,000 for CIFAR-10.
- Batch norm's running averages have momentum 0.9, as in the authors' code; sampling uses them, and
  not the "standing statistics" of 16 further batches.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from kerasgan.gan import GAN, Paper
from kerasgan.layers import OneHot, ProjectedBatchNormalization, SelfAttention, SpectralDense
from kerasgan.losses import hinge_discriminator_loss, hinge_generator_loss
from kerasgan.networks.classes import add_projection, judge_both, label_input, pair
from kerasgan.networks.resnet import (
    batch_norm,
    down_block,
    first_down_block,
    last_block,
    orthogonal_conv,
    up_block,
)
from kerasgan.networks.shapes import base_sides, check_image_shape, count_halvings
from kerasgan.signature import Image, Label, Latent, Signature
from kerasgan.utils.errors import UserError, check_count


class BigGAN(GAN, package="kerasgan"):
    """GAN whose generator gets class and latents in every block, amenable to truncation.

    The batch that `fit` hands over is split into `n_critic` minibatches, one for each update of the
    discriminator: for minibatches of 50 and 4 updates the batch size is 200. The logs hold
    `orthogonality`, the regulariser of Eq. (3) before its weight.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4.
        num_classes: Number of classes, for `fit(images, labels)`; `None` for `fit(images)`.
        latent_dim: Length of the latent vector, standard normal: a chunk of it for G's first layer
            and one for each of its blocks.
        width: Channels at the image's end of both networks from 64 pixels on; a quarter of the
            channels everywhere below that. The paper uses 96, its code 64 for 32 pixels; 8 is quick
            on a CPU.
        shared_dim: Length of the class embedding that all of G's batch norms share; `None` is 128,
            as in the paper, or no embedding without classes.
        attention_side: Side of the feature maps at which both networks have self-attention, or
            `None`. The paper has it at 64, for 128 pixels.
        ortho_weight: float, 0 or more: beta of Eq. (3).
        n_critic: int, updates of the discriminator for one of the generator.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`. The paper has
            `ema_decay=0.9999`.

    Raises:
        UserError: If a side is not divisible by 4, there are fewer latents than chunks, no feature
            map has the side of the attention, or a number is out of range.

    Example:

    >>> gan = BigGAN(image_shape=(28, 28, 1), num_classes=10, width=2, n_critic=1)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), [0, 1, 2, 3] * 2, batch_size=4, verbose=0)
    >>> gan.sample(2, labels=[3, 7], truncation=0.5, seed=0).shape
    (2, 28, 28, 1)

    Reference: Brock et al. 2019, https://arxiv.org/abs/1809.11096
    """

    variant = "biggan"
    paper = Paper(
        "Brock, Donahue & Simonyan 2019",
        "Large Scale GAN Training for High Fidelity Natural Image Synthesis",
        "https://arxiv.org/abs/1809.11096",
    )

    log_names = ("d_loss", "g_loss", "orthogonality")
    decision_boundary = 0.0

    def __init__(
        self,
        image_shape,
        num_classes: int | None = None,
        latent_dim=128,
        width=64,
        shared_dim: int | None = None,
        attention_side: int | None = None,
        ortho_weight=1e-4,
        n_critic=2,
        **options,
    ):
        check_count(n_critic, "n_critic")
        if not ortho_weight >= 0.0:
            raise UserError(f"`ortho_weight` must be 0 or more. Received: {ortho_weight}")
        if num_classes is None and shared_dim is not None:
            raise UserError(
                f"`shared_dim` is of the class embedding: pass `num_classes` with it. Received: "
                f"shared_dim={shared_dim}"
            )
        check_attention(image_shape, attention_side)
        inputs = {"z": Latent(latent_dim, truncation=True)}
        if num_classes is not None:
            check_count(num_classes, "num_classes")
            inputs["label"] = Label(num_classes)
        super().__init__(
            build_generator(
                image_shape, num_classes, latent_dim, width, shared_dim, attention_side
            ),
            build_discriminator(image_shape, num_classes, width, attention_side),
            signature=Signature(inputs, Image(image_shape)),
            **options,
        )
        self.num_classes = num_classes
        self.width = width
        self.shared_dim = shared_dim
        self.attention_side = attention_side
        self.ortho_weight = ortho_weight
        self.n_critic = n_critic

    @staticmethod
    def default_optimizers():
        # Appendix C; epsilon is the code's default, which its scripts for ImageNet set to 1e-6.
        adam = {"beta_1": 0.0, "beta_2": 0.999, "epsilon": 1e-8}
        return keras.optimizers.Adam(5e-5, **adam), keras.optimizers.Adam(2e-4, **adam)

    def train_step(self, data):
        images, *labels = [data] if self.num_classes is None else data
        num = tf.shape(images)[0] // self.n_critic
        images, *labels = [self.minibatches(each) for each in (images, *labels)]

        # n_critic updates of the discriminator, each on images and latents of its own
        fakes = [
            self.generator(pair(self.sample_latents(num), *(y[i] for y in labels)), training=True)
            for i in range(self.n_critic)
        ]

        def update_discriminator(fake_images, real_images, *label):
            with tf.GradientTape() as d_tape:
                real_logits, fake_logits = judge_both(
                    self.discriminator, real_images, fake_images, *label
                )
                d_loss = hinge_discriminator_loss(real_logits, fake_logits)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
            return {"d_loss": d_loss}

        losses = self.repeat(update_discriminator, fakes, images, *labels)

        # One of the generator, with the labels of the last minibatch: -E[D(G(z, y), y)] + Eq. (3)
        z, label = self.sample_latents(num), [y[-1] for y in labels]
        with tf.GradientTape() as g_tape:
            fake_images = self.generator(pair(z, *label), training=True)
            fake_logits = self.discriminator(pair(fake_images, *label), training=True)
            g_loss = hinge_generator_loss(fake_logits)
            orthogonality = orthogonal_regularizer(regularized_kernels(self.generator))
            total = g_loss + self.ortho_weight * orthogonality
        self.minimize(g_tape, total, self.generator, self.g_optimizer)

        return self.end_step(g_loss=g_loss, orthogonality=orthogonality, **losses)


def orthogonal_regularizer(kernels):
    """How far filters are from orthogonal, whatever their norms: sum of |W^T W * (1 - I)|_F^2.

    Args:
        kernels: List of float tensors (..., outputs), each a matrix W with a column per output.

    Returns:
        Scalar float32 tensor; 0 where every kernel's columns are orthogonal.

    Example:

    >>> float(orthogonal_regularizer([tf.constant([[3.0, 1.0], [0.0, 2.0]])]))  # 2 * 3^2
    18.0

    Reference: Brock et al. 2019, Eq. (3), with beta = 1.
    """
    total = tf.zeros(())
    for kernel in kernels:
        w = tf.reshape(tf.cast(kernel, tf.float32), (-1, kernel.shape[-1]))
        products = tf.matmul(w, w, transpose_a=True)
        others = tf.linalg.set_diag(products, tf.zeros(w.shape[-1]))
        total += tf.reduce_sum(others**2)
    return total


def regularized_kernels(generator):
    """Returns the weights of a generator that Eq. (3) is for: all but vectors and the embedding."""
    spared = [id(w) for layer in generator.layers if layer.name == "shared" for w in layer.weights]
    weights = [w for w in generator.trainable_weights if id(w) not in spared]
    return [w.value for w in weights if len(w.shape) > 1]


def channels(image_shape, width):
    """Returns the channels of the blocks, from the image's end to the smallest maps."""
    halvings = count_halvings(image_shape)
    if halvings <= 3:
        return [4 * width] * halvings
    return [width * min(2**level, 16) for level in range(halvings)]


def halvings_of_discriminator(image_shape):
    """Returns how many blocks of D halve the sides: for 32 pixels it stops at 8x8."""
    halvings = count_halvings(image_shape)
    return max(2, halvings - 1) if halvings <= 3 else halvings


def check_attention(image_shape, side):
    """Checks that both networks have maps of the side where attention is wanted."""
    check_image_shape(image_shape)
    height, width, _ = image_shape
    halved = [(height >> n, width >> n) for n in range(1, count_halvings(image_shape))]
    sides = [each[0] for each in halved if not each[0] % 2 and not each[1] % 2]
    if side is not None and side not in sides:
        valid = " or ".join(map(str, sides))
        raise UserError(
            f"`attention_side` must be that of a feature map of both networks, {valid} for "
            f"image_shape={tuple(image_shape)}, or None. Received: attention_side={side}"
        )


def split_latents(z, number):
    """Splits latents (N, D) into so many chunks; the first one also gets the rest."""
    chunk, rest = divmod(z.shape[-1], number)
    if chunk == 0:
        raise UserError(
            f"`latent_dim` must give each of {number} chunks a number: {number} or more. "
            f"Received: latent_dim={z.shape[-1]}"
        )
    return ops.split(z, [rest + place * chunk for place in range(1, number)], axis=1)


def build_generator(
    image_shape, num_classes=None, latent_dim=128, width=64, shared_dim=None, attention_side=None
):
    """Latents (N, latent_dim) and labels (N,), if any -> images (N, H, W, C) in [-1, 1]."""
    check_image_shape(image_shape)
    base, filters = base_sides(image_shape), channels(image_shape, width)
    top = filters[-1] if len(filters) <= 3 else min(2 * filters[-1], 16 * width)
    z, label = keras.Input((latent_dim,), name="z"), label_input(num_classes)
    first, *chunks = split_latents(z, 1 + len(filters))
    shared = []  # the shared embedding, if there are classes
    if label is not None:
        embedding = layers.Dense(
            shared_dim or 128, use_bias=False, kernel_initializer="orthogonal", name="shared"
        )
        shared = [embedding(OneHot(num_classes)(label))]

    x = SpectralDense(base[0] * base[1] * top, kernel_initializer="orthogonal")(first)
    x = layers.Reshape((*base, top))(x)  # (N, 4, 4, 4w) for 32 pixels
    for chunk, outputs in zip(chunks, reversed(filters), strict=True):  # (N, 8, 8, 4w), ...
        condition = layers.Concatenate()([*shared, chunk]) if shared else chunk
        x = up_block(
            x,
            outputs,
            orthogonal_conv,
            lambda h, condition=condition: ProjectedBatchNormalization()(h, condition),
        )
        if x.shape[1] == attention_side:
            x = SelfAttention("orthogonal")(x)
    x = layers.ReLU()(batch_norm(x))
    images = orthogonal_conv(image_shape[2], 3, activation="tanh", dtype="float32", name="images")(
        x
    )
    return keras.Model(pair(z, label), images, name="generator")


def build_discriminator(image_shape, num_classes=None, width=64, attention_side=None):
    """Images (N, H, W, C) and labels (N,), if any -> logits (N, 1)."""
    check_image_shape(image_shape)
    filters = channels(image_shape, width)[: halvings_of_discriminator(image_shape)]
    images, label = keras.Input(image_shape, name="images"), label_input(num_classes)

    x = first_down_block(images, filters[0], orthogonal_conv)  # (N, 16, 16, 4w) for 32 pixels
    for place, outputs in enumerate(filters):  # (N, 8, 8, 4w)
        if place > 0:
            x = down_block(x, outputs, orthogonal_conv)
        if x.shape[1] == attention_side:
            x = SelfAttention("orthogonal")(x)
    for _ in range(2 if count_halvings(image_shape) <= 3 else 1):
        x = last_block(x, orthogonal_conv)
    h = ops.sum(ops.cast(layers.ReLU()(x), "float32"), axis=(1, 2))  # (N, 4w)
    logits = SpectralDense(1, kernel_initializer="orthogonal", dtype="float32", name="logits")(h)
    logits = add_projection(logits, h, label, num_classes, "orthogonal")
    return keras.Model(pair(images, label), logits, name="discriminator")
