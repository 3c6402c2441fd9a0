"""The network of the FID: Inception-v3 as TensorFlow published it in 2015, as a Keras model."""

import dataclasses
import os
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan.metrics import inception_weights
from kerasgan.metrics.extractors import Extractor
from kerasgan.utils import hashing
from kerasgan.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class InceptionV3(Extractor):
    """The 2015 Inception graph: the 2048 pooled features whose Frechet distance is called FID.

    The weights are those of `inception-2015-12-05.tgz` or of the `classify_image_graph_def.pb` in
    it: the file that `weights` names, else the one that the environment variable
    `KERASGAN_INCEPTION` names, else the one in the cache (`KERASGAN_CACHE`, by default
    `~/.cache/kerasgan`), else a download of 89 MB into that cache. In the cache only the graph with
    the known SHA-256 is accepted. A file that you name may hold other weights, but only the known
    ones are called FID: `distance_name` tells others by their hash, and `sha256` is in every score.

    Images are resized to 299x299 as TensorFlow 1 did it, and greyscale is repeated to three
    channels. The graph is not `keras.applications.InceptionV3`: its last block pools by maximum.
    Two cores take some 10 to 20 images a second, of any size.

    Args:
        weights: Path of either file; by default it is searched for as above. Afterwards the path
            of the file found.
        dim: Width of the features: 2048 for FID. 64, 192 and 768 are earlier layers, averaged over
            the image; their distances have names of their own, such as `"FD[inception@768]"`.

    Raises:
        UserError: If `dim` is none of these; if the weights are neither on this machine nor
            downloadable, with the file to fetch and where to put it; if the file found is damaged,
            or, at the first use, if a weight is missing in it or has another shape.

    Example:

    >>> from kerasgan.utils.errors import UserError
    >>> try:
    ...     extractor = InceptionV3(weights="downloads/inception-2015-12-05.tgz")
    ... except UserError as error:
    ...     print("FID was not computed.", error)
    FID was not computed. The Inception weights must be ..., but there is no ...: fetch https://...

    Reference: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015,
    https://arxiv.org/abs/1512.00567; Heusel et al., "GANs Trained by a Two Time-Scale Update Rule
    Converge to a Local Nash Equilibrium", 2017, https://arxiv.org/abs/1706.08500. Compared layer by
    layer with torch-fidelity's port, https://github.com/toshas/torch-fidelity.
    """

    weights: str | os.PathLike | None = dataclasses.field(default=None, compare=False)
    dim: int = dataclasses.field(default=2048, kw_only=True)
    sha256: str = dataclasses.field(init=False, repr=False)  # of the graph, also inside an archive

    name: ClassVar[str] = "inception"

    def __post_init__(self):
        if self.dim not in (64, 192, 768, 2048):
            raise UserError(f"`dim` must be 64, 192, 768 or 2048. Received: dim={self.dim!r}")
        graph, path = inception_weights.load(self.weights)
        inception_weights.constants(graph, path)  # a damaged file is refused here, not at the end
        object.__setattr__(self, "weights", os.path.abspath(path))
        object.__setattr__(self, "sha256", hashing.of_bytes(graph))

    @property
    def distance_name(self):
        """`"FID"` for the known weights and 2048 features alone; else as `"FD[inception:0f...]"`.

        Other weights add the first eight digits of their SHA-256, other features their width.
        """
        known = self.sha256 == inception_weights.SHA256
        if known and self.dim == 2048:
            return "FID"
        weights = "" if known else f":{self.sha256[:8]}"
        width = "" if self.dim == 2048 else f"@{self.dim}"
        return f"FD[{self.name}{weights}{width}]"

    def logits_unbiased(self, images, batch_size=64):
        """Returns the class scores without the classifier's bias.

        The Inception Score of the literature is computed of these: the original code multiplied by
        the weights alone. `logits` are those of the graph, with its bias.

        Args:
            images: uint8 array of shape `(N, height, width, 1 or 3)` with N >= 1.
            batch_size: Number of images that go through the network at once.

        Returns:
            float32 array of shape `(N, 1008)`.

        Raises:
            ValueError: If `images` has another dtype or shape.

        Reference: Salimans et al., "Improved Techniques for Training GANs", 2016,
        https://arxiv.org/abs/1606.03498, and its code, github.com/openai/improved-gan.
        """
        return self._outputs(images, batch_size)[2]

    def preprocess(self, images):
        """Returns a uint8 tensor resized, as RGB and in [-1, 1)."""
        images = tf.raw_ops.ResizeBilinear(
            images=images, size=(299, 299), align_corners=False, half_pixel_centers=False
        )
        images = tf.broadcast_to(images, (tf.shape(images)[0], 299, 299, 3))
        return (images - 128.0) / 128.0

    def build_network(self):
        """Returns the Keras network, from images to `[features, logits, unbiased logits]`."""
        graph = inception_weights.read(self.weights)
        if hashing.of_bytes(graph) != self.sha256:
            raise UserError(f"{self.weights} changed since InceptionV3 was made: make it again.")
        arrays = inception_weights.constants(graph, self.weights)
        network = build_inception_v3(arrays)
        outputs = [network.output[key] for key in (str(self.dim), "logits", "logits_unbiased")]
        return keras.Model(network.input, outputs, name="inception_v3")


def build_inception_v3(arrays):
    """Returns the network of the 2015 graph in float32, batch norms folded into its convolutions.

    Args:
        arrays: dict of the graph's constants by the names of their nodes.

    Returns:
        `keras.Model` from float images `(N, 299, 299, 3)` in [-1, 1) to a dict: `"64"`, `"192"`,
        `"768"` and `"2048"` are features of that width, averaged over the image; `"logits"` and
        `"logits_unbiased"` are `(N, 1008)`, the latter without the classifier's bias.

    Raises:
        UserError: If an array is missing or has another shape.
    """

    def array(name, shape):
        found = arrays[name].shape if name in arrays else "none"
        if found != shape:
            raise UserError(f"The graph must have {name} of shape {shape}. Received: {found}")
        return arrays[name].astype("float32")

    def conv(x, scope, filters, kernel_size, strides=1, padding="same"):
        kernel_size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        layer = layers.Conv2D(
            filters,
            kernel_size,
            strides,
            padding,
            activation="relu",
            kernel_initializer="zeros",  # so that building leaves the random state alone
            dtype="float32",
            name=scope.replace("/", "."),
        )
        kernel = array(f"{scope}/conv2d_params", (*kernel_size, x.shape[-1], filters))
        gamma, beta, mean, variance = (
            array(f"{scope}/batchnorm/{name}", (filters,))
            for name in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + 1e-3)
        x = layer(x)
        layer.set_weights([kernel * scale, beta - mean * scale])
        return x

    images = keras.Input((299, 299, 3), dtype="float32", name="images")
    outputs = {}
    x = conv(images, "conv", 32, 3, 2, "valid")
    x = conv(x, "conv_1", 32, 3, 1, "valid")
    x = _max_pool(conv(x, "conv_2", 64, 3))  # (N, 73, 73, 64)
    outputs["64"] = _mean(x)
    x = conv(x, "conv_3", 80, 1)
    x = _max_pool(conv(x, "conv_4", 192, 3, 1, "valid"))  # (N, 35, 35, 192)
    outputs["192"] = _mean(x)
    for scope, pool_width in (("mixed", 32), ("mixed_1", 64), ("mixed_2", 64)):
        x = _block35(conv, x, scope, pool_width)
    x = _concat(  # (N, 17, 17, 768)
        conv(x, "mixed_3/conv", 384, 3, 2, "valid"),
        _tower(conv, x, "mixed_3/tower", (64, 1), (96, 3), (96, 3, 2, "valid")),
        _max_pool(x),
    )
    for scope, width in (("mixed_4", 128), ("mixed_5", 160), ("mixed_6", 160), ("mixed_7", 192)):
        x = _block17(conv, x, scope, width)
    outputs["768"] = _mean(x)
    row, column = (192, (1, 7)), (192, (7, 1))
    x = _concat(  # (N, 8, 8, 1280)
        _tower(conv, x, "mixed_8/tower", (192, 1), (320, 3, 2, "valid")),
        _tower(conv, x, "mixed_8/tower_1", (192, 1), row, column, (192, 3, 2, "valid")),
        _max_pool(x),
    )
    x = _block8(conv, x, "mixed_9", layers.AveragePooling2D)
    x = _block8(conv, x, "mixed_10", layers.MaxPooling2D)  # an oddity of this graph: by maximum
    outputs["2048"] = _mean(x)
    kernel, bias = array("softmax/weights", (2048, 1008)), array("softmax/biases", (1008,))
    for name, weights in (("logits", [kernel, bias]), ("logits_unbiased", [kernel])):
        classifier = layers.Dense(
            1008, use_bias=len(weights) > 1, kernel_initializer="zeros", dtype="float32", name=name
        )
        outputs[name] = classifier(outputs["2048"])
        classifier.set_weights(weights)
    return keras.Model(images, outputs, name="inception_v3")


# Blocks by the sides of their maps, 35, 17 and 8; a scope is the prefix of a block's node names.


def _block35(conv, x, scope, pool_width):
    return _concat(
        conv(x, f"{scope}/conv", 64, 1),
        _tower(conv, x, f"{scope}/tower", (48, 1), (64, 5)),
        _tower(conv, x, f"{scope}/tower_1", (64, 1), (96, 3), (96, 3)),
        _tower(conv, _same_pool(x), f"{scope}/tower_2", (pool_width, 1)),
    )


def _block17(conv, x, scope, width):
    row, column = (width, (1, 7)), (width, (7, 1))
    return _concat(
        conv(x, f"{scope}/conv", 192, 1),
        _tower(conv, x, f"{scope}/tower", (width, 1), row, (192, (7, 1))),
        _tower(conv, x, f"{scope}/tower_1", (width, 1), column, row, column, (192, (1, 7))),
        _tower(conv, _same_pool(x), f"{scope}/tower_2", (192, 1)),
    )


def _block8(conv, x, scope, pooling):
    def fork(x, scope):
        kernels = (("conv", (1, 3)), ("conv_1", (3, 1)))
        return [conv(x, f"{scope}/mixed/{name}", 384, kernel) for name, kernel in kernels]

    return _concat(
        conv(x, f"{scope}/conv", 320, 1),
        *fork(_tower(conv, x, f"{scope}/tower", (384, 1)), f"{scope}/tower"),
        *fork(_tower(conv, x, f"{scope}/tower_1", (448, 1), (384, 3)), f"{scope}/tower_1"),
        _tower(conv, _same_pool(x, pooling), f"{scope}/tower_2", (192, 1)),
    )


def _tower(conv, x, scope, *convolutions):
    for i, arguments in enumerate(convolutions):
        x = conv(x, f"{scope}/conv_{i}" if i else f"{scope}/conv", *arguments)
    return x


def _same_pool(x, pooling=layers.AveragePooling2D):
    """Pools 3x3 at stride 1; TensorFlow leaves the padding out of the average."""
    return pooling(3, 1, "same", dtype="float32")(x)


def _max_pool(x):
    return layers.MaxPooling2D(3, 2, dtype="float32")(x)


def _mean(x):
    return layers.GlobalAveragePooling2D(dtype="float32")(x)


def _concat(*branches):
    return layers.Concatenate(dtype="float32")(branches)
