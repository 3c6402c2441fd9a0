"""`kerasgan export`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan import zoo
from kerasgan.cli.common import (
    Import,
    Overwrite,
    app,
    entries_like,
    load_gan,
    quiet_cpp,
    start,
)
from kerasgan.utils.errors import UserError, nearest
from kerasgan.utils.files import check_free, instead_of


@app.command()
def export(
    checkpoints: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Zoo entry, run directory, .keras file or hf://user/name; several for a browser.",
            autocompletion=entries_like,
        ),
    ] = None,
    format: Annotated[
        str, typer.Option(help="saved_model, tflite, onnx or browser.", show_default=False)
    ] = ...,
    output: Annotated[
        Path, typer.Option(help="Folder, or file (tflite, onnx).", show_default=False)
    ] = ...,
    whole_zoo: Annotated[
        bool, typer.Option("--all", help="For a browser: all entries of the zoo, as one site.")
    ] = False,
    quantization: Annotated[
        str | None, typer.Option(help="For tflite: float16, dynamic, int8 or int16x8.")
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="For tflite: samples that one call generates.")
    ] = 1,
    overwrite: Overwrite = False,
    module: Import = None,
):
    """Export generators: SavedModel, TFLite, ONNX or a page."""
    formats = ("saved_model", "tflite", "onnx", "browser")
    if format not in formats:
        raise UserError(f'There is no format "{format}": {nearest(format, formats)}')
    for option, value in (("quantization", quantization), ("batch-size", batch_size)):
        if value not in (None, 1) and format != "tflite":
            raise UserError(f"--{option} is for tflite. Received: --format {format}")
    if whole_zoo and format != "browser":
        raise UserError(f"--all is for --format browser. Received: --format {format}")
    if whole_zoo and (checkpoints or module):
        given = ", ".join(map(str, checkpoints or [f"--import {module}"]))
        raise UserError(f"--all takes the entries of the zoo alone. Received: {given}")
    if not (checkpoints or whole_zoo):
        raise UserError("Name a model: a zoo entry, run directory, .keras file or hf://user/name.")
    if format != "browser" and len(checkpoints) > 1:
        raise UserError(f"Only one model can be exported as {format}. Received: {len(checkpoints)}")
    belongs = is_page if format == "browser" else is_served
    if not (format == "saved_model" and is_served(output)):  # a new version replaces nothing
        check_free(output, overwrite, belongs)
    if whole_zoo:
        gans = entries_for_a_page()
    else:
        for path in checkpoints:
            zoo.find(path)
        gans = [load_gan(path, module) for path in checkpoints]
    from kerasgan import export as exports

    if format == "browser":
        if not whole_zoo:
            gans = dict(zip(exports.names(checkpoints), gans, strict=True))
        with quiet_cpp(), instead_of(output) as place:  # the converters' C++ code logs
            exports.browser(gans, place)
        print(f"Written: {output}")
        print(f"Look at it: python -m http.server --directory {output}")
    else:
        options = {"quantization": quantization, "batch_size": batch_size}
        arguments = options if format == "tflite" else {}
        with quiet_cpp():
            written = getattr(exports, format)(gans[0], output, **arguments)
        print(f"Written: {written}")


def entries_for_a_page():
    """Returns the zoo's entries that a page can run, by name, and tells of the others."""
    start()
    from kerasgan.export.browser import unfit

    gans = {}
    for name in zoo.names():
        gan = zoo.load(name)
        if misfit := unfit(name, gan.signature):
            print(f"{name} is left out. {misfit}")
        else:
            gans[name] = gan
    return gans


def is_served(folder):
    """Tells whether a folder holds nothing but numbered versions of a SavedModel."""
    return folder.is_dir() and all(path.name.isdecimal() for path in folder.iterdir())


def is_page(folder):
    """Tells whether a folder holds a page for browsers."""
    return all((Path(folder) / name).exists() for name in ("models.json", "index.html", "litert"))
