"""`kerasgan sample`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import Checkpoint, Import, Overwrite, Seed, app, load_gan
from kerasgan.utils.files import PICTURES, check_free, format_of


@app.command()
def sample(
    checkpoint: Checkpoint,
    num: Annotated[int, typer.Option(min=1, max=100_000, help="Number of images.")] = 64,
    seed: Seed = 0,
    label: Annotated[
        str | None, typer.Option(help="Class of all images, by its name or number.")
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(min=0.0, help="Truncation trick: less varied, more typical images below 2."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            help="Picture of the grid: .png, .jpg or .webp; or a folder, for WAV files of sounds."
        ),
    ] = Path("samples.png"),
    zoom: Annotated[int, typer.Option(min=1, help="Enlargement.")] = 2,
    overwrite: Overwrite = False,
    module: Import = None,
):
    """Draw a grid of samples, or write sounds as files."""
    files = output.suffix == "" or output.is_dir()
    if not files:
        format_of(output, PICTURES)
        check_free(output, overwrite)
    gan = load_gan(checkpoint, module)
    from kerasgan.utils import pixels
    from kerasgan.viz import grids, sounds

    if label is not None and label.isdecimal():
        label = int(label)
    if files:
        if gan.signature.output.suffix is None:
            format_of(output, PICTURES)
        given = {} if truncation is None else {"truncation": truncation}
        sounds.write_files(gan, output, num, seed, label, overwrite, **given)
        print(f"{num} samples, seed {seed}: {output}")
        return
    picture = grids.sample_grid(gan, num, seed, label, titled=True, truncation=truncation)
    if picture is None:
        gan.signature.output.check_scored(checkpoint)
    pixels.save_picture(picture, output, zoom)
    print(f"{num} samples, seed {seed}: {output}")
