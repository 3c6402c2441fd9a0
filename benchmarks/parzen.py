"""Log-likelihoods of test images under Parzen windows, as papers of 2014 and 2015 report them.

    kerasgan benchmark parzen dcgan_fashion_mnist runs/demo

Takes what `kerasgan benchmark fid` takes. Pixels are in [0, 1]; the width of the windows is chosen
on images that the training did not use: a part of the test split, which is then left out. Writes
one JSON line per source to `parzen.jsonl`, and one for the training images themselves in the place
of samples. Blurred samples gain by this measure, and k-means beats real images: do not rank models
by it (`kerasgan.metrics.parzen_log_likelihood` says why).
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from kerasgan import cli, data, metrics
from kerasgan.cli import common
from kerasgan.evaluation import records
from kerasgan.inspection.samplers import check_drawn, open_sampler
from kerasgan.utils import hashing, pixels, provenance
from kerasgan.utils.errors import UserError


def main(
    sources: Annotated[list[str], typer.Argument(help="What to score; several may be named.")],
    dataset: Annotated[str, typer.Option(help="Real images, with a test split.")] = "fashion_mnist",
    num: Annotated[int, typer.Option(min=10, help="Samples.")] = 10_000,
    validation: Annotated[int, typer.Option(min=10, help="Images to choose sigma by.")] = 1000,
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Score generated images by Parzen windows."""
    samplers = [open_sampler(source) for source in sources]
    for sampler in samplers:
        check_drawn(sampler)
    file = output / "parzen.jsonl"
    for shape in sorted({sampler.image_shape for sampler in samplers}):
        train, test, held_out = real_images(dataset, shape, validation, data_dir)
        baseline = data.subset(train, min(num, len(train)))
        score(
            "training images", hashing.of_array(baseline), baseline, test, held_out, dataset, file
        )
        for sampler in samplers:
            if sampler.image_shape == shape:
                batches = sampler.sample_batches(num, 1)
                samples = np.concatenate([pixels.to_uint8(batch) for batch in batches])
                score(sampler.name, sampler.sha256, samples, test, held_out, dataset, file)


def real_images(dataset, shape, validation, data_dir):
    """Returns uint8 arrays: training images, test images, and test images to choose sigma by."""
    train, test = (
        data.load_arrays(dataset, split, shape[0], data_dir=data_dir)[0]
        for split in ("train", "test")
    )
    if test.shape[1:] != shape:
        raise UserError(f"{dataset} has images {test.shape[1:]}, not {shape}.")
    if len(test) < 2 * validation:
        raise UserError(
            f"The test split of {dataset} must hold {2 * validation} images for a validation of "
            f"{validation}. It holds {len(test)}"
        )
    chosen = np.zeros(len(test), bool)
    chosen[data.subset(np.arange(len(test)), validation)] = True
    return train, test[~chosen], test[chosen]


def score(name, sha256, samples, test, validation, dataset, file):
    """Adds the line of one source, unless the file holds it."""
    wanted = {
        "benchmark": "parzen",
        "source": name,
        "sha256": sha256,
        "dataset": dataset,
        "split": "test",
        "n_real": len(test),
        "n_validation": len(validation),
        "n_fake": len(samples),
        "real_sha256": hashing.of_array(test),
    }
    for line in records.read(file):
        if all(line[key] == value for key, value in wanted.items()):
            print(f"{name}: already in {file}")
            break
    else:
        scores = metrics.parzen_score(*(x / 255.0 for x in (test, samples, validation)))
        line = {**wanted, "image_shape": list(test.shape[1:]), **scores, **provenance.software()}
        records.append(file, line)
    edge = ", the first or last one tried" if line["at_edge"] else ""
    print(
        f"{name}: {line['log_likelihood']:.1f} +- {line['standard_error']:.1f} nats an image, "
        f"sigma {line['sigma']:.3f}{edge}",
        flush=True,
    )


if __name__ == "__main__":
    cli.run(main)
