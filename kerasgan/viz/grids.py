"""Sample grids."""


def sample_grid(gan, num=64, seed=0):
    """Returns samples of a model as one picture; with classes, a column for each.

    Args:
        gan: A `kerasgan.GAN` whose outputs can be drawn.
        num: Number of samples.
        seed: Seed of the latents; the same seed gives the same picture.

    Returns:
        uint8 array, as of `grid`.

    Example:

    >>> import kerasgan
    >>> sample_grid(kerasgan.DCGAN((8, 8, 1), width=4), num=4).shape
    (18, 18, 1)
    """
    return gan.grid(gan.sample(num, seed=seed))
