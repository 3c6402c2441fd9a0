"""Walks and sums in latent space, and the pictures of them: DCGAN's sections 6.1 and 6.3.2.

Latents are plain arrays, so these functions work with every model.
"""

import numpy as np

from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError, nearest


def interpolate(start, end, steps=10, method="linear"):
    """Returns latents between two others, both ends included.

    Args:
        start, end: float arrays (latent_dim,).
        steps: Number of latents, at least 2.
        method: "linear" for uniform priors; "spherical" for normal ones, whose vectors have nearly
            equal lengths.

    Returns:
        float32 array (steps, latent_dim).

    Raises:
        UserError: If the method is unknown, there are fewer than 2 steps, or the shapes differ.

    Example:

    >>> interpolate(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3)
    array([[1. , 0. ],
           [0.5, 0.5],
           [0. , 1. ]], dtype=float32)
    >>> interpolate(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3, "spherical").round(3)
    array([[1.   , 0.   ],
           [0.707, 0.707],
           [0.   , 1.   ]], dtype=float32)

    Reference: Shoemake 1985, "Animating Rotation with Quaternion Curves" (slerp); White 2016,
    "Sampling Generative Networks", https://arxiv.org/abs/1609.04468
    """
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    if start.ndim != 1 or start.shape != end.shape or steps < 2:
        raise UserError(
            "An interpolation needs two latents (latent_dim,) and 2 steps or more. "
            f"Received: shapes {start.shape} and {end.shape}, steps={steps}"
        )
    share = np.linspace(0.0, 1.0, steps)[:, None]
    if method == "linear":
        path = (1 - share) * start + share * end
    elif method == "spherical":
        norms = np.linalg.norm(start), np.linalg.norm(end)
        cosine = start @ end / max(norms[0] * norms[1], 1e-12)
        angle = np.arccos(np.clip(cosine, -1.0, 1.0))
        if np.sin(angle) < 1e-6:  # parallel: the arc is the line
            return interpolate(start, end, steps)
        path = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)
    else:
        raise UserError(f'Unknown method "{method}": {nearest(method, ["linear", "spherical"])}')
    return path.astype("float32")


def combine(plus, minus, add):
    """Returns `mean(plus) - mean(minus) + mean(add)`: smiling woman - woman + man.

    Args:
        plus, minus, add: float arrays (k, latent_dim), the latents of k images with a common
            concept. The paper averages three, since single ones were unstable.

    Returns:
        float32 array (latent_dim,).

    Example:

    >>> combine(np.array([[2.0], [4.0]]), np.array([[1.0]]), np.array([[5.0]]))
    array([7.], dtype=float32)

    Reference: Radford et al. 2016, section 6.3.2, https://arxiv.org/abs/1511.06434
    """
    means = [
        np.atleast_2d(np.asarray(latents, "float64")).mean(axis=0) for latents in (plus, minus, add)
    ]
    return (means[0] - means[1] + means[2]).astype("float32")


def interpolation_grid(gan, rows=6, steps=10, method=None, seed=0, label=None):
    """Draws walks between pairs of random latents, one per row.

    Other inputs that must be given, such as texts, are those of the examples that the model keeps,
    one for each row.

    Args:
        gan: A `kerasgan.GAN`.
        rows: Number of walks.
        steps: Samples in a walk.
        method: As in `interpolate`; by default the one for the model's latents.
        seed: Seed of the ends of the walks.
        label: For conditional models: class id of all images, or one for each row; by default
            classes in turn.

    Returns:
        uint8 picture as `kerasgan.viz.grid` gives it.

    Example:

    >>> import kerasgan
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> interpolation_grid(gan, rows=2, steps=5).shape
    (18, 48, 1)
    """
    method = method or gan.signature.inputs["z"].walk
    ends = np.asarray(gan.latent_prior(2 * rows, [seed, 0]))
    walks = [interpolate(ends[2 * i], ends[2 * i + 1], steps, method) for i in range(rows)]
    if label is None and gan.signature.turns:
        label = np.arange(rows) % gan.signature.turns
    labels = None if label is None else np.repeat(np.broadcast_to(label, rows), steps)
    places = np.repeat(np.arange(rows), steps)
    given = {
        name: np.asarray(gan.examples[name])[places % len(gan.examples[name])]
        for name in gan.signature.given
        if name in gan.examples
    }
    samples = _generate(gan, np.concatenate(walks), labels, **given)
    return gan.signature.output.grid(samples, columns=steps)


def arithmetic_strip(gan, plus, minus, add, label=None):
    """Draws the images of three averages of latents, and of their `combine`.

    Args:
        gan: A `kerasgan.GAN`.
        plus, minus, add: As in `combine`.
        label: Class id of all images, for conditional models; by default 0.

    Returns:
        uint8 picture of four images in a row: plus, minus, add, result.

    Example:

    >>> import kerasgan
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> latents = np.asarray(gan.latent_prior(9, [0, 0]))
    >>> arithmetic_strip(gan, latents[:3], latents[3:6], latents[6:]).shape
    (8, 38, 1)
    """
    averages = [np.mean(latents, axis=0) for latents in (plus, minus, add)]
    latents = np.stack([*averages, combine(plus, minus, add)]).astype("float32")
    return pixels.grid(_generate(gan, latents, label), columns=4)


def direction_strips(gan, directions, steps=7, most=3.0, seed=0, label=None):
    """Draws what directions change: a row for each, through a latent that all rows have in common.

    Args:
        gan: A `kerasgan.GAN`.
        directions: float array (num, dim), such as `kerasgan.latent.directions` returns.
        steps: Images in a row; an odd number has the common latent in the middle.
        most: How far the ends are, in standard deviations of the latents.
        seed: Seed of the common latent.
        label: Class id of all images, for conditional models; by default 0.

    Returns:
        uint8 picture as `kerasgan.viz.grid` gives it.

    Example:

    >>> import kerasgan
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> direction_strips(gan, kerasgan.latent.directions(gan, 2), steps=5).shape
    (18, 48, 1)
    """
    latents = np.asarray(gan.latent_prior(256, [seed, 0]))
    in_w = hasattr(gan, "to_w")
    if in_w:
        latents = np.asarray(gan.to_w(latents))
    shares = np.linspace(-most, most, steps) * latents.std()
    walks = latents[0] + shares[None, :, None] * np.asarray(directions)[:, None, :]
    walks = walks.reshape(-1, latents.shape[1]).astype("float32")
    images = gan.from_w(walks).numpy() if in_w else _generate(gan, walks, label)
    return pixels.grid(images, columns=steps)


def _generate(gan, latents, label, **given):
    values = {"z": latents, **given}
    if label is None and gan.signature.turns:
        label = 0
    if label is not None:
        if "label" not in gan.signature.inputs:
            raise UserError(f"{type(gan).__name__} has no classes. Received: label={label!r}")
        labels = np.broadcast_to(label, len(latents))
        values["label"] = gan.signature.inputs["label"].check(labels, "label")
    return gan.generate(*gan.signature.draw(len(latents), [0, 0], values)).numpy()
