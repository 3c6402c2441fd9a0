"""`kerasgan benchmark`"""

import importlib
import importlib.resources
import runpy
import sys
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


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],  # a script answers `--help` itself
    }
)
def benchmark(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Name; without one, all are listed.")] = None,
):
    """Run a benchmark: kerasgan benchmark NAME [its options]."""
    from kerasgan.cli import benchmark

    if name in (None, "--help"):
        for script, path in benchmark.scripts().items():
            print(f"{script:16} {path.read_text(encoding='utf-8').splitlines()[0].strip(chr(34))}")
        return
    path = benchmark.find(name)
    with quiet_cpp():
        importlib.import_module("tensorflow")
    sys.argv = [f"kerasgan benchmark {name}", *context.args]
    runpy.run_path(str(path), run_name="__main__")
