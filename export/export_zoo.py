"""Exports every trained zoo entry: SavedModels for TensorFlow Serving, TFLite, and the page.

    python export/export_zoo.py [FOLDER]

Writes to FOLDER, by default runs: `served/<entry>/<version>/`, which
export/serving/docker-compose.yml mounts, `tflite/<entry>.tflite` in every mode, and `page/`, a site
of all entries but those of vectors, which replaces an earlier one. export/check_parity.py checks
them.
"""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from kerasgan import cli, export, zoo
from kerasgan.export.tflite import QUANTIZATIONS


def main(folder: Annotated[Path, typer.Argument(help="Folder.")] = Path("runs")):
    """Export every trained zoo entry."""
    gans = {name: zoo.load(name) for name in zoo.names()}
    for name, gan in gans.items():
        print(export.saved_model(gan, folder / "served" / name))
        for mode in (None, *QUANTIZATIONS):
            ending = f".{mode}.tflite" if mode else ".tflite"
            print(export.tflite(gan, folder / "tflite" / f"{name}{ending}", mode))
    shown = {name: gan for name, gan in gans.items() if gan.signature.output.page()}
    page = folder / "page"
    if (page / "models.json").is_file():
        shutil.rmtree(page)
    print(export.browser(shown, page))


if __name__ == "__main__":
    cli.run(main)
