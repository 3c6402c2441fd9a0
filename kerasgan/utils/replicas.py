"""Helpers for code that runs on several replicas or workers."""

import tensorflow as tf

# What TensorFlow raises in the others when a worker is gone.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


def several_workers(strategy):
    """Tells whether a strategy spans several processes."""
    return strategy.extended._in_multi_worker_mode()


def is_chief(strategy):
    """Tells whether this process is the one that writes files."""
    return not several_workers(strategy) or strategy.extended.should_checkpoint


def from_chief(strategy, number=0):
    """Broadcasts a whole number from the chief; every worker must call it at the same point.

    Args:
        strategy: That of the model.
        number: int; only the chief's value counts.
    """
    if not several_workers(strategy):
        return number

    def first():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.where(tf.equal(replica, 0), tf.constant(number, tf.int64), 0)

    return summed(strategy, first)


def any_worker(strategy, told):
    """Tells whether any worker says so; every worker must call it at the same point.

    Args:
        strategy: That of the model.
        told: bool, what this worker says.
    """
    if not several_workers(strategy):
        return told
    return summed(strategy, lambda: tf.constant(int(told), tf.int64)) > 0


def summed(strategy, number):
    """Returns the sum over all replicas of a whole number that each computes, as an int."""
    return int(strategy.reduce("SUM", strategy.run(tf.function(number)), axis=None))


def own_rows(draw, num):
    """Draws for the whole batch and returns the rows of this replica.

    Together the replicas draw what one device would draw, for any number of replicas.

    Args:
        draw: Function from a number of rows to a tensor, the same on every replica.
        num: int or scalar int tensor: rows that this replica wants.
    """
    context = tf.distribute.get_replica_context()
    if context is None:  # a network that is called outside of training
        return draw(num)
    start = context.replica_id_in_sync_group * num
    return draw(num * context.num_replicas_in_sync)[start : start + num]


def all_rows(values):
    """Returns the rows of all replicas, for what compares the examples of a whole batch.

    Gradients flow back to each replica's own rows, as if one device held all of them.

    Args:
        values: Tensor (N, ...), with the same N on every replica.

    Returns:
        Tensor (N * replicas, ...).

    Example:

    >>> all_rows(tf.ones((2, 3))).shape
    TensorShape([2, 3])
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_gather(values, axis=0)


def mean(value):
    """Returns the mean over all replicas of a scalar, such as a loss.

    Args:
        value: Scalar tensor.

    Returns:
        Scalar tensor, the same on every replica.

    Example:

    >>> float(mean(tf.constant(0.5)))
    0.5
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, value)


def local_sum(strategy, variable):
    """Returns a sum over all replicas, read without asking other workers for their part.

    Args:
        strategy: That of the model.
        variable: Keras variable, such as a metric's, that each replica adds to by itself. Those of
            other workers count as this one's.
    """
    parts = [float(part) for part in strategy.experimental_local_results(variable.value)]
    return sum(parts) * strategy.num_replicas_in_sync / len(parts)


def assign_local_sum(strategy, variable, value):
    """Gives each replica of this process its part of what `local_sum` returned."""
    for part in strategy.experimental_local_results(variable.value):
        part.assign(value / strategy.num_replicas_in_sync)
