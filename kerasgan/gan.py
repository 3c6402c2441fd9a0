"""`GAN`: what every model here shares and no paper describes. Networks, losses and the order of
updates stand in the model's own file under `kerasgan/models/`."""

import inspect
import random

import keras
import numpy as np
import tensorflow as tf

from kerasgan import checks, data, distribution, images, metrics
from kerasgan.errors import UserError, check_count


class GAN(keras.Model):
    """A generator and a discriminator that `fit` trains in alternation.

    A subclass builds its two networks, hands them to this constructor and writes `train_step`
    and `default_optimizers`. Its constructor arguments must be kept as attributes of the same
    names: `get_config` reads them there.

    Args:
        generator: `keras.Model`, latents `z` -> images float32 in [-1, 1]. A conditional one has a
            second input: `label`, int32 class ids (N,), or `condition`, float32 (N, D).
        discriminator: `keras.Model`, images (and the same second input) -> logits (N, 1).
        ema_decay: `None`, or a float in (0, 1): also keep an exponential moving average of the
            generator's weights, which `call`, `sample`, `evaluate` and exports then use.
        seed: int that fixes the latents drawn in training, or `None` for a random one. Initial
            weights follow `keras.utils.set_random_seed`, as everywhere in Keras.

    Raises:
        UserError: If `ema_decay` is out of range.
    """

    # What `train_step` reports; one `keras.metrics.Mean` each.
    log_names = ("d_loss", "g_loss")
    # Discriminator updates in a `train_step`; each takes its own share of the batch.
    n_critic = 1
    # Number of classes where labels go into the networks.
    num_classes = None
    # Length of condition vectors where those go into the networks.
    condition_dim = None
    # Latents are uniform between these two numbers; without them they are standard normal.
    latent_range = None
    # Where a loaded model comes from, as `kerasgan.load` found it: name, recipe, scores.
    origin = None

    def __init__(self, generator, discriminator, ema_decay=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        if seed is not None:
            check_count(seed, "seed", least=0)
        if ema_decay is not None and not 0.0 < ema_decay < 1.0:
            raise UserError(f"`ema_decay` must lie in (0, 1). Received: ema_decay={ema_decay}")
        self.generator = generator
        self.discriminator = discriminator
        self.ema_decay = ema_decay
        self.ema_generator = None
        if ema_decay is not None:
            average = keras.models.clone_model(generator)
            self.ema_generator = keras.Model(
                average.inputs, average.outputs[0], name="ema_generator"
            )
            self.ema_generator.set_weights(generator.get_weights())
            self.ema_generator.trainable = False
        self.seed = random.randint(1, 10**9) if seed is None else seed
        self.image_shape = tuple(generator.output_shape[1:])
        self.latent_dim = generator.inputs[0].shape[-1]
        # Number of random draws so far: a weight, so that a resumed run goes on where it was.
        self.draws = self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="int64",
            trainable=False,
            aggregation="only_first_replica",
            name="draws",
        )
        self.trackers = {name: keras.metrics.Mean(name) for name in self.log_names}
        self.input_signature = [
            tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name)
            for tensor in generator.inputs
        ]
        self._generate = tf.function(self.generate, input_signature=self.input_signature)
        self.build()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable(package="kerasgan")(cls)

    def build(self, input_shape=None):
        self.built = True  # both networks were, by the constructor

    @property
    def metrics(self):
        return list(self.trackers.values())

    @property
    def saturating_losses(self):
        """Names of the discriminator's losses that are 0 where it tells all images apart."""
        return [name for name in self.log_names if name.startswith("d_loss")]

    @property
    def inference_generator(self):
        """The generator that users see: the averaged one where the model keeps one."""
        return self.ema_generator or self.generator

    @property
    def conditional(self):
        """Whether the networks take a label or condition beside their first input."""
        return len(self.input_signature) == 2

    @property
    def grid_columns(self):
        """Columns of a sample grid: one for each class where they fit, so that columns agree."""
        return self.num_classes if self.num_classes and self.num_classes <= 20 else None

    def call(self, inputs, training=False):
        """Turns latents (N, latent_dim), or (latents, labels), into images (N, H, W, C)."""
        return self.inference_generator(inputs, training=training)

    def generate(self, z, label=None):
        """As `call`, at inference, with the label as an argument of its own; used by exports."""
        return self(z if label is None else (z, label), training=False)

    # --- What a subclass writes ---

    @staticmethod
    def default_optimizers():
        """Returns the paper's two optimizers, `(g_optimizer, d_optimizer)`, not yet built."""
        raise NotImplementedError("A model must say which optimizers its paper uses.")

    def latent_prior(self, num, seed):
        """Draws `num` latents: standard normal, or uniform in `latent_range` where a model has one.

        Args:
            num: int or scalar int tensor.
            seed: int tensor of shape (2,). The same seed gives the same latents, and a larger
                `num` only adds to them.

        Returns:
            float32 tensor (num, latent_dim).
        """
        shape = (num, self.latent_dim)
        if self.latent_range is None:
            return tf.random.stateless_normal(shape, seed, alg="philox")
        return tf.random.stateless_uniform(shape, seed, *self.latent_range, alg="philox")

    # --- What `train_step` is written with ---

    def next_seed(self):
        """Returns a seed (2,): another at each call, the same on every replica."""
        return tf.stack([tf.constant(self.seed, tf.int64), self.draws.assign_add(1)])

    def sample_latents(self, num):
        """Draws fresh latents for a training step."""
        seed = self.next_seed()
        return distribution.own_rows(lambda rows: self.latent_prior(rows, seed), num)

    def sample_uniform(self, num):
        """Draws `num` fresh numbers, uniform in [0, 1), for a training step."""
        seed = self.next_seed()
        return distribution.own_rows(
            lambda rows: tf.random.stateless_uniform((rows,), seed, alg="philox"), num
        )

    def minibatches(self, images):
        """Deals a batch out to `n_critic` minibatches, a list: one image each in turn.

        In turn, so that the minibatches of several replicas together are those of one device.
        """
        shape = tf.shape(images)
        dealt = tf.reshape(images, tf.concat([[-1, self.n_critic], shape[1:]], 0))
        return tf.unstack(dealt, self.n_critic, axis=1)

    def minimize(self, tape, loss, network, optimizer):
        """Takes one step of `optimizer` down the gradient of `loss` for the network's weights.

        Keras sums gradients over replicas, so a loss that is a mean over its replica's images is
        divided by their number: then it is a mean over the global batch. The scale goes in at the
        start of the backward pass, where float16 training needs it.
        """
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        scale = optimizer.scale_loss(tf.ones_like(loss) / replicas)
        variables = network.trainable_variables
        gradients = tape.gradient(loss, variables, output_gradients=scale)
        optimizer.apply(gradients, variables)

    def end_step(self, **losses):
        """Averages the generator's weights (EMA), records the losses and returns them as logs."""
        if self.ema_decay is not None:
            for average, weight in zip(
                self.ema_generator.weights, self.generator.weights, strict=True
            ):
                average.assign(average + (1.0 - self.ema_decay) * (weight - average))
        for name, loss in losses.items():
            self.trackers[name].update_state(loss)
        logs = {name: self.trackers[name].result() for name in losses}
        if distribution.several_workers(self.distribute_strategy):
            # Keras averages logs over workers along their first axis, which a scalar has not.
            return {name: tf.reshape(value, (1,)) for name, value in logs.items()}
        return logs

    # --- Keras's verbs ---

    def compile(
        self,
        g_optimizer=None,
        d_optimizer=None,
        jit_compile="auto",
        run_eagerly=False,
        steps_per_execution=1,
    ):
        """Sets the two optimizers; the paper's where none is given.

        For learning rates that change, give the optimizers a
        `keras.optimizers.schedules.LearningRateSchedule`.

        Args:
            g_optimizer: `keras.optimizers.Optimizer`, its name, or `None`.
            d_optimizer: The same for the discriminator; not the same object.
            jit_compile: Whether XLA compiles the step. "auto" says yes on a GPU and no on a CPU,
                where it was measured to be slower.
            run_eagerly: Whether to run without `tf.function`, for debugging.
            steps_per_execution: Steps that one call from Python runs.

        Raises:
            UserError: If both optimizers are the same object, or XLA is to compile for several
                replicas.
        """
        if g_optimizer is not None and g_optimizer is d_optimizer:
            raise UserError("`g_optimizer` and `d_optimizer` must be two optimizers, not one.")
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
        g_default, d_default = self.default_optimizers()
        self.g_optimizer = self._build_optimizer(g_optimizer or g_default, self.generator)
        self.d_optimizer = self._build_optimizer(d_optimizer or d_default, self.discriminator)

    def _build_optimizer(self, optimizer, network):
        optimizer = keras.optimizers.get(optimizer)
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if self.dtype_policy.name == "mixed_float16" and not scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        # Built here, not at the first step: a strategy demands it, and so does loading its state.
        optimizer.build(network.trainable_variables)
        return optimizer

    def fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        """Trains both networks; everything else is as in `keras.Model.fit`.

        Args:
            x: Images (N, H, W, C), float in [-1, 1] or uint8: a `tf.data.Dataset` of batches, or an
                array, which is shuffled and batched here and
                loses its last incomplete batch in each epoch.
            y: For conditional models given arrays: class ids (N,), or condition vectors (N, D).
                A dataset yields (images, labels) instead.
            batch_size: Images in a batch, for arrays; by default 64 for each update of the
                discriminator in a step, `64 * n_critic`.
            epochs: Number of passes over the data.
            **kwargs: As in `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`, with each loss's mean over each epoch.

        Raises:
            UserError: If images do not fit the model, are not finite or leave [-1, 1], labels are
                missing, out of range or not wanted, or the batch does not divide by `n_critic`;
                found out before the first step, in the first 1,000 batches of a dataset.
            tf.errors.InvalidArgumentError: The same for values and labels of a dataset of unknown
                length, which is checked as it is read.
        """
        for name in ("validation_split", "class_weight", "sample_weight"):
            if kwargs.pop(name, None):
                raise UserError(f"`{name}` means nothing to a GAN; `validation_data` does.")
        shuffle = kwargs.pop("shuffle", True)
        if isinstance(x, (np.ndarray, tf.Tensor)):
            checks.check_images(x, "`x`", image_shape=self.image_shape)
            if self.conditional or y is not None:
                y = checks.labels_for(self, y, len(x))
            batch_size = 64 * self.n_critic if batch_size is None else batch_size
            x = data.batches(x, y, batch_size, shuffle, seed=self.seed, name="`x`")
            y = None
        if isinstance(x, tf.data.Dataset):
            x = checks.training_dataset(self, x)
        elif not isinstance(x, tf.distribute.DistributedDataset):
            raise UserError(
                "`x` must be a NumPy array or a tf.data.Dataset "
                f"(`tf.data.Dataset.from_generator` makes one). Received: {type(x).__name__}"
            )
        return super().fit(x, y, epochs=epochs, shuffle=False, **kwargs)

    def sample(self, num, labels=None, seed=None, batch_size=256):
        """Generates images.

        Args:
            num: Number of images, at least 1.
            labels: For conditional models: class ids (num,), or condition vectors (num, D). Without
                labels the classes take turns: 0, 1, 2, ...
            seed: int. The same seed gives the same images, and a larger `num` only adds to them;
                `None` draws a new seed.
            batch_size: Images generated at a time; it bounds memory and changes nothing else.

        Returns:
            float32 array (num, H, W, C), values in [-1, 1].

        Raises:
            UserError: If `num` is not a positive whole number, or labels are missing where there
                are no classes, out of range, or given to an unconditional model.
        """
        return np.concatenate(list(self.sample_batches(num, labels, seed, batch_size)))

    def sample_batches(self, num, labels=None, seed=None, batch_size=256):
        """As `sample`, batch by batch: yields float32 arrays of at most `batch_size` images."""
        check_count(num, "num")
        check_count(batch_size, "batch_size")
        if seed is not None:
            check_count(seed, "seed", least=0)
        if labels is None and self.num_classes is not None:
            labels = np.arange(num) % self.num_classes
        if self.conditional or labels is not None:
            labels = checks.labels_for(self, labels, num)
        seed = random.randint(1, 10**9) if seed is None else seed
        inputs = [self.latent_prior(num, tf.constant([seed, 0], tf.int64))]
        if labels is not None:
            inputs.append(tf.constant(labels))
        for start in range(0, num, batch_size):
            yield self._generate(*(part[start : start + batch_size] for part in inputs)).numpy()

    def evaluate(
        self,
        x,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=True,
        num=None,
        seed=0,
        extractor=None,
        _use_cached_eval_dataset=False,
    ):
        """Scores the generator's samples against real images.

        Args:
            x: Real images, as `fit` takes them, or their `kerasgan.metrics.Statistics`. Labels that
                come with them are not used.
            verbose: 0 hides the progress bars.
            steps: Number of batches to take of a dataset; an endless one needs it.
            num: Number of samples; by default as many as there are real images.
            seed: Seed of the samples.
            extractor: Feature extractor; `kerasgan.metrics.EfficientNetLite0()` by default.
            y, batch_size, sample_weight, callbacks, return_dict: Not used; `fit` passes them when
                it is given `validation_data`.

        Returns:
            dict with "frechet_distance": FD[extractor] of uint8 images, lower is better. Values
            compare only where extractor, data and both numbers of images are the same.

        Raises:
            UserError: If the real images do not fit the model or leave [-1, 1].
        """
        if isinstance(callbacks, keras.callbacks.CallbackList):
            verbose = 0  # within `fit`, which draws its own bar
        if num is not None:
            check_count(num, "num", least=2)
        extractor = extractor or metrics.EfficientNetLite0()
        real = (
            x
            if isinstance(x, metrics.Statistics)
            else self._real_statistics(x, steps, extractor, verbose)
        )
        num = num or real.count
        samples = images.uint8_batches(self.sample_batches(num, seed=seed))
        fake = extractor.statistics(samples, num, verbose)
        return {"frechet_distance": metrics.frechet_distance(real, fake)}

    def _real_statistics(self, x, steps, extractor, verbose):
        """Returns the statistics of real images, checked as `fit` checks them."""
        if isinstance(x, tf.data.Dataset):
            x = x if steps is None else x.take(steps)
            if x.cardinality() == tf.data.INFINITE_CARDINALITY:
                raise UserError("An endless dataset can only be scored in part: give `steps`.")
            x = checks.check_dataset(x, "`x`", self.image_shape)
            return extractor.statistics(images.uint8_batches(x), None, verbose)
        x = np.asarray(x)
        checks.check_images(x, "`x`", self.image_shape)
        return extractor.statistics(images.uint8_batches(x), len(x), verbose)

    # --- Saving ---

    def get_config(self):
        arguments = inspect.signature(type(self).__init__).parameters
        names = [n for n, p in arguments.items() if n != "self" and p.kind is not p.VAR_KEYWORD]
        config = {name: getattr(self, name) for name in names}
        return {
            **config,
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    def get_compile_config(self):
        if not self.compiled:
            return {}
        return {
            "g_optimizer": keras.optimizers.serialize(self.g_optimizer),
            "d_optimizer": keras.optimizers.serialize(self.d_optimizer),
            "jit_compile": self._jit_argument,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
        }

    def compile_from_config(self, config):
        optimizers = {
            name: keras.optimizers.deserialize(config[name])
            for name in ("g_optimizer", "d_optimizer")
        }
        self.compile(**{**config, **optimizers})

    def export(self, filepath, **kwargs):
        """Writes the generator as a SavedModel: `kerasgan.export.saved_model`."""
        from kerasgan.export import saved_model

        return saved_model(self, filepath, **kwargs)
