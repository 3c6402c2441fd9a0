"""Builds the zoo's gallery, cards and tables from the entries' `result.json`."""

import json
import runpy
from pathlib import Path

from tables import groups, mean, table

from kerasgan import zoo
from kerasgan.evaluation import records
from kerasgan.export import card, metadata
from kerasgan.utils import licences

ROOT = Path(__file__).resolve().parents[1]
SHARES = ("precision", "recall", "coverage")
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


def collections():
    """Returns the entries whose scores can be compared, by title, those in colour first: of the
    same data and size, or given the same kind of input."""
    found = {}
    for name, (path, result) in entries().items():
        found.setdefault(collection(path, result), {})[name] = (path, result)

    def channels(item):
        _, result = next(iter(item[1].values()))
        shape = result["image_shape"]
        return shape[-1] if len(shape) == 3 else 0

    return dict(sorted(found.items(), key=channels, reverse=True))


def collection(path, result):
    """Returns the title of the collection that an entry belongs to."""
    signature = metadata.signature_of(result)
    data = zoo.origin(path)["recipe"]["data"]
    title = licences.title(data["name"])
    if "tags" in result:
        return f"Words from pictures: {title}"
    if signature.given:
        return f"{signature.title}: {title}"
    return f"{title[0].upper()}{title[1:]}, {signature.output.size}"


def zoo_tables():
    """Returns the scores of every trained entry, a table for each collection."""
    parts = []
    for title, found in collections().items():
        parts += [f"### {title}", zoo_table(found)]
    return "\n\n".join(parts)


def zoo_table(found):
    """Returns the scores of the entries of a collection, with their floor: real training examples
    in place of samples. Columns without a value are left out."""
    alike = len({(result["n_real"], result["floor"]) for _, result in found.values()}) == 1
    rows = [
        {
            "entry": f"[{name}](../zoo/{name}/README.md)",
            result["metric"]: card.with_spread(result, "distance", ".1f"),
            **{key: f"{result[key]:.2f}" for key in SHARES if key in result},
            "as asked": percents(result.get("conditional_accuracy")),
            "without a GAN": best_simple_way(result),
            "minutes": f"{result['training_minutes']:.0f}",
            "parameters": f"{result['parameters']:,}",
            "MB": f"{(path / zoo.WEIGHTS).stat().st_size / 1e6:.1f}",
            **({} if alike else {"test examples": result["n_real"], "floor": result["floor"]}),
        }
        for name, (path, result) in found.items()
    ]
    _, first = next(iter(found.values()))
    if alike:
        rows.append({"entry": "real training examples", first["metric"]: f"{first['floor']:.1f}"})
    known = {key for row in rows for key, value in row.items() if value}
    header = [key for key in rows[0] if key in known]
    return table(header, [[row.get(key, "") for key in header] for row in rows])


def percents(share):
    return "" if share is None else f"{share:.1%}"


def best_simple_way(result):
    """Returns the distance of the best way that needs no GAN, and its name, or ""."""
    ways = {
        name: scores["distance"]
        for name, scores in result.get("ways", {}).items()
        if name != "model"
    }
    best = min(ways, key=ways.get, default=None)
    return "" if best is None else f"{ways[best]:.1f} ({best})"


def zoo_pictures(columns=2):
    """Returns samples of every trained entry, below their names."""
    cells = [
        (f"`{name}`", f"![{name}](zoo/{name}/samples.png)")
        for found in collections().values()
        for name in found
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
        "Trained generators, those of the same data together, the best first; `kerasgan list` "
        'lists them, and `kerasgan.load("NAME")` loads one. Samples are seeded, not picked. The '
        "folders that end in `_mini` hold recipes for trainings of minutes, without weights; those "
        "that name CIFAR-10 or CelebA hold recipes of the models' full size, which were not "
        "trained here: CIFAR-10 for VanillaGAN, ConditionalGAN, LAPGAN, DCGAN, WGAN-GP, LSGAN, "
        "SNGAN and SAGAN, CelebA for DCGAN, WGAN-GP, LSGAN, SNGAN and SAGAN. What was tried: "
        "[TUNING.md](TUNING.md). Written by `make results`.",
    ]
    for title, found in collections().items():
        parts.append(f"## {title}")
        for name, (_, result) in found.items():
            distance = card.with_spread(result, "distance", ".1f")
            parts += [
                f"### [{name}]({name}/README.md)",
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
        beside = sorted(each.name for each in path.iterdir())
        pages[path / "README.md"] = card.model_card(about, beside)
    return pages


def serving_page():
    path = ROOT / "export" / "serving" / "make_models_config.py"
    return runpy.run_path(str(path))["models_config"](zoo.names())
