"""The reference: all public names, and the commands. Fails where one has no docstring."""

import ast
import functools
from pathlib import Path

import docstrings
import griffe
from mkdocs.exceptions import PluginError

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = "reference/commands.md"


@functools.cache
def package():
    """Returns kerasgan as griffe reads it, without importing it."""
    return griffe.load("kerasgan", search_paths=[str(ROOT)], resolve_aliases=True)


@functools.cache
def rooms():
    """Returns the public rooms and the names at the top, as `kerasgan/__init__.py` lists them."""
    tree = ast.parse((ROOT / "kerasgan/__init__.py").read_text(encoding="utf-8"))
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id in ("_ROOMS", "_NAMES")
    }
    return values["_ROOMS"], values["_NAMES"]


def names_in(room):
    """Returns the full names of what a room makes public."""
    module = package()[room]
    if module.exports is not None:
        names = [str(getattr(each, "name", each)) for each in module.exports]
    else:
        names = [
            name
            for name, member in module.members.items()
            if not (name.startswith("_") or member.is_alias or member.is_module)
            and (member.is_function or member.is_class)
        ]
    full = (f"{room}.{name}" for name in names if name not in rooms()[1])
    return [f"kerasgan.{name}" for name in full if target(name) is not None]


def target(path):
    """Returns the definition of a public name, or `None` for a value."""
    try:
        found = package()[path]
    except KeyError:
        return lazily(path)
    found = found.final_target if found.is_alias else found
    return found if found.is_function or found.is_class else None


def lazily(path):
    """Returns the definition of a name that its room imports at its first use."""
    room, _, name = path.rpartition(".")
    for module in package()[room].modules.values():
        if name in module.members and not module.members[name].is_alias:
            return module.members[name]
    raise PluginError(f"kerasgan.{path} is public, and its definition is not found.")


def top_names():
    """Returns the full names of what `kerasgan.load` and its like are."""
    return [f"kerasgan.{module}.{name}" for name, module in rooms()[1].items()]


@functools.cache
def pages():
    """Returns the text of each page by its path in the site."""
    made = {"reference/index.md": index()}
    top = "\n\n".join(directive(name) for name in top_names())
    made["reference/kerasgan.md"] = f"# kerasgan\n\n{top}\n"
    for room in rooms()[0]:
        listed = "\n\n".join(directive(name) for name in names_in(room))
        intro = package()[room].docstring.value
        made[f"reference/{room}.md"] = (
            f"# kerasgan.{room}\n\n{docstrings.markdown(intro)}\n\n{listed}\n"
        )
    made[COMMANDS] = commands()
    return made


def nav():
    """Returns the navigation of the reference."""
    listed = [{f"kerasgan.{room}": f"reference/{room}.md"} for room in rooms()[0]]
    top = {"kerasgan": "reference/kerasgan.md"}
    return ["reference/index.md", top, *listed, {"Command line": COMMANDS}]


def directive(name):
    found = target(name.removeprefix("kerasgan."))
    options = ["    options:", "      heading_level: 2"]
    if name.endswith(".GAN"):
        options += ["      inherited_members: true"]
    if name.startswith("kerasgan.zoo.") and found is not None:
        name = found.path
    return "\n".join([f"::: {name}", *options])


def index():
    """Returns a page that lists everything in one table."""
    rows = []
    listed = [("kerasgan", top_names()), *((room, names_in(room)) for room in rooms()[0])]
    for room, names in listed:
        for name in names:
            path = name.removeprefix("kerasgan.")
            summary = target(path).docstring.value.partition("\n\n")[0].replace("\n", " ")
            short = name.rpartition(".")[2]
            title = f"kerasgan.{short}" if room == "kerasgan" else f"{room}.{short}"
            rows.append(f"| [`{title}`]({room}.md) | {summary.replace('|', chr(92) + '|')} |")
    intro = (
        "# Reference\n\nEverything that `import kerasgan` offers. Each class of a model is on the "
        "model's own page, under [Models](../models/index.md). What each member of `keras.Model` "
        "does here: [Keras's surface](../keras.md).\n\n| name | what it is |\n| --- | --- |\n"
    )
    return intro + "\n".join(rows) + "\n"


def check_docstrings():
    """Fails if a public name, or a public method of a public class, has no docstring."""
    missing = []
    for name in [*top_names(), *(name for room in rooms()[0] for name in names_in(room))]:
        definition = target(name.removeprefix("kerasgan."))
        if not definition.has_docstring:
            missing.append(name)
        if definition.is_class:
            missing += [
                f"{name}.{method}"
                for method, member in definition.members.items()
                if member.is_function and not method.startswith("_") and not documented(member)
            ]
    if missing:
        raise PluginError("These public names have no docstring: " + ", ".join(missing))


def documented(method):
    """Tells whether a method, or one that it overrides, has a docstring; those of Keras have."""
    if method.has_docstring:
        return True
    bases = method.parent.resolved_bases or []
    known = [base.members[method.name] for base in bases if method.name in base.all_members]
    if any(each.has_docstring for each in known):
        return True
    return method.name in OVERRIDDEN


# Methods of Keras and of `GAN` that subclasses override; those have docstrings.
OVERRIDDEN = {
    *("add_weight", "compile", "convolution_op", "update_step"),
    *("build", "call", "compute_mask", "compute_output_shape", "compute_output_spec"),
    *("from_config", "get_config", "load_own_variables", "save_own_variables"),
    *("on_batch_begin", "on_batch_end", "on_epoch_begin", "on_epoch_end", "on_train_begin"),
    *("on_train_end", "on_train_batch_begin", "on_train_batch_end", "set_model", "set_params"),
    *("default_optimizers", "train_step", "at"),
}


def commands():
    """Returns the page of the command line: the help of each command."""
    import typer.main

    import kerasgan_cli  # noqa: F401  so that `import kerasgan` does without TensorFlow
    from kerasgan import cli  # noqa: F401
    from kerasgan.cli.common import app

    root = typer.main.get_command(app)
    parts = ["# Command line", f"`kerasgan COMMAND --help` prints what is here. {root.help}"]
    for names, command in leaves(root, ()):
        context = command.make_context(" ".join(("kerasgan", *names)), [], resilient_parsing=True)
        context.max_content_width = context.terminal_width = 88
        parts += [
            f"## {' '.join(('kerasgan', *names))}",
            f"```text\n{context.get_help().strip()}\n```",
        ]
    return "\n\n".join(parts) + "\n"


def leaves(command, names):
    """Yields the names of each command, and the command."""
    if not hasattr(command, "commands"):
        yield names, command
        return
    for name, each in command.commands.items():
        yield from leaves(each, (*names, name))
