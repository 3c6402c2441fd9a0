"""`kerasgan doctor`"""

import json
from typing import Annotated

import typer

from kerasgan.cli.common import app, quiet_cpp


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
):
    """Describe this machine and installation, for bug reports.

    Versions, devices and the precision that they are fastest in, caches and their sizes, optional
    packages that are installed or missing. Paths may hold your user name.
    """
    from kerasgan.utils import machine

    with quiet_cpp():
        report = machine.report()
    if as_json:
        print(json.dumps(report, indent=2))
        return
    for section, values in report.items():
        if values:
            print(section)
            for name, value in values.items():
                print(f"  {name:20} {value}")
