"""A recipe becomes a run directory: trained model, samples, curves, scores."""

import datetime
import json
import os

import keras
import tensorflow as tf

from kerasgan import callbacks, checkpoints, data, images, metrics, models, provenance, recipe, runs
from kerasgan.errors import TrainingFailed, UserError
from kerasgan.files import replacing
from kerasgan.real import real_features

SAMPLE_SEED = 0  # of the grids that a run draws
SCORE_SEED = 1  # of the samples that it scores


def train(
    settings,
    directory,
    data_dir=None,
    overwrite=False,
    change_recipe=False,
    deterministic=False,
    verbose="auto",
):
    """Trains the model of a recipe and writes everything about it to a run directory.

    The directory gets `recipe.toml` (resolved), `model.keras`, `checkpoints/`, `samples/` (a grid
    per epoch), `samples.png`, `progress.png`, `history.csv`, `tensorboard/` and, last,
    `result.json`. A run that was interrupted, in whatever way, goes on from its last checkpoint; a
    finished one is left as it is.

    Args:
        settings: A complete recipe, as `kerasgan.recipe.read` gives it.
        directory: The run directory.
        data_dir: Where TFDS keeps its data; by default TFDS's own place.
        overwrite: Whether an earlier run in that directory is deleted instead of continued.
        change_recipe: Whether an earlier run goes on although its recipe was another.
        deterministic: Whether TensorFlow must give the same bits each time, which can be slower.
        verbose: As in `keras.Model.fit`; 0 is silent.

    Returns:
        dict, the content of `result.json`.

    Raises:
        UserError: If the data cannot be had, the directory holds something else, or a run of
            another recipe.
        TrainingFailed: If a loss becomes NaN or infinite.
        Interrupted: If the process was told to stop, once a checkpoint is written.
    """
    say = print if verbose else (lambda *_: None)
    training, evaluation, source = settings["training"], settings["evaluation"], settings["data"]
    keras.utils.set_random_seed(training["seed"])
    if deterministic:
        tf.config.experimental.enable_op_determinism()

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
    updates = training["epochs"] * (len(pictures) // source["batch_size"])
    gan = build(settings, pictures.shape[1:], updates)
    if gan.conditional and labels is None:
        raise UserError(f"{type(gan).__name__} needs labels. {source['name']} has none.")
    labels = labels if gan.conditional else None
    # Whatever is wrong with the data or the batch is told before a directory is touched.
    data.steps(pictures, labels, source["batch_size"], stop=0, name=source["name"])

    with runs.opened(directory, settings, overwrite, change_recipe):
        result = runs.result(directory)
        if result is not None:
            say(f"{directory} holds this run, finished: {result['metric']} {result['trained']}")
            return result
        checkpoint, state = checkpoints.newest(os.path.join(directory, "checkpoints"), say)
        say(
            f"{type(gan).__name__}: generator {gan.generator.count_params():,}, discriminator "
            f"{gan.discriminator.count_params():,} parameters; {len(pictures):,} images "
            f"{gan.image_shape} of {source['name']}"
        )

        extractor = metrics.EfficientNetLite0()
        label = extractor.distance_name
        say(f"Scoring {num:,} real images and {num:,} of the untrained generator ...")
        real, other = (
            metrics.Statistics.of(
                real_features(
                    data.subset(sets[split][0], num),
                    extractor,
                    f"{source['name']} {split}",
                    verbose,
                )[0]
            )
            for split in (evaluation["split"], source["split"])
        )
        floor = metrics.frechet_distance(real, other)

        def score():
            scores = gan.evaluate(
                real, num=num, seed=SCORE_SEED, extractor=extractor, verbose=verbose
            )
            return scores["frechet_distance"]

        untrained = score()
        say(f"{label} untrained {untrained:.1f}, floor (real against real) {floor:.1f}")

        if checkpoint is not None:
            checkpoints.restore(gan, checkpoint)
            say(f"Going on after step {state.step:,}, from {checkpoint}")
        state = fit(gan, settings, directory, state, pictures, labels, real, num, verbose)
        minutes = state.seconds / 60

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
            "steps": state.step,
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


def fit(gan, settings, directory, state, pictures, labels, real, num, verbose):
    """Trains from a state to the recipe's last epoch; returns the state at the end."""
    training, source = settings["training"], settings["data"]
    in_epoch = len(pictures) // source["batch_size"]
    last = training["epochs"] * in_epoch
    saver = checkpoints.Checkpoints(
        os.path.join(directory, "checkpoints"),
        state,
        training["checkpoint_minutes"],
        training["checkpoints"],
    )
    called = run_callbacks(directory, saver, real, settings["evaluation"]["every"], num)
    try:
        with saver.signals():
            while state.step < last:
                # An epoch that was interrupted ends first; then all that are left.
                epoch, done = divmod(state.step, in_epoch)
                stop = state.step - done + in_epoch if done else last
                gan.fit(
                    data.steps(
                        pictures, labels, source["batch_size"], training["seed"], state.step, stop
                    ),
                    initial_epoch=epoch,
                    epochs=epoch + 1 if done else training["epochs"],
                    steps_per_epoch=in_epoch - done,
                    verbose=verbose,
                    callbacks=called,
                )
    except TrainingFailed as error:
        good, _ = checkpoints.newest(os.path.join(directory, "checkpoints"), lambda *_: None)
        kept = f"The last good checkpoint is {good}." if good else "There is no checkpoint before."
        raise TrainingFailed(f"{error} {kept}") from error
    return saver.state


def build(settings, image_shape, updates=None):
    """Returns the compiled model of a recipe.

    Args:
        settings: A complete recipe.
        image_shape: (height, width, channels).
        updates: Number of training steps, over which `training.linear_decay` takes the learning
            rates to 0.
    """
    arguments = {key: value for key, value in settings["model"].items() if key != "name"}
    model = models.get(settings["model"]["name"])
    gan = model(image_shape=tuple(image_shape), seed=settings["training"]["seed"], **arguments)
    optimizers = [
        recipe.build_optimizer(settings[table], default)
        for table, default in zip(
            ("g_optimizer", "d_optimizer"), gan.default_optimizers(), strict=True
        )
    ]
    if settings["training"]["linear_decay"] and updates:
        for optimizer, each in zip(optimizers, (1, gan.n_critic), strict=True):
            rate = float(optimizer.learning_rate.numpy())
            optimizer.learning_rate = keras.optimizers.schedules.PolynomialDecay(
                rate, updates * each, 0.0
            )
    gan.compile(*optimizers)
    return gan


def run_callbacks(directory, saver, real, every, num):
    """Returns the callbacks of a run: guard, score, checkpoints, grids, curves."""

    def inside(*names):
        return os.path.join(directory, *names)

    scored = [callbacks.FrechetDistance(real, every, num, SCORE_SEED)] if every else []
    return [
        callbacks.StopOnNonFinite(),
        callbacks.WarnOnCollapse(),
        *scored,
        callbacks.SampleGrid(
            inside("samples"),
            seed=SAMPLE_SEED,
            log_dir=inside("tensorboard"),
            untrained=saver.state.step == 0,
        ),
        keras.callbacks.TensorBoard(inside("tensorboard"), write_graph=False),
        saver,
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_: runs.write_history(directory, saver.state.history)
        ),
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
