"""A training session: a run directory with checkpoints, samples, curves, scores.

`train` trains any compiled model; `train_recipe` builds the model of a recipe first. Both go on
where an interrupted run stopped.
"""

import dataclasses
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
    runs,
)
from kerasgan.errors import TrainingFailed, UserError, check_count
from kerasgan.files import replacing
from kerasgan.recipe import build_optimizer
from kerasgan.scorer import SCORE_SEED, Scorer
from kerasgan.source import ArraySource

SAMPLE_SEED = 0  # of the grids that a run draws
FINISHED = -1  # what the chief tells the other workers in place of a step


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long a session trains, and what it keeps on the way.

    Attributes:
        epochs, batch_size, seed: Of the whole training; the seed orders the data.
        checkpoint_minutes, checkpoints: As in `kerasgan.checkpoints.Checkpoints`.
        every: Epochs between two scores during training; 0 scores at the end only.
        callbacks: Further Keras callbacks.
        verbose: As in `keras.Model.fit`.
    """

    epochs: int
    batch_size: int
    seed: int = 0
    checkpoint_minutes: float = 1.0
    checkpoints: int = 3
    every: int = 0
    callbacks: tuple = ()
    verbose: object = "auto"


def train(
    gan,
    data,
    directory,
    epochs,
    batch_size=None,
    test=None,
    num=2500,
    every=0,
    seed=0,
    checkpoint_minutes=1.0,
    checkpoints=3,
    callbacks=(),
    overwrite=False,
    verbose="auto",
):
    """Trains a compiled model in a run directory.

    The directory gets `session.json` (what is trained, and how), `model.keras`, `checkpoints/`,
    `samples/` (a grid per epoch), `samples.png`, `progress.png`, `history.csv`, `tensorboard/` and,
    last, `result.json`. The same call again goes on with a run that was interrupted, in whatever
    way, from its last checkpoint, and leaves a finished one as it is.

    Args:
        gan: A compiled `kerasgan.GAN`, of kerasgan or of your own.
        data: Training examples: an array, a tuple or dict of arrays as `fit` takes them, a
            `kerasgan.data` source, or what `kerasgan.data.load` takes by name.
        directory: The run directory.
        epochs: Passes over the data.
        batch_size: Examples in a batch; by default 64 for each update of the discriminator.
        test: Examples to score against, in the same forms; a name of a data set gives its split
            "test" by default. Without them, or for outputs that have no score, there is none.
        num: Samples and real images of a score, at most.
        every: Epochs between two scores; 0 scores before and after training only.
        seed: int, orders the data.
        checkpoint_minutes: Minutes between two checkpoints.
        checkpoints: Number of the newest ones that are kept.
        callbacks: Further Keras callbacks. Their numbers (patience, best score) are resumed.
        overwrite: Whether an earlier run in that directory is deleted instead of continued.
        verbose: As in `keras.Model.fit`; 0 is silent.

    Returns:
        dict, the content of `result.json`.

    Raises:
        UserError: If the model is not compiled, the data do not fit, or the directory holds
            something else or another run.
        TrainingFailed: If a loss becomes NaN or infinite.
        kerasgan.checkpoints.Interrupted: If the process was told to stop, once a checkpoint is
            written.

    Example:

    >>> import numpy as np, os, tempfile, kerasgan
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4, seed=0)
    >>> gan.compile()
    >>> folder = os.path.join(tempfile.mkdtemp(), "run")
    >>> result = train(gan, np.zeros((8, 8, 8, 1)), folder, epochs=2, batch_size=4, verbose=0)
    >>> result["steps"]
    4
    """
    if not gan.compiled:
        raise UserError(f"{type(gan).__name__} must be compiled: call `gan.compile()` first.")
    check_count(epochs, "epochs")
    if test is None and isinstance(data, (str, os.PathLike)):
        test = source_of(gan, data, "test")
    plan = Plan(
        epochs=epochs,
        batch_size=64 * gan.n_critic if batch_size is None else batch_size,
        seed=seed,
        checkpoint_minutes=checkpoint_minutes,
        checkpoints=checkpoints,
        every=every,
        callbacks=tuple(callbacks),
        verbose=verbose,
    )
    source = source_of(gan, data, "train")
    scored = test is not None and gan.signature.output.extractor() is not None
    record = runs.CallRecord(
        {
            "model": {"class": keras.saving.get_registered_name(type(gan)), **nameless(gan)},
            "training": {"epochs": epochs, "batch_size": plan.batch_size, "seed": seed},
            "data": {"name": source.name, "fingerprint": source.fingerprint},
            **{
                f"{player}_optimizer": {"class": type(each).__name__, **nameless(each)}
                for player, each in gan.optimizers.items()
            },
        }
    )
    with distribution.lost_workers(gan.distribute_strategy):
        check_source(gan, source, plan.batch_size)

        def scorer():
            if not scored:
                return None
            sets = {"train": source, "test": source_of(gan, test, "test")}
            output = gan.signature.output
            return Scorer(output, *sets.values(), num, tuple(sets), verbose)

        return session(gan, source, plan, directory, record, scorer, overwrite)


def nameless(made):
    """Returns the config of a model or optimizer without its name, which Keras counts up."""
    return {key: value for key, value in made.get_config().items() if key != "name"}


def source_of(gan, data_, split):
    """Returns examples in whatever form as a source of the parts that a model trains on."""
    if isinstance(data_, (str, os.PathLike)):
        height, width, *_ = (*gan.signature.output.shape, None)
        source = data.load_source(data_, split, height if height == width else None)
    elif isinstance(data_, ArraySource):
        source = data_
    else:
        source = ArraySource(checks.check_arrays(gan, data_))
    return trained_on(gan, source)


def train_recipe(
    recipe,
    directory,
    data_dir=None,
    overwrite=False,
    change_recipe=False,
    deterministic=False,
    verbose="auto",
    strategy=None,
    start=None,
):
    """Trains the model of a recipe in a run directory, as `train` does, with `recipe.toml`.

    Args:
        recipe: `kerasgan.recipe.Recipe`.
        directory: The run directory.
        data_dir: Where TFDS keeps its data; by default TFDS's own place.
        overwrite: Whether an earlier run in that directory is deleted instead of continued.
        change_recipe: Whether an earlier run goes on although its recipe was another.
        deterministic: Whether TensorFlow must give the same bits each time, which can be slower.
        verbose: As in `keras.Model.fit`; 0 is silent.
        strategy: `tf.distribute.Strategy`, or `None` for the current one. The recipe's batch is
            shared out to its replicas. Of several workers all call this function, with a directory
            that all of them see; only the first writes there.
        start: The trained model that `training.start_from` names: a new run begins with its
            weights.

    Returns:
        dict, the content of `result.json`; `None` for workers that write nothing.

    Raises:
        UserError: If the data cannot be had, the directory holds something else, or a run of
            another recipe.
        TrainingFailed: If a loss becomes NaN or infinite, or another worker is gone.
        kerasgan.checkpoints.Interrupted: If the process was told to stop, once a checkpoint is
            written.
    """
    training, evaluation = recipe.training, recipe.evaluation
    if training.start_from and start is None:
        raise UserError(f"Pass the model to start from: start=load({training.start_from!r}).")
    keras.utils.set_random_seed(training.seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()

    sets = {
        split: data.load_source(recipe.data.name, split, recipe.data.image_size, data_dir)
        for split in (recipe.data.split, evaluation.split)
    }
    source = sets[recipe.data.split]
    in_epoch = len(source) // recipe.data.batch_size
    check_steps(in_epoch, training.steps_per_execution)
    strategy = strategy or tf.distribute.get_strategy()
    plan = Plan(
        epochs=training.epochs,
        batch_size=recipe.data.batch_size,
        seed=training.seed,
        checkpoint_minutes=training.checkpoint_minutes,
        checkpoints=training.checkpoints,
        every=evaluation.every,
        verbose=verbose,
    )
    with distribution.lost_workers(strategy):
        with strategy.scope():
            gan = build(recipe, source.spec, training.epochs * in_epoch)
        if start is not None:
            take_weights(gan, start)
        source = trained_on(gan, source)
        check_source(gan, source, plan.batch_size)
        if not agree(strategy, recipe.tables(), first_sha256(source)):
            raise UserError("The workers were started with other recipes, or have other data.")

        def scorer():
            splits = (recipe.data.split, evaluation.split)
            compared = [sets[split] for split in splits]
            output = gan.signature.output
            return Scorer(output, *compared, evaluation.num, splits, verbose)

        record = runs.Recipe(recipe)
        return session(gan, source, plan, directory, record, scorer, overwrite, change_recipe)


def first_sha256(source):
    """Returns the SHA-256 of the first part of a source, which checkpoints of 0.1.0 keep too."""
    return data.sha256(next(iter(source.parts.values())))


def take_weights(gan, start):
    """Gives a new model the weights of a trained one; its optimizers start anew.

    The generator takes the averaged weights where the trained model has them.
    """
    pairs = list(zip(gan.networks, start.networks, strict=False))
    pairs[0] = (gan.generator, start.inference_generator)
    if gan.ema_generator is not None:
        pairs.append((gan.ema_generator, start.inference_generator))
    for network, trained in pairs:
        shapes = [[tuple(weight.shape) for weight in each.weights] for each in (network, trained)]
        if len(gan.networks) != len(start.networks) or shapes[0] != shapes[1]:
            raise UserError(
                f"A training starts from a model of the same class and arguments. The "
                f"{network.name} of {type(start).__name__} has other weights than the recipe's."
            )
    for network, trained in pairs:
        network.set_weights(trained.get_weights())


def trained_on(gan, source):
    """Returns a source of the parts that a model trains on, or refuses the data."""
    missing = [part for part in gan.signature.example if part not in source.spec]
    if missing:
        raise UserError(f"{type(gan).__name__} needs {missing[0]}s. {source.name} has none.")
    return source.only(gan.signature.example)


def session(gan, source, plan, directory, record, scorer, overwrite=False, change_recipe=False):
    """Trains a compiled model from where its run directory stands to the end of the plan.

    Args:
        gan: The compiled model.
        source: The training examples.
        plan: A `Plan`.
        directory: The run directory.
        record: What the directory says of the training; a `kerasgan.runs` record.
        scorer: Function that makes the `Scorer`, or gives `None`: there is no score.
        overwrite, change_recipe: As in `train_recipe`.

    Returns:
        dict, the content of `result.json`; `None` for workers that write nothing.
    """
    say = print if plan.verbose else (lambda *_: None)
    strategy = gan.distribute_strategy
    state = checkpoints.State(
        in_epoch=len(source) // plan.batch_size,
        data_sha256=first_sha256(source),
        fingerprint=source.fingerprint,
    )
    if not distribution.is_chief(strategy):
        return follow(gan, source, plan, directory, state)
    with runs.opened(directory, record, overwrite, change_recipe) as changes:
        result = runs.result(directory)
        if result is not None and not changes:
            distribution.from_chief(strategy, FINISHED)
            score = f": {result['metric']} {result['trained']}" if result["metric"] else ""
            say(f"{directory} holds this run, finished{score}")
            return result
        state = resumed(gan, directory, state, changes, plan, say)
        return lead(gan, source, plan, directory, record, state, scorer())


def lead(gan, source, plan, directory, record, state, scorer):
    """Trains from a state to the end and writes the run directory: the whole of it, or the chief's
    part. Returns the content of `result.json`."""
    say = print if plan.verbose else (lambda *_: None)
    runs.begin(directory, record)
    networks = ", ".join(f"{network.name} {network.count_params():,}" for network in gan.networks)
    output = gan.signature.output
    say(
        f"{type(gan).__name__}: {networks} parameters; {len(source):,} {output.noun} "
        f"{output.shape} of {source.name}{replicas(gan)}"
    )
    if scorer and state.untrained is None:
        say(f"Scoring {scorer.num:,} samples of the untrained generator ...")
        state.untrained = scorer(gan)
    fit(gan, source, plan, directory, state, scorer)

    if scorer:
        say(f"Scoring {scorer.num:,} samples of the trained generator ...")
    result = runs.result_of(gan, state, scorer, source.name)
    with replacing(os.path.join(directory, "model.keras")) as temporary:
        gan.save(temporary)
    draw(gan, directory)
    with replacing(os.path.join(directory, "result.json")) as temporary:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
    distribution.from_chief(gan.distribute_strategy)
    if scorer:
        score, minutes = result["metric"], result["training_minutes"]
        against = f"{result['n_real']:,} of {result['split']}"
        say(f"{score} of {result['n_fake']:,} samples against {against} (lower is better):")
        say(f"  untrained {result['untrained']:8.1f}")
        say(f"  trained   {result['trained']:8.1f}   after {minutes:.1f} minutes")
        say(f"  floor     {result['floor']:8.1f}   real training images in place of samples")
    return result


def follow(gan, source, plan, directory, state):
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
            differs = distribution.from_chief(gan.distribute_strategy)
            goes_on(gan, path, differs, images=step * plan.batch_size)
        state.step = step
        called = [callbacks.StopOnNonFinite(), checkpoints.Means(state)]
        epochs(gan, source, dataclasses.replace(plan, verbose=0), state, called)
        distribution.from_chief(gan.distribute_strategy)  # which still scores and saves


def replicas(gan):
    """Says how many replicas train, where there are several."""
    number = gan.distribute_strategy.num_replicas_in_sync
    return f"; {number} replicas" if number > 1 else ""


def agree(strategy, tables, data_sha256):
    """Tells whether this worker trains by the chief's recipe and on its data."""
    text = json.dumps([tables, data_sha256], sort_keys=True)
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


def check_source(gan, source, batch_size):
    """Refuses what `fit` would refuse, before a directory is touched."""
    checks.training_dataset(gan, data.steps(source, None, batch_size, stop=1, name=source.name))
    output, *others = gan.signature.example
    for part in others:
        called = f"Labels of {source.name}" if part == "label" else part
        gan.signature.example[part].check_batch(source.parts[part], called)


def resumed(gan, directory, new, changes, plan, say):
    """Returns the state to train from: that of the newest checkpoint, which the model then has.
    Tells other workers its step; they and the chief then load it at the same time.

    Args:
        gan: The compiled model.
        directory: The run directory.
        new: The state of a training that begins.
        changes: Keys in which the record differs from the checkpoint's.
        plan: The session's `Plan`.
        say: Function that is told what goes on.
    """
    path, state = checkpoints.newest(os.path.join(directory, "checkpoints"), say)
    if path is None:
        distribution.from_chief(gan.distribute_strategy, 0)
        return new
    same = [(s.in_epoch, s.data_sha256) for s in (state, new)]
    if same[0] != same[1] or state.fingerprint not in ("", new.fingerprint):
        raise UserError(
            f"{directory} was trained on other images or batches ({state.in_epoch} steps an epoch, "
            f"now {new.in_epoch}): name another directory, or pass --overwrite to start anew."
        )
    state.fingerprint = new.fingerprint
    distribution.from_chief(gan.distribute_strategy, state.step)
    tables = {change.partition(".")[0] for change in changes}
    bits = [bool(changes), *(f"{player}_optimizer" in tables for player in gan.players)]
    differs = sum(bit << place for place, bit in enumerate(bits))
    distribution.from_chief(gan.distribute_strategy, differs)
    goes_on(gan, path, differs, images=state.step * plan.batch_size)
    say(f"Going on after step {state.step:,}, from {path}")
    return state


def goes_on(gan, path, differs, images):
    """Restores a checkpoint, on the chief and the other workers alike.

    Args:
        gan: The compiled model.
        path: The checkpoint.
        differs: Number whose bits say what differs from the training that was saved: anything,
            then the optimizer of each player.
        images: Number of images that the model has seen.
    """
    rates = [p for place, p in enumerate(gan.players, start=1) if differs >> place & 1]
    checkpoints.restore(gan, path, changed=gan.players if differs else (), rates=rates)
    if int(gan.images_seen.numpy()) == 0:  # a checkpoint of kerasgan 0.1.0
        gan.images_seen.assign(images)


def fit(gan, source, plan, directory, state, scorer):
    """Trains from a state to the plan's last epoch; the state is then that of the end."""
    saver = checkpoints.Checkpoints(
        os.path.join(directory, "checkpoints"),
        state,
        plan.checkpoint_minutes,
        plan.checkpoints,
        plan.callbacks,
    )
    called = run_callbacks(directory, saver, scorer, plan)
    try:
        with saver.signals():
            epochs(gan, source, plan, state, called)
            saver.stop_if_asked()
    except TrainingFailed as error:
        good, _ = checkpoints.newest(os.path.join(directory, "checkpoints"), lambda *_: None)
        kept = f"The last good checkpoint is {good}." if good else "There is no checkpoint before."
        raise TrainingFailed(f"{error} {kept}") from error
    runs.write_history(directory, state.history)  # also of an epoch that ended in an interruption


def epochs(gan, source, plan, state, callbacks):
    """Calls `fit` until the plan's last step; `state.step` is then that."""
    last = plan.epochs * state.in_epoch
    while state.step < last and not gan.stop_training:
        # An epoch that was interrupted ends first; then all that are left.
        epoch, done = divmod(state.step, state.in_epoch)
        stop = state.step - done + state.in_epoch if done else last
        gan.fit(
            data.steps(source, None, plan.batch_size, plan.seed, state.step, stop),
            initial_epoch=epoch,
            epochs=epoch + 1 if done else plan.epochs,
            steps_per_epoch=state.in_epoch - done,
            verbose=plan.verbose,
            callbacks=callbacks,
        )
        if not gan.stop_training:
            state.step = stop


def build(recipe, spec, updates=None):
    """Returns the compiled model of a recipe.

    Args:
        recipe: `kerasgan.recipe.Recipe`.
        spec: dict from the parts of an example to their kinds, as `source.spec` has it.
        updates: Number of training steps, over which a `linear_decay` takes a learning rate to 0.
    """
    training, model = recipe.training, models.get(recipe.model.name)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(training.precision)
    try:
        gan = model(**model.from_spec(spec), seed=training.seed, **recipe.model.arguments)
    finally:
        keras.config.set_dtype_policy(before)
    optimizers = {}
    for player, default in zip(gan.players, gan.default_optimizers(), strict=True):
        optimizer = build_optimizer(recipe.optimizers[player], default)
        if recipe.optimizers[player].linear_decay and updates:
            rate = float(optimizer.learning_rate.numpy())
            optimizer.learning_rate = keras.optimizers.schedules.PolynomialDecay(
                rate, updates * gan.updates_in_step(player), 0.0
            )
        optimizers[f"{player}_optimizer"] = optimizer
    gan.compile(
        **optimizers,
        jit_compile={"auto": "auto", "on": True, "off": False}[training.jit_compile],
        steps_per_execution=training.steps_per_execution,
    )
    return gan


def run_callbacks(directory, saver, scorer, plan):
    """Returns the callbacks of a run: guard, score, checkpoints, grids, curves."""

    def inside(*names):
        return os.path.join(directory, *names)

    made = [callbacks.StopOnNonFinite(), callbacks.WarnOnCollapse()]
    if scorer and plan.every:
        made.append(
            callbacks.FrechetDistance(
                scorer.real, plan.every, scorer.num, SCORE_SEED, scorer.extractor
            )
        )
    grids = callbacks.SampleGrid(
        inside("samples"),
        seed=SAMPLE_SEED,
        log_dir=inside("tensorboard"),
        untrained=saver.state.step == 0,
    )
    history = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: runs.write_history(directory, saver.state.history)
    )
    board = keras.callbacks.TensorBoard(inside("tensorboard"), write_graph=False)
    return [*made, grids, board, *plan.callbacks, saver, history]


def draw(gan, directory, zoom=2):
    """Writes `samples.png`, 64 seeded samples, and `progress.png`, if they can be drawn."""
    samples = images.sample_grid(gan, seed=SAMPLE_SEED)
    if samples is None:
        return
    images.save_png(samples, os.path.join(directory, "samples.png"), zoom)
    callbacks.progress_strip(
        os.path.join(directory, "samples"),
        os.path.join(directory, "progress.png"),
        image_shape=gan.signature.output.picture_shape,
        zoom=zoom,
    )
