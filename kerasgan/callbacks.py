"""Keras callbacks that make a GAN's training visible and stop it when it breaks."""

import math
import os
import re
import warnings

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from kerasgan import images, metrics
from kerasgan.errors import TrainingFailed, check_count


class SampleGrid(keras.callbacks.Callback):
    """Draws the same latents after every epoch: `epoch_0000.png` (untrained), `epoch_0001.png` ...

    Args:
        directory: Folder for the PNG files.
        num: Images in a grid.
        seed: Seed of the latents.
        log_dir: TensorBoard folder that the grids go to as well, or `None`.
        zoom: Whole-number enlargement of the PNG files.
        untrained: Whether to draw a grid before the first epoch.

    Example:

    >>> import kerasgan, tempfile
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> gan.compile()
    >>> folder = tempfile.mkdtemp()
    >>> grids = SampleGrid(folder, num=4)
    >>> _ = gan.fit(np.zeros((8, 8, 8, 1)), batch_size=4, verbose=0, callbacks=[grids])
    >>> sorted(os.listdir(folder))
    ['epoch_0000.png', 'epoch_0001.png']
    """

    def __init__(self, directory, num=64, seed=0, log_dir=None, zoom=2, untrained=True):
        super().__init__()
        self.untrained = untrained
        self.directory, self.num, self.seed, self.zoom = directory, num, seed, zoom
        self.writer = tf.summary.create_file_writer(log_dir) if log_dir else None

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0 and self.untrained:
            self._draw(0)

    def on_epoch_end(self, epoch, logs=None):
        self._draw(epoch + 1)

    def on_train_end(self, logs=None):
        if self.writer:
            self.writer.flush()

    def _draw(self, epoch):
        picture = images.sample_grid(self.model, self.num, self.seed)
        if picture is None:  # this kind of output cannot be drawn
            return
        path = os.path.join(self.directory, f"epoch_{epoch:04d}.png")
        images.save_png(picture, path, zoom=self.zoom)
        if self.writer:
            with self.writer.as_default():
                tf.summary.image("samples", picture[None], step=epoch)


def progress_strip(directory, path, image_shape, rows=8, columns=8, zoom=2, margin=2):
    """Puts the first row of several epochs' grids under one another: how samples came about.

    Args:
        directory: Folder that a `SampleGrid` wrote to, with the same `zoom`.
        path: PNG file to write.
        image_shape: (height, width, channels) of one image, before `zoom`.
        rows: At most so many epochs, evenly spread from the first to the last.
        columns: Images taken of each.
        zoom, margin: As in the grids.

    Returns:
        list of the epochs shown, top to bottom.

    Raises:
        FileNotFoundError: If the folder holds no grid.
    """
    epochs = sorted(
        int(match[1])
        for name in os.listdir(directory)
        if (match := re.match(r"epoch_(\d+)\.png", name))
    )
    if not epochs:
        raise FileNotFoundError(f"There is no epoch_*.png in {directory}.")
    # Early epochs change most: spread the rows evenly over the logarithm of the epoch.
    wanted = np.geomspace(1, len(epochs), min(rows, len(epochs))).round().astype(int) - 1
    shown = [epochs[i] for i in sorted({*wanted.tolist(), len(epochs) - 1})]
    height, width = ((side + margin) * zoom for side in image_shape[:2])
    strips = []
    for epoch in shown:
        sheet = np.asarray(Image.open(os.path.join(directory, f"epoch_{epoch:04d}.png")))
        strips.append(sheet[:height, : columns * width - margin * zoom])
    strip = np.concatenate(strips)[: -margin * zoom]
    images.save_png(strip if strip.ndim == 3 else strip[..., None], path)
    return shown


class FrechetDistance(keras.callbacks.Callback):
    """Scores samples during `fit` and adds `frechet_distance` to the logs of those epochs.

    Other epochs log NaN, so that a CSV file has the column from its first row.

    Args:
        real: Real images or their `kerasgan.metrics.Statistics`, as `GAN.evaluate` takes them.
        every: Score after every so many epochs.
        num: Number of samples; by default as many as real images.
        seed: Seed of the samples.
        extractor: Feature extractor; `kerasgan.metrics.EfficientNetLite0()` by default.
    """

    def __init__(self, real, every=1, num=None, seed=0, extractor=None):
        super().__init__()
        check_count(every, "every")
        self.real, self.every, self.num, self.seed = real, every, num, seed
        self.extractor = extractor or metrics.EfficientNetLite0()

    def on_epoch_end(self, epoch, logs=None):
        score = math.nan
        if (epoch + 1) % self.every == 0:
            score = self.model.evaluate(
                self.real, num=self.num, seed=self.seed, extractor=self.extractor, verbose=0
            )["frechet_distance"]
        if logs is not None:
            logs["frechet_distance"] = score


class StopOnNonFinite(keras.callbacks.Callback):
    """Ends training when a loss of either network is NaN or infinite.

    Logged losses are running means, so a bad value stays visible until the epoch ends. They are
    read every `every` steps.

    Args:
        every: Steps between two looks.

    Raises:
        TrainingFailed: From `fit`, naming the step and the losses.
    """

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
    """Warns, once each, of a generator that makes one image and of a discriminator that has won.

    Looks at the end of each epoch: at how much samples of different latents differ, and at the
    discriminator's losses where their least value is 0.

    Args:
        num: Samples to compare.
        least: Standard deviation over the samples, averaged over the image, below which they count
            as one image; values lie in [-1, 1].
        after: Updates of the generator before which it is not looked at: many start with nearly
            the same image.
        saturated: Discriminator loss below which it has won.

    Warns:
        UserWarning: What was seen, and what usually helps.

    Reference: Arjovsky & Bottou 2017, "Towards Principled Methods for Training Generative
    Adversarial Networks", https://arxiv.org/abs/1701.04862, section 2: what a perfect discriminator
    does to the generator's gradient.
    """

    def __init__(self, num=64, least=0.01, saturated=0.002, after=500):
        super().__init__()
        check_count(num, "num", least=2)
        self.num, self.least, self.saturated, self.after = num, least, saturated, after
        self.warned = set()

    def on_epoch_end(self, epoch, logs=None):
        if steps_of(self.model) < self.after:
            return
        spread = float(self.model.sample(self.num, seed=0).std(axis=0).mean())
        if spread < self.least:
            self._warn(
                "collapse",
                f"Epoch {epoch + 1}: the generator makes the same image from any latents (their "
                f"standard deviation is {spread:.1g}). A lower learning rate of the discriminator, "
                f"a larger batch, or another model (WGAN-GP, SNGAN) usually helps.",
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

    def _warn(self, kind, message):
        if kind not in self.warned:
            self.warned.add(kind)
            warnings.warn(message, stacklevel=2)


def steps_of(gan):
    """Returns the updates of the first player, which is one a step."""
    return int(next(iter(gan.optimizers.values())).iterations.numpy())


def broken(network):
    """Tells whether a network has a weight that is NaN or infinite."""
    return not all(np.isfinite(weight).all() for weight in network.get_weights())
