"""The `kerasgan` command, one file per subcommand. User errors are one line, exit code 2.

Imports every room.
"""

import importlib

from kerasgan.cli.common import main, run

COMMANDS = (
    "train",
    "launch",
    "list",
    "sample",
    "evaluate",
    "compare",
    "film",
    "export",
    "data",
    "inspect",
    "doctor",
    "benchmark",
)
for name in COMMANDS:
    importlib.import_module(f"kerasgan.cli.{name}")

__all__ = ["main", "run"]
