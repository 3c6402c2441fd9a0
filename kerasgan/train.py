"""A recipe becomes a run directory: trained model, samples, curves, scores."""

import hashlib
import json
import os

import keras
import tensorflow as tf

from kerasgan import (
    callbacks,
    checkpoints,
    checks,
    data,
    distribution,
    images,
    models,
    recipe,
    runs,
)
from kerasgan.errors import TrainingFailed, UserError
from kerasgan.files import replacing
from kerasgan.scorer import SCORE_SEED, Scorer

SAMPLE_SEED = 0  # of the grids that a run draws
FINISHED = -1  # what the chief tells the other workers in place of a step


def train(
    settings,
    directory,
    data_dir=None,
    overwrite=False,
    change_recipe=False,
    deterministic=False,
    verbose="auto",
    strategy=None,
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
        strategy: `tf.distribute.Strategy`, or `None` for the current one. The recipe's batch is
            shared out to its replicas. Of several workers all call this function, with a directory
            that all of them see; only the first writes there.

    Returns:
        dict, the content of `result.json`; `None` for workers that write nothing.

    Raises:
        UserError: If the data cannot be had, the directory holds something else, or a run of
            another recipe.
        TrainingFailed: If a loss becomes NaN or infinite, or another worker is gone.
        Interrupted: If the process was told to stop, once a checkpoint is written.
    """
    say = print if verbose else (lambda *_: None)
    training, source = settings["training"], settings["data"]
    keras.utils.set_random_seed(training["seed"])
    if deterministic:
        tf.config.experimental.enable_op_determinism()

    sets = read_sets(settings, data_dir)
    pictures, labels = sets[source["split"]]
    in_epoch = len(pictures) // source["batch_size"]
    check_steps(in_epoch, training["steps_per_execution"])
    strategy = strategy or tf.distribute.get_strategy()
    with distribution.lost_workers(strategy):
        with strategy.scope():
            gan = build(settings, pictures.shape[1:], training["epochs"] * in_epoch)
        labels = check_data(gan, settings, pictures, labels)
        state = checkpoints.State(in_epoch=in_epoch, data_sha256=data.sha256(pictures))
        if not agree(strategy, settings, state.data_sha256):
            raise UserError("The workers were started with other recipes, or have other data.")
        if not distribution.is_chief(strategy):
            return follow(gan, settings, directory, state, (pictures, labels))
        with runs.opened(directory, settings, overwrite, change_recipe) as changes:
            result = runs.result(directory)
            if result is not None and not changes:
                distribution.from_chief(strategy, FINISHED)
                score = f"{result['metric']} {result['trained']}"
                say(f"{directory} holds this run, finished: {score}")
                return result
            state = resumed(gan, directory, state, changes, say)
            return lead(gan, settings, directory, state, sets, (pictures, labels), verbose)


def lead(gan, settings, directory, state, sets, arrays, verbose):
    """Trains from a state to the end and writes the run directory: the whole of it, or the chief's
    part. Returns the content of `result.json`."""
    say = print if verbose else (lambda *_: None)
    runs.begin(directory, settings)
    say(
        f"{type(gan).__name__}: generator {gan.generator.count_params():,}, discriminator "
        f"{gan.discriminator.count_params():,} parameters; {len(arrays[0]):,} images "
        f"{gan.signature.output.shape} of {settings['data']['name']}{replicas(gan)}"
    )
    scorer = Scorer(settings, sets, verbose)
    if state.untrained is None:
        say(f"Scoring {scorer.num:,} samples of the untrained generator ...")
        state.untrained = scorer(gan)
    fit(gan, settings, directory, state, arrays, scorer)

    say(f"Scoring {scorer.num:,} samples of the trained generator ...")
    result = scorer.result(gan, settings, state)
    with replacing(os.path.join(directory, "model.keras")) as temporary:
        gan.save(temporary)
    draw(gan, directory)
    with replacing(os.path.join(directory, "result.json")) as temporary:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
    distribution.from_chief(gan.distribute_strategy)
    against = f"{result['n_real']:,} of {result['split']}"
    say(f"{result['metric']} of {result['n_fake']:,} samples against {against} (lower is better):")
    say(f"  untrained {result['untrained']:8.1f}")
    say(f"  trained   {result['trained']:8.1f}   after {result['training_minutes']:.1f} minutes")
    say(f"  floor     {result['floor']:8.1f}   real training images in place of samples")
    return result


def follow(gan, settings, directory, state, arrays):
    """Trains in step with the chief, and writes nothing."""
    with distribution.chief_decides():
        step = distribution.from_chief(gan.distribute_strategy)
        if step == FINISHED:
            return
        if step:
            path = checkpoints.path_of(os.path.join(directory, "checkpoints"), step)
            if not path.is_dir():
                raise UserError(
                    f"The first worker goes on from {path}, which is not to be seen here: all "
                    f"workers must share the run directory."
                )
            state.means = checkpoints.read(path).means
            checkpoints.restore(gan, path, new_optimizers=True)
        state.step = step
        saver = checkpoints.Means(state)
        epochs(
            gan, settings, state, arrays, callbacks=[callbacks.StopOnNonFinite(), saver], verbose=0
        )
        distribution.from_chief(gan.distribute_strategy)  # which still scores and saves


def replicas(gan):
    """Says how many replicas train, where there are several."""
    number = gan.distribute_strategy.num_replicas_in_sync
    return f"; {number} replicas" if number > 1 else ""


def read_sets(settings, data_dir=None):
    """Returns the splits that a recipe trains on and scores against: dict to images and labels."""
    source = settings["data"]
    return {
        split: data.load_arrays(source["name"], split, source["image_size"], data_dir)
        for split in (source["split"], settings["evaluation"]["split"])
    }


def agree(strategy, settings, data_sha256):
    """Tells whether this worker trains by the chief's recipe and on its data."""
    text = json.dumps([settings, data_sha256], sort_keys=True)
    own = int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)
    return distribution.from_chief(strategy, own) == own


def check_steps(in_epoch, at_once):
    """Refuses calls of several steps that would run beyond the end of an epoch."""
    if in_epoch % at_once:
        valid = [number for number in range(1, min(in_epoch, 100) + 1) if in_epoch % number == 0]
        raise UserError(
            f"training.steps_per_execution must divide the {in_epoch} steps of an epoch: "
            f"{', '.join(map(str, valid))}. Received: {at_once}"
        )


def check_data(gan, settings, pictures, labels):
    """Refuses what `fit` would refuse, before a directory is touched; returns labels if needed."""
    name, batch_size = settings["data"]["name"], settings["data"]["batch_size"]
    example = gan.signature.example
    if "label" in example and labels is None:
        raise UserError(f"{type(gan).__name__} needs labels. {name} has none.")
    labels = labels if "label" in example else None
    first = data.steps(pictures, labels, batch_size, stop=1, name=name)
    checks.training_dataset(gan, first)
    if labels is not None:
        example["label"].check_batch(labels, f"Labels of {name}")
    return labels


def resumed(gan, directory, new, changes, say):
    """Returns the state to train from: that of the newest checkpoint, which the model then has.
    Tells other workers its step; they and the chief then load it at the same time.

    Args:
        gan: The compiled model.
        directory: The run directory.
        new: The state of a training that begins.
        changes: Keys in which the recipe differs from the checkpoint's.
        say: Function that is told what goes on.
    """
    path, state = checkpoints.newest(os.path.join(directory, "checkpoints"), say)
    if path is None:
        distribution.from_chief(gan.distribute_strategy, 0)
        return new
    if (state.in_epoch, state.data_sha256) != (new.in_epoch, new.data_sha256):
        raise UserError(
            f"{directory} was trained on other images or batches ({state.in_epoch} steps an epoch, "
            f"now {new.in_epoch}): name another directory, or pass --overwrite to start anew."
        )
    distribution.from_chief(gan.distribute_strategy, state.step)
    checkpoints.restore(gan, path, new_optimizers=bool(changes))
    say(f"Going on after step {state.step:,}, from {path}")
    return state


def fit(gan, settings, directory, state, arrays, scorer):
    """Trains from a state to the recipe's last epoch; the state is then that of the end."""
    training = settings["training"]
    saver = checkpoints.Checkpoints(
        os.path.join(directory, "checkpoints"),
        state,
        training["checkpoint_minutes"],
        training["checkpoints"],
    )
    called = run_callbacks(directory, saver, scorer, settings["evaluation"]["every"])
    try:
        with saver.signals():
            epochs(gan, settings, state, arrays, called, scorer.verbose)
            saver.stop_if_asked()
    except TrainingFailed as error:
        good, _ = checkpoints.newest(os.path.join(directory, "checkpoints"), lambda *_: None)
        kept = f"The last good checkpoint is {good}." if good else "There is no checkpoint before."
        raise TrainingFailed(f"{error} {kept}") from error
    runs.write_history(directory, state.history)  # also of an epoch that ended in an interruption


def epochs(gan, settings, state, arrays, callbacks, verbose):
    """Calls `fit` until the recipe's last step; `state.step` is then that."""
    training, batch_size = settings["training"], settings["data"]["batch_size"]
    last = training["epochs"] * state.in_epoch
    while state.step < last:
        # An epoch that was interrupted ends first; then all that are left.
        epoch, done = divmod(state.step, state.in_epoch)
        stop = state.step - done + state.in_epoch if done else last
        gan.fit(
            data.steps(*arrays, batch_size, training["seed"], state.step, stop),
            initial_epoch=epoch,
            epochs=epoch + 1 if done else training["epochs"],
            steps_per_epoch=state.in_epoch - done,
            verbose=verbose,
            callbacks=callbacks,
        )
        state.step = stop


def build(settings, image_shape, updates=None):
    """Returns the compiled model of a recipe.

    Args:
        settings: A complete recipe.
        image_shape: (height, width, channels).
        updates: Number of training steps, over which a `linear_decay` takes a learning rate to 0.
    """
    arguments = {key: value for key, value in settings["model"].items() if key != "name"}
    training, model = settings["training"], models.get(settings["model"]["name"])
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(training["precision"])
    try:
        gan = model(image_shape=tuple(image_shape), seed=training["seed"], **arguments)
    finally:
        keras.config.set_dtype_policy(before)
    optimizers = []
    for table, default, each in zip(
        ("g_optimizer", "d_optimizer"), gan.default_optimizers(), (1, gan.n_critic), strict=True
    ):
        optimizer = recipe.build_optimizer(settings[table], default)
        if settings[table]["linear_decay"] and updates:
            rate = float(optimizer.learning_rate.numpy())
            optimizer.learning_rate = keras.optimizers.schedules.PolynomialDecay(
                rate, updates * each, 0.0
            )
        optimizers.append(optimizer)
    gan.compile(
        *optimizers,
        jit_compile={"auto": "auto", "on": True, "off": False}[training["jit_compile"]],
        steps_per_execution=training["steps_per_execution"],
    )
    return gan


def run_callbacks(directory, saver, scorer, every):
    """Returns the callbacks of a run: guard, score, checkpoints, grids, curves."""

    def inside(*names):
        return os.path.join(directory, *names)

    score = callbacks.FrechetDistance(scorer.real, every or 1, scorer.num, SCORE_SEED)
    return [
        callbacks.StopOnNonFinite(),
        callbacks.WarnOnCollapse(),
        *([score] if every else []),
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
    samples = images.sample_grid(gan, seed=SAMPLE_SEED)
    images.save_png(samples, os.path.join(directory, "samples.png"), zoom)
    callbacks.progress_strip(
        os.path.join(directory, "samples"),
        os.path.join(directory, "progress.png"),
        image_shape=gan.signature.output.shape,
        zoom=zoom,
    )
