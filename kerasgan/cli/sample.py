"""`kerasgan sample`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import Checkpoint, Seed, app, load_gan


@app.command()
def sample(
    checkpoint: Checkpoint,
    num: Annotated[int, typer.Option(min=1, max=100_000, help="Number of images.")] = 64,
    seed: Seed = 0,
    output: Annotated[Path, typer.Option(help="PNG file for the grid.")] = Path("samples.png"),
    zoom: Annotated[int, typer.Option(min=1, help="Enlargement.")] = 2,
):
    """Draw a grid of samples."""
    gan = load_gan(checkpoint)
    from kerasgan.utils import pixels
    from kerasgan.viz import grids

    pixels.save_png(grids.sample_grid(gan, num, seed), output, zoom)
    print(f"{num} samples, seed {seed}: {output}")
