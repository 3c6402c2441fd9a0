"""Builds the zoo's gallery, cards and tables from the entries' `result.json`."""

import json
import runpy
from pathlib import Path

from tables import groups, mean, table

from kerasgan import models, zoo
from kerasgan.evaluation import records
from kerasgan.export import card

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "benchmarks" / "results" / "training_seeds.jsonl"


def demo_table():
    """Returns the scores of `make demo`, from `zoo/demo/result.json`."""
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


def entries():
    """Returns the trained zoo entries, best first: folder and result of each, by name."""
    paths = [zoo.folder() / name for name in zoo.names()]
    found = {path.name: (path, json.loads((path / "result.json").read_text())) for path in paths}
    return dict(sorted(found.items(), key=lambda item: item[1][1]["distance"]))


def zoo_table():
    """Returns the scores of every trained entry: a table for each metric and data set."""
    found = {}
    for name, (path, result) in entries().items():
        protocol = result["metric"], result["dataset"], result["n_real"]
        found.setdefault(protocol, {})[name] = path, result
    if len(found) == 1:
        return score_table(*found.values())
    parts = []
    for (metric, dataset, num), of_protocol in found.items():
        parts += [f"{metric}, {num:,} samples, {dataset}:", score_table(of_protocol)]
    return "\n\n".join(parts)


def score_table(found):
    """Returns the table of entries that were scored alike: dict from name to folder and result."""
    rows = [
        (
            f"[{name}](../zoo/{name}/README.md)",
            card.with_spread(result, "distance", ".1f"),
            f"{result['precision']:.2f}",
            f"{result['recall']:.2f}",
            f"{result['coverage']:.2f}",
            f"{result['conditional_accuracy']:.1%}" if "conditional_accuracy" in result else "",
            f"{result['training_minutes']:.0f}",
            f"{result['parameters']:,}",
            f"{(path / zoo.WEIGHTS).stat().st_size / 1e6:.1f}",
        )
        for name, (path, result) in found.items()
    ]
    _, last = list(found.values())[-1]
    what = "sounds" if "log-mel" in last["metric"] else "images"
    rows.append((f"real training {what}", f"{last['floor']:.1f}", *[""] * 7))
    header = (
        "entry",
        last["metric"],
        "precision",
        "recall",
        "coverage",
        "as asked",
        "minutes",
        "parameters",
        "MB",
    )
    return table(header, rows)


def zoo_pictures(columns=2):
    """Returns samples of every trained entry, below the names of their models."""
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
    """Returns zoo/README.md: every trained entry with its pictures."""
    parts = [
        "# Zoo",
        "Trained generators, the best first; `kerasgan list` lists them, and "
        '`kerasgan.load("NAME")` loads one. Samples are seeded, not picked. The folders that end '
        "in `_mini` hold recipes for trainings of minutes, without weights; those that name "
        "CIFAR-10 or CelebA hold recipes of the models' full size, which were not trained here: "
        "CIFAR-10 for the first eight, CelebA for DCGAN, LSGAN, WGAN-GP, SNGAN and SAGAN. What was "
        "tried: [TUNING.md](TUNING.md). Written by `make results`.",
    ]
    for name, (_, result) in entries().items():
        distance = card.with_spread(result, "distance", ".1f")
        parts += [
            f"## [{name}]({name}/README.md)",
            f"{result['metric']} {distance}, floor {result['floor']:.1f}.",
            f"![samples]({name}/samples.png)",
        ]
    return "\n\n".join(parts) + "\n"


def seeds_table():
    """Returns scores of short trainings of the zoo's recipes, from `training_seeds.jsonl`."""
    lines = records.read(SEEDS)
    rows = [
        (
            entry,
            len(found),
            found[0]["recipe"]["training"]["epochs"],
            mean(found, "training_minutes", ".1f"),
            mean(found, "trained", ".1f"),
        )
        for (entry,), of_entry in groups(lines, "entry").items()
        for found in [records.like_last(of_entry, "minutes", "cores", "whole_recipe")]
    ]
    return table(("recipe", "seeds", "epochs", "minutes", "FD[lite0]"), rows)


def card_pages():
    """Returns the model card of every trained entry."""
    pages = {}
    for path, result in entries().values():
        said = zoo.origin(path)
        about = {**said["recipe"]["model"], **result, **said}
        pages[path / "README.md"] = card.model_card(about, pictures=True)
    return pages


def serving_page():
    path = ROOT / "export" / "serving" / "make_models_config.py"
    return runpy.run_path(str(path))["models_config"](zoo.names())
