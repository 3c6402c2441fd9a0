"""Models whose discriminator is an autoencoder."""

import keras
import numpy as np


class Reconstructing:
    """A model that shows what its discriminator makes of images.

    The discriminator is a functional model of images alone, and has a layer `reconstructions`.
    A training in a run directory draws them: any model with a method `reconstruct` has that.
    """

    def reconstruct(self, images, batch_size=64):
        """Returns images after the discriminator has encoded and decoded them.

        Args:
            images: uint8 array (N, H, W, C), or float in [-1, 1].
            batch_size: Images that are computed at once.

        Returns:
            float32 array of the same shape.

        Raises:
            UserError: If the images do not fit the model.
        """
        images = self.signature.output.check(images, "images")
        decoded = self.discriminator.get_layer("reconstructions").output
        autoencoder = keras.Model(self.discriminator.input, decoded)
        batches = [images[i : i + batch_size] for i in range(0, len(images), batch_size)]
        return np.concatenate([autoencoder(batch, training=False) for batch in batches])
