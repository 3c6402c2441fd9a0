"""Hand-written training loops of the second eight models, as in `_hand_written.py`.

Each is plain TensorFlow on the networks of a kerasgan model, with the algorithm of its defaults.
"""

import math

import tensorflow as tf
from _hand_written import latents, penalty, softplus, updates


def wgan_step(gan):
    generator, critic = gan.generator, gan.discriminator
    update_g, update_d = updates(gan)

    @tf.function
    def step(images):
        num = tf.shape(images)[0] // gan.n_critic
        for real in tf.split(images, gan.n_critic):
            fakes = generator(latents(gan, num), training=True)
            with tf.GradientTape() as tape:
                d_loss = tf.reduce_mean(critic(fakes, training=True))
                d_loss -= tf.reduce_mean(critic(real, training=True))
            update_d(tape, d_loss)
            for weight in critic.trainable_variables:
                weight.assign(tf.clip_by_value(weight, -gan.clip, gan.clip))
        with tf.GradientTape() as tape:
            fakes = generator(latents(gan, num), training=True)
            g_loss = -tf.reduce_mean(critic(fakes, training=True))
        update_g(tape, g_loss)
        return d_loss, g_loss

    return step


def ebgan_step(gan):
    generator, discriminator = gan.generator, gan.discriminator
    update_g, update_d = updates(gan)

    @tf.function
    def step(images):
        num = tf.cast(tf.shape(images)[0], tf.float32)
        with tf.GradientTape() as g_tape:
            fakes = generator(latents(gan, tf.shape(images)[0]), training=True)
            with tf.GradientTape() as d_tape:
                real, _ = discriminator(images, training=True)
                fake, _ = discriminator(tf.stop_gradient(fakes), training=True)
                d_loss = tf.reduce_mean(real) + tf.reduce_mean(tf.nn.relu(gan.margin - fake))
            update_d(d_tape, d_loss)
            energies, codes = discriminator(fakes, training=True)
            codes = tf.math.l2_normalize(codes, axis=1)
            cosines = tf.linalg.set_diag(codes @ tf.transpose(codes), tf.zeros_like(codes[:, 0]))
            g_loss = tf.reduce_mean(energies)
            g_loss += gan.pulling_away * tf.reduce_sum(cosines**2) / (num * (num - 1.0))
        update_g(g_tape, g_loss)
        return d_loss, g_loss

    return step


def began_step(gan):
    generator, autoencoder = gan.generator, gan.discriminator
    update_g, update_d = updates(gan)
    k = tf.Variable(0.0)

    @tf.function
    def step(images):
        num = tf.shape(images)[0]
        fakes = generator(latents(gan, num), training=True)
        with tf.GradientTape() as d_tape:
            real = tf.reduce_mean(autoencoder(images, training=True))
            d_loss = real - k * tf.reduce_mean(autoencoder(fakes, training=True))
        with tf.GradientTape() as g_tape:
            fakes = generator(latents(gan, num), training=True)
            g_loss = tf.reduce_mean(autoencoder(fakes, training=True))
        update_d(d_tape, d_loss)
        update_g(g_tape, g_loss)
        k.assign(tf.clip_by_value(k + gan.lambda_k * (gan.gamma * real - g_loss), 0.0, 1.0))
        return d_loss, g_loss

    return step


def fgan_step(gan):
    """f-GAN with the Jensen-Shannon divergence."""
    generator, discriminator = gan.generator, gan.discriminator
    update_g, update_d = updates(gan)

    @tf.function
    def step(images):
        with tf.GradientTape(persistent=True) as tape:
            fakes = generator(latents(gan, tf.shape(images)[0]), training=True)
            real = discriminator(images, training=True)
            fake = discriminator(fakes, training=True)
            d_loss = softplus(-real) + softplus(fake) - 2.0 * math.log(2.0)
            g_loss = softplus(-fake) - math.log(2.0)
        update_d(tape, d_loss)
        update_g(tape, g_loss)
        return d_loss, g_loss

    return step


def kernel(x, y):
    """A sum of rational quadratic kernels of squared distances, and the linear kernel."""
    squares = tf.reduce_sum((x[:, None] - y[None]) ** 2, axis=2)
    quadratic = [(1.0 + squares / (2.0 * a)) ** -a for a in (0.2, 0.5, 1.0, 2.0, 5.0)]
    return tf.add_n(quadratic) + tf.matmul(x, y, transpose_b=True)


def unbiased_mmd(real, fake):
    def within(x):
        values = kernel(x, x)
        num = tf.cast(tf.shape(x)[0], tf.float32)
        return (tf.reduce_sum(values) - tf.linalg.trace(values)) / (num * (num - 1.0))

    return within(real) + within(fake) - 2.0 * tf.reduce_mean(kernel(real, fake))


def mmd_gan_step(gan):
    generator, discriminator = gan.generator, gan.discriminator
    update_g, update_d = updates(gan)

    @tf.function
    def step(images):
        num = tf.shape(images)[0] // gan.n_critic
        for real_images in tf.split(images, gan.n_critic):
            fakes = generator(latents(gan, num), training=True)
            with tf.GradientTape() as tape:
                real = discriminator(real_images, training=True)
                fake = discriminator(fakes, training=True)

                def witness(mixed, training, real=real[0], fake=fake[0]):
                    features = discriminator(mixed, training=training)[0]
                    towards_real = tf.reduce_mean(kernel(features, real), axis=1)
                    return towards_real - tf.reduce_mean(kernel(features, fake), axis=1)

                alpha = tf.random.uniform((num, 1, 1, 1))
                d_loss = -unbiased_mmd(real[0], fake[0])
                d_loss += gan.gp_weight * penalty(witness, real_images, fakes, alpha)
                d_loss += gan.l2_weight * tf.add_n([tf.reduce_mean(x**2) for x in real + fake])
            update_d(tape, d_loss)
        real = discriminator(real_images, training=True)[0]
        with tf.GradientTape() as tape:
            fakes = generator(latents(gan, num), training=True)
            g_loss = unbiased_mmd(real, discriminator(fakes, training=True)[0])
        update_g(tape, g_loss)
        return d_loss, g_loss

    return step


def biggan_step(gan):
    generator, discriminator = gan.generator, gan.discriminator
    update_g, update_d = updates(gan)
    kernels = [w for w in generator.trainable_variables if len(w.shape) > 1]

    @tf.function
    def step(images):
        num = tf.shape(images)[0] // gan.n_critic
        for real in tf.split(images, gan.n_critic):
            fakes = generator(latents(gan, num), training=True)
            with tf.GradientTape() as tape:
                logits = discriminator(tf.concat([real, fakes], axis=0), training=True)
                real_logits, fake_logits = tf.split(logits, 2)
                d_loss = tf.reduce_mean(tf.nn.relu(1.0 - real_logits))
                d_loss += tf.reduce_mean(tf.nn.relu(1.0 + fake_logits))
            update_d(tape, d_loss)
        with tf.GradientTape() as tape:
            fakes = generator(latents(gan, num), training=True)
            g_loss = -tf.reduce_mean(discriminator(fakes, training=True))
            total = g_loss
            for weight in kernels:
                w = tf.reshape(weight, (-1, weight.shape[-1]))
                products = tf.matmul(w, w, transpose_a=True)
                others = tf.linalg.set_diag(products, tf.zeros(w.shape[-1]))
                total += gan.ortho_weight * tf.reduce_sum(others**2)
        update_g(tape, total)
        return d_loss, g_loss

    return step


def stylegan2_step(gan):
    mapping, synthesis = (gan.generator.get_layer(name) for name in ("mapping", "synthesis"))
    discriminator = gan.discriminator
    update_g, update_d = updates(gan)
    steps = tf.Variable(0)

    def styles(num):
        return [mapping([latents(gan, num), tf.ones((num,))], training=True)] * gan.layers_of_w

    @tf.function
    def step(images):
        num = tf.shape(images)[0]
        due = steps % gan.r1_interval == 0
        with tf.GradientTape() as tape:
            fakes = synthesis(styles(num), training=True)
            g_loss = softplus(-discriminator(fakes, training=True))
        update_g(tape, g_loss)
        fakes = synthesis(styles(num), training=True)
        with tf.GradientTape() as tape:
            with tf.GradientTape() as r1_tape:
                r1_tape.watch(images)
                real = discriminator(images, training=True)
            d_loss = softplus(-real) + softplus(discriminator(fakes, training=True))

            def r1():
                gradients = r1_tape.gradient(real, images)
                return tf.reduce_mean(tf.reduce_sum(gradients**2, axis=[1, 2, 3]))

            total = d_loss + gan.r1_gamma / 2 * gan.r1_interval * tf.cond(due, r1, lambda: 0.0)
        update_d(tape, total)
        steps.assign_add(1)
        return d_loss, g_loss

    return step


def r3gan_step(gan):
    """R3GAN without its schedules, whose cost is nothing, and with a fixed decay of its average."""
    generator, discriminator = gan.generator, gan.discriminator
    update_g, update_d = updates(gan)
    averages = [tf.Variable(weight) for weight in generator.weights]

    @tf.function
    def step(images):
        num = tf.shape(images)[0]
        fakes = generator(latents(gan, num), training=True)
        with tf.GradientTape() as tape:
            both = tf.concat([images, fakes], axis=0)
            with tf.GradientTape() as inner:
                inner.watch(both)
                logits = discriminator(both, training=True)
            squares = tf.reduce_sum(inner.gradient(logits, both) ** 2, axis=[1, 2, 3])
            real, fake = tf.split(logits, 2)
            # Half of gamma times the means of both halves is gamma times the mean of all.
            d_loss = softplus(fake - real) + gan.gamma * tf.reduce_mean(squares)
        update_d(tape, d_loss)
        real = discriminator(images, training=True)
        with tf.GradientTape() as tape:
            fakes = generator(latents(gan, num), training=True)
            g_loss = softplus(real - discriminator(fakes, training=True))
        update_g(tape, g_loss)
        for average, weight in zip(averages, generator.weights, strict=True):
            average.assign(0.999 * average + 0.001 * weight)
        return d_loss, g_loss

    return step


LOOPS = {
    "wgan": wgan_step,
    "ebgan": ebgan_step,
    "began": began_step,
    "fgan": fgan_step,
    "mmd_gan": mmd_gan_step,
    "biggan": biggan_step,
    "stylegan2": stylegan2_step,
    "r3gan": r3gan_step,
}
