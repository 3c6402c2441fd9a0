"""What a training shows of itself."""

import time

import keras

from kerasgan.utils.progress import LINES_EVERY, redraws

ESTIMATE = 10  # steps after which the first line says how long the training will take


class Progress(keras.callbacks.Callback):
    """One progress bar for the whole training, with the time left; without a terminal, lines.

    Args:
        last: Number of steps of the whole training.
        step: Number of steps already done.
    """

    once_a_call = True

    def __init__(self, last, step=0):
        super().__init__()
        self.last, self.first = last, step
        self.bar = None

    def on_train_begin(self, logs=None):
        if self.bar is None:
            self.started = self.told = time.monotonic()
            self.step = self.first
            self.traced, self.lined = 0, False
            self.bar = keras.utils.Progbar(
                self.last - self.first, stateful_metrics=self.model.log_names
            )

    def on_epoch_begin(self, epoch, logs=None):
        self.before = self.step

    def on_train_batch_end(self, batch, logs=None):
        self.step = self.before + batch + 1
        done = self.step - self.first
        if not self.traced:
            # The first step is traced, which takes its time.
            self.started, self.traced = time.monotonic(), done
        if redraws():
            self.bar.update(done, self._losses(logs), finalize=False)
        elif (done >= ESTIMATE and not self.lined) or (
            done > self.traced and time.monotonic() - self.told >= LINES_EVERY
        ):
            self._line(logs)

    def on_train_end(self, logs=None):
        if self.step < self.last:
            return
        if redraws():
            self.bar.update(self.step - self.first, finalize=True)
        else:
            self._line(logs)

    def _line(self, logs):
        self.told, self.lined = time.monotonic(), True
        done = self.step - self.first - self.traced
        rate = done / max(self.told - self.started, 1e-9)
        left = (self.last - self.step) / max(rate, 1e-9) / 60
        losses = ", ".join(f"{name} {float(value):.3f}" for name, value in self._losses(logs))
        print(f"step {self.step:,} of {self.last:,}, {left:.1f} minutes left: {losses}", flush=True)

    def _losses(self, logs):
        return [(name, logs[name]) for name in self.model.log_names if name in (logs or {})]
