"""Draws a log of a run over its training, below samples from five moments of it.

    kerasgan train wgan_fashion_mnist_mini --output runs/wgan
    kerasgan benchmark curve runs/wgan --log wasserstein

For WGAN this is figure 3 of its paper: once the critic has learnt, its estimate of the Wasserstein
distance falls while samples improve, which losses of other GANs do not. The picture is
`curve_<log>.png` in the folder of the results.

Reference: Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875
"""

import csv
import math
from pathlib import Path
from typing import Annotated

import numpy as np
import tensorflow as tf
import typer

from kerasgan import cli
from kerasgan.evaluation import records
from kerasgan.utils.errors import UserError, nearest, needs

MOMENTS = 5


def main(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    log: Annotated[str, typer.Option(help="Column of its history.csv.")] = "wasserstein",
    output: Annotated[Path, typer.Option(help="Folder of the picture.")] = records.RESULTS,
):
    """Draw a log of a run over its training, with samples."""
    needs("matplotlib", "benchmarks")
    epochs, values = history(run / "history.csv", log)
    grids = {int(path.stem.split("_")[1]): path for path in (run / "samples").glob("epoch_*.png")}
    if len(grids) < 2:
        raise UserError(f"{run / 'samples'} has no grids of several epochs: epoch_0000.png ...")
    path = output / f"curve_{log}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(run, log, epochs, values, grids, path)
    print(f"{path}: {log} from {values[0]:.4g} over {max(values):.4g} to {values[-1]:.4g}")


def history(file, log):
    """Returns the numbers of trained epochs, from 1, and the values of a log."""
    if not file.is_file():
        raise UserError(f"{file} does not exist: name a run directory of `kerasgan train`.")
    with open(file, newline="") as opened:
        rows = list(csv.DictReader(opened))
    names = [name for name in rows[0] if name != "epoch"] if rows else []
    if log not in names:
        raise UserError(f'{file} has no "{log}": {nearest(log, names)}')
    known = [row for row in rows if math.isfinite(float(row[log]))]  # scores: of some epochs
    if len(known) < 2:
        raise UserError(f'{file} has "{log}" of {len(known)} epochs: a curve needs two.')
    return [int(row["epoch"]) + 1 for row in known], [float(row[log]) for row in known]


def draw(run, log, epochs, values, grids, path):
    """Plots the curve; above it the corners of grids of equally distant epochs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    last = max(grids)
    wanted = np.linspace(1, last, MOMENTS)
    shown = [min(grids, key=lambda epoch, near=near: abs(epoch - near)) for near in wanted]
    figure = plt.figure(figsize=(9, 5.6), layout="constrained")
    rows = figure.add_gridspec(2, MOMENTS, height_ratios=(1, 1.6))
    for place, epoch in enumerate(shown):
        axes = figure.add_subplot(rows[0, place])
        axes.imshow(corner(grids[epoch]), cmap="gray", interpolation="nearest")
        axes.set_title(f"after {epoch} epochs" if epoch != 1 else "after 1 epoch", fontsize=9)
        axes.axis("off")
    axes = figure.add_subplot(rows[1, :])
    axes.plot(epochs, values, color="#4477aa")
    axes.plot(shown, np.interp(shown, epochs, values), "o", color="#222222", markersize=4)
    axes.set_xlabel("epochs")
    axes.set_ylabel(f"{log}, mean of an epoch")
    axes.set_ylim(bottom=min(0.0, *values))
    figure.suptitle(f"{run.name}: {log}, and samples of the same latents", fontsize=10)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def corner(file):
    """Returns the upper left quarter of a grid."""
    picture = tf.io.decode_png(file.read_bytes()).numpy()
    height, width = picture.shape[:2]
    return picture[: height // 2, : width // 2].squeeze()


if __name__ == "__main__":
    cli.run(main)
