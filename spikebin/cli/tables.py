"""Answers drawn as rich tables and lines; what they say is worked out elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spikebin.cli.fit_table import print_table, terminal
from spikebin.cli.options import note, size_text
from spikebin.cli.wording import number
from spikebin.errors import same_cause
from spikebin.output.state import State
from spikebin.slurm.array_spec import array_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spikebin.dataset.view import View
    from spikebin.display.conditions import Panel
    from spikebin.matrixfile.reader import MatrixFile
    from spikebin.output.state import SheetState
    from spikebin.pipeline.job import Outcome
    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.summary import Summary
    from spikebin.slurm.submit import Batch

__all__ = [
    "conditions",
    "describe_table",
    "job_table",
    "plan_table",
    "print_failures",
    "progress_line",
    "psth_lines",
    "raster",
    "status_table",
    "submit_remarks",
    "submit_table",
]

MOST_CAUSES = 20


def plan_table(plan: Plan, summary: dict[str, Any]) -> None:
    """A plan in short: parts, files and what has no source of each variant; then what all of it will take."""
    rows: dict[str, list[Any]] = {}
    for job in plan.jobs:
        row = rows.setdefault(job.variant, [job.variant, 0, 0, 0])
        row[1] += 1
        row[2] += len(job.sheets)
        row[3] += sum(not job.source(sheet) for sheet in job.sheets)
    columns = ["variant", "parts", "files", "no source"]
    total = ["total", *(sum(row[i] for row in rows.values()) for i in range(1, 4))] if len(rows) > 1 else None
    if not summary["no_source"]:
        columns, total = columns[:-1], total and total[:-1]
    print_table("", columns, [row[: len(columns)] for row in rows.values()], total=total)
    typer.echo(
        f"{number(summary['jobs'], 'job')}, {number(summary['files'], 'file')}, about {size_text(summary['bytes'])}"
        f" ({size_text(summary['free'])} free) -> {summary['plan']}"
    )


def job_table(plan: Plan) -> None:
    """The jobs of a plan, one a line."""
    rows = [
        [str(job.index), job.variant, job.part, len(job.sheets), sum(bool(source.path) for source in job.sources)]
        for job in plan.jobs
    ]
    print_table("", ["index", "variant", "part", "sheets", "sources"], rows, names=3)


def status_table(summary: Summary, *, each: bool = False) -> None:
    """Sheets by variant by state, as far as a state occurs, then what is in trouble and why, then all of it in a line.

    Parameters
    ----------
    summary : Summary
    each : bool
        A line for each sheet that is in trouble, instead of one for each cause.
    """
    states = [state for state in State if state is State.DONE or any(row.states[state] for row in summary.rows)]
    activities = [name for name in ("queued", "running") if any(getattr(row, name) for row in summary.rows)]
    unassigned = ["n_unassigned"] if any(row.n_unassigned for row in summary.rows) else []
    numbers = [*activities, "n_spikes", "n_collisions", *unassigned]
    rows: list[list[Any]] = [
        [row.sheet, row.variant, *(row.states[state] for state in states)]
        + [getattr(row, name) for name in numbers]
        + [size_text(row.size)]
        for row in summary.rows
    ]
    total = None
    if len(rows) > 1:
        size = size_text(sum(row.size for row in summary.rows))
        total = ["total", "", *(sum(row[i] for row in rows) for i in range(2, len(rows[0]) - 1)), size]
    said = {"n_spikes": "spikes", "n_collisions": "collisions", "n_unassigned": "in no trial"}
    columns = ["sheet", "variant", *map(str, states), *(said.get(name, name) for name in numbers), "size"]
    print_table("", columns, rows, names=2, total=total)
    if summary.troubles:
        typer.echo("")
        (_each_trouble if each else _causes)(summary)
    typer.echo(f"\n{progress_line(summary)}")


def progress_line(summary: Summary) -> str:
    """How far a data set is, in a line: 2,880 of 3,000 files done (96.0 %), 120 missing."""
    counts = {state: sum(row.states[state] for row in summary.rows) for state in State}
    n_files = sum(counts.values())
    share = 100 * counts[State.DONE] / n_files if n_files else 0
    # What is not complete is never rounded to 100 %.
    percent = 100 if counts[State.DONE] == n_files else min(share, 99.9)
    parts = [f"{counts[State.DONE]:,} of {number(n_files, 'file')} done ({percent:.3g} %)"]
    parts += [f"{counts[state]:,} {state}" for state in State if state is not State.DONE and counts[state]]
    for name in ("running", "queued"):
        n = sum(getattr(row, name) for row in summary.rows)
        parts += [f"{n:,} {name}"] if n else []
    return ", ".join(parts)


def _each_trouble(summary: Summary) -> None:
    rows = [
        [str(found.job.index), found.job.name, sheet, str(found.state), found.attempts.failures, _why(found)]
        for sheet, found in _troubles(summary)
    ]
    print_table("", ["index", "part", "sheet", "state", "tries", "why"], rows, names=3)


def _causes(summary: Summary) -> None:
    """A row for each cause, the most frequent first."""
    causes: dict[tuple[Any, str], list[tuple[str, SheetState]]] = {}
    for sheet, found in _troubles(summary):
        cause = same_cause(found.reason, found.job.part, found.sheet)
        causes.setdefault((found.state, cause), []).append((sheet, found))
    rows = []
    for (state, _), members in sorted(causes.items(), key=lambda item: -len(item[1])):
        sheet, first = members[0]
        example = f"{'' if len(members) == 1 else 'e.g. '}{first.job.name} {sheet} (index {first.job.index})"
        rows.append([len(members), str(state), example, _why(first)])
    print_table("", ["", "state", "where", "why"], rows[:MOST_CAUSES], names=3)
    if len(rows) > MOST_CAUSES:
        typer.echo(f"{number(len(rows) - MOST_CAUSES, 'more cause')}: `spikebin status --list` has all")


def _troubles(summary: Summary) -> Iterator[tuple[str, SheetState]]:
    """Each trouble and its sheet; a part that is excluded stands there once."""
    excluded = set()
    for found in summary.troubles:
        if found.state is not State.EXCLUDED:
            yield found.sheet, found
        elif found.job.name not in excluded:
            excluded.add(found.job.name)
            yield "all", found


def _why(found: SheetState) -> str:
    times = f"{found.attempts.failures} tries: " if found.attempts.failures > 1 else ""
    return f"{times}{found.reason}{f' (log: {found.attempts.log})' if found.attempts.log else ''}"


def submit_remarks(batch: Batch) -> None:
    """What a submit leaves out, and why."""
    if batch.blind:
        note("Slurm does not answer: what is queued is not known, and MaxArraySize is taken to be Slurm's default")
    if batch.busy:
        note(f"queued or running, left out: {array_spec(batch.busy)}")
    causes: dict[str, list[SheetState]] = {}
    for found in batch.given_up:
        causes.setdefault(same_cause(found.reason, found.job.part, found.sheet), []).append(found)
    for members in causes.values():
        first = members[0]
        many = "" if len(members) == 1 else f"{number(len(members), 'sheet')} of parts, e.g. "
        what = f"{many}{first.job.name} {first.sheet} (index {first.job.index})"
        log = f" (log: {first.attempts.log})" if first.attempts.log else ""
        note(f"failed {first.attempts.failures} times, left out: {what}: {first.reason}{log}")
    if not batch.arrays:
        note("nothing to submit")


def submit_table(batch: Batch) -> None:
    """The arrays that were submitted, one a line, and what they will make."""
    sent = [array for array in batch.arrays if array.job_id]
    if not sent:
        return
    rows = [
        [array.job_id, array.piece.spec, array.piece.offset, len(array.piece.indices), " ".join(array.sheets) or "all"]
        for array in sent
    ]
    print_table("", ["job", "array", "offset", "parts", "sheets"], rows)
    n_parts = sum(len(array.piece.indices) for array in sent)
    ids = " ".join(array.job_id for array in sent)
    typer.echo(
        f"{number(n_parts, 'part')}, {number(batch.n_files, 'file')}, about {size_text(batch.n_bytes)};"
        f" `spikebin status` shows how far, `scancel {ids}` ends them"
    )
    if batch.report is not None and batch.report.job_id:
        typer.echo(f"the report is job {batch.report.job_id}, after them")


def print_failures(failures: list[Outcome]) -> None:
    """What failed, and why, a row for each cause."""
    causes: dict[str, list[Outcome]] = {}
    for failure in failures:
        causes.setdefault(same_cause(failure.message, failure.job.part, failure.sheet), []).append(failure)
    rows = []
    for members in sorted(causes.values(), key=len, reverse=True):
        first = members[0]
        example = f"{'' if len(members) == 1 else 'e.g. '}{first.job.name} {first.sheet} (index {first.job.index})"
        rows.append([len(members), example, first.message])
    print_table("", ["failed", "where", "why"], rows, stderr=True, names=2)


def describe_table(facts: dict[str, Any]) -> None:
    """What is in a matrix file, a line for each fact."""
    binning, source = facts["binning"], facts["source"]
    counts = binning["values"] == "count"
    filled = f"{facts['mean_count']:.3g} a bin" if counts else f"{100 * facts['fraction_true']:.3f} % of bins"
    shortest, longest = facts["n_bins"]
    n_bins = number(longest, "bin") if shortest == longest else f"{shortest:,} to {longest:,} bins"
    rows = [
        ["file", facts["path"]],
        ["sheet", f"{facts['sheet']} of {facts['variant']}/{facts['part']}"],
        [
            "shape",
            f"{number(facts['n_trials'], 'trial')} x {number(facts['n_neurons'], 'neuron')}"
            f" x {number(facts['n_columns'], 'bin')}",
        ],
        [
            "trials",
            f"{number(facts['n_images'], 'image')}, {number(facts['n_repeats'], 'repeat')}, {n_bins} each",
        ],
        ["phases", _phases_text(facts)],
        [
            "binning",
            f"{binning['width']:g} ms, closed {binning['closed']},"
            f" {'with' if binning['end_bin'] else 'no'} end bin, {binning['values']}",
        ],
        ["neurons", f"ids {facts['neuron_ids'][0]} to {facts['neuron_ids'][1]}"],
        ["rate", f"{facts['mean_rate_hz']:.2f} Hz a neuron, {filled}"],
        [
            "spikes",
            f"{facts['n_spikes']:,} = {facts['n_binned']:,} binned + {facts['n_collisions']:,} collisions"
            f" + {facts['n_outside']:,} outside",
        ],
        *_unassigned(facts),
        [
            "stored",
            f"{size_text(facts['size'])}, layout {facts['layout']}, codec {facts['codec']},"
            f" {8 * facts['size'] / max(1, facts['n_binned']):.1f} bits a spike",
        ],
        ["source", f"{source['name']}, {number(source['files'], 'file')}, {size_text(source['size'])}"],
        ["made", f"{facts['created']} by spikebin {facts['spikebin_version']}"],
        ["content", facts["content_digest"]],
    ]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, escape(str(text)))
    terminal().print(table, crop=False)


def _phases_text(facts: dict[str, Any]) -> str:
    """The phases that trials consist of: where they lie, or where trials differ, each pattern with its number."""
    patterns = facts["patterns"]
    if len(patterns) == 1 and all(phase["ms"][0] == phase["ms"][1] for phase in patterns[0]["phases"]):
        return ", ".join(
            f"{p['name']} {p['duration']:g} ms in bins {p['first_bin']} to {p['first_bin'] + p['bins'] - 1}"
            for p in facts["phases"]
            if p["bins"]
        )
    return "; ".join(
        f"{number(pattern['trials'], 'trial')} of "
        + ", ".join(f"{phase['name']} {_range(*phase['ms'])} ms" for phase in pattern["phases"])
        for pattern in patterns
    )


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _unassigned(facts: dict[str, Any]) -> list[list[str]]:
    """Spikes of the recording that no trial took, where that is known."""
    if facts.get("n_unassigned") is None:
        return []
    return [["in no trial", f"{facts['n_unassigned']:,} spikes of the recording"]]


def raster(file: MatrixFile, trial: int) -> None:
    """One trial as a raster that fits the terminal, with its onsets of phases marked."""
    from spikebin.display.text import draw_raster

    console = Console(highlight=False)
    rows, columns = file.events(trial)
    facts = file.trials[trial]
    bins = facts["phase_bins"].tolist()
    onsets = {phase.name: sum(bins[:i]) for i, phase in enumerate(file.header.phases) if bins[i]}
    size = min(24, max(6, console.height - 20)), max(20, console.width - 2)
    console.print(f"\ntrial {trial}: image {facts['image_id']}, repeat {facts['repeat']}, {len(rows):,} spikes")
    for line in draw_raster(rows, columns, file.shape[1:], size, marks=list(onsets.values())):
        console.print(line, markup=False, soft_wrap=True)
    names = [f"{name} from bin {onset}" for name, onset in onsets.items()]
    console.print(
        f"{file.shape[1]} neurons by id, {file.shape[2]} bins of {file.binning.width:g} ms; {', '.join(names)}"
    )


def psth_lines(views: Mapping[str, View], origin: str | None = None) -> list[str]:
    """A line for each sheet that fits the terminal: its PSTH as bars, its mean and peak rate."""
    from spikebin.display.text import spark_psth

    return spark_psth(views, Console().width - 1, origin)


def conditions(panels: Sequence[Panel]) -> None:
    """Rates over time by condition, a line for each; if it is one neuron, its trials as a raster above them."""
    from spikebin.display.style import zero_words
    from spikebin.display.text import condition_lines, condition_raster

    console = Console(highlight=False)
    for panel in panels:
        first, last = panel.rates.edges[0], panel.rates.edges[-1]
        what = f"{panel.title}, {first:g} to {last:g} ms from {zero_words(panel.zero)}"
        console.print(what, markup=False, soft_wrap=True)
        lines = condition_lines(panel.rates, console.width - 1)
        if panel.rates.events is not None and len(panels) == 1:
            size = min(16, max(4, console.height - 12)), max(20, console.width - 2)
            lines = [*condition_raster(panel.rates, size), *lines]
        for line in lines:
            console.print(line, markup=False, soft_wrap=True)
