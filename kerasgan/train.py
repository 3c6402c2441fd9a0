"""A recipe becomes a run directory: trained model, samples, curves, scores."""

import datetime
import json
import os
import shutil
import time

import keras

from kerasgan import callbacks, data, images, metrics, models, provenance, recipe
from kerasgan.errors import UserError
from kerasgan.files import replacing

SAMPLE_SEED = 0  # of the grids that a run draws
SCORE_SEED = 1  # of the samples that it scores

MARKER = ".kerasgan-run"
WRITTEN = (
    "recipe.toml",
    "checkpoints",
    "samples",
    "tensorboard",
    "history.csv",
    "model.keras",
    "samples.png",
    "progress.png",
    "result.json",
    "saved_model",
    "generator.tflite",
)


def train(settings, directory, data_dir=None, overwrite=False, verbose="auto"):
    """Trains the model of a recipe and writes everything about it to a run directory.

    The directory gets `recipe.toml` (resolved), `model.keras`, `checkpoints/`, `samples/` (a grid
    per epoch), `samples.png`, `progress.png`, `history.csv`, `tensorboard/` and, last,
    `result.json`.

    Args:
        settings: A complete recipe, as `kerasgan.recipe.read` gives it.
        directory: The run directory.
        data_dir: Where TFDS keeps its data; by default TFDS's own place.
        overwrite: Whether an earlier run in that directory may be deleted.
        verbose: As in `keras.Model.fit`; 0 is silent.

    Returns:
        dict, the content of `result.json`.

    Raises:
        UserError: If the data cannot be had or the directory is taken.
        TrainingFailed: If a loss becomes NaN or infinite.
    """
    say = print if verbose else (lambda *_: None)
    training, evaluation, source = settings["training"], settings["evaluation"], settings["data"]
    keras.utils.set_random_seed(training["seed"])

    sets = {
        split: data.load_arrays(source["name"], split, source["image_size"], data_dir)
        for split in (source["split"], evaluation["split"])
    }
    pictures, labels = sets[source["split"]]
    num = min([evaluation["num"], *(len(given) for given, _ in sets.values())])
    if num < 2:
        raise UserError(
            f"A score needs at least 2 images in each split of {source['name']}. "
            f"Received: {', '.join(f'{len(v[0])} in {k}' for k, v in sets.items())}"
        )
    gan = build(settings, pictures.shape[1:])
    if gan.conditional and labels is None:
        raise UserError(f"{type(gan).__name__} needs labels. {source['name']} has none.")
    batches = data.batches(
        pictures,
        labels if gan.conditional else None,
        source["batch_size"],
        seed=training["seed"],
        name=source["name"],
    )
    prepare_directory(directory, overwrite)
    recipe.write(settings, os.path.join(directory, "recipe.toml"))
    say(
        f"{type(gan).__name__}: generator {gan.generator.count_params():,}, discriminator "
        f"{gan.discriminator.count_params():,} parameters; {len(pictures):,} images "
        f"{gan.image_shape} of {source['name']}"
    )

    extractor = metrics.EfficientNetLite0()
    label = extractor.distance_name
    say(f"Scoring {num:,} real images and {num:,} of the untrained generator ...")
    real, other = (
        extractor.statistics(images.uint8_batches(data.subset(sets[split][0], num)), num, verbose)
        for split in (evaluation["split"], source["split"])
    )
    floor = metrics.frechet_distance(real, other)

    def score():
        scores = gan.evaluate(real, num=num, seed=SCORE_SEED, extractor=extractor, verbose=verbose)
        return scores["frechet_distance"]

    untrained = score()
    say(f"{label} untrained {untrained:.1f}, floor (real against real) {floor:.1f}")

    start = time.monotonic()
    gan.fit(
        batches,
        epochs=training["epochs"],
        verbose=verbose,
        callbacks=run_callbacks(directory, real, evaluation["every"], num),
    )
    minutes = (time.monotonic() - start) / 60

    say(f"Scoring {num:,} samples of the trained generator ...")
    trained = score()
    gan.save(os.path.join(directory, "model.keras"))
    draw(gan, directory)
    result = {
        "metric": label,
        "trained": round(trained, 3),
        "untrained": round(untrained, 3),
        "floor": round(floor, 3),
        "n_real": num,
        "n_fake": num,
        "dataset": source["name"],
        "split": evaluation["split"],
        "image_shape": list(gan.image_shape),
        "sample_seed": SCORE_SEED,
        "model": settings["model"]["name"],
        "parameters": gan.generator.count_params(),
        "training_minutes": round(minutes, 2),
        "date": datetime.date.today().isoformat(),
        **provenance.stamp(gan.inference_generator, extractor),
    }
    with replacing(os.path.join(directory, "result.json")) as temporary:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
    say(f"{label} of {num:,} samples against {num:,} of {evaluation['split']} (lower is better):")
    say(f"  untrained {untrained:8.1f}")
    say(f"  trained   {trained:8.1f}   after {minutes:.1f} minutes of training")
    say(f"  floor     {floor:8.1f}   real training images in place of samples")
    return result


def build(settings, image_shape):
    """Returns the compiled model of a recipe for images of a shape."""
    arguments = {key: value for key, value in settings["model"].items() if key != "name"}
    model = models.get(settings["model"]["name"])
    gan = model(image_shape=tuple(image_shape), seed=settings["training"]["seed"], **arguments)
    g_default, d_default = gan.default_optimizers()
    gan.compile(
        recipe.build_optimizer(settings["g_optimizer"], g_default),
        recipe.build_optimizer(settings["d_optimizer"], d_default),
    )
    return gan


def prepare_directory(directory, overwrite):
    """Makes a run directory; of an earlier run, only what that run wrote is deleted."""
    marker = os.path.join(directory, MARKER)
    try:
        if os.path.isdir(directory) and os.listdir(directory):
            if not os.path.isfile(marker):
                raise UserError(f"{directory} exists and holds no run: name another directory.")
            if not overwrite:
                raise UserError(f"{directory} holds a run: name another, or pass --overwrite.")
            for name in WRITTEN:
                path = os.path.join(directory, name)
                if os.path.isdir(path):
                    shutil.rmtree(path)
                elif os.path.exists(path):
                    os.unlink(path)
        os.makedirs(os.path.join(directory, "checkpoints"), exist_ok=True)
        with open(marker, "w", encoding="utf-8") as file:
            file.write("A run directory of kerasgan: `train --overwrite` may replace the run.\n")
    except OSError as error:
        raise UserError(f"Cannot write to {directory}: {error.strerror}.") from error


def run_callbacks(directory, real, every, num):
    """Returns the callbacks of a run: guard, score, grids, checkpoints, curves."""

    def inside(*names):
        return os.path.join(directory, *names)

    scored = [callbacks.FrechetDistance(real, every, num, SCORE_SEED)] if every else []
    return [
        callbacks.StopOnNonFinite(),
        *scored,
        callbacks.SampleGrid(inside("samples"), seed=SAMPLE_SEED, log_dir=inside("tensorboard")),
        keras.callbacks.ModelCheckpoint(inside("checkpoints", "last.keras")),
        keras.callbacks.CSVLogger(inside("history.csv")),
        keras.callbacks.TensorBoard(inside("tensorboard"), write_graph=False),
    ]


def draw(gan, directory, zoom=2):
    """Writes `samples.png`, 64 samples that nobody picked, and `progress.png`."""
    samples = images.grid(gan.sample(64, seed=SAMPLE_SEED), gan.grid_columns)
    images.save_png(samples, os.path.join(directory, "samples.png"), zoom)
    callbacks.progress_strip(
        os.path.join(directory, "samples"),
        os.path.join(directory, "progress.png"),
        image_shape=gan.image_shape,
        zoom=zoom,
    )
