"""Times the Frechet and the kernel distance against TF-GAN's and against scipy's `sqrtm`.

    kerasgan benchmark metrics_speed [--num 50000] [--dim 2048] [--rounds 3]

All contenders get the same float32 features and compute in float64. Rounds alternate between them
in one process; on a noisy machine, compare the ratios of the medians. Tasks:

    frechet_distance   from features to the distance, means and covariances included
    matrix_root        from the covariances to tr (S1 S2)^(1/2) only, where the methods differ: the
                       covariances cost the same for all
    kernel_distance    the mean over TF-GAN's blocks of at most 1,024 samples
    fid_network        `metrics.InceptionV3` beside torch-fidelity's port of it, in float32, with
                       the same random weights: from 32 x 32 images to features. Only in a clone
                       of the repository, with torch and torch-fidelity==0.4.0 (--no-deps)

The values must agree to 1e-6. Writes one JSON line per task and contender to
`metrics_speed.jsonl`, and a plot next to it. `pip install kerasgan[benchmarks]` installs what this
needs.
"""

import contextlib
import datetime
import importlib.metadata
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import scipy.linalg
import tensorflow as tf
import typer

from kerasgan import cli, metrics, tfgan
from kerasgan.evaluation import records
from kerasgan.metrics import distances, inception_weights
from kerasgan.utils import provenance
from kerasgan.utils.errors import UserError

PACKAGES = ("scipy", "tensorflow-gan", "torch", "torch-fidelity")
BLOCK = 1024
GOLDEN = Path(__file__).parents[1] / "tests" / "golden"


def make_features(num, dim, seed):
    """Returns float32 features like a network's: correlated, mostly positive, varied in scale."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((num, dim), "float32") * np.linspace(0.2, 2.0, dim, dtype="float32")
    x += 0.7 * np.roll(x, 1, axis=1) + 0.1 * seed
    return np.maximum(x, 0.1 * x)


def moments(features):
    return features.mean(axis=0, dtype="float64"), np.cov(features, rowvar=False, dtype="float64")


def frechet_by_sqrtm(real, fake):
    """As pytorch-fid and the original code (TTUR) compute it."""
    (real_mean, real_cov), (fake_mean, fake_cov) = moments(real), moments(fake)
    root = scipy.linalg.sqrtm(real_cov.dot(fake_cov)).real
    squares = np.square(real_mean - fake_mean).sum()
    return float(squares + np.trace(real_cov) + np.trace(fake_cov) - 2.0 * np.trace(root))


def frechet_by_tfgan(real, fake):
    real, fake = real.astype("float64"), fake.astype("float64")
    return float(tfgan.eval.frechet_classifier_distance_from_activations(real, fake))


def kernel_by_blocks(real, fake):
    """Averages our estimator over TF-GAN's blocks; the longer blocks come last."""
    num = -(-len(real) // BLOCK)
    ends = np.cumsum([0, *sorted(len(part) for part in np.array_split(real, num))])
    blocks = [slice(*pair) for pair in zip(ends[:-1], ends[1:], strict=True)]
    values = [metrics.kernel_distance(real[s], fake[s], subset_size=BLOCK)[0] for s in blocks]
    return float(np.mean(values))


def kernel_by_tfgan(real, fake):
    function = tfgan.eval.kernel_classifier_distance_and_std_from_activations
    real, fake = real.astype("float64"), fake.astype("float64")
    return float(function(tf.constant(real), tf.constant(fake), max_block_size=BLOCK)[0])


def make_tasks(real, fake):
    """Per task, the contenders by name: functions without arguments that return the value."""
    sums = [metrics.Statistics.of(x) for x in (real, fake)]
    covariances = [x.covariance for x in sums]

    def root_by_sqrtm():
        return float(np.trace(scipy.linalg.sqrtm(covariances[0].dot(covariances[1])).real))

    def root_by_tfgan():
        return float(tfgan.eval.classifier_metrics.trace_sqrt_product(*covariances))

    return {
        "frechet_distance": {
            "kerasgan": lambda: metrics.frechet_distance(real, fake),
            "scipy sqrtm": lambda: frechet_by_sqrtm(real, fake),
            "TF-GAN": lambda: frechet_by_tfgan(real, fake),
        },
        "matrix_root": {
            "kerasgan": lambda: float(distances._trace_of_root(*sums)),
            "scipy sqrtm": root_by_sqrtm,
            "TF-GAN": root_by_tfgan,
        },
        "kernel_distance": {
            "kerasgan": lambda: kernel_by_blocks(real, fake),
            "TF-GAN": lambda: kernel_by_tfgan(real, fake),
        },
    }


def make_network_task(num):
    """The contenders of `fid_network`, or none where it cannot run; they return a mean feature."""
    if not GOLDEN.is_dir() or not all(map(importlib.util.find_spec, ("torch", "torch_fidelity"))):
        return {}
    sys.path.append(str(GOLDEN))
    import make_inception
    import torch

    arrays = make_inception.random_arrays()
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph.pb"
        graph.write_bytes(inception_weights.serialize(arrays))
        ours = metrics.InceptionV3(graph)
        images = np.random.default_rng(0).integers(0, 256, (num, 32, 32, 3)).astype("uint8")
        ours(images[:1])  # builds the network, from the file
    theirs = make_inception.load_torch_fidelity(arrays, outputs=["2048"], dtype="float32")
    channels_first = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())

    def by_torch_fidelity():
        with torch.inference_mode():
            return float(theirs(channels_first)[0].double().mean())

    return {
        "kerasgan": lambda: float(ours(images).mean(dtype="float64")),
        "torch-fidelity": by_torch_fidelity,
    }


def measure(contenders, rounds):
    """Returns each contender's seconds per round and value; the order reverses every round."""
    times, values = {name: [] for name in contenders}, {}
    for number in range(rounds):
        order = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in order:
            start = time.perf_counter()
            values[name] = contenders[name]()
            times[name].append(time.perf_counter() - start)
    return times, values


def versions():
    """Returns the versions of the contenders' packages that are installed, by name."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def plot(lines, path):
    from matplotlib import pyplot

    tasks = list(dict.fromkeys(line["task"] for line in lines))
    figure, axes = pyplot.subplots(1, len(tasks), figsize=(4 * len(tasks), 2.6), layout="tight")
    for axis, task in zip(axes, tasks, strict=True):
        chosen = [line for line in lines if line["task"] == task][::-1]
        bars = axis.barh([x["contender"] for x in chosen], [x["seconds"] for x in chosen])
        labels = [f"{x['seconds']:.3g} s ({x['times_kerasgan']:.3g}x)" for x in chosen]
        axis.bar_label(bars, labels, padding=3)
        images = chosen[0].get("images")
        detail = f" in float32, {images} images" if images else ""
        axis.set(title=task.replace("_", " ") + detail, xlabel="seconds")
        axis.margins(x=0.75)
    figure.suptitle(f"{lines[0]['num']:,} x {lines[0]['dim']:,} features on either side, float64")
    figure.savefig(path, dpi=150)


def main(
    num: Annotated[int, typer.Option(min=2, help="Images on either side.")] = 50_000,
    dim: Annotated[int, typer.Option(min=1, help="Features of an image.")] = 2048,
    images: Annotated[int, typer.Option(min=1, help="Images for FID's network.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="Alternated rounds.")] = 3,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
):
    """Time the distances against TF-GAN's and scipy's."""
    if num <= dim:
        raise UserError(f"`num` must exceed `dim`. Received: {num} and {dim}")
    # The first call starts threads and traces functions; it is not timed.
    for contenders in make_tasks(*(make_features(200, 16, seed) for seed in (0, 1))).values():
        measure(contenders, rounds=1)

    lines = []
    network = make_network_task(images)
    run = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    tasks = make_tasks(*(make_features(num, dim, seed) for seed in (0, 1)))
    if network:
        measure(network, rounds=1)  # traces
        tasks["fid_network"] = network
    for task, contenders in tasks.items():
        times, values = measure(contenders, rounds)
        medians = {name: statistics.median(seconds) for name, seconds in times.items()}
        for name in contenders:
            difference = abs(values[name] / values["kerasgan"] - 1)
            if difference > 1e-6:
                raise UserError(f"{task}: {name} differs from kerasgan by {difference:.1e}")
            lines.append(
                {
                    "benchmark": "metrics_speed",
                    "run": run,
                    "task": task,
                    "contender": name,
                    "num": num,
                    "dim": dim,
                    "images": images if task == "fid_network" else None,
                    "rounds": rounds,
                    "seconds": round(medians[name], 4),
                    "times_kerasgan": round(medians[name] / medians["kerasgan"], 3),
                    "seconds_all": [round(value, 4) for value in times[name]],
                    "value": values[name],
                    "relative_difference": difference,
                    "cores": os.cpu_count(),
                    **provenance.software(),
                    **versions(),
                }
            )
            records.append(output / "metrics_speed.jsonl", lines[-1])
            print(
                f"{task:18} {name:12} {lines[-1]['seconds']:8.2f} s, "
                f"{lines[-1]['times_kerasgan']:.2f} times kerasgan's",
                flush=True,
            )
    plot(lines, output / "metrics_speed.png")


if __name__ == "__main__":
    cli.run(main)
