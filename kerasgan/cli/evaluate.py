"""`kerasgan evaluate`"""

import contextlib
import sys
from typing import Annotated

import typer

from kerasgan.cli.common import Checkpoint, DataDir, Seed, app, load_gan


@app.command()
def evaluate(
    checkpoint: Checkpoint,
    dataset: Annotated[
        str, typer.Option(help="Real images to compare with.")
    ] = "fashion_mnist_mini",
    split: Annotated[str, typer.Option(help="Split of the dataset.")] = "test",
    num: Annotated[
        int | None, typer.Option(min=2, help="Samples and real images; default: all.")
    ] = None,
    seed: Seed = 0,
    data_dir: DataDir = None,
):
    """Print the Frechet distance between samples and real images, as one line of JSON."""
    import json

    gan = load_gan(checkpoint)
    from kerasgan import data, metrics
    from kerasgan.utils import provenance

    gan.signature.output.check_scored(checkpoint)
    size = data.side_of(gan.signature.output.shape)
    pictures, _ = data.load_arrays(dataset, split, size, data_dir)
    pictures = data.subset(pictures, min(num or len(pictures), len(pictures)))
    extractor = metrics.EfficientNetLite0()
    with contextlib.redirect_stdout(sys.stderr):  # progress bars: the output is JSON alone
        score = gan.evaluate(pictures, seed=seed, extractor=extractor)["frechet_distance"]
    line = {
        "metric": extractor.distance_name,
        "value": round(score, 3),
        "dataset": dataset,
        "split": split,
        "n_real": len(pictures),
        "n_fake": len(pictures),
        "image_shape": list(gan.signature.output.shape),
        "sample_seed": seed,
        **provenance.stamp(gan.inference_generator, extractor),
    }
    print(json.dumps(line))
