"""`kerasgan inspect`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import app, entries_like, start


@app.command()
def inspect(
    artefact: Annotated[
        Path,
        typer.Argument(
            help="A model (see `kerasgan sample`) or any export of one.",
            autocompletion=entries_like,
        ),
    ],
):
    """Describe a model or an export: signatures, size, scores.

    Also where it comes from: recipe, versions, hash of the weights.
    """
    start()
    from kerasgan import inspection

    print(inspection.inspect(artefact))
