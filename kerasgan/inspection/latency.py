"""How long one image takes, on one thread, in a process of its own.

TensorFlow takes its number of threads when it starts, so that this needs a process of its own.
"""

import os
import statistics
import subprocess
import sys
import time

WARM_UP, CALLS = 20, 200


def milliseconds(path, module=None):
    """Returns the median time of one image, in milliseconds, one thread.

    Args:
        path: What `kerasgan.inspection.samplers.open_sampler` takes, but for folders of images.
        module: Python file that defines the model's class, or `None`.
    """
    modules = [] if module is None else [str(module)]
    command = [sys.executable, "-m", "kerasgan.inspection.latency", str(path), *modules]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)}, exit code {done.returncode}: {done.stderr[-500:]}"
        )
    return float(done.stdout)


def measure(path, module=None):
    import tensorflow as tf

    from kerasgan import models
    from kerasgan.inspection.samplers import latent_batches, open_sampler, random_examples

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if module is not None:
        models.import_file(module)
    examples = random_examples(path)
    sampler = open_sampler(path, examples)
    (inputs,) = latent_batches(sampler.signature, 1, 0, examples=examples)
    if sampler.kind == "tflite":
        inputs = {name: values.numpy() for name, values in inputs.items()}
    seconds = []
    for _ in range(WARM_UP + CALLS):
        start = time.perf_counter()
        sampler.generate(inputs)
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds[WARM_UP:])


if __name__ == "__main__":
    print(measure(*sys.argv[1:]))
