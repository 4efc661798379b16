"""What a shell completes after Tab: sheets, variants and parts of the plan at hand, formats, columns of a file at hand.

A completion never fails: where nothing can be known, nothing is offered. None of them imports numpy, except the one for
the columns of a file's trials.
"""

from __future__ import annotations

import os
import shlex
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from spikebin.matrixfile.reader import MatrixFile
    from spikebin.matrixfile.seal import Seal
    from spikebin.pipeline.plan import Plan

__all__ = [
    "columns",
    "formats",
    "indices",
    "kinds_of_table",
    "labels",
    "names_of_parts",
    "neurons",
    "parts",
    "phases",
    "recorded_columns",
    "recorded_sheets",
    "sheets",
    "templates",
    "trial_columns",
    "trials",
    "units_of_time",
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
        names = _header(Path(ctx.params.get("trials") or ""))
    except (OSError, UnicodeDecodeError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def recorded_columns(incomplete: str) -> list[str]:
    """Columns of the table of spikes at hand, or names of the arrays in an .npz."""
    try:
        path = next(Path(word) for word in _words() if word.endswith((".csv", ".tsv", ".npz")))
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist()]
        else:
            names = _header(path)
    except (OSError, UnicodeDecodeError, StopIteration, zipfile.BadZipFile):
        return []
    return [name for name in names if name.startswith(incomplete)]


def recorded_sheets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Directory names of the sheets of the recording at hand."""
    from spikebin.errors import SpikebinError
    from spikebin.names import directory_name

    try:
        from spikebin.recordings import open_recording

        path = next(Path(word) for word in _words()[2:] if not word.startswith("-") and Path(word).exists())
        names = map(directory_name, open_recording(path, ctx.params.get("kind")).sheets)
        return [name for name in names if name.startswith(incomplete)]
    except (SpikebinError, OSError, ValueError, StopIteration):
        return []


def units_of_time(incomplete: str) -> list[str]:
    """Units that times may be in."""
    from spikebin.choices import TimeUnit

    return [name for name in get_args(TimeUnit) if name.startswith(incomplete)]


def labels(incomplete: str) -> list[str]:
    """What sorted units are usually called."""
    from spikebin.recordings.continuous.labels import USUAL

    return [name for name in USUAL if name.startswith(incomplete)]


def trial_columns(incomplete: str) -> list[str]:
    """Columns of the trials of the matrix file at hand."""
    return _of_matrix(lambda file: file.trials.dtype.names or (), incomplete)


def neurons(incomplete: str) -> list[str]:
    """Ids of the neurons of the matrix file at hand."""
    return _of_matrix(lambda file: file.neurons["neuron_id"].tolist(), incomplete)


def trials(incomplete: str) -> list[str]:
    """Numbers of the trials of the matrix file at hand, which its seal tells."""
    return _of_seal(lambda seal: range(seal.shape[0]), incomplete)


def phases(ctx: typer.Context, incomplete: str) -> list[str]:
    """Phases of the trials of the matrix file at hand, else of the first of the data set, as a seal tells them."""
    from spikebin.output.paths import part_files, sheets_there, variants_there

    first: Path | None = None
    if not any(word.endswith(".h5") for word in _words()):
        given: Any = ctx.params.get("dataset")
        plan = None if given else _plan(ctx)
        output = Path(given) if given else plan.output if plan else None
        found = (
            path
            for variant in (variants_there(output) if output else ())
            for sheet in (sheets_there(output, variant) if output else ())
            for path in (part_files(output, variant, sheet) if output else {}).values()
        )
        first = next(found, None)
    return _of_seal(lambda seal: (phase.name for phase in seal.phases), incomplete, first)


def indices(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Numbers of the jobs of the plan, and which parts they are."""
    plan = _plan(ctx)
    found = ((str(job.index), job.name) for job in plan.jobs) if plan else ()
    return [(index, name) for index, name in found if index.startswith(incomplete)]


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


def _words() -> list[str]:
    """The line that is completed: arguments are not parsed yet where the option that is completed lacks its value."""
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        header = file.readline(100_000).strip()
    return [name.strip().strip('"') for name in header.split("\t" if "\t" in header else ",")]


def _matrix_at_hand() -> Path | None:
    return next((Path(word) for word in _words() if word.endswith(".h5")), None)


def _of_matrix(question: Callable[[MatrixFile], Iterable[object]], incomplete: str) -> list[str]:
    from spikebin.errors import SpikebinError
    from spikebin.matrixfile.reader import open_file

    path = _matrix_at_hand()
    try:
        answers = () if path is None else map(str, question(open_file(path)))
    except (SpikebinError, OSError, ValueError):
        return []
    return [name for name in answers if name.startswith(incomplete)]


def _of_seal(question: Callable[[Seal], Iterable[object]], incomplete: str, path: Path | None = None) -> list[str]:
    from spikebin.errors import SpikebinError
    from spikebin.matrixfile.seal import read_seal

    path = path or _matrix_at_hand()
    try:
        answers = () if path is None else map(str, question(read_seal(path)))
    except (SpikebinError, OSError, ValueError):
        return []
    return [name for name in answers if name.startswith(incomplete)]
