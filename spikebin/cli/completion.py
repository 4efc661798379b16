"""What a shell completes after Tab: sheets, variants and parts of the plan at hand, formats, columns of a file at hand.

A completion never fails: where nothing can be known, nothing is offered. None of them imports numpy, except the one for
the columns of a file's trials.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import typer

if TYPE_CHECKING:
    from spikebin.pipeline.plan import Plan

__all__ = [
    "columns",
    "formats",
    "kinds_of_table",
    "names_of_parts",
    "parts",
    "sheets",
    "templates",
    "trial_columns",
    "variants",
]


def sheets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Directory names of the sheets of the plan: they need no quotes, and every command takes them."""
    from spikebin.names import directory_name

    plan = _plan(ctx)
    found = dict.fromkeys(directory_name(sheet) for job in plan.jobs for sheet in job.sheets) if plan else ()
    return [name for name in found if name.startswith(incomplete)]


def variants(ctx: typer.Context, incomplete: str) -> list[str]:
    """Variants of the plan."""
    plan = _plan(ctx)
    return (
        [name for name in dict.fromkeys(job.variant for job in plan.jobs) if name.startswith(incomplete)]
        if plan
        else []
    )


def parts(ctx: typer.Context, incomplete: str) -> list[str]:
    """VARIANT/PART of each job of the plan."""
    plan = _plan(ctx)
    return [job.name for job in plan.jobs if job.name.startswith(incomplete)] if plan else []


def formats(incomplete: str) -> list[tuple[str, str]]:
    """Raw formats, and what a recording of each is."""
    from spikebin.recordings import FORMATS

    return [(name, form.what) for name, form in FORMATS.items() if name.startswith(incomplete)]


def columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """Columns of the table of events that --trials names."""
    try:
        with Path(ctx.params.get("trials") or "").open(encoding="utf-8") as file:
            header = file.readline(100_000).strip()
    except (OSError, UnicodeDecodeError):
        return []
    names = [name.strip().strip('"') for name in header.split("\t" if "\t" in header else ",")]
    return [name for name in names if name.startswith(incomplete)]


def trial_columns(incomplete: str) -> list[str]:
    """Columns of the trials of the matrix file at hand."""
    from spikebin.errors import SpikebinError
    from spikebin.matrixfile.reader import open_file

    # Arguments are not parsed yet where the option that is completed lacks its value.
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
    try:
        path = next(word for word in shlex.split(line) if word.endswith(".h5"))
        names = open_file(Path(path)).trials.dtype.names or ()
    except (SpikebinError, OSError, ValueError, StopIteration):
        return []
    return [name for name in names if name.startswith(incomplete)]


def names_of_parts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Parts of the plan, without their variants."""
    plan = _plan(ctx)
    found = dict.fromkeys(job.part for job in plan.jobs) if plan else ()
    return [name for name in found if name.startswith(incomplete)]


def templates(incomplete: str) -> list[str]:
    """Batch scripts that come with spikebin."""
    from spikebin.errors import SpikebinError
    from spikebin.slurm.templates import find_template

    try:
        there = sorted(path.name for path in find_template("export.sbatch").parent.glob("*.*"))
    except (SpikebinError, OSError):
        return []
    return [name for name in there if name.startswith(incomplete)]


def kinds_of_table(incomplete: str) -> list[str]:
    """Kinds of files that tables of statistics are written to."""
    from spikebin.choices import StatsFormat

    return [name for name in get_args(StatsFormat) if name.startswith(incomplete)]


def _plan(ctx: typer.Context) -> Plan | None:
    from spikebin.cli.options import load
    from spikebin.errors import SpikebinError

    given: Any = ctx.params.get("config")
    try:
        return load(Path(given) if given else None)
    except (SpikebinError, OSError, ValueError):
        return None
