"""Films of pictures that move and bounce, drawn from a seed."""

import numpy as np

from kerasgan.data import emoji, mini, tfds_sets
from kerasgan.data.sizes import fitted
from kerasgan.data.source import ArraySource
from kerasgan.data.splits import select
from kerasgan.signature.checks import check_images
from kerasgan.utils.errors import UserError, check_count, nearest

NAME = "moving_fashion_mnist"
SETS = {"train": (10_000, 0), "test": (1_000, 1)}  # number of its films, and their seed
SIDE = 64  # of the field by default
SPRITE = 28  # side of what moves
PARTS = 16  # positions and speeds are whole numbers of sixteenths of a pixel
SLOWEST, FASTEST = 2, 5  # pixels a frame
FRAMES = 4  # that a model is given
LICENCE = "films of garments of Fashion-MNIST, Zalando SE, MIT licence"


def moving(num, seed=0, sprites=tfds_sets.MINI, split="train", objects=2, side=SIDE, flip=False):
    """Returns films of pictures that move and bounce off the walls, for models of the next frame.

    Args:
        num: Number of films.
        seed: int, 0 to 2**32 - 1. The same seed gives the same films on every machine, and a larger
            `num` only adds to them.
        sprites: What moves: "fashion_mnist_mini", "noto_emoji_mini", or uint8 images (N, H, W, C),
            for example digits. They are brought to 28 x 28 pixels. Grey and coloured ones move on
            black, where the brighter pixel is seen; those with opacity on white, the last in front.
        split: Split of a named set.
        objects: Number of pictures in a film.
        side: Side of the field in pixels, 28 or more.
        flip: As in `kerasgan.data.load`; all frames of an example are mirrored together.

    Returns:
        `ArraySource` of "frames", uint8 (num, 4, side, side, C), and "image", the frame after them.
        Each picture moves in a direction of its own at a constant speed of 2 to 5 pixels a frame.

    Raises:
        UserError: If there are no such sprites, or a number is out of range.

    Example:

    >>> source = moving(3, seed=0)
    >>> source.spec
    {'image': Image((64, 64, 1)), 'frames': Film((4, 64, 64, 1))}
    """
    films = moving_films(num, seed, FRAMES + 1, sprites, split, objects, side)
    licence = {tfds_sets.MINI: LICENCE, emoji.MINI: emoji.LICENCE}
    named = isinstance(sprites, str)
    name = f"moving {sprites if named else 'pictures'}"
    return source_of(films, name, licence.get(sprites) if named else None, flip)


def moving_films(
    num,
    seed=0,
    frames=12,
    sprites=tfds_sets.MINI,
    split="train",
    objects=2,
    side=SIDE,
    image_size=None,
):
    """Returns films as `moving` does, of any number of frames, for scores of what follows.

    Args:
        num, seed, sprites, split, objects, side: As in `moving`.
        frames: Number of frames; the first five are those of `moving`.
        image_size: Side, or (height, width), to which frames are resized; by default they keep
            `side`.

    Returns:
        uint8 array (num, frames, H, W, C).

    Raises:
        UserError: As `moving`.

    Example:

    >>> moving_films(2, seed=0, frames=12).shape
    (2, 12, 64, 64, 1)
    """
    for value, name in ((num, "num"), (frames, "frames"), (objects, "objects")):
        check_count(value, name)
    check_count(side, "side", least=SPRITE)
    films = filmed(sprites_of(sprites, split), draws(num, seed, objects), frames, side)
    return films if image_size is None else resized(films, image_size)


def resized(films, image_size):
    """Returns films, uint8 (N, T, H, W, C), with frames of another size."""
    number, frames, *shape = films.shape
    pictures = fitted(films.reshape(-1, *shape), image_size)
    return pictures.reshape(number, frames, *pictures.shape[1:])


def load_films(split="train", image_size=None):
    """Returns a split of "moving_fashion_mnist", as `kerasgan.data.load_source` describes it."""
    drawn, sprites, splits, start = [], [], {}, 0
    for name, (number, seed) in SETS.items():
        found = sprites_of(tfds_sets.MINI, name)
        raw = draws(number, seed, 2)
        raw[..., 0] = raw[..., 0] % len(found) + sum(map(len, sprites))
        drawn.append(raw)
        sprites.append(found)
        splits[name] = np.arange(start, start + number)
        start += number
    chosen = select(split, splits, NAME)
    films = filmed(np.concatenate(sprites), np.concatenate(drawn)[chosen], FRAMES + 1, SIDE)
    if image_size is not None:
        films = resized(films, image_size)
    return source_of(films, NAME, LICENCE)


def source_of(films, name, licence=None, flip=False):
    """Returns films as a source: the last frame as "image", those before as "frames"."""
    parts = {"image": films[:, -1], "frames": films[:, :-1]}
    return ArraySource(parts, name, licence=licence, flip=flip)


def sprites_of(sprites, split):
    """Returns what moves, uint8 (N, 28, 28, C)."""
    if isinstance(sprites, str):
        if sprites == tfds_sets.MINI:
            return mini.read_mini(split, SPRITE).parts["image"]
        if sprites == emoji.MINI:
            return emoji.read_mini(split, SPRITE, transparent=True).parts["image"]
        known = (tfds_sets.MINI, emoji.MINI)
        raise UserError(
            f"`sprites` must be uint8 images, or the name of a set that comes with kerasgan. There "
            f'is no "{sprites}": {nearest(sprites, known)}'
        )
    sprites = np.asarray(sprites)
    check_images(sprites, "`sprites`")
    if sprites.dtype != np.uint8:
        raise UserError(f"`sprites` must be uint8. Received: dtype={sprites.dtype}")
    return fitted(sprites, SPRITE)


def draws(num, seed, objects):
    """Returns random whole numbers (num, objects, 4), the first ones the same for every `num`."""
    check_count(seed, "seed", least=0)
    if seed >= 2**32:
        raise UserError(f"`seed` must be less than 2**32. Received: seed={seed}")
    # NumPy guarantees this stream, unlike default_rng's.
    return np.random.RandomState(seed).randint(0, 2**31 - 1, (num, objects, 4), dtype=np.int64)


def filmed(sprites, drawn, frames, side):
    """Returns films.

    Args:
        sprites: uint8 (N, 28, 28, C).
        drawn: Random whole numbers (num, objects, 4), that choose a sprite, its place and its
            speed.
        frames: Number of frames.
        side: Side of the field.

    Returns:
        uint8 (num, frames, side, side, C), of sprites with opacity with C = 3.
    """
    opacity = sprites.shape[-1] == 4
    speeds = speeds_of(SLOWEST * PARTS, FASTEST * PARTS)
    chosen = drawn[..., 0] % len(sprites)
    places = drawn[..., 1:3] % ((side - SPRITE) * PARTS + 1)
    steps = speeds[drawn[..., 3] % len(speeds)]
    shape = (len(drawn), frames, side, side, 3 if opacity else sprites.shape[-1])
    films = np.full(shape, 255 if opacity else 0, np.uint8)
    for frame in range(frames):
        corners = bounced(places + frame * steps, (side - SPRITE) * PARTS)
        corners = (corners + PARTS // 2) // PARTS
        for film, which, at in zip(films[:, frame], chosen, corners, strict=True):
            for sprite, (y, x) in zip(which, at, strict=True):
                put(film[y : y + SPRITE, x : x + SPRITE], sprites[sprite])
    return films


def speeds_of(slowest, fastest):
    """Returns all whole vectors (n, 2) between two lengths."""
    line = np.arange(-fastest, fastest + 1)
    every = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    squared = (every**2).sum(axis=1)
    return every[(squared >= slowest**2) & (squared <= fastest**2)]


def bounced(places, most):
    """Returns places on a line as they are between walls at 0 and `most`, which reflect."""
    if not most:
        return np.zeros_like(places)
    places = places % (2 * most)
    return np.minimum(places, 2 * most - places)


def put(field, sprite):
    """Draws a sprite on a part of a frame, in place."""
    if sprite.shape[-1] != 4:
        np.maximum(field, sprite, out=field)
        return
    opacity = sprite[..., 3:].astype(np.uint32)
    mixed = (sprite[..., :3] * opacity + field * (255 - opacity) + 127) // 255
    field[...] = mixed.astype(np.uint8)
