"""What a `train_step` is written with."""

import keras
import tensorflow as tf

from kerasgan.utils import replicas

MOST_LOSSES = 16  # that one update may return


class Steps:
    """Draws, state, updates and logs of a training step."""

    def next_seed(self):
        """Returns a seed (2,): another at each call, the same on every replica."""
        return tf.stack([tf.constant(self.seed, tf.int64), self.draws.assign_add(1)])

    def sample_latents(self, num):
        """Draws fresh latents for a training step."""
        seed = self.next_seed()
        return replicas.own_rows(lambda rows: self.latent_prior(rows, seed), num)

    def sample_uniform(self, num):
        """Draws `num` fresh numbers, uniform in [0, 1), for a training step."""
        seed = self.next_seed()
        return replicas.own_rows(
            lambda rows: tf.random.stateless_uniform((rows,), seed, alg="philox"), num
        )

    def add_state(self, name, initial=0.0, shape=()):
        """Adds a variable that `train_step` updates from the data, such as BEGAN's k_t.

        It is saved and resumed with the model. Replicas take the mean of what each assigns.

        Args:
            name: Name of the weight.
            initial: float, its first value.
            shape: Its shape.

        Returns:
            Keras variable, float32: read it, and `assign` to it.
        """
        return self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(initial),
            dtype="float32",
            trainable=False,
            aggregation="mean",
            name=name,
        )

    def now(self, value):
        """Returns a number as it is, and of a schedule its value at `images_seen`."""
        return value(self.images_seen) if callable(value) else value

    def minibatches(self, batch):
        """Deals a batch out to `n_critic` minibatches: one example each in turn.

        In turn, so that the minibatches of several replicas together are those of one device.

        Args:
            batch: Tensor (N, ...).

        Returns:
            Tensor (n_critic, N / n_critic, ...).
        """
        if self.n_critic == 1:
            return batch[tf.newaxis]
        shape = tf.shape(batch)
        dealt = tf.reshape(batch, tf.concat([[-1, self.n_critic], shape[1:]], 0))
        return tf.ensure_shape(
            tf.einsum("ij...->ji...", dealt), (self.n_critic, None, *batch.shape[1:])
        )

    def repeat(self, update, *parts):
        """Does an update once for each minibatch.

        One device runs it as a loop of one graph, which is traced once; under a strategy of
        several replicas, where TensorFlow refuses optimizers in loops, the loop is unrolled.

        Args:
            update: Function of one minibatch of each part. Returns a dict of at most 16 scalar
                losses.
            *parts: What `minibatches` returns, or lists of as many tensors.

        Returns:
            dict of float32 scalars: what the last update returned.
        """
        number = len(parts[0]) if isinstance(parts[0], list) else parts[0].shape[0]
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if number == 1 or replicas > 1 or tf.executing_eagerly():
            return [update(*(part[i] for part in parts)) for i in range(number)][-1]
        parts = [tf.stack(part) if isinstance(part, list) else part for part in parts]
        names = []

        def body(i, _):
            losses = update(*(part[i] for part in parts))
            names[:] = losses
            values = tf.stack([tf.cast(loss, tf.float32) for loss in losses.values()])
            return i + 1, tf.pad(values, [[0, MOST_LOSSES - len(names)]])

        start = (tf.constant(0), tf.zeros(MOST_LOSSES))
        _, values = tf.while_loop(lambda i, _: i < number, body, start, parallel_iterations=1)
        return {name: values[i] for i, name in enumerate(names)}

    def minimize(self, tape, loss, network, optimizer):
        """Takes one step of `optimizer` down the gradient of `loss` for a network's weights.

        Keras sums gradients over replicas, so a loss that is a mean over its replica's images is
        divided by their number: then it is a mean over the global batch. The scale goes in at the
        start of the backward pass, where float16 training needs it.

        Args:
            tape: `tf.GradientTape` that recorded the loss.
            loss: Scalar tensor.
            network: `keras.Model`, or a list of those that share the optimizer.
            optimizer: The player's optimizer.
        """
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        scale = optimizer.scale_loss(tf.ones_like(loss) / replicas)
        variables = trainable([network] if isinstance(network, keras.Model) else network)
        gradients = tape.gradient(loss, variables, output_gradients=scale)
        optimizer.apply(gradients, variables)

    def end_step(self, **losses):
        """Averages the generator's weights (EMA), records the losses and returns them as logs."""
        if self.ema_decay is not None:
            decay = self.now(self.ema_decay)
            for average, weight in zip(
                self.ema_generator.weights, self.generator.weights, strict=True
            ):
                average.assign(average + (1.0 - decay) * (weight - average))
        for name, loss in losses.items():
            self.trackers[name].update_state(loss)
        logs = {name: self.trackers[name].result() for name in self.log_names if name in losses}
        if replicas.several_workers(self.distribute_strategy):
            # Keras averages logs over workers along their first axis, which a scalar has not.
            return {name: tf.reshape(value, (1,)) for name, value in logs.items()}
        return logs


def trainable(networks):
    """Returns the trainable variables of several networks."""
    return [variable for network in networks for variable in network.trainable_variables]
