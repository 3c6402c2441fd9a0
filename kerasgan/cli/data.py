"""`kerasgan data`"""

from typing import Annotated

import typer

from kerasgan.cli.common import DataDir, app, quiet_cpp, sides
from kerasgan.utils.errors import UserError, nearest

data = typer.Typer(
    help="Prepare large data sets in the cache; show and delete them.", rich_markup_mode=None
)
app.add_typer(data, name="data")


@data.command()
def prepare(
    dataset: Annotated[str, typer.Argument(help="TFDS name, or an image folder.")],
    split: Annotated[str, typer.Option(help='Split: "train", "test", "train[:1000]", "all".')] = (
        "train"
    ),
    image_size: Annotated[
        str | None, typer.Option(help="Side in pixels, or height x width: 64, 48x32.")
    ] = None,
    data_dir: DataDir = None,
    transparent: Annotated[
        bool, typer.Option("--transparent", help="Keep the opacity of a folder's images.")
    ] = False,
    background: Annotated[str, typer.Option(help="Colour behind transparent images.")] = "white",
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave damaged images out.")
    ] = False,
):
    """Read a split into the cache, by several processes.

    Trainings with the same settings then start at once. Larger sets than 1 GB are prepared by
    `train` itself.
    """
    size = None if image_size is None else sides(image_size)
    with quiet_cpp():
        from kerasgan.data.loading import load_source
        from kerasgan.data.names import EMBEDDED
    if dataset in EMBEDDED:
        raise UserError(f"{dataset} comes with kerasgan and needs no preparation.")
    options = data_dir, transparent, background, skip_damaged
    source = load_source(dataset, split, size, *options, cached=True)
    kind = next(iter(source.spec.values()))
    print(f"{len(source):,} {kind.noun} {kind.shape} of {source.name}: {source.cache}")


@data.command("list")
def list_sets():
    """Show the sets in the cache."""
    with quiet_cpp():
        from kerasgan.data import unread
    found = unread.prepared()
    for folder, about in found.items():
        what = "not whole: of a preparation that runs, or was killed"
        if about["name"] is not None:
            part, (number, *shape) = next(iter(about["shapes"].items()))
            noun = {"audio": "sounds"}.get(part, "images")
            what = f"{number:,} {noun} {tuple(shape)} of {about['name']}, {about['split']}"
        print(f"{folder}  {about['bytes'] / 1e9:.2f} GB  {what}")
    total = sum(about["bytes"] for about in found.values()) / 1e9
    print(f"{len(found)} sets, {total:.2f} GB in {unread.sets_folder()}")


@data.command()
def remove(
    names: Annotated[list[str] | None, typer.Argument(help="As `list` shows them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All sets.")] = False,
):
    """Delete sets from the cache; their originals stay where they are."""
    with quiet_cpp():
        from kerasgan.data import unread
    found = unread.prepared()
    if bool(names) == everything:
        raise UserError("Name the sets to delete, as `kerasgan data list` shows them, or --all.")
    for name in names or ():
        if name not in found:
            raise UserError(f'There is no set "{name}" in the cache: {nearest(name, found)}')
    for name in names or found:
        unread.remove(name)
        print(f"Deleted {name}, {found[name]['bytes'] / 1e9:.2f} GB")
