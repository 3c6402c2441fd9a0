"""Keras callbacks for one of a model's optimizers."""

import keras

from kerasgan.gan.monitoring import OF_ONE_OPTIMIZER, Forwarding
from kerasgan.utils.errors import UserError


def for_optimizer(player, callback):
    """Applies a callback that changes `model.optimizer` to the optimizer of one player.

    Args:
        player: Name of the player, "g" or "d"; others where a model has more.
        callback: E.g. `keras.callbacks.LearningRateScheduler` or `ReduceLROnPlateau`.

    Returns:
        `keras.callbacks.Callback`. Logs call the rate `g_learning_rate`, `d_learning_rate`, ...

    Raises:
        UserError: From `fit`, if the model has no such player.

    Example:

    >>> import kerasgan, keras, numpy as np
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> gan.compile(g_optimizer=keras.optimizers.Adam(0.5))
    >>> halve = for_optimizer("g", keras.callbacks.LearningRateScheduler(lambda epoch, r: r / 2))
    >>> _ = gan.fit(np.zeros((4, 8, 8, 1)), epochs=2, verbose=0, callbacks=[halve])
    >>> float(gan.g_optimizer.learning_rate)
    0.125
    """
    return ForOptimizer(player, callback)


class ForOptimizer(Forwarding):
    """A callback that sees one player's optimizer as `model.optimizer`."""

    def __init__(self, player, callback):
        super().__init__(callback)
        self.player = player

    def set_model(self, model):
        super().set_model(model)
        if self.player not in model.players:
            raise UserError(
                f"{type(model).__name__} has the players {', '.join(model.players)}. "
                f"Received: {self.player!r}"
            )
        optimizer = model.optimizers[self.player]
        rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate
        follows = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
        if follows and isinstance(self.callback, OF_ONE_OPTIMIZER):
            raise UserError(
                f"The rate of {type(model).__name__}'s {self.player}_optimizer follows a schedule, "
                f"so a callback cannot change it: compile with an optimizer of a constant rate."
            )
        self.callback.set_model(OfPlayer(model, self.player))

    def on_epoch_end(self, epoch, logs=None):
        self.callback.on_epoch_end(epoch, logs)
        if logs and "learning_rate" in logs:
            logs[f"{self.player}_learning_rate"] = logs.pop("learning_rate")


class OfPlayer:
    """A model, except that `optimizer` is one player's."""

    def __init__(self, model, player):
        vars(self).update(model=model, player=player)

    @property
    def optimizer(self):
        return self.model.optimizers[self.player]

    def __getattr__(self, name):
        return getattr(self.model, name)

    def __setattr__(self, name, value):
        setattr(self.model, name, value)
