"""The sections of RESULTS.md and SCALING.md on time, memory and exports, from the JSON lines in
`benchmarks/results/`."""

from tables import RESULTS, groups, table

from kerasgan.evaluation import records


def speed_section():
    lines = records.read(RESULTS / "metrics_speed.jsonl")
    parts = ["## Speed of the metrics", "`kerasgan benchmark metrics_speed`, medians of one run."]
    for (num, dim), found in groups(lines, "num", "dim").items():
        found = records.like_last(found, "run")
        rows = [
            (
                line["task"].replace("_", " ")
                + (f", {line['images']} images" if line.get("images") else ""),
                line["contender"],
                f"{line['seconds']:.2f}",
                f"{line['times_kerasgan']:.1f}",
                f"{line['relative_difference']:.0e}",
            )
            for line in found
        ]
        header = ("task", "by", "seconds", "times kerasgan's", "difference of the values")
        parts += [f"{num:,} x {dim:,} features on either side:", table(header, rows, left=2)]
    return [*parts, "![speed](results/metrics_speed.png)"] if lines else []


def scoring_section():
    lines = records.read(RESULTS / "scoring.jsonl")
    rows = [
        (
            line["entry"],
            f"{line['num']:,}",
            *(f"{value:.1f}" for value in line["seconds"].values()),
            f"{line['times_kerasgan']:.2f}",
            " and ".join(f"{value:.2f}" for value in line["distances"].values()),
        )
        for line in lines
    ]
    header = ("entry", "samples", "kerasgan, s", "TensorFlow's own, s", "times kerasgan's")
    return [
        "## Speed of a score",
        "`kerasgan benchmark scoring`: FD[lite0] from samples to number, with oneDNN's kernels, "
        "which `import kerasgan` asks for, and with those that TensorFlow chooses by itself: on "
        "processors without AVX-512 it leaves oneDNN out. Medians of new processes in turn.",
        table((*header, "distances"), rows),
    ] * bool(rows)


def throughput_section():
    latest = {line["model"]: line for line in records.read(RESULTS / "throughput.jsonl")}
    parts = [
        "## Training",
        "`kerasgan benchmark throughput`: the time of a step of `fit`, and of its peers over the "
        "same networks as a multiple of it (above 1: `fit` is faster), medians of rounds that "
        "alternate within one process. GFLOP/s: of convolutions and matrix products, beside those "
        "of a matrix product of 2,048 x 2,048 in the same run. Rows without a time step by step "
        "are older than the timing of several steps a call: their `fit` is step by step.",
    ]
    contenders = ("hand-written", "keras.io", "PyTorch", "fit, step by step", "fit, XLA")
    rows = [
        (
            name,
            f"{line['milliseconds']['fit']:.1f}",
            f"{line['images_per_second']:,.0f}",
            f"{line['gflops']:.0f} of {line['matmul_gflops']:.0f}",
            *(
                f"{line['ratios'][each]:.2f}" if each in line["ratios"] else ""
                for each in (*contenders, "fit, in memory")
            ),
        )
        for name, line in latest.items()
    ]
    header = ("model", "fit, ms", "images/s", "GFLOP/s", *contenders, "fit, in memory")
    return [*parts, table(header, rows), "![throughput](results/throughput.png)"] if rows else []


def start_section():
    lines = records.read(RESULTS / "start.jsonl")
    if not lines:
        return []
    seconds = lines[-1]["seconds"]
    rows = [
        *((f"`import {name}`", value) for name, value in seconds["import"].items()),
        *((f"`kerasgan {name}`", value) for name, value in seconds["command"].items()),
        *((f"load `{name}`", value) for name, value in seconds["load"].items()),
        *((f"first step of {name}", value) for name, value in seconds["first step"].items()),
    ]
    return [
        "## Start",
        f"`kerasgan benchmark start`: seconds before a training runs, medians of "
        f"{lines[-1]['rounds']} rounds of new processes on {lines[-1]['cores']} cores. Entries are "
        "loaded after the import and a first entry; first steps, less the second ones, are those "
        "at width 8 on 64 colour images of 32 pixels for each update of D, after another model's.",
        table(("what", "seconds"), [(name, f"{value:.2f}") for name, value in rows]),
    ]


def growth_section():
    lines = records.read(RESULTS / "growth.jsonl")
    keys = ("side", "width", "batch", "images")
    latest = {tuple(line[key] for key in keys): line for line in lines}
    rows = [
        (*(f"{value:,}" for value in point), f"{line['milliseconds']:.0f}", line["megabytes"])
        for point, line in latest.items()
    ]
    return [
        "## Growth",
        "`kerasgan benchmark growth`: a step of DCGAN on colour images that are mapped from a "
        "file, and the memory that the training takes beside the file.",
        table((*keys, "ms", "MB"), rows, left=0),
        "![growth](results/growth.png)",
    ] * bool(rows)


def gpu_section():
    """The last line of each kind of machine, CPUs too: they say so."""
    parts = []
    checked = records.read(RESULTS / "gpu_check.jsonl")
    for (devices, batch), lines in groups(checked, "devices", "batch").items():
        rows = [
            (
                name,
                found["step"],
                found["xla"],
                found["mixed"],
                *differences(found["replicas"]),
                *(
                    ratio(found["ratios"], key)
                    for key in ("milliseconds", "hand-written", "PyTorch", "fit, XLA")
                ),
                found.get("memory", ""),
            )
            for name, found in lines[-1]["models"].items()
        ]
        header = (
            *("model", "step", "XLA", "mixed precision", "replicas: difference"),
            *("moved", "fit, ms", "hand-written", "PyTorch", "fit, XLA", "MB"),
        )
        parts += [f"{devices}, batches of {batch}:", table(header, rows)]
    intro = [
        "## What a machine's devices make of all models",
        "`kerasgan benchmark gpu_check`: three steps each, at 32 pixels. A line from a CPU proves "
        "nothing about GPUs.",
    ]
    return [*intro, *parts] if parts else []


def differences(found):
    """The difference of replicas and how far weights moved, or what failed."""
    return (found, "") if isinstance(found, str) else (found["difference"], found["moved"])


def ratio(found, key):
    """One of the ratios, or what failed in the place of the first."""
    if isinstance(found, str):
        return found if key == "milliseconds" else ""
    return found.get(key, "")


def data_section():
    latest = {line["measure"]: line for line in records.read(RESULTS / "data.jsonl")}
    if not latest:
        return []
    large, small = latest["memory"], latest["memory_of_1000"]
    rate, fit = latest["feeding"]["images_per_second"], latest["step_time"]
    wide, made, shared = latest["step_time_width_32"], latest["preparation"], latest["workers"]
    arrays = latest["memory_of_fit_array"]["beside_the_array_gigabytes"]
    maps = latest["memory_of_fit_memmap"]["beside_the_array_gigabytes"]

    def over(line):
        ratios = line["over_in_memory"]
        return f"{ratios['warm']:.3f} from the page cache, {ratios['cold']:.3f} from a cold file"

    rows = [
        (
            "anonymous memory of a training, its four quarters",
            f"{', '.join(f'{each:.2f}' for each in large['gigabytes'])} GB",
            f"{small['gigabytes'][-1]:.2f} GB on 1,000 images",
        ),
        (
            "batches alone, images a second",
            f"{rate['warm']:,}; cold {rate['cold']:,}",
            f"{rate['memory']:,} from memory",
        ),
        (
            "time of a step over that in memory, width 8",
            over(fit),
            f"{fit['milliseconds_in_memory']} ms",
        ),
        ("the same, width 32", over(wide), f"{wide['milliseconds_in_memory']} ms"),
        (
            "reading JPEG files of 640 x 480, files a second",
            f"{made['files_per_second']:,}",
            f"{made['of_bare_decoding']['whole']:.2f} of decoding them with Pillow, and nothing "
            f"else; {made['of_bare_decoding']['half']:.2f} of decoding them at half the sides, as "
            f"this does",
        ),
        (
            "`fit` on an array of 2 GB, memory beside it",
            f"{arrays['large']:.2f} GB",
            f"{arrays['small']:.2f} GB for 10 MB",
        ),
        (
            "`fit` on a `numpy.memmap` of 2 GB, anonymous memory",
            f"{maps['large']:.2f} GB",
            f"{maps['small']:.2f} GB for 10 MB",
        ),
        (
            "images that two workers read in 20 steps",
            " and ".join(map(str, shared["images_read"])),
            f"of {shared['of']:,}",
        ),
    ]
    return [
        "## Data",
        f"`kerasgan benchmark data`: {large['images']:,} images of 64 x 64 x 3, "
        f"{large['set_gigabytes']} GB, mapped from the cache; batches of {large['batch_size']}, "
        f"{large['cores']} cores.",
        table(("what", "mapped", "beside it"), rows, left=3),
    ]


def scaling_table():
    """Returns images per second by batch, width and replicas, from `scaling.jsonl`."""
    lines = records.read(RESULTS / "scaling.jsonl")
    latest = {(line["width"], line["batch"]): line for line in lines}
    rows = [
        (
            width,
            batch,
            f"{line['images_per_second']:,.0f}",
            f"{line['gflops']:.0f}",
            f"{line['ratio_2_replicas']:.2f}",
        )
        for (width, batch), line in sorted(latest.items())
    ]
    header = ("width", "batch", "images/s", "GFLOP/s", "two replicas on the same cores")
    return table(header, rows, left=0)


def export_section():
    lines = records.read(RESULTS / "export.jsonl")
    parts = [
        "## Exports",
        "`kerasgan benchmark export`: batch 1, one thread, medians; differences to Keras in images "
        "of -1 to 1; the same latents everywhere.",
    ]
    for protocol, found in groups(
        lines, "metric", "dataset", "split", "n_real", "n_fake", "seed"
    ).items():
        metric, dataset, split, n_real, n_fake, _ = protocol
        rows = []
        for (source,), of_source in groups(found, "source").items():
            of_source = records.like_last(of_source, "weights_sha256")
            keras = next(x["distance"] for x in of_source if x["artefact"] == "keras")
            rows += [
                (
                    source,
                    x["artefact"],
                    f"{x['bytes'] / 1e6:.2f}",
                    f"{x['ms']:.2f}",
                    f"{x['largest_difference']:.1e}",
                    f"{x['mean_difference']:.1e}",
                    f"{x['distance']:.1f}",
                    f"{x['distance'] / keras - 1:+.1%}",
                )
                for x in of_source
            ]
        header = ("model", "artefact", "MB", "ms", "largest", "mean", metric, "against Keras")
        parts.append(f"{n_fake:,} samples against {n_real:,} of {dataset} {split}:")
        parts.append(table(header, rows, left=2))
    return parts if lines else []
