"""Which devices train: one, all of this machine, or those of several machines.

A model is distributed by being built in a strategy's scope, and `kerasgan train --strategy` does
that. Everything the replicas do agrees with one device that has the whole batch: losses and
gradients are means over the whole batch (`GAN.minimize`), latents and dropout masks are its rows
(`own_rows`), batch norm's statistics are its own, and running means, spectral-norm vectors and
averaged weights are the same everywhere.
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
    """Returns a strategy to build a model in.

    Args:
        name: "one_device": the first GPU, or the CPU; "mirrored": all GPUs of this machine, or all
            logical CPU devices; "multi_worker": the devices of all processes that the environment
            variable `TF_CONFIG` lists. That one must be made before TensorFlow is used.

    Returns:
        `tf.distribute.Strategy`.

    Raises:
        UserError: If there is no such strategy, or `TF_CONFIG` does not say which worker this is.

    Example:

    >>> strategy("one_device").num_replicas_in_sync
    1
    """
    if name not in NAMES:
        raise UserError(f'There is no strategy "{name}", {nearest(name, NAMES)}')
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
    """Refuses a `TF_CONFIG` from which no worker could tell who it is.

    Args:
        text: The variable's value, or `None`.

    Raises:
        UserError: Says what is missing, and shows a valid one.

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
    """Lets TensorFlow take GPU memory as it needs it, not all at once; before it is first used."""
    for gpu in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # already in use
            tf.config.experimental.set_memory_growth(gpu, True)


def split_cpu(devices):
    """Makes several logical devices of the CPU, to try replicas out; before TensorFlow is used."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * devices
    )


@contextlib.contextmanager
def lost_workers(strategy):
    """Within the block, a worker that is gone is told as such.

    Raises:
        TrainingFailed: Says what to do.
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
    """Within the block, the first SIGINT or SIGTERM is left to the chief: a worker that stopped by
    itself would keep it from ending its step and writing its checkpoint. A second one counts."""
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
