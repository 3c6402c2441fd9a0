"""`kerasgan launch`"""

from typing import Annotated

import typer

from kerasgan.cli.common import app


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def launch(
    context: typer.Context,
    workers: Annotated[int, typer.Option(min=2, help="Number of processes.")] = 2,
):
    """Try `train` out on several workers of this machine.

    For example: kerasgan launch --workers 2 RECIPE. The rest is as in `kerasgan train`.
    On several machines, run `kerasgan train --strategy multi_worker` on each, with TF_CONFIG set.
    """
    from kerasgan.training.workers import launch as start_workers

    raise typer.Exit(start_workers(["train", *context.args], workers))
