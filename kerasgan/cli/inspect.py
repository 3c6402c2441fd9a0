"""`kerasgan inspect`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import app, start


@app.command()
def inspect(
    artefact: Annotated[Path, typer.Argument(help="A model or any export of one.")],
):
    """Print signatures, size, provenance and scores of a model or an export."""
    start()
    from kerasgan import inspection

    print(inspection.inspect(artefact))
