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
    from kerasgan import metrics
    from kerasgan.evaluation.features import real_protocol
    from kerasgan.evaluation.scorer import inflated
    from kerasgan.utils import provenance

    gan.signature.output.check_scored(checkpoint)
    shape, extractor = gan.signature.output.shape, metrics.EfficientNetLite0()
    with contextlib.redirect_stdout(sys.stderr):  # progress bars: the output is JSON alone
        real, protocol = real_protocol(dataset, split, num, shape, extractor, data_dir)
        scores = gan.evaluate(metrics.Statistics.of(real), seed=seed, extractor=extractor)
    line = {
        "value": round(scores["frechet_distance"], 3),
        **protocol,
        "n_fake": len(real),
        "inflated": inflated(len(real), extractor),
        "image_shape": list(shape),
        "sample_seed": seed,
        **provenance.stamp(gan.inference_generator, extractor),
    }
    print(json.dumps(line))
