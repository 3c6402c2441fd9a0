"""Keras's callbacks, prepared for a model with several optimizers and losses."""

import math

import keras

from kerasgan.utils.errors import UserError

OF_ONE_OPTIMIZER = (
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ReduceLROnPlateau,
)
MONITORS = (
    keras.callbacks.EarlyStopping,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.ReduceLROnPlateau,
)


def prepared_callbacks(gan, callbacks):
    """Returns callbacks for `fit`: scores first, then all others, adapted where Keras expects one
    optimizer and one loss.

    Args:
        gan: The model.
        callbacks: List of callbacks, one callback, a `keras.callbacks.CallbackList` or `None`.

    Raises:
        UserError: If a callback changes "the" optimizer.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        prepared_callbacks(gan, callbacks.callbacks)  # a user's own list is checked and kept
        return callbacks
    callbacks = [callbacks] if isinstance(callbacks, keras.callbacks.Callback) else callbacks or []
    for callback in callbacks:
        name = type(callback).__name__
        if isinstance(callback, OF_ONE_OPTIMIZER):
            example = f'kerasgan.callbacks.for_optimizer("{next(iter(gan.players))}", {name}(...))'
            raise UserError(
                f"{name} changes one optimizer, and {type(gan).__name__} has "
                f"{len(gan.players)}: say which, as in {example}."
            )
        if isinstance(callback, keras.callbacks.SwapEMAWeights):
            raise UserError(
                "SwapEMAWeights needs an optimizer with `use_ema`, which averages one network for "
                "`model.optimizer`: pass `ema_decay=0.999` to the model instead, which samples, "
                "scores and exports the averaged generator."
            )
    scores = [each for each in callbacks if hasattr(each, "logged_scores")]
    names = {name for each in scores for name in each.logged_scores}
    others = [adapted(each, names, gan.log_names) for each in callbacks if each not in scores]
    return scores + others


def adapted(callback, scores, losses):
    """Returns a callback that treats distances and NaN as a GAN's user expects."""
    inner = wrapped(callback)
    if isinstance(inner, MONITORS):
        monitored = inner.monitor.removeprefix("val_")
        if inner.mode == "auto" and (monitored in losses or monitored.endswith("_distance")):
            inner.mode = "min"  # lower is better
        return WhenScored(callback, inner.monitor) if inner.monitor in scores else callback
    return AnyLoss(callback) if isinstance(inner, keras.callbacks.TerminateOnNaN) else callback


def wrapped(callback):
    """Returns the callback to which ours forward, or the callback itself."""
    while isinstance(callback, Forwarding):
        callback = callback.callback
    return callback


class Forwarding(keras.callbacks.Callback):
    """Forwards every call to another callback; a subclass changes some."""

    def __init__(self, callback):
        super().__init__()
        self.callback = callback

    def set_model(self, model):
        super().set_model(model)
        self.callback.set_model(model)

    def set_params(self, params):
        super().set_params(params)
        self.callback.set_params(params)


def _forward(name):
    return lambda self, *args, **kwargs: getattr(self.callback, name)(*args, **kwargs)


for _name in [name for name in dir(keras.callbacks.Callback) if name.startswith("on_")]:
    setattr(Forwarding, _name, _forward(_name))


class WhenScored(Forwarding):
    """Passes on the ends of those epochs that have a score, so that patience counts scores."""

    def __init__(self, callback, monitor):
        super().__init__(callback)
        self.monitor = monitor

    def on_epoch_end(self, epoch, logs=None):
        if math.isfinite((logs or {}).get(self.monitor, 0.0)):
            self.callback.on_epoch_end(epoch, logs)


class AnyLoss(Forwarding):
    """Shows `TerminateOnNaN` the model's losses, of which it knows only `loss`."""

    def on_train_batch_end(self, batch, logs=None):
        losses = [float(logs[name]) for name in self.model.log_names if name in logs]
        self.callback.on_train_batch_end(batch, {"loss": sum(losses)})
