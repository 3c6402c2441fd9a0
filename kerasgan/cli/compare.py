"""`kerasgan compare`"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import Import, Overwrite, Seed, app, entries_like, load_gan
from kerasgan.utils.files import PICTURES, check_free, format_of


@app.command()
def compare(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(
            help="Two or more zoo entries, run directories, .keras files, hf://user/name.",
            autocompletion=entries_like,
        ),
    ],
    num: Annotated[int, typer.Option(min=1, max=1024, help="Images of each model.")] = 36,
    seed: Seed = 0,
    output: Annotated[Path, typer.Option(help="Picture of the grids side by side.")] = Path(
        "compare.png"
    ),
    overwrite: Overwrite = False,
    module: Import = None,
):
    """Compare models: grids side by side, scores and cost."""
    format_of(output, PICTURES)
    check_free(output, overwrite)
    gans = {str(each): load_gan(each, module) for each in checkpoints}
    from kerasgan.utils import pixels
    from kerasgan.viz import grids

    pixels.save_picture(grids.side_by_side(gans, num, seed), output, zoom=2)
    row = "{:30} {:16} {:>12} {:>10} {:>10} {:>9} {:>8}".format
    print(row("model", "class", "parameters", "score", "floor", "minutes", "steps"))
    for name, gan in gans.items():
        scores = (gan.origin or {}).get("scores", {})
        print(
            row(
                name[-30:],
                type(gan).__name__,
                f"{gan.generator.count_params():,}",
                *(scores.get(key, "") for key in ("trained", "floor", "training_minutes", "steps")),
            )
        )
    protocols = {
        (s["metric"], s["dataset"], s["split"], s["n_fake"])
        for s in ((gan.origin or {}).get("scores") for gan in gans.values())
        if s
    }
    if len(protocols) > 1:
        print("The scores were measured in different ways: do not compare them.")
    for metric, dataset, split, samples in sorted(protocols):
        print(f"{metric} of {samples:,} samples against {dataset} {split}; lower is better")
    print(f"\n{num} samples of each, seed {seed}: {output}")
