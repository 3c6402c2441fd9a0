"""`compile` and `fit`."""

import keras
import numpy as np
import tensorflow as tf

from kerasgan import data, schedules
from kerasgan.data import checks
from kerasgan.gan.steps import trainable
from kerasgan.utils.errors import UserError


class Fitting:
    """Keras's verbs for training."""

    def compile(
        self,
        g_optimizer=None,
        d_optimizer=None,
        jit_compile="auto",
        run_eagerly=False,
        steps_per_execution=1,
        **optimizers,
    ):
        """Sets the optimizers of the players; by default the paper's.

        For a changing learning rate, use a `keras.optimizers.schedules.LearningRateSchedule`.

        Args:
            g_optimizer: `keras.optimizers.Optimizer`, its name, or `None`.
            d_optimizer: The same for the discriminator; not the same object.
            jit_compile: Whether XLA compiles the step. "auto" means yes on a GPU, and no on a CPU,
                where it was slower.
            run_eagerly: Whether to run without `tf.function`, for debugging.
            steps_per_execution: Number of steps in one call from Python.
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
        if len({id(each) for each in chosen.values()}) < len(chosen):
            two = " and ".join(f"`{name}`" for name in names)
            number = {2: "two optimizers"}.get(len(names), f"{len(names)} optimizers")
            raise UserError(f"{two} must be {number}, not one.")
        replicas = self.distribute_strategy.num_replicas_in_sync
        if jit_compile is True and replicas > 1:
            raise UserError(
                f"XLA compiles the step of one device: leave `jit_compile` out under a strategy of "
                f"several. Received: jit_compile=True, {replicas} replicas"
            )
        self._jit_argument = jit_compile
        if jit_compile == "auto" and not tf.config.list_physical_devices("GPU"):
            jit_compile = False
        super().compile(
            optimizer=None,
            jit_compile=jit_compile,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
        )
        for player, default in zip(self.players, self.default_optimizers(), strict=True):
            name = f"{player}_optimizer"
            networks = self.networks_of(player)
            setattr(self, name, self._build_optimizer(chosen.get(name, default), networks))

    def _build_optimizer(self, optimizer, networks):
        optimizer = keras.optimizers.get(optimizer)
        for value in vars(optimizer).values():
            if isinstance(value, schedules.Schedule):
                value.follow(self.images_seen)
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if self.dtype_policy.name == "mixed_float16" and not scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        # Built here, since a strategy and loading need built optimizers.
        optimizer.build(trainable(networks))
        return optimizer

    def fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        """Trains the networks, as `keras.Model.fit` does.

        A training example consists of the parts in `signature.example`: images, or images and
        labels, ... Pass them as a tuple in that order, or as a dict by name.

        Args:
            x: A `tf.data.Dataset` of batches of examples; or an array, a tuple or a dict of arrays:
                images (N, H, W, C), float in [-1, 1] or uint8, or the model's other kind of output.
                Arrays are shuffled and batched; an epoch's last incomplete batch is dropped.
            y: With `x` an array: the next part, e.g. class ids (N,), or a dict of all others.
            batch_size: Examples in a batch, for arrays; by default 64 for each update of the
                discriminator in a step, `64 * n_critic`.
            epochs: Number of passes over the data.
            **kwargs: As in `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`, with each loss's mean over each epoch.

        Raises:
            UserError: If a part does not fit the model, is not finite, out of range, missing or
                superfluous, or if the batch is not divisible by `n_critic`. The first 1,000 batches
                of a dataset are checked before the first step.
            tf.errors.InvalidArgumentError: The same for datasets of unknown length, which are
                checked while they are read.
        """
        for name in ("validation_split", "class_weight", "sample_weight"):
            if kwargs.pop(name, None):
                raise UserError(f"`{name}` means nothing to a GAN; `validation_data` does.")
        shuffle = kwargs.pop("shuffle", True)
        if is_arrays(x):
            example = checks.check_arrays(self, x, y)
            batch_size = 64 * self.n_critic if batch_size is None else batch_size
            x = data.batches(
                tuple(example.values()), None, batch_size, shuffle, seed=self.seed, name="`x`"
            )
            y = None
        if isinstance(x, tf.data.Dataset):
            x = checks.training_dataset(self, x)
            x = self._kept.fill(x, self.signature)
        elif not isinstance(x, tf.distribute.DistributedDataset):
            raise UserError(
                "`x` must be a NumPy array or a tf.data.Dataset "
                f"(`tf.data.Dataset.from_generator` makes one). Received: {type(x).__name__}"
            )
        return super().fit(x, y, epochs=epochs, shuffle=False, **kwargs)


def is_arrays(x):
    """Tells whether `fit` was given arrays, or a tuple or dict of them."""
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, tuple) else [x]
    return bool(parts) and all(isinstance(part, (np.ndarray, tf.Tensor)) for part in parts)
