"""What a page of a model says about its class and networks, as JSON: `python model_facts.py FILE`.

It needs TensorFlow, and some seconds. `model_pages` runs it when the sources have changed.
"""

import inspect
import json
import re
import sys
from pathlib import Path

import networks

import kerasgan
from kerasgan import models, zoo
from kerasgan.export import card
from kerasgan.utils.errors import UserError

# Networks are drawn small: whichever of these a model takes.
SMALL = {"image_shape": (32, 32, 3), "width": 16, "length": 4096, "blocks": 2, "text_dim": 64}
MORE = {"num_classes": 10, "condition_dim": 10}  # if it cannot do without


def facts(name):
    """Returns the facts of a model, a dict that JSON can hold."""
    model = models.get(name)
    module = inspect.getmodule(model)
    small, arguments = built(model)
    return {
        "class": model.__name__,
        "module": name,
        "paper": list(model.paper),
        "about": inspect.getdoc(module),
        "summary": inspect.getdoc(model).partition("\n\n")[0],
        "prose": prose(inspect.getdoc(model)),
        "example": example(inspect.getdoc(model)),
        "losses": losses(module),
        "train_step": inspect.cleandoc("\n" + source(model.train_step)),
        "logs": list(small.log_names),
        "trains_on": {part: repr(kind) for part, kind in small.signature.example.items()},
        "inputs": {part: repr(kind) for part, kind in small.signature.inputs.items()},
        "output": repr(small.signature.output),
        "optimizers": [described(each) for each in default_optimizers(model)],
        "drawn": arguments,
        "networks": drawn(small),
        "entries": {
            path.name: score_table(path)
            for path in map(zoo.folder().joinpath, zoo.names())
            if zoo.origin(path)["recipe"]["model"]["name"] == name
        },
    }


def score_table(entry):
    """Returns the scores of a zoo entry as Markdown, with their protocol."""
    return card.score_table(json.loads((entry / "result.json").read_text(encoding="utf-8")))


def built(model):
    """Returns a small model, and the arguments that make it."""
    parameters = model.constructor_parameters()
    arguments = {key: value for key, value in SMALL.items() if key in parameters}
    try:
        return model(**arguments), arguments
    except UserError:
        key = next(key for key in MORE if key in parameters)
        arguments[key] = MORE[key]
        return model(**arguments), arguments


def prose(docstring):
    """Returns what a docstring says before its sections, without the first line."""
    text = docstring.partition("\n\n")[2]
    return re.split(r"^(?:Args|Raises|Example|Reference)\b", text, flags=re.MULTILINE)[0].strip()


def example(docstring):
    """Returns the code of a docstring's example."""
    lines = re.findall(r"^(?:>>>|\.\.\.) ?(.*)$", docstring, re.MULTILINE)
    return "\n".join(lines)


def losses(module):
    """Returns the first paragraphs of the docstrings of a module's losses, by name: functions that
    it takes from `kerasgan.losses`, or defines, and that state an equation."""
    made = {}
    for name, function in vars(module).items():
        if not inspect.isfunction(function) or name.startswith("build"):
            continue
        shared = function.__module__ == "kerasgan.losses"
        text = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
        equation = re.search(r"E_?\w?\[|\^|\||L\(|softplus", text)
        if shared or (function.__module__ == module.__name__ and equation):
            made[name] = text
    return made


def source(function):
    text = inspect.getsource(function)
    return re.sub(r"^    ", "", text, flags=re.MULTILINE)


def default_optimizers(model):
    made = model.default_optimizers()
    return made.values() if isinstance(made, dict) else made


def described(optimizer):
    """Returns the numbers of an optimizer that a paper gives, as text."""
    config = optimizer.get_config()
    rate = config["learning_rate"]
    numbers = {"learning_rate": rate if isinstance(rate, float) else "a schedule"}
    numbers |= {
        key: config[key] for key in ("beta_1", "beta_2", "momentum", "rho") if key in config
    }
    listed = (
        f"{key} {value:g}" if isinstance(value, float) else f"{key} by a schedule"
        for key, value in numbers.items()
    )
    return f"{type(optimizer).__name__}: " + ", ".join(listed)


def drawn(gan):
    """Returns the drawings of a model's networks, by the names of its attributes."""
    listed = {}
    for player in gan.players.values():
        for name in (player,) if isinstance(player, str) else player:
            network = getattr(gan, name, None)
            if hasattr(network, "operations"):
                made = networks.stages(network)
                listed[name] = {
                    "svg": networks.svg(made, f"{type(gan).__name__}: {name}"),
                    "parameters": network.count_params(),
                }
    return listed


def main(path):
    listed = [facts(name) for name in models.names()]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps({"version": kerasgan.__version__, "models": listed}))


if __name__ == "__main__":
    main(sys.argv[1])
