"""`kerasgan evaluate`"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import Checkpoint, DataDir, Import, Seed, app, load_gan
from kerasgan.utils.errors import UserError


@app.command()
def evaluate(
    checkpoint: Checkpoint,
    dataset: Annotated[
        str | None, typer.Option(help="Real images; default: those that the run trained on.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split of the dataset; default: that of the run, or test.")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="1 compares in grey, 3 in colour; default: as they are.")
    ] = None,
    num: Annotated[
        int | None, typer.Option(min=2, help="Samples and real images; default: all.")
    ] = None,
    seed: Seed = 0,
    data_dir: DataDir = None,
    module: Import = None,
):
    """Print a model's Frechet distance, as one line of JSON.

    It is the distance between samples and real images or sounds; lower is better.
    """
    if channels not in (None, 1, 3):
        raise UserError(f"--channels is 1 (grey) or 3 (colour). Received: {channels}")
    options = {}
    if dataset is None:
        dataset, used, options = trained_on(checkpoint)
        split = split or used
    split = split or "test"
    gan = load_gan(checkpoint, module)
    from kerasgan import metrics
    from kerasgan.evaluation.features import protocol_of, real_protocol
    from kerasgan.evaluation.scorer import inflated, score
    from kerasgan.utils import pixels, provenance

    output = gan.signature.output
    (output.check_scored if gan.signature.given else output.check_drawn)(checkpoint)
    extractor, options = output.extractor(), {**options, **output.data_options}
    if channels is not None and extractor.noun != "image":
        raise UserError(f"--channels is for images. {checkpoint} makes {output.noun}.")
    given = {}
    with contextlib.redirect_stdout(sys.stderr):  # progress bars: the output is JSON alone
        if gan.signature.given:
            pictures, given = examples(gan, checkpoint, dataset, split, num, data_dir)
            real, protocol = protocol_of(pictures, dataset, split, extractor, channels)
        else:
            real, protocol = real_protocol(
                dataset, split, num, output.shape, extractor, data_dir, channels, **options
            )
        batches = map(output.observed, gan.sample_batches(len(real), seed=seed, **given))
        samples = (pixels.in_channels(batch, channels) for batch in batches)
        scores = score(samples, len(real), metrics.Statistics.of(real), extractor, verbose=True)
    line = {
        "value": round(scores["frechet_distance"], 3),
        **protocol,
        "n_fake": len(real),
        "inflated": inflated(len(real), extractor),
        "image_shape": list(output.shape),
        "sample_seed": seed,
        **provenance.stamp(gan.inference_generator, extractor),
    }
    print(json.dumps(line))


def examples(gan, checkpoint, dataset, split, num, data_dir):
    """Returns the real pictures of a split, and the inputs that a model is given for them.

    Args:
        gan: The model.
        checkpoint, dataset, split, num, data_dir: As in `evaluate`.

    Raises:
        UserError: If the data set has no such inputs.
    """
    from kerasgan import zoo
    from kerasgan.data import subset
    from kerasgan.training import recipe, schema
    from kerasgan.training.train import source_for

    signature = gan.signature
    folder = Path(zoo.find(checkpoint))
    about = zoo.origin(folder if folder.is_dir() else folder.parent).get("recipe")
    table = schema.Data(name=dataset)
    if about is not None and about["data"]["name"] == dataset:
        table = recipe.complete(about).data
    source = source_for(gan, table, split, data_dir)
    if missing := [name for name in signature.needed if name not in source.parts]:
        raise UserError(
            f"{type(gan).__name__} is given `{missing[0]}`, and {dataset} has none: leave out "
            f"--dataset to take the data of the run's recipe, or score it in Python: "
            f"`gan.evaluate(images, {missing[0]})`."
        )
    num = min(num or len(source), len(source))
    parts = {name: subset(source.parts[name], num) for name in signature.needed}
    return parts[signature.output.part], signature.inputs_of(parts)


def trained_on(checkpoint):
    """Returns the name of the data that a run or zoo entry was trained on, the split that it was
    scored against, if that is said, and how a folder was read."""
    from kerasgan import zoo

    folder = Path(zoo.find(checkpoint))
    folder = folder if folder.is_dir() else folder.parent
    origin = zoo.origin(folder)
    data, split = origin.get("recipe", {}).get("data", {}), origin.get("scores", {}).get("split")
    names = ("background", "skip_damaged", "normalize")
    options = {key: data[key] for key in names if key in data}
    name = data.get("name")
    if name is None and (folder / "session.json").is_file():
        record = json.loads((folder / "session.json").read_text(encoding="utf-8"))
        name = record.get("data", {}).get("name")
        name = None if name == "arrays" else name
    if name is None:
        raise UserError(f"Nothing tells what {checkpoint} was trained on: name it by --dataset.")
    return name, split, options
