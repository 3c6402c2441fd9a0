"""Films: a few frames, one after the other."""

import numpy as np
import tensorflow as tf

from kerasgan.signature.checks import TOLERANCE, check_images
from kerasgan.signature.decoding import decoded
from kerasgan.signature.image import Image
from kerasgan.signature.kind import Kind, finite
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError


class Film(Kind):
    """Frames in their order, float32 (frames, height, width, channels) in [-1, 1]; uint8 is scaled
    to that.

    Args:
        shape: (frames, height, width, channels).

    Raises:
        UserError: If the shape has other axes, or the frames are no images.

    Example:

    >>> Film((4, 64, 64, 1)).frame
    Image((64, 64, 1))
    """

    part, tensor, noun = "film", "films", "films"

    def __init__(self, shape):
        self.shape = tuple(int(size) for size in shape)
        if len(self.shape) != 4 or self.shape[0] < 1:
            raise UserError(
                f"The shape of a film is (frames, height, width, channels). Received: "
                f"{tuple(shape)}"
            )
        self.frame = Image(self.shape[1:])

    def get_config(self):
        return {"kind": "film", "shape": list(self.shape)}

    def __repr__(self):
        return f"Film({self.shape})"

    def convert(self, values):
        return tf.ensure_shape(pixels.as_floats(values), (None, *self.shape))

    def check(self, values, name, num=None):
        values = np.asarray(values)
        self._check(values, f"`{name}`")
        if num is not None and len(values) != num:
            raise UserError(f"`{name}` must hold {num} films. Received: {len(values)}")
        return pixels.from_uint8(values) if values.dtype == np.uint8 else values.astype("float32")

    def check_batch(self, values, name):
        self._check(np.asarray(values), name)

    def _check(self, values, name):
        if values.ndim != 5 or values.shape[1:] != self.shape or not len(values):
            wanted = ", ".join(map(str, ("N", *self.shape)))
            raise UserError(
                f"{name} must hold films, shape ({wanted}). Received: shape={values.shape}"
            )
        check_images(values.reshape(-1, *self.frame.shape), name, self.frame.shape)

    wanted = Image.wanted

    def takes(self, dtype):
        return self.frame.takes(dtype)

    def valid(self, values):
        if values.dtype == tf.uint8:
            return self.has_shape(values)
        return self.has_shape(values) & tf.reduce_all(tf.abs(values) <= 1.0 + TOLERANCE)

    def doubts(self, values):
        return self.frame.doubts(values)

    def assertions(self, values, name):
        return self.frame.assertions(values, name)

    def control(self):
        return {"kind": "film", "shape": list(self.shape)}

    @property
    def files(self):
        return self.shape[:1]

    def path(self, name):
        return "folder_of_frames"

    def numpy_read(self, name):
        frame = self.frame.read_code('f"frame_{i}.png"')
        return f"{name} = np.stack([{frame} for i in range({self.shape[0]})], 1) / 127.5 - 1"

    @property
    def words(self):
        return f"films of {self.shape[0]} {self.frame.words.replace('pictures', 'frames')}"

    def decode(self, files):
        frames = decoded(tf.reshape(files, [-1]), self.frame.shape)
        return tf.reshape(frames, (-1, *self.shape))

    def pictures(self, values):
        return pixels.to_uint8(values)

    def random(self, generator, num):
        return generator.integers(0, 256, (num, *self.shape), dtype=np.uint8)


class Mask(Kind):
    """Places of a picture, float32 (height, width, 1): 1 where something is to happen, else 0.

    Args:
        shape: (height, width), or (height, width, 1).

    Example:

    >>> Mask((64, 64)).check(np.zeros((1, 64, 64, 1), bool), "hole").dtype
    dtype('float32')
    """

    noun = "masks"

    def __init__(self, shape):
        self.shape = (*(int(size) for size in shape[:2]), 1)
        if tuple(shape[2:]) not in ((), (1,)) or min(self.shape) < 1:
            raise UserError(f"The shape of a mask is (height, width, 1). Received: {tuple(shape)}")

    def get_config(self):
        return {"kind": "mask", "shape": list(self.shape)}

    def check(self, values, name, num=None):
        values = np.asarray(values)
        wanted = (len(values) if num is None and values.ndim else num, *self.shape)
        if values.shape != wanted:
            raise UserError(f"`{name}` must have shape {wanted}. Received: shape={values.shape}")
        self.check_batch(values, f"`{name}`")
        return values.astype("float32")

    def check_batch(self, values, name):
        values = np.asarray(values)
        if not np.isin(values, (0, 1)).all():
            wrong = values[~np.isin(values, (0, 1))].ravel()[0]
            raise UserError(f"{name} must be 0 or 1, or true or false. Received: {wrong}")

    wanted = "numbers of 0 and 1, or true and false"

    def takes(self, dtype):
        return dtype.is_floating or dtype.is_integer or dtype.is_bool

    def valid(self, values):
        values = tf.cast(values, tf.float32)
        return self.has_shape(values) & tf.reduce_all((values == 0.0) | (values == 1.0))

    def assertions(self, values, name):
        known = tf.reduce_all((values == 0.0) | (values == 1.0))
        return [finite(values, name), tf.debugging.Assert(known, [f"`{name}` must be 0 or 1."])]

    def control(self):
        return {"kind": "mask", "shape": list(self.shape)}

    files, background = (), "black"

    def decode(self, files):
        return decoded(files, self.shape, background=0.0)

    def path(self, name):
        return "folder_of_masks"

    def numpy_read(self, name):
        height, width, _ = self.shape
        return f'{name} = np.float32(read("{name}.png", "L", ({width}, {height})) > 127)'

    @property
    def words(self):
        return f"{self.shape[0]}x{self.shape[1]} masks"

    def from_bytes(self, values):
        """White means 1, black and transparent 0; greys count as what they are nearer to."""
        return tf.cast(tf.ensure_shape(values, (None, *self.shape)) > 127, self.dtype)

    def to_bytes(self, values):
        return pixels.to_uint8(np.asarray(values, "float32") * 2.0 - 1.0)

    def random(self, generator, num):
        return generator.integers(0, 2, (num, *self.shape)).astype("float32")
