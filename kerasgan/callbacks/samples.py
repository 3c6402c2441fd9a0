"""Sample grids during training."""

import time
from pathlib import Path

import keras
import tensorflow as tf

from kerasgan.utils import pixels
from kerasgan.utils.errors import check_count
from kerasgan.viz import grids

SHARE = 0.05  # of a training's time that its grids may take


class SampleGrid(keras.callbacks.Callback):
    """Draws the same latents after every epoch: `epoch_0000.png` (untrained), `epoch_0001.png` ...

    A second `fit` into the same folder goes on with the next number.

    Args:
        directory: Folder for the PNG files.
        num: Images in a grid.
        seed: Seed of the latents.
        log_dir: TensorBoard folder to which the grids are also written, and the first eight of
            sounds, or `None`.
        zoom: Integer enlargement of the PNG files.
        untrained: Whether to draw a grid before the first epoch.
        every: Number of epochs between grids. 0 draws after epochs 1, 2, 4, 8, ..., after the last,
            and else as often as takes at most 5% of the time.

    Example:

    >>> import kerasgan, os, tempfile, numpy as np
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> gan.compile()
    >>> folder = tempfile.mkdtemp()
    >>> grids = SampleGrid(folder, num=4)
    >>> _ = gan.fit(np.zeros((8, 8, 8, 1)), batch_size=4, verbose=0, callbacks=[grids])
    >>> sorted(os.listdir(folder))
    ['epoch_0000.png', 'epoch_0001.png']
    """

    def __init__(self, directory, num=64, seed=0, log_dir=None, zoom=2, untrained=True, every=1):
        super().__init__()
        check_count(every, "every", least=0)
        self.every, self.spent, self.drawn = every, 0.0, None
        self.untrained = untrained
        self.directory, self.num, self.seed, self.zoom = Path(directory), num, seed, zoom
        self.writer = tf.summary.create_file_writer(log_dir) if log_dir else None

    def on_train_begin(self, logs=None):
        self.before = None  # number of the last grid of an earlier `fit`
        self.started, self.spent = time.monotonic(), 0.0
        self.number = self.drawn = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.before is None:
            self.before = 0 if epoch else self._last()
        if epoch == 0 and self.before == 0 and self.untrained:
            self._draw(0)

    def on_epoch_end(self, epoch, logs=None):
        self.number = self.before + epoch + 1
        if self._due(epoch + 1):
            self._draw(self.number)

    def _last(self):
        numbers = [path.stem.removeprefix("epoch_") for path in self.directory.glob("epoch_*.png")]
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def _due(self, epoch):
        if self.every:
            return epoch % self.every == 0
        if epoch & (epoch - 1) == 0:  # 1, 2, 4, 8, ...
            return True
        return self.spent <= SHARE * (time.monotonic() - self.started)

    def on_train_end(self, logs=None):
        if self.drawn != self.number:
            self._draw(self.number)
        if self.writer:
            self.writer.flush()

    def _draw(self, epoch):
        begun, self.drawn = time.monotonic(), epoch
        picture = grids.sample_grid(self.model, self.num, self.seed)
        if picture is None:  # this kind of output cannot be drawn
            return
        pixels.save_picture(picture, self.directory / f"epoch_{epoch:04d}.png", zoom=self.zoom)
        if self.writer:
            with self.writer.as_default():
                tf.summary.image("samples", picture[None], step=epoch)
                output = self.model.signature.output
                output.summarize(lambda num: self.model.sample(num, seed=self.seed), epoch)
        self.spent += time.monotonic() - begun
