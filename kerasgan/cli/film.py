"""`kerasgan film`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import Overwrite, app, start
from kerasgan.utils.files import FILMS, check_free, format_of


@app.command()
def film(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    output: Annotated[Path | None, typer.Option(help="File: .gif or .webp.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of the film.")] = 8.0,
    overwrite: Overwrite = False,
):
    """Make a film of a training: the same latents, epoch by epoch."""
    output = output or run / "film.gif"
    format_of(output, FILMS)
    check_free(output, overwrite)
    start()
    from kerasgan.viz import films

    frames = films.film(run / "samples", output, seconds)
    print(f"{frames} grids of {run}: {output}")
