"""Sample grids during training."""

import os

import keras
import tensorflow as tf

from kerasgan.utils import pixels
from kerasgan.viz import grids


class SampleGrid(keras.callbacks.Callback):
    """Draws the same latents after every epoch: `epoch_0000.png` (untrained), `epoch_0001.png` ...

    Args:
        directory: Folder for the PNG files.
        num: Images in a grid.
        seed: Seed of the latents.
        log_dir: TensorBoard folder to which the grids are also written, or `None`.
        zoom: Integer enlargement of the PNG files.
        untrained: Whether to draw a grid before the first epoch.

    Example:

    >>> import kerasgan, tempfile, numpy as np
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
        picture = grids.sample_grid(self.model, self.num, self.seed)
        if picture is None:  # this kind of output cannot be drawn
            return
        path = os.path.join(self.directory, f"epoch_{epoch:04d}.png")
        pixels.save_png(picture, path, zoom=self.zoom)
        if self.writer:
            with self.writer.as_default():
                tf.summary.image("samples", picture[None], step=epoch)
