"""Distribution strategies: one device, all of this machine, or those of several machines.

A model is distributed if it is built in a strategy's scope, as `kerasgan train --strategy` does.
Replicas compute what one device with the whole batch computes: losses and gradients are means over
the whole batch (`GAN.minimize`), each replica takes its rows of latents and dropout masks
(`own_rows`), batch norm uses the statistics of the whole batch, and running means, spectral-norm
vectors and averaged weights are equal on all replicas.
"""

import contextlib
import json
import os
import signal
import threading

import tensorflow as tf

from kerasgan.utils.errors import TrainingFailed, UserError, nearest
from kerasgan.utils.replicas import LOST, several_workers

NAMES = ("one_device", "mirrored", "multi_worker")


def strategy(name):
    """Returns the strategy in whose scope a model is built.

    Args:
        name: "one_device": the first GPU, or the CPU; "mirrored": all GPUs of this machine, or all
            logical CPU devices; "multi_worker": the devices of all processes that the environment
            variable `TF_CONFIG` lists. It must be created before TensorFlow is used.

    Returns:
        `tf.distribute.Strategy`.

    Raises:
        UserError: If there is no such strategy, or `TF_CONFIG` does not say which worker this is.

    Example:

    >>> strategy("one_device").num_replicas_in_sync
    1
    """
    if name not in NAMES:
        raise UserError(f'There is no strategy "{name}": {nearest(name, NAMES)}')
    if name == "multi_worker":
        check_tf_config(os.environ.get("TF_CONFIG"))
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except LOST as error:
            raise TrainingFailed("Not all workers of TF_CONFIG came. Start all again.") from error
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    names = [device.name for device in devices]
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(names)
    return tf.distribute.OneDeviceStrategy(names[0])


def check_tf_config(text):
    """Checks that `TF_CONFIG` describes a cluster and this worker.

    Args:
        text: The variable's value, or `None`.

    Raises:
        UserError: With what is missing, and a valid example.

    Example:

    >>> check_tf_config('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"index": 2}}')
    Traceback (most recent call last):
    ...
    kerasgan.utils.errors.UserError: TF_CONFIG: task must name one of the 2 workers of the ...
    """
    example = (
        '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    if not text:
        raise UserError(f"--strategy multi_worker reads TF_CONFIG, which is not set: {example}")
    try:
        config = json.loads(text)
        workers = config["cluster"]["worker"]
        task = config["task"]
        named = task.get("type") == "worker" and task["index"] in range(len(workers))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"TF_CONFIG must be like {example}. Received: {text}") from error
    if not named:
        raise UserError(
            f"TF_CONFIG: task must name one of the {len(workers)} workers of the cluster. "
            f'Received: task={json.dumps(task)}. Valid: {{"type": "worker", "index": 0}}'
        )


def grow_memory():
    """Makes TensorFlow allocate GPU memory as needed; call it before TensorFlow is used."""
    for gpu in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # already in use
            tf.config.experimental.set_memory_growth(gpu, True)


def split_cpu(devices):
    """Splits the CPU into logical devices, to test replicas; call it before TensorFlow is used."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * devices
    )


@contextlib.contextmanager
def lost_workers(strategy):
    """Within the block, reports a lost worker.

    Raises:
        TrainingFailed: With what to do.
    """
    try:
        yield
    except LOST as error:
        if not several_workers(strategy):
            raise
        raise TrainingFailed(
            "Another worker is gone, and training cannot go on without it. Start all workers "
            "again: the run goes on from its last checkpoint."
        ) from error


@contextlib.contextmanager
def chief_decides():
    """Within the block, ignores the first SIGINT or SIGTERM, since the chief handles it.

    A worker that stopped by itself would keep the chief from finishing its step and writing its
    checkpoint. A second signal interrupts at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def wait(number, frame):
        for each in numbers:
            signal.signal(each, signal.default_int_handler)

    for number in numbers:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
