"""The page of each model, from its class, its recipes and its results: a new model needs no line
here."""

import functools
import hashlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import docstrings
from rooms import tomllib

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "site_cache"
SOURCES = (
    *(f"kerasgan/{room}/*.py" for room in ("gan", "layers", "models", "networks", "signature")),
    "kerasgan/losses.py",
    "zoo/*/recipe.toml",
    "zoo/*/result.json",
    "tools/site/model_facts.py",
    "tools/site/networks.py",
)
TASKS = {
    "ring": "ring of 8 modes",
    "grid": "grid of 25 modes",
    "stacked_mnist": "Stacked-MNIST, 1,000 modes",
}


@functools.cache
def facts():
    """Returns what `model_facts` finds; it runs when the sources have changed."""
    file = cache_file()
    if not file.is_file():
        command = [sys.executable, str(Path(__file__).with_name("model_facts.py")), str(file)]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
        subprocess.run(command, check=True, env={**os.environ, **quiet})
    return json.loads(file.read_text(encoding="utf-8"))["models"]


def cache_file():
    """Returns the file that holds the facts of these sources."""
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    return CACHE / f"models-{digest.hexdigest()[:16]}.json"


def nav():
    """Returns the navigation of the models, by class."""
    listed = sorted(facts(), key=lambda each: each["class"].lower())
    return [{each["class"]: path(each)} for each in listed]


def path(model):
    return f"models/{model['module']}.md"


@functools.cache
def pages():
    """Returns the text of each page by its path in the site."""
    return {"models/index.md": index(), **{path(model): page(model) for model in facts()}}


def index():
    """Returns the page that lists the models by year."""
    rows = []
    for model in sorted(facts(), key=lambda each: (year(each), each["class"])):
        authors, title, url = model["paper"]
        about = model["summary"]
        name = f"[`{model['class']}`]({model['module']}.md)"
        rows.append(f"| {name} | {authors} | {about} |")
    return (
        "# Models\n\nEach model is one paper and one file, `kerasgan/models/<name>.py`. All train "
        "with `fit`, save, load, score and export alike. [Trained generators](../zoo.md) come with "
        "kerasgan; the other models have recipes that train for minutes.\n\n"
        "| class | paper | |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )


def year(model):
    return model["paper"][0].split()[-1]


def page(model):
    """Returns the page of a model."""
    authors, title, url = model["paper"]
    parts = [
        f"# {model['class']}",
        f"{authors}: *{title}*. [{url.removeprefix('https://')}]({url})",
        model["summary"],
        *samples(model),
        docstrings.markdown(model["prose"]),
        "## Train it",
        f"```python\nimport kerasgan\nfrom kerasgan import {model['class']}\n"
        f"{imports(model['example'])}\n{model['example']}\n```",
        commands(model),
        "## What it plays",
        parts_table(model),
        losses_table(model),
        "A step of training, as the class defines it:",
        f"```python\n{model['train_step']}\n```",
        "## Networks",
        f"As `{model['class']}({arguments(model['drawn'])})` builds them. Bars are as long as the "
        "sides of the maps; curves lead past other stages to where they are joined.",
        networks(model),
        "## The paper, and what differs",
        docstrings.markdown(model["about"].partition("\n\n")[2]),
        *scores(model),
        "## Recipes",
        "A recipe's header says how it was run and what came out, and for recipes of the paper's "
        "size what others published.",
        *recipes(model),
        "## Arguments",
        f"::: kerasgan.models.{model['module']}.{model['class']}\n    options:\n"
        "      members: false\n      heading_level: 3\n      show_root_full_path: false",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def imports(example):
    """Returns the imports that a docstring's example takes for granted."""
    needed = (("tf.", "import tensorflow as tf"), ("np.", "import numpy as np"))
    lines = [line for name, line in needed if name in example and line not in example]
    return "\n".join(lines)


def samples(model):
    """Returns the pictures of the trained entries."""
    return [
        f"![64 samples of {name}, seeded, not picked](../../zoo/{name}/samples.png)\n\n"
        f"*Samples of [{name}](../../zoo/{name}/README.md), seeded, not picked.*"
        for name in model["entries"]
        if (ROOT / "zoo" / name / "samples.png").is_file()
    ]


def commands(model):
    lines = [f"kerasgan train {name}" for name in recipes_of(model)]
    lines += [f"kerasgan sample {name} --output grid.png   # trained" for name in model["entries"]]
    code = ["```sh", *lines, "```"]
    for name in model["entries"]:
        code += ["", "```python", f'gan = kerasgan.load("{name}")', "```"]
    return "\n".join(code)


def parts_table(model):
    rows = [
        ("the generator takes", listed(model["inputs"])),
        ("the generator makes", f"`{model['output']}`"),
        ("a training example", listed(model["trains_on"])),
        ("logs", ", ".join(f"`{name}`" for name in model["logs"])),
        ("optimizers", "; ".join(model["optimizers"])),
    ]
    return "| | |\n| --- | --- |\n" + "\n".join(f"| {a} | {b} |" for a, b in rows)


def listed(kinds):
    return ", ".join(f"`{name}`: `{kind}`" for name, kind in kinds.items())


def losses_table(model):
    if not model["losses"]:
        return ""
    rows = "\n".join(
        f"| `{name}` | {text.replace('|', chr(92) + '|').replace('*', chr(92) + '*')} |"
        for name, text in model["losses"].items()
    )
    return f"| loss | equation |\n| --- | --- |\n{rows}"


def arguments(values):
    return (
        ", ".join(f"{key}={value!r}" for key, value in values.items())
        .replace("[", "(")
        .replace("]", ")")
    )


def networks(model):
    figures = "".join(
        f"<figure><figcaption><code>{name}</code>: {drawing['parameters']:,} weights</figcaption>"
        f"{drawing['svg']}</figure>"
        for name, drawing in model["networks"].items()
    )
    return f'<div class="networks">{figures}</div>'


def recipes_of(model):
    """Returns the zoo's recipes of a model: name and text of each."""
    made = {}
    for file in sorted(ROOT.glob("zoo/*/recipe.toml")):
        text = file.read_text(encoding="utf-8")
        if tomllib.loads(text)["model"]["name"] == model["module"]:
            made[file.parent.name] = text
    return made


def recipes(model):
    return [
        f"### {name}\n\n```toml\n{text.strip()}\n```" for name, text in recipes_of(model).items()
    ]


def scores(model):
    """Returns the scores of trained entries, and modes reached beside published ones."""
    parts = [f"### {name}\n\n{table}" for name, table in model["entries"].items()]
    rows = modes(model["module"])
    if rows:
        parts.append(
            "### Modes reached\n\n`kerasgan benchmark mode_collapse`, short trainings; the "
            "published numbers are of long ones with other networks: to stand beside, not to "
            "compare digit by digit. All of them, with sources: "
            "[results](../../benchmarks/RESULTS.md#mode-collapse).\n\n"
            "| task | updates | seeds | modes | published |\n| --- | ---: | ---: | ---: | --- |\n"
            + "\n".join(rows)
        )
    return ["## Scores", *parts] if parts else []


def modes(name):
    """Returns rows on the modes that a model reached."""
    lines = (ROOT / "benchmarks/results/mode_collapse.jsonl").read_text().splitlines()
    lines = [line for line in map(json.loads, lines) if line["model"] == name]
    published = tomllib.loads((ROOT / "benchmarks/published.toml").read_text(encoding="utf-8"))
    rows = []
    for task, title in TASKS.items():
        of_task = [line for line in lines if line["task"] == task]
        last = [each for each in of_task if same(each, of_task[-1])]
        if not last:
            continue
        reached = [each["modes"] for each in last]
        text = f"{statistics.mean(reached):.1f}"
        if len(reached) > 1:
            text += f" ± {statistics.stdev(reached):.1f}"
        others = (f"{row['model']} {row['modes']:g}" for row in published["mode_collapse"][task])
        rows.append(
            f"| {title} | {last[-1]['steps']:,} | {len(last)} | {text} | {', '.join(others)} |"
        )
    return rows


def same(line, other):
    return all(line.get(key) == other.get(key) for key in ("steps", "arguments"))
