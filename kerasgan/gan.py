"""`GAN`: what every model here shares and no paper describes. Networks, losses and the order of
updates stand in the model's own file under `kerasgan/models/`."""

import functools
import inspect
import random
import threading
import typing

import keras
import numpy as np
import tensorflow as tf

from kerasgan import checks, data, distribution, metrics, schedules
from kerasgan.errors import UserError, check_count
from kerasgan.signature import Latent, Signature, output_of

USER_PACKAGE = "kerasgan_user"  # under which Keras knows classes that are not ours
OPTIONS = ("ema_decay", "seed")  # of every model; a config holds them
BUILT = ("generator", "discriminator", "signature")  # what a model's constructor makes itself
KEPT = 64  # examples of given inputs that a model keeps
MOST_LOSSES = 16  # that one update may return
_steps = threading.local()  # a replica's step runs in a thread of its own


class Paper(typing.NamedTuple):
    """The paper that a model follows; cards quote it."""

    authors: str  # with the year
    title: str
    url: str


class GAN(keras.Model):
    """Networks that play against each other, trained with `fit`.

    A subclass builds its networks, hands them to this constructor and writes `train_step` and
    `default_optimizers`. Its constructor arguments must be kept as attributes of the same names:
    saving reads them there. `**options` passes on what every model has: `ema_decay` and `seed`.

    Args:
        generator: `keras.Model` from the signature's inputs, in their order, to its output.
        discriminator: `keras.Model` that judges outputs.
        signature: `kerasgan.signature.Signature`: what the generator takes and gives, and what a
            training example is. By default one input `z`, standard normal, and images, or
            vectors, of the generator's output shape.
        ema_decay: `None`, or a float in (0, 1), or a `kerasgan.schedules` schedule: also keep an
            exponential moving average of the generator's weights, which `call`, `sample`,
            `evaluate` and exports then use.
        seed: int that fixes the latents drawn in training, or `None` for a random one. Initial
            weights follow `keras.utils.set_random_seed`, as everywhere in Keras.

    Raises:
        UserError: If `ema_decay` is out of range, or the signature does not fit the generator.
    """

    # What `train_step` reports; one `keras.metrics.Mean` each.
    log_names = ("d_loss", "g_loss")
    # Who plays: player `g` has `g_optimizer`, which trains the network `self.generator`. A tuple
    # of attributes' names stands for several networks with one optimizer.
    players = {"g": "generator", "d": "discriminator"}
    # Discriminator updates in a `train_step`; each takes its own share of the batch.
    n_critic = 1
    # `Paper` and short name of a model; a subclass has its own or none.
    paper = None
    variant = None
    # Where a loaded model comes from, as `kerasgan.load` found it: name, recipe, scores.
    origin = None

    def __new__(cls, *args, **kwargs):
        gan = super().__new__(cls, *args, **kwargs)
        gan._passed = tuple(kwargs)
        return gan

    def __init__(
        self, generator, discriminator, signature=None, ema_decay=None, seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        if seed is not None:
            check_count(seed, "seed", least=0)
        if isinstance(ema_decay, float | int) and not 0.0 < ema_decay < 1.0:
            raise UserError(f"`ema_decay` must lie in (0, 1). Received: ema_decay={ema_decay}")
        self.generator = generator
        self.discriminator = discriminator
        self.signature = signature or default_signature(generator)
        check_signature(self.signature, generator)
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
        self.image_shape = self.signature.output.shape

        # Random draws and images so far: weights, so that a resumed run goes on where it was.
        self.draws = self._count("draws")
        self.images_seen = self._count("images_seen")
        # Up to `KEPT` examples of inputs that must be given, by name.
        self._kept = KeptExamples()

        self.trackers = {name: keras.metrics.Mean(name) for name in self.log_names}
        self._generate = tf.function(self.generate, input_signature=self.signature.specs)
        # The networks are built. Keras's `build` would lock the model, and a subclass adds to it.
        self.built = True

    def _count(self, name):
        return self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="int64",
            trainable=False,
            aggregation="only_first_replica",
            name=name,
        )

    def __init_subclass__(cls, package=USER_PACKAGE, **kwargs):
        super().__init_subclass__(**kwargs)
        if hasattr(cls, "latent_range"):
            raise UserError(
                f"{cls.__name__}.latent_range is no longer read: pass `signature=Signature("
                f'{{"z": Latent(latent_dim, uniform={cls.latent_range})}}, Image(image_shape))` to '
                f"`super().__init__`."
            )
        for name, default in (("variant", cls.__name__), ("paper", None)):
            if name not in vars(cls):
                setattr(cls, name, default)
        if "train_step" in vars(cls):
            cls.train_step = prepared(cls.train_step)
        keras.saving.register_keras_serializable(package=package)(cls)
        cls.package = package
        if package != "kerasgan":
            # kerasgan 0.1.0 saved users' classes under this name. It stays ours where it is ours.
            known, name = keras.saving.get_custom_objects(), f"kerasgan>{cls.__name__}"
            if getattr(known.get(name), "package", None) != "kerasgan":
                known[name] = cls

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
    def latent_dim(self):
        """Length of the latent vector `z`."""
        return self.signature.inputs["z"].dim

    @property
    def examples(self):
        """dict of the inputs, by name, that the model keeps of those that must be given."""
        return self._kept.arrays

    @property
    def optimizers(self):
        """dict of the optimizers of a compiled model by player."""
        return {player: getattr(self, f"{player}_optimizer") for player in self.players}

    def networks_of(self, player):
        """Returns the list of networks that a player's optimizer trains."""
        names = self.players[player]
        return [getattr(self, name) for name in ([names] if isinstance(names, str) else names)]

    @property
    def networks(self):
        """List of all networks that are trained."""
        return [network for player in self.players for network in self.networks_of(player)]

    def updates_in_step(self, player):
        """Returns how often a step updates the networks of a player."""
        return self.n_critic if player == "d" else 1

    @property
    def minibatches_in_batch(self):
        """What the size of a batch must be divisible by."""
        return self.n_critic * self.distribute_strategy.num_replicas_in_sync

    def grid(self, samples):
        """Returns a picture of samples that `sample` drew without inputs: a column for each class,
        where classes take turns and fit.

        Args:
            samples: float32 array (num, ...).

        Returns:
            uint8 array (H, W, C), or `None` where this kind of output cannot be drawn.
        """
        turns = [kind.turns for kind in self.signature.inputs.values() if kind.turns]
        columns = turns[0] if turns and turns[0] <= 20 else None
        return self.signature.output.grid(samples, columns)

    def call(self, inputs, training=False):
        """Turns the generator's inputs, one or a tuple, into its output."""
        return self.inference_generator(inputs, training=training)

    def generate(self, *inputs):
        """As `call`, at inference, with the inputs as arguments; used by exports."""
        return self(inputs if len(inputs) > 1 else inputs[0], training=False)

    # --- What a subclass writes ---

    @staticmethod
    def default_optimizers():
        """Returns the paper's optimizers in the order of `players`, not yet built."""
        raise NotImplementedError("A model must say which optimizers its paper uses.")

    @classmethod
    def from_spec(cls, spec):
        """Returns the constructor's shape arguments for data of a `kerasgan.data` source's spec.

        Args:
            spec: dict from the parts of an example to their kinds.

        Returns:
            dict of arguments.
        """
        return {"image_shape": spec["image"].shape}

    def latent_prior(self, num, seed):
        """Draws `num` latents `z` as the signature says.

        Args:
            num: int or scalar int tensor.
            seed: int tensor of shape (2,). The same seed gives the same latents, and a larger
                `num` only adds to them.

        Returns:
            float32 tensor (num, latent_dim).
        """
        return self.signature.inputs["z"].draw(num, seed)

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

    def add_state(self, name, initial=0.0, shape=()):
        """Adds a variable that `train_step` updates from the data, such as BEGAN's k_t.

        It is saved and resumed with the model. Replicas take the mean of what each assigns.

        Args:
            name: Name of the weight.
            initial: float, its first value.
            shape: Its shape.

        Returns:
            Keras variable, float32: read it, and `assign` to it.
        """
        return self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(initial),
            dtype="float32",
            trainable=False,
            aggregation="mean",
            name=name,
        )

    def now(self, value):
        """Returns a number as it is, and of a schedule its value at `images_seen`."""
        return value(self.images_seen) if callable(value) else value

    def minibatches(self, batch):
        """Deals a batch out to `n_critic` minibatches: one example each in turn.

        In turn, so that the minibatches of several replicas together are those of one device.

        Args:
            batch: Tensor (N, ...).

        Returns:
            Tensor (n_critic, N / n_critic, ...).
        """
        if self.n_critic == 1:
            return batch[tf.newaxis]
        shape = tf.shape(batch)
        dealt = tf.reshape(batch, tf.concat([[-1, self.n_critic], shape[1:]], 0))
        return tf.ensure_shape(
            tf.einsum("ij...->ji...", dealt), (self.n_critic, None, *batch.shape[1:])
        )

    def repeat(self, update, *parts):
        """Does an update once for each minibatch.

        One device runs it as a loop of one graph, which is traced once; under a strategy of
        several replicas, where TensorFlow refuses optimizers in loops, the loop is unrolled.

        Args:
            update: Function of one minibatch of each part. Returns a dict of at most 16 scalar
                losses.
            *parts: What `minibatches` returns, or lists of as many tensors.

        Returns:
            dict of float32 scalars: what the last update returned.
        """
        number = len(parts[0]) if isinstance(parts[0], list) else parts[0].shape[0]
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if number == 1 or replicas > 1 or tf.executing_eagerly():
            return [update(*(part[i] for part in parts)) for i in range(number)][-1]
        parts = [tf.stack(part) if isinstance(part, list) else part for part in parts]
        names = []

        def body(i, _):
            losses = update(*(part[i] for part in parts))
            names[:] = losses
            values = tf.stack([tf.cast(loss, tf.float32) for loss in losses.values()])
            return i + 1, tf.pad(values, [[0, MOST_LOSSES - len(names)]])

        start = (tf.constant(0), tf.zeros(MOST_LOSSES))
        _, values = tf.while_loop(lambda i, _: i < number, body, start, parallel_iterations=1)
        return {name: values[i] for i, name in enumerate(names)}

    def minimize(self, tape, loss, network, optimizer):
        """Takes one step of `optimizer` down the gradient of `loss` for a network's weights.

        Keras sums gradients over replicas, so a loss that is a mean over its replica's images is
        divided by their number: then it is a mean over the global batch. The scale goes in at the
        start of the backward pass, where float16 training needs it.

        Args:
            tape: `tf.GradientTape` that recorded the loss.
            loss: Scalar tensor.
            network: `keras.Model`, or a list of those that share the optimizer.
            optimizer: The player's optimizer.
        """
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        scale = optimizer.scale_loss(tf.ones_like(loss) / replicas)
        variables = trainable([network] if isinstance(network, keras.Model) else network)
        gradients = tape.gradient(loss, variables, output_gradients=scale)
        optimizer.apply(gradients, variables)

    def end_step(self, **losses):
        """Averages the generator's weights (EMA), records the losses and returns them as logs."""
        if self.ema_decay is not None:
            decay = self.now(self.ema_decay)
            for average, weight in zip(
                self.ema_generator.weights, self.generator.weights, strict=True
            ):
                average.assign(average + (1.0 - decay) * (weight - average))
        for name, loss in losses.items():
            self.trackers[name].update_state(loss)
        logs = {name: self.trackers[name].result() for name in self.log_names if name in losses}
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
        **optimizers,
    ):
        """Sets the optimizers of the players; the paper's where none is given.

        For learning rates that change, give the optimizers a
        `keras.optimizers.schedules.LearningRateSchedule`.

        Args:
            g_optimizer: `keras.optimizers.Optimizer`, its name, or `None`.
            d_optimizer: The same for the discriminator; not the same object.
            jit_compile: Whether XLA compiles the step. "auto" says yes on a GPU and no on a CPU,
                where it was measured to be slower.
            run_eagerly: Whether to run without `tf.function`, for debugging.
            steps_per_execution: Steps that one call from Python runs.
            **optimizers: Those of further players, `<player>_optimizer`, where a model has some.

        Raises:
            UserError: If two optimizers are the same object, a player does not exist, or XLA is to
                compile for several replicas.
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
        # Built here, not at the first step: a strategy demands it, and so does loading its state.
        optimizer.build(trainable(networks))
        return optimizer

    def fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        """Trains the networks; everything else is as in `keras.Model.fit`.

        A training example has the parts that `signature.example` names: images alone, or images
        and labels, ... They come as a tuple in that order, or as a dict by name.

        Args:
            x: A `tf.data.Dataset` of batches of examples; or arrays, which are shuffled and batched
                here and lose their last incomplete batch in each epoch: images (N, H, W, C), float
                in [-1, 1] or uint8, or whatever the model makes; or a tuple or dict of arrays.
            y: With `x` an array: the next part, e.g. class ids (N,), or a dict of all others.
            batch_size: Examples in a batch, for arrays; by default 64 for each update of the
                discriminator in a step, `64 * n_critic`.
            epochs: Number of passes over the data.
            **kwargs: As in `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`, with each loss's mean over each epoch.

        Raises:
            UserError: If a part does not fit the model, is not finite or leaves its range, is
                missing or not wanted, or the batch does not divide by `n_critic`; found out
                before the first step, in the first 1,000 batches of a dataset.
            tf.errors.InvalidArgumentError: The same for values and labels of a dataset of unknown
                length, which is checked as it is read.
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

    def sample(self, num, labels=None, seed=None, batch_size=256, **inputs):
        """Generates images, or whatever the model makes.

        Args:
            num: Number of samples, at least 1.
            labels: Class ids (num,): another name of the input `label`, or of the first that is not
                drawn from a seed.
            seed: int. The same seed gives the same samples, and a larger `num` only adds to them;
                `None` draws a new seed.
            batch_size: Samples generated at a time; it bounds memory and changes nothing else.
            **inputs: The generator's other inputs by name, arrays (num, ...). Without them classes
                take turns, 0, 1, 2, ..., numbers have their default, and inputs that must be given
                are those that the model keeps from its first `fit`, in turn.

        Returns:
            float32 array (num, H, W, C), values in [-1, 1]; or (num, ...) of the model's output.

        Raises:
            UserError: If `num` is not a positive whole number, or an input is missing, unknown or
                out of range.
        """
        return np.concatenate(list(self.sample_batches(num, labels, seed, batch_size, **inputs)))

    def sample_batches(self, num, labels=None, seed=None, batch_size=256, **inputs):
        """As `sample`, batch by batch: yields float32 arrays of at most `batch_size` samples."""
        check_count(batch_size, "batch_size")
        seed = random.randint(1, 10**9) if seed is None else seed
        drawn = self.inputs_for(num, seed, labels=labels, **inputs)
        for start in range(0, num, batch_size):
            batch = [values[start : start + batch_size] for values in drawn.values()]
            yield self._generate(*batch).numpy()

    def inputs_for(self, num, seed, labels=None, **inputs):
        """Returns what `sample` feeds the generator: a dict of tensors (num, ...) by input name.

        Args:
            num, seed, labels, **inputs: As in `sample`.
        """
        check_count(num, "num")
        check_count(seed, "seed", least=0)
        asked = self.signature.asked
        if labels is not None:
            inputs["label" if "label" in asked else next(iter(asked), "label")] = labels
        if unknown := sorted(set(inputs) - set(asked)):
            names = ", ".join(f"`{name}`" for name in asked)
            takes = f"takes {names}" if asked else "is unconditional and takes no labels"
            raise UserError(f"{type(self).__name__} {takes}. Received: {', '.join(unknown)}")
        values = {name: asked[name].check(inputs[name], name, num) for name in inputs}
        for name, kind in self.signature.given.items():
            if name not in values and name not in self.examples:
                raise UserError(
                    f"{type(self).__name__} is conditional: `{name}` must be given, shape "
                    f"{(num, *kind.shape)}. Received: None"
                )
            if name not in values:
                kept = self.examples[name]
                values[name] = kept[np.arange(num) % len(kept)]
        values = {name: tf.constant(each) for name, each in values.items()}
        seed = tf.constant([seed, 0], tf.int64)
        return self.signature.named(self.signature.draw(num, seed, values))

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
        given=None,
        _use_cached_eval_dataset=False,
    ):
        """Scores the generator's samples against real images.

        Args:
            x: Real examples, as `fit` takes them, or the `kerasgan.metrics.Statistics` of real
                images. Inputs that must be given are taken from them.
            y: As in `fit`. Labels are not used.
            verbose: 0 hides the progress bars.
            steps: Number of batches to take of a dataset; an endless one needs it.
            num: Number of samples; by default as many as there are real images.
            seed: Seed of the samples.
            extractor: Feature extractor; by default that of the model's kind of output, for images
                `kerasgan.metrics.EfficientNetLite0()`.
            given: dict of the inputs that must be given, arrays by name, where `x` has none.
            batch_size, sample_weight, callbacks, return_dict: Not used; `fit` passes them when it
                is given `validation_data`.

        Returns:
            dict with "frechet_distance": FD[extractor] of uint8 images, lower is better. Values
            compare only where extractor, data and both numbers of images are the same.

        Raises:
            UserError: If the real images do not fit the model or leave [-1, 1], or its output has
                no extractor by default.
        """
        if isinstance(callbacks, keras.callbacks.CallbackList):
            verbose = 0  # within `fit`, which draws its own bar
        if num is not None:
            check_count(num, "num", least=2)
        extractor = extractor or self.signature.output.extractor()
        if extractor is None:
            self.signature.output.check_scored(type(self).__name__)
        given = {name: [values] for name, values in (given or {}).items()}
        if isinstance(x, metrics.Statistics):
            real = x
        else:
            if isinstance(x, tf.data.Dataset):
                x = x if steps is None else x.take(steps)
                if x.cardinality() == tf.data.INFINITE_CARDINALITY:
                    raise UserError("An endless dataset can only be scored in part: give `steps`.")
            batches, count = checks.real_batches(self.signature, x, y, given)
            real = extractor.statistics(batches, count, verbose)
        num = num or real.count
        inputs = {name: np.concatenate(parts) for name, parts in given.items()}
        inputs = {name: each[np.arange(num) % len(each)] for name, each in inputs.items()}
        samples = map(self.signature.output.observed, self.sample_batches(num, seed=seed, **inputs))
        fake = extractor.statistics(samples, num, verbose)
        return {"frechet_distance": metrics.frechet_distance(real, fake)}

    # --- Saving ---

    @classmethod
    def constructor_parameters(cls):
        """Returns the constructor's parameters by name, with those that it passes on to the
        classes above it through `**kwargs`."""
        found = {}
        for each in cls.__mro__:
            if "__init__" in vars(each):
                own = list(inspect.signature(each.__init__).parameters.values())[1:]
                for parameter in own:
                    if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                        found.setdefault(parameter.name, parameter)
                if each is GAN or all(p.kind is not p.VAR_KEYWORD for p in own):
                    break
        return {name: found[name] for name in found if name not in BUILT}

    def get_config(self):
        own = inspect.signature(type(self).__init__).parameters
        names = [
            name
            for name in type(self).constructor_parameters()
            if name in own or name in self._passed or name in OPTIONS
        ]
        config = {}
        for name in names:
            if not hasattr(self, name):
                raise UserError(
                    f"{type(self).__name__} must keep its argument as `self.{name}`: saving reads "
                    f"it there."
                )
            value = getattr(self, name)
            config[name] = (
                keras.saving.serialize_keras_object(value)
                if hasattr(value, "get_config")
                else value
            )
        return {
            **config,
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        def restored(value):
            if isinstance(value, dict) and "class_name" in value:
                return keras.saving.deserialize_keras_object(value, custom_objects)
            return value

        return cls(**{name: restored(value) for name, value in config.items()})

    def get_compile_config(self):
        if not self.compiled:
            return {}
        return {
            **{
                f"{player}_optimizer": keras.optimizers.serialize(optimizer)
                for player, optimizer in self.optimizers.items()
            },
            "jit_compile": self._jit_argument,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
        }

    def compile_from_config(self, config):
        names = [f"{player}_optimizer" for player in self.players]
        optimizers = {name: keras.optimizers.deserialize(config[name]) for name in names}
        self.compile(**{**config, **optimizers})

    def _own_variables(self):
        """The model's own weights but `images_seen`, which files of kerasgan 0.1.0 do not have."""
        own = self._trainable_variables + self._non_trainable_variables
        return [variable for variable in own if variable is not self.images_seen]

    def save_own_variables(self, store):
        for place, variable in enumerate(self._own_variables()):
            store[str(place)] = variable.numpy()
        store["images_seen"] = self.images_seen.numpy()
        for name, values in self.examples.items():
            store[f"example_{name}"] = values

    def load_own_variables(self, store):
        own = self._own_variables()
        places = [name for name in store.keys() if name.isdecimal()]
        if len(places) != len(own):
            raise ValueError(f"{self.name} has {len(own)} variables, the file {len(places)}.")
        for place, variable in enumerate(own):
            variable.assign(store[str(place)])
        if "images_seen" in store.keys():
            self.images_seen.assign(store["images_seen"])
        for name in self.signature.given:
            if f"example_{name}" in store.keys():
                self.examples[name] = np.asarray(store[f"example_{name}"])

    def export(self, filepath, **kwargs):
        """Writes the generator as a SavedModel: `kerasgan.export.saved_model`."""
        from kerasgan.export import saved_model

        return saved_model(self, filepath, **kwargs)


class KeptExamples:
    """A few examples of the inputs that must be given, from a model's first `fit`."""

    def __init__(self):
        self.arrays = {}

    def fill(self, dataset, signature):
        """Keeps examples of a dataset, unless there are some; returns the dataset to train on.

        One of unknown length may be a stream that can be read only once: examples are then kept as
        they pass.
        """
        given, parts = signature.given, list(signature.example)
        if not given or self.arrays:
            return dataset

        def keep(*batch):
            for name in given:
                held = [self.arrays[name]] if name in self.arrays else []
                values = np.asarray(batch[parts.index(name)])
                self.arrays[name] = np.concatenate([*held, values])[:KEPT]

        if dataset.cardinality() < 0:
            return dataset.map(lambda *batch: record(keep, batch))
        for batch in dataset:
            keep(*batch)
            if all(len(values) >= KEPT for values in self.arrays.values()):
                break
        return dataset


def record(keep, batch):
    """Passes a batch on within a graph, after `keep` has seen it."""
    seen = tf.numpy_function(lambda *parts: keep(*parts) or np.int32(0), batch, tf.int32)
    with tf.control_dependencies([seen]):
        return tf.nest.map_structure(tf.identity, batch)


def prepared(train_step):
    """Returns a `train_step` that gets its example as the signature says, and counts it.

    From whatever Keras hands over, the parts go to the step in their order, converted: a tensor
    where there is one part, else a tuple. A step that calls `super().train_step` is one step.
    """

    @functools.wraps(train_step)
    def step(self, data):
        if getattr(_steps, "gan", None) is self:
            return train_step(self, data)
        signature = self.signature
        example = signature.example_from(data)
        parts = [signature.example[name].convert(values) for name, values in example.items()]
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self.images_seen.assign_add(tf.shape(parts[0], tf.int64)[0] * replicas)
        _steps.gan = self
        try:
            return train_step(self, parts[0] if len(parts) == 1 else tuple(parts))
        finally:
            _steps.gan = None

    return tf.autograph.experimental.do_not_convert(step)


def trainable(networks):
    """Returns the trainable variables of several networks."""
    return [variable for network in networks for variable in network.trainable_variables]


def default_signature(generator):
    """Returns the signature of a generator that takes normal latents `z` alone."""
    if len(generator.inputs) != 1:
        names = ", ".join(tensor.name for tensor in generator.inputs)
        raise UserError(f"A generator of several inputs needs `signature`. Received: {names}")
    (z,) = generator.inputs
    return Signature({z.name: Latent(z.shape[-1])}, output_of(generator.output_shape[1:]))


def check_signature(signature, generator):
    """Refuses a signature whose inputs or output are not the generator's."""
    sides = (
        ("takes", signature.inputs.values(), generator.inputs),
        ("gives", [signature.output], generator.outputs),
    )
    for verb, kinds, tensors in sides:
        wanted = [tuple(tensor.shape[1:]) for tensor in tensors]
        said = [kind.shape for kind in kinds]
        if wanted != said:
            raise UserError(f"The generator {verb} {wanted}. Received: a signature of {said}")
    names = [tensor.name for tensor in generator.inputs]
    if names != list(signature.inputs):
        raise UserError(
            f"The generator's inputs are called {names}. Received: a signature of "
            f"{list(signature.inputs)}"
        )


def is_arrays(x):
    """Tells whether `fit` was given arrays, or a tuple or dict of them."""
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, tuple) else [x]
    return bool(parts) and all(isinstance(part, (np.ndarray, tf.Tensor)) for part in parts)
