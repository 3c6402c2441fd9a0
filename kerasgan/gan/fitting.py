"""`compile` and `fit`."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from kerasgan import data, schedules
from kerasgan.data import checks, intake
from kerasgan.gan.fused import fuse
from kerasgan.gan.monitoring import prepared_callbacks
from kerasgan.gan.pace import Calls, Pace
from kerasgan.gan.steps import clips, trainable
from kerasgan.gan.surface import AllOptimizers
from kerasgan.utils.errors import UserError, check_count

REFUSED = ("validation_split", "class_weight", "sample_weight")


class Fitting:
    """Keras's verbs for training."""

    def compile(
        self,
        g_optimizer=None,
        d_optimizer=None,
        jit_compile="auto",
        run_eagerly=False,
        steps_per_execution="auto",
        **optimizers,
    ):
        """Sets the optimizers of the players; by default the paper's.

        For a changing learning rate, use a `keras.optimizers.schedules.LearningRateSchedule`.

        Args:
            g_optimizer: `keras.optimizers.Optimizer`, its name, or `None`.
            d_optimizer: The same for the discriminator; not the same object.
            jit_compile: Whether XLA compiles the step. "auto" means yes on a GPU, and no on a CPU,
                where it was slower. Under XLA a seed gives other random numbers.
            run_eagerly: Whether to run without `tf.function`, for debugging.
            steps_per_execution: Number of steps in one call from Python, after which callbacks are
                called; an epoch's last calls may have fewer. "auto" means as many as take 0.1
                seconds, or 1 if a callback follows each step: one with `on_train_batch_end` or the
                like and without an attribute `once_a_call` that is true.
            **optimizers: Optimizers of further players, `<player>_optimizer`.

        Raises:
            UserError: If two optimizers are the same object, a player does not exist, or XLA is
                asked to compile for several replicas.
        """
        optimizers.update(g_optimizer=g_optimizer, d_optimizer=d_optimizer)
        chosen = {name: each for name, each in optimizers.items() if each is not None}
        names = [f"{player}_optimizer" for player in self.players]
        if unknown := sorted(set(chosen) - set(names)):
            raise UserError(
                f"{type(self).__name__} has {', '.join(names)}. Received: {', '.join(unknown)}"
            )
        if steps_per_execution != "auto":
            check_count(steps_per_execution, "steps_per_execution")
        objects = [id(each) for each in chosen.values() if not isinstance(each, str | dict)]
        if len(set(objects)) < len(objects):
            two = " and ".join(f"`{name}`" for name in names)
            number = {2: "two optimizers"}.get(len(names), f"{len(names)} optimizers")
            raise UserError(f"{two} must be {number}, not one.")
        replicas = self.distribute_strategy.num_replicas_in_sync
        if jit_compile is True and replicas > 1:
            raise UserError(
                f"XLA compiles the step of one device: leave `jit_compile` out under a strategy of "
                f"several. Received: jit_compile=True, {replicas} replicas"
            )
        if int(self.images_seen.numpy()) > 0:
            self.restart_average()
        self._jit_argument = jit_compile
        if jit_compile == "auto" and not tf.config.list_physical_devices("GPU"):
            jit_compile = False
        super().compile(
            optimizer=None,
            jit_compile=jit_compile,
            run_eagerly=run_eagerly,
        )
        self.pace = Pace(steps_per_execution)
        for player, default in zip(self.players, self.paper_optimizers(), strict=True):
            name = f"{player}_optimizer"
            networks = self.networks_of(player)
            setattr(self, name, self._build_optimizer(chosen.get(name, default), networks))
        self.optimizer = AllOptimizers(self)

    def _build_optimizer(self, optimizer, networks):
        optimizer = keras.optimizers.get(optimizer)
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if self.dtype_policy.name == "mixed_float16" and not scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        check_optimizer(optimizer, self.distribute_strategy.num_replicas_in_sync)
        inner = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales losses
        for value in vars(inner).values():
            if isinstance(value, schedules.Schedule):
                value.follow(self.images_seen)
        # Built here, since a strategy and loading need built optimizers.
        optimizer.build(trainable(networks))
        fuse(optimizer)
        return optimizer

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        **kwargs,
    ):
        """Trains the networks, as `keras.Model.fit` does.

        A training example consists of the parts in `signature.example`: images, or images and
        labels, ... Pass them as a tuple in that order, or as a dict by name. Models without labels
        ignore those of (images, labels).

        Args:
            x: One of
                - Arrays: images (N, H, W, C), float in [-1, 1] or uint8, or the model's other kind
                  of output; or a tuple or dict of the parts of the examples. They are shuffled and
                  batched. Each call goes on with new orders, so that two calls of one epoch train
                  as one call of two. An epoch's last incomplete batch is dropped.
                - A `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator or another iterable of
                  batches of examples; batches are checked as they are read.
                - A `tf.distribute.DistributedDataset`.
            y: With `x` an array: the next part, e.g. class ids (N,), or a dict of all others.
            batch_size: Examples in a batch, for arrays; by default 64 for each update of the
                discriminator in a step, `64 * n_critic`, or fewer if there are fewer examples.
            epochs: Number of passes over the data.
            verbose: As in `keras.Model.fit`.
            callbacks: List of `keras.callbacks.Callback`. Those that change a learning rate need
                `kerasgan.callbacks.for_optimizer`.
            **kwargs: As in `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`, with each loss's mean over each epoch.

        Raises:
            UserError: If a part does not fit the model, is not finite, out of range or missing, or
                if the batch is not divisible by `n_critic`. Arrays are checked before the first
                step, other data batch by batch.

        Warns:
            UserWarning: If images look as if they were scaled to [0, 1], or if a player has no
                trainable weights.
        """
        for name in REFUSED:
            value = kwargs.pop(name, None)
            if value is not None and not (np.isscalar(value) and value == 0):
                remedy = ": pass `validation_data`" if name == "validation_split" else ""
                raise UserError(f"`{name}` means nothing to a GAN{remedy}.")
        check_count(epochs, "epochs", least=0)
        shuffle = kwargs.pop("shuffle", True)
        draws, refusals = intake.draws_of(x), checks.Refusals()
        x = x.parts if isinstance(x, data.ArraySource) else x
        if intake.is_arrays(x):
            x, steps = self._batches_of(x, y, batch_size, epochs, shuffle, draws, kwargs)
            kwargs["steps_per_epoch"] = steps
        else:
            if y is not None or batch_size is not None:
                name = "y" if y is not None else "batch_size"
                raise UserError(f"`{name}` goes with arrays; `x` yields whole batches.")
            x = self._checked_batches(x, refusals, kwargs.get("steps_per_epoch"))
        distributed = isinstance(x, tf.distribute.DistributedDataset)
        if distributed != self._checks_steps:
            self._checks_steps = distributed
            self.train_function = None  # traced anew, with checks or without
        callbacks = self._callback_list(
            prepared_callbacks(self, callbacks), x, kwargs, epochs, verbose
        )
        for player in self.players:
            if not trainable(self.networks_of(player)):
                warnings.warn(
                    f"Player `{player}` has no trainable weights: it does not change.", stacklevel=2
                )
        try:
            with refusals.raised():
                return super().fit(
                    x, epochs=epochs, verbose=verbose, callbacks=callbacks, shuffle=False, **kwargs
                )
        finally:
            self.pace.stop()

    def _callback_list(self, callbacks, x, options, epochs, verbose):
        """Returns the callbacks in a list that is called as often as Python calls TensorFlow."""
        own = isinstance(callbacks, keras.callbacks.CallbackList)  # complete: Keras adds none
        steps, number = epoch_steps(x, options), epochs - options.get("initial_epoch", 0)
        held = steps if steps and holds(x, options, steps * number) else None
        called = callbacks.callbacks if own else callbacks
        self.pace.start(self.distribute_strategy, called, held)
        return Calls(
            [callbacks] if own else callbacks,
            self.pace,
            add_history=not own,
            add_progbar=not own and verbose != 0,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
            model=self,
        )

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            self.train_function = self.pace.function(self)

    # Whether `train_step` checks its data: those of a distributed dataset, checked nowhere else.
    _checks_steps = False

    def _batches_of(self, x, y, batch_size, epochs, shuffle, draws, kwargs):
        """Returns the dataset of a call of `fit` with arrays, and its steps in an epoch."""
        independent = [
            part for part in self.signature.example if part in draws.get("independent", ())
        ]
        who = type(self).__name__
        parts = checks.check_arrays(self.signature, x, y, who, independent)
        example = data.ArraySource(parts, "`x`", **{**draws, "independent": independent})
        if batch_size is None:
            whole = len(example) // self.minibatches_in_batch * self.minibatches_in_batch
            batch_size = min(64 * self.n_critic, whole) or self.minibatches_in_batch
        check_count(batch_size, "batch_size")
        checks.check_batch_size(batch_size, "`x`", self.minibatches_in_batch)
        in_epoch = len(example) // batch_size
        steps = kwargs.get("steps_per_epoch") or in_epoch
        if not shuffle:
            dataset = data.batches(example, None, batch_size, False, name="`x`").repeat()
        else:
            start = int(self.images_seen.numpy()) // batch_size
            if in_epoch and not kwargs.get("steps_per_epoch"):
                start = -(-start // in_epoch) * in_epoch
            stop = start + max(epochs - kwargs.get("initial_epoch", 0), 0) * steps
            dataset = data.steps(
                example, None, batch_size, self.seed % 2**31, start, stop, name="`x`"
            )
        return checks.untuned(self._kept.fill(dataset, self.signature)), steps

    def keep_examples(self, dataset):
        """Keeps up to 64 examples of inputs that must be given, if there are none yet.

        Args:
            dataset: `tf.data.Dataset` of batches of examples.
        """
        self._kept.fill(checks.training_dataset(self, dataset), self.signature)

    def _checked_batches(self, x, refusals, steps_per_epoch):
        """Returns the data of a call of `fit` that are no arrays, in the form that Keras takes."""
        if isinstance(x, tf.distribute.DistributedDataset):
            who = type(self).__name__
            for part, spec in self.signature.example_from(x.element_spec, who=who).items():
                for each in tf.nest.flatten(getattr(spec, "_value_specs", spec)):
                    self.signature.example[part].check_spec(each, f"{part} of `x`")
            return x
        if isinstance(x, keras.utils.PyDataset):
            who, minibatches = type(self).__name__, self.minibatches_in_batch
            x = intake.CheckedBatches(x, self.signature, who, minibatches, refusals)
            self._kept.fill_from(x, self.signature)
            return x
        dataset = checks.training_dataset(self, intake.as_dataset(x), refusals)
        if dataset.cardinality() == tf.data.INFINITE_CARDINALITY and not steps_per_epoch:
            raise UserError("`x` is endless: give `steps_per_epoch`.")
        with refusals.raised():
            if dataset.cardinality() > 0:  # it can be read again: a mistake is told before tracing
                next(iter(dataset))
            return self._kept.fill(dataset, self.signature)

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """Trains on one batch for one step, as `keras.Model.train_on_batch` does.

        Args:
            x, y: Arrays, as in `fit`.
            sample_weight, class_weight: Must be `None`.
            return_dict: Whether to return a dict rather than a list.

        Returns:
            The losses in the order of `metrics_names`, or a dict of them.

        Raises:
            UserError: As `fit`, or if the model has several replicas.
        """
        example = self._one_batch(x, y, sample_weight, class_weight)
        return super().train_on_batch(example, return_dict=return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Returns the losses that a training step on a batch would log, without training.

        Args:
            x, y: Arrays, as in `fit`.
            sample_weight: Must be `None`.
            return_dict: Whether to return a dict rather than a list.

        Returns:
            As `train_on_batch`.

        Raises:
            UserError: As `train_on_batch`.
        """
        state = [*self.variables, *self.optimizer_variables]
        before = [variable.numpy() for variable in state]
        try:
            return self.train_on_batch(x, y, sample_weight, return_dict=return_dict)
        finally:
            for variable, value in zip(state, before, strict=True):
                variable.assign(value)

    def _one_batch(self, x, y, sample_weight, class_weight):
        for name, value in (("sample_weight", sample_weight), ("class_weight", class_weight)):
            if value is not None:
                raise UserError(f"`{name}` means nothing to a GAN.")
        if self.distribute_strategy.num_replicas_in_sync > 1:
            raise UserError("Single batches go to one device: use `fit` with several replicas.")
        example = checks.check_arrays(self.signature, intake.arrays_of(x), y, type(self).__name__)
        checks.check_batch_size(len(next(iter(example.values()))), "`x`", self.n_critic)
        return example


def epoch_steps(x, options):
    """Returns the number of steps in an epoch, or `None` if it is not known before its end.

    Args:
        x: Data of `fit`, prepared for Keras.
        options: Further arguments of `fit`.
    """
    steps = options.get("steps_per_epoch") or known_batches(x)
    return min(filter(None, [steps, keras.config.max_steps_per_epoch()]), default=None)


def known_batches(x):
    """Returns how many batches data of `fit` hold, or `None` if that is endless or not known."""
    if isinstance(x, tf.data.Dataset):
        return int(x.cardinality()) if x.cardinality() >= 0 else None
    return getattr(x, "num_batches", None)


def holds(x, options, steps):
    """Tells whether data of `fit` hold a number of steps, as far as it is known.

    With `steps_per_epoch` Keras reads on where the last epoch ended; without it, from the start.
    """
    known = known_batches(x)
    return not options.get("steps_per_epoch") or known is None or steps <= known


def check_optimizer(optimizer, replicas):
    """Refuses options of an optimizer that would do nothing, or something else, in a GAN."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if inner.use_ema:
        raise UserError(
            "`use_ema` of an optimizer averages weights that nobody reads: pass `ema_decay=0.999` "
            "to the model, which samples, scores and exports the averaged generator."
        )
    if replicas > 1 and inner.gradient_accumulation_steps:
        raise UserError(
            f"`gradient_accumulation_steps` does not work with several replicas in TensorFlow: use "
            f"larger batches. Received: {inner.gradient_accumulation_steps}, {replicas} replicas"
        )
    if replicas > 1 and clips(inner) and inner is not optimizer:
        raise UserError(
            "Gradients cannot be clipped with several replicas and a scaled loss: use "
            "`mixed_bfloat16`, which needs no scaling."
        )
