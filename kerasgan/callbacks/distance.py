"""Scores during training."""

import math

import keras

from kerasgan.utils.errors import check_count


class FrechetDistance(keras.callbacks.Callback):
    """Scores samples during `fit` and logs `frechet_distance`.

    Epochs without a score log NaN, so that a CSV file has the column from its first row. In `fit`,
    `ModelCheckpoint` and `EarlyStopping` that monitor it ignore these epochs.

    Args:
        real: Real images or their `kerasgan.metrics.Statistics`, as `GAN.evaluate` takes them.
        every: Number of epochs between scores.
        num: Number of samples; by default as many as real images.
        seed: Seed of the samples.
        extractor: Feature extractor; by default that of the model's kind of output.
        given: dict of arrays by name, for inputs that must be given and are not in `real`: without
            them, statistics are compared with samples of the examples that the model keeps.
    """

    logged_scores = ("frechet_distance",)

    def __init__(self, real, every=1, num=None, seed=0, extractor=None, given=None):
        super().__init__()
        check_count(every, "every")
        self.real, self.every, self.num, self.seed = real, every, num, seed
        self.extractor, self.given = extractor, given

    def on_epoch_end(self, epoch, logs=None):
        score = math.nan
        if (epoch + 1) % self.every == 0:
            score = self.model.evaluate(
                self.real,
                num=self.num,
                seed=self.seed,
                extractor=self.extractor,
                given=self.given,
                verbose=0,
            )["frechet_distance"]
        if logs is not None:
            logs["frechet_distance"] = score
