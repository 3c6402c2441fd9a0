"""`kerasgan sample`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import Checkpoint, Import, Overwrite, Seed, app, load_gan
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import PICTURES, check_free, check_parent, format_of

GRID = 64  # samples on a grid
ZOOM = 2  # of a grid


@app.command()
def sample(
    checkpoint: Checkpoint,
    num: Annotated[
        int | None,
        typer.Option(
            min=1, max=100_000, help="Number of images; 64 by default, or as many as there are."
        ),
    ] = None,
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
    input: Annotated[
        list[str] | None,
        typer.Option(
            help="Picture file or folder, for models that take pictures; NAME=PATH where there are "
            "several inputs, again for each."
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            help="Picture of a grid: .png, .jpg or .webp; or a folder, for a file for each picture "
            "or sound."
        ),
    ] = Path("samples.png"),
    zoom: Annotated[
        int | None, typer.Option(min=1, help="Enlargement; 2 by default for grids, 1 for files.")
    ] = None,
    overwrite: Overwrite = False,
    module: Import = None,
):
    """Draw samples: a grid, pictures of pictures, or sounds."""
    files = output.suffix == "" or output.is_dir()
    if files and output.exists() and not output.is_dir():
        raise UserError(f"{output} is a file: name a folder, or a picture such as {output}.png.")
    if files:
        check_parent(output)
    else:
        format_of(output, PICTURES)
        check_free(output, overwrite)
    gan = load_gan(checkpoint, module)
    gan.signature.output.check_drawn(checkpoint)
    heard = files and gan.signature.output.suffix is not None and not gan.signature.given
    if files and not heard and not input and not gan.signature.given:
        format_of(output, PICTURES)
    if files and not heard and (label is not None or truncation is not None):
        raise UserError(f"Labels and truncation are for grids (.png). Received: --output {output}")
    from kerasgan.utils import pixels
    from kerasgan.viz import grids, results, sounds

    inputs = None
    if text:
        if label is not None or truncation is not None or input or files:
            raise UserError("--text draws a grid (.png), without --label, --truncation, --input.")
        if num and num % len(text):
            raise UserError(f"--num must be a multiple of the {len(text)} texts. Received: {num}")
        picture = grids.text_grid(gan, text, num or GRID, seed)
        pixels.save_picture(picture, output, zoom or ZOOM)
        print(f"{' | '.join(text)}, seed {seed}: {output}")
        return
    if (files and not heard) or input:
        paths = named(input or [], gan.signature.given)
        inputs = results.Inputs(gan, paths, num if files else num or GRID)
    if files and not heard:
        results.write_results(gan, inputs, output, seed, zoom or 1, overwrite)
        print(f"{len(inputs)} pictures: {output}")
        return
    given = {} if inputs is None else inputs.values(0, len(inputs))
    num = (num or GRID) if inputs is None else len(inputs)
    if label is not None and label.isdecimal() and label not in (gan.class_names or ()):
        label = int(label)
    if heard:
        options = {} if truncation is None else {"truncation": truncation}
        sounds.write_files(gan, output, num or GRID, seed, label, overwrite, **options)
        print(f"{num or GRID} samples, seed {seed}: {output}")
        return
    picture = grids.sample_grid(gan, num, seed, label, titled=True, truncation=truncation, **given)
    pixels.save_picture(picture, output, zoom or ZOOM)
    print(f"{num} samples, seed {seed}: {output}")


def named(inputs, given):
    """Returns the paths of `--input` by the names of a model's inputs.

    Args:
        inputs: List of "PATH" or "NAME=PATH".
        given: dict of the inputs that the model must be given.

    Raises:
        UserError: If a name is missing or comes twice.

    Example:

    >>> named(["photos"], {"source": None}), named(["a=x", "b=y=z"], {"a": None, "b": None})
    ({'source': 'photos'}, {'a': 'x', 'b': 'y=z'})
    """
    paths = {}
    for text in inputs:
        name, sign, path = text.partition("=")
        if not (sign and (name in given or not Path(text).exists())):
            if len(given) > 1:
                known = ", ".join(f"{each}=PATH" for each in given)
                raise UserError(f"--input needs a name, {known}. Received: {text}")
            name, path = next(iter(given), "picture"), text
        if name in paths:
            raise UserError(
                f"--input names {name} twice: put the pictures into one folder. "
                f"Received: {paths[name]}, {path}"
            )
        paths[name] = path
    return paths
