"""Scores samples over thresholds of the truncation trick: fidelity against variety.

    kerasgan benchmark truncation wgan_gp_fashion_mnist sngan_fashion_mnist
    kerasgan benchmark truncation runs/biggan --dataset cifar10 --thresholds 0.5 --thresholds 1

Takes run directories, `.keras` files and zoo entries with normal latents. Precision says how many
samples lie among real images, recall how many real images lie among samples (Kynkaanniemi et al.
2019): a smaller threshold should raise the one and lower the other, as in figure 2 of Brock et al.
2019, https://arxiv.org/abs/1809.11096. Writes one JSON line for each source, seed and threshold to
`truncation.jsonl`, where scores already in the file are not measured again, and the scores as a
picture.
"""

from pathlib import Path
from typing import Annotated

import typer

from kerasgan import cli, metrics, zoo
from kerasgan.cli import common
from kerasgan.evaluation import records
from kerasgan.evaluation.features import real_protocol
from kerasgan.signature.truncation import NONE
from kerasgan.utils import pixels, provenance
from kerasgan.utils.errors import UserError, needs

THRESHOLDS = (0.3, 0.6, 0.9, 1.2, 1.6, 2.0, NONE)
KEY = ("sha256", "seed", "truncation", "extractor_sha256", "real_sha256", "n_fake")


def main(
    sources: Annotated[list[str], typer.Argument(help="What to score; several may be named.")],
    thresholds: Annotated[
        list[float] | None, typer.Option(min=0.0, help="Thresholds; 6 or more is none.")
    ] = None,
    dataset: Annotated[str, typer.Option(help="Real images.")] = "fashion_mnist",
    split: Annotated[str, typer.Option(help="Split of the dataset.")] = "test",
    num: Annotated[int, typer.Option(min=10, help="Samples, and real images at most.")] = 10_000,
    seed: common.Seed = 1,
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Score samples over thresholds of the truncation trick."""
    needs("matplotlib", "benchmarks")
    gans = {source: zoo.load(source) for source in sources}
    for source, gan in gans.items():
        if not gan.signature.truncates:
            raise UserError(
                f"{source} has a truncation of its own, which is not that of latents."
                if "truncation" in gan.signature.inputs
                else f"{source} has no normal latents, which the truncation trick needs."
            )
    file, extractor = output / "truncation.jsonl", metrics.EfficientNetLite0()
    for source, gan in gans.items():
        shape = gan.signature.output.shape
        real, about = real_protocol(dataset, split, num, shape, extractor, data_dir)
        for threshold in sorted(thresholds or THRESHOLDS):
            wanted = {
                "benchmark": "truncation",
                "source": source,
                "sha256": provenance.weights_sha256(gan.inference_generator),
                "seed": seed,
                "truncation": min(threshold, NONE),
                **about,
                "n_fake": num,
            }
            line = known(wanted, file) or measure(gan, real, extractor, wanted, file)
            print(
                f"{source}, {named(line['truncation'])}: {line['metric']} {line['distance']:.1f}, "
                f"precision {line['precision']:.3f}, recall {line['recall']:.3f}",
                flush=True,
            )
    plot(records.read(file), output / "truncation.png")


def known(wanted, file):
    """Returns the line of the file that holds this score, or `None`."""
    lines = records.read(file)
    return next((e for e in lines if all(e[key] == wanted[key] for key in KEY)), None)


def measure(gan, real, extractor, wanted, file):
    """Scores samples at one threshold, and adds the line to the file."""
    num, threshold = wanted["n_fake"], wanted["truncation"]
    batches = gan.sample_batches(num, seed=wanted["seed"], truncation=threshold)
    fake, _ = extractor.collect(pixels.uint8_batches(batches), num, verbose=True)
    precision, recall = metrics.precision_recall(real, fake)
    distance = metrics.frechet_distance(metrics.Statistics.of(real), metrics.Statistics.of(fake))
    line = {
        **wanted,
        "distance": round(float(distance), 3),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        **provenance.software(),
    }
    records.append(file, line)
    return line


def named(threshold):
    return "no truncation" if threshold >= NONE else f"truncation {threshold:g}"


def plot(lines, path):
    """Plots recall against precision, and the distance over thresholds, a line for each source."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    last = records.like_last(lines, "seed", "extractor_sha256", "real_sha256", "n_fake")
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for source in dict.fromkeys(line["source"] for line in last):
        newest = {line["truncation"]: line for line in last if line["source"] == source}
        points = [newest[threshold] for threshold in sorted(newest)]
        recall, precision, distance = (
            [point[key] for point in points] for key in ("recall", "precision", "distance")
        )
        (drawn,) = left.plot(recall, precision, "o-", label=source)
        for point in points:
            text = "none" if point["truncation"] >= NONE else f"{point['truncation']:g}"
            place = (point["recall"], point["precision"])
            left.annotate(text, place, (4, 4), textcoords="offset points", fontsize=7)
        places = [min(point["truncation"], 3.0) for point in points]  # "none" at the right edge
        right.plot(places, distance, "o-", color=drawn.get_color())
    left.set_xlabel("recall: variety")
    left.set_ylabel("precision: fidelity")
    left.legend(fontsize=8)
    right.set_xlabel("threshold (3: none)")
    right.set_ylabel(f"{last[-1]['metric']}: lower is better")
    right.set_ylim(bottom=0)
    about = "{n_fake:,} samples against {n_real:,} of {dataset} {split}".format(**last[-1])
    figure.suptitle(f"Truncation trick: {about}", fontsize=10)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    cli.run(main)
