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
    batch_size: Annotated[
        int, typer.Option(min=1, help="For tflite: samples that one call generates.")
    ] = 1,
    overwrite: Annotated[bool, typer.Option(help="Replace what is there.")] = False,
):
    """Write generators for TensorFlow Serving, LiteRT, ONNX runtimes or a browser."""
    formats = ("saved_model", "tflite", "onnx", "browser")
    if format not in formats:
        raise UserError(f'There is no format "{format}": {nearest(format, formats)}')
    for option, value in (("quantization", quantization), ("batch-size", batch_size)):
        if value not in (None, 1) and format != "tflite":
            raise UserError(f"--{option} is for tflite. Received: --format {format}")
    pass
    if len(checkpoints) > 1 and format != "browser":
        raise UserError(f"Only one model can be exported as {format}. Received: {len(checkpoints)}")
    gans = [load_gan(path) for path in checkpoints]
    from kerasgan import export as exports

    if format == "browser":
        names = exports.names(checkpoints)
        print(f"Written: {exports.browser(dict(zip(names, gans, strict=True)), output)}")
        print(f"Look at it: python -m http.server --directory {output}")
    else:
        options = {"quantization": quantization, "batch_size": batch_size}
        arguments = options if format == "tflite" else {}
        with quiet_cpp():  # the converters' C++ code logs to the terminal
            written = getattr(exports, format)(gans[0], output, **arguments)
        print(f"Written: {written}")
