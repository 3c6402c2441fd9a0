"""Times a score, from samples to number, with TensorFlow's choice of kernels and with kerasgan's.

    kerasgan benchmark scoring [--num 10000] [--entry dcgan_fashion_mnist]

FD[lite0] of an entry's samples against the test images, whose features come from the cache. On
processors without AVX-512, TensorFlow leaves oneDNN's kernels out, and `import kerasgan` asks for
them; on others both are the same. Each round takes two new processes, one of each kind in turn,
which draw and score 64 samples before the clock starts. Writes one JSON line to `scoring.jsonl`.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

import kerasgan
from kerasgan import cli, metrics
from kerasgan.evaluation import records
from kerasgan.evaluation.features import statistics_of_test
from kerasgan.evaluation.scorer import SCORE_SEED
from kerasgan.utils import progress, provenance

# With TensorFlow imported first, kerasgan leaves its choice alone.
KINDS = {"kerasgan": "import kerasgan", "TensorFlow's own": "import tensorflow"}
RUN = "{}; import runpy, sys; sys.argv = {!r}; runpy.run_path(sys.argv[0], run_name='__main__')"


def main(
    num: Annotated[int, typer.Option(min=2, help="Samples of a score.")] = 10_000,
    entry: Annotated[str, typer.Option(help="Zoo entry or run.")] = "dcgan_fashion_mnist",
    dataset: Annotated[str, typer.Option(help="Data set with a test split.")] = "fashion_mnist",
    rounds: Annotated[int, typer.Option(min=1, help="Of which medians are taken.")] = 3,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
    child: Annotated[bool, typer.Option(hidden=True)] = False,
):
    """Measure how long a score takes."""
    if child:
        print(json.dumps(measure(num, entry, dataset)))
        return
    measure(2, entry, dataset)  # fills the cache, and finds out what does not exist
    found, bar = {kind: [] for kind in KINDS}, progress.Bar(rounds, "round")
    for number in range(rounds):
        for kind in list(KINDS)[:: 1 if number % 2 == 0 else -1]:
            found[kind].append(in_a_process(KINDS[kind], num, entry, dataset))
        bar.add(1)
    seconds = {kind: statistics.median(each[0] for each in found[kind]) for kind in KINDS}
    line = {
        "benchmark": "scoring",
        "entry": entry,
        "dataset": dataset,
        "num": num,
        "rounds": rounds,
        "seconds": {kind: round(value, 2) for kind, value in seconds.items()},
        "seconds_all": {kind: [round(s, 2) for s, _ in found[kind]] for kind in KINDS},
        "times_kerasgan": round(seconds["TensorFlow's own"] / seconds["kerasgan"], 3),
        "distances": {kind: round(found[kind][0][1], 4) for kind in KINDS},
        "cores": os.cpu_count(),
        **provenance.software(),
    }
    records.append(output / "scoring.jsonl", line)
    print(f"{num:,} samples: {line['seconds']} seconds, distances {line['distances']}")


def in_a_process(first, num, entry, dataset):
    """Returns what `measure` returns in a new process that begins with an import."""
    arguments = [__file__, "--child", f"--num={num}", f"--entry={entry}", f"--dataset={dataset}"]
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(first, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure(num, entry, dataset):
    """Returns the seconds of a score, and the score."""
    gan = kerasgan.load(entry)
    extractor = metrics.EfficientNetLite0()
    real = statistics_of_test(dataset, extractor)

    def score(num):
        options = {"seed": SCORE_SEED, "extractor": extractor, "verbose": 0}
        return gan.evaluate(real, num=num, **options)["frechet_distance"]

    score(64)
    start = time.perf_counter()
    distance = score(num)
    return time.perf_counter() - start, distance


if __name__ == "__main__":
    cli.run(main)
