"""Images."""

import numpy as np
import tensorflow as tf

from kerasgan.signature.checks import TOLERANCE, check_images
from kerasgan.signature.decoding import decoded
from kerasgan.signature.kind import Kind, finite
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError

COLOURS = {1: "grey", 3: "colour", 4: "transparent"}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # Pillow's


class Image(Kind):
    """A picture, float32 (height, width, channels) in [-1, 1]; uint8 is scaled to that.

    Args:
        shape: (height, width, channels), with 1 channel for grey, 3 for colour, or 4 for colour and
            opacity.
    """

    part, tensor, noun = "image", "images", "images"

    def __init__(self, shape):
        self.shape = tuple(int(size) for size in shape)
        if len(self.shape) != 3 or min(self.shape) < 1 or self.shape[2] not in pixels.CHANNELS:
            raise UserError(
                f"The shape of an image is (height, width, channels), with 1 channel for grey, 3 "
                f"for colour or 4 for colour and opacity. Received: {tuple(shape)}"
            )

    def get_config(self):
        return {"kind": "image", "shape": list(self.shape)}

    def __repr__(self):
        return f"Image({self.shape})"

    def convert(self, values):
        return tf.ensure_shape(pixels.as_floats(values), (None, *self.shape))

    def check(self, values, name, num=None):
        values = np.asarray(values)
        check_images(values, f"`{name}`", self.shape)
        if num is not None and len(values) != num:
            raise UserError(f"`{name}` must hold {num} images. Received: {len(values)}")
        return pixels.from_uint8(values) if values.dtype == np.uint8 else values.astype("float32")

    def check_batch(self, values, name):
        check_images(np.asarray(values), name, self.shape)

    wanted = "images as uint8, or as float in [-1, 1]"
    remedy = "; `kerasgan.data.load(..., image_size=...)` pads or resizes"

    def takes(self, dtype):
        return dtype.is_floating or dtype == tf.uint8

    def valid(self, values):
        if values.dtype == tf.uint8:
            return self.has_shape(values)
        # False where there is a NaN.
        return self.has_shape(values) & tf.reduce_all(tf.abs(values) <= 1.0 + TOLERANCE)

    def doubts(self, values):
        values = np.asarray(values)
        if values.dtype == np.uint8 or not values.size or values.min() < 0 or not np.ptp(values):
            return None
        return (
            f"holds values from {values.min():g} to {values.max():g}, the upper half of the range "
            f"[-1, 1]: if 0 means black, pass `2 * x - 1`"
        )

    def assertions(self, values, name):
        in_range = tf.reduce_all(tf.abs(values) <= 1.0 + TOLERANCE)
        message = f"`{name}` must lie in [-1, 1]."
        return [finite(values, name), tf.debugging.Assert(in_range, [message])]

    def random(self, generator, num):
        return generator.integers(0, 256, (num, *self.shape), dtype=np.uint8)

    def control(self):
        return {"kind": "image", "shape": list(self.shape)}

    files = ()

    def decode(self, files):
        return decoded(files, self.shape)

    def path(self, name):
        return "folder_of_pictures"

    def numpy_read(self, name):
        file = f'"{name}.png"'
        return f"{name} = {self.read_code(file)} / 127.5 - 1"

    def read_code(self, file):
        """Returns the call of `read` for a file, given as code."""
        height, width, channels = self.shape
        return f'read({file}, "{MODES[channels]}", ({width}, {height}))'

    @property
    def words(self):
        height, width, channels = self.shape
        return f"{height}x{width} {COLOURS[channels]} pictures"

    @property
    def sides(self):
        return self.shape[:2]

    def endpoints(self):
        return {
            "uint8": lambda values: {"images": pixels.to_uint8(values)},
            "png": lambda values: {"image_bytes": tf.io.encode_png(pixels.to_uint8(values))},
        }

    def grid(self, values, columns=None):
        return pixels.grid(values, columns)

    def pictures(self, values):
        return pixels.to_uint8(values)[:, None]

    def observed(self, values):
        values = np.asarray(values)
        values = values if values.dtype == np.uint8 else pixels.to_uint8(values)
        return pixels.opaque(values)

    def extractor(self):
        from kerasgan import metrics

        return metrics.EfficientNetLite0()

    def page(self):
        return {"image_shape": list(self.shape)}
