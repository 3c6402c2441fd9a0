"""Times `fit` of all models against loops written by hand, the Keras examples, and PyTorch.

    kerasgan benchmark throughput [--model dcgan ...] [--side 32] [--batch 64] [--rounds 5]

Per model, over networks of the same shapes and in one process, rounds alternating:

    fit               the model's own `fit` on `kerasgan.data.batches`
    fit, ten a call   the same with `steps_per_execution=10`
    fit, in memory    `fit` on one batch that lies in memory: what feeding costs
    fit, XLA          the same with `jit_compile=True`
    hand-written      a `tf.function` with the same algorithm, no Keras around it
    keras.io          the `train_step` of the Keras examples (DCGAN, WGAN-GP)
    PyTorch           the same networks and algorithm, eager (pip install kerasgan[peers])

What counts on a noisy machine is the median over the rounds of a contender's time divided by
that of `fit` in the same round: above 1, `fit` is faster. GFLOP/s are those of convolutions and
matrix products, beside a matrix product of 2,048 x 2,048 in the same run. One JSON line per model
goes to `throughput.jsonl`, and a plot is drawn beside it.
"""

import datetime
import importlib.util
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

from kerasgan import benchmark, cli, data, flops, models, provenance
from kerasgan.errors import UserError

sys.path.insert(0, str(Path(__file__).parent))
import _hand_written  # noqa: E402

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
}


STEPS = {"vanilla": 200, "cgan": 200, "lapgan": 30, "sagan": 20, "wgan_gp": 20}


def build(name, side):
    keras.utils.set_random_seed(0)
    return models.get(name)((side, side, 1), seed=0, **ARGUMENTS[name])


def contenders(name, side, batch, steps):
    """Returns functions that each train for so many steps, by name, and the model."""
    gan = build(name, side)
    batch *= gan.n_critic  # each update of the discriminator takes its own share
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (batch * steps, side, side, 1)).astype("float32")
    labels = (np.arange(len(images)) % 10).astype("int32") if gan.conditional else None
    cached = data.batches(images, labels, batch_size=batch, seed=0)
    first = next(iter(cached))  # also what the count of operations is made with
    in_memory = tf.data.Dataset.from_tensors(first).repeat(steps)

    def fit(dataset, model=None, **arguments):
        model = model or build(name, side)
        model.compile(**arguments)
        return lambda: model.fit(dataset, verbose=0)

    def hand_written():
        step = _hand_written.loop(name, build(name, side))

        def run():
            for each in cached:
                losses = step(each)
            float(losses[0])

        return run

    found = {
        "fit": fit(cached, model=gan),
        "fit, ten a call": fit(cached, steps_per_execution=10),
        "fit, in memory": fit(in_memory),
        "fit, XLA": fit(cached, jit_compile=True),
        "hand-written": hand_written(),
    }
    if name in _hand_written.KERAS_EXAMPLES:
        example = _hand_written.KERAS_EXAMPLES[name](build(name, side))
        example.compile(optimizer=None, jit_compile=False)
        # Its batch serves every update of the critic.
        small = data.batches(images[:: gan.n_critic], None, batch_size=batch // gan.n_critic)
        found["keras.io"] = lambda: example.fit(small, verbose=0)
    if importlib.util.find_spec("torch"):
        found["PyTorch"] = torch_loop(name, build(name, side), cached)
    return found, gan, first


def torch_loop(name, gan, dataset):
    import _torch_networks
    import torch

    step = _torch_networks.loop(name, gan)
    batches = []
    for each in dataset:
        images, *label = each if isinstance(each, tuple) else (each,)
        images = torch.tensor(images.numpy()).permute(0, 3, 1, 2).contiguous()
        batches.append((images, *(torch.tensor(ids.numpy()).long() for ids in label)))

    def run():
        for each in batches:
            step(*each)

    return run


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


def measure(name, side, batch, steps, rounds):
    steps = steps or STEPS.get(name, 50)
    found, gan, first = contenders(name, side, batch, steps)
    times = {contender: [] for contender in found}
    for round_ in range(rounds + 1):  # the first traces, and is not counted
        order = list(found) if round_ % 2 else list(found)[::-1]
        for contender in order:
            start = time.perf_counter()
            found[contender]()
            if round_:
                times[contender].append((time.perf_counter() - start) / steps * 1000)
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
    shown = ["fit, XLA", *PEERS]
    figure, axes = pyplot.subplots(figsize=(10, 4.5), layout="constrained")
    width = 0.8 / len(shown)
    for place, contender in enumerate(shown):
        positions = [i + (place - (len(shown) - 1) / 2) * width for i in range(len(names))]
        heights = [line["ratios"].get(contender, np.nan) for line in lines]
        axes.bar(positions, heights, width, label=contender)
    axes.axhline(1.0, color="black", linewidth=1)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("time of a step, as a multiple of fit's")
    axes.set_title("Above the line: slower than kerasgan's fit")
    axes.legend(ncols=len(shown), loc="upper center")
    axes.set_ylim(0, 1.25 * max(max(line["ratios"].values()) for line in lines))
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def main(
    model: Annotated[
        list[str] | None, typer.Option(help="May be given again; all by default.")
    ] = None,
    side: Annotated[int, typer.Option(min=16, help="Pixels.")] = 32,
    batch: Annotated[int, typer.Option(min=1, help="Images of a discriminator's update.")] = 64,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps in a round; by default about 2 seconds.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = benchmark.RESULTS,
):
    """Time fit of every model against its peers."""
    chosen = model or list(ARGUMENTS)
    if unknown := set(chosen) - set(ARGUMENTS):
        raise UserError(f"Not timed: {', '.join(sorted(unknown))}. Valid: {', '.join(ARGUMENTS)}")
    path = output / "throughput.jsonl"
    for name in chosen:
        line = measure(name, side, batch, steps, rounds)
        benchmark.append(path, line)
        ratios = ", ".join(f"{k} {v:.2f}" for k, v in line["ratios"].items() if k != "fit")
        print(f"{name}: {line['milliseconds']['fit']:.1f} ms a step; times fit's: {ratios}")
        keras.backend.clear_session()
    latest = {line["model"]: line for line in benchmark.read(path)}
    plot(list(latest.values()), output / "throughput.png")


if __name__ == "__main__":
    cli.run(main)
