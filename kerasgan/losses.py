"""Losses that several papers use. A loss of a single paper is in the file of its model."""

import tensorflow as tf

__all__ = [
    "discriminator_loss",
    "gradient_penalty",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "non_saturating_loss",
    "wasserstein_critic_loss",
    "wasserstein_generator_loss",
]


def discriminator_loss(real_logits, fake_logits):
    """The discriminator's half of the GAN game: -E[log D(x)] - E[log(1 - D(G(z)))].

    Args:
        real_logits: float tensor, any shape: logits of D on real images, D = sigmoid(logit).
        fake_logits: float tensor, any shape: logits of D on generated images.

    Returns:
        Scalar float32 tensor, in nats; 2 log 2 = 1.386 where D cannot tell them apart.

    Example:

    >>> float(discriminator_loss(tf.zeros((4, 1)), tf.zeros((4, 1))))
    1.3862943649291992

    Reference: Goodfellow et al. 2014, "Generative Adversarial Nets", Eq. (1),
    https://arxiv.org/abs/1406.2661
    """
    # softplus(-l) = -log sigmoid(l), softplus(l) = -log(1 - sigmoid(l)), both without overflow
    real_loss = tf.reduce_mean(tf.nn.softplus(-tf.cast(real_logits, tf.float32)))
    fake_loss = tf.reduce_mean(tf.nn.softplus(tf.cast(fake_logits, tf.float32)))
    return real_loss + fake_loss


def non_saturating_loss(fake_logits):
    """The generator's loss that every GAN since 2014 trains with: -E[log D(G(z))].

    Args:
        fake_logits: float tensor, any shape: logits of D on generated images.

    Returns:
        Scalar float32 tensor, in nats; log 2 = 0.693 where D cannot tell.

    Example:

    >>> float(non_saturating_loss(tf.zeros((4, 1))))
    0.6931471824645996

    Reference: Goodfellow et al. 2014, section 3: "Rather than training G to minimize
    log(1 - D(G(z))) we can train G to maximize log D(G(z))".
    """
    return tf.reduce_mean(tf.nn.softplus(-tf.cast(fake_logits, tf.float32)))


def hinge_discriminator_loss(real_logits, fake_logits):
    """The hinge loss of the discriminator: E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))].

    Args:
        real_logits: float tensor, any shape: outputs of D on real images.
        fake_logits: float tensor, any shape: outputs of D on generated images.

    Returns:
        Scalar float32 tensor; 2 where D is 0 everywhere, 0 where it is at least 1 on real images
        and at most -1 on generated ones.

    Example:

    >>> float(hinge_discriminator_loss(tf.constant([0.5, 3.0]), tf.constant([-2.0, 0.0])))
    0.75

    Reference: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks",
    Eq. (16), https://arxiv.org/abs/1802.05957; Lim & Ye 2017, https://arxiv.org/abs/1705.02894
    """
    real_loss = tf.reduce_mean(tf.nn.relu(1.0 - tf.cast(real_logits, tf.float32)))
    fake_loss = tf.reduce_mean(tf.nn.relu(1.0 + tf.cast(fake_logits, tf.float32)))
    return real_loss + fake_loss


def hinge_generator_loss(fake_logits):
    """The generator's loss against a discriminator with hinge loss: -E[D(G(z))].

    Args:
        fake_logits: float tensor, any shape: outputs of D on generated images.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> float(hinge_generator_loss(tf.constant([-2.0, 1.0])))
    0.5

    Reference: Miyato et al. 2018, Eq. (17), https://arxiv.org/abs/1802.05957
    """
    return -tf.reduce_mean(tf.cast(fake_logits, tf.float32))


def wasserstein_critic_loss(real_logits, fake_logits):
    """The critic's loss E[D(G(z))] - E[D(x)]: minus its estimate of the Wasserstein distance.

    Args:
        real_logits: float tensor, any shape: the critic's values D on real images.
        fake_logits: float tensor, any shape: those on generated images.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> float(wasserstein_critic_loss(tf.constant([3.0, 5.0]), tf.constant([1.0, 1.0])))
    -3.0

    Reference: Arjovsky et al. 2017, "Wasserstein GAN", Eq. (2), https://arxiv.org/abs/1701.07875
    """
    real_logits, fake_logits = tf.cast(real_logits, tf.float32), tf.cast(fake_logits, tf.float32)
    return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)


def wasserstein_generator_loss(fake_logits):
    """The generator's loss against a critic: -E[D(G(z))].

    Args:
        fake_logits: float tensor, any shape: the critic's values on generated images.

    Returns:
        Scalar float32 tensor.

    Example:

    >>> float(wasserstein_generator_loss(tf.constant([1.0, 3.0])))
    -2.0

    Reference: Arjovsky et al. 2017, Algorithm 1, line 10, https://arxiv.org/abs/1701.07875
    """
    return -tf.reduce_mean(tf.cast(fake_logits, tf.float32))


def gradient_penalty(critic, real_images, fake_images, alpha):
    """How far the critic's gradients are from norm 1: E[(|grad D(x_hat)| - 1)^2].

    Args:
        critic: Callable, images (N, ...) -> logits (N, 1), each from its own image alone.
        real_images: float tensor (N, ...).
        fake_images: float tensor of the same shape.
        alpha: float tensor (N,) in [0, 1]: the real image's share in x_hat.

    Returns:
        Scalar float32 tensor; 0 where every gradient has norm 1.

    Example:

    >>> critic = lambda x: tf.reduce_sum(3.0 * x, axis=1)  # |grad| = 3 for one dimension
    >>> float(gradient_penalty(critic, tf.ones((4, 1)), tf.zeros((4, 1)), tf.fill((4,), 0.5)))
    4.0

    Reference: Gulrajani et al. 2017, Eq. (3), Algorithm 1, lines 6 and 7,
    https://arxiv.org/abs/1704.00028
    """
    real_images, fake_images = tf.cast(real_images, tf.float32), tf.cast(fake_images, tf.float32)
    alpha = tf.reshape(alpha, [-1] + [1] * (len(real_images.shape) - 1))
    x_hat = alpha * real_images + (1.0 - alpha) * fake_images  # line 6
    with tf.GradientTape() as tape:
        tape.watch(x_hat)
        logits = critic(x_hat)
    # The sum over the batch has as its gradient each image's own.
    gradients = tf.cast(tape.gradient(logits, x_hat), tf.float32)
    squares = tf.reduce_sum(gradients**2, axis=range(1, len(gradients.shape)))  # (N,)
    return tf.reduce_mean((tf.sqrt(squares + 1e-12) - 1.0) ** 2)
