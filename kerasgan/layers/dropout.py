"""Dropout that resumes and differs between replicas."""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.utils import replicas


@keras.saving.register_keras_serializable(package="kerasgan")
class Dropout(layers.Dropout):
    """Keras's dropout, with masks that resume after loading and differ between replicas.

    Keras does not save the state of its random generators, so a resumed run would differ from an
    uninterrupted one. It also gives every replica the same mask; here each replica gets its rows of
    the mask that one device would draw.

    Example:

    >>> dropped = Dropout(0.5, seed=0)(tf.ones((1, 1000)), training=True)
    >>> sorted(set(dropped.numpy().ravel().tolist()))
    [0.0, 2.0]
    """

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        seed = self.seed_generator.next()

        def draw(rows):
            shape = tf.concat([[rows], tf.shape(inputs)[1:]], 0)
            return tf.random.stateless_uniform(shape, seed, alg="philox")

        kept = replicas.own_rows(draw, tf.shape(inputs)[0]) >= self.rate
        return tf.where(kept, inputs / (1.0 - self.rate), tf.zeros_like(inputs))

    def save_own_variables(self, store):
        if self.rate > 0:
            store["seed"] = self.seed_generator.state.numpy()

    def load_own_variables(self, store):
        if self.rate > 0:
            self.seed_generator.state.assign(store["seed"])
