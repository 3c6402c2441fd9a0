"""Hand-written training loops for the networks of kerasgan's models.

`loop(name, gan)` is plain TensorFlow with the same algorithm as the model's own `train_step`, as it
was in the first edition: SAGAN's discriminator judges real and generated images in two passes, for
which the model now needs one.
`KERAS_EXAMPLES` have the `train_step` of the Keras examples, https://keras.io/examples/generative/
(dcgan_overriding_train_step, wgan_gp), and keep their algorithms.
"""

import keras
import tensorflow as tf


def softplus(x):
    return tf.reduce_mean(tf.nn.softplus(x))


# For each model: its losses, and whether the generator is updated on the fakes that the
# discriminator has seen.
ALGORITHMS = {
    "vanilla": ("log", False),
    "cgan": ("log", False),
    "dcgan": ("log", True),
    "lsgan": ("least squares", True),
    "sngan": ("hinge", False),
    "sagan": ("hinge", False),
}
# The discriminator's loss and the generator's.
LOSSES = {
    "log": (lambda real, fake: softplus(-real) + softplus(fake), lambda fake: softplus(-fake)),
    "least squares": (
        lambda real, fake: 0.5 * tf.reduce_mean((real - 1.0) ** 2) + 0.5 * tf.reduce_mean(fake**2),
        lambda fake: 0.5 * tf.reduce_mean((fake - 1.0) ** 2),
    ),
    "hinge": (
        lambda real, fake: tf.reduce_mean(tf.nn.relu(1.0 - real) + tf.nn.relu(1.0 + fake)),
        lambda fake: -tf.reduce_mean(fake),
    ),
}


def loop(name, gan):
    """Returns a compiled function that trains both networks on a batch and returns both losses."""
    if name == "wgan_gp":
        return wgan_gp_step(gan)
    if name == "lapgan":
        return lapgan_step(gan)
    losses, shared = ALGORITHMS[name]
    return adversarial_step(gan, *LOSSES[losses], shared)


def updates(gan):
    """Returns two functions of a tape and a loss; each updates one network."""

    def update(network, optimizer):
        weights = network.trainable_variables
        optimizer.build(weights)
        return lambda tape, loss: optimizer.apply(tape.gradient(loss, weights), weights)

    g_optimizer, d_optimizer = gan.default_optimizers()
    return update(gan.generator, g_optimizer), update(gan.discriminator, d_optimizer)


def latents(gan, num):
    latent = gan.signature.inputs["z"]
    if latent.uniform is None:
        return tf.random.normal((num, latent.dim))
    return tf.random.uniform((num, latent.dim), *latent.uniform)


def adversarial_step(gan, d_loss_of, g_loss_of, shared):
    generator, discriminator = gan.generator, gan.discriminator
    update_g, update_d = updates(gan)

    def inputs(first, label):
        return [first, label] if label is not None else first

    @tf.function
    def step(data):
        images, label = data if isinstance(data, tuple) else (data, None)
        num = tf.shape(images)[0]
        with tf.GradientTape() as g_tape:
            fakes = generator(inputs(latents(gan, num), label), training=True)
            with tf.GradientTape() as d_tape:
                real = discriminator(inputs(images, label), training=True)
                fake = discriminator(inputs(tf.stop_gradient(fakes), label), training=True)
                d_loss = d_loss_of(real, fake)
            update_d(d_tape, d_loss)
            if not shared:
                fakes = generator(inputs(latents(gan, num), label), training=True)
            g_loss = g_loss_of(discriminator(inputs(fakes, label), training=True))
        update_g(g_tape, g_loss)
        return d_loss, g_loss

    return step


def penalty(critic, real, fake, alpha):
    mixed = alpha * real + (1.0 - alpha) * fake
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        values = critic(mixed, training=True)
    gradients = tape.gradient(values, mixed)
    norms = tf.sqrt(tf.reduce_sum(gradients**2, axis=[1, 2, 3]) + 1e-12)
    return tf.reduce_mean((norms - 1.0) ** 2)


def wgan_gp_step(gan):
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
                alpha = tf.random.uniform((num, 1, 1, 1))
                d_loss += gan.gp_weight * penalty(critic, real, fakes, alpha)
            update_d(tape, d_loss)
        with tf.GradientTape() as tape:
            g_loss = -tf.reduce_mean(
                critic(generator(latents(gan, num), training=True), training=True)
            )
        update_g(tape, g_loss)
        return d_loss, g_loss

    return step


def lapgan_step(gan):
    update_g, update_d = updates(gan)
    generators, discriminators = gan.level_networks()
    pyramid = gan.discriminator.get_layer("pyramid")
    sizes = [generator.inputs[0].shape[1] for generator in generators]

    @tf.function
    def step(images):
        residuals, lows = pyramid(images)
        conditions = [[], *([low] for low in lows)]
        z = tf.split(latents(gan, tf.shape(images)[0]), sizes, axis=1)
        levels = range(len(sizes))
        with tf.GradientTape() as g_tape:
            fakes = [generators[k]([z[k], *conditions[k]], training=True) for k in levels]
            with tf.GradientTape() as d_tape:
                d_loss = 0.0
                for k in levels:
                    fake = tf.stop_gradient(fakes[k])
                    d_loss += softplus(
                        -discriminators[k]([residuals[k], *conditions[k]], training=True)
                    )
                    d_loss += softplus(discriminators[k]([fake, *conditions[k]], training=True))
            update_d(d_tape, d_loss)
            g_loss = 0.0
            for k in levels:
                fake_logits = discriminators[k]([fakes[k], *conditions[k]], training=True)
                g_loss += softplus(-fake_logits)
        update_g(g_tape, g_loss)
        return d_loss, g_loss

    return step


# --- The Keras examples ---


class KerasExample(keras.Model):
    """Base class of the examples' models: networks, optimizers and two running means."""

    def __init__(self, gan):
        super().__init__()
        self.generator, self.discriminator = gan.generator, gan.discriminator
        self.latent_dim = gan.latent_dim
        self.g_optimizer, self.d_optimizer = gan.default_optimizers()
        self.d_loss_metric = keras.metrics.Mean(name="d_loss")
        self.g_loss_metric = keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_loss_metric, self.g_loss_metric]

    def apply(self, tape, loss, network, optimizer):
        weights = network.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    def logs(self, d_loss, g_loss):
        self.d_loss_metric.update_state(d_loss)
        self.g_loss_metric.update_state(g_loss)
        return {metric.name: metric.result() for metric in self.metrics}


class KerasDCGAN(KerasExample):
    """dcgan_overriding_train_step: one pass of D over fakes and reals, noisy labels, new fakes for
    the generator's update."""

    def train_step(self, real_images):
        cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        batch_size = tf.shape(real_images)[0]
        generated = self.generator(tf.random.normal((batch_size, self.latent_dim)))
        combined = tf.concat([generated, real_images], axis=0)
        labels = tf.concat([tf.ones((batch_size, 1)), tf.zeros((batch_size, 1))], axis=0)
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        with tf.GradientTape() as tape:
            d_loss = cross_entropy(labels, self.discriminator(combined, training=True))
        self.apply(tape, d_loss, self.discriminator, self.d_optimizer)

        z = tf.random.normal((batch_size, self.latent_dim))
        with tf.GradientTape() as tape:
            predictions = self.discriminator(self.generator(z, training=True), training=True)
            g_loss = cross_entropy(tf.zeros((batch_size, 1)), predictions)
        self.apply(tape, g_loss, self.generator, self.g_optimizer)
        return self.logs(d_loss, g_loss)


class KerasWGANGP(KerasExample):
    """wgan_gp: every critic update on the same real batch, fakes made within its tape."""

    def __init__(self, gan):
        super().__init__(gan)
        self.d_steps, self.gp_weight = gan.n_critic, gan.gp_weight

    def gradient_penalty(self, batch_size, real_images, fake_images):
        alpha = tf.random.uniform((batch_size, 1, 1, 1))
        interpolated = real_images + alpha * (fake_images - real_images)
        with tf.GradientTape() as gp_tape:
            gp_tape.watch(interpolated)
            values = self.discriminator(interpolated, training=True)
        gradients = gp_tape.gradient(values, [interpolated])[0]
        norm = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]))
        return tf.reduce_mean((norm - 1.0) ** 2)

    def train_step(self, real_images):
        batch_size = tf.shape(real_images)[0]
        for _ in range(self.d_steps):
            z = tf.random.normal((batch_size, self.latent_dim))
            with tf.GradientTape() as tape:
                fakes = self.generator(z, training=True)
                fake_logits = self.discriminator(fakes, training=True)
                real_logits = self.discriminator(real_images, training=True)
                d_cost = tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)
                gp = self.gradient_penalty(batch_size, real_images, fakes)
                d_loss = d_cost + gp * self.gp_weight
            self.apply(tape, d_loss, self.discriminator, self.d_optimizer)
        z = tf.random.normal((batch_size, self.latent_dim))
        with tf.GradientTape() as tape:
            generated = self.generator(z, training=True)
            g_loss = -tf.reduce_mean(self.discriminator(generated, training=True))
        self.apply(tape, g_loss, self.generator, self.g_optimizer)
        return self.logs(d_loss, g_loss)


KERAS_EXAMPLES = {"dcgan": KerasDCGAN, "wgan_gp": KerasWGANGP}
