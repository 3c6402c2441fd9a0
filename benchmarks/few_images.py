"""Trains on few images, with and without augmentation, and scores what comes of it.

    kerasgan benchmark few_images                        # 500 and 6,000 images of Fashion-MNIST
    kerasgan benchmark few_images --images 500 --models dcgan --seeds 1

All trainings of one command take equally many steps. Samples are scored against all test images.
Writes one JSON line per training to `few_images.jsonl`, where trainings already in the file are not
repeated, the scores as a picture, and samples of the first seed.
"""

import statistics
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

from kerasgan import cli, data, metrics, models
from kerasgan.evaluation import records
from kerasgan.evaluation.features import statistics_of_test
from kerasgan.evaluation.scorer import SCORE_SEED
from kerasgan.utils import pixels, provenance
from kerasgan.utils.errors import UserError, nearest, needs

# Small and quick; averages of weights, so that scores do not depend on the last few steps.
MODELS = {
    "dcgan": {"width": 32, "ema_decay": 0.998},
    "sngan": {"architecture": "conv", "width": 32, "n_critic": 1, "ema_decay": 0.998},
}
ADAM = {"learning_rate": 5e-4, "beta_1": 0.5}  # of both players
AUGMENTATIONS = ("none", "diffaugment")
BATCH_SIZE = 64
SHOWN = 32  # samples of each training in the picture


def main(
    images: Annotated[list[int] | None, typer.Option(help="Training images.")] = None,
    models: Annotated[list[str] | None, typer.Option(help=", ".join(MODELS))] = None,
    augment: Annotated[list[str] | None, typer.Option(help="none, diffaugment or ada.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training.")] = 10_000,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each kind.")] = 3,
    num: Annotated[int, typer.Option(min=2, help="Samples of a score.")] = 5000,
    dataset: Annotated[str, typer.Option(help="Data set with a test split.")] = "fashion_mnist",
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Compare trainings on few images with and without augmentation."""
    needs("matplotlib", "benchmarks")
    file = output / "few_images.jsonl"
    for given, valid in ((models, MODELS), (augment, (*AUGMENTATIONS, "ada"))):
        for name in given or ():
            if name not in valid:
                raise UserError(f'There is no "{name}" here: {nearest(name, valid)}')
    source = data.load_source(dataset)
    extractor = metrics.EfficientNetLite0()
    real = statistics_of_test(dataset, extractor)
    for seed in range(seeds):
        for number in images or (500, 6000):
            for name in models or MODELS:
                for augmentation in augment or AUGMENTATIONS:
                    wanted = {
                        "benchmark": "few_images",
                        "dataset": dataset,
                        "model": name,
                        "arguments": MODELS[name],
                        "adam": ADAM,
                        "images": number,
                        "augment": augmentation,
                        "seed": seed,
                        "steps": steps,
                        "batch_size": BATCH_SIZE,
                        "n_fake": num,
                    }
                    run(wanted, source.parts["image"], real, extractor, file)
    plot(records.read(file), output / "few_images.png")


def run(wanted, pictures, real, extractor, file):
    """Trains once, unless the file holds that training, and adds its line and its samples."""
    title = "{model}, {images} images, {augment}, seed {seed}".format(**wanted)
    for line in records.read(file):
        if all(line[key] == value for key, value in wanted.items()):
            print(f"{title}: already in {file}")
            return
    keras.utils.set_random_seed(wanted["seed"])
    augment = None if wanted["augment"] == "none" else wanted["augment"]
    gan = models.get(wanted["model"])(
        pictures.shape[1:], seed=wanted["seed"], augment=augment, **wanted["arguments"]
    )
    gan.compile(*(keras.optimizers.Adam(**wanted["adam"]) for _ in range(2)))
    few = data.subset(pictures, wanted["images"])
    batches = data.steps(few, None, BATCH_SIZE, wanted["seed"], stop=wanted["steps"])
    print(title, flush=True)
    gan.fit(batches)
    scores = gan.evaluate(real, num=wanted["n_fake"], seed=SCORE_SEED, extractor=extractor)
    line = {
        **wanted,
        "metric": extractor.distance_name,
        "split": "test",
        "n_real": real.count,
        "trained": round(scores["frechet_distance"], 3),
        "augment_p": round(float(gan.augmentation.probability), 4) if augment == "ada" else None,
        **provenance.stamp(gan.inference_generator, extractor),
    }
    records.append(file, line)
    print(f"{title}: {line['metric']} {line['trained']:.1f}", flush=True)
    if wanted["seed"] == 0:
        samples = pixels.to_uint8(gan.sample(SHOWN, seed=SCORE_SEED))
        name = "few_images_{model}_{images}_{augment}.png".format(**wanted)
        pixels.save_picture(pixels.grid(samples, columns=8), file.parent / name)


def plot(lines, path):
    """Plots every training as a dot, by kind, and the mean as a line."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    last = records.like_last(lines, "dataset", "adam", "batch_size", "n_fake")
    keys = ("model", "images", "steps", "augment")
    kinds = sorted({tuple(line[key] for key in keys) for line in last})
    figure, axes = plt.subplots(figsize=(7, 0.4 * len(kinds) + 1.4), layout="constrained")
    for place, kind in enumerate(kinds):
        scores = [line["trained"] for line in last if tuple(line[key] for key in keys) == kind]
        colour = "#999999" if kind[-1] == "none" else "#4477aa"
        axes.plot(scores, np.full(len(scores), place), "o", color=colour)
        axes.plot([statistics.mean(scores)] * 2, [place - 0.3, place + 0.3], color="#222222")
    names = [
        f"{models.get(model).__name__}, {images:,} images, {steps:,} steps, "
        + {"none": "not augmented"}.get(augment, augment)
        for model, images, steps, augment in kinds
    ]
    axes.set_yticks(range(len(kinds)), names)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel(f"{last[-1]['metric']} of {last[-1]['n_fake']:,} samples: lower is better")
    axes.set_title("Seeds (dots), means (lines)", fontsize=10)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    cli.run(main)
