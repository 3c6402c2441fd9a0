"""StyleGAN2: Karras, Laine, Aittala, Hellsten, Lehtinen & Aila 2020, "Analyzing and Improving the
Image Quality of StyleGAN", https://arxiv.org/abs/1912.04958

Defaults are those with which the authors train on 32 pixels (`cfg=cifar` of
https://github.com/NVlabs/stylegan2-ada-pytorch, with "Training Generative Adversarial Networks with
Limited Data", https://arxiv.org/abs/2006.06676): two mapping layers, 512 channels everywhere, no
style mixing, no path length regularization, a discriminator without residual connections, R1 with
gamma = 0.01, groups of 32 for the minibatch standard deviation, and Adam with rate 0.0025,
beta_1 = 0 and beta_2 = 0.99. G sums pictures of all resolutions (section 4.1).

What differs, and why:
- Depth follows the image: 28 pixels start from 7x7, 32 and 64 from 4x4. Channels double from
  `width` at the image towards the start, up to 512: with 512 everywhere as in `cfg=cifar`, with 256
  as in `cfg=auto` at 64 pixels, which also has a residual D, groups of 4 for the minibatch standard
  deviation, path length weight 2, style mixing 0.9, and gamma by resolution and batch.
- Each step updates each network once, with both the loss and, at every 16th or 4th step, the
  penalty, from one forward pass. The authors make a second update of the penalty alone, and
  therefore take rate and betas of k / (k + 1) (appendix B); here there is nothing to correct, but
  for G without path length regularization: there the authors' second update is empty, and G's rate
  stays at 4/5, 0.002, with beta_2 = 0.99^(4/5).
- `augment` is `None` by default, where the authors' code takes ADA; there are no classes, which
  their CIFAR-10 has; scores are those of constant noise, where theirs are of random noise.
- Path lengths are those of the whole batch with its latents, not of half a batch with others. Their
  average `a` is constant in the penalty of Eq. (4), as the paper has it.
- Style mixing changes layers at a place drawn for each picture, not one for the whole batch.
- w_avg in the averaged generator is averaged, as all its weights are; the authors copy it.
- Samples are clipped to [-1, 1], which the authors do when they write pictures.
- D computes in float32 under every dtype policy: R1 is a gradient, squared and differentiated
  again. Under float16 the authors also clip activations to 256; here kernels and styles are scaled,
  but not clipped.
- Groups of the minibatch standard deviation are neighbours in the batch: see
  `kerasgan.layers.MinibatchStandardDeviation` for batches that they do not divide, and replicas.
- The authors average weights with a half-life of 500,000 images that grows at the start; here
  `ema_decay` is `None` by default, as in every model.
"""

import math

import keras
import tensorflow as tf

from kerasgan.gan import GAN, Paper
from kerasgan.losses import discriminator_loss, non_saturating_loss
from kerasgan.networks.stylegan2 import build_discriminator, build_generator, count_layers
from kerasgan.signature import Image, Latent, Scalar, Signature
from kerasgan.utils import replicas
from kerasgan.utils.errors import UserError

PATH_LENGTH_DECAY = 0.01


class StyleGAN2(GAN, package="kerasgan"):
    """StyleGAN2, small: by default the authors' configuration for 32 pixels.

    The generator takes latents `z` and a `truncation` psi for each sample: w moves towards its mean
    w_avg, w' = w_avg + psi (w - w_avg), so that `sample(16, truncation=0.5)` trades variety for
    quality; 0 gives the mean picture. Its noise is random in training, constant in samples and
    exports. `to_w` and `from_w` work with the latents w.

    The logs hold `r1_penalty`: its mean over an epoch is that of E[|grad D(x)|^2], since each lazy
    step counts `r1_interval` times. So does `path_length_penalty`, if there is one.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4.
        latent_dim: Length of the latents z and w.
        width: Channels at the image's end of both networks; they double with each halving of the
            sides, up to 512. The authors have 512 for 32 pixels; 16 is quick on a CPU.
        mapping_layers: int, layers from z to w; the paper has 8.
        architecture: "orig", or "resnet": a discriminator with residual connections, as in the
            paper.
        group_size: int, pictures in a group of the minibatch standard deviation.
        r1_gamma: float >= 0, gamma of R1: D's loss has gamma / 2 E[|grad D(x)|^2].
        r1_interval: int, steps from one R1 penalty to the next, which counts as often.
        path_length_weight: float >= 0, weight of Eq. (4); the authors' other settings have 2.
        path_length_interval: int, steps from one path length penalty to the next.
        style_mixing: float in [0, 1], probability that a training picture takes the layers behind a
            random place from a second w; the paper has 0.9.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, there is no such architecture, or a number is
            out of range.

    Example:

    >>> gan = StyleGAN2(image_shape=(28, 28, 1), latent_dim=16, width=4)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((8, 28, 28, 1)), batch_size=8, verbose=0)
    >>> gan.sample(2, seed=0, truncation=0.7).shape
    (2, 28, 28, 1)

    Reference: Karras et al. 2020, https://arxiv.org/abs/1912.04958
    """

    variant = "stylegan2"
    paper = Paper(
        "Karras, Laine, Aittala, Hellsten, Lehtinen & Aila 2020",
        "Analyzing and Improving the Image Quality of StyleGAN",
        "https://arxiv.org/abs/1912.04958",
    )

    decision_boundary = 0.0

    def __init__(
        self,
        image_shape,
        latent_dim=512,
        width=512,
        mapping_layers=2,
        architecture="orig",
        group_size=32,
        r1_gamma=0.01,
        r1_interval=16,
        path_length_weight=0.0,
        path_length_interval=4,
        style_mixing=0.0,
        **options,
    ):
        check_range(r1_gamma, "r1_gamma")
        check_range(path_length_weight, "path_length_weight")
        check_range(style_mixing, "style_mixing", most=1.0)
        self.log_names = ["d_loss", "g_loss", "r1_penalty"]
        if path_length_weight:
            self.log_names.append("path_length_penalty")
        super().__init__(
            build_generator(image_shape, latent_dim, width, mapping_layers),
            build_discriminator(image_shape, width, architecture, group_size),
            signature=Signature(
                {"z": Latent(latent_dim), "truncation": Scalar(1.0, low=0.0)}, Image(image_shape)
            ),
            **options,
        )
        self.width = width
        self.mapping_layers = mapping_layers
        self.architecture = architecture
        self.group_size = group_size
        self.r1_gamma = r1_gamma
        self.r1_interval = r1_interval
        self.path_length_weight = path_length_weight
        self.path_length_interval = path_length_interval
        self.style_mixing = style_mixing
        self.steps = self._count("steps")
        self.mean_path_length = self.add_state("mean_path_length")  # a of Eq. (4)

    @staticmethod
    def default_optimizers(path_length_weight=0.0):
        share = 1.0 if path_length_weight else 4 / 5
        return (
            keras.optimizers.Adam(share * 2.5e-3, beta_1=0.0, beta_2=0.99**share, epsilon=1e-8),
            keras.optimizers.Adam(2.5e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8),
        )

    def paper_optimizers(self):
        return self.default_optimizers(self.path_length_weight)

    # --- The latents w ---

    def to_w(self, z, truncation=1.0):
        """Maps latents z to latents w.

        Args:
            z: float array (N, latent_dim), such as `latent_prior(N, seed)`.
            truncation: float >= 0, or array (N,): psi.

        Returns:
            float32 tensor (N, latent_dim).

        Raises:
            UserError: If shapes or values do not fit.

        Example:

        >>> gan = StyleGAN2((8, 8, 1), latent_dim=16, width=4)
        >>> w = gan.to_w(gan.latent_prior(2, [0, 0]), truncation=0.7)
        >>> gan.from_w((w[:1] + w[1:]) / 2).shape  # halfway
        TensorShape([1, 8, 8, 1])
        """
        kinds = self.signature.inputs
        z = kinds["z"].check(z, "z")
        psi = tf.fill((len(z),), truncation) if tf.rank(truncation) == 0 else truncation
        psi = kinds["truncation"].check(psi, "truncation", len(z))
        return self.inference_generator.get_layer("mapping")([tf.constant(z), tf.constant(psi)])

    def from_w(self, w):
        """Generates images from latents w.

        Args:
            w: float array (N, latent_dim), or (N, layers, latent_dim) with one w for each layer, to
                mix styles: `self.layers_of_w` of them, from coarse to fine.

        Returns:
            float32 tensor (N, H, W, C) in [-1, 1].

        Raises:
            UserError: If `w` has another shape.
        """
        w = tf.cast(w, tf.float32)
        number, dim = self.layers_of_w, self.latent_dim
        if w.shape.rank not in (2, 3) or w.shape[1:] not in ((dim,), (number, dim)):
            raise UserError(
                f"`w` must have shape (N, {dim}), or (N, {number}, {dim}) with one for each layer. "
                f"Received: shape={tuple(w.shape)}"
            )
        each = [w] * number if w.shape.rank == 2 else tf.unstack(w, axis=1)
        return self.inference_generator.get_layer("synthesis")(each)

    @property
    def layers_of_w(self):
        """Number of latents w that the synthesis network takes."""
        return count_layers(self.image_shape)

    # --- Training ---

    def train_step(self, images):
        num = tf.shape(images)[0]
        step = tf.identity(self.steps)
        self.steps.assign_add(1)
        synthesis = self.generator.get_layer("synthesis")
        penalties = {}

        # G: the non-saturating logistic loss, and the lengths of paths (section 3.2)
        with tf.GradientTape() as g_tape:
            ws = self.draw_w(num)
            with tf.GradientTape() as path_tape:
                path_tape.watch(ws)
                fakes = synthesis(ws, training=True)
            g_loss = total = non_saturating_loss(self.discriminator(fakes, training=True))
            if self.path_length_weight:
                penalty = self.path_length_penalty(path_tape, fakes, ws, step)
                penalties["path_length_penalty"] = penalty
                total += self.path_length_weight * penalty
        self.minimize(g_tape, total, self.generator, self.g_optimizer)

        # D: the logistic loss, and R1 (section 3.1; Mescheder et al. 2018, Eq. 9)
        fakes = synthesis(self.draw_w(num), training=True)
        with tf.GradientTape() as d_tape:
            with tf.GradientTape() as r1_tape:
                r1_tape.watch(images)
                real_logits = self.discriminator(images, training=True)
            fake_logits = self.discriminator(fakes, training=True)
            d_loss = discriminator_loss(real_logits, fake_logits)
            # Lazily: every k-th step counts k times (section 3.1). Only the gradient is within the
            # condition. What assigns variables cannot be, with several replicas.
            penalties["r1_penalty"] = tf.cond(
                step % self.r1_interval == 0,
                lambda: self.r1_interval * r1_penalty(r1_tape, real_logits, images),
                lambda: 0.0,
            )
            total = d_loss + self.r1_gamma / 2 * penalties["r1_penalty"]
        self.minimize(d_tape, total, self.discriminator, self.d_optimizer)

        return self.end_step(d_loss=d_loss, g_loss=g_loss, **penalties)

    def draw_w(self, num):
        """Returns new latents w for a training step: a list of tensors (num, latent_dim), one for
        each layer."""
        mapping, number = self.generator.get_layer("mapping"), self.layers_of_w
        w = mapping([self.sample_latents(num), tf.ones((num,))], training=True)
        if not self.style_mixing:
            return [tf.identity(w) for _ in range(number)]
        # Karras et al. 2019, section 3.1: the layers from a random place on take another w, which
        # does not count in w_avg.
        other = mapping([self.sample_latents(num), tf.ones((num,))], training=False)
        mixed = self.sample_uniform(num) < self.style_mixing
        place = 1.0 + tf.floor(self.sample_uniform(num) * (number - 1))
        place = tf.where(mixed, place, float(number))[:, tf.newaxis]
        return [tf.where(layer < place, w, other) for layer in range(number)]

    def path_length_penalty(self, tape, fakes, ws, step):
        """Returns Eq. (4) at every k-th step, k times, and else 0; moves its average a."""
        seed, shape = self.next_seed(), fakes.shape[1:]
        y = replicas.own_rows(
            lambda rows: tf.random.stateless_normal((rows, *shape), seed, alg="philox"),
            tf.shape(fakes)[0],
        )
        due = step % self.path_length_interval == 0
        lengths = tf.cond(
            due, lambda: path_lengths(tape, fakes, ws, y), lambda: tf.zeros(tf.shape(y)[:1])
        )
        a = tf.convert_to_tensor(self.mean_path_length)
        moved = a + PATH_LENGTH_DECAY * (tf.reduce_mean(lengths) - a)
        self.mean_path_length.assign(tf.where(due, tf.stop_gradient(moved), a))
        a = tf.convert_to_tensor(self.mean_path_length)  # the mean of all replicas'
        penalty = tf.reduce_mean((lengths - a) ** 2)  # Eq. (4)
        return tf.where(due, self.path_length_interval * penalty, 0.0)


def r1_penalty(tape, real_logits, images):
    """How steep D is on real images: E[|grad D(x)|^2].

    Args:
        tape: `tf.GradientTape` that recorded the logits.
        real_logits: float tensor (N, 1), D(x).
        images: float tensor (N, ...), x.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> images = tf.ones((4, 3))
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(images)
    ...     logits = tf.reduce_sum(2.0 * images, axis=1)
    >>> float(r1_penalty(tape, logits, images))
    12.0

    Reference: Mescheder, Geiger & Nowozin 2018, "Which Training Methods for GANs do actually
    Converge?", Eq. (9), https://arxiv.org/abs/1801.04406
    """
    gradients = tf.cast(tape.gradient(real_logits, images), tf.float32)
    return tf.reduce_mean(tf.reduce_sum(gradients**2, axis=range(1, len(gradients.shape))))


def path_lengths(tape, fakes, ws, y):
    """How far a picture moves when its latents w do, in a random direction: |J^T y|.

    Args:
        tape: `tf.GradientTape` that recorded the pictures.
        fakes: float tensor (N, H, W, C), generated.
        ws: List of tensors (N, dim), the latents w of each layer; squares are averaged over layers.
        y: float tensor of the shape of `fakes`, standard normal.

    Returns:
        float32 tensor (N,).

    Example:

    >>> w = tf.ones((2, 1))
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(w)
    ...     fakes = 3.0 * w[:, :, None, None]
    >>> path_lengths(tape, fakes, [w], tf.ones((2, 1, 1, 1))).numpy().round(4).tolist()
    [3.0, 3.0]

    Reference: Karras et al. 2020, Eq. (4), and `loss.py` in
    https://github.com/NVlabs/stylegan2-ada-pytorch
    """
    height, width = fakes.shape[1:3]
    y = tf.cast(y / (height * width) ** 0.5, fakes.dtype)
    gradients = tape.gradient(fakes, ws, output_gradients=y)
    squares = [tf.reduce_sum(tf.cast(each, tf.float32) ** 2, axis=1) for each in gradients]
    return tf.sqrt(tf.add_n(squares) / len(squares) + 1e-12)


def check_range(value, name, most=None):
    """Refuses what is no number from 0 to `most`; `None` is no limit."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0.0 <= value <= (math.inf if most is None else most):
        wanted = "0 or more" if most is None else f"from 0 to {most:g}"
        raise UserError(f"`{name}` must be a number, {wanted}. Received: {name}={value!r}")
