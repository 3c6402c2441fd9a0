"""Directions in latent space that change what is generated, found without labels.

`kerasgan.viz.direction_strips` draws them.
"""

import keras
import numpy as np
import tensorflow as tf

from kerasgan.utils.errors import UserError, check_count, nearest

__all__ = ["directions"]

METHODS = ("closed_form", "components")
SAMPLES = 10_000  # latents w whose principal components are taken


def directions(gan, num=10, method="closed_form", seed=0):
    """Returns the directions of latent space along which a generator's pictures change most.

    They are directions of `w` where a model has such latents (`to_w`, `from_w`), and of `z`
    elsewhere.

    Args:
        gan: A `kerasgan.GAN`.
        num: Number of directions, at most as many as change anything: no more than latents, nor
            than units that take them.
        method: "closed_form": directions to which the layers that take the latents respond most,
            each of their units counting alike (Shen & Zhou 2021). "components": principal
            components (Harkonen et al. 2020), of 10,000 latents w, or of what these layers make of
            normal z.
        seed: Seed of the latents w.

    Returns:
        float32 array (num, dim): orthonormal, the strongest first. Each one's largest entry is
        positive.

    Raises:
        UserError: If there is no such method, `num` is out of range, or no layer of the generator
            takes its latents as they are.

    Example:

    >>> import kerasgan
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> directions(gan, num=3).shape
    (3, 100)

    Reference: Shen & Zhou 2021, "Closed-Form Factorization of Latent Semantics in GANs", Eq. (5),
    https://arxiv.org/abs/2007.06600; Harkonen et al. 2020, "GANSpace: Discovering Interpretable GAN
    Controls", https://arxiv.org/abs/2004.02546
    """
    if method not in METHODS:
        raise UserError(f'Unknown method "{method}": {nearest(method, METHODS)}')
    check_count(num, "num")
    if method == "components" and has_w(gan):
        rows = np.asarray(gan.to_w(gan.latent_prior(SAMPLES, [seed, 0])), "float64")
        matrix = (rows - rows.mean(axis=0)).T
    else:
        matrix = responses(gan)
        if method == "closed_form":
            matrix = matrix / np.maximum(np.linalg.norm(matrix, axis=0), 1e-12)
    values, vectors = np.linalg.eigh(matrix @ matrix.T)  # ascending
    rank = int((values > 1e-9 * values[-1]).sum())
    if num > rank:
        raise UserError(
            f"Only {rank} directions change anything: `num` must be at most {rank}. "
            f"Received: num={num}"
        )
    found = vectors.T[::-1][:num]
    largest = found[np.arange(num), np.abs(found).argmax(axis=1)]
    return (found * np.sign(largest)[:, None]).astype("float32")


def has_w(gan):
    """Whether a model has intermediate latents w."""
    return hasattr(gan, "to_w")


def responses(gan):
    """Returns the weights of all layers that take the latents, side by side: float64 (dim, units).

    A layer may take a part of them, as each of BigGAN's does: it does not respond to the others. Of
    the layers that make pictures of several sizes, only the last one's styles count, as in SeFa's
    code.
    """
    network = gan.inference_generator
    if has_w(gan):
        styles = [layer for layer in network.get_layer("synthesis").layers if dense(layer)]
        pictures = [layer for layer in styles if "torgb" in layer.name]
        kernels = [layer.kernel for layer in styles if layer not in pictures[:-1]]
        return np.concatenate([np.asarray(kernel, "float64") for kernel in kernels], axis=1)
    found = []
    for vector, kernels in vectors_taken(network):
        part = part_of_latents(gan, keras.Model(network.inputs, vector))
        if part is not None:
            found += [part @ np.asarray(kernel, "float64") for kernel in kernels]
    if not found:
        raise UserError(
            f"No layer of {type(gan).__name__}'s generator takes its latents as they are, so its "
            "directions are not known in closed form."
        )
    return np.concatenate(found, axis=1)


def vectors_taken(network):
    """Yields each vector that a layer multiplies by weights, and these."""
    for layer in network.layers:
        inner = [getattr(layer, name, None) for name in ("gain", "bias")]
        if dense(layer):
            yield layer.input, [kernel_of(layer)]
        elif all(map(dense, inner)):  # a norm whose scale and shift follow a vector
            yield layer.input[1], [kernel_of(each) for each in inner]


def kernel_of(layer):
    """Returns the weights that a layer multiplies by: with spectral norm, not those that it has."""
    return layer.normalized_kernel(False) if hasattr(layer, "normalized_kernel") else layer.kernel


def dense(layer):
    kernel = getattr(layer, "kernel", None)
    return kernel is not None and len(kernel.shape) == 2


def part_of_latents(gan, taken):
    """Returns the matrix (dim, n) that picks a layer's n inputs out of the latents, or `None` if
    they are something else."""

    def inputs(z):
        values = [taken(gan.signature.draw(len(z), [0, 0], {"z": each})) for each in (z, 0.0 * z)]
        return np.asarray(values[0], "float64") - np.asarray(values[1], "float64")

    part = inputs(tf.eye(gan.latent_dim))
    rows = tf.random.stateless_normal((8, gan.latent_dim), (0, 0))
    picked = np.isin(part, (0.0, 1.0)).all() and part.any()
    return part if picked and np.allclose(inputs(rows), rows @ part, atol=1e-5) else None
