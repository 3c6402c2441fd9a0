"""Runs benchmark scripts as their command does."""

import runpy
import sys

import pytest

from kerasgan.cli import benchmark


def run(monkeypatch, name, *arguments):
    """Returns the exit code of a benchmark script."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(benchmark.find(name)), run_name="__main__")
    return stopped.value.code
