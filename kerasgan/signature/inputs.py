"""Kinds of input: latents, class labels, numbers, vectors."""

import math

import numpy as np
import tensorflow as tf

from kerasgan.signature.checks import check_images, check_labels, class_ids
from kerasgan.signature.kind import Kind
from kerasgan.utils.errors import UserError, check_count


class Latent(Kind):
    """A latent vector: drawn from a seed, standard normal or uniform.

    Args:
        dim: Length.
        uniform: Tuple (low, high) of a uniform distribution, or `None` for a standard normal one.
        truncation: Whether exports offer the truncation trick: signatures that draw from a seed
            then take `truncation`, too. `GAN.sample` offers it for all normal latents.

    Raises:
        UserError: If uniform latents are to be truncated.

    Example:

    >>> Latent(100, uniform=(-1, 1)).draw(2, [0, 0]).shape
    TensorShape([2, 100])
    """

    source, seeded, in_example = "drawn", True, False

    def __init__(self, dim, uniform=None, truncation=False):
        check_count(dim, "dim")
        self.shape = (int(dim),)
        self.dim = int(dim)
        self.uniform = None if uniform is None else tuple(map(float, uniform))
        self.truncation = truncation
        if truncation and not self.normal:
            raise UserError(f"The truncation trick is for normal latents. Received: {self}")

    def get_config(self):
        uniform = None if self.uniform is None else list(self.uniform)
        offer = {"truncation": True} if self.truncation else {}  # other files stay as they were
        return {"kind": "latent", "dim": self.dim, "uniform": uniform, **offer}

    @property
    def normal(self):
        return self.uniform is None

    def draw(self, num, seed):
        if self.uniform is None:
            return tf.random.stateless_normal((num, self.dim), seed, alg="philox")
        return tf.random.stateless_uniform((num, self.dim), seed, *self.uniform, alg="philox")

    @property
    def walk(self):
        """How to interpolate: normal vectors have nearly equal lengths, so along a sphere."""
        return "spherical" if self.uniform is None else "linear"

    @property
    def words(self):
        return f"{self.dim} latents"

    def control(self):
        prior = {"distribution": "normal"}
        if self.uniform is not None:
            low, high = self.uniform
            prior = {"distribution": "uniform", "low": low, "high": high}
        return {"latent_dim": self.dim, "prior": prior}

    def numpy_draw(self, name):
        """Returns NumPy code that draws one as `name`, for the examples on cards."""
        draw = "normal("
        if self.uniform is not None:
            low, high = self.uniform
            draw = f"uniform({low:.6g}, {high:.6g}, "
        code = f'{name} = random.{draw}size=(1, {self.dim})).astype("float32")'
        if self.truncation:
            code += (
                f"\nwhile (beyond := np.abs({name}) > 1.0).any():  # the truncation trick"
                f"\n    {name}[beyond] = random.normal(size=beyond.sum())"
            )
        return code


class Label(Kind):
    """A class id, int32; by default classes take turns.

    Args:
        num_classes: Number of classes.
        names: List of the classes' names, or `None`.

    Raises:
        UserError: If there are not as many names as classes.

    Example:

    >>> Label(3).draw(5, None).numpy()
    array([0, 1, 2, 0, 1], dtype=int32)
    """

    dtype = tf.int32
    source = "drawn"
    part, tensor, noun = "label", "labels", "labels"

    def __init__(self, num_classes, names=None):
        check_count(num_classes, "num_classes")
        self.num_classes = self.turns = int(num_classes)
        self.names = None if names is None else [str(name) for name in names]
        if names is not None and len(self.names) != self.num_classes:
            raise UserError(
                f"There must be a name for each of {num_classes} classes. "
                f"Received: {len(self.names)} names"
            )

    def get_config(self):
        return {"kind": "label", "num_classes": self.num_classes, "names": self.names}

    def draw(self, num, seed):
        return tf.range(num, dtype=tf.int32) % self.num_classes

    def check(self, values, name, num=None):
        return self._ids(values, f"`{name}`", num)

    def check_batch(self, values, name):
        self._ids(values, name)

    def _ids(self, values, name, num=None):
        ids = class_ids(values, name, self.num_classes, self.names)
        if num is not None and len(ids) != num:
            raise UserError(f"{name} must hold {num} class ids. Received: {len(ids)}")
        check_labels(ids, self.num_classes, name)
        return ids

    wanted = "class ids, whole numbers"

    @property
    def remedy(self):
        return f"; class ids (N,) or one-hot (N, {self.num_classes}) are labels"

    def takes(self, dtype):
        return dtype.is_integer or dtype.is_floating or dtype.is_bool

    def fits(self, shape):
        columns = (1, self.num_classes, None)
        return shape.rank in (None, 1) or (shape.rank == 2 and shape[1] in columns)

    def convert(self, values):
        if values.shape.rank != 1:
            rows = tf.reshape(values, [tf.shape(values)[0], -1])
            values = tf.cond(
                tf.shape(rows)[1] == 1,
                lambda: tf.cast(rows[:, 0], tf.int32),
                lambda: tf.argmax(tf.cast(rows, tf.float32), axis=1, output_type=tf.int32),
            )
        return tf.cast(values, tf.int32)

    def valid(self, values):
        values = tf.cast(values, tf.float32)
        least, most = tf.reduce_min(values), tf.reduce_max(values)
        known = (least >= 0) & (most < self.num_classes) & tf.reduce_all(values == tf.round(values))
        if values.shape.rank == 1:
            return known
        rows = tf.reshape(values, [tf.shape(values)[0], -1])
        one_hot = (
            (tf.shape(rows)[1] == self.num_classes)
            & (most <= 1)
            & tf.reduce_all(tf.reduce_sum(rows, axis=1) == 1)
        )
        return known & (one_hot | (tf.shape(rows)[1] == 1))

    def assertions(self, values, name):
        known = tf.reduce_all((values >= 0) & (values < self.num_classes))
        message = f"`{name}` must lie in 0 to {self.num_classes - 1}. Received:"
        return [tf.debugging.Assert(known, [message, values])]

    def random(self, generator, num):
        return generator.integers(0, self.num_classes, num).astype("int32")

    @property
    def words(self):
        return f"{self.num_classes} classes"

    def control(self):
        return {"num_classes": self.num_classes, "class_names": self.names}

    def described(self):
        named = f" ({', '.join(self.names)})" if self.names and self.num_classes <= 10 else ""
        return f"in {self.num_classes} classes{named}"

    def literal(self, num=None):
        return "[0]" if num is None else f"[0] * {num}"


class Scalar(Kind):
    """A further number that the generator takes, such as a truncation.

    Args:
        default: Value when none is passed.
        low, high: Range, inclusive, or `None`.

    Example:

    >>> Scalar(1.0, low=0.0).draw(2, None).numpy()
    array([1., 1.], dtype=float32)
    """

    source, in_example = "default", False

    def __init__(self, default, low=None, high=None):
        self.default, self.low, self.high = default, low, high

    def get_config(self):
        return {"kind": "scalar", "default": self.default, "low": self.low, "high": self.high}

    def draw(self, num, seed):
        return tf.fill((num,), tf.constant(self.default, tf.float32))

    def check(self, values, name, num=None):
        values = super().check(values, name, num)
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if not ((values >= low) & (values <= high)).all():
            raise UserError(
                f"`{name}` must lie in [{low:g}, {high:g}]. "
                f"Received: {values.min():g} to {values.max():g}"
            )
        return values

    def assertions(self, values, name):
        made = super().assertions(values, name)
        if self.low is not None:
            made.append(tf.debugging.assert_greater_equal(values, self.low, f"`{name}` is too low"))
        if self.high is not None:
            made.append(tf.debugging.assert_less_equal(values, self.high, f"`{name}` is too high"))
        return made

    words = "numbers"

    def control(self):
        return {"default": self.default, "low": self.low, "high": self.high}

    def literal(self, num=None):
        return f"[{self.default}]" if num is None else f"[{self.default}] * {num}"


class Vector(Kind):
    """A vector of any range: a condition, or a generated point.

    Args:
        dim: Length.
    """

    part, tensor, noun = "image", "images", "points"  # names that exports of points always had

    def __init__(self, dim):
        check_count(dim, "dim")
        self.shape = (int(dim),)

    def get_config(self):
        return {"kind": "vector", "dim": self.shape[0]}

    @property
    def words(self):
        return f"vectors of {self.shape[0]}"

    def check_batch(self, values, name):
        check_images(np.asarray(values), name, self.shape)

    def extractor(self):
        from kerasgan import metrics

        return metrics.Vectors(*self.shape)
