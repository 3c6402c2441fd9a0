"""Films of a training."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

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
    with replacing(path) as temporary:
        frames[0].save(
            temporary,
            format=format_of(path, FILMS),
            save_all=True,
            append_images=frames[1:],
            duration=durations,
            loop=0,
        )
    return len(frames)


def captioned(file):
    """Returns a grid with its epoch below, as an RGB picture."""
    with Image.open(file) as grid:
        picture = np.asarray(grid.convert("RGB"))
    frame = Image.new("RGB", (picture.shape[1], picture.shape[0] + CAPTION), "white")
    frame.paste(Image.fromarray(picture))
    epoch = int(file.stem.removeprefix("epoch_"))
    text = "untrained" if epoch == 0 else f"epoch {epoch}"
    ImageDraw.Draw(frame).text((4, picture.shape[0] + 2), text, fill="black")
    return frame
