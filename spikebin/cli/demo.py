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
) -> None:
    """Make small recordings of a made-up V1 in mozaik's format, export them all, and show the result."""
    from spikebin.cli.files import inspect, verify
    from spikebin.cli.setup import plan
    from spikebin.cli.work import run, status
    from spikebin.config import load_config
    from spikebin.demo import make_demo
    from spikebin.plan import matrix_path

    note(f"== recordings of a made-up V1, 1/{1 / scale:g} of its size, as mozaik writes them")
    config = make_demo(directory, parts=parts, scale=scale, on_part=note)

    named = shlex.quote(str(config))
    note(f"\n== spikebin plan --config {named}")
    plan(config=config)
    note(f"\n== spikebin run --config {named}")
    try:
        run(config=config)
    except typer.Exit as ended:
        if ended.exit_code:
            raise
    note(f"\n== spikebin status --config {named}")
    status(config=config)
    note(f"== spikebin verify {shlex.quote(str(directory))}")
    try:
        verify([directory])
    except typer.Exit as ended:
        if ended.exit_code:
            raise
    file = matrix_path(load_config(config).output, "train", "50000", "X_ON")
    note(f"\n== spikebin inspect --trial 0 {shlex.quote(str(file))}")
    inspect(file, trial=0)
    note(
        f"\nNext:\n  cd {shlex.quote(str(directory))}"
        "\n  spikebin missing --sheet V1_Inh_L23        # nothing: all is there"
        "\n  spikebin inspect --trial 2 dataset/test/spikes/V1_Exc_L4/spikes_V1_Exc_L4_300050.h5"
        '\n  python -c "import spikebin; f = spikebin.open_file('
        "'dataset/train/spikes/X_ON/spikes_X_ON_50000.h5'); print(f.spikes[0].sum())\""
        "\nWith recordings of your own:\n  spikebin init ROOT && spikebin plan && spikebin run"
    )
