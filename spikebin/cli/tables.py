"""Answers drawn as rich tables and lines; what they say is worked out elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spikebin.cli.options import note, size_text
from spikebin.output.state import State
from spikebin.slurm.array_spec import array_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
    "plan_table",
    "print_failures",
    "print_table",
    "psth",
    "raster",
    "status_table",
    "submit_remarks",
    "submit_table",
]

LONGEST_PLAN = 40
MOST_TROUBLES = 100
WIDEST = 10_000
NARROWEST_FOLD = 24


def print_table(
    title: str,
    columns: list[str],
    rows: Iterable[Iterable[Any]],
    *,
    stderr: bool = False,
    dispensable: Sequence[str] = (),
) -> None:
    """Draw a table; numbers to the right, texts to the left. Only the last column is ever folded, and only a text.

    Parameters
    ----------
    title : str
    columns : list of str
    rows : iterable of iterable
    stderr : bool
        Draw it there.
    dispensable : sequence of str
        Columns to leave out, first ones first, where the terminal is too narrow.
    """
    console = _console(stderr=stderr)
    body = [list(row) for row in rows]
    for column in dispensable:
        tightest = _table(title, columns, [[*row[:-1], str(row[-1])[:NARROWEST_FOLD]] for row in body])
        if console.measure(tightest, options=console.options.update(width=WIDEST)).maximum <= console.width:
            break
        i = columns.index(column)
        columns = columns[:i] + columns[i + 1 :]
        body = [row[:i] + row[i + 1 :] for row in body]
    # What is still too wide is for the terminal to wrap: a name cut short could be another's.
    console.print(_table(title, columns, body), crop=False)


def _console(*, stderr: bool = False) -> Console:
    """Where a table goes: as wide as a terminal is; a pipe gets each row on one line."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = WIDEST
    return console


def _number(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _table(title: str, columns: list[str], body: list[list[Any]]) -> Table:
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    texts = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in body]
    for i, column in enumerate(columns):
        right = bool(body) and all(isinstance(row[i], int | float) for row in body)
        fold = i == len(columns) - 1 and not right
        width = None if fold else max(len(text) for text in [column, *(row[i] for row in texts)])
        justify: Literal["left", "right"] = "right" if right else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=not fold, min_width=width)
    for row in texts:
        table.add_row(*map(escape, row))
    return table


def plan_table(plan: Plan) -> None:
    """The jobs of a plan, the middle left out where there are many."""
    shown = list(plan.jobs)
    if len(shown) > LONGEST_PLAN:
        shown = shown[: LONGEST_PLAN // 2] + shown[-LONGEST_PLAN // 2 :]
    rows: list[list[Any]] = [
        [str(job.index), job.variant, job.part, len(job.sheets), sum(bool(source.path) for source in job.sources)]
        for job in shown
    ]
    if len(shown) < len(plan.jobs):
        rows.insert(LONGEST_PLAN // 2, ["...", f"{len(plan.jobs) - len(shown)} more", "", 0, 0])
    print_table("", ["index", "variant", "part", "sheets", "sources"], rows)


def status_table(summary: Summary) -> None:
    """Sheets by variant by state, as far as a state occurs, then what is in trouble, why, and where its log is."""
    states = [state for state in State if state is State.DONE or any(row.states[state] for row in summary.rows)]
    activities = [name for name in ("queued", "running") if any(getattr(row, name) for row in summary.rows)]
    unassigned = ["in no trial"] if any(row.n_unassigned for row in summary.rows) else []
    rows = [
        [row.sheet, row.variant, *(row.states[state] for state in states)]
        + [getattr(row, name) for name in activities]
        + [row.n_spikes, row.n_collisions]
        + [row.n_unassigned for _ in unassigned]
        + [size_text(row.size)]
        for row in summary.rows
    ]
    columns = ["sheet", "variant", *map(str, states), *activities, "spikes", "collisions", *unassigned, "size"]
    print_table("", columns, rows, dispensable=("collisions", "spikes", *unassigned, "size"))
    if summary.troubles:
        troubles = [
            [str(found.job.index), found.job.name, sheet, str(found.state), found.attempts.failures, _why(found)]
            for sheet, found in _troubles(summary)
        ]
        shown, columns = troubles[:MOST_TROUBLES], ["index", "part", "sheet", "state", "tries", "why"]
        print_table("", columns, shown, dispensable=("tries", "state"))
        if len(shown) < len(troubles):
            note(f"{len(troubles) - len(shown):,} more: `spikebin status --json` has all, --sheet narrows it")


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
    return f"{found.reason} (log: {found.attempts.log})" if found.attempts.log else found.reason


def submit_remarks(batch: Batch) -> None:
    """What a submit leaves out, and why."""
    if batch.blind:
        note("Slurm does not answer: what is queued is not known, and MaxArraySize is taken to be Slurm's default")
    if batch.busy:
        note(f"queued or running, left out: {array_spec(batch.busy)}")
    for found in batch.given_up:
        what = f"{found.job.name} {found.sheet} (index {found.job.index})"
        note(f"failed {found.attempts.failures} times, left out: {what}: {_why(found)}")
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
    print_table("", ["job", "array", "offset", "parts", "sheets"], rows, dispensable=("array",))
    n_parts = sum(len(array.piece.indices) for array in sent)
    typer.echo(
        f"{n_parts} parts, {batch.n_files} files, about {size_text(batch.n_bytes)}; `spikebin status` shows how far,"
        f" `scancel {' '.join(array.job_id for array in sent)}` ends them"
    )
    if batch.report is not None and batch.report.job_id:
        typer.echo(f"the report is job {batch.report.job_id}, behind them")


def print_failures(failures: list[Outcome]) -> None:
    """What failed, and why."""
    rows = [[failure.job.index, failure.job.name, failure.sheet, failure.message] for failure in failures]
    print_table("failed", ["index", "part", "sheet", "why"], rows, stderr=True)


def describe_table(facts: dict[str, Any]) -> None:
    """What is in a matrix file, a line for each fact."""
    binning, source = facts["binning"], facts["source"]
    counts = binning["values"] == "count"
    filled = f"{facts['mean_count']:.3g} a bin" if counts else f"{100 * facts['fraction_true']:.3f} % of bins"
    shortest, longest = facts["n_bins"]
    n_bins = _number(longest, "bin") if shortest == longest else f"{shortest:,} to {longest:,} bins"
    rows = [
        ["file", facts["path"]],
        ["sheet", f"{facts['sheet']} of {facts['variant']}/{facts['part']}"],
        [
            "shape",
            f"{_number(facts['n_trials'], 'trial')} x {_number(facts['n_neurons'], 'neuron')}"
            f" x {_number(facts['n_columns'], 'bin')}",
        ],
        [
            "trials",
            f"{_number(facts['n_images'], 'image')}, {_number(facts['n_repeats'], 'repeat')}, {n_bins} each",
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
        ["source", f"{source['name']}, {_number(source['files'], 'file')}, {size_text(source['size'])}"],
        ["made", f"{facts['created']} by spikebin {facts['spikebin_version']}"],
        ["content", facts["content_digest"]],
    ]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(name, escape(str(text)))
    _console().print(table, crop=False)


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
        f"{_number(pattern['trials'], 'trial')} of "
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


def psth(views: Any, origin: str | None = None) -> None:
    """A line for each sheet: its PSTH as bars, its mean and peak rate."""
    from spikebin.display.text import spark_psth

    console = Console(highlight=False)
    for line in spark_psth(views, console.width - 1, origin):
        console.print(line, markup=False, soft_wrap=True)


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
