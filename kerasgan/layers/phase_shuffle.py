"""Phase shuffle: Donahue, McAuley & Puckette 2019, "Adversarial Audio Synthesis", section 3.3,
https://arxiv.org/abs/1802.04208"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.utils.errors import check_count


@keras.saving.register_keras_serializable(package="kerasgan")
class PhaseShuffle(layers.Layer):
    """Shifts sounds in time by a random number of places, so that a critic cannot go by the phase.

    A training call draws one shift from -n to n for the whole batch and all channels, and fills the
    places that become free by reflection. Other calls change nothing. The paper does not say
    whether the examples of a batch share a shift; in the authors' code (`wavegan.py`,
    `apply_phaseshuffle`) they do. Replicas draw the same shift, and the state of the draws is saved
    with the layer, so that a resumed run goes on exactly.

    Args:
        n: int, the largest shift. 0 changes nothing.
        seed: int, or `None` for a random one.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor (N, T, C), T > n.
        training: Whether to shift.

    Example:

    >>> x = tf.reshape(tf.range(8.0), (1, 8, 1))
    >>> shifted(x, 2, n=2).numpy().ravel()
    array([2., 1., 0., 1., 2., 3., 4., 5.], dtype=float32)

    Reference: https://github.com/chrisdonahue/wavegan
    """

    def __init__(self, n=2, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_count(n, "n", least=0)
        self.n = n
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training or self.n == 0:
            return inputs
        seed = self.seed_generator.next()
        shift = tf.random.stateless_uniform((), seed, -self.n, self.n + 1, tf.int32, alg="philox")
        return shifted(inputs, shift, self.n)

    def compute_output_shape(self, input_shape):
        return input_shape

    def save_own_variables(self, store):
        store["seed"] = self.seed_generator.state.numpy()

    def load_own_variables(self, store):
        self.seed_generator.state.assign(store["seed"])

    def get_config(self):
        return {**super().get_config(), "n": self.n}


def shifted(x, shift, n):
    """Returns x(t - shift), with reflection at both ends.

    Args:
        x: Tensor (N, T, C), T > n.
        shift: Scalar int32 tensor, -n to n.
        n: int.
    """
    padded = tf.pad(x, [[0, 0], [n, n], [0, 0]], mode="REFLECT")
    # Not `tf.slice` from n - shift on: compiled by XLA, it has no second derivative.
    return tf.roll(padded, shift, axis=1)[:, n : n + x.shape[1]]
