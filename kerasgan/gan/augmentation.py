"""The one seat of augmentation: between every picture and the discriminator, in every step."""

import functools
import math
import warnings

import tensorflow as tf

from kerasgan.gan import preparation
from kerasgan.layers import augmentation
from kerasgan.signature import Image
from kerasgan.utils import replicas
from kerasgan.utils.errors import UserError, nearest

NAMES = ("diffaugment", "ada")
# ADA's controller (Karras et al. 2020, section 3.1 and appendix C): which share of real pictures D
# should place on their side, steps between its moves, and images in which p may move by 1.
TARGET = 0.6
INTERVAL = 4
IMAGES = 500_000
GOLDEN_RATIO = (math.sqrt(5.0) - 1.0) / 2.0
FIXED = 0.4  # probability for models that the controller cannot judge


def seated(gan, name):
    """Returns a model's `Augmentation`, or `None`; from then on its discriminator is judged by it.

    Args:
        gan: The model, while it is built.
        name: "diffaugment", "ada", "none" or `None`.

    Raises:
        UserError: If there is no such augmentation, or the model's outputs are no pictures.

    Warns:
        UserWarning: If "ada" runs at a fixed probability.
    """
    if name in (None, "none"):
        return None
    if name not in NAMES:
        raise UserError(f'There is no augmentation "{name}": {nearest(str(name), NAMES)}')
    if not isinstance(gan.signature.output, Image):
        raise UserError(
            f"`augment` changes pictures. {type(gan).__name__} draws {gan.signature.output.noun} "
            f"{gan.signature.output.shape}."
        )
    if not gan.judges_pictures:
        raise UserError(
            f"{type(gan).__name__} judges no whole pictures, or with several networks, which "
            f"`augment` would not reach. Train it without."
        )
    return (DiffAugment if name == "diffaugment" else ADA)(gan)


class Augmentation:
    """Changes every picture that a model's discriminator sees in a step, real or generated.

    Whatever calls the discriminator within `train_step` calls D(T(x)), and gradients are taken with
    respect to x. If D takes several pictures, T is the same for all of one example.

    Args:
        gan: The model, which gets the state of the augmentation as weights.
    """

    def __init__(self, gan):
        self.gan = gan
        self.calls = 0  # of D, in the steps traced so far
        network = gan.discriminator
        call = network.call

        @functools.wraps(call)
        def judged(inputs, *args, **kwargs):
            example = preparation.example_of(gan)
            if example is None:
                return call(inputs, *args, **kwargs)
            self.calls += 1
            seen = self.augmented(inputs)
            logits = call(seen, *args, **kwargs)
            self.observe(inputs, logits, example)
            return logits

        network.call = judged

    def augmented(self, inputs):
        """Returns a discriminator's inputs with all pictures changed alike."""
        shape = self.gan.signature.output.shape
        parts = tf.nest.flatten(inputs)
        pictures = [part for part in parts if len(part.shape) == 4]
        if not pictures or any(part.shape[1:3] != shape[:2] for part in pictures):
            shapes = [tuple(part.shape) for part in parts]
            raise UserError(
                f"`augment` changes pictures {shape[:2]} alike. The discriminator of "
                f"{type(self.gan).__name__} got {shapes}."
            )
        change = self.draw(tf.shape(pictures[0])[0])
        changed = [
            change(tf.cast(part, tf.float32)) if len(part.shape) == 4 else part for part in parts
        ]
        return tf.nest.pack_sequence_as(inputs, changed)

    def numbers(self, num, columns):
        """Draws uniform and standard normal numbers for `num` pictures: (num, columns[i]) each."""
        seeds = [self.gan.next_seed() for _ in range(2)]
        draws = (tf.random.stateless_uniform, tf.random.stateless_normal)
        return [
            replicas.own_rows(lambda rows, d=draw, s=seed, c=c: d((rows, c), s, alg="philox"), num)
            for draw, seed, c in zip(draws, seeds, columns, strict=True)
        ]

    def draw(self, num):
        """Returns the function that changes `num` pictures, with its random numbers drawn."""
        raise NotImplementedError

    def observe(self, inputs, logits, example):
        """Sees what D thinks of pictures as they came."""

    def end_step(self):
        """Ends a step, in which D must have been called as a whole. Returns a dict of logs."""
        if not self.calls:
            raise UserError(
                f"{type(self.gan).__name__} judges no whole pictures: its step calls parts of its "
                f"discriminator, which `augment` would not reach. Train it without."
            )
        return {}


class DiffAugment(Augmentation):
    """Colour, translation and cutout: Zhao et al. 2020, https://arxiv.org/abs/2006.10738"""

    def draw(self, num):
        uniform, _ = self.numbers(num, augmentation.DIFF_AUGMENT_NUMBERS)
        return lambda pictures: augmentation.diff_augment(pictures, uniform)


class ADA(Augmentation):
    """Flips, rotations, scales and colours, at a probability p that follows overfitting.

    Every four steps p moves up if D places more than the target's share of real pictures on their
    side, sign(D(x)), and down otherwise. Without a decision boundary p is fixed.

    Reference: Karras et al. 2020, https://arxiv.org/abs/2006.06676, section 3.1.
    """

    def __init__(self, gan):
        super().__init__(gan)
        self.boundary = gan.decision_boundary
        if self.boundary is None:
            warnings.warn(
                f"{type(gan).__name__} has no decision boundary by which ADA could tell "
                f"overfitting: its changes happen with the fixed probability {FIXED}.",
                stacklevel=6,  # the caller of the model's constructor
            )
            return
        self.probability = gan.add_state("augment_p")
        # Since p moved last: the sum of signs of real pictures and their number, in batches
        self.signs = gan.add_state("augment_signs")
        self.seen = gan.add_state("augment_seen")
        self.steps = gan.add_state("augment_steps")

    def draw(self, num):
        uniform, normal = self.numbers(num, augmentation.ADA_NUMBERS)
        p = tf.constant(FIXED) if self.boundary is None else tf.identity(self.probability)
        return lambda pictures: augmentation.ada(pictures, uniform, normal, p)

    def observe(self, inputs, logits, example):
        if self.boundary is None:
            return
        if len(tf.nest.flatten(logits)) > 1:
            raise UserError(
                f"ADA reads one logit of each picture. {type(self.gan).__name__} has several: "
                f'augment="diffaugment" works.'
            )
        real = example[self.gan.signature.output.part]
        shape, known = real.shape[1:], some_values(real)
        judged = tf.nest.flatten(inputs)[0]  # further pictures are conditions
        if judged.shape[1:] != shape:
            return
        # Real ones come from the batch unchanged, maybe in one call with generated ones.
        same = tf.reduce_all(some_values(judged)[:, None] == known, axis=2)
        are_real = tf.cast(tf.reduce_any(same, axis=1), tf.float32)
        signs = tf.sign(tf.cast(logits, tf.float32) - self.boundary)
        signs = tf.reduce_mean(tf.reshape(signs, (tf.shape(are_real)[0], -1)), axis=1)
        number = tf.cast(tf.shape(real)[0], tf.float32)
        self.signs.assign_add(tf.reduce_sum(are_real * signs) / number)
        self.seen.assign_add(tf.reduce_sum(are_real) / number)

    def end_step(self):
        logs = super().end_step()
        if self.boundary is None:
            return logs
        number = tf.distribute.get_strategy().num_replicas_in_sync
        real = preparation.example_of(self.gan)[self.gan.signature.output.part]
        images = tf.shape(real)[0] * number
        seen = tf.identity(self.seen)
        told = f"{type(self.gan).__name__} showed its discriminator no real picture as it came, so "
        told += "ADA cannot tell overfitting: augment='diffaugment' works."
        steps = self.steps + 1.0
        due = steps >= INTERVAL
        move = tf.sign(self.signs / tf.maximum(seen, 1.0) - TARGET)
        move *= tf.cast(images * INTERVAL, tf.float32) / IMAGES
        with tf.control_dependencies([tf.debugging.Assert(seen > 0, [told])]):
            moved = tf.maximum(self.probability + tf.where(due, move, 0.0), 0.0)
        self.probability.assign(moved)
        self.signs.assign(tf.where(due, 0.0, self.signs))
        self.seen.assign(tf.where(due, 0.0, seen))
        self.steps.assign(tf.where(due, 0.0, steps))
        # XLA leaves assertions out: there p shows what is wrong.
        shown = tf.where(seen > 0, tf.identity(self.probability), float("nan"))
        return {**logs, "augment_p": shown}


def some_values(pictures):
    """Returns 64 values of each picture, by which it is known: float32 (N, 64).

    They lie all over it, since multiples of the golden ratio fall into no rhythm with its rows.
    """
    values = tf.reshape(tf.cast(pictures, tf.float32), (tf.shape(pictures)[0], -1))
    size = math.prod(pictures.shape[1:])
    places = [int(size * (place * GOLDEN_RATIO % 1.0)) for place in range(64)]
    return tf.gather(values, places, axis=1)
