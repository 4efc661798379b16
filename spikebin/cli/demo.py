"""The command that shows all the others: demo."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from spikebin.cli import app
from spikebin.cli.options import note


@app.command()
def demo(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new directory for recordings and results.")
    ] = Path("spikebin-demo"),
    parts: Annotated[int, typer.Option("--parts", metavar="N", min=1, help="Recordings of the variant train.")] = 3,
    scale: Annotated[
        float,
        typer.Option("--scale", metavar="X", min=0.001, max=1.0, help="Size of the sheets, 1 for 108,150 neurons."),
    ] = 0.01,
    videos: Annotated[
        bool, typer.Option("--videos", help="Images with a blank before and after each, and videos without.")
    ] = False,
) -> None:
    """Make small recordings of a made-up V1 in mozaik's format, export them all, and show the result."""
    from spikebin.pipeline.demo import demo_commands, make_demo, next_steps

    note(f"== recordings of a made-up V1, 1/{1 / scale:g} of its size, as mozaik writes them")
    config = make_demo(directory, parts=parts, scale=scale, on_part=note, videos=videos)
    for command in demo_commands(config, videos=videos):
        note(f"\n== spikebin {shlex.join(command)}")
        code = app(command, standalone_mode=False)
        if code:
            raise typer.Exit(code)
    note(f"\n{next_steps(config, videos=videos)}")
