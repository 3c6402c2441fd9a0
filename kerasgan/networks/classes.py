"""Classes in both networks: Miyato & Koyama 2018, "cGANs with Projection Discriminator",
https://arxiv.org/abs/1802.05637"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.layers import SpectralEmbedding


def label_input(num_classes):
    """Returns a network's input for class ids, or `None` without classes."""
    return None if num_classes is None else keras.Input((), dtype="int32", name="label")


def pair(x, label=None):
    """Returns what a network takes: `x` alone where there are no classes.

    Example:

    >>> pair("z"), pair("z", "label")
    ('z', ['z', 'label'])
    """
    return x if label is None else [x, label]


def judge_both(discriminator, images, fakes, labels=None):
    """Returns D's logits on real and on generated images, from one pass over both.

    For networks that judge each image by itself. Their spectral norm makes one power iteration in a
    pass.

    Args:
        discriminator: Images (N, ...), or a list with labels (N,), -> logits (N, 1).
        images: float tensor (N, ...): real images.
        fakes: float tensor of the same shape: generated ones.
        labels: int tensor (N,) of both, or `None`.

    Returns:
        Two tensors (N, 1).
    """
    both = tf.concat([images, tf.cast(fakes, images.dtype)], 0)
    twice = None if labels is None else tf.concat([labels, labels], 0)
    return tf.split(discriminator(pair(both, twice), training=True), 2)


def add_projection(logits, h, label, num_classes, initializer):
    """Returns logits plus the inner product of the class's embedding with h: Eq. (3).

    Args:
        logits: psi(h), float32 (N, 1).
        h: Features of the pictures, float32 (N, C).
        label: Class ids (N,), or `None`, which changes nothing.
        num_classes: Number of classes.
        initializer: Initializer of the embeddings, which have spectral normalisation.
    """
    if label is None:
        return logits
    embedding = SpectralEmbedding(
        num_classes, h.shape[-1], embeddings_initializer=initializer, dtype="float32"
    )(label)
    projection = layers.Dot(axes=1, dtype="float32")([h, embedding])
    return layers.Add(dtype="float32")([logits, projection])
