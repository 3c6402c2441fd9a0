"""Updates by one kernel give what Keras's own steps give."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import DCGAN, schedules
from kerasgan.gan.fused import fuse

RISING = schedules.Linear(0.5, 0.7, images=4)
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-2, beta_1=0.5),
    "adam, clipped": lambda: keras.optimizers.Adam(1e-2, clipnorm=0.1, weight_decay=1e-2),
    "adam, falling": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(1e-2, 4), beta_1=0.0, epsilon=1e-4
    ),
    "adam, scheduled": lambda: schedules.Adam(1e-2, beta_2=RISING),
    "sgd": lambda: keras.optimizers.SGD(1e-2),
    "sgd, momentum": lambda: keras.optimizers.SGD(1e-2, momentum=0.9),
    "sgd, nesterov": lambda: keras.optimizers.SGD(1e-2, momentum=0.9, nesterov=True),
    "sgd, scheduled": lambda: schedules.SGD(1e-2, momentum=RISING),
    "sgd, scheduled, nesterov": lambda: schedules.SGD(1e-2, momentum=RISING, nesterov=True),
    "float16": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2)),
    "amsgrad": lambda: keras.optimizers.Adam(1e-2, amsgrad=True),
    "averaged": lambda: keras.optimizers.Adam(1e-2, use_ema=True, ema_overwrite_frequency=2),
}


def trained(optimizer, fused, jit_compile=False, updates=5):
    """Returns all variables after some updates by fixed gradients."""
    keras.utils.set_random_seed(0)
    weights = [
        keras.Variable(keras.random.normal(shape), name=name)
        for name, shape in (("kernel", (3, 4)), ("bias", (4,)))
    ]
    optimizer.build(weights)
    if fused:
        fuse(optimizer)
    update = tf.function(lambda grads: optimizer.apply(grads, weights), jit_compile=jit_compile)
    for seed in range(updates):
        update([tf.random.stateless_normal(w.shape, (seed, i)) for i, w in enumerate(weights)])
    return [variable.numpy() for variable in [*weights, *optimizer.variables]]


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_weights_slots_and_counts_are_those_of_keras(make, jit_compile):
    expected, found = trained(make(), False), trained(make(), True, jit_compile)
    assert np.abs(expected[0]).max() > 0.01
    for one, other in zip(expected, found, strict=True):
        # The kernel takes 1 - beta_2 in float32, which is 1.3e-5 off for 0.999.
        np.testing.assert_allclose(other, one, rtol=3e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_weights_of_other_types_are_updated_by_keras(dtype):
    gan = DCGAN((8, 8, 1), width=4, dtype=dtype, ema_decay=0.5)
    gan.compile()
    gan.fit(np.zeros((4, 8, 8, 1), "float32"), batch_size=4, verbose=0)
    assert all(np.isfinite(w).all() for w in gan.generator.get_weights())


def test_the_kernels_are_used_and_the_config_stays():
    optimizer = keras.optimizers.Adam(1e-2)
    before = keras.optimizers.serialize(optimizer)
    weight = keras.Variable([1.0, 2.0])
    optimizer.build([weight])
    fuse(optimizer)
    graph = tf.function(lambda g: optimizer.apply([g], [weight])).get_concrete_function(
        tf.TensorSpec((2,))
    )
    operations = [operation.type for operation in graph.graph.get_operations()]
    assert operations.count("ResourceApplyAdam") == 1
    assert keras.optimizers.serialize(optimizer) == before


def test_a_rate_set_between_steps_counts():
    gan = DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32")
    gan.fit(images, batch_size=4, verbose=0)
    start = gan.generator.get_weights()
    gan.g_optimizer.learning_rate = 0.0
    gan.fit(images, batch_size=4, verbose=0)
    names = [weight.path for weight in gan.generator.weights]
    for name, old, new in zip(names, start, gan.generator.get_weights(), strict=True):
        assert "moving" in name or (old == new).all(), name


def test_a_subclass_keeps_its_own_step():
    class Signs(keras.optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, learning_rate * tf.sign(gradient))

    weight = keras.Variable([1.0, 2.0])
    optimizer = Signs(0.5)
    optimizer.build([weight])
    fuse(optimizer)
    optimizer.apply([tf.constant([7.0, -7.0])], [weight])
    np.testing.assert_allclose(weight.numpy(), [0.5, 2.5])


def test_sparse_gradients_move_their_rows_as_keras_does():
    values = []
    for fused in (False, True):
        table = keras.Variable(np.ones((4, 2), "float32"))
        optimizer = keras.optimizers.SGD(0.5)
        optimizer.build([table])
        if fused:
            fuse(optimizer)
        gradient = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([2]), tf.constant([4, 2]))
        optimizer.apply([gradient], [table])
        values.append(table.numpy())
    np.testing.assert_array_equal(*values)
    assert values[1][2, 0] == 0.5 and values[1][0, 0] == 1.0


def test_a_strategy_of_one_device_trains_as_none():
    images = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1)).astype("float32")
    trained = []
    for scope in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0"])):
        keras.utils.set_random_seed(0)
        with scope.scope():
            gan = DCGAN((8, 8, 1), width=4, seed=0, ema_decay=0.5)
            gan.compile()
        gan.fit(images, batch_size=4, shuffle=False, verbose=0)
        trained.append(gan.ema_generator.get_weights() + gan.discriminator.get_weights())
    for one, other in zip(*trained, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-6)
