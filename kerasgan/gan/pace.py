"""How many steps of `fit` one call from Python runs."""

import statistics
import time

import keras

from kerasgan.gan.monitoring import wrapped
from kerasgan.utils import replicas

LONGEST = 0.1  # seconds of a call: Python hardly counts, and a signal waits for no longer
FEWEST = 5  # steps in a call for which tracing their loop is worth while
WARM, TIMED = 2, 5  # steps that TensorFlow traces and plans, and those that are timed after them
# How MLflow's and Weights & Biases' callbacks say that they log at the end of an epoch only.
LOGGERS_BY_EPOCH = {"log_every_epoch": True, "logging_batch_wise": False}
HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


class Pace:
    """Runs several training steps in one call.

    Keras's loop takes single steps. Those that share a call wait for the last of them, which runs
    all; what is left at the end of an epoch runs step by step.

    Args:
        wanted: Number of steps in a call, or "auto": as many as take 0.1 seconds, measured at the
            start of a training; 1 if these are fewer than five, or if a callback follows each step.
    """

    def __init__(self, wanted):
        self.wanted = wanted
        self.number = None if wanted == "auto" else wanted
        self.stop()

    def function(self, gan):
        """Returns the train function of a model."""
        self.gan = gan
        self.single = keras_function(gan)
        self.several = keras_function(gan)
        return self.run

    def start(self, callbacks, steps):
        """Begins a call of `fit`.

        Args:
            callbacks: List of its callbacks.
            steps: Number of steps in an epoch, or `None` if it is not known.
        """
        self.stop()
        self.seconds = []
        self.steps = steps or 0
        self.single_steps = self.wanted == "auto" and not all(map(once_a_call, callbacks))

    def stop(self):
        """Ends a call of `fit`: steps outside run one by one."""
        self.left, self.at_once, self.seconds, self.logs = 0, 1, None, {}

    def begins(self, batch):
        """Tells whether a call begins with this step of an epoch."""
        if self.left:
            return False
        several = self.number and not self.single_steps and batch + self.number <= self.steps
        self.left = self.at_once = self.number if several else 1
        return True

    def run(self, iterator):
        """Runs the steps of a call if this is its last one.

        Args:
            iterator: Iterator over batches.

        Returns:
            dict of logs: those of the last call that has run.
        """
        self.left = max(self.left - 1, 0)
        if self.left:
            return self.logs
        started = time.monotonic()
        self.gan.steps_per_execution = self.at_once
        try:
            self.logs = (self.single if self.at_once == 1 else self.several)(iterator)
        finally:
            self.gan.steps_per_execution = 1
        if self.number is None and self.seconds is not None:
            keras.ops.convert_to_numpy(next(iter(self.logs.values())))  # waits for the device
            self._time(time.monotonic() - started)
        return self.logs

    def _time(self, seconds):
        self.seconds.append(seconds)
        if len(self.seconds) == WARM + TIMED:
            number = int(LONGEST / statistics.median(self.seconds[WARM:]))
            number = number if number >= FEWEST else 1
            self.number = replicas.from_chief(self.gan.distribute_strategy, number)


class Calls(keras.callbacks.CallbackList):
    """Callbacks of `fit`, which are called once for each call of a `Pace`."""

    def __init__(self, callbacks, pace, **options):
        super().__init__(callbacks, **options)
        self.pace = pace

    def on_train_batch_begin(self, batch, logs=None):
        if self.pace.begins(batch):
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        if not self.pace.left:
            super().on_train_batch_end(batch, logs)


def once_a_call(callback):
    """Tells whether a callback may be called once for several steps."""
    inner = wrapped(callback)
    if isinstance(inner, keras.callbacks.ProgbarLogger | keras.callbacks.TerminateOnNaN):
        return True
    if any(getattr(inner, name, None) is value for name, value in LOGGERS_BY_EPOCH.items()):
        return True
    if "epoch" in (getattr(inner, "save_freq", None), getattr(inner, "update_freq", None)):
        return not getattr(inner, "_should_trace", False)  # TensorBoard, which profiles steps
    default = keras.callbacks.Callback
    return getattr(inner, "once_a_call", False) or all(
        getattr(getattr(inner, hook), "__func__", None) is getattr(default, hook) for hook in HOOKS
    )


def keras_function(gan):
    """Returns a new train function of Keras, which is traced, at its first call, for the model's
    `steps_per_execution` of that moment."""
    keras.Model.make_train_function(gan, force=True)
    return gan.train_function
