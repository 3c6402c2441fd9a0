"""MMD GAN: Li, Chang, Cheng, Yang & Poczos 2017, "MMD GAN: Towards Deeper Understanding of Moment
Matching Network", https://arxiv.org/abs/1705.08584, with the kernels and the gradient penalty of
Binkowski, Sutherland, Arbel & Gretton 2018, "Demystifying MMD GANs",
https://arxiv.org/abs/1801.01401

D makes features, and the loss is the squared maximum mean discrepancy of their distributions, which
D raises and G lowers. The estimate is the unbiased one of `metrics.kernel_distance` (the KID).

Constants are those of the second paper and its authors' code (github.com/mbinkowski/MMD-GAN): 16
features, weight 1 for the linear kernel ("rq*"), the gradient penalty and the L2 penalty, no batch
norm in D, since it would tie the penalty of an image to the others, 5 updates of D for one of G,
Adam 1e-4 (0.5, 0.9), the gradient of each weight clipped to norm 1, latents uniform in [-1, 1].

What differs, and why:
- Alphas are the paper's 0.2, 0.5, 1, 2 and 5; the released code has 0.1, 1 and 10. Sigmas of "rbf"
  are the code's 2, 5, 10, 20, 40 and 80; the first paper has 1, 2, 4, 8 and 16.
- The penalty takes the norm over a whole image. The code sums over its rows alone, and so asks for
  norm 1 in each column of each channel.
- Images lie in [-1, 1], as everywhere here, and G ends in tanh; the authors' lie in [0, 1], where
  a gradient of norm 1 is half as steep. D's last layer starts as N(0, 0.02), theirs as N(0, 0.01).
- From the first paper come the game and the RBF kernels. Its weight clipping, which the gradient
  penalty replaced, and its autoencoder, which the second paper left out, are missing.
- Rates do not fall by the three-sample test of KIDs, which needs thousands of features each time.
- G's update compares with the last minibatch of D's; the authors' takes new images.
- Distances are sums of squared differences, not |x|^2 - 2 x.y + |y|^2, which cancels in float32.
- Networks are DCGAN's (4x4 kernels; see `kerasgan.models.dcgan`), with a convolution less in D at
  32 pixels than the authors' four; or three hidden layers for points. D computes in float32 under
  every dtype policy, as its penalty is a gradient squared.
- The MMD is one of the whole batch: with several replicas, features of all are gathered.
"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.gan import GAN, Paper
from kerasgan.losses import gradient_penalty
from kerasgan.networks import dcgan, points
from kerasgan.signature import Latent, Signature, output_of
from kerasgan.utils.errors import UserError, check_count, nearest
from kerasgan.utils.replicas import all_rows

ALPHAS = (0.2, 0.5, 1.0, 2.0, 5.0)
SIGMAS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)


class MMDGAN(GAN, package="kerasgan"):
    """MMD GAN with gradient penalty.

    The batch that `fit` hands over is split into `n_critic` minibatches, one for each update of D:
    for minibatches of 64 the batch size is 320. The logs hold `mmd`, the squared discrepancy that D
    sees, which may come out below 0 where the distributions are alike, and `gradient_penalty`
    before its weight.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4; or (dimensions,), for
            points.
        latent_dim: Length of the latent vector, uniform in [-1, 1].
        width: Channels of D's first and G's last hidden layer; for points a quarter of the units of
            each hidden layer. The paper uses 64, 32 is quick on a CPU.
        feature_dim: Number of D's features.
        kernel: "rational_quadratic" or "rbf": a sum over alphas or sigmas.
        linear_weight: float, 0 or more, of the linear kernel that is added. `None` is 1 for
            "rational_quadratic", as in the paper's "rq*" (its "rq" has 0), and 0 for "rbf".
        gp_weight: float, 0 or more, of the gradient penalty.
        l2_weight: float, 0 or more, of the penalty on D's activations.
        n_critic: int, updates of D for one of G.
        **options: `ema_decay`, `seed`, `augment`: as in `kerasgan.GAN`.

    Raises:
        UserError: If a side is not divisible by 4, there is no such kernel, a weight is below 0, or
            `n_critic` is not 1 or more.

    Example:

    >>> gan = MMDGAN(image_shape=(28, 28, 1), width=8)
    >>> gan.compile()
    >>> history = gan.fit(tf.zeros((20, 28, 28, 1)), batch_size=20, verbose=0)
    >>> sorted(history.history)
    ['d_loss', 'g_loss', 'gradient_penalty', 'mmd']

    Reference: Li et al. 2017, https://arxiv.org/abs/1705.08584; Binkowski et al. 2018,
    https://arxiv.org/abs/1801.01401
    """

    variant = "mmd_gan"
    paper = Paper(
        "Li, Chang, Cheng, Yang & Poczos 2017",
        "MMD GAN: Towards Deeper Understanding of Moment Matching Network",
        "https://arxiv.org/abs/1705.08584",
    )

    log_names = ("d_loss", "g_loss", "mmd", "gradient_penalty")
    saturating_losses = ()  # D's loss is minus a distance

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        width=64,
        feature_dim=16,
        kernel="rational_quadratic",
        linear_weight: float | None = None,
        gp_weight=1.0,
        l2_weight=1.0,
        n_critic=5,
        **options,
    ):
        check_count(n_critic, "n_critic")
        check_kernel(kernel)
        if linear_weight is None:
            linear_weight = 1.0 if kernel == "rational_quadratic" else 0.0
        check_weights(linear_weight=linear_weight, gp_weight=gp_weight, l2_weight=l2_weight)
        super().__init__(
            build_generator(image_shape, latent_dim, width),
            build_discriminator(image_shape, width, feature_dim),
            signature=Signature({"z": Latent(latent_dim, uniform=(-1, 1))}, output_of(image_shape)),
            **options,
        )
        self.width = width
        self.feature_dim = feature_dim
        self.kernel = kernel
        self.linear_weight = linear_weight
        self.gp_weight = gp_weight
        self.l2_weight = l2_weight
        self.n_critic = n_critic

    @staticmethod
    def default_optimizers():
        return tuple(
            keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9, clipnorm=1.0) for _ in range(2)
        )

    def similarity(self, x, y):
        """Returns the model's kernel of features: (N, F) and (M, F) -> (N, M)."""
        values = KERNELS[self.kernel](x, y)
        return values + self.linear_weight * linear(x, y) if self.linear_weight else values

    def train_step(self, images):
        num = tf.shape(images)[0] // self.n_critic
        parts = self.minibatches(images)

        # n_critic updates of D: z and alpha ~ U, and G(z), do not depend on it.
        draws = [(self.sample_latents(num), self.sample_uniform(num)) for _ in range(self.n_critic)]
        fakes = [self.generator(z, training=True) for z, _ in draws]
        alphas = [alpha for _, alpha in draws]

        def update_discriminator(real_images, fake_images, alpha):
            with tf.GradientTape() as d_tape:
                real_layers = self.discriminator(real_images, training=True)
                fake_layers = self.discriminator(fake_images, training=True)
                real, fake = all_rows(real_layers[0]), all_rows(fake_layers[0])
                mmd = squared_mmd(real, fake, self.similarity)
                penalty = gradient_penalty(
                    lambda x: witness(
                        self.discriminator(x, training=True)[0], real, fake, self.similarity
                    ),
                    real_images,
                    fake_images,
                    alpha,
                )
                l2_penalty = mean_squares(real_layers) + mean_squares(fake_layers)
                d_loss = -mmd + self.gp_weight * penalty + self.l2_weight * l2_penalty
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
            return {"d_loss": d_loss, "mmd": mmd, "gradient_penalty": penalty}

        losses = self.repeat(update_discriminator, parts, fakes, alphas)

        # One update of G
        z = self.sample_latents(num)
        real = all_rows(self.discriminator(parts[-1], training=True)[0])
        with tf.GradientTape() as g_tape:
            fakes = self.generator(z, training=True)
            fake = all_rows(self.discriminator(fakes, training=True)[0])
            g_loss = squared_mmd(real, fake, self.similarity)
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(g_loss=g_loss, **losses)


def squared_distances(x, y):
    """(N, F) and (M, F) -> |x_i - y_j|^2, (N, M)."""
    return tf.reduce_sum((x[:, tf.newaxis] - y[tf.newaxis]) ** 2, axis=2)


def rational_quadratic(x, y):
    """A sum of rational quadratic kernels: (1 + |x - y|^2 / (2 alpha))^-alpha over `ALPHAS`.

    Args:
        x: float tensor (N, F).
        y: float tensor (M, F).

    Returns:
        Tensor (N, M); 5 where x and y are equal.

    Example:

    >>> float(rational_quadratic(tf.zeros((1, 3)), tf.zeros((1, 3)))[0, 0])
    5.0

    Reference: Binkowski et al. 2018, section 2.1.
    """
    squares = squared_distances(x, y)
    return tf.add_n([tf.exp(-a * tf.math.log1p(squares / (2.0 * a))) for a in ALPHAS])


def rbf(x, y):
    """A sum of Gaussian kernels: exp(-|x - y|^2 / (2 sigma^2)) over `SIGMAS`.

    Args:
        x: float tensor (N, F).
        y: float tensor (M, F).

    Returns:
        Tensor (N, M); 6 where x and y are equal.

    Example:

    >>> float(rbf(tf.zeros((1, 3)), tf.zeros((1, 3)))[0, 0])
    6.0

    Reference: Li et al. 2017, section 5; Binkowski et al. 2018, section 2.1.
    """
    squares = squared_distances(x, y)
    return tf.add_n([tf.exp(-squares / (2.0 * sigma**2)) for sigma in SIGMAS])


def linear(x, y):
    """The linear kernel x.y: (N, F) and (M, F) -> (N, M)."""
    return tf.matmul(x, y, transpose_b=True)


KERNELS = {"rational_quadratic": rational_quadratic, "rbf": rbf}


def squared_mmd(real, fake, kernel):
    """The unbiased estimate of the squared maximum mean discrepancy.

    Args:
        real: float tensor (M, F), M >= 2: features of real images.
        fake: float tensor (N, F), N >= 2: features of generated images.
        kernel: Function of two such tensors that returns k(x_i, y_j), (M, N).

    Returns:
        Scalar tensor; 0 on average where the distributions are equal, where it may be below 0.

    Example:

    >>> float(squared_mmd(tf.ones((4, 1)), tf.zeros((4, 1)), linear))
    1.0

    Reference: Binkowski et al. 2018, Eq. (4).
    """
    within = mean_of_pairs(kernel(real, real)) + mean_of_pairs(kernel(fake, fake))
    return within - 2.0 * tf.reduce_mean(kernel(real, fake))


def mean_of_pairs(values):
    """Returns the mean of k(x_i, x_j) over i != j."""
    num = tf.shape(values)[0]
    told = "The MMD compares images of a minibatch, `batch_size / n_critic`: it needs two or more."
    with tf.control_dependencies([tf.debugging.Assert(num > 1, [told])]):
        num = tf.cast(num, values.dtype)
    return (tf.reduce_sum(values) - tf.linalg.trace(values)) / (num * (num - 1.0))


def witness(features, real, fake, kernel):
    """The witness function, which is high where real features are denser than generated ones.

    Args:
        features: float tensor (N, F): where to evaluate it.
        real: float tensor (M, F): features of real images.
        fake: float tensor (L, F): features of generated images.
        kernel: As in `squared_mmd`.

    Returns:
        Tensor (N,): f(x) = E k(x, real) - E k(x, fake).

    Example:

    >>> float(witness(tf.ones((1, 1)), tf.ones((4, 1)), tf.zeros((4, 1)), linear)[0])
    1.0

    Reference: Binkowski et al. 2018, section 2.1.
    """
    towards_real = tf.reduce_mean(kernel(features, real), axis=1)
    return towards_real - tf.reduce_mean(kernel(features, fake), axis=1)


def mean_squares(activations):
    """The L2 penalty on activations: the sum over layers of their mean squares.

    Args:
        activations: List of float tensors.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> float(mean_squares([tf.ones((2, 3)), 2.0 * tf.ones((2, 5))]))
    5.0

    Reference: Binkowski et al. 2018, https://github.com/mbinkowski/MMD-GAN, gan/core/model.py
    """
    return tf.add_n([tf.reduce_mean(tf.cast(each, tf.float32) ** 2) for each in activations])


def check_kernel(kernel):
    """Raises UserError if there is no such kernel."""
    if not isinstance(kernel, str) or kernel not in KERNELS:
        raise UserError(f'There is no kernel "{kernel}": {nearest(str(kernel), KERNELS)}')


def check_weights(**weights):
    """Raises UserError if a weight is below 0."""
    for name, weight in weights.items():
        if not weight >= 0.0:
            raise UserError(f"`{name}` must be 0 or more. Received: {name}={weight}")


def build_generator(image_shape, latent_dim=100, width=64):
    """Latents (N, latent_dim) -> images (N, H, W, C) in [-1, 1], or points (N, D)."""
    if len(image_shape) == 1:
        return points.build_generator(image_shape[0], latent_dim, 4 * width)
    return dcgan.build_generator(image_shape, latent_dim, width)


def build_discriminator(image_shape, width=64, feature_dim=16):
    """Images (N, H, W, C), or points (N, D) -> [features (N, F), *activations of hidden layers]."""
    if len(image_shape) == 1:
        network = points.build_discriminator(image_shape[0], 4 * width, feature_dim)
        hidden = [layer for layer in network.layers[:-1] if isinstance(layer, layers.Dense)]
    else:
        network = dcgan.build_discriminator(
            image_shape, width, feature_dim, norm=None, dtype="float32"
        )
        hidden = [layer for layer in network.layers if isinstance(layer, layers.LeakyReLU)]
    outputs = [network.outputs[0], *(layer.output for layer in hidden)]
    return keras.Model(network.input, outputs, name="discriminator")
