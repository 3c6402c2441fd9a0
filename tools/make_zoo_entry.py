"""Makes a zoo entry from a finished run: weights, scores, pictures.

    python tools/make_zoo_entry.py runs/dcgan_fashion_mnist zoo/dcgan_fashion_mnist

The entry's folder holds the recipe of the run; commit it first, so that the result names a commit
that contains it. The script chooses averaged or last weights, and half or full precision on disk,
by the distance on the training split; the scores are on the test split, with three sampling seeds
if the model draws latents. Models that take pictures or texts come with examples of the test split,
models of sounds with a few WAV files. Write observations on the model into `notes.md` in that
folder by hand; `make results` then writes the card.
"""

import itertools
import json
import runpy
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import entry_pictures
import h5py
import keras
import numpy as np

from kerasgan import data, metrics, zoo
from kerasgan.evaluation.scorer import inflated
from kerasgan.gan.examples import KEPT
from kerasgan.signature import Text, Vector, Waveform
from kerasgan.training import recipe, runs
from kerasgan.training.build import completed_by
from kerasgan.training.train import source_for
from kerasgan.utils import hashing, pixels, provenance
from kerasgan.viz import films

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
CLASSIFIER = BENCHMARKS / "fashion_classifier.keras"
NUM = 10_000
CHOICE_NUM = 2_500
CLASSES_NUM = 1_000
SEEDS = (1, 2, 3)
OF_VECTORS = ("distance", "kernel_distance")  # the same vectors often: neighbours say nothing
SPREAD = (*OF_VECTORS, "precision", "recall", "density", "coverage")
HALF_IS_ENOUGH = 1.005  # half precision on disk may raise the distance by this factor
FILMS = 16  # shown
LARGEST_DISCRIMINATOR = 3e6  # bytes
SOUNDS, SOUND_BYTES = "samples", 200_000  # folder of WAV files, and their size together
HEARD = 8  # of them at most
TEXTS = 8  # columns of `samples.png`
OF_THE_RUN = ("untrained", "sample_seed")  # of the run's score, which the entry's scores replace


def main(run, entry):
    run, entry = Path(run), Path(entry)
    gan = zoo.load(run)
    kept, wanted = recipe.read(run / "recipe.toml"), recipe.read(entry / "recipe.toml")
    wanted = completed_by(wanted, gan.signature.example, lambda *_: None)
    changes = recipe.differences(kept.tables(), wanted.tables())
    if changes := [each for each in changes if not each.startswith(runs.Recipe.ignored)]:
        sys.exit(f"{run} was trained by another recipe: {'; '.join(changes)}")
    with tempfile.TemporaryDirectory(dir=entry) as folder:
        about = build(gan, run, kept, entry, Path(folder))
        shutil.rmtree(entry / SOUNDS, ignore_errors=True)
        for path in sorted(Path(folder).iterdir(), key=lambda path: path.name == "result.json"):
            path.replace(entry / path.name)  # the result last: it marks the entry as complete
    print(json.dumps(about, indent=2))


def build(gan, run, trained_by, entry, folder):
    """Writes an entry, except recipe and notes, to a folder; returns the result."""
    scorer = Scorer(gan, trained_by.data)
    about = json.loads((run / "result.json").read_text())
    about = {key: value for key, value in about.items() if key not in OF_THE_RUN}
    if not isinstance(gan.signature.output, Vector):
        about["training_minutes"] = minutes(run)
    about["choice"] = choose(gan, scorer, folder)
    save_further(gan, folder)
    save_examples(gan, {**scorer.given["test"], **scorer.texts}, folder)
    if trained_by.data.words:
        gan.words.save(folder / gan.words.file)
    kept = [path for path in sorted(folder.iterdir()) if path.suffix in (".h5", ".npz")]
    about["files"] = {path.name: hashing.of_file(path) for path in kept}
    about["signature"] = gan.signature.get_config()

    shutil.copy(entry / "recipe.toml", folder)
    write_json(folder / "result.json", about)  # `load_entry` reads it
    gan = zoo.load_entry(folder)
    (folder / "recipe.toml").unlink()
    about.update(provenance.stamp(gan.inference_generator, scorer.extractor))
    about.update(scorer.final(gan))
    about.update(classes(gan, trained_by.data.name))
    about.update(beside_simple_ways(gan, trained_by.data, folder))
    for texts in scorer.texts.values():
        about["texts"] = [str(text) for text in data.subset(texts, min(TEXTS, len(texts)))]
    about.update(save_sounds(gan, folder))
    about.update(save_tags(gan, trained_by.data, folder))
    write_json(folder / "result.json", about)
    (folder / "history.csv").write_text((run / "history.csv").read_text())
    entry_pictures.draw(gan, trained_by.data, folder, about.get("texts"), NUM)
    return about


def minutes(run):
    """Returns a run's training time without pauses: its median epoch times its epochs.

    The pictures tell when epochs ended; runs of many epochs draw only some.
    """
    epochs = len((run / "history.csv").read_text().splitlines()) - 1
    ends = sorted(
        (int(path.stem.removeprefix("epoch_")), path.stat().st_mtime)
        for path in run.glob("samples/epoch_*.png")
    )
    gaps = [
        (later - earlier) / (after - before)
        for (before, earlier), (after, later) in itertools.pairwise(ends)
    ]
    if not gaps:
        sys.exit(f"{run}/samples must hold the pictures of two epochs, whose times are read.")
    return round(statistics.median(gaps) * epochs / 60, 2)


def write_json(path, about):
    path.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


class Scorer:
    """Features of the real samples of both splits, and distances to them.

    Attributes:
        given: dict from the splits to the inputs that must be given, by name.
        texts: dict of the test split's texts by the input that takes them, if the model has one.
    """

    def __init__(self, gan, table):
        signature = gan.signature
        self.output = signature.output
        self.extractor = self.output.extractor()
        self.real, self.given = {}, {}
        for split in ("train", "test"):
            source = source_for(gan, table, split)
            num = min(NUM, len(source))
            parts = {name: data.subset(source.parts[name], num) for name in signature.needed}
            real = parts[self.output.part]
            title = f"{table.name} {split}"
            self.real[split] = entry_pictures.features_of(real, self.extractor, title)
            self.given[split] = signature.inputs_of(parts)
            self.texts = {
                name: data.subset(np.array(source.captions), num)
                for name, kind in signature.given.items()
                if isinstance(kind, Text) and kind.encoder is not None
            }
        few = min(CHOICE_NUM, len(self.real["train"]))
        self.choice_num = few if signature.given else CHOICE_NUM

    def features(self, gan, num, seed, split):
        given = {
            name: np.asarray(values)[np.arange(num) % len(values)]
            for name, values in self.given[split].items()
        }
        batches = map(self.output.observed, gan.sample_batches(num, seed=seed, **given))
        return self.extractor.collect(batches, num, verbose=True)

    def training_distance(self, gan):
        """The distance to training examples, which decides the choices."""
        fake, _ = self.features(gan, self.choice_num, seed=0, split="train")
        return metrics.frechet_distance(self.real["train"], fake)

    def final(self, gan):
        """Returns all scores against the test split: mean and standard deviation over seeds."""
        num = min(NUM, len(self.real["test"]))
        seeds = SEEDS if gan.signature.seeded else SEEDS[:1]
        lines = []
        for seed in seeds:
            fake, logits = self.features(gan, num, seed, "test")
            lines.append(metrics.summary(self.real["test"], fake, logits))
        found = {"split": "test", "sample_seeds": list(seeds), "n_real": num, "n_fake": num}
        found["inflated"] = inflated(num, self.extractor)
        for key in OF_VECTORS if isinstance(self.output, Vector) else SPREAD:
            values = [line[key] for line in lines]
            found[key] = round(statistics.mean(values), 5)
            if len(values) > 1:
                found[f"{key}_seeds_std"] = round(statistics.stdev(values), 5)
        known = self.real["train"]
        known = data.subset(known, min(num, len(known)))  # as many as there are samples
        floor = metrics.frechet_distance(self.real["test"], known)
        return {**found, "trained": round(found["distance"], 3), "floor": round(floor, 3)}


def choose(gan, scorer, folder):
    """Writes the weights that score best on the training split; returns the choice."""
    network = gan.inference_generator
    weights = {"last": gan.generator.get_weights(), "average": network.get_weights()}
    distances = {}
    for name, values in weights.items():
        network.set_weights(values)
        distances[name] = scorer.training_distance(gan)
    best = min(distances, key=distances.get)
    network.set_weights(weights[best])

    whole, half = folder / "whole.weights.h5", folder / "half.weights.h5"
    network.save_weights(whole)
    halve(whole, half)
    network.load_weights(half)
    distances["half"] = scorer.training_distance(gan)
    enough = distances["half"] <= HALF_IS_ENOUGH * distances[best]
    (half if enough else whole).replace(folder / zoo.WEIGHTS)

    for path in (whole, half):
        path.unlink(missing_ok=True)
    return {
        "weights": best,
        "precision_on_disk": "float16" if enough else "float32",
        "split": "train",
        "n_real": len(scorer.real["train"]),
        "n_fake": scorer.choice_num,
        "sample_seed": 0,
        "distances": {name: round(value, 3) for name, value in distances.items()},
    }


def save_further(gan, folder):
    """Writes the weights of the networks beside the generator, in half precision; those of
    discriminators unless they are large."""
    whole, half = folder / "whole.weights.h5", folder / "half.weights.h5"
    for name in gan.players.values():
        if name != "generator":
            getattr(gan, name).save_weights(whole)
            halve(whole, half)
            if "discriminator" not in name or half.stat().st_size <= LARGEST_DISCRIMINATOR:
                shutil.copy(half, folder / f"{name}.weights.h5")
    for path in (whole, half):
        path.unlink(missing_ok=True)


def save_examples(gan, given, folder):
    """Writes examples of the inputs that must be given, pictures as bytes, texts as words."""
    if not given:
        return
    kept = {}
    for name, values in given.items():
        values = np.asarray(values)
        values = data.subset(values, min(KEPT, len(values)))
        words = values.dtype.kind == "U"
        pictured = not words and gan.signature.inputs[name].pictures(values) is not None
        kept[name] = pixels.to_uint8(values) if pictured else values
    np.savez_compressed(folder / zoo.entries.EXAMPLES, **kept)


def halve(source, target):
    """Copies an HDF5 file of weights with float16 instead of float32."""

    def copy(name, item):
        if isinstance(item, h5py.Group):
            group = new.require_group(name)
        else:
            values = item[()]
            if values.dtype == np.float32:
                values = values.astype("float16")
                if not np.isfinite(values).all():
                    sys.exit(f"{source}: {name} holds values that half precision cannot represent.")
            group = new.create_dataset(name, data=values)
        group.attrs.update(item.attrs)

    with h5py.File(source) as old, h5py.File(target, "w") as new:
        new.attrs.update(old.attrs)
        old.visititems(copy)


def classes(gan, dataset):
    """How often a classifier of Fashion-MNIST sees each class among samples, and how often the
    requested one."""
    if not dataset.startswith("fashion_mnist") or gan.signature.given:
        return {}
    about = json.loads(CLASSIFIER.with_suffix(".json").read_text())
    if hashing.of_file(CLASSIFIER) != about["sha256"]:
        sys.exit(f"{CLASSIFIER} is not the classifier of {CLASSIFIER.stem}.json: restore it.")
    classifier = keras.saving.load_model(CLASSIFIER)
    predictions = classifier.predict(gan.sample(CLASSES_NUM, seed=1), verbose=0)
    found = {
        "classes_seen": np.bincount(predictions.argmax(1), minlength=10).tolist(),
        "classifier_sha256": about["sha256"],
        "classifier_test_accuracy": about["test_accuracy"],
    }
    if label := gan.signature.inputs.get("label"):
        asked = np.asarray(label.draw(NUM, None))
        predictions = classifier.predict(gan.sample(NUM, asked, seed=1), verbose=0)
        found["conditional_accuracy"] = metrics.conditional_accuracy(predictions, asked)
    return found


def beside_simple_ways(gan, table, folder):
    """Compares a model that is given pictures with ways that need no GAN, and draws what was given,
    made and true."""
    if all(kind.files is None for kind in gan.signature.given.values()):
        return {}
    benchmark = runpy.run_path(str(BENCHMARKS / "pictures.py"))
    found, shown = benchmark["compared"](gan, table, num=NUM)  # as many as the score has
    if "ahead" in found:
        true = benchmark["true_films"](gan, FILMS, frames=8)
        films.continued(gan, true, folder / "film.webp")
    pixels.save_picture(shown, folder / "examples.png", zoom=2)
    return {key: found[key] for key in ("ways", "back", "twins", "ahead") if found.get(key)}


def save_sounds(gan, folder):
    """Writes a few samples as sound files, and returns their paths, if the model makes sounds."""
    output = gan.signature.output
    if not isinstance(output, Waveform):
        return {}
    num = min(HEARD, SOUND_BYTES // (2 * output.length + 44))
    paths = [f"{SOUNDS}/{place}{output.suffix}" for place in range(num)]
    (folder / SOUNDS).mkdir()
    for path, sample in zip(paths, gan.sample(num, seed=0) if num else (), strict=True):
        output.save(sample, folder / path)
    return {"sounds": paths}


def save_tags(gan, table, folder):
    """Compares the words that a model draws with those of simple ways, and draws ten of them, if it
    draws words."""
    if not table.words:
        return {}
    benchmark = runpy.run_path(str(BENCHMARKS / "words_from_pictures.py"))
    found, shown = benchmark["compared"](gan, table)
    pixels.save_picture(shown, folder / "samples.png")
    return {"tags": found}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if provenance.commit().endswith("-dirty"):
        sys.exit("Commit first: the result names the commit that it was made from.")
    main(*sys.argv[1:])
