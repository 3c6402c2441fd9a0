"""Callbacks that stop or warn when a training breaks."""

import math
import warnings

import keras
import numpy as np

from kerasgan.utils.errors import TrainingFailed, check_count


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops training when a loss is NaN or infinite.

    Logged losses are running means, so a bad value stays visible until the end of the epoch. They
    are read every `every` steps.

    Args:
        every: Number of steps between checks.

    Raises:
        TrainingFailed: From `fit`, with the step and the losses.
    """

    once_a_call = True

    def __init__(self, every=20):
        super().__init__()
        check_count(every, "every")
        self.every = every
        self.epoch, self.looked = 0, -1

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.looked = epoch, -1

    def on_train_batch_end(self, batch, logs=None):
        if batch - self.looked >= self.every:  # by more than one with `steps_per_execution`
            self.looked = batch
            step = steps_of(self.model)
            self._check(logs, f"within {self.every} steps before step {step}")

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs, "at its end")

    def _check(self, logs, where):
        losses = [
            n for n in self.model.log_names if n in logs and not math.isfinite(float(logs[n]))
        ]
        if losses:
            networks = [network for network in self.model.networks if broken(network)]
            where_broken = " and ".join(network.name for network in networks) or "neither network"
            raise TrainingFailed(
                f"Training broke in epoch {self.epoch + 1}, {where}: {' and '.join(losses)} became "
                f"NaN or infinite (weights that are not finite: in {where_broken}). A lower "
                f"learning rate or a smaller `width` usually helps."
            )


class WarnOnCollapse(keras.callbacks.Callback):
    """Warns, once each, when the generator collapses and when the discriminator wins.

    At the end of each epoch it measures how much samples of different latents differ, with classes
    those of one class, and checks those losses of the discriminator whose minimum is 0.

    Args:
        num: Samples to compare.
        least: Standard deviation over the samples, averaged over the image, below which samples
            count as collapsed; values lie in [-1, 1].
        after: Updates of the generator before the first check: many generators start with nearly
            equal images.
        saturated: Loss below which the discriminator has won.

    Warns:
        UserWarning: With the measurement, and what usually helps.

    Reference: Arjovsky & Bottou 2017, "Towards Principled Methods for Training Generative
    Adversarial Networks", https://arxiv.org/abs/1701.04862, section 2, on the
    generator's gradient under a perfect discriminator.
    """

    def __init__(self, num=64, least=0.01, saturated=0.002, after=500):
        super().__init__()
        check_count(num, "num", least=2)
        self.num, self.least, self.saturated, self.after = num, least, saturated, after
        self.warned = set()

    def on_epoch_end(self, epoch, logs=None):
        if steps_of(self.model) < self.after:
            return
        spread, of_class = self._spread()
        if spread < self.least:
            self._warn(
                "collapse",
                f"Epoch {epoch + 1}: the generator makes the same image {of_class}from any latents "
                f"(their standard deviation is {spread:.1g}). A lower learning rate of the "
                f"discriminator, a larger batch, or another model (WGAN-GP, SNGAN) usually helps.",
            )
        losses = {k: v for k, v in (logs or {}).items() if k in self.model.saturating_losses}
        for name, loss in losses.items():
            if loss < self.saturated:
                self._warn(
                    "saturation",
                    f"Epoch {epoch + 1}: the discriminator tells real from generated without fail "
                    f"({name} is {loss:.1g}), so the generator learns little. A lower learning "
                    f"rate of the discriminator or a smaller one usually helps.",
                )

    def _spread(self):
        """Returns the standard deviation over samples, within classes if there are any."""
        turns = self.model.signature.turns or 1
        num = turns * max(2, self.num // turns)
        samples = self.model.sample(num, seed=0)
        of_classes = samples.reshape(num // turns, turns, *samples.shape[1:])
        return float(of_classes.std(axis=0).mean()), "of a class " if turns > 1 else ""

    def _warn(self, kind, message):
        if kind not in self.warned:
            self.warned.add(kind)
            warnings.warn(message, stacklevel=2)


def steps_of(gan):
    """Returns the number of updates of the first player, one per step."""
    return int(next(iter(gan.optimizers.values())).iterations.numpy())


def broken(network):
    """Tells whether a network has NaN or infinite weights."""
    return not all(np.isfinite(weight).all() for weight in network.get_weights())
