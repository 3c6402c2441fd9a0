"""Times what one waits for before a training runs: imports, commands, loading, first steps.

    kerasgan benchmark start

    import        `import kerasgan`, and `import keras, tensorflow` beside it
    command       `kerasgan --help` and `kerasgan list`
    load          `kerasgan.load` of each zoo entry, after the import and a first entry
    first step    of `fit`, less the second, for each model that draws pictures from latents:
                  building its graph and planning it, after TensorFlow has trained another; on 64
                  colour images of 32 pixels for each update of D, at width 8 (perceptrons 80)

Each round takes new processes, one for each import and command, one for all entries and one for all
models; medians count. Writes one JSON line to `start.jsonl`.
"""

import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

import kerasgan
from kerasgan import cli, models, zoo
from kerasgan.evaluation import records
from kerasgan.utils import progress, provenance

sys.path.append(str(Path(__file__).parent))
import throughput  # noqa: E402

SIDE, BATCH = 32, 64
WIDTH = 8
ARGUMENTS = {
    "vanilla": {"width": 80},
    "cgan": {"width": 80, "num_classes": 10},
    "biggan": {"num_classes": 10},
}
IMPORTS = ("keras, tensorflow", "kerasgan")
COMMANDS = ("--help", "list")
FIRST = "dcgan", "dcgan_fashion_mnist"  # pay for what TensorFlow does once


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Of which medians are taken.")] = 3,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
    child: Annotated[str | None, typer.Option(hidden=True)] = None,
):
    """Measure how long imports, commands, loading and first steps take."""
    if child is not None:
        print(json.dumps({"load": loads, "first step": first_steps}[child]()))
        return
    found, bar = [], progress.Bar(rounds, "round")
    for _ in range(rounds):
        found.append(measure())
        bar.add(1)
    medians = {
        kind: {
            name: round(statistics.median(each[kind][name] for each in found), 3)
            for name in found[0][kind]
        }
        for kind in found[0]
    }
    line = {
        "benchmark": "start",
        "rounds": rounds,
        "seconds": medians,
        "cores": os.cpu_count(),
        "date": datetime.date.today().isoformat(),
        **provenance.software(),
    }
    records.append(output / "start.jsonl", line)
    for kind, seconds in medians.items():
        print(f"{kind}: " + ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items()))


def measure():
    """Returns the seconds of one round, by kind and name."""
    code = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
    return {
        "import": {name: float(printed("-c", code.format(name))) for name in IMPORTS},
        "command": {name: command(name) for name in COMMANDS},
        **{
            kind: json.loads(printed(__file__, "--child", kind).splitlines()[-1])
            for kind in ("load", "first step")
        },
    }


def printed(*arguments):
    """Returns what a new Python process prints."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def command(name):
    start = time.perf_counter()
    printed("-m", "kerasgan_cli", name)
    return time.perf_counter() - start


def loads():
    """Returns the seconds that each entry of the zoo takes to load."""
    kerasgan.load(FIRST[1])
    seconds = {}
    for name in zoo.names():
        start = time.perf_counter()
        kerasgan.load(name)
        seconds[name] = time.perf_counter() - start
    return seconds


def first_steps():
    """Returns the seconds of each model's first step, less those of its second."""
    first_step(FIRST[0])
    return {name: first_step(name) for name in throughput.ARGUMENTS}


def first_step(name):
    arguments = {"width": WIDTH, **ARGUMENTS.get(name, {})}
    gan = models.get(name)((SIDE, SIDE, 3), seed=0, **arguments)
    gan.compile()
    num = BATCH * gan.n_critic
    images = np.zeros((num, SIDE, SIDE, 3), "float32")
    labels = np.arange(num) % 10 if gan.signature.turns else None
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        gan.fit(images, labels, batch_size=num, verbose=0)
        seconds.append(time.perf_counter() - start)
    keras.backend.clear_session()
    return seconds[0] - seconds[1]


if __name__ == "__main__":
    cli.run(main)
