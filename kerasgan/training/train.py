"""Trains a model in a run directory, by call or by recipe."""

import dataclasses
import os

import keras
import tensorflow as tf

from kerasgan.data import checks, load_source, pairs, side_of, unpaired
from kerasgan.data.names import is_folder, is_sounds, number_tested
from kerasgan.data.source import ArraySource
from kerasgan.evaluation.scorer import Scorer
from kerasgan.signature import Text
from kerasgan.training import checkpoints, runs, strategies, texts, words
from kerasgan.training.build import build, completed_by, settled, take_weights
from kerasgan.training.session import (
    Plan,
    check_source,
    config_of,
    session,
    trained_on,
)
from kerasgan.utils import hashing, provenance, replicas
from kerasgan.utils.errors import UserError, check_count
from kerasgan.utils.precision import fastest_policy


def train(
    gan,
    data,
    directory,
    epochs=None,
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
    steps=None,
    grids=0,
):
    """Trains a compiled model in a run directory.

    The directory gets `session.json` (what is trained, and how), `model.keras`, `checkpoints/`,
    `samples/` (a grid per epoch), `samples.png`, `progress.png`, `history.csv`, `tensorboard/`,
    `reconstructions.png` if the model has `reconstruct`, and, last, `result.json`. The same call
    continues an interrupted run from its last checkpoint, however it was interrupted; `epochs` may
    be larger. Of a finished run it loads the model.

    Args:
        gan: A compiled `kerasgan.GAN`, of kerasgan or of your own.
        data: Training examples: an array, a tuple or dict of arrays as in `fit`, a `kerasgan.data`
            source, such as `kerasgan.data.pairs` makes, or the name of a data set or folder as in
            `kerasgan.data.load`.
        directory: The run directory.
        epochs: Passes over the data.
        batch_size: Examples per batch; by default 64 for each update of the discriminator.
        test: Examples to score against, in the same forms; by default the split "test" of a named
            data set. Otherwise, and for outputs without a default extractor, there is no score.
        num: Maximum number of samples and real images of a score.
        every: Epochs between scores; 0 scores only before and after training.
        seed: int, determines the order of the data.
        checkpoint_minutes: Minutes between checkpoints.
        checkpoints: Number of checkpoints to keep.
        callbacks: Further Keras callbacks. Their numbers (patience, best score) are resumed, not
            their arrays (best weights).
        overwrite: Whether to delete an earlier run in that directory rather than continue it.
        verbose: As in `keras.Model.fit`; 0 is silent.
        steps: Number of training steps, in place of `epochs`.
        grids: Epochs between sample grids; 0 draws as often as takes at most 5% of the time.

    Returns:
        dict, the content of `result.json`.

    Raises:
        UserError: If the model is not compiled, the data do not fit, or the directory contains
            something else or another training.
        TrainingFailed: If a loss becomes NaN or infinite.
        kerasgan.training.checkpoints.Interrupted: If the process was interrupted, once a
            checkpoint is written.

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
    if (epochs is None) == (steps is None):
        raise UserError(f"Give `epochs` or `steps`. Received: epochs={epochs}, steps={steps}")
    check_count(*((epochs, "epochs") if steps is None else (steps, "steps")))
    split = "test"
    if test is None and isinstance(data, (str, os.PathLike)):
        if is_folder(data) and number_tested(data) < 2:
            split = "train"  # so few pictures that none are held out
        test = source_of(gan, data, split)
    plan = Plan(
        epochs=epochs,
        batch_size=64 * gan.n_critic if batch_size is None else batch_size,
        seed=seed,
        checkpoint_minutes=checkpoint_minutes,
        checkpoints=checkpoints,
        every=every,
        steps=steps,
        grids=grids,
        callbacks=tuple(callbacks),
        verbose=verbose,
    )
    source = source_of(gan, data, "train")
    label = gan.signature.inputs.get("label")
    if label is not None and label.names is None and source.class_names is not None:
        if len(source.class_names) == label.num_classes:
            gan.name_classes(source.class_names)
    scored = test is not None and gan.signature.output.extractor() is not None
    if gan.seed_drawn:
        drawn = None if overwrite else runs.CallRecord.seed_of(directory)
        gan.seed = replicas.from_chief(gan.distribute_strategy, drawn or gan.seed)
    record = runs.CallRecord(
        {
            "model": {"class": keras.saving.get_registered_name(type(gan)), **config_of(gan)},
            "training": {
                **({"epochs": epochs} if steps is None else {"steps": steps}),
                "batch_size": plan.batch_size,
                "seed": seed,
            },
            "data": {
                "name": source.name,
                "fingerprint": source.fingerprint,
                **({"flip": True} if source.flip else {}),
            },
            **{
                f"{player}_optimizer": {"class": type(each).__name__, **config_of(each)}
                for player, each in gan.optimizers.items()
            },
        },
        absent={**defaults(gan), **defaults_before(gan)},
    )
    with strategies.lost_workers(gan.distribute_strategy):
        check_source(gan, source, plan.batch_size)

        def scorer():
            if not scored:
                return None
            compared = source_of(gan, test, split)
            return Scorer(gan.signature.output, source, compared, num, ("train", split), verbose)

        return session(gan, source, plan, directory, record, scorer, overwrite)


def defaults(gan):
    """Returns the defaults of a model's constructor: what a record without an argument means."""
    parameters = type(gan).constructor_parameters().values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def defaults_before(gan):
    """Returns the former defaults of the arguments whose defaults have changed."""
    changed = type(gan).changed_defaults(config_of(gan))
    return {name: before for name, (before, _) in changed.items()}


def source_of(gan, data, split):
    """Returns data in any of the forms as a source of the parts that a model trains on."""
    if isinstance(data, (str, os.PathLike)):
        output = gan.signature.output
        part = "audio" if is_sounds(data) else "image"
        if "audio" in (part, output.part) and part != output.part:
            held = "sounds" if part == "audio" else "images"
            raise UserError(
                f"{type(gan).__name__} trains on {output.noun}, and {data} holds {held}."
            )
        transparent = tuple(output.shape[2:]) == (4,)
        size, options = side_of(output.shape), output.data_options
        source = load_source(data, split, size, transparent=transparent, **options)
    elif isinstance(data, ArraySource):
        source = data
    else:
        source = ArraySource(checks.check_arrays(gan.signature, data, None, type(gan).__name__))
    encoder = getattr(gan.signature.example.get("text"), "encoder", None)
    if encoder is not None and source.captions is not None and "text" not in source.parts:
        source = texts.with_texts(source, encoder)
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
        recipe: `kerasgan.training.recipe.Recipe`.
        directory: The run directory.
        data_dir: Folder of TFDS; by default TFDS's own.
        overwrite: Whether to delete an earlier run in that directory rather than continue it.
        change_recipe: Whether an earlier run may continue with a different recipe.
        deterministic: Whether TensorFlow must be bit-reproducible, which can be slower.
        verbose: As in `keras.Model.fit`; 0 is silent.
        strategy: `tf.distribute.Strategy`, or `None` for the current one. The recipe's batch is
            split between its replicas. All workers call this function, with a shared directory, to
            which only the first writes.
        start: The trained model that `training.start_from` names; a new run starts from its
            weights. A run that goes on needs none.

    Returns:
        dict, the content of `result.json`; `None` for workers that write nothing.

    Raises:
        UserError: If the data are not available, or the directory contains something else or a
            run of another recipe.
        TrainingFailed: If a loss becomes NaN or infinite, or another worker is lost.
        kerasgan.training.checkpoints.Interrupted: If the process was interrupted, once a
            checkpoint is written.
    """
    recipe = with_precision(recipe, None if overwrite else directory)
    training, evaluation = recipe.training, recipe.evaluation
    if training.start_from and start is None and (overwrite or not checkpoints.begun(directory)):
        raise UserError(f"Pass the model to start from: start=load({training.start_from!r}).")
    keras.utils.set_random_seed(training.seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()

    sets = {
        split: source_of_recipe(recipe.data, split, data_dir)
        for split in (recipe.data.split, evaluation.split)
    }
    encoder = None
    if recipe.data.texts:
        going_on = None if overwrite else directory
        source = sets[recipe.data.split]
        encoder = texts.encoder_for(recipe, source, going_on, start, verbose)
        sets = {split: texts.with_texts(each, encoder) for split, each in sets.items()}
    known = None
    if recipe.data.words:
        going_on = not overwrite and checkpoints.begun(directory)
        known = words.kept(directory if going_on else None)
        known = known or words.Words.of(sets[recipe.data.split], verbose=bool(verbose))
        sets = {split: known.pairs(each, bool(verbose)) for split, each in sets.items()}
    source = sets[recipe.data.split]
    spec = source.spec if encoder is None else {**source.spec, "text": Text(encoder.dim, encoder)}
    recipe = completed_by(recipe, spec, print if verbose else lambda *_: None)
    kept = None if overwrite else runs.kept_arguments(directory, recipe.model.name)
    recipe = settled(recipe, spec, kept)
    in_epoch = len(source) // recipe.data.batch_size
    strategy = strategy or tf.distribute.get_strategy()
    plan = Plan(
        epochs=training.epochs,
        batch_size=recipe.data.batch_size,
        seed=training.seed,
        checkpoint_minutes=training.checkpoint_minutes,
        checkpoints=training.checkpoints,
        every=evaluation.every,
        steps=training.steps,
        grids=training.grids,
        verbose=verbose,
    )
    with strategies.lost_workers(strategy):
        with strategy.scope():
            gan = build(recipe, spec, plan.last(in_epoch))
        if start is not None:
            take_weights(gan, start)
        if recipe.data.words and "condition" not in gan.signature.example:
            raise UserError(
                f"{type(gan).__name__} takes no condition, so that it would draw words whatever "
                f'the picture: data.words is for model.name = "cgan".'
            )
        source = trained_on(gan, source)
        check_source(gan, source, plan.batch_size)
        weights = [provenance.weights_sha256(each) for each in gan.networks if start is not None]
        if not agree(strategy, without_places(recipe.tables()), [source.fingerprint, weights]):
            raise UserError("The workers were started with other recipes, or have other data.")

        def scorer():
            splits = (recipe.data.split, evaluation.split)
            compared = [sets[split] for split in splits]
            output = gan.signature.output
            return Scorer(output, *compared, evaluation.num, splits, verbose)

        record = runs.Recipe(recipe, absent=defaults_before(gan), words=known)
        return session(gan, source, plan, directory, record, scorer, overwrite, change_recipe)


def with_precision(recipe, directory):
    """Returns a recipe with the precision that "auto" stands for: that of the run in a directory
    that goes on, or else the fastest of this machine."""
    if recipe.training.precision != "auto":
        return recipe
    kept = runs.kept_tables(directory).get("training", {}) if directory else {}
    return recipe.replace(training={"precision": kept.get("precision", fastest_policy())})


def source_of_recipe(data, split, data_dir=None):
    """Returns a split of the data that a recipe's table describes."""
    options = {
        "split": split,
        "image_size": data.image_size,
        "data_dir": data_dir,
        "transparent": data.transparent,
        "background": data.background,
        "skip_damaged": data.skip_damaged,
        "flip": data.flip,
    }
    if data.source is None:
        of_sounds = {"length": data.length, "rate": data.rate, "normalize": data.normalize}
        return load_source(data.name, **options, **of_sounds)
    return (pairs if data.paired else unpaired)(data.name, data.source, **options)


def source_for(gan, data, split, data_dir=None):
    """Returns a split of the data of a recipe as a trained model takes them: images of its size,
    texts as its encoder sees them.

    Args:
        gan: The model.
        data: `kerasgan.training.schema.Data`.
        split, data_dir: As in `kerasgan.data.load`.
    """
    if len(gan.signature.output.shape) == 3:
        data = dataclasses.replace(data, image_size=side_of(gan.signature.output.shape))
    source = source_of_recipe(data, split, data_dir)
    if data.words:
        known = gan.words or words.Words.of(source_of_recipe(data, data.split, data_dir))
        return known.pairs(source)
    return texts.with_texts(source, gan.encoder) if data.texts else source


def without_places(tables):
    """Returns a recipe's tables without names and paths of data and weights, which may lie
    elsewhere on another worker."""
    places = {"data": ("name", "source"), "training": ("start_from",)}
    return {
        table: {key: value for key, value in keys.items() if key not in places.get(table, ())}
        for table, keys in tables.items()
    }


def agree(strategy, tables, content):
    """Tells whether this worker has the chief's recipe, data and, if given, weights."""
    own = int(hashing.of_json([tables, content])[:15], 16)
    return replicas.from_chief(strategy, own) == own
