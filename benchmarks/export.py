"""Scores a generator's exports: size, time per image, difference from Keras, and FD[lite0].

    kerasgan benchmark export runs/demo --dataset fashion_mnist_mini --num 2500
    kerasgan benchmark export sngan_fashion_mnist sagan_fashion_mnist

Takes run directories, `.keras` files and zoo entries. Each is exported as a SavedModel and, in
every mode, as TFLite; all artefacts use the same latents, so the last columns show what quantising
costs in quality. Inputs that must be given are those that a model keeps from its training. Writes
one JSON line per artefact to `export.jsonl`; artefacts already in the file are not measured again.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from kerasgan import cli, export, metrics, zoo
from kerasgan.cli import common
from kerasgan.evaluation import records
from kerasgan.evaluation.features import real_protocol
from kerasgan.export.tflite import QUANTIZATIONS
from kerasgan.inspection import latency
from kerasgan.inspection.describe import size_of
from kerasgan.inspection.samplers import checked, open_sampler
from kerasgan.utils import pixels, provenance

KEY = ("weights_sha256", "artefact", "seed", "n_fake", "real_sha256", "extractor_sha256")
ARTEFACTS = ("keras", "saved_model", "tflite", *(f"tflite {name}" for name in QUANTIZATIONS))


def main(
    sources: Annotated[list[str], typer.Argument(help="Models; several may be named.")],
    dataset: Annotated[str, typer.Option(help="Real images.")] = "fashion_mnist",
    split: Annotated[str, typer.Option(help="Split of the dataset.")] = "test",
    num: Annotated[int, typer.Option(min=10, help="Samples, and real images at most.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the samples.")] = 1,
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
    module: common.Import = None,
):
    """Score a generator's exports."""
    gans = {source: zoo.load(source) for source in sources}  # reports mistakes first
    for source, gan in gans.items():
        checked(gan.signature, source, gan.examples)
    extractor = metrics.EfficientNetLite0()
    for source, gan in gans.items():
        shape = gan.signature.output.shape
        real, about = real_protocol(dataset, split, num, shape, extractor, data_dir)
        protocol = {
            "weights_sha256": provenance.weights_sha256(gan.inference_generator),
            "seed": seed,
            **about,
            "n_fake": num,
        }
        file = output / "export.jsonl"
        report(source, measure(source, gan, protocol, real, extractor, file, module))


def measure(source, gan, protocol, real, extractor, file, module=None):
    """Returns the lines of one model's artefacts, reusing those in the file."""
    statistics = metrics.Statistics.of(real)
    known = {tuple(line[key] for key in KEY): line for line in records.read(file)}
    lines, expected = [], None
    for artefact in ARTEFACTS:
        line = {"benchmark": "export", "source": source, "artefact": artefact, **protocol}
        line = known.get(tuple(line[key] for key in KEY), line)
        lines.append(line)
        if "distance" in line:
            continue
        print(f"\n{source}, {artefact}", flush=True)
        if expected is None:
            expected = gan.sample(protocol["n_fake"], seed=protocol["seed"])
        with tempfile.TemporaryDirectory() as folder:
            path = write(gan, source, artefact, Path(folder))
            made = np.concatenate(
                list(
                    open_sampler(path, gan.examples).sample_batches(
                        protocol["n_fake"], protocol["seed"]
                    )
                )
            )
            line["bytes"] = weight_bytes(gan) if artefact == "keras" else size_of(path)
            line["ms"] = round(latency.milliseconds(path, module), 3)
        differences = np.abs(made - expected)
        features, _ = extractor.collect(pixels.uint8_batches(iter([made])), len(made), verbose=True)
        fake = metrics.Statistics.of(features)
        line["distance"] = round(metrics.frechet_distance(statistics, fake), 3)
        line["largest_difference"] = float(f"{differences.max():.3g}")
        line["mean_difference"] = float(f"{differences.mean():.3g}")
        line.update(provenance.software())
        records.append(file, line)
    return lines


def weight_bytes(gan):
    return sum(weight.nbytes for weight in gan.inference_generator.get_weights())


def write(gan, source, artefact, folder):
    """Writes an artefact into a folder and returns its path; for Keras, returns the source."""
    if artefact == "keras":
        return source
    if artefact == "saved_model":
        return Path(export.saved_model(gan, folder / "served"))
    return Path(export.tflite(gan, folder / "generator.tflite", (artefact.split() + [None])[1]))


def report(source, lines):
    """Prints a table of one model's artefacts."""
    keras = lines[0]["distance"]
    first = lines[0]
    print(
        f"\n{source}: {first['n_fake']:,} samples against {first['n_real']:,} of "
        f"{first['dataset']} {first['split']}, one thread, batch 1"
    )
    print(f"{'':16} {'MB':>7} {'ms':>8} {'largest':>9} {'mean':>9} {first['metric']:>10}")
    for line in lines:
        print(
            f"{line['artefact']:16} {line['bytes'] / 1e6:7.2f} {line['ms']:8.2f} "
            f"{line['largest_difference']:9.1e} {line['mean_difference']:9.1e} "
            f"{line['distance']:10.2f} {line['distance'] / keras - 1:+8.2%}"
        )


if __name__ == "__main__":
    cli.run(main)
