"""`kerasgan sample`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import Checkpoint, Import, Overwrite, Seed, app, load_gan
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import PICTURES, check_free, format_of


@app.command()
def sample(
    checkpoint: Checkpoint,
    num: Annotated[int, typer.Option(min=1, max=100_000, help="Number of images.")] = 64,
    seed: Seed = 0,
    label: Annotated[
        str | None, typer.Option(help="Class of all images, by its name or number.")
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(help='What to draw, such as "smiling cat"; may be given again.'),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(min=0.0, help="Truncation trick: less varied, more typical images below 2."),
    ] = None,
    output: Annotated[Path, typer.Option(help="Picture of the grid: .png, .jpg or .webp.")] = Path(
        "samples.png"
    ),
    zoom: Annotated[int, typer.Option(min=1, help="Enlargement.")] = 2,
    overwrite: Overwrite = False,
    module: Import = None,
):
    """Draw a grid of samples."""
    format_of(output, PICTURES)
    check_free(output, overwrite)
    gan = load_gan(checkpoint, module)
    from kerasgan.utils import pixels
    from kerasgan.viz import grids

    if text:
        if label is not None or truncation is not None:
            raise UserError("--text goes without --label and --truncation.")
        picture = grids.text_grid(gan, text, num, seed)
        pixels.save_picture(picture, output, zoom)
        print(f"{' | '.join(text)}, seed {seed}: {output}")
        return
    if label is not None and label.isdecimal():
        label = int(label)
    picture = grids.sample_grid(gan, num, seed, label, titled=True, truncation=truncation)
    if picture is None:
        gan.signature.output.check_scored(checkpoint)
    pixels.save_picture(picture, output, zoom)
    print(f"{num} samples, seed {seed}: {output}")
