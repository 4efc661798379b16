"""Commands for numbers about spikes, a page of them, and rates by condition: stats, report, psth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikebin.cli import app, completion
from spikebin.cli import stats_options as option
from spikebin.cli.dataset_options import BrokenOption, DatasetOption, LeaveOutOption, open_sheets, output_of
from spikebin.cli.options import ConfigOption, JsonOption, SheetOption, VariantOption, answer_json, load, note
from spikebin.cli.wording import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from spikebin.dataset.dataset import Dataset
    from spikebin.output.state import SheetState
    from spikebin.pipeline.plan import Plan
    from spikebin.stats.collect import Request
    from spikebin.stats.statistics import Stats


def _widths(text: str, option: str = "--width") -> list[float]:
    from spikebin.recordings.continuous.units import parse_ms

    try:
        return [parse_ms(width) for width in text.split(",") if width.strip()]
    except ValueError as error:
        raise typer.BadParameter(f"{option} {text}: {error}") from None


@app.command()
def stats(
    width: option.Width = None,
    window: option.Window = None,
    origin: option.Origin = "image",
    across: option.Across = False,
    short: option.Short = "refuse",
    neurons_index: option.NeuronsIndex = None,
    sample: option.Sample = 100,
    variant: VariantOption = None,
    sheet: SheetOption = None,
    index: option.Index = None,
    missing: option.Missing = False,
    match: option.Match = "exact",
    leave_out: LeaveOutOption = None,
    without_broken: BrokenOption = False,
    out: option.Out = None,
    formats: option.Formats = None,
    plot: option.Plot = None,
    workers: option.Workers = None,
    json: JsonOption = False,
    dataset: DatasetOption = None,
    config: ConfigOption = None,
) -> None:
    """Count spikes: rates, PSTHs, histograms, Fano factors, correlations of each sheet, at several widths in one pass.

    What each part adds up to is kept in OUTPUT/stats, so that a second call, or one after an array of Slurm tasks
    (`spikebin template stats.sbatch`), takes seconds; a part that was exported again is counted again.
    """
    from spikebin.system.process import cpus, settle_in

    settle_in()
    from spikebin.dataset.dataset import dataset_of
    from spikebin.dataset.open import chosen_variants, sheets_of
    from spikebin.exports.materialise import parse_window
    from spikebin.exports.old_layouts import read_index
    from spikebin.stats.collect import Cut, Request

    if sum((index is not None, missing, out is not None)) > 1:
        raise typer.BadParameter("--index, --missing and --out do different things: give one of them")
    if (index is not None or missing) and plot is not None:
        raise typer.BadParameter("--plot draws all parts: leave --index and --missing out")
    if (index is not None or missing) and (dataset is not None or match != "exact"):
        raise typer.BadParameter("--index and --missing go job by job: leave --dataset and --match out")
    cut = Cut(None if window is None else parse_window(window), origin, across, short)
    subsets = {path.stem: read_index(path) for path in neurons_index or ()}
    request = Request(None if width is None else _widths(width), cut, subsets, sample)
    threads = workers or cpus()
    if index is not None or missing:
        plan = load(config)
        states = _states(plan, sheet, variant)
        if missing:
            _print_missing(plan, request, states)
        else:
            assert index is not None  # noqa: S101
            raise typer.Exit(_add_up(plan, request, states, index, threads))
        return
    output = output_of(config, dataset)
    found: list[tuple[str, Stats]] = []
    for name in chosen_variants(output[0], variant):
        for one in sheets_of(output[0], name, sheet):
            sheets = open_sheets(output, name, one, match, leave_out, broken=without_broken)
            found += _with_progress(dataset_of(next(iter(sheets.values()))), request, output[0], threads).items()
    if plot is not None:
        from spikebin.display.statistics import plot_statistics

        plot_statistics(found, plot)
        note(f"wrote {plot}")
    _answer(found, out, formats or ["csv"], json=json)


@app.command()
def report(
    out: Annotated[Path, typer.Argument(metavar="OUT.html", help="The page to write.")],
    variant: VariantOption = None,
    sheet: SheetOption = None,
    kept: Annotated[
        bool, typer.Option("--kept", help="Only count what `spikebin stats` has counted already: takes seconds.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Write the page again and again until nothing is missing, or Ctrl-C.")
    ] = False,
    every: Annotated[int, typer.Option("--every", metavar="SECONDS", min=1, help="Of --watch.")] = 30,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", min=1, help="Parts at once; default: the CPUs there are.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write one HTML page about the data set: what is missing and why, rates, PSTHs, rasters, outliers, provenance.

    The page needs no network and no other file. What it counts is kept, as by `spikebin stats`.
    """
    import time

    from spikebin.system.process import cpus, settle_in

    settle_in()
    from spikebin.output.state import survey

    plan = load(config)
    sheet, variant = sheet and plan.find_sheet(sheet), variant and plan.find_variant(variant)

    def look() -> list[SheetState]:
        return list(survey(plan, sheet=sheet, variant=variant))

    while True:
        _write_page(plan, look, out, count=not kept, threads=workers or cpus(), reload=every if watch else None)
        if not (watch and any(found.state.wanted for found in look())):
            return
        time.sleep(every)


@app.command()
def psth(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A matrix file.")],
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN",
            help="Column of the trials that says which condition each is of; default: all alike.",
            show_default=False,
            autocompletion=completion.trial_columns,
        ),
    ] = None,
    units: Annotated[
        list[int] | None,
        typer.Option(
            "--unit",
            "-u",
            metavar="ID",
            help="Only this neuron. May be repeated; default: the mean of all.",
            show_default=False,
            autocompletion=completion.neurons,
        ),
    ] = None,
    most_active: Annotated[
        int,
        typer.Option("--most-active", metavar="N", min=0, help="The N neurons with the highest rates, one by one."),
    ] = 0,
    smooth: Annotated[
        str, typer.Option("--smooth", metavar="MS", help="Standard deviation of a Gaussian; 0: none.")
    ] = "0",
    origin: Annotated[
        str | None,
        typer.Option(
            "--origin",
            metavar="PHASE",
            help="Align the trials at the onset of this phase; default: of the image, where that differs.",
            show_default=False,
            autocompletion=completion.phases,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw it as a picture: .pdf, .svg, .png (needs matplotlib, extra plot).",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the firing rate over time by condition, and the trials of single neurons as rasters."""
    smooth_ms = _widths(smooth, "--smooth")
    if len(smooth_ms) != 1:
        raise typer.BadParameter(f"--smooth {smooth}: give one number of ms")
    from spikebin.cli.progress import reading
    from spikebin.dataset.file_view import open_file
    from spikebin.display.conditions import panels_of, plot_conditions

    # To find the most active neurons, all trials are read once more.
    passes = 1 + (most_active > 0 and not units)
    with reading({"": open_file(path)}, passes) as views:
        panels = panels_of(views, by, units=units or (), most_active=most_active, smooth=smooth_ms[0], origin=origin)
    if plot is not None:
        plot_conditions(panels, plot, by=by, note=f", smoothed over {smooth_ms[0]:g} ms" if smooth_ms[0] else "")
        note(f"wrote {plot}")
    if json:
        from spikebin.stats.conditions import as_json

        answer_json([{"title": panel.title, "zero": panel.zero, **as_json(panel.rates)} for panel in panels])
        return
    from spikebin.cli.tables import conditions

    conditions(panels)


def _write_page(
    plan: Plan, look: Callable[[], list[SheetState]], out: Path, *, count: bool, threads: int, reload: int | None
) -> None:
    from spikebin.cli.progress import counted
    from spikebin.display.report.page import page
    from spikebin.stats.overview import gather
    from spikebin.system.files import write_atomically
    from spikebin.system.leftovers import remove_stale

    with counted("parts", sum(found.header is not None for found in look())) as on_part:
        overview = gather(plan, look, config=plan.config.path, count=count, threads=threads, on_part=on_part)
    remove_stale(out.parent, out.name)
    write_atomically(out, (piece.encode() for piece in page(overview, reload=reload)))
    n_done = sum(cell.state == "done" for cell in overview.cells)
    note(f"wrote {out}: {n_done:,} of {number(len(overview.cells), 'file')}")


def _with_progress(dataset: Dataset, request: Request, output: Path, threads: int) -> dict[str, Stats]:
    from spikebin.cli.progress import followed_by_trials
    from spikebin.stats.collect import collect, reduce_parts

    parts = collect(dataset, request, output, threads=threads)
    return reduce_parts(dataset, request, followed_by_trials(parts, dataset.only(None)))


def _states(plan: Plan, sheet: str | None, variant: str | None) -> dict[int, list[SheetState]]:
    """The sheets of each job that are done, or should be."""
    from spikebin.output.state import State, survey

    states: dict[int, list[SheetState]] = {}
    for found in survey(plan, sheet=sheet and plan.find_sheet(sheet), variant=variant and plan.find_variant(variant)):
        if found.state not in {State.EXCLUDED, State.NO_SOURCE}:
            states.setdefault(found.job.index, []).append(found)
    return states


def _print_missing(plan: Plan, request: Request, states: dict[int, list[SheetState]]) -> None:
    from spikebin.slurm.array_spec import array_spec
    from spikebin.stats.collect import are_kept, part_of

    output = plan.output
    lacking = [
        index
        for index, sheets in states.items()
        if not all(
            are_kept(part_of(output, found.job.variant, found.job.part, found.sheet), request, output)
            for found in sheets
            if found.header is not None
        )
    ]
    if lacking:
        typer.echo(array_spec(lacking))
    else:
        note("nothing is missing: all that is done has been added up")


def _add_up(plan: Plan, request: Request, states: dict[int, list[SheetState]], index: str, threads: int) -> int:
    """Add up some jobs; the exit code, 1 where a sheet is not done."""
    from spikebin.cli.progress import counted
    from spikebin.slurm.array_spec import parse_array_spec
    from spikebin.stats.collect import collect, part_of

    code = 0
    chosen = [found for span in parse_array_spec(index) for i in span for found in states.get(plan.job(i).index, ())]
    with counted("files", len(chosen)) as on_file:
        for found in chosen:
            what = f"{found.job.name} {found.sheet}"
            if found.header is None:
                note(f"error: {what} is {found.state}: export it first, `spikebin job {found.job.index}`")
                code = 1
            else:
                dataset = part_of(plan.output, found.job.variant, found.job.part, found.sheet)
                for _, kept, _ in collect(dataset, request, plan.output, threads=threads):
                    note(f"{what}: {'added up already' if kept else 'added up'}")
            on_file()
    return code


def _answer(found: list[tuple[str, Stats]], out: Path | None, formats: list[str], *, json: bool) -> None:
    from spikebin.stats.tables import summary

    rows = []
    for subset, stats in found:
        variant, sheet = stats.name.split("/", 1)
        rows += [{"variant": variant, "sheet": sheet, "subset": subset, **row} for row in summary(stats)]
    if out is not None:
        from spikebin.stats.files import write_statistics

        written = list(write_statistics(found, out, formats))  # type: ignore[arg-type]
        note(f"wrote {number(len(written), 'file')} to {out}: {', '.join(path.name for path in written)}")
    if json:
        answer_json(rows)
        return
    from spikebin.cli.fit_table import print_table

    columns = ["variant", "sheet", "subset", "width", "trials", "neurons", "Hz", "silent", "CV", "reliable"]
    columns += ["synchrony", "Fano", "correlation"]
    if not any(subset != "all" for subset, _ in found):
        columns.remove("subset")
        rows = [{name: value for name, value in row.items() if name != "subset"} for row in rows]
    names = columns.index("trials")
    print_table("", columns, [[_cell(value) for value in row.values()] for row in rows], names=names)


def _cell(value: object) -> object:
    """Three digits of a fraction; one that is 0 but for rounding is 0."""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) > 1e-9 else "0"
    return "-" if value is None else value
