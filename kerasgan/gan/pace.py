"""How many steps of `fit` one call from Python runs."""

import statistics
import time

import keras

from kerasgan.gan.monitoring import wrapped
from kerasgan.utils import replicas

LONGEST = 0.1  # seconds of a call: Python hardly counts, and a signal waits for no longer
TOO_LONG = 4 * LONGEST  # of a call, after which steps are timed again
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
            start of each call of `fit`, and again once calls take much longer; 1 if these are fewer
            than five, or if a callback of any worker follows each step.
    """

    def __init__(self, wanted):
        self.wanted = wanted
        self.number = None if wanted == "auto" else wanted
        self.timed = wanted != "auto"  # the number holds for this call of `fit`
        self.stop()

    def function(self, gan):
        """Returns the train function of a model."""
        self.gan = gan
        self.single = keras_function(gan)
        self.several = keras_function(gan)
        self.traced = False
        return self.run

    def start(self, strategy, callbacks, steps):
        """Begins a call of `fit`; all workers do it at the same point.

        Args:
            strategy: `tf.distribute.Strategy` of the model.
            callbacks: List of this worker's callbacks.
            steps: Number of steps in an epoch, or `None` if the data may not hold them.
        """
        self.stop()
        self.strategy, self.steps, self.single_steps = strategy, steps or 0, False
        if self.wanted == "auto":
            follows = not all(map(once_a_call, callbacks))
            self.single_steps = replicas.any_worker(strategy, follows)
            self._time_again()

    def stop(self):
        """Ends a call of `fit`: steps outside run one by one."""
        self.left, self.at_once, self.logs = 0, 1, {}
        self.seconds = None  # of the timed steps of a call of `fit`

    def _time_again(self):
        self.timed, self.seconds = False, []

    def begins(self, batch):
        """Tells whether a call begins with this step of an epoch."""
        if self.left:
            return False
        ready = self.timed and self.number and not self.single_steps
        several = ready and batch + self.number <= self.steps
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
        if self.wanted == "auto" and self.seconds is not None:
            self._time(started)
        return self.logs

    def _time(self, started):
        """Chooses the number by the first single steps; calls that take too long ask for that."""
        if self.timed and (self.at_once == 1 or replicas.several_workers(self.strategy)):
            return  # workers can only agree at a step that all know
        keras.ops.convert_to_numpy(next(iter(self.logs.values())))  # waits for the device
        seconds = time.monotonic() - started
        if self.timed:
            traced, self.traced = self.traced, True
            if traced and seconds > TOO_LONG:
                self._time_again()
            return
        self.seconds.append(seconds)
        if len(self.seconds) == WARM + TIMED:
            number = int(LONGEST / statistics.median(self.seconds[WARM:]))
            number = number if number >= FEWEST else 1
            self._choose(replicas.from_chief(self.strategy, number))

    def _choose(self, number):
        """Takes a number, unless the one whose loop is traced is about the same."""
        self.timed = True
        if self.number and self.number / 2 <= number <= self.number * 2:
            return
        if self.number is not None:
            self.several, self.traced = keras_function(self.gan), False
        self.number = number


class Calls(keras.callbacks.CallbackList):
    """Callbacks of `fit`, which are called once for each call of a `Pace`."""

    def __init__(self, callbacks, pace, **options):
        super().__init__(callbacks, **options)
        self.pace = pace

    def on_epoch_begin(self, epoch, logs=None):
        self.pace.left = 0  # of an epoch whose data ended early
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        if self.pace.begins(batch):
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        if not self.pace.left:
            super().on_train_batch_end(batch, logs)


def once_a_call(callback):
    """Tells whether a callback may be called once for several steps."""
    inner = wrapped(callback)
    of_keras = all(getattr(inner, hook).__module__.startswith("keras.") for hook in HOOKS)
    guards = keras.callbacks.ProgbarLogger | keras.callbacks.TerminateOnNaN
    if of_keras and isinstance(inner, guards):
        return True
    if any(getattr(inner, name, None) is value for name, value in LOGGERS_BY_EPOCH.items()):
        return True
    if of_keras and "epoch" in (
        getattr(inner, "save_freq", None),
        getattr(inner, "update_freq", None),
    ):
        return not getattr(inner, "_should_trace", False)  # TensorBoard, which profiles steps
    default = keras.callbacks.Callback
    return getattr(inner, "once_a_call", False) or all(
        getattr(getattr(inner, hook), "__func__", None) is getattr(default, hook) for hook in HOOKS
    )


def keras_function(gan):
    """Returns a new train function of Keras, which is traced, at its first call, for the model's
    `steps_per_execution` of that moment."""
    used = gan.train_function
    keras.Model.make_train_function(gan, force=True)
    made, gan.train_function = gan.train_function, used
    return made
