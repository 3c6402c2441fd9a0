"""Each part of Keras's surface works, or is refused in one sentence: the table in the docs."""

import inspect

import keras
import keras_surface
import numpy as np
import pytest

from kerasgan import DCGAN


@pytest.mark.slow
def test_the_table_in_the_documentation_is_what_happens():
    assert keras_surface.PAGE.read_text(encoding="utf-8") == keras_surface.table()


def test_every_public_member_of_keras_is_in_the_table():
    members = {name for name in dir(keras.Model) if not name.startswith("_")}
    assert members <= {name.partition("(")[0] for name in keras_surface.METHODS}
    made = {name for name, _ in inspect.getmembers(keras.callbacks, inspect.isclass)}
    assert made <= {*keras_surface.callbacks(), *keras_surface.UNTRIED}
    options = inspect.signature(keras.optimizers.Adam).parameters
    assert set(keras_surface.OPTIONS) <= set(options)


def test_a_state_tree_holds_both_optimizers():
    images = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1))
    gan = DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile()
    gan.fit(images, verbose=0)
    tree, before = gan.get_state_tree("numpy_array"), gan.get_weights()
    gan.fit(images, epochs=2, verbose=0)
    gan.set_state_tree(tree)
    for weight, value in zip(gan.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)
    assert [int(each.iterations) for each in gan.optimizers.values()] == [1, 1]
    assert gan.optimizer.variables == gan.optimizer_variables


def test_a_frozen_player_is_said():
    gan = DCGAN((8, 8, 1), width=4, seed=0)
    gan.discriminator.trainable = False
    gan.compile()
    with pytest.warns(UserWarning, match="Player `d` has no trainable weights"):
        gan.fit(np.zeros((4, 8, 8, 1)), verbose=0)
