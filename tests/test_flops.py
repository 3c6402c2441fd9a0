"""The count of a step's operations is that made by hand."""

import tensorflow as tf

import kerasgan
from kerasgan.training import flops


def test_perceptrons_equal_a_count_by_hand():
    gan = kerasgan.VanillaGAN((4, 4, 1), latent_dim=10, width=40)
    gan.compile()
    generator = 10 * 40 + 40 * 40 + 40 * 16
    # Maxout of 8 units with 5 pieces, twice, then one logit.
    first, others = 16 * 40, 8 * 40 + 8
    forward_d = first + others
    discriminator_update = generator + 2 * (forward_d + others + forward_d)  # no input gradient
    generator_update = (generator + forward_d) + forward_d + (2 * generator - 10 * 40)
    counted = flops.of_step(gan, tf.zeros((6, 4, 4, 1)))
    assert counted == 2 * 6 * (discriminator_update + generator_update)


def test_gradients_of_convolutions_that_nobody_uses_are_not_counted():
    gan = kerasgan.DCGAN((8, 8, 1), latent_dim=10, width=4)
    gan.compile()
    step = tf.function(gan.train_step).get_concrete_function(tf.zeros((6, 8, 8, 1)))
    kinds = [operation.type for operation in flops._executed(step.graph)]
    # D has two convolutions: filter gradients for real and for fake images, and none in G's update.
    # G has two transposed ones, whose filter gradients are of the same kind.
    assert kinds.count("Conv2DBackpropFilter") == 2 * 2 + 2
    # Gradients of images: in D's update those of the second convolution alone, in G's of both.
    # G's passes forward, one for both updates, are of the same kind too.
    assert kinds.count("Conv2DBackpropInput") == 2 * 1 + 2 + 2
