"""Trains the zoo's recipes for minutes with several seeds, to show the spread between seeds.

    kerasgan benchmark training_seeds                      # every trained entry of the zoo
    kerasgan benchmark training_seeds path/to/recipe.toml --minutes 5 --seeds 3

A recipe keeps its settings, including the decay of its rates, over as many whole epochs as fit into
the minutes; the number of epochs is measured once, so that all seeds of a recipe train equally
long. The average of weights spans the same share of the training as in the full recipe. Samples are
scored against the test images. Writes one JSON line per training to `training_seeds.jsonl`;
trainings already in the file are not repeated.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from kerasgan import cli, data, zoo
from kerasgan.evaluation import records
from kerasgan.training import recipe, session
from kerasgan.training.build import build
from kerasgan.training.train import train_recipe
from kerasgan.utils.errors import UserError, needs

WARM_UP, TIMED = 30, 100  # steps


def main(
    recipes: Annotated[
        list[Path] | None, typer.Argument(help="Recipe files; by default the zoo's.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.01, help="Minutes per training.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each recipe.")] = 3,
    num: Annotated[int, typer.Option(min=2, help="Images per score.")] = 2500,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Train recipes for minutes with several seeds, and score them."""
    needs("matplotlib", "benchmarks")
    recipes = recipes or [zoo.folder() / name / "recipe.toml" for name in zoo.names()]
    if not recipes:
        raise UserError("The zoo has no trained entry here: name recipe files.")
    file = output / "training_seeds.jsonl"
    for path in recipes:
        whole = recipe.read(path)
        whole = whole.replace(evaluation={"split": "test", "num": num, "every": 0})
        for seed in range(seeds):
            wanted = {
                "benchmark": "training_seeds",
                "entry": path.resolve().parent.name,
                "minutes": minutes,
                "cores": len(os.sched_getaffinity(0)),
                "whole_recipe": whole.tables(),
            }
            run(wanted, seed, file)
    plot(records.read(file), output / "training_seeds.png")


def run(wanted, seed, file):
    """Trains once, unless the file holds that training, and adds its line."""
    others = [
        line
        for line in records.read(file)
        if all(line[key] == value for key, value in wanted.items())
    ]
    if any(line["recipe"]["training"]["seed"] == seed for line in others):
        print(f"{wanted['entry']} seed {seed}: already in {file}")
        return
    if others:
        short = recipe.complete(others[0]["recipe"])
    else:
        short = shortened(recipe.complete(wanted["whole_recipe"]), wanted["minutes"])
    short = short.replace(training={"seed": seed})
    with tempfile.TemporaryDirectory() as folder:
        result = train_recipe(short, Path(folder) / "run")
    records.append(file, {**wanted, "recipe": short.tables(), **result})
    print(f"{wanted['entry']} seed {seed}: {result['metric']} {result['trained']}", flush=True)


def shortened(whole, minutes):
    """Returns a recipe for fewer epochs, with a proportionally shorter average of weights."""
    epochs = epochs_in(whole, minutes)
    decay = whole.model.arguments.get("ema_decay")
    share = epochs / whole.training.epochs
    averaged = {} if decay is None else {"ema_decay": round(1 - min(1.0, (1 - decay) / share), 6)}
    return whole.replace(model=averaged, training={"epochs": epochs})


def epochs_in(whole, minutes):
    """Returns how many whole epochs fit into the minutes, at least one."""
    batch_size = whole.data.batch_size
    source = data.load_source(whole.data.name, whole.data.split, whole.data.image_size)
    gan = build(whole, source.spec, WARM_UP + TIMED)
    source = session.trained_on(gan, source)

    def seconds(steps):
        start = time.monotonic()
        gan.fit(data.steps(source, None, batch_size, stop=steps), verbose=0)
        return time.monotonic() - start

    seconds(WARM_UP)
    epoch = seconds(TIMED) / TIMED * (len(source) // batch_size)
    return max(1, int(minutes * 60 / epoch))


def plot(lines, path):
    """Plots every training as a dot, by entry, and the mean as a line."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(line["entry"] for line in lines))
    figure, axes = plt.subplots(figsize=(7, 0.45 * len(names) + 1.4), layout="constrained")
    for place, name in enumerate(names):
        of_entry = [line for line in lines if line["entry"] == name]
        seeds = records.like_last(of_entry, "minutes", "cores", "whole_recipe")
        scores = [line["trained"] for line in seeds]
        axes.plot(scores, [place] * len(scores), "o", color="#4477aa", alpha=0.8)
        axes.plot([statistics.mean(scores)] * 2, [place - 0.3, place + 0.3], color="#222222")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel(f"{lines[-1]['metric']} of {lines[-1]['n_fake']:,} samples")
    axes.set_title(
        f"{lines[-1]['minutes']:g} minutes of training: each seed (dots), their mean (lines)",
        fontsize=10,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    cli.run(main)
