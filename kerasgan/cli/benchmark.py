"""`kerasgan benchmark`"""

import importlib
import importlib.resources
import runpy
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from kerasgan.cli.common import app, quiet_cpp
from kerasgan.utils.errors import UserError, nearest


def scripts():
    """Returns the benchmark scripts by name, from a checkout or from an installed package.

    Returns:
        dict from name to `pathlib.Path`.

    Example:

    >>> "fid" in scripts()
    True
    """
    package = Path(str(importlib.resources.files("kerasgan")))
    folder = package / "benchmark_scripts"
    folder = folder if folder.is_dir() else package.parent / "benchmarks"
    return {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}


def find(name):
    """Returns the path of a benchmark script.

    Args:
        name: Its name, without ".py".

    Raises:
        UserError: If there is none of that name; the message lists those that there are.
    """
    found = scripts()
    if name not in found:
        raise UserError(f'There is no benchmark "{name}": {nearest(name, found)}')
    return found[name]


def listed(found):
    """Returns a list of benchmarks and what they do, as wide as the terminal.

    Args:
        found: dict from name to path of the script, whose first line says it.
    """
    width = max(map(len, found)) + 2
    return "\n".join(
        textwrap.fill(
            path.read_text(encoding="utf-8").splitlines()[0].strip('"'),
            max(shutil.get_terminal_size().columns, 60),
            initial_indent=name.ljust(width),
            subsequent_indent=" " * width,
        )
        for name, path in found.items()
    )


def scripts_like(incomplete):
    """Returns the names of benchmarks that begin so, for the shell's completion."""
    return [name for name in scripts() if name.startswith(incomplete)]


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],  # a script answers `--help` itself
    }
)
def benchmark(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="Name; without one, all are listed.", autocompletion=scripts_like),
    ] = None,
):
    """Run a benchmark: kerasgan benchmark NAME [its options]."""
    from kerasgan.cli import benchmark

    if name in (None, "--help"):
        print(listed(benchmark.scripts()))
        return
    path = benchmark.find(name)
    with quiet_cpp():
        importlib.import_module("tensorflow")
    sys.argv = [f"kerasgan benchmark {name}", *context.args]
    runpy.run_path(str(path), run_name="__main__")
