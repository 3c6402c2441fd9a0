"""Times `fit` of all models against hand-written loops, the Keras examples, and PyTorch.

    kerasgan benchmark throughput [--model dcgan ...] [--side 32] [--batch 64] [--rounds 5]

Per model, over networks of the same shapes and in one process, rounds alternating:

    fit               the model's own `fit` on `kerasgan.data.batches`: as many steps a call as take
                      a tenth of a second
    fit, step by step  the same with `steps_per_execution=1`
    fit, in memory    `fit` on one batch in memory: shows the cost of the input pipeline
    fit, XLA          the same with `jit_compile=True`
    hand-written      a `tf.function` with the same algorithm, no Keras around it
    keras.io          the `train_step` of the Keras examples (DCGAN, WGAN-GP)
    PyTorch           the same networks and algorithm (of the first eight models), eager, in the
                      style of its DCGAN example: images as (N, C, H, W), gradients for all of D
                      in G's update too (pip install kerasgan[peers])

A round's time is the median of its steps, or of its calls divided by their steps. On a noisy
machine, compare the ratios: a contender's time divided by that of `fit` in the same round, as the
median over the rounds; above 1, `fit` is faster. The setup of `fit` before its first step is not
timed. GFLOP/s count convolutions and matrix products; a matrix product of 2,048 x 2,048 is measured
in the same run for comparison. Writes one JSON line per model to `throughput.jsonl`, and a plot
next to it.
"""

import datetime
import importlib.util
import itertools
import statistics
import sys
import time
from pathlib import Path
from typing import Annotated

import keras
import matplotlib
import numpy as np
import tensorflow as tf
import typer

from kerasgan import cli, data, models
from kerasgan.evaluation import records
from kerasgan.training import flops
from kerasgan.utils import provenance
from kerasgan.utils.errors import UserError

sys.path.append(str(Path(__file__).parent))
import _hand_written  # noqa: E402
import _hand_written_family  # noqa: E402

matplotlib.use("Agg")
PEERS = ("hand-written", "keras.io", "PyTorch")
# Quick on a CPU; n_critic as in the zoo's recipes.
ARGUMENTS = {
    "vanilla": {"width": 400},
    "cgan": {"width": 400, "num_classes": 10},
    "lapgan": {"width": 16},
    "dcgan": {"width": 32},
    "wgan_gp": {"width": 32, "n_critic": 3},
    "lsgan": {"width": 32},
    "sngan": {"width": 64, "architecture": "conv", "n_critic": 1},
    "sagan": {"width": 16},
    "wgan": {"width": 32, "n_critic": 3},
    "ebgan": {"width": 16},
    "began": {"width": 12},
    "fgan": {"width": 32, "divergence": "jensen_shannon"},
    "mmd_gan": {"width": 24, "n_critic": 3},
    "biggan": {"width": 6, "n_critic": 1},
    "stylegan2": {"width": 16, "latent_dim": 128},
    "r3gan": {"width": 64, "halve_beyond": 8, "blocks": 1},
}


SECONDS = 1.5  # per round, by default


def build(name, side, **options):
    keras.utils.set_random_seed(0)
    return models.get(name)((side, side, 1), seed=0, **ARGUMENTS[name], **options)


class Steps(keras.callbacks.Callback):
    """Measures the seconds of the steps of `fit`; those of one call count as equally long."""

    once_a_call = True

    def on_train_begin(self, logs=None):
        self.ends = []

    def on_train_batch_begin(self, batch, logs=None):
        if not self.ends:
            self.ends.append((time.perf_counter(), batch - 1))

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append((time.perf_counter(), batch))

    def seconds(self):
        seconds, steps = np.diff(self.ends, axis=0).T
        return np.repeat(seconds / steps, steps.astype(int))


def contenders(name, side, batch, xla=True):
    """Returns functions from a number of steps to the seconds of each, by name; the model; a batch.

    Every contender has its own networks and takes batches from the same dataset.
    """
    gan = build(name, side)
    batch *= gan.n_critic  # each update of the discriminator gets its own share
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (batch * 20, side, side, 1)).astype("float32")
    labels = (np.arange(len(images)) % 10).astype("int32") if gan.signature.turns else None
    cached = data.batches(images, labels, batch_size=batch, seed=0)
    first = next(iter(cached))

    def fit(model, dataset):
        steps = Steps()

        def run(number):
            model.fit(
                dataset.repeat(),
                shuffle=False,
                steps_per_epoch=number,
                verbose=0,
                callbacks=[steps],
            )
            return steps.seconds()

        return run

    def ours(dataset, **arguments):
        model = build(name, side)
        model.compile(**arguments)
        return fit(model, dataset)

    found = {
        "fit": ours(cached, jit_compile=False),
        "fit, step by step": ours(cached, jit_compile=False, steps_per_execution=1),
        "fit, in memory": ours(tf.data.Dataset.from_tensors(first), jit_compile=False),
        "hand-written": by_hand(hand_written_loop(name, build(name, side)), cached.repeat()),
    }
    if xla:
        found["fit, XLA"] = ours(cached, jit_compile=True)
    if name in _hand_written.KERAS_EXAMPLES:
        example = _hand_written.KERAS_EXAMPLES[name](build(name, side))
        example.compile(optimizer=None, jit_compile=False)
        # It uses one batch for all updates of the critic.
        share = data.batches(images, None, batch_size=batch // gan.n_critic, seed=0)
        found["keras.io"] = fit(example, share)
    if importlib.util.find_spec("torch") and name not in _hand_written_family.LOOPS:
        import _torch_networks

        step = _torch_networks.loop(name, build(name, side))
        found["PyTorch"] = by_hand(lambda each: step(*each), itertools.cycle(torch_batches(cached)))
    gan.compile()
    return found, gan, first


def hand_written_loop(name, gan):
    """Returns the function that trains a model's networks on a batch without Keras."""
    family = _hand_written_family.LOOPS
    return family[name](gan) if name in family else _hand_written.loop(name, gan)


def by_hand(step, batches):
    def run(number):
        ends = []
        for batch in itertools.islice(batches, number):
            losses = step(batch)
            float(losses[0])  # a GPU is still at work when the call returns
            ends.append(time.perf_counter())
        return np.diff(ends)

    return run


def torch_batches(dataset):
    import torch

    batches = []
    for each in dataset:
        images, *label = each if isinstance(each, tuple) else (each,)
        images = torch.tensor(images.numpy()).permute(0, 3, 1, 2).contiguous()
        batches.append((images, *(torch.tensor(ids.numpy()).long() for ids in label)))
    return batches


def matmul_gflops(size=2048, repeats=5):
    matrix = tf.random.normal((size, size))
    product = tf.function(tf.matmul)
    product(matrix, matrix)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        float(product(matrix, matrix)[0, 0])
        times.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(times) / 1e9


def measure(name, side, batch, steps, rounds, xla=True):
    found, gan, first = contenders(name, side, batch, xla)
    for run in found.values():
        run(20)  # traces
    steps = steps or max(21, round(SECONDS / statistics.median(found["fit"](21)) / 10) * 10 + 1)
    times = {contender: [] for contender in found}
    for run in found.values():
        run(steps)  # `fit` traces the function of several steps
    for round_ in range(rounds):
        for contender in list(found)[:: 1 if round_ % 2 else -1]:
            times[contender].append(1000 * float(np.median(found[contender](steps))))
    milliseconds = {contender: statistics.median(values) for contender, values in times.items()}
    ratios = {
        contender: statistics.median(
            value / fit for value, fit in zip(values, times["fit"], strict=True)
        )
        for contender, values in times.items()
    }
    step_flops = flops.of_step(gan, first)
    fit = milliseconds["fit"]
    return {
        "benchmark": "throughput",
        "model": name,
        "arguments": ARGUMENTS[name],
        "side": side,
        "batch": batch,
        "n_critic": gan.n_critic,
        "steps": steps,
        "rounds": rounds,
        "milliseconds": {key: round(value, 2) for key, value in milliseconds.items()},
        "milliseconds_all": {k: [round(v, 2) for v in values] for k, values in times.items()},
        "ratios": {key: round(value, 3) for key, value in ratios.items()},
        "images_per_second": round(batch * gan.n_critic / fit * 1000, 1),
        "gflop_per_step": round(step_flops / 1e9, 3),
        "gflops": round(step_flops / fit / 1e6, 2),
        "matmul_gflops": round(matmul_gflops(), 1),
        "date": datetime.date.today().isoformat(),
        **provenance.software(),
    }


def plot(lines, path):
    from matplotlib import pyplot

    names = [line["model"] for line in lines]
    figure, axes = pyplot.subplots(figsize=(10, 4.5), layout="constrained")
    width = 0.8 / len(PEERS)
    for place, contender in enumerate(PEERS):
        positions = [i + (place - (len(PEERS) - 1) / 2) * width for i in range(len(names))]
        heights = [line["ratios"].get(contender, np.nan) for line in lines]
        axes.bar(positions, heights, width, label=contender)
    axes.axhline(1.0, color="black", linewidth=1)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_ylabel("time of a step, as a multiple of fit's")
    axes.set_title("Above the line: slower than kerasgan's fit")
    axes.legend(ncols=len(PEERS), loc="upper center")
    axes.set_ylim(0, 1.2 * max(line["ratios"].get(peer, 0) for line in lines for peer in PEERS))
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def main(
    model: Annotated[
        list[str] | None, typer.Option(help="May be repeated; all by default.")
    ] = None,
    side: Annotated[int, typer.Option(min=16, help="Pixels.")] = 32,
    batch: Annotated[int, typer.Option(min=1, help="Images of a discriminator's update.")] = 64,
    steps: Annotated[
        int | None, typer.Option(min=21, help="Steps in a round; by default 1.5 seconds.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    xla: Annotated[bool, typer.Option(help="Also XLA, which takes minutes on a CPU.")] = True,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Time fit of every model against its peers."""
    chosen = model or list(ARGUMENTS)
    if unknown := set(chosen) - set(ARGUMENTS):
        raise UserError(f"Not timed: {', '.join(sorted(unknown))}. Valid: {', '.join(ARGUMENTS)}")
    path = output / "throughput.jsonl"
    for name in chosen:
        line = measure(name, side, batch, steps, rounds, xla)
        records.append(path, line)
        ratios = ", ".join(f"{k} {v:.2f}" for k, v in line["ratios"].items() if k != "fit")
        fit = line["milliseconds"]["fit"]
        print(f"{name}: {fit:.1f} ms a step; times fit's: {ratios}", flush=True)
        keras.backend.clear_session()
    latest = {line["model"]: line for line in records.read(path)}
    plot(list(latest.values()), output / "throughput.png")


if __name__ == "__main__":
    cli.run(main)
