"""Measures sets larger than memory: feeding, memory, preparation, and what two workers read.

    kerasgan benchmark data                       # 400,000 images of 64 x 64 x 3: 4.9 GB of disk
    kerasgan benchmark data --images 20000        # a quick look

Needs Linux. Every measurement of memory or time runs in a process of its own; those of time
alternate, and their median ratio counts. Writes one JSON line per measurement to `data.jsonl`.
"""

import functools
import json
import mmap
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from PIL import Image

import kerasgan
from kerasgan import cli, data
from kerasgan.data import source as sources
from kerasgan.data.folder import AT_ONCE
from kerasgan.data.unread import Unread
from kerasgan.evaluation import records
from kerasgan.training import strategies
from kerasgan.training.memory import Highest
from kerasgan.utils import pictures, processes, provenance

SHAPE = (64, 64, 3)
WAYS = ("memory", "warm", "cold")
MAPPED = []  # files that are mapped: TensorFlow may hold their arrays for long
BATCH_SIZE = 64


def main(
    images: Annotated[int, typer.Option(min=1000, help="Images of the large set.")] = 400_000,
    files: Annotated[int, typer.Option(min=64, help="JPEG files to prepare.")] = 10_000,
    steps: Annotated[int, typer.Option(min=2, help="Steps of a timed training.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions of a timing.")] = 7,
    gigabytes: Annotated[float, typer.Option(min=0.02, help="Size of arrays for `fit`.")] = 2.0,
    folder: Annotated[Path | None, typer.Option(help="For the data; default: temporary.")] = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = records.RESULTS,
    measure: Annotated[str | None, typer.Option(hidden=True)] = None,
):
    """Measure training on sets that are mapped from the cache."""
    if measure is not None:
        found = MEASURES[measure](json.loads(os.environ["KERASGAN_MEASURE"]))
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory(dir=folder) as place:
        os.environ["KERASGAN_CACHE"] = place
        about = {
            "images": images,
            "steps": steps,
            "rounds": rounds,
            "files": files,
            "gigabytes": gigabytes,
            "at": place,
        }
        synthetic(images)
        synthetic(1000)
        for name in MEASURES:
            found = run(name, about)
            line = {
                "benchmark": "data",
                "measure": name,
                "images": images,
                "shape": SHAPE,
                "batch_size": BATCH_SIZE,
                "cores": processes.cores(),
                **found,
                **provenance.software(),
            }
            records.append(output / "data.jsonl", line)
            print(f"{name}: {found}", flush=True)


def run(name, about):
    """Runs a measurement in a process of its own and returns its dict."""
    command = [sys.executable, __file__, "--measure", name]
    environment = {**os.environ, "KERASGAN_MEASURE": json.dumps(about)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def synthetic(images):
    """Returns a set of random images in the cache."""

    def chunks():
        for start in range(0, images, 1000):
            rng = np.random.default_rng(start)
            yield rng.integers(0, 256, (min(1000, images - start), *SHAPE), np.uint8), None

    made = Unread(f"synthetic {images}", "all", {"set": images}, None, images, chunks)
    return made.read(cached=True)


def model(width=8):
    keras.utils.set_random_seed(0)
    gan = kerasgan.DCGAN(SHAPE, width=width, seed=0)
    gan.compile()
    return gan


def memory(about):
    """Highest anonymous memory of a training on the large set, by quarters, in GB."""
    gan, found = model(), synthetic(about["images"])
    quarters = []
    gan.fit(data.steps(found, None, BATCH_SIZE, stop=20), verbose=0)
    steps = 4 * about["steps"]
    for quarter in range(4):
        with Highest() as highest:
            first = quarter * steps
            gan.fit(data.steps(found, None, BATCH_SIZE, start=first, stop=first + steps), verbose=0)
        quarters.append(round(highest.most, 3))
    return {"gigabytes": quarters, "set_gigabytes": round(found.parts["image"].nbytes / 1e9, 2)}


def memory_small(about):
    """As `memory`, on 1,000 images."""
    return memory({**about, "images": 1000})


def memory_of_fit(about, mapped):
    """What `fit` takes beside a large array, compared with one of 10 MB, in GB."""
    found = {}
    for name, gigabytes in (("small", 0.01), ("large", about["gigabytes"])):
        number = int(gigabytes * 1e9 / np.prod(SHAPE))
        if mapped:
            path = Path(os.environ["KERASGAN_CACHE"]) / f"{name}.bytes"
            with open(path, "wb") as file:
                for _ in range(0, number, 100):
                    file.write(os.urandom(int(100 * np.prod(SHAPE))))
            images = np.memmap(path, np.uint8, "r", shape=(number, *SHAPE))
        else:
            images = np.random.default_rng(0).integers(0, 256, (number, *SHAPE), np.uint8)
        gan = model()
        with Highest() as highest:
            gan.fit(images, batch_size=BATCH_SIZE, epochs=1, steps_per_epoch=50, verbose=0)
        found[name] = round(highest.most - (0.0 if mapped else images.nbytes / 1e9), 3)
        del images
    return {"array_gigabytes": about["gigabytes"], "beside_the_array_gigabytes": found}


def feeding(about):
    """Images per second of the batches alone: in memory, mapped, and mapped from a cold file."""
    return {"images_per_second": {way: fed(about, way) for way in WAYS}}


def fed(about, way):
    found = ready(about, way)
    seed = WAYS.index(way)  # rows of its own
    steps = data.steps(found, None, BATCH_SIZE, seed, stop=4 * about["steps"] + 10)
    for number, _ in enumerate(steps):
        if number == 9:
            start = time.monotonic()
    return round(4 * about["steps"] * BATCH_SIZE / (time.monotonic() - start))


def ready(about, way):
    """Returns the large set as it lies in memory, in the page cache, or on disk."""
    found = synthetic(about["images"])
    MAPPED.append(file_of(found.parts["image"]))
    path = Path(found.cache) / "image.npy"
    if way == "memory":
        # What `fit` did with every array before: TensorFlow holds a copy.
        sources.COPIED = 2**63
        number = min(len(found), 100_000)
        return sources.ArraySource({"image": np.array(found.parts["image"][:number])})
    sources.COPIED = 2**28
    if way == "warm":
        with open(path, "rb") as file:
            while file.read(2**24):
                pass
    else:
        for each in MAPPED:
            each.madvise(mmap.MADV_DONTNEED)  # else its pages stay in memory
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        share = resident(path)
        if share > 0.01:
            raise RuntimeError(f"{share:.0%} of {path} stays in memory: the file is not cold")
    return found


def file_of(values):
    """Returns the `mmap.mmap` of an array that is mapped from a file."""
    while not isinstance(values, np.memmap):
        values = values.base
    return values._mmap


def resident(path):
    """Returns the share of a file that lies in memory."""
    command = ["fincore", "--bytes", "--noheadings", "--output", "RES", str(path)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(told or 0) / path.stat().st_size


def step_time(about, width=8):
    """Ratio of the time of a step, mapped over in memory; medians of alternated trainings."""
    gan, ratios = model(width), {"warm": [], "cold": []}
    held = ready(about, "memory")

    def timed(way, each):
        found = held if way == "memory" else ready(about, way)
        first = each * about["steps"]
        seed = 100 * WAYS.index(way) + each  # rows of its own
        batches = data.steps(found, None, BATCH_SIZE, seed, first, first + about["steps"])
        start = time.monotonic()
        gan.fit(batches, verbose=0)
        return time.monotonic() - start

    timed("memory", 0)
    seconds = []
    for each in range(about["rounds"]):
        order = WAYS if each % 2 else WAYS[::-1]
        times = {way: timed(way, each) for way in order}
        seconds.append(times["memory"])
        for way in ratios:
            ratios[way].append(times[way] / times["memory"])
    return {
        "width": width,
        "milliseconds_in_memory": round(statistics.median(seconds) / about["steps"] * 1e3, 2),
        "over_in_memory": {way: round(statistics.median(r), 4) for way, r in ratios.items()},
        "all": {way: [round(each, 4) for each in r] for way, r in ratios.items()},
    }


def preparation(about):
    """Preparing JPEG files against decoding them by as many processes with Pillow alone."""
    folder = Path(about["at"]) / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for place in range(about["files"]):
        small = Image.fromarray(rng.integers(0, 256, (16, 20, 3), np.uint8))
        small.resize((640, 480), Image.Resampling.BICUBIC).save(folder / f"{place}.jpg")
    paths = [str(path) for path in sorted(folder.iterdir())]
    tasks = [paths[i : i + AT_ONCE] for i in range(0, len(paths), AT_ONCE)]
    ratios, rates = {"whole": [], "half": []}, []
    for each in range(3):
        bare = {}
        for way in ratios:
            decoded = functools.partial(pictures.decoded, half=way == "half")
            start = time.monotonic()
            with processes.Pool() as pool:
                assert sum(map(sum, pool.map(decoded, tasks))) > 0
            bare[way] = time.monotonic() - start
        start = time.monotonic()
        data.load_source(folder, f"all[{each}:]", 64, cached=True)
        prepared = time.monotonic() - start
        for way in ratios:
            ratios[way].append(bare[way] / prepared)
        rates.append(len(paths) / prepared)
    return {
        "files": len(paths),
        "files_per_second": round(statistics.median(rates)),
        "of_bare_decoding": {way: round(statistics.median(r), 3) for way, r in ratios.items()},
    }


def workers(about):
    """Images that each of two workers reads in a training of 20 steps."""
    cluster = {"worker": [f"localhost:{free_port()}" for _ in range(2)]}
    started = []
    for index in range(2):
        task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        environment = {
            **os.environ,
            "KERASGAN_MEASURE": json.dumps(about),
            "TF_CONFIG": json.dumps(task),
        }
        command = [sys.executable, __file__]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, env=environment, stdout=pipe, text=True))
    told = [each.communicate()[0] for each in started]
    return {
        "images_read": [json.loads(out.splitlines()[-1]) for out in told],
        "of": 20 * BATCH_SIZE,
    }


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def one_worker(about):
    """Number of images that one of several workers reads in a training of 20 steps."""
    strategy, read = strategies.strategy("multi_worker"), set()
    found = synthetic(about["images"])
    sources.COPIED = 0
    sources.announcer = lambda values: lambda places: read.update(places.tolist())
    with strategy.scope():
        gan = model()
    folder = Path(about["at"]) / "run"
    kerasgan.train(gan, found, folder, steps=20, batch_size=BATCH_SIZE, verbose=0)
    return len(read)


MEASURES = {
    "memory": memory,
    "memory_of_1000": memory_small,
    "memory_of_fit_array": lambda about: memory_of_fit(about, False),
    "memory_of_fit_memmap": lambda about: memory_of_fit(about, True),
    "feeding": feeding,
    "step_time": step_time,
    "step_time_width_32": lambda about: step_time(about, 32),
    "preparation": preparation,
    "workers": workers,
}


if __name__ == "__main__":
    if "TF_CONFIG" in os.environ:  # a worker, which must say so before TensorFlow starts
        print(one_worker(json.loads(os.environ["KERASGAN_MEASURE"])))
    else:
        cli.run(main)
