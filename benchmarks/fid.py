"""Scores generated images: FID and FD[lite0], KID, IS, precision, recall, density, coverage.

    kerasgan benchmark fid runs/demo --dataset fashion_mnist_mini --num 2500
    kerasgan benchmark fid dcgan_fashion_mnist served/dcgan generator.tflite --seeds 3

Takes run directories, `.keras` files, zoo entries, SavedModels, `.tflite` files and folders of
pictures. Writes one JSON line for each source, seed and extractor to `fid.jsonl`; lines already in
the file are not measured again, so an interrupted benchmark continues where it stopped. Only scores
on the FID network's features are called FID, KID and IS; on EfficientNet-Lite0's they are called
FD[lite0], kernel distance[lite0] and classifier score[lite0]. Without the FID network's weights,
only the latter are computed.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from kerasgan import cli, metrics
from kerasgan.cli import common
from kerasgan.evaluation import records
from kerasgan.evaluation.features import real_protocol
from kerasgan.inspection.samplers import check_drawn, open_sampler
from kerasgan.utils import pixels, provenance
from kerasgan.utils.errors import UserError, nearest

EXTRACTORS = {"lite0": metrics.EfficientNetLite0, "inception": metrics.InceptionV3}
KEY = ("kind", "sha256", "seed", "metric", "extractor_sha256", "real_sha256", "n_fake")
COLUMNS = (
    "distance",
    "kernel_distance",
    "classifier_score",
    "precision",
    "recall",
    "density",
    "coverage",
)


def main(
    sources: Annotated[list[str], typer.Argument(help="What to score; several may be named.")],
    dataset: Annotated[str, typer.Option(help="Real images.")] = "fashion_mnist",
    split: Annotated[str, typer.Option(help="Split of the dataset.")] = "test",
    num: Annotated[int, typer.Option(min=10, help="Samples, and real images at most.")] = 10_000,
    seeds: Annotated[int, typer.Option(min=1, help="Sampling seeds: 1, 2, ...")] = 1,
    extractor: Annotated[str, typer.Option(help="lite0, inception, or both.")] = "both",
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Score generated images with every metric."""
    samplers = [open_sampler(source) for source in sources]  # reports mistakes first
    for sampler in samplers:
        check_drawn(sampler)
    file = output / "fid.jsonl"
    for made in extractors(extractor):
        for sampler in samplers:
            lines = [
                line_of(sampler, seed, made, dataset, split, num, data_dir, file)
                for seed in range(1, seeds + 1)
            ]
            report(lines)
    plot(records.read(file), output / "fid.png")


def extractors(chosen):
    """The requested extractors; without the FID network's weights, `both` means only lite0."""
    if chosen not in (*EXTRACTORS, "both"):
        raise UserError(
            f'There is no extractor "{chosen}": {nearest(chosen, [*EXTRACTORS, "both"])}'
        )
    if chosen != "both":
        return [EXTRACTORS[chosen]()]
    made = [metrics.EfficientNetLite0()]
    try:
        made.append(metrics.InceptionV3())
    except UserError as error:
        print(f"FID was not computed, only FD[lite0]: {error}")
    return made


def line_of(sampler, seed, extractor, dataset, split, num, data_dir, file):
    """Returns one source's line for one seed: from the file, or measured and written to it."""
    num = min(num, sampler.limit or num)
    print(f"\n{sampler.name}, seed {seed}, {extractor.distance_name}", flush=True)
    shape = sampler.image_shape
    real, about = real_protocol(dataset, split, num, shape, extractor, data_dir)
    protocol = {
        "kind": sampler.kind,
        "sha256": sampler.sha256,
        "seed": seed,
        **about,
        "n_fake": num,
    }
    for line in records.read(file):
        if all(line[key] == protocol[key] for key in KEY):
            print(f"already in {file}")
            return line
    batches = pixels.uint8_batches(sampler.sample_batches(num, seed))
    fake, logits = extractor.collect(batches, num, verbose=True)
    line = {
        "benchmark": "fid",
        "source": sampler.name,
        "extractor": extractor.name,
        **protocol,
        "image_shape": list(sampler.image_shape),
        **metrics.summary(real, fake, logits),
        **provenance.software(),
    }
    records.append(file, line)
    return line


def report(lines):
    """Prints mean and spread over the seeds."""
    first = lines[0]
    print(
        f"{first['source']}: {first['n_fake']:,} samples against {first['n_real']:,} of "
        f"{first['dataset']} {first['split']}, {len(lines)} seed{'s' * (len(lines) > 1)}"
    )
    for column in COLUMNS:
        values = [line[column] for line in lines]
        spread = f" +- {np.std(values, ddof=1):.4g}" if len(values) > 1 else ""
        name = records.title(column, first["metric"])
        print(f"  {name:28} {np.mean(values):10.4f}{spread}")


def plot(lines, path):
    """Bars of the distances of every source in the file, one panel for each protocol."""
    from matplotlib import pyplot as plt

    protocols = {}
    for line in lines:
        protocol = f"{line['n_real']:,} of {line['dataset']} {line['split']}"
        title = f"{line['metric']}, {line['n_fake']:,} samples against {protocol}"
        protocols.setdefault(title, {}).setdefault(line["source"], []).append(line["distance"])
    heights = [0.4 * len(sources) + 1.1 for sources in protocols.values()]
    figure, panels = plt.subplots(
        len(protocols),
        figsize=(7, sum(heights)),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    for axes, (title, sources) in zip(panels[:, 0], protocols.items(), strict=True):
        means = {name: np.mean(values) for name, values in sources.items()}
        names = sorted(means, key=means.get, reverse=True)
        bars = axes.barh(range(len(names)), [means[name] for name in names], color="#4477aa")
        axes.bar_label(bars, fmt="%.1f", padding=4)
        axes.set_yticks(range(len(names)), names)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("lower is better", fontsize=9)
        axes.margins(x=0.12)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    cli.run(main)
