"""The rest of Keras's surface: what assumes one network, one loss or one optimizer.

`docs/keras.md` lists all of it; `tests/test_keras_surface.py` writes and checks that table.
"""

import tensorflow as tf

from kerasgan.utils.errors import UserError


class Surface:
    """Methods of `keras.Model` that a model of several players answers otherwise."""

    _distribute_reduction_method = None

    @property
    def input(self):
        """The generator's inputs."""
        return self.inference_generator.input

    @property
    def output(self):
        """The generator's output."""
        return self.inference_generator.output

    def compute_output_shape(self, *_):
        """Returns the shape of a batch of samples."""
        return (None, *self.signature.output.shape)

    def compute_loss(self, *_, **__):
        """Refused: `train_step` computes the losses of the players."""
        raise UserError(
            f"A GAN has no single loss: {type(self).__name__}.train_step computes "
            f"{', '.join(self.log_names)}, and `test_on_batch` returns them."
        )

    def add_loss(self, *_):
        """Refused: a loss belongs into `train_step`."""
        raise UserError("A loss belongs to a player: add it to one in `train_step`.")

    def add_metric(self, *_, **__):
        """Refused: a number is logged by `end_step`."""
        raise UserError("Name a number in the class's `log_names`, and pass it to `end_step`.")

    def test_step(self, *_):
        """Refused: `evaluate` scores samples, and `test_on_batch` returns losses."""
        raise UserError("`evaluate` scores samples, `test_on_batch` returns a batch's losses.")

    def quantize(self, *_, **__):
        """Refused: exports are quantised, not models that train."""
        raise UserError("`kerasgan.export.tflite(gan, path, quantization=...)` quantises exports.")

    quantized_build = quantized_call = quantize


class AllOptimizers:
    """The optimizers of all players as `model.optimizer`, for tools that log one optimizer.

    Its config holds those of all players; rate and iterations are the first player's, the
    generator's in most models. It is read, not changed.

    Args:
        gan: The compiled model.

    Example:

    >>> import kerasgan
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> gan.compile()
    >>> [round(gan.optimizer.get_config()[key], 4) for key in ("g_beta_1", "d_beta_1")]
    [0.5, 0.5]
    """

    built = True

    def __init__(self, gan):
        vars(self).update(gan=gan)

    def __setattr__(self, name, value):
        raise UserError(
            f"{type(self.gan).__name__} has {len(self.gan.players)} optimizers: set {name} of one, "
            f"such as `gan.{next(iter(self.gan.players))}_optimizer`; a callback sets it through "
            f"`kerasgan.callbacks.for_optimizer`."
        )

    @property
    def variables(self):
        """List of the variables of all optimizers."""
        return self.gan.optimizer_variables

    @property
    def learning_rate(self):
        """The first player's rate, a scalar tensor."""
        return tf.convert_to_tensor(self._first.learning_rate)

    @property
    def iterations(self):
        """The first player's number of updates, a scalar tensor."""
        return tf.convert_to_tensor(self._first.iterations)

    @property
    def _first(self):
        return next(iter(self.gan.optimizers.values()))

    def get_config(self):
        """Returns the configs of all optimizers in one dict, such as "g_learning_rate"."""
        return {
            f"{player}_{key}": value
            for player, optimizer in self.gan.optimizers.items()
            for key, value in optimizer.get_config().items()
        }
