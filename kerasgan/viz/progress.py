"""Progress strips: samples epoch by epoch."""

import os
import re

import numpy as np
from PIL import Image

from kerasgan.utils import pixels


def progress_strip(directory, path, image_shape, rows=8, columns=8, zoom=2, margin=2):
    """Draws the first rows of several epochs' grids below each other.

    Args:
        directory: Folder of a `SampleGrid` with the same `zoom`.
        path: PNG file to write.
        image_shape: (height, width, channels) of one image, before `zoom`.
        rows: Maximum number of epochs, from the first to the last.
        columns: Images of each.
        zoom, margin: As in `SampleGrid`.

    Returns:
        list of the epochs shown, top to bottom.

    Raises:
        FileNotFoundError: If the folder contains no grid.
    """
    epochs = sorted(
        int(match[1])
        for name in os.listdir(directory)
        if (match := re.match(r"epoch_(\d+)\.png", name))
    )
    if not epochs:
        raise FileNotFoundError(f"There is no epoch_*.png in {directory}.")
    # Early epochs change most: the rows are evenly spaced in the logarithm of the epoch.
    wanted = np.geomspace(1, len(epochs), min(rows, len(epochs))).round().astype(int) - 1
    shown = [epochs[i] for i in sorted({*wanted.tolist(), len(epochs) - 1})]
    height, width = ((side + margin) * zoom for side in image_shape[:2])
    strips = []
    for epoch in shown:
        sheet = np.asarray(Image.open(os.path.join(directory, f"epoch_{epoch:04d}.png")))
        strips.append(sheet[:height, : columns * width - margin * zoom])
    strip = np.concatenate(strips)[: -margin * zoom]
    pixels.save_picture(strip if strip.ndim == 3 else strip[..., None], path)
    return shown
