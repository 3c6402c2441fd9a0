"""`kerasgan inspect`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import Import, app, entries_like, start


@app.command()
def inspect(
    artefact: Annotated[
        Path,
        typer.Argument(
            help="A model (see `kerasgan sample`) or any export of one.",
            autocompletion=entries_like,
        ),
    ],
    module: Import = None,
):
    """Describe a model or an export: signatures, size, scores.

    Also where it comes from: recipe, versions, hash of the weights.
    """
    start()
    from kerasgan import inspection, models

    if module is not None:
        models.import_file(module)
    print(inspection.inspect(artefact))
