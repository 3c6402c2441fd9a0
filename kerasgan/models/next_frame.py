"""Next frame: Mathieu, Couprie & LeCun 2016, "Deep multi-scale video prediction beyond mean square
error", https://arxiv.org/abs/1511.05440

G predicts the frame that follows a few others. It works at four scales, from 1/8 of the sides up:
each scale's network sees the reduced frames and the enlarged guess of the scale below, and adds
what that lacks. A discriminator for each scale judges the reduced frames with the true or the
predicted one. `train_step` minimizes the paper's combined loss at all scales: 0.05 times the
adversarial loss, plus l_p, plus the gradient difference loss (GDL), which compares edges. Numbers
of maps and kernels are those of table 1. Optimizers are SGD with 0.04 for G and 0.02 for D.

Details of the authors' code, https://github.com/coupriec/VideoPredictionICLR2016: frames are
reduced by averages, guesses enlarged by repeated pixels, every guess ends in tanh, and l_p is a
mean over pixels, not a sum; so are here the other losses.

What differs, and why:
- `p` is 1, as in the paper's best results, "Adv+GDL"; its "Adv" alone has `p=2, gdl_weight=0.0`.
- G's rate stays at 0.04. The paper reduces it to 0.005 "over time", without a word on when:
  `schedules.Linear(0.04, 0.005, images=...)`.
- One batch serves both players; algorithm 1 takes another for each.
- Training takes whole frames; the paper's takes patches of 32 x 32, on which it is later refined at
  64 x 64. D's dense layers are those of whole frames.
- Initial weights are Keras's, since the paper does not give any.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan.gan import GAN, Paper
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.signature import Film, Image, Signature
from kerasgan.utils.errors import UserError, check_count

# Table 1, from 1/8 of the sides to all: maps in multiples of `width` and kernels, in G with those
# of the last convolution, and units of D's dense layers. The authors' width is 128.
GENERATORS = (
    ((1, 2, 1), (3, 3, 3, 3)),
    ((1, 2, 1), (5, 3, 3, 5)),
    ((1, 2, 4, 2, 1), (5, 3, 3, 3, 3, 5)),
    ((1, 2, 4, 2, 1), (7, 5, 5, 5, 5, 7)),
)
DISCRIMINATORS = (
    ((1 / 2,), (3,), (4, 2)),
    ((1 / 2, 1, 1), (3, 3, 3), (8, 4)),
    ((1, 2, 2), (5, 5, 5), (8, 4)),
    ((1, 2, 4, 1), (7, 7, 5, 5), (8, 4)),
)
SCALES = (8, 4, 2, 1)
LEAST = 32  # pixels, of which D's convolutions without padding leave some at every scale


class NextFrame(GAN, package="kerasgan"):
    """Predicts the next frame of a film.

    An example consists of the next frame, `image`, and of those before it, `frames`:
    `fit(next_frames, frames)`. `continue_film` predicts several, each from those before.

    The logs hold `lp`, `gdl` and `adversarial`, sums over all scales, before their weights.

    Args:
        image_shape: (height, width, channels) of a frame; sides divisible by 8, 32 or more.
        num_frames: int, frames that G sees.
        width: Channels of G's first maps. The paper uses 128, 16 is quick on a CPU.
        p: 1 or 2, the norm of l_p. Where films are mostly of one colour, 2: with 1, G may learn
            that colour for all pixels, their median, and saturate there.
        alpha: 1 or 2, the exponent of the gradient difference loss.
        adversarial_weight: float >= 0, lambda_adv.
        lp_weight: float >= 0, lambda_lp.
        gdl_weight: float >= 0, lambda_gdl.
        **options: `ema_decay`, `seed`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side does not fit, `p` or `alpha` is another number, or a weight is
            negative.

    Example:

    >>> gan = NextFrame(image_shape=(32, 32, 1), width=4)
    >>> gan.compile()
    >>> film = np.zeros((8, 5, 32, 32, 1), "float32")
    >>> history = gan.fit(film[:, 4], film[:, :4], batch_size=4, verbose=0)
    >>> gan.sample(frames=film[:, 1:]).shape
    (8, 32, 32, 1)
    >>> gan.continue_film(film[:2, 1:], 3).shape
    (2, 3, 32, 32, 1)

    Reference: Mathieu et al. 2016, https://arxiv.org/abs/1511.05440
    """

    variant = "next_frame"
    paper = Paper(
        "Mathieu, Couprie & LeCun 2016",
        "Deep multi-scale video prediction beyond mean square error",
        "https://arxiv.org/abs/1511.05440",
    )

    log_names = ("d_loss", "g_loss", "lp", "gdl", "adversarial")
    judges_pictures = False  # but frames at four scales, with those before

    def __init__(
        self,
        image_shape,
        num_frames=4,
        width=128,
        p=1,
        alpha=1,
        adversarial_weight=0.05,
        lp_weight=1.0,
        gdl_weight=1.0,
        **options,
    ):
        check_frame_shape(image_shape)
        weights = {"adversarial": adversarial_weight, "lp": lp_weight, "gdl": gdl_weight}
        for name, number in {"p": p, "alpha": alpha}.items():
            if number not in (1, 2):
                raise UserError(f"`{name}` must be 1 or 2. Received: {name}={number}")
        for name, weight in weights.items():
            if not weight >= 0.0:
                raise UserError(f"`{name}_weight` must be 0 or more. Received: {weight}")
        super().__init__(
            build_generator(image_shape, num_frames, width),
            build_discriminator(image_shape, num_frames, width),
            signature=Signature({"frames": Film((num_frames, *image_shape))}, Image(image_shape)),
            **options,
        )
        self.num_frames = num_frames
        self.width = width
        self.p = p
        self.alpha = alpha
        self.adversarial_weight = adversarial_weight
        self.lp_weight = lp_weight
        self.gdl_weight = gdl_weight

    @staticmethod
    def default_optimizers():
        return keras.optimizers.SGD(0.04), keras.optimizers.SGD(0.02)

    @classmethod
    def from_spec(cls, spec, **arguments):
        frames = {"num_frames": spec["frames"].shape[0]} if "frames" in spec else {}
        return {"image_shape": spec["image"].shape, **frames}

    def train_step(self, example):
        images, frames = example
        predict = self.all_scales()
        real = [reduced(images, scale) for scale in SCALES]  # Y_k

        with tf.GradientTape() as g_tape:
            fakes = predict(frames, training=True)  # G_k(X)

            # L_adv of D: sum over k of L_bce(D_k(X_k, Y_k), 1) + L_bce(D_k(X_k, G_k(X)), 0)
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator([frames, *real], training=True)
                stopped = [tf.stop_gradient(fake) for fake in fakes]
                fake_logits = self.discriminator([frames, *stopped], training=True)
                pairs = zip(real_logits, fake_logits, strict=True)
                d_loss = tf.add_n([discriminator_loss(*logits) for logits in pairs])
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)

            # L = lambda_adv L_adv + lambda_lp L_p + lambda_gdl L_gdl
            logits = self.discriminator([frames, *fakes], training=True)
            adversarial = tf.add_n([non_saturating_loss(each) for each in logits])
            pairs = list(zip(real, fakes, strict=True))
            lp = tf.add_n([lp_loss(*pair, self.p) for pair in pairs])
            gdl = tf.add_n([gradient_difference_loss(*pair, self.alpha) for pair in pairs])
            g_loss = (
                self.adversarial_weight * adversarial + self.lp_weight * lp + self.gdl_weight * gdl
            )
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss, lp=lp, gdl=gdl, adversarial=adversarial)

    def all_scales(self):
        """Returns G as a network with the guesses of all scales, coarse to fine."""
        outputs = [self.generator.get_layer(f"images_{scale}").output for scale in SCALES]
        return keras.Model(self.generator.input, outputs)

    def continue_film(self, frames, number, batch_size=64):
        """Predicts several frames: each of them is among those from which the next is predicted.

        Args:
            frames: Array (N, num_frames, H, W, C): uint8, or float in [-1, 1].
            number: int, how many to predict.
            batch_size: Films that are computed at once.

        Returns:
            float32 array (N, number, H, W, C).

        Raises:
            UserError: If the frames do not fit, or `number` is not 1 or more.
        """
        check_count(number, "number")
        seen = self.signature.inputs["frames"].check(frames, "frames")
        predicted = []
        for _ in range(number):
            batches = self.outputs_for({"frames": tf.constant(seen)}, batch_size)
            predicted.append(np.concatenate(list(batches)))
            seen = np.concatenate([seen[:, 1:], predicted[-1][:, np.newaxis]], axis=1)
        return np.stack(predicted, axis=1)


def check_frame_shape(image_shape):
    """Checks that a frame has sides for four scales; raises UserError."""
    height, width, _ = Image(image_shape).shape
    if any(side < LEAST or side % SCALES[0] for side in (height, width)):
        raise UserError(
            f"`image_shape` must be (height, width, channels) with sides divisible by {SCALES[0]}, "
            f"{LEAST} or more. Received: image_shape={tuple(image_shape)}"
        )


def reduced(images, scale):
    """Returns pictures with the averages of `scale` x `scale` pixels."""
    return tf.nn.avg_pool2d(images, scale, scale, "VALID") if scale > 1 else images


def lp_loss(images, fakes, p):
    """The mean of |Y - G(X)|^p.

    Args:
        images: float tensor (N, H, W, C), Y.
        fakes: float tensor of the same shape, G(X).
        p: 1 or 2.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> float(lp_loss(tf.zeros((1, 2, 2, 1)), tf.fill((1, 2, 2, 1), 0.5), p=2))
    0.25

    Reference: Mathieu et al. 2016, L_p, there as a sum.
    """
    lost = tf.abs(tf.cast(images, tf.float32) - tf.cast(fakes, tf.float32))
    return tf.reduce_mean(lost**p)


def gradient_difference_loss(images, fakes, alpha):
    """The gradient difference loss: how much the steepness of edges differs.

    Means, over pixels, of ||Y_i,j - Y_i-1,j| - |F_i,j - F_i-1,j||^alpha, and the same of columns.

    Args:
        images: float tensor (N, H, W, C), Y.
        fakes: float tensor of the same shape, F = G(X).
        alpha: 1 or 2.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> edges = tf.constant([[-1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])[None, :, :, None]
    >>> float(gradient_difference_loss(edges, tf.zeros((1, 2, 3, 1)), alpha=1))
    1.0

    Reference: Mathieu et al. 2016, L_gdl, there as a sum.
    """
    images, fakes = tf.cast(images, tf.float32), tf.cast(fakes, tf.float32)
    rows, columns = (tf.abs(steps(images, axis) - steps(fakes, axis)) ** alpha for axis in (1, 2))
    return tf.reduce_mean(rows) + tf.reduce_mean(columns)


def steps(images, axis):
    """Returns the absolute differences of neighbours along an axis, 1 or 2."""
    if axis == 1:
        return tf.abs(images[:, 1:] - images[:, :-1])
    return tf.abs(images[:, :, 1:] - images[:, :, :-1])


def stacked(frames):
    """Frames (N, T, H, W, C) -> maps (N, H, W, T C)."""
    number, height, width, channels = frames.shape[1:]
    return layers.Reshape((height, width, number * channels))(layers.Permute((2, 3, 1, 4))(frames))


def pooled(x, scale):
    return layers.AveragePooling2D(scale)(x) if scale > 1 else x


def build_generator(image_shape, num_frames=4, width=128):
    """Frames (N, T, H, W, C) -> the next (N, H, W, C).

    The layers "images_8", "images_4", "images_2" and "images_1" give the guesses of all scales.
    """
    frames = keras.Input((num_frames, *image_shape), name="frames")
    x, guess = stacked(frames), None
    for scale, (maps, kernels) in zip(SCALES, GENERATORS, strict=True):
        seen = pooled(x, scale)  # (N, H / 8, W / 8, T C) ... (N, H, W, T C)
        if guess is not None:
            guess = layers.UpSampling2D(2, dtype="float32")(guess)
            seen = layers.Concatenate()([seen, guess])
        for multiple, kernel in zip(maps, kernels[:-1], strict=True):
            seen = layers.Conv2D(multiple * width, kernel, padding="same", activation="relu")(seen)
        lacking = layers.Conv2D(image_shape[2], kernels[-1], padding="same", dtype="float32")(seen)
        if guess is not None:
            lacking = layers.Add(dtype="float32")([lacking, guess])
        guess = layers.Activation("tanh", dtype="float32", name=f"images_{scale}")(lacking)
    return keras.Model(frames, guess, name="generator")


def build_discriminator(image_shape, num_frames=4, width=128):
    """Frames (N, T, H, W, C), and next ones at all scales, coarse to fine -> logits (N, 1) each."""
    height, wide, channels = image_shape
    frames = keras.Input((num_frames, *image_shape), name="frames")
    images = [
        keras.Input((height // scale, wide // scale, channels), name=f"images_{scale}")
        for scale in SCALES
    ]
    before, logits = stacked(frames), []
    for scale, image, (maps, kernels, units) in zip(SCALES, images, DISCRIMINATORS, strict=True):
        x = layers.Concatenate()([pooled(before, scale), image])
        for multiple, kernel in zip(maps, kernels, strict=True):
            x = layers.Conv2D(max(1, int(multiple * width)), kernel, activation="relu")(x)
        if scale == 1:
            x = layers.MaxPooling2D(2)(x)
        x = layers.Flatten()(x)
        for multiple in units:
            x = layers.Dense(multiple * width, activation="relu")(x)
        logits.append(layers.Dense(1, dtype="float32", name=f"logits_{scale}")(x))
    return keras.Model([frames, *images], logits, name="discriminator")
