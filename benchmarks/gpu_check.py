"""Checks in ten minutes what a machine's GPUs make of all models, and prints one JSON line.

    kerasgan benchmark gpu_check
    kerasgan benchmark gpu_check --models dcgan,wgan_gp

For each model at 32 pixels:

    step        three steps without XLA: the losses are finite
    xla         three steps under XLA, which draws other latents: the losses are finite
    mixed       three steps in mixed_float16 (mixed_bfloat16 on a CPU): the losses are finite
    replicas    the largest difference of any weight between three steps on one device and on all
                GPUs (on a machine without any: on two halves of the CPU), and how far they moved
    memory      the peak on the first GPU in these three steps, in MB
    ratios      the time of a step by hand, in PyTorch and, on a GPU, under XLA, which `fit` uses
                there by default, divided by that of `fit` without XLA

What fails is in the line as the error's last line, and the others go on. Without a GPU it runs
on the CPU, and the line says so: it then proves nothing about GPUs. The line is also added to
`gpu_check.jsonl`.
"""

import datetime
import functools
import importlib.util
import json
import statistics
import sys
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
import typer

from kerasgan import cli, models
from kerasgan.evaluation import records
from kerasgan.training import strategies
from kerasgan.utils import provenance
from kerasgan.utils.errors import UserError, nearest

sys.path.append(str(Path(__file__).parent))
import throughput  # noqa: E402

SIDE, STEPS, ROUNDS = 32, 3, 3
SECONDS = 1.0  # of a round


def main(
    chosen: Annotated[str, typer.Option("--models", help="Names, with commas; or all.")] = "",
    batch: Annotated[int, typer.Option(min=2, help="Images of a discriminator's update.")] = 64,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Check what GPUs make of all models."""
    names = chosen.split(",") if chosen else list(throughput.ARGUMENTS)
    for name in names:
        if name not in throughput.ARGUMENTS:
            raise UserError(f'There is no "{name}" here: {nearest(name, throughput.ARGUMENTS)}')
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        print("There is no GPU: this runs on the CPU, and proves nothing about GPUs.", flush=True)
    line = {
        "benchmark": "gpu_check",
        "devices": ", ".join(map(description, gpus)) or "CPU",
        "batch": batch,
        "models": {name: report(name, batch, bool(gpus)) for name in names},
        "date": datetime.date.today().isoformat(),
        **provenance.software(),
    }
    records.append(output / "gpu_check.jsonl", line)
    print(json.dumps(line))


def description(gpu):
    return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)


def report(name, batch, on_gpu):
    """Returns what each check of a model found, by name."""
    if on_gpu:
        tf.config.experimental.reset_memory_stats("GPU:0")
    found = {"step": attempt(step, name, batch)}
    if on_gpu:
        peak = tf.config.experimental.get_memory_info("GPU:0")["peak"]
        found["memory"] = round(peak / 1e6)
    checks = {"xla": xla, "mixed": mixed, "replicas": replicas, "ratios": ratios}
    found |= {key: attempt(check, name, batch) for key, check in checks.items()}
    print(f"{name}: {json.dumps(found)}", flush=True)
    return found


def attempt(check, *arguments):
    try:
        return check(*arguments)
    except Exception as error:  # of any library: the others are still to be checked
        return f"{type(error).__name__}: {[*str(error).strip().splitlines(), ''][-1]}"
    finally:
        keras.backend.clear_session()


def examples(gan, batch):
    """Returns training data for STEPS steps: images, and labels where the model takes them."""
    num = STEPS * batch * gan.n_critic
    images = np.random.default_rng(0).uniform(-1, 1, (num, SIDE, SIDE, 1)).astype("float32")
    return images, (np.arange(num, dtype="int32") % 10 if gan.signature.turns else None)


def build(name, compiled=None, dtype="float32", strategy=None):
    with (strategy or strategies.strategy("one_device")).scope():
        gan = throughput.build(name, SIDE, dtype=dtype)
        gan.compile(**(compiled or {}))
    return gan


def train(gan, batch):
    """Trains for STEPS steps.

    Raises:
        ArithmeticError: If a loss is not finite.
    """
    rows = []
    keep = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: rows.append(
            [float(np.ravel(v)[0]) for v in logs.values()]
        )
    )
    images, labels = examples(gan, batch)
    gan.fit(
        images,
        labels,
        batch_size=batch * gan.n_critic,
        shuffle=False,
        verbose=0,
        callbacks=[keep],
    )
    if not np.isfinite(rows).all():
        raise ArithmeticError(f"losses are not finite: {rows}")


def step(name, batch):
    train(build(name, {"jit_compile": False}), batch)
    return "ok"


def xla(name, batch):
    train(build(name, {"jit_compile": True}), batch)
    return "ok"


def mixed(name, batch):
    policy = "mixed_float16" if tf.config.list_physical_devices("GPU") else "mixed_bfloat16"
    train(build(name, dtype=policy), batch)
    return policy


@functools.cache
def mirrored():
    """The strategy of all devices; a second one in a process would disturb the first."""
    return strategies.strategy("mirrored")


def replicas(name, batch):
    trained = []
    for strategy in (None, mirrored()):
        optimizers = {f"{player}_optimizer": sgd() for player in models.get(name).players}
        gan = build(name, optimizers, strategy=strategy)
        weights = [weight for network in gan.networks for weight in network.weights]
        start = [weight.numpy() for weight in weights]
        train(gan, batch)
        trained.append([weight.numpy() for weight in weights])

    def largest(some, others):
        found = max(np.abs(a - b).max() for a, b in zip(some, others, strict=True))
        if not np.isfinite(found):
            raise ArithmeticError("weights are not finite")
        return float(f"{found:.1e}")

    return {
        "replicas": mirrored().num_replicas_in_sync,
        "difference": largest(*trained),
        "moved": largest(trained[0], start),
    }


def sgd():
    return keras.optimizers.SGD(1e-3)


def ratios(name, batch):
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    found, _, _ = throughput.contenders(name, SIDE, batch, xla=on_gpu)
    kept = ("fit", "hand-written", "PyTorch", "fit, XLA")
    found = {key: run for key, run in found.items() if key in kept}
    for run in found.values():
        run(20)  # traces
    steps = max(21, round(SECONDS / float(np.median(found["fit"](21)))))
    for run in found.values():
        run(steps)  # `fit` traces the function of several steps
    seconds = [
        {key: float(np.median(run(steps))) for key, run in found.items()} for _ in range(ROUNDS)
    ]
    result = {"milliseconds": round(1000 * statistics.median(row["fit"] for row in seconds), 2)}
    for key in list(found)[1:]:
        result[key] = round(statistics.median(row[key] / row["fit"] for row in seconds), 3)
    return result


if __name__ == "__main__":
    cli.run(main, cpu_devices=2)  # replicas, where there is no GPU
