"""Builds RESULTS.md and the table of SCALING.md from the JSON lines in `benchmarks/results/`."""

import statistics
from pathlib import Path

from tables import groups, mean, table

from kerasgan.evaluation import records
from kerasgan.utils.toml import tomllib

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SCORES_OF_TRUNCATION = {"distance": ".1f", "precision": ".3f", "recall": ".3f"}
TASKS = {"ring": "Ring of 8", "grid": "Grid of 25", "stacked_mnist": "Stacked-MNIST"}


def fid_section():
    lines = records.read(RESULTS / "fid.jsonl")
    parts = ["## Generated images", "`kerasgan benchmark fid`: mean ± standard deviation of seeds."]
    columns = {
        "distance": ".1f",
        "kernel_distance": ".4f",
        "classifier_score": ".2f",
        "precision": ".3f",
        "recall": ".3f",
        "density": ".3f",
        "coverage": ".3f",
    }
    for protocol, found in groups(lines, "metric", "dataset", "split", "n_real", "n_fake").items():
        metric, dataset, split, n_real, n_fake = protocol
        rows = [
            (
                f"{source} ({kind})",
                len(seeds),
                *(mean(seeds, *column) for column in columns.items()),
            )
            for (source, kind), lines_of_source in groups(found, "source", "kind").items()
            for seeds in [records.like_last(lines_of_source, "sha256")]  # those of its last weights
        ]
        header = ("source", "seeds", *(records.title(column, metric) for column in columns))
        parts.append(f"{metric}, {n_fake:,} samples against {n_real:,} of {dataset} {split}:")
        parts.append(table(header, rows))
    return [*parts, "![distances](results/fid.png)"] if lines else []


def mode_section():
    lines = records.read(RESULTS / "mode_collapse.jsonl")
    published = tomllib.loads((ROOT / "benchmarks" / "published.toml").read_text())
    parts = [
        "## Mode collapse",
        "`kerasgan benchmark mode_collapse`: mean ± standard deviation of seeds. Trainings are "
        "short, with this package's networks. The published rows (sources: published.toml) are of "
        "long ones with other networks: to stand beside, not to compare digit by digit.",
    ]
    for (task,), found in groups(lines, "task").items():
        points = task != "stacked_mnist"
        rows = [
            (
                model,
                len(seeds),
                f"{steps:,}",
                mean(seeds, "modes", ".1f"),
                mean(seeds, "high_quality", ".1%") if points else "",
                mean(seeds, "kl", ".2f"),
                "",
            )
            for (model, steps), lines_of_model in groups(found, "model", "steps").items()
            for seeds in [records.like_last(lines_of_model, "arguments")]
        ]
        for row in published["mode_collapse"][task]:
            quality = f"{row['high_quality']:.1f}%" if "high_quality" in row else ""
            kl = f"KL {row['kl']:.2f}" if "kl" in row else ""
            modes = f"{row['modes']:g} modes"
            rows.append(
                (row["model"], "", "", "", "", "", ", ".join(filter(None, (modes, quality, kl))))
            )
        header = ("model", "seeds", "updates", "modes", "high quality", "KL", "published")
        parts += [f"### {TASKS[task]}: {found[0]['of']:,} modes", table(header, rows)]
        parts.append(f"![{task}](results/mode_collapse_{task}.png)")
    return parts if lines else []


def parzen_section():
    lines = records.read(RESULTS / "parzen.jsonl")
    parts = [
        "## Parzen windows",
        "`kerasgan benchmark parzen`: mean log-likelihood of test images in [0, 1], ± its standard "
        "error. Do not rank models by it: blurred samples gain, and training images are beaten.",
    ]
    for (dataset, shape, n_fake), found in groups(
        [{**line, "shape": "x".join(map(str, line["image_shape"]))} for line in lines],
        "dataset", "shape", "n_fake",
    ).items():  # fmt: skip
        latest = {line["source"]: line for line in found}
        rows = [
            (
                name,
                f"{line['log_likelihood']:.1f} ± {line['standard_error']:.1f}",
                f"{line['sigma']:.3f}",
            )
            for name, line in latest.items()
        ]
        parts.append(
            f"{n_fake:,} samples, {found[-1]['n_real']:,} test images of {dataset} ({shape}):"
        )
        parts.append(table(("source", "nats", "sigma"), rows))
    return parts if lines else []


def representation_section():
    latest = {}
    for line in records.read(RESULTS / "representation.jsonl"):
        latest[line["source"], line["dataset"], line["n_train"]] = line
    rows = [
        (
            source,
            dataset,
            f"{num:,}",
            *(f"{line[name]:.1%}" for name in ("discriminator", "untrained", "pixels")),
        )
        for (source, dataset, num), line in latest.items()
    ]
    header = ("discriminator of", "data", "images", "trained", "untrained", "pixels")
    parts = [
        "## What discriminators learn",
        "`kerasgan benchmark representation`: accuracy on test images of a linear SVM on "
        "max-pooled features of a discriminator, before and after its training, and on pixels.",
        table(header, rows, left=2),
    ]
    return parts if rows else []


def usefulness_section():
    lines = records.read(RESULTS / "usefulness.jsonl")
    if not lines:
        return []
    last = records.like_last(lines, "dataset", "n_fake", "n_few", "steps")
    first = last[-1]
    kinds = ("samples", "real", "few_real", "few_real_and_samples")
    rows = [
        (source, len(seeds), *(mean(seeds, kind, ".1%") for kind in kinds))
        for (source,), seeds in groups(last, "source").items()
    ]
    header = (
        "generator",
        "seeds",
        f"{first['n_fake']:,} samples",
        f"{first['n_real']:,} real",
        f"{first['n_few']:,} real",
        f"{first['n_few']:,} real and the samples",
    )
    return [
        "## What samples are worth",
        "`kerasgan benchmark usefulness`: accuracy on real test images of a classifier trained on "
        f"what the column says, {first['steps']:,} steps each, on {first['dataset']}; mean ± "
        "standard deviation of seeds. The first column is the classification accuracy score.",
        table(header, rows),
    ]


def speed_section():
    lines = records.read(RESULTS / "metrics_speed.jsonl")
    parts = ["## Speed of the metrics", "`kerasgan benchmark metrics_speed`, medians of one run."]
    for (num, dim), found in groups(lines, "num", "dim").items():
        found = records.like_last(found, "run")
        rows = [
            (
                line["task"].replace("_", " "),
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


def throughput_section():
    latest = {line["model"]: line for line in records.read(RESULTS / "throughput.jsonl")}
    parts = [
        "## Training",
        "`kerasgan benchmark throughput`: the time of a step of `fit`, and of its peers over the "
        "same networks as a multiple of it (above 1: `fit` is faster), medians of rounds that "
        "alternate within one process. GFLOP/s: of convolutions and matrix products, beside those "
        "of a matrix product of 2,048 x 2,048 in the same run.",
    ]
    contenders = ("hand-written", "keras.io", "PyTorch", "fit, ten a call", "fit, XLA")
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


def curve_section():
    if not (RESULTS / "curve_wasserstein.png").is_file():
        return []
    return [
        "## WGAN's estimate",
        "`kerasgan train wgan_fashion_mnist_mini`, then `kerasgan benchmark curve`: once the "
        "critic has learnt, its estimate of the Wasserstein distance falls while samples improve, "
        "as in figure 3 of the paper.",
        "![curve](results/curve_wasserstein.png)",
    ]


def truncation_section():
    lines = records.read(RESULTS / "truncation.jsonl")
    parts = [
        "## Truncation trick",
        "`kerasgan benchmark truncation`: what a threshold of the latents does to fidelity and "
        "variety.",
    ]
    protocol = ("metric", "dataset", "split", "n_real", "n_fake")
    for (metric, dataset, split, n_real, n_fake), found in groups(lines, *protocol).items():
        rows = [
            (
                source,
                "none" if threshold >= 6 else f"{threshold:g}",
                *(f"{last[-1][key]:{form}}" for key, form in SCORES_OF_TRUNCATION.items()),
            )
            for (source, threshold), last in sorted(groups(found, "source", "truncation").items())
        ]
        header = ("source", "threshold", metric, "precision", "recall")
        parts.append(f"{n_fake:,} samples against {n_real:,} of {dataset} {split}:")
        parts.append(table(header, rows))
    return [*parts, "![truncation](results/truncation.png)"] if lines else []


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
                    each(found["ratios"], key)
                    for key in ("milliseconds", "hand-written", "PyTorch")
                ),
                found.get("memory", ""),
            )
            for name, found in lines[-1]["models"].items()
        ]
        header = (
            *("model", "step", "XLA", "mixed precision", "replicas: difference"),
            *("moved", "fit, ms", "hand-written", "PyTorch", "MB"),
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


def each(found, key):
    """One of the ratios, or what failed in the place of the first."""
    if isinstance(found, str):
        return found if key == "milliseconds" else ""
    return found.get(key, "")


def few_images_section():
    lines = records.read(RESULTS / "few_images.jsonl")
    if not lines:
        return []
    last = records.like_last(lines, "dataset", "adam", "steps", "batch_size", "n_fake")
    first = last[-1]
    rows = []
    for (model, images), found in groups(last, "model", "images").items():
        scores = {kind: seeds for (kind,), seeds in groups(found, "augment").items()}
        for kind, seeds in scores.items():
            change = ""
            if kind != "none" and "none" in scores:
                means = [statistics.mean(e["trained"] for e in scores[k]) for k in (kind, "none")]
                change = f"{means[0] / means[1] - 1:+.0%}"
            rows.append(
                (model, f"{images:,}", kind, len(seeds), mean(seeds, "trained", ".1f"), change)
            )
    header = ("model", "training images", "augmentation", "seeds", first["metric"], "against none")
    return [
        "## Few images",
        f"`kerasgan benchmark few_images`: {first['steps']:,} steps of {first['batch_size']} "
        f"images; {first['n_fake']:,} samples against {first['n_real']:,} of {first['dataset']} "
        f"{first['split']}; mean ± standard deviation of seeds.",
        table(header, rows),
        "![few images](results/few_images.png)",
    ]


def fine_tuning_section():
    lines = records.read(RESULTS / "fine_tuning.jsonl")
    if not lines:
        return []
    last = records.like_last(lines, "dataset", "images", "before", "arguments", "batch_size")
    first = last[-1]
    rows = []
    for (label, kind), seeds in groups(last, "class", "kind").items():
        last_steps = seeds[-1]["steps"]
        curves = [e["distance_after_cpu_minutes"] for e in seeds if e["steps"] == last_steps]
        for point in zip(*curves, strict=True):
            minutes, scores = zip(*point, strict=True)
            spread = [{"score": score} for score in scores]
            rows.append((str(label), kind, f"{statistics.mean(minutes):.1f}", len(curves),
                         mean(spread, "score", ".1f")))  # fmt: skip
    return [
        "## Fine-tuning",
        f"`kerasgan benchmark fine_tuning`: DCGAN on {first['images']} images of a class of "
        f"{first['dataset']}, from scratch and from {first['before']:,} steps without that class; "
        f"{first['n_fake']:,} samples against {first['n_real']:,} of the test split. "
        f"Scores of so few images are inflated, all alike.",
        table(("class", "training", "minutes of one core", "seeds", first["metric"]), rows, left=2),
        "![fine-tuning](results/fine_tuning.png)",
    ]


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


def results_page():
    intro = [
        "# Results",
        "Written by `make results` from the JSON lines in `results/`, which the scripts in this "
        "folder append. Each line carries what was measured, on what, and by which versions.",
    ]
    sections = [
        fid_section(),
        parzen_section(),
        representation_section(),
        usefulness_section(),
        truncation_section(),
        mode_section(),
        curve_section(),
        speed_section(),
        throughput_section(),
        growth_section(),
        gpu_section(),
        data_section(),
        few_images_section(),
        fine_tuning_section(),
        export_section(),
    ]
    return "\n\n".join([*intro, *(part for section in sections for part in section)]) + "\n"
