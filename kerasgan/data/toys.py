"""Two-dimensional toy data, on which mode collapse is visible.

`ring` and `grid` are the mixtures of VEEGAN (Srivastava et al. 2017, https://arxiv.org/abs/1705.07761)
and PacGAN (Lin et al. 2018, https://arxiv.org/abs/1712.04086).
"""

import numpy as np

RING = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)
GRID = np.stack(np.meshgrid(np.arange(-4, 5, 2), np.arange(-4, 5, 2)), axis=-1).reshape(25, 2)


def sine(num, seed=None):
    """Draws points on one period of a sine: x1 ~ U(0, 2 pi), x2 = sin x1.

    Args:
        num: Number of points.
        seed: int. The same seed gives the same points.

    Returns:
        float32 array (num, 2).

    Example:

    >>> points = sine(1000, seed=0)
    >>> bool(np.abs(points[:, 1] - np.sin(points[:, 0])).max() < 1e-6)
    True
    """
    x1 = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi, num)
    return np.stack([x1, np.sin(x1)], axis=1).astype(np.float32)


def ring(num, seed=None):
    """Draws points of 8 Gaussians, equally likely, on a circle of radius 1; sigma is 0.01.

    Args:
        num: Number of points.
        seed: int. The same seed gives the same points.

    Returns:
        float32 array (num, 2).

    Example:

    >>> points = ring(1000, seed=0)
    >>> bool(np.abs(np.linalg.norm(points, axis=1) - 1.0).max() < 0.06)
    True
    """
    return _mixture(RING, 0.01, num, seed)


def grid(num, seed=None):
    """Draws points of 25 Gaussians, equally likely, at -4, -2, 0, 2, 4 in x1 and x2; sigma is 0.05.

    Args:
        num: Number of points.
        seed: int. The same seed gives the same points.

    Returns:
        float32 array (num, 2).

    Example:

    >>> points = grid(1000, seed=0)
    >>> len(np.unique(np.round(points / 2), axis=0))
    25
    """
    return _mixture(GRID, 0.05, num, seed)


def _mixture(modes, sigma, num, seed):
    random = np.random.default_rng(seed)
    chosen = modes[random.integers(len(modes), size=num)]
    return (chosen + random.normal(0.0, sigma, chosen.shape)).astype(np.float32)
