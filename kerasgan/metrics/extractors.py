"""Networks that turn uint8 images into the features that distances compare."""

import dataclasses
import functools
import importlib.resources
import io
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan.metrics.statistics import Statistics
from kerasgan.utils import hashing, pixels
from kerasgan.utils.progress import Bar


@dataclasses.dataclass(frozen=True)
class Extractor:
    """Base of the feature extractors: checks, batching and streaming; a subclass adds a network.

    A subclass sets `name`, `dim` and `sha256` and implements `preprocess` and `build_network`. Its
    settings are dataclass fields: extractors with equal settings share one network, which is built
    at the first use and kept for the life of the process.
    """

    name: ClassVar[str]  # stamped into every score
    dim: ClassVar[int]  # width of the features
    sha256: ClassVar[str]  # of the weights file, checked before use
    noun: ClassVar[str] = "image"  # what it takes
    spec: ClassVar[tf.TensorSpec] = tf.TensorSpec((None, None, None, None), tf.uint8)  # of a batch

    @property
    def distance_name(self):
        """What the Frechet distance of these features is called, such as `"FD[lite0]"`."""
        return f"FD[{self.name}]"

    def check(self, images):
        """Raises ValueError if a batch is not what the extractor takes."""
        if images.dtype != np.uint8:
            raise ValueError(f"`images` must be uint8, 0 to 255. Received: dtype={images.dtype}")
        if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.size == 0:
            raise ValueError(
                "`images` must have shape (N, height, width, 1 or 3) with N at least 1. "
                f"Received: shape={images.shape}"
            )

    def batches(self, images, size=256):
        """Yields an array of images, uint8 or float in [-1, 1], as batches that it takes."""
        yield from pixels.uint8_batches(images, size)

    def preprocess(self, images):
        """Returns what the network takes for a uint8 tensor `(N, height, width, 1 or 3)`."""
        raise NotImplementedError

    def build_network(self):
        """Returns a `keras.Model` from preprocessed images to `[features, logits]`."""
        raise NotImplementedError

    def __call__(self, images, batch_size=64):
        """Returns the features of images.

        Args:
            images: uint8 array of shape `(N, height, width, 1 or 3)` with N >= 1.
            batch_size: Number of images that go through the network at once.

        Returns:
            float32 array of shape `(N, dim)`.

        Raises:
            ValueError: If `images` has another dtype or shape.
        """
        return self._outputs(images, batch_size)[0]

    def logits(self, images, batch_size=64):
        """Returns the network's class scores of images, before the softmax.

        Args:
            images: uint8 array of shape `(N, height, width, 1 or 3)` with N >= 1.
            batch_size: Number of images that go through the network at once.

        Returns:
            float32 array of shape `(N, classes)`.

        Raises:
            ValueError: If `images` has another dtype or shape.
        """
        return self._outputs(images, batch_size)[1]

    def statistics(self, batches, num=None, verbose=False):
        """Returns the statistics of the features of a stream of images, one batch in memory.

        Args:
            batches: Iterable of uint8 arrays of shape `(N, height, width, 1 or 3)`, such as a list,
                a generator or a finite `tf.data.Dataset`.
            num: Number of images in the stream, if known; only the progress bar uses it.
            verbose: Whether to show a progress bar.

        Returns:
            A `Statistics`.

        Raises:
            ValueError: If a batch has another dtype or shape, or if there is no batch.
        """
        statistics = Statistics()
        progress = Bar(num, self.noun, verbose)
        for batch in batches:
            statistics.update(self(batch))
            progress.update(statistics.count)
        if statistics.count == 0:
            raise ValueError(
                f"`batches` must hold at least one batch of {self.noun}s. Received: none"
            )
        return statistics

    def collect(self, batches, num=None, verbose=False):
        """Returns features and class scores of a stream of images, for metrics that need them all.

        Args:
            batches, num, verbose: As in `statistics`.

        Returns:
            float32 arrays of shape `(N, dim)` and `(N, classes)`; the second is what the Inception
            Score of this network is computed of.

        Raises:
            ValueError: If a batch has another dtype or shape, or if there is no batch.
        """
        progress = Bar(num, self.noun, verbose)
        features, logits = [], []
        for batch in batches:
            features_of_batch, *_, logits_of_batch = self._outputs(batch, batch_size=64)
            features.append(features_of_batch)
            logits.append(logits_of_batch)
            progress.add(len(batch))
        if not features:
            raise ValueError(
                f"`batches` must hold at least one batch of {self.noun}s. Received: none"
            )
        return np.concatenate(features), np.concatenate(logits)

    def _outputs(self, images, batch_size):
        images = np.asarray(images)
        self.check(images)
        forward = _compiled(self)
        batches = (images[i : i + batch_size] for i in range(0, len(images), batch_size))
        outputs = [forward(tf.constant(batch)) for batch in batches]
        return [np.concatenate(arrays) for arrays in zip(*outputs, strict=True)]


@functools.cache
def _compiled(extractor):
    """Returns an extractor's network as one function, built and traced once for all shapes.

    Not with `jit_compile`: on a CPU, XLA made EfficientNet-Lite0 28 times slower.
    """
    network = extractor.build_network()

    @tf.function(input_signature=[extractor.spec])
    def forward(images):
        return network(extractor.preprocess(images), training=False)

    return forward


def _load_arrays(path, sha256):
    """Returns the arrays of an npz file as a dict, once the file's hash is the expected one."""
    data = path.read_bytes()
    found = hashing.of_bytes(data)
    if found != sha256:
        raise ValueError(f"{path} must have SHA-256 {sha256}; restore it. Received: {found}")
    return dict(np.load(io.BytesIO(data), allow_pickle=False))


@dataclasses.dataclass(frozen=True)
class EfficientNetLite0(Extractor):
    """EfficientNet-Lite0 trained on ImageNet: 1280 pooled features, offline from a 9 MB file.

    Its Frechet distance is called `FD[lite0]`, which is not FID: it ranks generators much as a
    distance of Inception features would, but on its own scale. Images are resized bilinearly
    (half-pixel centres, no antialiasing) to 128x128, and greyscale is repeated to three channels.
    The logits are the 1000 classes of ImageNet.

    Args:
        image_size: Side that images are resized to, a multiple of 32. 128 is the protocol; at 64 an
            image takes a quarter of the time and the distance is called `FD[lite0@64]`.

    Raises:
        ValueError: If `image_size` is not a positive multiple of 32, or, at the first use, if the
            weights file is not the one that `sha256` pins.

    Example:

    >>> import numpy as np
    >>> extractor = EfficientNetLite0(image_size=32)
    >>> images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), dtype="uint8")
    >>> extractor(images).shape, extractor.logits(images).shape
    ((5, 1280), (5, 1000))
    >>> extractor.statistics([images, images])
    Statistics(count=10, dim=1280)
    >>> EfficientNetLite0().distance_name
    'FD[lite0]'

    Reference: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
    Networks", 2019, https://arxiv.org/abs/1905.11946; the Lite variants (ReLU6, no squeeze and
    excitation) are in github.com/tensorflow/tpu, models/official/efficientnet/lite.
    """

    image_size: int = 128

    name: ClassVar[str] = "lite0"
    dim: ClassVar[int] = 1280
    sha256: ClassVar[str] = "6be14d5339d4ae24d529506d11f9cde874da1f2ea3649d19880bad0e82f8f10c"

    def __post_init__(self):
        if self.image_size < 1 or self.image_size % 32:
            raise ValueError(
                "`image_size` must be a positive multiple of 32. "
                f"Received: image_size={self.image_size}"
            )

    @property
    def distance_name(self):
        """`"FD[lite0]"` at 128x128, which defines it; another size is named: `"FD[lite0@64]"`."""
        return "FD[lite0]" if self.image_size == 128 else f"FD[lite0@{self.image_size}]"

    def preprocess(self, images):
        """Returns a uint8 tensor resized, as RGB and in about [-1, 1]."""
        size = self.image_size
        images = tf.image.resize(images, (size, size), method="bilinear", antialias=False)
        images = tf.broadcast_to(images, (tf.shape(images)[0], size, size, 3))
        return (images - 127.0) / 128.0  # as the Lite networks were trained

    def build_network(self):
        """Returns the Keras network, with its weights, from images to `[features, logits]`."""
        assets = importlib.resources.files("kerasgan.metrics") / "assets"
        arrays = _load_arrays(assets / "efficientnet_lite0.npz", self.sha256)
        return _build_efficientnet_lite0(self.image_size, arrays)


# Per stage: kernel size, stride of the first block, expansion, output channels, blocks.
_LITE0_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


def _build_efficientnet_lite0(image_size, arrays):
    """Returns the network in float32, its batch norms folded into the convolutions before them."""
    # Kernels start as zeros, so that building the network leaves the random state alone.
    options = {"padding": "same", "dtype": "float32"}

    def fold(layer, x):
        name = layer.name
        scale = arrays[f"{name}.gamma"] / np.sqrt(arrays[f"{name}.variance"] + 1e-3)
        bias = arrays[f"{name}.beta"] - arrays[f"{name}.mean"] * scale
        kernel = arrays[f"{name}.kernel"].astype("float32")
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        x = layer(x)
        layer.set_weights([kernel * (scale[:, None] if depthwise else scale), bias])
        return x

    def conv(x, filters, name, kernel_size=1, strides=1):
        layer = layers.Conv2D(
            filters, kernel_size, strides, kernel_initializer="zeros", name=name, **options
        )
        return fold(layer, x)

    def depthwise(x, kernel_size, strides, name):
        layer = layers.DepthwiseConv2D(
            kernel_size, strides, depthwise_initializer="zeros", name=name, **options
        )
        return fold(layer, x)

    def relu6(x):
        return layers.ReLU(6.0, dtype="float32")(x)

    images = keras.Input((image_size, image_size, 3), dtype="float32", name="images")
    x = relu6(conv(images, 32, "stem", kernel_size=3, strides=2))
    block = 0
    for kernel_size, stride, expansion, filters, repeats in _LITE0_STAGES:
        for repeat in range(repeats):
            y, name = x, f"block{block}"
            if expansion > 1:
                y = relu6(conv(y, expansion * x.shape[-1], f"{name}.expand"))
            y = relu6(depthwise(y, kernel_size, 1 if repeat else stride, f"{name}.depthwise"))
            y = conv(y, filters, f"{name}.project")
            x = layers.Add(dtype="float32")([x, y]) if repeat else y
            block += 1
    x = relu6(conv(x, 1280, "head"))  # (N, image_size / 32, image_size / 32, 1280)
    features = layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)
    classifier = layers.Dense(1000, kernel_initializer="zeros", dtype="float32", name="logits")
    logits = classifier(features)
    kernel = arrays["classifier.kernel"].astype("float32")
    classifier.set_weights([kernel, arrays["classifier.bias"]])
    return keras.Model(images, [features, logits], name="efficientnet_lite0")
