"""A training session: resumes a run directory and trains to the end of its plan."""

import dataclasses
import json
import os
import time

import keras
import numpy as np

from kerasgan.callbacks import FrechetDistance, SampleGrid, StopOnNonFinite, WarnOnCollapse
from kerasgan.data import checks, steps
from kerasgan.evaluation.scorer import SCORE_SEED
from kerasgan.training import checkpoints, restoring, runs, strategies
from kerasgan.training.memory import weight_gigabytes
from kerasgan.training.progress import Progress
from kerasgan.utils import pixels, replicas
from kerasgan.utils.errors import TrainingFailed, UserError
from kerasgan.utils.files import replacing
from kerasgan.viz import films, grids, progress

SAMPLE_SEED = 0  # of the grids that a run draws
NOISE = 0.7  # from this share of the untrained score, both above the floor, samples are noise
SECONDS = 5.0  # between writes of the history
FINISHED = -1  # what the chief tells the other workers in place of a step


@dataclasses.dataclass(frozen=True)
class Plan:
    """Length and settings of a session.

    Attributes:
        epochs, batch_size, seed: Of the whole training; the seed determines the order of the data.
        checkpoint_minutes, checkpoints: As in `kerasgan.training.checkpoints.Checkpoints`.
        every: Epochs between scores during training; 0 scores only at the end.
        steps: Number of steps of the whole training, in place of `epochs`; or `None`.
        grids: Epochs between sample grids; 0 as often as takes at most 5% of the time.
        callbacks: Further Keras callbacks.
        verbose: As in `keras.Model.fit`.
    """

    epochs: int
    batch_size: int
    seed: int = 0
    checkpoint_minutes: float = 1.0
    checkpoints: int = 3
    every: int = 0
    steps: int | None = None
    grids: int = 0
    callbacks: tuple = ()
    verbose: object = "auto"

    def last(self, in_epoch):
        """Returns the last step of the training."""
        return self.epochs * in_epoch if self.steps is None else self.steps


def trained_on(gan, source):
    """Returns a source with the parts that a model trains on, or raises UserError."""
    missing = [part for part in gan.signature.example if part not in source.spec]
    if missing == ["source"]:
        raise UserError(
            f"{type(gan).__name__} makes pictures of others, and {source.name} has no part "
            f'"source": `kerasgan.data.pairs` adds it, in a recipe data.source, for example '
            f'data.source = "outline".'
        )
    if missing == ["text"]:
        raise UserError(
            f"{type(gan).__name__} needs texts, and {source.name} has no part of them: "
            f"data.texts = true in a recipe takes the names of noto_emoji_mini or noto_emoji."
        )
    if missing == ["condition"] and len(gan.signature.output.shape) == 1:
        raise UserError(
            f"{type(gan).__name__} needs conditions, and {source.name} has none: data.words = true "
            f"in a recipe makes them of the pictures of noto_emoji_mini or noto_emoji."
        )
    if missing:
        raise UserError(f"{type(gan).__name__} needs {missing[0]}s. {source.name} has none.")
    return source.only(gan.signature.example)


def session(gan, source, plan, directory, record, scorer, overwrite=False, change_recipe=False):
    """Trains a compiled model from the state of its run directory to the end of the plan.

    Args:
        gan: The compiled model.
        source: The training examples.
        plan: A `Plan`.
        directory: The run directory.
        record: The directory's record of the training, from `kerasgan.training.runs`.
        scorer: Function that returns the `Scorer`, or `None` for no score.
        overwrite, change_recipe: As in `train_recipe`.

    Returns:
        dict, the content of `result.json`; `None` for workers other than the chief.
    """
    say = print if plan.verbose else (lambda *_: None)
    strategy = gan.distribute_strategy
    state = checkpoints.State(
        in_epoch=len(source) // plan.batch_size, fingerprint=source.fingerprint
    )
    if not replicas.is_chief(strategy):
        return follow(gan, source, plan, directory, record, state)
    with runs.opened(directory, record, overwrite, change_recipe) as changes:
        result = runs.result(directory)
        if result is not None and not changes:
            last, before = checkpoints.newest(os.path.join(directory, "checkpoints"), say)
            if last is not None:
                restoring.check_data(directory, before, state, source)
            replicas.from_chief(strategy, FINISHED)
            score = f": {result['metric']} {result['trained']}" if result["metric"] else ""
            say(f"{directory} holds this run, finished{score}")
            take_model(gan, directory, record)
            return result
        state = restoring.resumed(gan, directory, state, source, changes, plan, say)
        return lead(gan, source, plan, directory, record, state, scorer())


def lead(gan, source, plan, directory, record, state, scorer):
    """Trains from a state to the end and writes the run directory. Returns its `result.json`."""
    say = print if plan.verbose else (lambda *_: None)
    runs.begin(directory, record, anew=state.step == 0)
    networks = ", ".join(f"{network.name} {network.count_params():,}" for network in gan.networks)
    output = gan.signature.output
    say(
        f"{type(gan).__name__}: {networks} parameters; {len(source):,} {output.noun} "
        f"{output.shape} of {source.name}{of_replicas(gan)}"
    )
    steps_left = plan.last(state.in_epoch) - state.step
    memory, size = weight_gigabytes(gan), sum(part.nbytes for part in source.parts.values()) / 1e9
    takes = f"weights, optimizers and data take {memory + size:.1f} GB"
    if source.cache:
        takes = f"weights and optimizers take {memory:.1f} GB; {size:.1f} GB of data are read from "
        takes += source.cache
    say(
        f"{steps_left:,} steps of {plan.batch_size} {output.noun}, {state.in_epoch:,} in an epoch; "
        f"{takes}"
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
    draw_reconstructions(gan, source, directory)
    with replacing(os.path.join(directory, "result.json")) as temporary:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
    replicas.from_chief(gan.distribute_strategy)
    if scorer:
        score, minutes = result["metric"], result["training_minutes"]
        against = f"{result['n_real']:,} of {result['split']}"
        say(f"{score} of {result['n_fake']:,} samples against {against} (lower is better):")
        say(f"  untrained {result['untrained']:8.1f}")
        say(f"  trained   {result['trained']:8.1f}   after {minutes:.1f} minutes")
        say(f"  floor     {result['floor']:8.1f}   real training images in place of samples")
        floor = result["floor"]
        if result["trained"] - floor > NOISE * (result["untrained"] - floor):
            say(
                f"The samples are hardly better than those of the untrained generator: "
                f"{state.step:,} steps are few. The same command with more of them (and, for a "
                f"recipe, --change-recipe) goes on."
            )
        if result["inflated"]:
            say(f"Scores of so few images are inflated: {result['n_real']:,} of each kind.")
    return result


def take_model(gan, directory, record):
    """Loads the model of a finished run into the caller's: weights, optimizers, random state."""
    if not isinstance(record, runs.CallRecord):
        return  # the caller has no model
    path = os.path.join(directory, "model.keras")
    try:
        gan.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"The run in {directory} is finished, but its model cannot be loaded from {path} "
            f"({reason}): {record.remedies}."
        ) from error


def follow(gan, source, plan, directory, record, state):
    """Trains along with the chief, without writing."""
    with strategies.chief_decides():
        step = replicas.from_chief(gan.distribute_strategy)
        if step == FINISHED:
            return take_model(gan, directory, record)
        if step:
            path = checkpoints.path_of(os.path.join(directory, "checkpoints"), step)
            if not path.is_dir():
                raise UserError(
                    f"The first worker goes on from {path}, which is not to be seen here: all "
                    f"workers must share the run directory."
                )
            state.means = checkpoints.read(path).means
            differs = replicas.from_chief(gan.distribute_strategy)
            restoring.resume_from(gan, path, differs, images=step * plan.batch_size)
        state.step = step
        called = [StopOnNonFinite(), checkpoints.Means(state)]
        epochs(gan, source, dataclasses.replace(plan, verbose=0), state, called)
        replicas.from_chief(gan.distribute_strategy)  # which still scores and saves


def of_replicas(gan):
    """Returns the number of replicas as text, if there are several."""
    number = gan.distribute_strategy.num_replicas_in_sync
    return f"; {number} replicas" if number > 1 else ""


def check_source(gan, source, batch_size):
    """Makes the checks of `fit` before a directory is touched."""
    dataset = steps(source, None, batch_size, stop=1, name=source.name)
    checks.training_dataset(gan, dataset)
    for part, kind in gan.signature.example.items():
        called = f"Labels of {source.name}" if part == "label" else f"`{part}` of {source.name}"
        kind.check_batch(source.parts[part], called)


def fit(gan, source, plan, directory, state, scorer):
    """Trains from a state to the plan's last epoch, and updates the state."""
    saver = checkpoints.Checkpoints(
        os.path.join(directory, "checkpoints"),
        state,
        plan.checkpoint_minutes,
        plan.checkpoints,
        plan.callbacks,
    )
    called = run_callbacks(gan, directory, saver, scorer, plan)
    if plan.verbose in ("auto", 1, True):
        called.append(Progress(plan.last(state.in_epoch), state.step))
        plan = dataclasses.replace(plan, verbose=0)
    try:
        with saver.signals():
            epochs(gan, source, plan, state, called)
            saver.stop_if_asked()
    except TrainingFailed as error:
        good, _ = checkpoints.newest(os.path.join(directory, "checkpoints"), lambda *_: None)
        kept = f"The last good checkpoint is {good}." if good else "There is no checkpoint before."
        raise TrainingFailed(f"{error} {kept}") from error
    # Again, for an interruption at the end of an epoch.
    runs.write_history(directory, state.history)


def epochs(gan, source, plan, state, callbacks):
    """Calls `fit` until the plan's last step, and updates `state.step`."""
    last = plan.last(state.in_epoch)
    while state.step < last and not gan.stop_training:
        # First the rest of an interrupted epoch, then whole ones, then the rest of the steps.
        epoch, done = divmod(state.step, state.in_epoch)
        whole = (last - state.step) // state.in_epoch
        in_this = min(state.in_epoch - done, last - state.step)
        stop = state.step + (whole * state.in_epoch if whole and not done else in_this)
        gan.fit(
            distributed(gan, source, plan, state.step, stop),
            initial_epoch=epoch,
            epochs=epoch + max(1, 0 if done else whole),
            steps_per_epoch=in_this,
            verbose=plan.verbose,
            callbacks=callbacks,
        )
        if not gan.stop_training:
            state.step = stop


def distributed(gan, source, plan, start, stop):
    """Returns the batches of the steps from `start` to `stop`, of which each of several workers
    reads its own rows only."""
    strategy = gan.distribute_strategy

    def batches(rows=None):
        return steps(source, None, plan.batch_size, plan.seed, start, stop, rows=rows)

    if not replicas.several_workers(strategy):
        return batches()
    gan.keep_examples(steps(source, None, plan.batch_size, plan.seed, stop=1))

    def own(context):
        size = plan.batch_size // context.num_replicas_in_sync
        number = plan.batch_size // context.num_input_pipelines
        rows = batches((context.input_pipeline_id * number, number))
        # One batch for each replica in turn
        return checks.untuned(rows.rebatch(size, drop_remainder=True))

    return strategy.distribute_datasets_from_function(own)


def run_callbacks(gan, directory, saver, scorer, plan):
    """Returns the callbacks of a run: guard, score, checkpoints, grids, curves."""

    def inside(*names):
        return os.path.join(directory, *names)

    made = [StopOnNonFinite(), WarnOnCollapse()]
    if scorer and plan.every:
        made.append(
            FrechetDistance(
                scorer.real, plan.every, scorer.num, SCORE_SEED, scorer.extractor, scorer.given(gan)
            )
        )
    drawn = SampleGrid(
        inside("samples"),
        seed=SAMPLE_SEED,
        log_dir=inside("tensorboard"),
        untrained=saver.state.step == 0,
        every=plan.grids,
    )
    history = WriteHistory(directory, saver.state)
    board = keras.callbacks.TensorBoard(inside("tensorboard"), write_graph=False)
    return [*made, drawn, board, *plan.callbacks, saver, history]


class WriteHistory(keras.callbacks.Callback):
    """Writes `history.csv` after an epoch, but not more often than every few seconds."""

    def __init__(self, directory, state):
        super().__init__()
        self.directory, self.state, self.written = directory, state, 0.0

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() - self.written > SECONDS:
            runs.write_history(self.directory, self.state.history)
            self.written = time.monotonic()


def draw(gan, directory, zoom=2):
    """Writes `samples.png`, 64 seeded samples, and the training as `progress.png` and as a film, if
    outputs can be drawn."""
    samples = grids.sample_grid(gan, seed=SAMPLE_SEED, titled=True)
    if samples is None:
        return
    pixels.save_picture(samples, os.path.join(directory, "samples.png"), zoom)
    progress.progress_strip(
        os.path.join(directory, "samples"),
        os.path.join(directory, "progress.png"),
        image_shape=gan.signature.output.picture_shape,
        zoom=zoom,
    )
    films.film(os.path.join(directory, "samples"), os.path.join(directory, "progress.webp"))


def draw_reconstructions(gan, source, directory, num=32, zoom=2):
    """Writes `reconstructions.png` if a model has `reconstruct`: the first images of the data, and
    to the right of each what its discriminator makes of it."""
    if not hasattr(gan, "reconstruct"):
        return
    output = gan.signature.output
    images = output.check(source.parts[output.part][:num], output.part)
    pairs = [images, gan.reconstruct(images)]
    picture = output.grid(np.stack(pairs, axis=1).reshape(-1, *output.shape), columns=8)
    pixels.save_picture(picture, os.path.join(directory, "reconstructions.png"), zoom)


def config_of(made):
    """Returns the config of a model or optimizer without its name, which Keras numbers."""
    return {key: value for key, value in made.get_config().items() if key != "name"}
