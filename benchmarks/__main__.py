"""The command line: runs benchmarks by name, writes down what each found as soon as it has."""

from __future__ import annotations

import shlex
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.inputs import Bench
from benchmarks.peers import BenchmarkError
from benchmarks.report import show, write_page, write_report

NAMES = {
    "job": "the whole of a job against the old way",
    "memory": "peak memory of a job",
    "read": "reading the pickle of a segment",
    "kernel": "binning into a dense array",
    "layouts": "bytes, bits per spike, and time to write",
    "access": "reading trials and slices back",
    "startup": "until a job reads its first byte",
    "missing": "which of 3,000 files are not done",
    "plan": "plans of up to 100,000 parts",
    "scaling": "spikes, neurons, trials, threads, workers",
    "dataset": "opening a data set, and reading trials for training",
    "stats": "statistics of a part, at five widths of bins",
    "formats": "from a file of spikes and a table of events to a matrix",
    "huge": "a billion spikes, in order and not: time and memory",
}
# Take long or much room: run only when they are named.
ONLY_BY_NAME = {"huge"}
RESULTS = Path(__file__).parent / "results"


def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Of {', '.join(NAMES)}; default: all but huge.")
    ] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small inputs, one round, to check results; the times mean nothing.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Where the results go; default: benchmarks/results, none with --quick."
        ),
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option("--scratch", metavar="DIR", help="Where 8 GB may lie for a while; default: the system's."),
    ] = None,
) -> None:
    """Measure spikebin against other ways to the same result, each checked before it is timed."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    unknown = [name for name in names or () if name not in NAMES]
    if unknown:
        raise typer.BadParameter(f"no benchmark {unknown[0]!r}: there are {', '.join(NAMES)}")
    out = out or (None if quick else RESULTS)
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    with tempfile.TemporaryDirectory(prefix="spikebin-bench-", dir=scratch) as directory:
        bench = Bench(Path(directory), quick=quick)
        for name in names or [name for name in NAMES if name not in ONLY_BY_NAME]:
            console.rule(f"[bold]{name}[/bold]: {NAMES[name]}")
            try:
                report = import_module(f"benchmarks.{name}").run(bench)
            except BenchmarkError as error:
                console.print(f"error: {name}: {error}", markup=False)
                raise typer.Exit(1) from None
            show(report, console, quick=quick)
            if out is not None:
                write_report(report, out, command=command, quick=quick)
    if out is not None:
        write_page(out, list(NAMES))
        console.print(f"written to {out}/RESULTS.md")


if __name__ == "__main__":
    typer.run(main)
