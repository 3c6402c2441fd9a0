"""`kerasgan export`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import app, load_gan, quiet_cpp
from kerasgan.utils.errors import UserError, nearest


@app.command()
def export(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(help="Run directory, .keras file or zoo entry; several for a browser."),
    ],
    format: Annotated[str, typer.Option(help="saved_model, tflite, onnx or browser.")],
    output: Annotated[Path, typer.Option(help="Folder, or file (tflite, onnx).")],
    quantization: Annotated[
        str | None, typer.Option(help="For tflite: float16, dynamic, int8 or int16x8.")
    ] = None,
):
    """Write generators for TensorFlow Serving, LiteRT, ONNX runtimes or a browser."""
    formats = ("saved_model", "tflite", "onnx", "browser")
    if format not in formats:
        raise UserError(f'There is no format "{format}": {nearest(format, formats)}')
    if quantization is not None and format != "tflite":
        raise UserError(f"--quantization is for tflite. Received: --format {format}")
    if len(checkpoints) > 1 and format != "browser":
        raise UserError(f"One model goes into {format}. Received: {len(checkpoints)} models")
    gans = [load_gan(path) for path in checkpoints]
    from kerasgan import export as exports

    if format == "browser":
        names = exports.names(checkpoints)
        print(f"Written: {exports.browser(dict(zip(names, gans, strict=True)), output)}")
        print(f"Look at it: python -m http.server --directory {output}")
    else:
        arguments = {"quantization": quantization} if format == "tflite" else {}
        with quiet_cpp():  # the converters' C++ code logs to the terminal
            written = getattr(exports, format)(gans[0], output, **arguments)
        print(f"Written: {written}")
