"""Building blocks of a `train_step`."""

import keras
import tensorflow as tf

from kerasgan import schedules
from kerasgan.gan import preparation
from kerasgan.gan.fused import follow
from kerasgan.utils import replicas
from kerasgan.utils.errors import UserError

MOST_LOSSES = 16  # that one update may return


class Steps:
    """Draws, state, updates and logs of a training step."""

    def next_seed(self):
        """Returns a new seed (2,) at each call, equal on all replicas."""
        return tf.stack([tf.constant(self.seed, tf.int64), self.draws.assign_add(1)])

    def sample_latents(self, num):
        """Draws new latents for a training step."""
        seed = self.next_seed()
        return replicas.own_rows(lambda rows: self.latent_prior(rows, seed), num)

    def sample_uniform(self, num):
        """Draws `num` new numbers, uniform in [0, 1), for a training step."""
        seed = self.next_seed()
        return replicas.own_rows(
            lambda rows: tf.random.stateless_uniform((rows,), seed, alg="philox"), num
        )

    def add_state(self, name, initial=0.0, shape=()):
        """Adds a variable that `train_step` updates, such as BEGAN's k_t.

        It is saved and resumed with the model. With several replicas, it gets the mean of the
        values that they assign.

        Args:
            name: Name of the weight.
            initial: float, initial value.
            shape: Its shape.

        Returns:
            Keras variable, float32: read it, and `assign` to it.
        """
        return self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(initial),
            dtype="float32",
            autocast=False,  # ADA's is read within a network of 16 bits
            trainable=False,
            aggregation="mean",
            name=name,
        )

    def now(self, value):
        """Returns a number unchanged, or the value of a schedule at `images_seen`."""
        return value(self.images_seen) if callable(value) else value

    def minibatches(self, batch):
        """Splits a batch into `n_critic` minibatches, which take every n_critic-th example.

        Thus the minibatches of several replicas together equal those of one device.

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
        """Runs an update once for each minibatch.

        On one device the update is traced once and runs in a graph loop. With several replicas the
        loop is unrolled, since TensorFlow does not allow optimizers in loops there.

        Args:
            update: Function that takes one minibatch of each part, and returns a dict of at most 16
                scalar losses.
            *parts: Results of `minibatches`, or lists of as many tensors.

        Returns:
            dict of float32 scalars, the losses of the last update.
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
        """Applies one optimizer step that lowers `loss` to the weights of a network.

        Keras sums gradients over replicas, so the loss, a mean over the images of one replica, is
        divided by the number of replicas: this gives the mean over the global batch. The scale is
        applied at the start of the backward pass, as float16 training needs it.

        Args:
            tape: `tf.GradientTape` that recorded the loss.
            loss: Scalar tensor.
            network: `keras.Model`, or a list of models that share the optimizer.
            optimizer: The player's optimizer.
        """
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        scale = optimizer.scale_loss(tf.ones_like(loss) / replicas)
        variables = trainable([network] if isinstance(network, keras.Model) else network)
        gradients = tape.gradient(loss, variables, output_gradients=scale)
        if replicas > 1 and clips(optimizer):
            # Keras clips each replica's gradients. Here it finds a share of the clipped sum.
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            gradients = [each / replicas for each in optimizer._clip_gradients(gradients)]
        # A loss reads all weights. TensorFlow's graph optimizer may forget that a read precedes
        # the update where only the shape of a tensor leads from one to the other.
        with tf.control_dependencies([loss]):
            optimizer.apply(gradients, variables)

    def _decay_now(self):
        """Returns the decay of the averaged generator for an update by this step's batch."""
        if not isinstance(self.ema_decay, schedules.HalfLife):
            return self.now(self.ema_decay)
        example = preparation.example_of(self)
        in_sync = tf.distribute.get_strategy().num_replicas_in_sync
        num = tf.shape(next(iter(example.values())))[0] * in_sync
        return self.ema_decay.decay(self.images_seen, num)

    def end_step(self, **losses):
        """Updates the averaged generator, records the losses and returns them as logs."""
        if self.ema_decay is not None:
            decay = self._decay_now()
            updates = self.ema_updates.assign_add(1)
            decay = tf.minimum(decay, tf.cast((1 + updates) / (10 + updates), tf.float32))
            for average, weight in zip(
                self.ema_generator.weights, self.generator.weights, strict=True
            ):
                follow(average, weight, 1.0 - decay)
        for name, loss in losses.items():
            if name not in self.trackers:
                raise UserError(
                    f"{type(self).__name__} logs {', '.join(self.log_names)}: add "
                    f"{name!r} to the class's `log_names`."
                )
            self.trackers[name].update_state(loss)
        logs = {name: self.trackers[name].result() for name in self.log_names if name in losses}
        if self.augmentation is not None:
            logs.update(self.augmentation.end_step())
        if replicas.several_workers(self.distribute_strategy):
            # Keras averages logs over workers along their first axis, which a scalar has not.
            return {name: tf.reshape(value, (1,)) for name, value in logs.items()}
        return logs


def clips(optimizer):
    """Tells whether an optimizer clips gradients."""
    return any((optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue))


def trainable(networks):
    """Returns the trainable variables of several networks."""
    return [variable for network in networks for variable in network.trainable_variables]
