"""SRGAN: Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network", https://arxiv.org/abs/1609.04802

G enlarges pictures. `train_step` is the paper's two stages in one training: first G alone minimizes
the mean squared error, Eq. (4), which makes SRResNet (section 3.2); from `mse_images` on, D is
trained by Eq. (2), and G minimizes the perceptual loss of Eq. (3): content loss, Eq. (5), plus 1e-3
times the adversarial loss, Eq. (6). Networks are those of figure 4 and section 2.1: 16 residual
blocks, 9x9 kernels at both ends, PReLU, pixel shuffle; D with eight convolutions of 3x3. Small
pictures enter G in [0, 1], large ones lie in [-1, 1]. Adam with 1e-4 and beta_1 = 0.9.

What differs, and why:
- The content loss compares features of EfficientNet-Lite0, which kerasgan ships, since the weights
  of VGG19 do not come with any package. The features are those at the place of VGG's phi_5,4: after
  the last activation before the last reduction, 672 maps, of pictures that are doubled first, so
  that a place of the maps stands for 8 x 8 pixels.
- They are divided by 2.4, as the paper divides VGG's by 12.75, "to obtain VGG losses of a scale
  that is comparable to the MSE loss". Squares are averaged over maps too.
- The first stage takes 160,000 images by default, a hundredth of the paper's 10^6 updates of 16, so
  that a training on one machine reaches the second.
- Small pictures are bicubic reductions with antialiasing, as in section 3.2; section 2 speaks of a
  Gaussian filter instead.
- The rate stays at 1e-4. The paper's second stage falls to 1e-5 halfway:
  `schedules.Step(1e-4, 1e-5, images=...)`.
- Samples are clipped to [-1, 1]; in training G is linear at its end, as in figure 4.
- A PReLU has a slope for each map, which starts at 0.25 (He et al. 2015); layers before a batch
  norm have no bias; initial weights are Keras's, and running averages have momentum 0.9. The paper
  leaves these open.
- Training takes whole pictures; the paper's takes random patches of 96 x 96.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan.gan import GAN, Paper
from kerasgan.layers import ClipAtInference
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.metrics import EfficientNetLite0
from kerasgan.networks.dcgan import leaky_relu
from kerasgan.networks.resnet import batch_norm
from kerasgan.signature import Image, Signature
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError

ADVERSARIAL_WEIGHT = 1e-3  # Eq. (3)
FEATURE_SCALE = 2.4


class SRGAN(GAN, package="kerasgan"):
    """Super-resolution: enlarges pictures by 2 or 4.

    It trains on large pictures alone: `fit(images)` reduces them itself. `sample(images=...)`
    enlarges small pictures, or files, of 1 / `scale` of the sides of `image_shape`. Exported, it
    has a further signature `any_size` for pictures of any sides.

    The logs hold `mse`, G's loss of the first stage, and `content`, `adversarial` and `d_loss` of
    the second, which are 0 before. `g_loss` is the loss of the current stage.

    Args:
        image_shape: (height, width, channels) of the large pictures; sides divisible by `scale`.
        scale: 2 or 4.
        width: Channels of G, and of D's first layers. The paper uses 64, 16 is quick on a CPU.
        blocks: Residual blocks of G.
        mse_images: int, images of the first stage, in which G minimizes the mean squared error; 1
            leaves it out. The model counts them as `images_seen`, so that a resumed training
            changes over at the same place.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If `scale` is another number, or a side is not divisible by it.

    Example:

    >>> gan = SRGAN(image_shape=(32, 32, 3), width=4, blocks=1, mse_images=8)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((16, 32, 32, 3)), batch_size=8, verbose=0)
    >>> sorted(history.history)
    ['adversarial', 'content', 'd_loss', 'g_loss', 'mse']
    >>> gan.sample(images=np.zeros((2, 8, 8, 3), "float32")).shape
    (2, 32, 32, 3)

    Reference: Ledig et al. 2017, https://arxiv.org/abs/1609.04802
    """

    variant = "srgan"
    paper = Paper(
        "Ledig, Theis, Huszar, Caballero, Cunningham, Acosta, Aitken, Tejani, Totz, Wang & Shi "
        "2017",
        "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
        "https://arxiv.org/abs/1609.04802",
    )

    log_names = ("g_loss", "mse", "content", "adversarial", "d_loss")
    saturating_losses = ()  # D's loss is 0 in the first stage, where there is none
    # `decision_boundary` is `None`: ADA could not tell overfitting in a stage without D.

    def __init__(
        self,
        image_shape,
        scale=4,
        width=64,
        blocks=16,
        mse_images=160_000,
        **options,
    ):
        small = small_shape(image_shape, scale)
        super().__init__(
            build_generator(image_shape, scale, width, blocks),
            build_discriminator(image_shape, width),
            signature=Signature(
                {"small": Image(small)},
                Image(image_shape),
                made={"small": lambda parts: reduced(parts["image"], scale)},
            ),
            **options,
        )
        self.scale = scale
        self.width = width
        self.blocks = blocks
        self.mse_images = mse_images
        self._features = Features()

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(1e-4, beta_1=0.9), keras.optimizers.Adam(1e-4, beta_1=0.9)

    def train_step(self, images):
        small = reduced(images, self.scale)
        with tf.GradientTape() as g_tape:
            fakes = self.generator(small, training=True)
            mse = tf.reduce_mean((images - fakes) ** 2)  # Eq. (4)
            second, losses = self.second_stage(lambda: self.play(images, fakes))
            content, adversarial, d_loss = losses
            perceptual = content + ADVERSARIAL_WEIGHT * adversarial  # Eq. (3)
            g_loss = tf.where(second, perceptual, mse)
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)
        return self.end_step(
            g_loss=g_loss, mse=mse, content=content, adversarial=adversarial, d_loss=d_loss
        )

    def play(self, images, fakes):
        """Trains D, and returns the losses of the second stage: content, adversarial, D's."""
        # Eq. (2): ascend log D(I_HR) + log(1 - D(G(I_LR)))
        with tf.GradientTape() as d_tape:
            real_logits = self.discriminator(images, training=True)
            fake_logits = self.discriminator(tf.stop_gradient(fakes), training=True)
            d_loss = discriminator_loss(real_logits, fake_logits)
        self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)

        # Eq. (5), and Eq. (6): -log D(G(I_LR))
        content = tf.reduce_mean((self._features(images) - self._features(fakes)) ** 2)
        adversarial = non_saturating_loss(self.discriminator(fakes, training=True))
        return content, adversarial, d_loss

    def second_stage(self, play):
        """Tells whether the second stage has begun, and returns what `play` does in it, else 0."""
        second = self.images_seen > self.mse_images
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas == 1 and not tf.executing_eagerly():
            return second, tf.cond(second, play, lambda: (0.0, 0.0, 0.0))
        # With several replicas, optimizers cannot be called within a condition, and augmentation
        # wants D in each step of Python: the first stage takes back what `play` did.
        state = [*self.discriminator.variables, *self.d_optimizer.variables, self.draws]
        before = [tf.identity(variable) for variable in state]
        losses = play()
        for variable, value in zip(state, before, strict=True):
            variable.assign(tf.where(second, tf.identity(variable), value))
        return second, [tf.where(second, loss, 0.0) for loss in losses]

    def further_signatures(self):
        """Returns `any_size`, from small pictures of any sides to `scale` times as large ones."""
        shape = (None, None, self.image_shape[2])
        network = on_other_input(self.inference_generator, shape)

        def any_size(small):
            kind = self.signature.inputs["small"]
            with tf.control_dependencies(kind.assertions(small, "small")):
                return {"images": network(tf.identity(small), training=False)}

        return {"any_size": (any_size, [tf.TensorSpec((None, *shape), tf.float32, "small")])}


def small_shape(image_shape, scale):
    """Returns the shape of the small pictures, (height / scale, width / scale, channels)."""
    height, width, channels = Image(image_shape).shape
    if scale not in (2, 4):
        raise UserError(f"`scale` must be 2 or 4. Received: scale={scale}")
    if height % scale or width % scale:
        raise UserError(
            f"`image_shape` must have sides divisible by `scale`, {scale}. Received: "
            f"image_shape={tuple(image_shape)}"
        )
    return height // scale, width // scale, channels


def reduced(images, scale):
    """Reduces pictures by a bicubic kernel that covers `scale` times as many pixels.

    Args:
        images: float (N, H, W, C) in [-1, 1], or uint8.
        scale: int that divides both sides.

    Returns:
        float32 tensor (N, H / scale, W / scale, C), clipped to [-1, 1].

    Example:

    >>> reduced(tf.ones((1, 8, 8, 3)), 4).shape
    TensorShape([1, 2, 2, 3])
    """
    images = pixels.as_floats(images)
    rows, columns = (reducing_matrix(side, scale) for side in images.shape[1:3])
    small = tf.einsum("yh,xw,nhwc->nyxc", rows, columns, images)
    return tf.clip_by_value(small, -1.0, 1.0)


def reducing_matrix(side, scale):
    """Returns the weights of `side` pixels in each of `side / scale`: float32 (small, large).

    The kernel is that of Keys 1981, with a = -1/2, as in MATLAB's and Pillow's bicubic reductions;
    at the border its weights are scaled to a sum of 1.
    """
    centres = (np.arange(side // scale) + 0.5) * scale
    x = np.abs(np.arange(side) + 0.5 - centres[:, None]) / scale
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1.0, -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0
    weights = np.where(x < 1, near, np.where(x < 2, far, 0.0))
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


def on_other_input(network, shape):
    """Returns a functional model of the same layers and weights for inputs of another shape."""
    inputs = tf.nest.map_structure(lambda _: keras.Input(shape), network.input)
    return keras.models.clone_model(
        network, input_tensors=inputs, clone_function=lambda layer: layer
    )


class Features:
    """What the content loss compares: pictures (N, H, W, C) -> float32 (N, H / 8, W / 8, 672).

    No Keras object, so that models neither save nor train its weights.
    """

    def __init__(self):
        network = EfficientNetLite0().build_network()
        # The activation before the last convolution with a stride
        maps = network.get_layer("block11.depthwise").input
        self.network = on_other_input(keras.Model(network.input, maps), (None, None, 3))

    def __call__(self, images):
        images = tf.cast(images, tf.float32)
        if images.shape[-1] == 4:  # on white, as pictures with opacity are shown
            images = (images[..., :3] - 1.0) * (images[..., 3:] + 1.0) / 2.0 + 1.0
        images = tf.image.resize(images, [2 * side for side in images.shape[1:3]])
        shape = tf.concat([tf.shape(images)[:3], [3]], axis=0)
        images = tf.broadcast_to(images, shape) * 127.5 + 127.5
        return self.network((images - 127.0) / 128.0, training=False) / FEATURE_SCALE


@keras.saving.register_keras_serializable(package="kerasgan")
class PixelShuffle(layers.Layer):
    """Makes maps of twice the sides of four times the channels: (N, H, W, 4C) -> (N, 2H, 2W, C).

    Example:

    >>> PixelShuffle()(tf.reshape([1.0, 2.0, 3.0, 4.0], (1, 1, 1, 4)))[0, :, :, 0].numpy()
    array([[1., 2.],
           [3., 4.]], dtype=float32)

    Reference: Shi et al. 2016, https://arxiv.org/abs/1609.05158
    """

    def call(self, x):
        return tf.nn.depth_to_space(x, 2)


def conv(filters, kernel_size=3, **options):
    return layers.Conv2D(filters, kernel_size, padding="same", **options)


def prelu(x):
    return layers.PReLU(keras.initializers.Constant(0.25), shared_axes=(1, 2))(x)


def build_generator(image_shape, scale=4, width=64, blocks=16):
    """Small pictures (N, H / scale, W / scale, C) -> images (N, H, W, C): SRResNet of figure 4."""
    small = keras.Input(small_shape(image_shape, scale), name="small")
    x = first = prelu(conv(width, 9)(layers.Rescaling(0.5, 0.5)(small)))  # (N, 16, 16, w)
    for _ in range(blocks):
        h = prelu(batch_norm(conv(width, use_bias=False)(x)))
        x = layers.Add()([x, batch_norm(conv(width, use_bias=False)(h))])
    x = layers.Add()([first, batch_norm(conv(width, use_bias=False)(x))])
    for _ in range({2: 1, 4: 2}[scale]):  # (N, 32, 32, w), (N, 64, 64, w)
        x = prelu(PixelShuffle()(conv(4 * width)(x)))
    images = conv(image_shape[2], 9, dtype="float32")(x)
    images = ClipAtInference(dtype="float32", name="images")(images)
    return keras.Model(small, images, name="generator")


def build_discriminator(image_shape, width=64):
    """Images (N, H, W, C) -> logits (N, 1)."""
    images = keras.Input(image_shape, name="images")
    x = leaky_relu()(conv(width)(images))
    # (N, 32, 32, w), (N, 16, 16, 2w), (N, 8, 8, 4w), (N, 4, 4, 8w) for 64 pixels
    steps = [(width, 2), *((width * k, strides) for k in (2, 4, 8) for strides in (1, 2))]
    for filters, strides in steps:
        x = leaky_relu()(batch_norm(conv(filters, strides=strides, use_bias=False)(x)))
    x = leaky_relu()(layers.Dense(16 * width)(layers.Flatten()(x)))
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")
