"""How training scales with the batch, the width and the number of replicas.

    kerasgan benchmark scaling [--side 32] [--rounds 5]

Images per second of `fit` on a batch in memory: batch 16 to 512 at width 32, and width 16 to 128 at
batch 64, each on one device and on two logical CPU devices of the same machine, which share its
cores: what two replicas lose is the cost of distribution itself. The time of `fit` includes its
setup before the first step. Rounds alternate between one and two replicas. Writes one JSON line per
point to `scaling.jsonl`, and a plot next to it.
"""

import datetime
import statistics
import time
from pathlib import Path
from typing import Annotated

import keras
import matplotlib
import numpy as np
import tensorflow as tf
import typer

from kerasgan import cli, models
from kerasgan.evaluation import records
from kerasgan.training import dry_run, flops
from kerasgan.utils import provenance

matplotlib.use("Agg")
BATCHES, WIDTHS = (16, 32, 64, 128, 256, 512), (16, 32, 64, 128)
MODEL, WIDTH, BATCH = "dcgan", 32, 64
SECONDS = 2.0  # per round


def contender(side, width, batch, strategy):
    """Returns a function that trains for a number of steps, the model, and a batch of images."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        gan = models.get(MODEL)((side, side, 1), width=width, seed=0)
        gan.compile()
    images = np.random.default_rng(0).uniform(-1, 1, (batch, side, side, 1)).astype("float32")
    dataset = tf.data.Dataset.from_tensors(images).repeat()

    def fit(steps):
        start = time.perf_counter()
        gan.fit(dataset, steps_per_epoch=steps, verbose=0)
        return (time.perf_counter() - start) / steps

    return fit, gan, images


def measure(side, width, batch, rounds, strategies):
    found = {}
    for replicas, strategy in strategies.items():
        found[replicas], gan, images = contender(side, width, batch, strategy)
        if replicas == 1:
            gflop = flops.of_step(gan, tf.constant(images)) / 1e9
            megabytes = dry_run.megabytes_of_gradients(gan)
    steps = {}
    for replicas, fit in found.items():
        fit(3)  # traces
        steps[replicas] = max(3, round(SECONDS / fit(3)))
        fit(steps[replicas])  # traces the function of several steps
    seconds = {replicas: [] for replicas in found}
    for round_ in range(rounds):
        for replicas in list(found)[:: 1 if round_ % 2 else -1]:
            seconds[replicas].append(found[replicas](steps[replicas]))
    ratio = statistics.median(one / two for one, two in zip(seconds[1], seconds[2], strict=True))
    one = statistics.median(seconds[1])
    return {
        "benchmark": "scaling",
        "model": MODEL,
        "side": side,
        "width": width,
        "batch": batch,
        "rounds": rounds,
        "images_per_second": round(batch / one, 1),
        "images_per_second_2_replicas": round(batch / one * ratio, 1),
        "ratio_2_replicas": round(ratio, 3),
        "gflop_per_step": round(gflop, 3),
        "gflops": round(gflop / one, 2),
        "gradient_megabytes": round(megabytes, 3),
        "date": datetime.date.today().isoformat(),
        **provenance.software(),
    }


def plot(lines, path):
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, key, fixed in (
        (axes[0], "batch", ("width", WIDTH)),
        (axes[1], "width", ("batch", BATCH)),
    ):
        chosen = sorted(
            (line for line in lines if line[fixed[0]] == fixed[1]), key=lambda line: line[key]
        )
        places = [line[key] for line in chosen]
        for column, label in (
            ("images_per_second", "1 replica"),
            ("images_per_second_2_replicas", "2 replicas on the same cores"),
        ):
            axis.plot(places, [line[column] for line in chosen], "o-", label=label)
        axis.set_xscale("log", base=2)
        axis.set_xticks(places, places)
        axis.set_xlabel(f"{key} ({fixed[0]} {fixed[1]})")
        axis.set_ylim(bottom=0)
    axes[0].set_ylabel("images per second")
    axes[1].legend()
    figure.suptitle(f"{lines[0]['model']}, {lines[0]['side']} x {lines[0]['side']} pixels")
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def main(
    side: Annotated[int, typer.Option(min=16, help="Pixels.")] = 32,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Time fit over batches, widths and replicas."""
    devices = tf.config.list_logical_devices("CPU")
    strategies = {
        1: tf.distribute.get_strategy(),
        2: tf.distribute.MirroredStrategy([device.name for device in devices]),
    }
    path = output / "scaling.jsonl"
    points = [(WIDTH, batch) for batch in BATCHES]
    points += [(width, BATCH) for width in WIDTHS if width != WIDTH]
    for width, batch in points:
        line = measure(side, width, batch, rounds, strategies)
        records.append(path, line)
        print(
            f"width {width}, batch {batch}: {line['images_per_second']:.0f} images/s, "
            f"{line['gflops']:.1f} GFLOP/s; two replicas {line['ratio_2_replicas']:.2f} of that"
        )
        keras.backend.clear_session()
    lines = [line for line in records.read(path) if line["side"] == side]
    latest = {(line["width"], line["batch"]): line for line in lines}
    plot(list(latest.values()), output / "scaling.png")


if __name__ == "__main__":
    cli.run(main, cpu_devices=2)
