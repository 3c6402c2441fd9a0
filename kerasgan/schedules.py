"""Numbers that change while a model trains: rates, momentum, beta_2, gamma, EMA, probabilities.

A schedule is a function of the images that the model has seen, `GAN.images_seen`: it does not
depend on the batch size, and a resumed run goes on where it was. `GAN.now(schedule)` gives its
value in a `train_step`; in an optimizer it replaces the number.
"""

import keras
import tensorflow as tf

__all__ = ["SGD", "Adam", "Cosine", "HalfLife", "Linear", "Schedule", "Step"]

PACKAGE = "kerasgan"


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A function of the number of images seen; a subclass writes `at` and `get_config`."""

    clock = None

    def follow(self, count):
        """Makes a variable its clock, in place of the number that it is called with: Keras's
        optimizers call a schedule with their own number of updates."""
        self.clock = count

    def __call__(self, count):
        return self.at(tf.cast(count if self.clock is None else self.clock, tf.float32))

    def at(self, images):
        """Returns the value after so many images, float32 scalars both."""
        raise NotImplementedError("A schedule must say what it is after a number of images.")


@keras.saving.register_keras_serializable(package=PACKAGE)
class Linear(Schedule):
    """Goes from one value to another in a straight line, and stays there.

    Args:
        start, end: float, the two values.
        images: Number of images after which `end` is reached.

    Example:

    >>> float(Linear(0.5, 0.7, images=100)(50))
    0.6000000238418579
    """

    def __init__(self, start, end, images):
        self.start, self.end, self.images = start, end, images

    def at(self, images):
        share = tf.minimum(images / float(self.images), 1.0)
        return self.start + (self.end - self.start) * share

    def get_config(self):
        return {"start": self.start, "end": self.end, "images": self.images}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Cosine(Linear):
    """Goes from one value to another along half a cosine, and stays there.

    Args:
        start, end, images: As in `Linear`.

    Example:

    >>> float(Cosine(1.0, 0.0, images=100)(100))
    0.0
    """

    def at(self, images):
        share = tf.minimum(images / float(self.images), 1.0)
        return self.end + (self.start - self.end) * (1.0 + tf.cos(share * 3.141592653589793)) / 2.0


@keras.saving.register_keras_serializable(package=PACKAGE)
class Step(Linear):
    """Has one value for a number of images, and then another.

    Args:
        start, end, images: As in `Linear`.

    Example:

    >>> schedule = Step(1e-4, 1e-5, images=100)
    >>> [round(float(schedule(images)), 6) for images in (0, 99, 100)]
    [0.0001, 0.0001, 1e-05]
    """

    def at(self, images):
        return tf.where(images < self.images, self.start, self.end)


@keras.saving.register_keras_serializable(package=PACKAGE)
class HalfLife(Schedule):
    """An `ema_decay` told by images: after so many, a generator's share in the average has halved.

    Unlike a decay for each update, it means the same for every batch size.

    Args:
        images: Number of images, or a `Schedule` of it; 0 means no averaging.

    Example:

    >>> half_life = HalfLife(Linear(0, 500_000, images=1_000_000))
    >>> float(half_life(200_000)), float(half_life.decay(200_000, batch_size=100_000))
    (100000.0, 0.5)
    """

    def __init__(self, images):
        self.images = restored(images)

    def at(self, images):
        scheduled = isinstance(self.images, Schedule)
        return self.images.at(images) if scheduled else tf.constant(self.images, tf.float32)

    def decay(self, images, batch_size):
        """Returns the decay of an update by a batch, after so many images."""
        return 0.5 ** (tf.cast(batch_size, tf.float32) / tf.maximum(self(images), 1e-8))

    def get_config(self):
        return {"images": saved(self.images)}


def restored(value):
    """Returns a schedule from its config, and a number as it is."""
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value


def saved(value):
    """Returns a schedule's config, and a number as it is."""
    return keras.saving.serialize_keras_object(value) if isinstance(value, Schedule) else value


@keras.saving.register_keras_serializable(package=PACKAGE)
class SGD(keras.optimizers.SGD):
    """Keras's SGD, whose momentum may be a schedule.

    Args:
        learning_rate, nesterov, **kwargs: As in `keras.optimizers.SGD`.
        momentum: float, or a `Schedule`.

    Example:

    >>> SGD(0.1, momentum=Linear(0.5, 0.7, images=1000)).get_config()["momentum"]["class_name"]
    'Linear'
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, **kwargs):
        momentum = restored(momentum)
        scheduled = isinstance(momentum, Schedule)
        super().__init__(learning_rate, momentum=0.5 if scheduled else momentum, **kwargs)
        self.momentum_schedule = momentum if scheduled else None

    def update_step(self, gradient, variable, learning_rate):
        if self.momentum_schedule is None:
            super().update_step(gradient, variable, learning_rate)
            return
        gradient = tf.cast(gradient, variable.dtype)
        rate = tf.cast(learning_rate, variable.dtype)
        momentum = tf.cast(self.momentum_schedule(self.iterations), variable.dtype)
        velocity = self.momentums[self._get_variable_index(variable)]
        moved = momentum * velocity - rate * gradient
        self.assign(velocity, moved)
        self.assign_add(variable, momentum * moved - rate * gradient if self.nesterov else moved)

    def get_config(self):
        config = super().get_config()
        if self.momentum_schedule is not None:
            config["momentum"] = saved(self.momentum_schedule)
        return config


@keras.saving.register_keras_serializable(package=PACKAGE)
class Adam(keras.optimizers.Adam):
    """Keras's Adam, whose beta_2 may be a schedule.

    Args:
        learning_rate, beta_1, **kwargs: As in `keras.optimizers.Adam`.
        beta_2: float, or a `Schedule`.

    Example:

    >>> Adam(1e-3, beta_2=Linear(0.9, 0.99, images=1000)).get_config()["beta_2"]["class_name"]
    'Linear'
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, **kwargs):
        super().__init__(learning_rate, beta_1, restored(beta_2), **kwargs)

    @property
    def beta_2(self):
        value = self.beta_2_schedule
        return value(self.iterations) if isinstance(value, Schedule) else value

    @beta_2.setter
    def beta_2(self, value):
        self.beta_2_schedule = value

    def get_config(self):
        return {**super().get_config(), "beta_2": saved(self.beta_2_schedule)}
