"""How time and memory of a training grow: over image side, width, batch and number of images.

    kerasgan benchmark growth
    kerasgan benchmark growth --over side --over batch

DCGAN on random colour images of 32 pixels, width 32, batches of 64 and 10,000 images, one of which
changes at a time. Every point trains in a process of its own, on images that are mapped from a
file, as large sets are. Time is the median of a step; memory is the most that the process held
during training beyond what it held before it built a model, without the mapped file (Linux:
RssAnon). Rounds go over all points, and the median of each counts. Writes one JSON line per point
to `growth.jsonl`, and a plot next to it.
"""

import datetime
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

from kerasgan import cli, data, models
from kerasgan.evaluation import records
from kerasgan.training.memory import Highest
from kerasgan.utils import provenance
from kerasgan.utils.errors import UserError, nearest

MODEL = "dcgan"
BASE = {"side": 32, "width": 32, "batch": 64, "images": 10_000}
OVER = {
    "side": (32, 64, 128),
    "width": (16, 32, 64, 128),
    "batch": (16, 64, 256),
    "images": (1_000, 10_000, 100_000),
}


def main(
    over: Annotated[list[str] | None, typer.Option(help=f"{', '.join(OVER)}; or all.")] = None,
    steps: Annotated[int, typer.Option(min=2, help="Timed steps of a point.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, help="Trainings of each point.")] = 3,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
    point: Annotated[str | None, typer.Option(hidden=True)] = None,
):
    """Measure how time and memory grow."""
    if point is not None:
        print(json.dumps(train(steps, **json.loads(point))))
        return
    for name in over or ():
        if name not in OVER:
            raise UserError(f'There is no "{name}" here: {nearest(name, OVER)}')
    if not Path("/proc/self/status").is_file():
        raise UserError("This needs Linux, which tells the memory of a process apart.")
    points = [{**BASE, name: value} for name in over or OVER for value in OVER[name]]
    points = [dict(each) for each in dict.fromkeys(tuple(each.items()) for each in points)]
    measured = [[] for _ in points]
    for round_ in range(rounds):
        for place, each in enumerate(points):
            measured[place].append(in_a_process(each, steps))
            told = ", ".join(f"{key} {value:,}" for key, value in each.items())
            print(f"round {round_ + 1}, {told}: {measured[place][-1]}", flush=True)
    for each, found in zip(points, measured, strict=True):
        line = {
            "benchmark": "growth",
            "model": MODEL,
            **each,
            "rounds": rounds,
            **{key: statistics.median(row[key] for row in found) for key in found[0]},
            "date": datetime.date.today().isoformat(),
            **provenance.software(),
        }
        records.append(output / "growth.jsonl", line)
    plot(records.read(output / "growth.jsonl"), output / "growth.png")


def in_a_process(point, steps):
    """Returns what a training measured, in a process of its own."""
    command = [sys.executable, __file__, "--steps", str(steps), "--point", json.dumps(point)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{point}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def train(steps, side, width, batch, images):
    """Trains on a mapped file; returns the milliseconds of a step, and the megabytes it took."""
    with tempfile.TemporaryDirectory() as folder:
        shape = (images, side, side, 3)
        pictures = np.lib.format.open_memmap(f"{folder}/images.npy", "w+", "uint8", shape)
        random = np.random.default_rng(0)
        for start in range(0, images, 1000):
            part = pictures[start : start + 1000]
            part[:] = random.integers(256, size=part.shape, dtype="uint8")
        ends = []
        with Highest() as memory:
            keras.utils.set_random_seed(0)
            gan = models.get(MODEL)(shape[1:], width=width, seed=0)
            gan.compile()
            source = data.ArraySource({"image": pictures})
            batches = data.steps(source, None, batch, 0, stop=steps + 3)
            gan.fit(batches, verbose=0, callbacks=[Watched(ends)])
        milliseconds = 1000 * float(np.median(np.diff(ends)[2:]))
        megabytes = 1000 * (memory.most - memory.before)
        return {"milliseconds": round(milliseconds, 2), "megabytes": round(megabytes)}


class Watched(keras.callbacks.Callback):
    """Notes when each step ends."""

    def __init__(self, ends):
        super().__init__()
        self.ends = ends

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())


def plot(lines, path):
    """Plots time and memory over each of the four."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    latest = {tuple(line[key] for key in BASE): line for line in lines}
    rows = {"milliseconds": "milliseconds of a step", "megabytes": "megabytes"}
    figure, panels = plt.subplots(2, 4, figsize=(11, 5.2), layout="constrained", sharey="row")
    for column, name in enumerate(OVER):
        others = [key for key in BASE if key != name]
        chosen = [x for x in latest.values() if all(x[key] == BASE[key] for key in others)]
        chosen.sort(key=lambda line: line[name])
        places = [line[name] for line in chosen]
        for row, (key, label) in enumerate(rows.items()):
            axes = panels[row, column]
            axes.plot(places, [line[key] for line in chosen], "o-", color="#4477aa")
            axes.set_xscale("log", base=2 if name != "images" else 10)
            axes.set_yscale("log")
            axes.set_xticks(places, [f"{place:,}" for place in places])
            axes.minorticks_off()
            if column == 0:
                axes.set_ylabel(label)
        panels[1, column].set_xlabel({"side": "side, pixels"}.get(name, name))
    figure.suptitle("DCGAN, 32 pixels, width 32, batch 64, 10,000 images; one of them changes")
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    cli.run(main)
