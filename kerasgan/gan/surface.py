"""The rest of Keras's surface: what assumes one network, one loss or one optimizer.

`docs/keras.md` lists all of it; `tests/test_keras_surface.py` writes and checks that table.
"""

import contextlib
import types

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

    def get_state_tree(self, value_format="backend_tensor"):
        """Returns all variables as nested dicts; those of all optimizers in one."""
        with self._one_optimizer():
            return super().get_state_tree(value_format)

    def set_state_tree(self, state_tree):
        """Assigns what `get_state_tree` returned."""
        with self._one_optimizer():
            super().set_state_tree(state_tree)

    @contextlib.contextmanager
    def _one_optimizer(self):
        vars(self)["optimizer"] = types.SimpleNamespace(variables=self.optimizer_variables)
        try:
            yield
        finally:
            vars(self)["optimizer"] = None
