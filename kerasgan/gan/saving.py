"""Saving, loading and exporting a model."""

import inspect

import keras
import numpy as np

from kerasgan.gan import serving
from kerasgan.gan.construction import freeze, frozen
from kerasgan.utils.errors import UserError

OPTIONS = ("ema_decay", "seed", "augment", "class_names")  # of every model; a config holds them
BUILT = ("generator", "discriminator", "signature")  # what a constructor makes itself


class Saving:
    """Keras's verbs for configs and files."""

    @classmethod
    def constructor_parameters(cls):
        """Returns the constructor's parameters by name, including those that it passes to its base
        classes through `**kwargs`."""
        found = {}
        for each in cls.__mro__[: cls.__mro__.index(keras.Model)]:
            if "__init__" in vars(each):
                own = list(inspect.signature(each.__init__).parameters.values())[1:]
                for parameter in own:
                    if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                        found.setdefault(parameter.name, parameter)
                if all(p.kind is not p.VAR_KEYWORD for p in own):
                    break
        return {name: found[name] for name in found if name not in BUILT}

    @classmethod
    def positional_names(cls, number):
        """Returns the names of the arguments that a constructor took by position."""
        parameters = cls.constructor_parameters().values()
        return tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)[:number]

    @classmethod
    def changed_defaults(cls, arguments):
        """Returns the arguments whose defaults have changed, each with its default before and now.

        A file that lacks one of them was written before, and is rebuilt as it was.

        Args:
            arguments: dict of the constructor's other arguments, as far as they are known.

        Returns:
            dict from names to pairs of values that a recipe can hold; none for most models.
        """
        return {}

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
        if places := frozen(self._networks_by_name()):
            config["frozen"] = places
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

        places = config.get("frozen", {})
        config = {name: restored(value) for name, value in config.items() if name != "frozen"}
        taken, changed = cls.constructor_parameters(), cls.changed_defaults(config)
        missing = {name: before for name, (before, _) in changed.items() if name in taken}
        gan = cls(**{**missing, **config})
        freeze(gan._networks_by_name(), places)
        return gan

    def _networks_by_name(self):
        names = [[each] if isinstance(each, str) else each for each in self.players.values()]
        return {name: getattr(self, name) for each in names for name in each}

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
            "steps_per_execution": self.pace.wanted,
        }

    def compile_from_config(self, config):
        names = [f"{player}_optimizer" for player in self.players]
        optimizers = {name: keras.optimizers.deserialize(config[name]) for name in names}
        self.compile(**{**config, **optimizers})

    def _own_variables(self):
        """The model's own weights except the counts that files of kerasgan 0.1.0 lack."""
        own = self._trainable_variables + self._non_trainable_variables
        named = [id(variable) for variable in self._counts().values()]
        return [variable for variable in own if id(variable) not in named]

    def _counts(self):
        counts = {name: getattr(self, name, None) for name in ("images_seen", "ema_updates")}
        return {name: variable for name, variable in counts.items() if variable is not None}

    def save_own_variables(self, store):
        for place, variable in enumerate(self._own_variables()):
            store[str(place)] = variable.numpy()
        for name, variable in self._counts().items():
            store[name] = variable.numpy()
        for name, values in self.examples.items():
            store[f"example_{name}"] = values

    def load_own_variables(self, store):
        own = self._own_variables()
        places = [name for name in store.keys() if name.isdecimal()]
        if len(places) != len(own):
            raise ValueError(f"{self.name} has {len(own)} variables, the file {len(places)}.")
        for place, variable in enumerate(own):
            variable.assign(store[str(place)])
        for name, variable in self._counts().items():
            if name in store.keys():
                variable.assign(store[name])
        for name in self.signature.given:
            if f"example_{name}" in store.keys():
                self.examples[name] = np.asarray(store[f"example_{name}"])

    def save(self, filepath, **kwargs):
        """Writes model, optimizers and random state to a `.keras` file.

        Args:
            filepath: File that ends in ".keras".
            **kwargs: As in `keras.Model.save`.

        Raises:
            UserError: If it ends in something else.
        """
        if not str(filepath).endswith(".keras"):
            raise UserError(
                f"Models are saved as .keras files: name one. `save_weights` writes .weights.h5 "
                f"files, `kerasgan.export` other formats. Received: {filepath}"
            )
        super().save(filepath, **kwargs)

    def export(self, filepath, format="tf_saved_model", verbose=False):
        """Writes the generator as a SavedModel, as `keras.Model.export` does.

        It has the signatures of `kerasgan.export.saved_model`, which also writes a model card,
        provenance and warm-up requests, and numbers versions for TensorFlow Serving.

        Args:
            filepath: Folder to write.
            format: "tf_saved_model". `kerasgan.export` has functions for TFLite, ONNX and pages.
            verbose: Whether Keras prints what it writes.

        Returns:
            str, the folder.

        Raises:
            UserError: If `format` is another one.
        """
        if format != "tf_saved_model":
            raise UserError(
                f'`export` writes format="tf_saved_model"; `kerasgan.export` has functions for '
                f"others. Received: format={format!r}"
            )
        serving.archive(self).write_out(str(filepath), verbose=verbose)
        return str(filepath)
