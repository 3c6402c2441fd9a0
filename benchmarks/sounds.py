"""Scores models of sounds: their distance, hits that a classifier recognises, nearest neighbours.

    kerasgan benchmark sounds wavegan_drum_hits_mini
    kerasgan benchmark sounds runs/hits runs/longer --num 500

Each model is compared with the test split of its recipe's data. Beside its samples stand samples of
the same model before training, white noise with the mean envelope of the training sounds, training
sounds with random phases, which keep their spectrum and lose their course, and the training sounds
themselves, whose distance is the floor. `recognised` is the share that a classifier, trained on the
training sounds' log-mel features, takes for a kick, a snare or a hat with a probability of at least
0.5; for data without such classes, for any class. `nearer` is the share of samples that lie nearer
to their nearest training sound than the median test sound does: about one half for new sounds, much
more for copies. `copies` is the share that lies nearer than every test sound. Writes one JSON line
per model to `sounds.jsonl`, and a picture of eight samples, each above its nearest training sound.
"""

from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

import kerasgan
from kerasgan import cli, data, metrics
from kerasgan.cli import common
from kerasgan.evaluation import records, scorer
from kerasgan.evaluation.features import real_features
from kerasgan.signature import Waveform
from kerasgan.training import recipe as recipes
from kerasgan.training.train import source_for
from kerasgan.utils import pixels, provenance
from kerasgan.utils.errors import UserError, needs
from kerasgan.viz import grids

HITS = ("hat", "kick", "snare")  # classes that count as recognised, where the data have them
CONFIDENT = 0.5  # above it, the forest is right on nine of ten test sounds of drum_hits
TREES = 300
SEED = scorer.SCORE_SEED
SHOWN = 8
FRAMES = 64  # of an envelope


def main(
    sources: Annotated[list[str], typer.Argument(help="Zoo entries, runs or .keras files.")],
    num: Annotated[int, typer.Option(min=2, help="Samples of each model.")] = 1000,
    data_dir: common.DataDir = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Score sounds beside noise and training sounds."""
    needs("sklearn", "benchmarks")
    gans = {source: checked(source, kerasgan.load(source)) for source in sources}
    for source, gan in gans.items():
        line = measure(source, gan, num, data_dir, output)
        records.append(output / "sounds.jsonl", line)
        report(line)


def checked(source, gan):
    """Returns a model if it makes sounds of latents and says which data it was trained on."""
    if not isinstance(gan.signature.output, Waveform):
        raise UserError(
            f"{source} makes {gan.signature.output.noun}, not sounds: `kerasgan benchmark fid` "
            f"scores images."
        )
    if gan.signature.given:
        raise UserError(
            f"{source} makes sounds of {', '.join(gan.signature.given)}: this benchmark draws "
            f"samples from latents alone."
        )
    if "recipe" not in (gan.origin or {}):
        raise UserError(f"{source} does not say which data it was trained on: name its run.")
    return gan


def measure(source, gan, num, data_dir, output):
    """Returns the line of a model, and draws samples above their nearest training sounds."""
    table = recipes.complete(gan.origin["recipe"]).data
    train, test = (source_for(gan, table, split, data_dir) for split in (table.split, "test"))
    kind, extractor = gan.signature.output, gan.signature.output.extractor()
    features = {
        name: real_features(each.parts["audio"], extractor, f"{table.name} {name}", verbose=True)[0]
        for name, each in (("train", train), ("test", test))
    }
    count = min(num, len(train), len(test))  # of both sides of a distance
    real = metrics.Statistics.of(data.subset(features["test"], count))
    classifier = Classifier(features["train"], train) if "label" in train.parts else None

    print(f"{source}: {num:,} samples, {len(test):,} test sounds of {table.name}", flush=True)
    samples = gan.sample(num, seed=SEED)
    audio = train.parts["audio"]
    sounds = {
        "model": samples,
        "untrained": untrained(gan).sample(num, seed=SEED),
        "noise": noise_like(audio, num),
        "random phases": random_phases(audio, num),
    }
    made = {name: features_of(extractor, kind.observed(each)) for name, each in sounds.items()}
    ways = {
        name: {
            "distance": distance(real, values[:count]),
            **(classifier.shares(values) if classifier else {}),
        }
        for name, values in made.items()
    }
    ways["training sounds"] = {"distance": distance(real, data.subset(features["train"], count))}
    if classifier:
        ways["test sounds"] = classifier.shares(features["test"])
    places, near = neighbours(made["model"], features["test"], features["train"])
    name = f"sounds_{Path(source).name.removesuffix('.keras')}.png"
    pixels.save_picture(
        picture(kind, samples, audio, places, train.captions), output / name, zoom=1
    )
    return {
        "benchmark": "sounds",
        "source": source,
        "model": gan.variant,
        "dataset": table.name,
        "split": "test",
        "length": kind.length,
        "rate": kind.rate,
        "metric": extractor.distance_name,
        "n_real": count,
        "n_fake": count,
        "draws": num,
        "inflated": scorer.inflated(count, extractor),
        "sample_seed": SEED,
        "confident": CONFIDENT,
        "recognised_classes": classifier.recognised if classifier else None,
        **(classifier.accuracy(features["test"], test) if classifier else {}),
        "ways": ways,
        **near,
        "parameters": gan.inference_generator.count_params(),
        "picture": name,
        **provenance.stamp(gan.inference_generator, extractor),
    }


def untrained(gan):
    """Returns the same model with new weights."""
    keras.utils.set_random_seed(SEED)
    return type(gan).from_config(gan.get_config())


def noise_like(audio, num):
    """Returns white noise with the mean envelope of sounds.

    Args:
        audio: float array (N, T, 1) in [-1, 1], or int16.
        num: Number of sounds to return.

    Returns:
        float32 array (num, T, 1) in [-1, 1].
    """
    audio = as_floats(audio)[..., 0]
    edges = np.linspace(0, audio.shape[1], min(FRAMES, audio.shape[1]) + 1).astype(int)
    levels = [
        np.sqrt((audio[:, start:end] ** 2).mean())
        for start, end in zip(edges[:-1], edges[1:], strict=True)
    ]
    envelope = np.interp(np.arange(audio.shape[1]), (edges[:-1] + edges[1:]) / 2, levels)
    noise = np.random.default_rng(SEED).normal(size=(num, audio.shape[1])) * envelope
    return np.clip(noise, -1.0, 1.0).astype("float32")[..., None]


def random_phases(audio, num):
    """Returns sounds with the spectra of others, in turn, and random phases.

    Args:
        audio: float array (N, T, 1) in [-1, 1], or int16.
        num: Number of sounds to return.

    Returns:
        float32 array (num, T, 1); louder than 1 only where that would be clipped.
    """
    audio = as_floats(audio[np.arange(num) % len(audio)])[..., 0]
    spectra = np.fft.rfft(audio)
    turns = np.random.default_rng(SEED).uniform(0, 2 * np.pi, spectra.shape)
    turns[:, 0] = 0.0  # the mean stays real
    if audio.shape[1] % 2 == 0:
        turns[:, -1] = 0.0
    turned = np.fft.irfft(spectra * np.exp(1j * turns), audio.shape[1])
    return np.clip(turned, -1.0, 1.0).astype("float32")[..., None]


def as_floats(audio):
    return audio / 2.0**15 if audio.dtype == np.int16 else np.asarray(audio, "float64")


def features_of(extractor, samples):
    """Returns the features of 16-bit sounds, float32 (N, D)."""
    return extractor.collect(extractor.batches(samples), len(samples), verbose=True)[0]


def distance(real, features):
    return round(metrics.frechet_distance(real, metrics.Statistics.of(features)), 3)


class Classifier:
    """Tells the classes of sounds by their features: a forest of random trees.

    Args:
        features: float array (N, D) of the training sounds.
        source: Their source, with labels.
    """

    def __init__(self, features, source):
        from sklearn.ensemble import ExtraTreesClassifier

        self.names = source.class_names or list(map(str, np.unique(source.parts["label"])))
        self.recognised = [name for name in HITS if name in self.names] or self.names
        self.model = ExtraTreesClassifier(TREES, random_state=0)
        self.model.fit(features, source.parts["label"])

    def accuracy(self, features, source):
        """Returns the share of sounds whose class it names, of all and of those of which it is
        confident, which may be none."""
        odds = self.model.predict_proba(features)
        right = self.model.classes_[odds.argmax(axis=1)] == source.parts["label"]
        sure = odds.max(axis=1) >= CONFIDENT
        return {
            "classifier_accuracy": share(right),
            "confident_accuracy": share(right[sure]) if sure.any() else None,
        }

    def shares(self, features):
        """Returns the share of sounds that are recognised with confidence, and that of each class
        that counts."""
        odds = self.model.predict_proba(features)
        sure = odds.max(axis=1) >= CONFIDENT
        found = np.asarray(self.names)[self.model.classes_[odds.argmax(axis=1)]]
        each = {name: share(sure & (found == name)) for name in self.recognised}
        return {"recognised": share(sure & np.isin(found, self.recognised)), "of_class": each}


def share(hits):
    return round(float(np.mean(hits)), 4)


def neighbours(samples, test, train):
    """Compares samples with test sounds by their distance to the nearest training sound.

    Args:
        samples, test, train: float arrays (N, D), features.

    Returns:
        int array (N,), the place of each sample's nearest training sound, and a dict of JSON
        values.

    Example:

    >>> train, test = np.zeros((1, 1)), np.array([[1.0], [2.0], [3.0]])
    >>> neighbours(np.array([[0.5], [1.5], [2.5], [9.0]]), test, train)[1]["nearer"]
    0.5
    """
    places, own = metrics.nearest_neighbours(samples, train)
    real = metrics.nearest_neighbours(test, train)[1]
    return places[:, 0], {
        "nearer": share(own < np.median(real)),
        "copies": share(own < real.min()),
        "nearest_of_samples": round(float(np.median(own)), 3),
        "nearest_of_test": round(float(np.median(real)), 3),
    }


def picture(kind, samples, audio, places, captions):
    """Draws samples above their nearest training sounds, whose names stand on top."""
    places = places[:SHOWN]
    shown = np.concatenate([samples[:SHOWN], as_floats(audio[places])])
    drawn = kind.grid(shown, columns=len(places))
    if captions is None:
        return drawn
    return grids.with_titles(drawn, [captions[place].split(": ")[-1] for place in places])


def accuracy_of(line):
    """Returns how often the classifier of a line is right, in words."""
    words = f"{line['classifier_accuracy']:.1%} of the test sounds"
    if line["confident_accuracy"] is not None:
        words += f", and on {line['confident_accuracy']:.1%} of those of which it is confident"
    return words


def report(line):
    names = ", ".join(line["recognised_classes"] or ())
    for name, scores in line["ways"].items():
        parts = [f"{line['metric']} {scores['distance']:.1f}"] if "distance" in scores else []
        if "recognised" in scores:
            parts.append(f"{scores['recognised']:.1%} recognised ({names})")
        print(f"  {name:16} {', '.join(parts)}", flush=True)
    if names:
        print(f"  the classifier is right on {accuracy_of(line)}")
    print(
        f"  nearest training sound: median {line['nearest_of_samples']:.1f}, of test sounds "
        f"{line['nearest_of_test']:.1f}; {line['nearer']:.1%} nearer than the median test sound, "
        f"{line['copies']:.1%} nearer than all",
        flush=True,
    )


if __name__ == "__main__":
    cli.run(main)
