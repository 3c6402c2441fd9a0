"""Scores models that make pictures of pictures, beside what needs no GAN.

    kerasgan benchmark pictures pix2pix_openmoji
    kerasgan benchmark pictures runs/srgan runs/srresnet          # SRGAN beside SRResNet
    kerasgan benchmark pictures nextframe_moving --frames 8       # predictions of predictions

Each model draws what its recipe's test examples ask for. Differences to the true pictures are L1 on
a scale of 0 to 1, PSNR in dB and SSIM (Wang et al. 2004); distances are between all made and all
true pictures. Beside the model stand, where they make sense, the picture that it was given, its
bicubic enlargement, the last frame, the mean of the training pictures, and the training picture
whose input is nearest. Of unpaired pictures only distances mean something, in both directions, and,
for emoji, how often the nearest picture of the other style is the same emoji. Writes one JSON line
per model to `pictures.jsonl`, and a picture of examples: given, made, true.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np
import tensorflow as tf
import typer

import kerasgan
from kerasgan import cli, data, metrics
from kerasgan.cli import common
from kerasgan.data import pairing
from kerasgan.evaluation import records
from kerasgan.signature import Film, Image, Mask
from kerasgan.training import recipe as recipes
from kerasgan.training.train import source_for
from kerasgan.utils import pixels, provenance
from kerasgan.utils.errors import UserError
from kerasgan.viz import films, grids

SHOWN = 12  # examples in the picture
SEED = 1
MOST_PSNR = 100.0  # dB, of equal pictures


def main(
    sources: Annotated[list[str], typer.Argument(help="Zoo entries, runs or .keras files.")],
    num: Annotated[int, typer.Option(min=2, help="Most test examples.")] = 1000,
    frames: Annotated[int, typer.Option(min=1, help="Frames that films go on for.")] = 8,
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Score pictures made of pictures beside simple ways."""
    for source in sources:
        gan = kerasgan.load(source)
        line = measure(source, gan, num, frames, data_dir, output)
        records.append(output / "pictures.jsonl", line)
        report(line)


def measure(source, gan, num, frames, data_dir, output):
    """Returns the line of a model, and draws its examples."""
    if not gan.signature.given:
        raise UserError(f"{source} takes no pictures: `kerasgan benchmark fid` scores it.")
    about = (gan.origin or {}).get("recipe")
    if about is None:
        raise UserError(f"{source} does not say on which data it was trained: name its run.")
    table = recipes.complete(about).data
    found, shown = compared(gan, table, num, frames, data_dir)
    name = f"pictures_{Path(source).name}.png"
    pixels.save_picture(shown, output / name, zoom=2)
    if "ahead" in found:
        films.continued(gan, true_films(gan, SHOWN, frames), output / f"{name[:-4]}.webp")
    extractor = metrics.EfficientNetLite0()
    return {
        "benchmark": "pictures",
        "source": source,
        "model": gan.variant,
        "dataset": table.name,
        "given": table.source or ", ".join(gan.signature.given),
        "split": "test",
        "metric": extractor.distance_name,
        "parameters": gan.inference_generator.count_params(),
        **found,
        **provenance.stamp(gan.inference_generator, extractor),
    }


def compared(gan, table, num=1000, frames=8, data_dir=None):
    """Compares a model with simple ways.

    Args:
        gan: A model that is given pictures.
        table: The `data` table of its recipe.
        num: Most test examples.
        frames: Frames that films go on for.
        data_dir: As in `kerasgan.data.load`.

    Returns:
        Tuple of the scores, and a picture of examples, uint8 (H, W, 3).
    """
    train, test = (source_for(gan, table, split, data_dir) for split in (table.split, "test"))
    given, true = examples(gan, test, num)
    extractor = metrics.EfficientNetLite0()
    features = Features(extractor, pixels.opaque(true))
    made = pixels.to_uint8(gan.sample(**given, seed=SEED))
    paired = type(gan).paired
    found = {"n_real": len(true), "n_fake": len(true)}
    found["ways"] = {
        name: {
            **(differences(pictures, true) if paired else {}),
            "distance": round(features.distance(pictures), 3),
        }
        for name, pictures in {"model": made, **simple_ways(gan, given, train, true)}.items()
    }
    if not paired:
        found["back"] = backward(gan, test, num, extractor)
        found["twins"] = twins(gan, table, data_dir, extractor)
    if any(isinstance(kind, Film) for kind in gan.signature.given.values()):
        found["ahead"] = ahead(gan, frames, num, extractor)
    return found, picture(gan, given, made, true if paired else None)


def examples(gan, source, num):
    """Returns the inputs and the true pictures, uint8, of some examples."""
    signature, num = gan.signature, min(num, len(source))
    parts = {name: data.subset(source.parts[name], num) for name in signature.needed}
    given = signature.inputs_of(parts)
    true = parts[signature.output.part]
    true = true if true.dtype == np.uint8 else pixels.to_uint8(true)
    return given, true


def simple_ways(gan, given, train, true):
    """Returns pictures that need no GAN, by the name of the way: uint8 (N, H, W, C)."""
    shape = true.shape[1:]
    ways = {}
    hole = next((given[n] for n, k in gan.signature.given.items() if isinstance(k, Mask)), None)
    for name, kind in gan.signature.given.items():
        values = given[name]
        if isinstance(kind, Film):
            ways["the last frame"] = pixels.to_uint8(values[:, -1])
        elif isinstance(kind, Image) and kind.shape[:2] == shape[:2] and hole is None:
            ways["what it is given"] = pixels.in_channels(pixels.to_uint8(values), shape[2])
        elif isinstance(kind, Image) and hole is None:
            ways["bicubic"] = pixels.to_uint8(
                np.asarray(tf.image.resize(values, shape[:2], "bicubic"))
            )
    inputs, images = examples(gan, train, 10_000)
    if hole is not None:
        mean = images.astype("float32").mean(axis=0).round().astype(np.uint8)
        ways["the mean picture"] = filled(true, hole, np.broadcast_to(mean, true.shape))
        places = nearest(images, true, 1.0 - hole)
        ways["the nearest training picture"] = filled(true, hole, images[places])
    elif type(gan).paired:
        name = next(iter(given))
        ways["the nearest training example"] = images[nearest(inputs[name], given[name])]
    return ways


def filled(true, hole, others):
    """Returns pictures with the places of a hole taken from others."""
    return np.where(hole > 0, others, true).astype(np.uint8)


def nearest(trained, asked, weights=None):
    """Returns the place of the training example nearest to each asked one: Euclidean, of pixels,
    each of which counts as much as its weight says."""

    def flat(values):
        return np.asarray(values, "float32").reshape(len(values), -1)

    rows, others = flat(asked), flat(trained)
    if weights is None:
        weights = np.ones((len(rows), 1), "float32") * np.ones((1, rows.shape[1]), "float32")
    else:
        weights = flat(np.broadcast_to(weights, asked.shape))
    distances = weights @ (others**2).T - 2.0 * (weights * rows) @ others.T
    return distances.argmin(axis=1)


def differences(made, true):
    """Returns L1, PSNR and SSIM, means over pictures: of uint8 (N, H, W, C)."""
    made, true = (pixels.opaque(each) for each in (made, true))
    difference = np.abs(made.astype("float32") - true) / 255.0
    return {
        "l1": round(float(difference.mean()), 5),
        "psnr": round(float(np.mean(np.minimum(tf.image.psnr(made, true, 255), MOST_PSNR))), 3),
        "ssim": round(float(np.mean(tf.image.ssim(made, true, 255))), 5),
    }


class Features:
    """Distances to true pictures."""

    def __init__(self, extractor, true):
        self.extractor = extractor
        self.true = self.of(true)

    def of(self, pictures):
        features, _ = self.extractor.collect([pixels.opaque(pictures)], len(pictures))
        return features

    def distance(self, pictures):
        return metrics.frechet_distance(self.true, self.of(pictures))


def backward(gan, test, num, extractor):
    """Returns the distances of the way back: sources made of images."""
    # Sources of another number belong to no image.
    images, sources = (
        data.subset(each, min(num, len(each)))
        for each in (test.parts["image"], test.parts["source"])
    )
    made = pixels.to_uint8(gan.reversed().sample(source=pixels.from_uint8(images)))
    features = Features(extractor, sources)
    return {
        "n_real": len(sources),
        "n_fake": len(made),
        "model": round(features.distance(made), 3),
        "what it is given": round(
            features.distance(pixels.in_channels(images, sources.shape[-1])), 3
        ),
    }


def twins(gan, table, data_dir, extractor):
    """Returns how often the nearest test picture of the other style is the same emoji, both ways,
    or `None` for data that have no such twins."""
    if table.name not in pairing.EMOJI or table.source not in pairing.EMOJI:
        return None
    both = source_for(gan, dataclasses.replace(table, paired=True), "test", data_dir)
    images, sources = both.parts["image"], both.parts["source"]
    found = {"pictures": len(images), "chance": round(1 / len(images), 5)}
    back = gan.reversed()
    for name, made, given, true in (
        ("forth", gan.sample(source=pixels.from_uint8(sources)), sources, images),
        ("back", back.sample(source=pixels.from_uint8(images)), images, sources),
    ):
        features = Features(extractor, true)
        found[name] = {
            "model": hits(features, pixels.to_uint8(made)),
            "what it is given": hits(features, given),
        }
    return found


def hits(features, pictures):
    """Returns the share of pictures whose nearest true one, by features, has the same place."""
    made = features.of(pictures)
    distances = (features.true**2).sum(axis=1) - 2.0 * made @ features.true.T
    return round(float(np.mean(distances.argmin(axis=1) == np.arange(len(made)))), 4)


def sharpness_difference(made, true):
    """Returns the measure of Mathieu et al., section 4.2, in dB, of uint8 (N, H, W, C).

    The mean absolute difference between the sums of the absolute gradients of both pictures.
    """

    def steepness(pictures):
        pictures = pictures.astype("float32") / 255.0
        down, across = (np.abs(np.diff(pictures, axis=axis)) for axis in (1, 2))
        return down[:, :, 1:] + across[:, 1:]

    difference = np.abs(steepness(made) - steepness(true)).mean(axis=(1, 2, 3))
    return float(np.mean(10 * np.log10(1.0 / np.maximum(difference, 1e-10))))


def true_films(gan, num, frames):
    """Returns films of the test garments: what the model is given, and `frames` more, uint8."""
    size = gan.signature.output.shape[:2]
    return data.moving_films(num, 1, gan.num_frames + frames, split="test", image_size=size)


def ahead(gan, frames, num, extractor):
    """Returns scores of each frame of films that go on: of the model, and of the last frame."""
    before, after = np.split(true_films(gan, num, frames), [gan.num_frames], axis=1)
    made = pixels.to_uint8(gan.continue_film(pixels.from_uint8(before), frames))
    found = []
    for place in range(frames):
        features = Features(extractor, after[:, place])
        ways = {"model": made[:, place], "the last frame": before[:, -1]}
        found.append(
            {
                way: {
                    **differences(pictures, after[:, place]),
                    "sharpness": round(sharpness_difference(pictures, after[:, place]), 3),
                    "distance": round(features.distance(pictures), 3),
                }
                for way, pictures in ways.items()
            }
        )
    return found


def picture(gan, given, made, true):
    """Draws some examples: what was given, what was made of it, and what is true."""
    few = {name: values[:SHOWN] for name, values in given.items()}
    tiles = grids.pictures_of_inputs(gan.signature, few, made.shape[1:3])
    shown = [made[:SHOWN], *([] if true is None else [true[:SHOWN]])]
    tiles += [pixels.in_channels(pictures, 3) for pictures in shown]
    rows = np.stack(tiles, axis=1).reshape(-1, *tiles[0].shape[1:])
    return pixels.grid(rows, len(tiles) * (2 if len(tiles) < 5 else 1))


def report(line):
    print(f"{line['source']}: {line['n_fake']:,} test examples of {line['dataset']}")
    for name, scores in line["ways"].items():
        values = ", ".join(f"{key} {value:g}" for key, value in scores.items())
        print(f"  {name:30} {values}", flush=True)
    for key in ("back", "twins"):
        if line.get(key):
            print(f"  {key}: {line[key]}", flush=True)


if __name__ == "__main__":
    cli.run(main)
