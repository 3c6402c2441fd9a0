"""Writes every page that is made of measured results: `make results`.

README.md's tables, benchmarks/RESULTS.md, SCALING.md's table, the zoo's gallery and model cards,
and what TensorFlow Serving is told of the zoo. A table stands between `<!-- name -->` and
`<!-- /name -->`. With `--check` nothing is written, and the exit code is 1 where a page is stale.
"""

import json
import re
import runpy
import statistics
import sys
from pathlib import Path

from kerasgan import benchmark, card, models, zoo
from kerasgan.recipe import tomllib

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SCALING = ROOT / "benchmarks" / "SCALING.md"
TUNING = ROOT / "zoo" / "TUNING.md"
TASKS = {"ring": "Ring of 8", "grid": "Grid of 25", "stacked_mnist": "Stacked-MNIST"}


def table(header, rows, left=1):
    """Markdown of a table; the first `left` columns are texts."""
    rule = ["---" if place < left else "---:" for place in range(len(header))]
    lines = [header, rule, *rows]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in lines)


def groups(lines, *keys):
    """Lines by the values of some keys, in the order in which they first come."""
    found = {}
    for line in lines:
        found.setdefault(tuple(line[key] for key in keys), []).append(line)
    return found


def mean(lines, key, form):
    """Mean of a value over seeds, with its standard deviation where there are several."""
    values = [line[key] for line in lines]
    text = format(statistics.mean(values), form)
    return f"{text} ± {format(statistics.stdev(values), form)}" if len(values) > 1 else text


def demo_table():
    """The scores of `make demo`, from `zoo/demo/result.json`."""
    result = json.loads((ROOT / "zoo/demo/result.json").read_text())
    height, width, _ = result["image_shape"]
    protocol = (
        f"`make demo`: {result['n_fake']:,} samples, {result['n_real']:,} test images, "
        f"{height} x {width}"
    )
    minutes = f"after {result['training_minutes']:.1f} minutes on two cores"
    rows = [
        ("untrained generator", f"{result['untrained']:.0f}"),
        (minutes, f"{result['trained']:.0f}"),
        ("floor: real training images in place of samples", f"{result['floor']:.0f}"),
    ]
    return table((protocol, result["metric"]), rows)


def fid_section():
    lines = benchmark.read(RESULTS / "fid.jsonl")
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
            for seeds in [benchmark.like_last(lines_of_source, "sha256")]  # its last weights
        ]
        header = ("source", "seeds", *(benchmark.title(column, metric) for column in columns))
        parts.append(f"{metric}, {n_fake:,} samples against {n_real:,} of {dataset} {split}:")
        parts.append(table(header, rows))
    return [*parts, "![distances](results/fid.png)"] if lines else []


def mode_section():
    lines = benchmark.read(RESULTS / "mode_collapse.jsonl")
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
            for seeds in [benchmark.like_last(lines_of_model, "arguments")]
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


def speed_section():
    lines = benchmark.read(RESULTS / "metrics_speed.jsonl")
    parts = ["## Speed of the metrics", "`kerasgan benchmark metrics_speed`, medians of one run."]
    for (num, dim), found in groups(lines, "num", "dim").items():
        found = benchmark.like_last(found, "run")
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
    latest = {line["model"]: line for line in benchmark.read(RESULTS / "throughput.jsonl")}
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


def scaling_table():
    """Images per second over batch, width and replicas, from `scaling.jsonl`."""
    lines = benchmark.read(RESULTS / "scaling.jsonl")
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
    lines = benchmark.read(RESULTS / "export.jsonl")
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
            of_source = benchmark.like_last(of_source, "weights_sha256")
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
        mode_section(),
        speed_section(),
        throughput_section(),
        export_section(),
    ]
    return "\n\n".join([*intro, *(part for section in sections for part in section)]) + "\n"


def entries():
    """Trained zoo entries: folder and result of each, by name."""
    found = {name: zoo.folder() / name for name in zoo.names()}
    return {
        name: (path, json.loads((path / "result.json").read_text())) for name, path in found.items()
    }


def zoo_table():
    """Scores of every trained entry."""
    rows = [
        (
            f"[{name}](zoo/{name}/README.md)",
            card.with_spread(result, "distance", ".1f"),
            f"{result['precision']:.2f}",
            f"{result['recall']:.2f}",
            f"{result['training_minutes']:.0f}",
            f"{result['parameters']:,}",
            f"{(path / zoo.WEIGHTS).stat().st_size / 1e6:.1f}",
        )
        for name, (path, result) in entries().items()
    ]
    floor = next(result["floor"] for _, result in entries().values())
    rows.append(("real training images", f"{floor:.1f}", *[""] * 5))
    header = ("entry", "FD[lite0]", "precision", "recall", "minutes", "parameters", "MB")
    return table(header, rows)


def zoo_pictures(columns=4):
    """Samples of every trained entry, under the names of their models."""
    cells = [
        (f"`{models.get(result['model']).__name__}`", f"![{name}](zoo/{name}/samples.png)")
        for name, (_, result) in entries().items()
    ]
    rows = [
        line
        for start in range(0, len(cells), columns)
        for line in zip(*cells[start : start + columns], strict=True)
    ]
    return table(rows[0], rows[1:], left=columns)


def gallery_page():
    """zoo/README.md: every trained entry with its pictures."""
    parts = [
        "# Zoo",
        "Trained generators, one of each model; `kerasgan list` lists them, and "
        '`kerasgan.load("NAME")` loads one. Samples are seeded, not picked. The folders that end '
        "in `_mini` hold recipes for trainings of minutes, without weights; those that name "
        "CIFAR-10 or CelebA hold recipes at the papers' size, which were not trained here. What "
        "was tried: [TUNING.md](TUNING.md). Written by `make results`.",
    ]
    for name, (_, result) in entries().items():
        distance = card.with_spread(result, "distance", ".1f")
        parts += [
            f"## [{name}]({name}/README.md)",
            f"FD[lite0] {distance}, floor {result['floor']:.1f}.",
            f"![samples]({name}/samples.png)",
        ]
    return "\n\n".join(parts) + "\n"


def seeds_table():
    """Short trainings of the zoo's recipes with several seeds, from `training_seeds.jsonl`."""
    lines = benchmark.read(RESULTS / "training_seeds.jsonl")
    rows = [
        (
            entry,
            len(found),
            found[0]["recipe"]["training"]["epochs"],
            mean(found, "training_minutes", ".1f"),
            mean(found, "trained", ".1f"),
        )
        for (entry,), of_entry in groups(lines, "entry").items()
        for found in [benchmark.like_last(of_entry, "minutes", "cores", "whole_recipe")]
    ]
    return table(("recipe", "seeds", "epochs", "minutes", "FD[lite0]"), rows)


def card_pages():
    """The model card of every trained entry."""
    pages = {}
    for path, result in entries().values():
        about = {**result, **zoo.origin(path)}
        about["num_classes"] = about["recipe"]["model"].get("num_classes")
        pages[path / "README.md"] = card.model_card(about, pictures=True)
    return pages


def serving_page():
    path = ROOT / "export" / "serving" / "make_models_config.py"
    return runpy.run_path(str(path))["models_config"](zoo.names())


TABLES = {"demo": demo_table}
if zoo.names():
    TABLES |= {"zoo": zoo_table, "pictures": zoo_pictures}


def page_with_tables(path, tables):
    """A page that is written by hand, with each of its tables made anew."""
    text = path.read_text()
    for name, make in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        text, found = re.subn(pattern, lambda m, t=make: m[1] + t() + m[2], text, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"{path} must have one place for the table {name}. Found: {found}")
    return text


def main(arguments):
    pages = {
        ROOT / "README.md": page_with_tables(ROOT / "README.md", TABLES),
        SCALING: page_with_tables(SCALING, {"scaling": scaling_table}),
        ROOT / "benchmarks" / "RESULTS.md": results_page(),
        ROOT / "export" / "serving" / "models.config": serving_page(),
    }
    if zoo.names():
        pages |= {ROOT / "zoo" / "README.md": gallery_page(), **card_pages()}
        pages[TUNING] = page_with_tables(TUNING, {"seeds": seeds_table})
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    if arguments == ["--check"]:
        print(*(f"stale: {path.relative_to(ROOT)}" for path in stale), file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(pages[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
