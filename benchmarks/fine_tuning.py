"""Trains on 200 images of a class, from scratch and from a model that never saw the class.

    kerasgan benchmark fine_tuning              # sneakers, whose like are boots and sandals
    kerasgan benchmark fine_tuning --label 8    # bags, unlike all other classes

A DCGAN learns Fashion-MNIST without the class. Then 200 of its images are learnt from these
weights, and, four times as long, from scratch, all with augmentation. Samples are scored against
the class's images of the test split. Writes one JSON line per training to `fine_tuning.jsonl`,
where trainings already in the file are not repeated, and the curves as a picture. Minutes are those
of processor time, so that other work on the machine does not lengthen them.
"""

import time
from pathlib import Path
from typing import Annotated

import keras
import typer

import kerasgan
from kerasgan import cli, data, metrics
from kerasgan.evaluation import records
from kerasgan.evaluation.features import real_features
from kerasgan.evaluation.scorer import SCORE_SEED
from kerasgan.training.build import take_weights
from kerasgan.utils import hashing, provenance
from kerasgan.utils.errors import needs

BATCH_SIZE = 64
ARGUMENTS = {"width": 32, "ema_decay": 0.99}  # averages that soon forget the other classes
ADAM = {"learning_rate": 5e-4, "beta_1": 0.5}  # of both players, in all trainings
SAME = ("dataset", "images", "before", "arguments", "adam", "batch_size")  # of compared lines
LONGER = 4  # times that trainings from scratch take longer


def main(
    before: Annotated[int, typer.Option(min=1, help="Steps without the class.")] = 10_000,
    steps: Annotated[int, typer.Option(min=4, help="Steps on it, from these weights.")] = 1_400,
    images: Annotated[int, typer.Option(min=64, help="Images to train on.")] = 200,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each kind.")] = 3,
    label: Annotated[int, typer.Option(min=0, help="Class id.")] = 7,
    dataset: Annotated[str, typer.Option(help="Data set with classes.")] = "fashion_mnist",
    folder: Annotated[Path, typer.Option(help="For the model without the class.")] = Path("runs"),
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Compare fine-tuning with training from scratch."""
    needs("matplotlib", "benchmarks")
    file = output / "fine_tuning.jsonl"
    pictures, labels = data.load_arrays(dataset)
    tested, test_labels = data.load_arrays(dataset, "test")
    few = data.subset(pictures[labels == label], images)
    real_images = tested[test_labels == label]
    extractor = metrics.EfficientNetLite0()
    features, _ = real_features(
        real_images, extractor, f"{dataset} test, class {label}", verbose=True
    )
    real = metrics.Statistics.of(features)
    key = hashing.of_json([dataset, label, ARGUMENTS, ADAM, before])[:8]
    start = without(pictures[labels != label], before, folder / f"without_{key}.keras")
    for seed in range(seeds):
        for kind in ("fine-tuned", "from scratch"):
            wanted = {
                "benchmark": "fine_tuning",
                "dataset": dataset,
                "class": label,
                "images": images,
                "arguments": ARGUMENTS,
                "adam": ADAM,
                "batch_size": BATCH_SIZE,
                "before": before,
                "kind": kind,
                "steps": steps * (1 if kind == "fine-tuned" else LONGER),
                "seed": seed,
            }
            run(wanted, few, start if kind == "fine-tuned" else None, real, len(real_images), file)
    plot(records.read(file), output / "fine_tuning.png")


def model(shape, seed):
    keras.utils.set_random_seed(seed)
    gan = kerasgan.DCGAN(shape, seed=seed, augment="diffaugment", **ARGUMENTS)
    gan.compile(
        g_optimizer=keras.optimizers.Adam(**ADAM), d_optimizer=keras.optimizers.Adam(**ADAM)
    )
    return gan


def without(pictures, steps, path):
    """Returns the model trained without the class, from its file if an earlier call wrote it."""
    if path.is_file():
        return kerasgan.load(path)
    gan = model(pictures.shape[1:], 0)
    gan.fit(data.steps(pictures, None, BATCH_SIZE, stop=steps))
    path.parent.mkdir(parents=True, exist_ok=True)
    gan.save(path)
    return gan


def run(wanted, few, start, real, num, file):
    """Trains once, unless the file holds that training, and adds its line."""
    for line in records.read(file):
        if all(line.get(key) == value for key, value in wanted.items()):
            print(f"{wanted['kind']}, seed {wanted['seed']}: already in {file}")
            return
    gan, extractor = model(few.shape[1:], wanted["seed"]), metrics.EfficientNetLite0()
    if start is not None:
        take_weights(gan, start)
    curve, seconds, quarter = [], 0.0, wanted["steps"] // 4
    for first in range(0, 4 * quarter, quarter):
        began = time.process_time()
        gan.fit(data.steps(few, None, BATCH_SIZE, wanted["seed"], first, first + quarter))
        seconds += time.process_time() - began
        scores = gan.evaluate(real, num=num, seed=SCORE_SEED, extractor=extractor, verbose=0)
        curve.append([round(seconds / 60, 3), round(scores["frechet_distance"], 3)])
    line = {
        **wanted,
        "metric": extractor.distance_name,
        "split": "test",
        "n_real": num,
        "n_fake": num,
        "distance_after_cpu_minutes": curve,
        "trained": curve[-1][1],
        **provenance.stamp(gan.inference_generator, extractor),
    }
    records.append(file, line)
    print(f"{wanted['kind']}, seed {wanted['seed']}: {curve}", flush=True)


def plot(lines, path):
    """Plots the distance over the minutes: a panel for each class, a line for each training."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    last = records.like_last(lines, *SAME)
    classes = sorted({line["class"] for line in last})
    figure, panels = plt.subplots(
        1, len(classes), figsize=(1 + 4.5 * len(classes), 4), layout="constrained", squeeze=False
    )
    for label, axes in zip(classes, panels[0], strict=True):
        for line in last:
            if line["class"] != label:
                continue
            tuned = line["kind"] == "fine-tuned"
            axes.plot(
                *zip(*line["distance_after_cpu_minutes"], strict=True),
                "o-",
                color="#4477aa" if tuned else "#999999",
                label=line["kind"] if line["seed"] == 0 else None,
            )
        axes.set_ylim(bottom=0)
        axes.set_xlabel("minutes of one core")
        axes.set_ylabel(f"{last[-1]['metric']} of {last[-1]['n_fake']:,} samples")
        axes.set_title(f"{last[-1]['images']} images of class {label}", fontsize=10)
        axes.legend()
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    cli.run(main)
