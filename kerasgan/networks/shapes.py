"""How convolutional networks follow the shape of an image: they halve and double its sides."""

from kerasgan.utils.errors import UserError


def check_image_shape(image_shape):
    """Refuses shapes whose sides do not halve twice.

    Args:
        image_shape: (height, width, channels).

    Raises:
        UserError: If it is not that, or a side is not divisible by 4.

    Example:

    >>> check_image_shape((30, 32, 3))
    Traceback (most recent call last):
    ...
    kerasgan.utils.errors.UserError: `image_shape` must be (height, width, channels) with sides ...
    """
    if len(image_shape) != 3:
        raise UserError(
            f"`image_shape` must be (height, width, channels). Received: image_shape={image_shape}"
        )
    height, width, channels = image_shape
    if any(side < 4 or side % 4 for side in (height, width)):
        smaller, larger = (
            tuple(max(4, 4 * (side // 4) + up) if side % 4 else side for side in (height, width))
            for up in (0, 4)
        )
        raise UserError(
            f"`image_shape` must be (height, width, channels) with sides divisible by 4, such as "
            f"{(*smaller, channels)} or {(*larger, channels)}. Received: image_shape={image_shape}"
        )


def count_halvings(image_shape, least=4):
    """Counts how often both sides halve: down to 4 pixels or until one is odd, at least twice.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4.
        least: Pixels at which halving stops.

    Returns:
        int, 2 or more.

    Example:

    >>> count_halvings((28, 28, 1)), count_halvings((32, 32, 3))  # 28, 14, 7 and 32, 16, 8, 4
    (2, 3)
    >>> count_halvings((28, 28, 1), least=8), count_halvings((64, 64, 3), least=8)
    (2, 3)
    """
    halvings = 2
    sides = [side // 4 for side in image_shape[:2]]
    while all(side % 2 == 0 and side >= 2 * least for side in sides):
        sides = [side // 2 for side in sides]
        halvings += 1
    return halvings


def base_sides(image_shape, least=4):
    """Returns both sides after all halvings: where a generator starts to double them.

    Args:
        image_shape: (height, width, channels), both sides divisible by 4.
        least: As in `count_halvings`.

    Returns:
        Tuple of two ints.

    Example:

    >>> base_sides((28, 28, 1)), base_sides((32, 64, 3))
    ((7, 7), (4, 8))
    """
    return tuple(side // 2 ** count_halvings(image_shape, least) for side in image_shape[:2])
