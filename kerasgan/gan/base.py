"""`GAN`: the base class of all models."""

import random
import typing

import keras
import tensorflow as tf

from kerasgan.gan import augmentation
from kerasgan.gan.construction import check_signature, constructed, default_signature
from kerasgan.gan.examples import KeptExamples
from kerasgan.gan.fitting import Fitting
from kerasgan.gan.preparation import prepared
from kerasgan.gan.sampling import Sampling
from kerasgan.gan.saving import Saving
from kerasgan.gan.steps import Steps
from kerasgan.gan.surface import Surface
from kerasgan.signature import Label
from kerasgan.utils.errors import UserError, check_seed

USER_PACKAGE = "kerasgan_user"  # under which Keras knows classes that are not ours
LONG_AGO = 10**9  # updates after which an average follows no faster than its decay says


class Paper(typing.NamedTuple):
    """The paper of a model; model cards quote it."""

    authors: str  # with the year
    title: str
    url: str


class GAN(Steps, Fitting, Sampling, Saving, Surface, keras.Model):
    """Base class: networks that train against each other with `fit`.

    A subclass builds its networks, passes them to this constructor, and defines `train_step` and
    `default_optimizers`. It keeps its constructor arguments as attributes of the same names, from
    which they are saved. `**options` passes `ema_decay`, `seed` and `augment`, which every model
    has.

    Args:
        generator: `keras.Model` from the signature's inputs, in their order, to its output.
        discriminator: `keras.Model` that judges outputs.
        signature: `kerasgan.signature.Signature`: inputs and output of the generator, and the parts
            of a training example. By default one input `z`, standard normal, and images or
            vectors of the generator's output shape.
        ema_decay: `None`, or a float in (0, 1), or a `kerasgan.schedules` schedule, such as
            `HalfLife`, which does not depend on the batch size: also keep an exponential moving
            average of the generator's weights, which `call`, `sample`, `evaluate` and exports then
            use. The average of a trained model that is compiled anew,
            such as one of the zoo, follows faster at first: its decay is at most (1 + n) / (10 + n)
            after n updates, as in `tf.train.ExponentialMovingAverage`.
        seed: int, the seed of latents drawn in training, or `None` for a random one. Initial
            weights depend on `keras.utils.set_random_seed`, as everywhere in Keras.
        augment: What the discriminator sees changed in training, real and generated pictures alike,
            so that it does not memorise few of them: "diffaugment" for colours, shifts and
            holes (Zhao et al. 2020); "ada" for flips, rotations, scales and colours, with a
            probability `augment_p`, in the logs, that follows overfitting (Karras et al. 2020), or
            a fixed one if the class has no `decision_boundary`; "none" is `None`, for recipes.
        class_names: List of the names of a conditional model's classes, which may then stand for
            class ids, and which exports and pages show.
        **kwargs: `name`; `dtype`: policy of the networks, such as "mixed_bfloat16"; Keras's by
            default. "auto" is "mixed_bfloat16" where the devices have units for it (GPUs from
            compute capability 8.0, processors with AMX), "float32" elsewhere, and the one that was
            found is saved.

    Raises:
        UserError: If `ema_decay` is out of range, there is no such augmentation, the signature does
            not fit the generator, or Keras is set to another dtype than float32 or to channels
            first.
    """

    # Losses that `train_step` reports; one `keras.metrics.Mean` each.
    log_names = ("d_loss", "g_loss")
    # Player `g` has `g_optimizer`, which trains the network `self.generator`. A tuple of attribute
    # names means several networks with one optimizer.
    players = {"g": "generator", "d": "discriminator"}
    # Discriminator updates in a `train_step`; each gets its own share of the batch.
    n_critic = 1
    # The discriminator's output between real and generated, 0 for logits; `None` if its loss draws
    # no such line, as those of Wasserstein distances and least squares.
    decision_boundary = None
    # Whether one discriminator judges whole pictures, which augmentation can change.
    judges_pictures = True
    # Whether the parts of an example belong together, such as an image and what it is made of.
    paired = True
    # `Paper` and short name of a model; not inherited.
    paper = None
    variant = None
    # Origin of a loaded model, set by `kerasgan.load`: name, recipe, scores.
    origin = None
    words = None  # those that it draws: `kerasgan.training.words.Words`

    def __new__(cls, *args, **kwargs):
        gan = super().__new__(cls, *args, **kwargs)
        gan._passed = (*cls.positional_names(len(args)), *kwargs)
        return gan

    def __init__(
        self,
        generator,
        discriminator,
        signature=None,
        ema_decay=None,
        seed=None,
        class_names: list | None = None,
        augment: str | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if seed is not None:
            check_seed(seed)
        if isinstance(ema_decay, float | int) and not 0.0 < ema_decay < 1.0:
            raise UserError(f"`ema_decay` must lie in (0, 1). Received: ema_decay={ema_decay}")
        self.generator = generator
        self.discriminator = discriminator
        self.signature = signature or default_signature(generator)
        check_signature(self.signature, generator)
        self.class_names = None
        if class_names is not None:
            self.name_classes(class_names)
        self.ema_decay = ema_decay
        self.ema_generator = None
        if ema_decay is not None:
            average = keras.models.clone_model(generator)
            self.ema_generator = keras.Model(
                average.inputs, average.outputs[0], name="ema_generator"
            )
            self.ema_generator.set_weights(generator.get_weights())
            self.ema_generator.trainable = False
            self.ema_updates = self._count("ema_updates", LONG_AGO)
        self.seed_drawn = seed is None
        self.seed = random.randint(1, 10**9) if seed is None else seed
        self.image_shape = self.signature.output.shape

        # Random draws and images so far: weights, so that a resumed run goes on where it was.
        self.draws = self._count("draws")
        self.images_seen = self._count("images_seen")
        # Up to `KEPT` examples of inputs that must be given, by name.
        self._kept = KeptExamples()

        self.trackers = {name: keras.metrics.Mean(name) for name in self.log_names}
        self.augment = augment
        self.augmentation = augmentation.seated(self, augment)
        self._generate = tf.function(self.generate, input_signature=self.signature.specs)
        # The networks are built. Keras's `build` would lock the model, and a subclass adds to it.
        self.built = True

    def _count(self, name, start=0):
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(start),
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
        if "__init__" in vars(cls):
            cls.__init__ = constructed(cls.__init__, ours=package == "kerasgan")
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
        """Names of the discriminator's losses that are 0 when it classifies every image right."""
        return [name for name in self.log_names if name.startswith("d_loss")]

    @property
    def inference_generator(self):
        """The generator for samples and exports: the averaged one if there is one."""
        return self.ema_generator or self.generator

    @property
    def latent_dim(self):
        """Length of the latent vector `z`."""
        return self.signature.inputs["z"].dim

    @property
    def examples(self):
        """dict of the kept examples, by name, of inputs that must be given."""
        return self._kept.arrays

    @property
    def optimizers(self):
        """dict of the optimizers of a compiled model by player."""
        return {player: getattr(self, f"{player}_optimizer") for player in self.players}

    @property
    def optimizer_variables(self):
        """List of the variables of all optimizers of a compiled model."""
        return [v for optimizer in self.optimizers.values() for v in optimizer.variables]

    def networks_of(self, player):
        """Returns the list of networks that a player's optimizer trains."""
        names = self.players[player]
        return [getattr(self, name) for name in ([names] if isinstance(names, str) else names)]

    @property
    def networks(self):
        """List of all networks that are trained."""
        return [network for player in self.players for network in self.networks_of(player)]

    def updates_in_step(self, player):
        """Returns how many times a step updates the networks of a player."""
        return self.n_critic if player == "d" else 1

    @property
    def minibatches_in_batch(self):
        """The number by which the batch size must be divisible."""
        return self.n_critic * self.distribute_strategy.num_replicas_in_sync

    def restart_average(self):
        """Lets the average follow the generator faster, as at the start of another training."""
        if self.ema_generator is not None:
            self.ema_updates.assign(0)

    def grid(self, samples):
        """Returns a picture of samples that `sample` drew without inputs.

        With up to 20 classes, each has a column, or several if there are few.

        Args:
            samples: float32 array (num, ...).

        Returns:
            uint8 array (H, W, C), or `None` if this kind of output cannot be drawn.
        """
        return self.signature.output.grid(samples, self.columns(len(samples)))

    def columns(self, num):
        """Returns the number of columns of a grid of so many samples, or `None` for a square."""
        classes = self.signature.turns
        if classes is None or classes > 20:
            return None
        return classes * max(1, round(num**0.5 / classes))

    def name_classes(self, names):
        """Names the classes of a conditional model.

        Args:
            names: List of as many texts as there are classes.

        Raises:
            UserError: If there are more or fewer, or the model has no classes.
        """
        kind = self.signature.inputs.get("label")
        if kind is None:
            raise UserError(f"{type(self).__name__} has no classes to name.")
        self.signature.inputs["label"] = self.signature.example["label"] = Label(
            kind.num_classes, names
        )
        self.class_names = self.signature.inputs["label"].names

    def call(self, inputs, training=False):
        """Returns the generator's output for its inputs, one or a tuple."""
        return self.inference_generator(inputs, training=training)

    def generate(self, *inputs):
        """As `call` at inference, with the inputs as arguments; used by exports."""
        return self(inputs if len(inputs) > 1 else inputs[0], training=False)

    # --- For subclasses to override ---

    @staticmethod
    def default_optimizers():
        """Returns the paper's optimizers in the order of `players`, not yet built."""
        raise NotImplementedError("A model must say which optimizers its paper uses.")

    def paper_optimizers(self):
        """Returns `default_optimizers()`, or those that depend on the constructor's arguments."""
        return self.default_optimizers()

    def further_signatures(self):
        """Returns further signatures of the SavedModel: a dict from names to pairs of a function
        and the list of the `tf.TensorSpec` of its inputs. The function returns a dict of tensors.
        """
        return {}

    @classmethod
    def from_spec(cls, spec, **arguments):
        """Returns the constructor's arguments that follow from a `kerasgan.data` source: the shape
        of the images and, where it takes them, those of other parts, such as `source_shape`.

        Args:
            spec: dict from the parts of an example to their kinds.
            **arguments: The constructor's other arguments, as far as they are given.

        Returns:
            dict of arguments.
        """
        parameters = cls.constructor_parameters()
        others = {f"{part}_shape": kind.shape for part, kind in spec.items()}
        others = {name: shape for name, shape in others.items() if name in parameters}
        return {"image_shape": spec["image"].shape, **others}

    def latent_prior(self, num, seed):
        """Draws `num` latents `z` from the signature's distribution.

        Args:
            num: int or scalar int tensor.
            seed: int tensor of shape (2,). The same seed gives the same latents, and a larger
                `num` only adds to them.

        Returns:
            float32 tensor (num, latent_dim).
        """
        return self.signature.inputs["z"].draw(num, seed)
