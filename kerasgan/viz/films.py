"""Films of trainings, and of films that models continue."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import FILMS, format_of, replacing

LAST = 2.0  # seconds for which the last frame stays
CAPTION = 16  # pixels below the grid


def film(directory, path, seconds=8.0):
    """Writes the grids of `SampleGrid` as a film, with the epoch below each.

    Args:
        directory: Folder of `epoch_0000.png`, `epoch_0001.png`, ...
        path: File to write: .gif or .webp.
        seconds: Length without the last grid, which stays for two more.

    Returns:
        int, the number of grids.

    Raises:
        UserError: If there are no grids, or the suffix is another.

    Example:

    >>> import tempfile
    >>> from kerasgan.utils import pixels
    >>> folder = tempfile.mkdtemp()
    >>> for i in range(3):
    ...     pixels.save_picture(np.full((8, 8, 3), 80 * i, np.uint8), f"{folder}/epoch_{i:04d}.png")
    >>> film(folder, f"{folder}/film.gif", seconds=1.0)
    3
    """
    files = sorted(Path(directory).glob("epoch_*.png"), key=lambda file: int(file.stem[6:]))
    if not files:
        raise UserError(f"{directory} holds no epoch_*.png: name the directory of a training.")
    frames = [captioned(file) for file in files]
    pause = max(20, round(1000 * seconds / len(frames)))
    durations = [*[pause] * (len(frames) - 1), pause + round(1000 * LAST)]
    write(frames, path, durations)
    return len(frames)


def continued(gan, true, path, columns=8, zoom=2, pause=400):
    """Writes a film of films: true ones above those that a model makes of their first frames.

    Args:
        gan: A model of frames, such as `kerasgan.NextFrame`.
        true: uint8 array (N, T, H, W, C) of films with more frames than the model is given.
        path: File to write: .gif or .webp.
        columns: Films in a row.
        zoom: int >= 1, side of a pixel.
        pause: Milliseconds for which a frame stays.

    Returns:
        int, the number of frames.

    Raises:
        UserError: If films are too short, or the suffix is another.

    Example:

    >>> import tempfile, kerasgan
    >>> gan = kerasgan.NextFrame(image_shape=(32, 32, 1), width=2)
    >>> true = kerasgan.data.moving_films(2, seed=0, frames=6, image_size=32)
    >>> continued(gan, true, f"{tempfile.mkdtemp()}/film.webp")
    6
    """
    given = gan.num_frames
    if true.shape[1] <= given:
        raise UserError(
            f"Films need more frames than the {given} that are given. Received: {true.shape[1]}"
        )
    predicted = gan.continue_film(pixels.from_uint8(true[:, :given]), true.shape[1] - given)
    made = np.concatenate([true[:, :given], pixels.to_uint8(predicted)], axis=1)
    frames = []
    for place in range(true.shape[1]):
        rows = []
        for start in range(0, len(true), columns):
            rows += [films[start : start + columns, place] for films in (true, made)]
        tiles = pixels.in_channels(np.concatenate(rows), 3)
        picture = pixels.grid(tiles, columns).repeat(zoom, axis=0).repeat(zoom, axis=1)
        text = "given" if place < given else f"predicted, {place - given + 1}"
        frames.append(with_caption(picture, f"true films, and the model's below: {text}"))
    write(frames, path, pause)
    return len(frames)


def write(frames, path, durations):
    """Writes pictures as an endless film, .gif or .webp."""
    with replacing(path) as temporary:
        frames[0].save(
            temporary,
            format=format_of(path, FILMS),
            save_all=True,
            append_images=frames[1:],
            duration=durations,
            loop=0,
        )


def captioned(file):
    """Returns a grid with its epoch below, as an RGB picture."""
    with Image.open(file) as grid:
        picture = np.asarray(grid.convert("RGB"))
    epoch = int(file.stem.removeprefix("epoch_"))
    return with_caption(picture, "untrained" if epoch == 0 else f"epoch {epoch}")


def with_caption(picture, text):
    """Returns a picture, uint8 (H, W, 3), with a line of text below."""
    frame = Image.new("RGB", (picture.shape[1], picture.shape[0] + CAPTION), "white")
    frame.paste(Image.fromarray(picture))
    ImageDraw.Draw(frame).text((4, picture.shape[0] + 2), text, fill="black")
    return frame
