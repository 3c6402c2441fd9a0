"""Trains in float32 and in mixed bfloat16, with several seeds: what the second saves and costs.

    kerasgan benchmark precision
    kerasgan benchmark precision --models dcgan --steps 500 --seeds 1

Equal steps on Fashion-MNIST, samples scored against the test images. Where the processor or GPU has
no units for bfloat16 (`fastest_policy` in the lines says which precision is the fastest), the
second computes what it would with them, but takes longer than the first. Writes one JSON line per
training to `precision.jsonl`, where trainings already in the file are not repeated.
"""

import time
from pathlib import Path
from typing import Annotated

import keras
import typer

from kerasgan import cli, data, metrics, models
from kerasgan.evaluation import records
from kerasgan.evaluation.features import statistics_of_test
from kerasgan.evaluation.scorer import SCORE_SEED
from kerasgan.utils import provenance
from kerasgan.utils.errors import UserError, nearest
from kerasgan.utils.precision import fastest_policy

# Averages of weights, so that scores do not depend on the last few steps.
MODELS = {
    "dcgan": {"width": 16, "ema_decay": 0.995},
    "lsgan": {"width": 16, "ema_decay": 0.995},
    "sngan": {"architecture": "conv", "width": 16, "n_critic": 1, "ema_decay": 0.995},
}
ADAM = {"learning_rate": 5e-4, "beta_1": 0.5}  # of both players
PRECISIONS = ("float32", "mixed_bfloat16")
BATCH_SIZE = 32
WARM_UP = 120  # steps that are not timed: one call of as many as a call may hold comes among them


def main(
    models: Annotated[list[str] | None, typer.Option(help=", ".join(MODELS))] = None,
    steps: Annotated[int, typer.Option(min=6, help="Steps of each training.")] = 2_000,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each kind.")] = 3,
    num: Annotated[int, typer.Option(min=2, help="Samples of a score.")] = 2500,
    dataset: Annotated[str, typer.Option(help="Data set with a test split.")] = "fashion_mnist",
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Compare trainings in float32 and in mixed bfloat16."""
    for name in models or ():
        if name not in MODELS:
            raise UserError(f'There is no "{name}" here: {nearest(name, MODELS)}')
    file = output / "precision.jsonl"
    pictures, _ = data.load_arrays(dataset)
    extractor = metrics.EfficientNetLite0()
    real = statistics_of_test(dataset, extractor)
    for seed in range(seeds):
        for name in models or MODELS:
            for precision in PRECISIONS:
                wanted = {
                    "benchmark": "precision",
                    "dataset": dataset,
                    "model": name,
                    "arguments": MODELS[name],
                    "adam": ADAM,
                    "precision": precision,
                    "seed": seed,
                    "steps": steps,
                    "batch_size": BATCH_SIZE,
                    "n_fake": num,
                    "fastest_policy": fastest_policy(),
                }
                title = f"{name}, {precision}, seed {seed}"
                if any(wanted.items() <= line.items() for line in records.read(file)):
                    print(f"{title}: already in {file}")
                    continue
                line = {**wanted, **train(wanted, pictures, real, extractor)}
                records.append(file, line)
                print(
                    f"{title}: {line['metric']} {line['trained']:.1f}, {line['milliseconds']} ms",
                    flush=True,
                )


def train(wanted, pictures, real, extractor):
    """Trains once, and returns time, score and provenance."""
    keras.utils.set_random_seed(wanted["seed"])
    gan = models.get(wanted["model"])(
        pictures.shape[1:], seed=wanted["seed"], dtype=wanted["precision"], **wanted["arguments"]
    )
    gan.compile(*(keras.optimizers.Adam(**wanted["adam"]) for _ in range(2)))

    def fit(first, stop):
        gan.fit(data.steps(pictures, None, BATCH_SIZE, wanted["seed"], first, stop), verbose=0)

    warm = min(WARM_UP, wanted["steps"] // 2)
    fit(0, warm)
    start = time.perf_counter()
    fit(warm, wanted["steps"])
    seconds = time.perf_counter() - start
    scores = gan.evaluate(
        real, num=wanted["n_fake"], seed=SCORE_SEED, extractor=extractor, verbose=0
    )
    return {
        "milliseconds": round(seconds / (wanted["steps"] - warm) * 1000, 2),
        "metric": extractor.distance_name,
        "split": "test",
        "n_real": real.count,
        "trained": round(scores["frechet_distance"], 3),
        **provenance.stamp(gan.inference_generator, extractor),
    }


if __name__ == "__main__":
    cli.run(main)
