"""The truncation trick: Brock, Donahue & Simonyan 2019, "Large Scale GAN Training for High Fidelity
Natural Image Synthesis", section 3.1, https://arxiv.org/abs/1809.11096

It belongs to the draw, not to the generator: latents that a client draws are the client's to
truncate. So no network and no file changes, and phones and browsers need no inverse error function.
"""

import tensorflow as tf

from kerasgan.signature.inputs import Scalar

NONE = 6.0  # the threshold from which nothing changes: no float32 draw is that far from 0
THRESHOLD = Scalar(NONE, low=0.0)


def truncated(z, threshold):
    """Turns normal latents into truncated normal ones: as if large entries were drawn again.

    The paper draws entries beyond the threshold anew. Here each entry moves to the truncated
    distribution's quantile of the same probability, which gives the same distribution, and pictures
    that change smoothly with the threshold while the seed stays.

    Args:
        z: float32 tensor (N, latent_dim), standard normal.
        threshold: float32 tensor (N,), 0 or more; 0 gives zeros, and 6 or more changes nothing.

    Returns:
        float32 tensor (N, latent_dim) in [-threshold, threshold].

    Example:

    >>> z = tf.constant([[-2.0, 0.1, 1.0]])
    >>> truncated(z, tf.constant([1.0])).numpy().round(3)
    array([[-0.938,  0.068,  0.622]], dtype=float32)
    >>> truncated(z, tf.constant([6.0])).numpy()
    array([[-2. ,  0.1,  1. ]], dtype=float32)

    Reference: Brock et al. 2019, section 3.1, https://arxiv.org/abs/1809.11096
    """
    root = 2.0**0.5
    threshold = threshold[:, tf.newaxis]
    # P(|x| < |z'|) = P(|x| < |z|) P(|x| < t), written with tails: they are precise where
    # probabilities near 1 are not.
    tail, beyond = tf.math.erfc(tf.abs(z) / root), tf.math.erfc(threshold / root)
    size = -tf.math.ndtri((tail + beyond - tail * beyond) / 2.0)
    moved = tf.sign(z) * tf.clip_by_value(size, 0.0, threshold)
    return tf.where(threshold < NONE, moved, z)
