"""Networks for points, three hidden layers of ReLUs each: `gan_toy.py` in
github.com/igul222/improved_wgan_training"""

import keras
from keras import layers


def build_generator(dim, latent_dim=2, units=512):
    """Latents (N, latent_dim) -> points (N, dim), in any range."""
    z = keras.Input((latent_dim,), name="z")
    x = hidden_layers(z, units)
    points = layers.Dense(dim, dtype="float32", name="images")(x)
    return keras.Model(z, points, name="generator")


def build_discriminator(dim, units=512, outputs=1, use_bias=True):
    """Points (N, dim) -> logits (N, outputs); float32 all through.

    Args:
        dim: Dimensions of a point.
        units: Units of each hidden layer.
        outputs: Length of what comes out.
        use_bias: Whether the last layer has a bias; one cancels in a critic's loss.
    """
    points = keras.Input((dim,), name="images")
    x = hidden_layers(points, units, dtype="float32")
    logits = layers.Dense(outputs, use_bias=use_bias, dtype="float32", name="logits")(x)
    return keras.Model(points, logits, name="discriminator")


def hidden_layers(x, units, dtype=None):
    for _ in range(3):
        x = layers.Dense(units, activation="relu", kernel_initializer="he_uniform", dtype=dtype)(x)
    return x
