"""The operation count of a training step equals a count by hand."""

import tensorflow as tf

import kerasgan
from kerasgan.training import flops


def test_perceptrons_equal_a_count_by_hand():
    gan = kerasgan.VanillaGAN((4, 4, 1), latent_dim=10, width=40)
    gan.compile()
    generator = 10 * 40 + 40 * 40 + 40 * 16
    # Two maxout layers of 8 units with 5 pieces, then one logit.
    first, others = 16 * 40, 8 * 40 + 8
    forward_d = first + others
    discriminator_update = generator + 2 * (forward_d + others + forward_d)  # no input gradient
    generator_update = (generator + forward_d) + forward_d + (2 * generator - 10 * 40)
    counted = flops.of_step(gan, tf.zeros((6, 4, 4, 1)))
    assert counted == 2 * 6 * (discriminator_update + generator_update)


def test_each_update_of_a_critic_is_counted():
    def count(n_critic):
        gan = kerasgan.WGAN((8, 8, 1), latent_dim=10, width=4, n_critic=n_critic)
        gan.compile()
        return flops.of_step(gan, tf.zeros((6 * n_critic, 8, 8, 1)))

    once, thrice, five_times = map(count, (1, 3, 5))  # one is written out, several are a loop
    assert five_times - thrice == thrice - once > once / 2


def test_unused_gradients_of_convolutions_are_not_counted():
    gan = kerasgan.DCGAN((8, 8, 1), latent_dim=10, width=4)
    gan.compile()
    step = tf.function(gan.train_step).get_concrete_function(tf.zeros((6, 8, 8, 1)))
    kinds = [operation.type for operation in flops._executed(step.graph)]
    # D has two convolutions: filter gradients for real and for fake images, but none in G's update.
    # G has two transposed convolutions, whose filter gradients are the same kind of operation.
    assert kinds.count("Conv2DBackpropFilter") == 2 * 2 + 2
    # Input gradients: of the second convolution alone in D's update, of both in G's update.
    # G's forward pass, shared by both updates, is the same kind of operation too.
    assert kinds.count("Conv2DBackpropInput") == 2 * 1 + 2 + 2
