"""Builds RESULTS.md from the JSON lines in `benchmarks/results/`: the sections on quality; those on
time, memory and exports are in `cost_pages`."""

import statistics
from pathlib import Path

import cost_pages
import picture_pages
import sound_pages
import word_pages
from tables import RESULTS, groups, mean, table

from kerasgan.evaluation import records
from kerasgan.utils.toml import tomllib

ROOT = Path(__file__).resolve().parents[1]
SCORES_OF_TRUNCATION = {"distance": ".1f", "precision": ".3f", "recall": ".3f"}
PRECISIONS = ("float32", "mixed_bfloat16")
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
    parts = [
        "## What samples are worth",
        "`kerasgan benchmark usefulness`: accuracy on real test images of a classifier trained on "
        "what the column says; mean ± standard deviation of seeds. The first column is the "
        "classification accuracy score.",
    ]
    kinds = ("samples", "real", "few_real", "few_real_and_samples")
    for (dataset,), found in groups(lines, "dataset").items():
        last = records.like_last(found, "n_fake", "n_few", "steps")
        first = last[-1]
        header = (
            "generator",
            "seeds",
            f"{first['n_fake']:,} samples",
            f"{first['n_real']:,} real",
            f"{first['n_few']:,} real",
            f"{first['n_few']:,} real and the samples",
        )
        rows = [
            (source, len(seeds), *(mean(seeds, kind, ".1%") for kind in kinds))
            for (source,), seeds in groups(last, "source").items()
        ]
        tests, steps = f"{first['n_test']:,} test images", f"{first['steps']:,} steps"
        parts += [f"Of {dataset}, {tests}, {steps} each:", table(header, rows)]
    return parts


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


def few_images_section():
    lines = records.read(RESULTS / "few_images.jsonl")
    if not lines:
        return []
    last = records.like_last(lines, "dataset", "adam", "batch_size", "n_fake")
    first = last[-1]
    rows = []
    for (model, images, steps), found in groups(last, "model", "images", "steps").items():
        scores = {kind: seeds for (kind,), seeds in groups(found, "augment").items()}
        for kind, seeds in scores.items():
            change = ""
            if kind != "none" and "none" in scores:
                means = [statistics.mean(e["trained"] for e in scores[k]) for k in (kind, "none")]
                change = f"{means[0] / means[1] - 1:+.0%}"
            score = mean(seeds, "trained", ".1f")
            rows.append((model, f"{images:,}", f"{steps:,}", kind, len(seeds), score, change))
    header = ("model", "training images", "steps", "augmentation", "seeds", first["metric"])
    return [
        "## Few images",
        f"`kerasgan benchmark few_images`: steps of {first['batch_size']} images; "
        f"{first['n_fake']:,} samples against {first['n_real']:,} of {first['dataset']} "
        f"{first['split']}; mean ± standard deviation of seeds.",
        table((*header, "against none"), rows),
        "![few images](results/few_images.png)",
    ]


def precision_section():
    lines = records.read(RESULTS / "precision.jsonl")
    if not lines:
        return []
    last = records.like_last(lines, "dataset", "adam", "steps", "batch_size", "n_fake")
    first = last[-1]
    rows = []
    for (model, fastest), found in groups(last, "model", "fastest_policy").items():
        kinds = {kind: seeds for (kind,), seeds in groups(found, "precision").items()}
        if len(kinds) < len(PRECISIONS):
            continue
        pair = [kinds[kind] for kind in PRECISIONS]
        times = [statistics.median(line["milliseconds"] for line in seeds) for seeds in pair]
        rows.append(
            (
                model,
                fastest,
                " and ".join(str(len(seeds)) for seeds in pair),
                *(mean(seeds, "trained", ".1f") for seeds in pair),
                f"{times[0] / times[1]:.2f}",
            )
        )
    header = ("model", "fastest here", "seeds", *PRECISIONS, "times faster")
    return [
        "## Precision",
        f"`kerasgan benchmark precision`: {first['steps']:,} steps of {first['batch_size']} images "
        f"in float32 and in mixed bfloat16; {first['metric']} of {first['n_fake']:,} samples "
        f"against {first['n_real']:,} of {first['dataset']} {first['split']}; mean ± standard "
        "deviation of seeds. Where float32 is the fastest, the machine has no units for bfloat16.",
        table(header, rows, left=2),
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
        cost_pages.speed_section(),
        cost_pages.throughput_section(),
        cost_pages.scoring_section(),
        cost_pages.start_section(),
        cost_pages.growth_section(),
        cost_pages.gpu_section(),
        cost_pages.data_section(),
        precision_section(),
        few_images_section(),
        fine_tuning_section(),
        picture_pages.pictures_section(),
        word_pages.text_section(),
        word_pages.words_section(),
        sound_pages.sound_section(),
        cost_pages.export_section(),
    ]
    return "\n\n".join([*intro, *(part for section in sections for part in section)]) + "\n"
