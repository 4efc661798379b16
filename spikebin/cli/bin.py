"""Commands for recordings without a plan: bin, formats."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikebin.choices import Closed, Codec, Layout, RaggedTrials, Short, Values
from spikebin.cli import app, completion
from spikebin.cli.options import JsonOption, answer_json, note

if TYPE_CHECKING:
    from spikebin.errors import SpikebinError
    from spikebin.pipeline.one_step import Binned

TRIALS, READING, OUTPUT = "Trials", "What a recording does not tell of itself", "Output"


def _ms(text: str) -> float:
    from spikebin.recordings.continuous.units import parse_ms

    try:
        return parse_ms(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command("bin")
def bin_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Recordings; `spikebin formats` lists what can be read.")
    ],
    width: Annotated[
        str, typer.Option("--width", "-w", metavar="MS", help="Length of a bin in ms; 10ms and 0.01s are understood.")
    ],
    trials: Annotated[
        str | None,
        typer.Option(
            "--trials",
            "-t",
            metavar="FILE",
            help="Events, CSV or TSV with a header; the name of a table in the recording; none: one trial of all.",
            show_default=False,
            rich_help_panel=TRIALS,
        ),
    ] = None,
    window: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--window",
            metavar="START STOP",
            help="ms around each event; default: the whole trial.",
            show_default=False,
            rich_help_panel=TRIALS,
        ),
    ] = None,
    align_to: Annotated[
        str | None,
        typer.Option(
            "--align-to",
            "-a",
            metavar="COLUMN",
            help="Event that windows are relative to.",
            show_default=False,
            autocompletion=completion.columns,
            rich_help_panel=TRIALS,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="COLUMN",
            help="Event that a trial lasts to, without a window.",
            show_default=False,
            autocompletion=completion.columns,
            rich_help_panel=TRIALS,
        ),
    ] = None,
    trials_unit: Annotated[
        str | None,
        typer.Option(
            "--trials-unit",
            metavar="UNIT",
            help="Of the events: s, ms, us, ns or samples.",
            show_default=False,
            rich_help_panel=TRIALS,
        ),
    ] = None,
    image_id: Annotated[
        str | None,
        typer.Option(
            "--image-id",
            metavar="COLUMN",
            help="Names what was shown in each trial.",
            show_default=False,
            autocompletion=completion.columns,
            rich_help_panel=TRIALS,
        ),
    ] = None,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Leave out trials without a time.", rich_help_panel=TRIALS)
    ] = False,
    short: Annotated[
        Short, typer.Option("--short", help="Trials that reach past what was recorded.", rich_help_panel=TRIALS)
    ] = "refuse",
    relative_to: Annotated[
        str | None,
        typer.Option(
            "--relative-to",
            metavar="COLUMN",
            help="Column that the times of the other events are relative to: start_time.",
            show_default=False,
            rich_help_panel=TRIALS,
        ),
    ] = None,
    ragged: Annotated[
        RaggedTrials, typer.Option("--ragged", help="Trials of different lengths.", rich_help_panel=TRIALS)
    ] = "refuse",
    kind: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Default: told from what is there.",
            show_default=False,
            autocompletion=completion.formats,
            rich_help_panel=READING,
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            "-u",
            metavar="UNIT",
            help="Of the spike times: s, ms, us, ns or samples.",
            show_default=False,
            rich_help_panel=READING,
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="HZ", help="Samples per second.", show_default=False, rich_help_panel=READING),
    ] = None,
    times: Annotated[
        str | None,
        typer.Option(
            "--times",
            metavar="NAME",
            help="Column or array of spike times.",
            show_default=False,
            rich_help_panel=READING,
        ),
    ] = None,
    neurons: Annotated[
        str | None,
        typer.Option(
            "--neurons",
            metavar="NAME",
            help="Column or array of neuron ids, or a second .npy.",
            show_default=False,
            rich_help_panel=READING,
        ),
    ] = None,
    ids: Annotated[
        str | None,
        typer.Option(
            "--ids",
            metavar="IDS",
            help="Only these neurons, silent ones too: 1-1000,2001.",
            show_default=False,
            rich_help_panel=READING,
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="LABELS",
            help="Only units labelled so: good,mua; of NWB also COLUMN=good.",
            show_default=False,
            rich_help_panel=READING,
        ),
    ] = None,
    nodes: Annotated[
        Path | None,
        typer.Option("--nodes", metavar="FILE", help="SONATA's nodes.h5.", show_default=False, rich_help_panel=READING),
    ] = None,
    population: Annotated[
        str | None,
        typer.Option(
            "--population",
            metavar="COLUMN",
            help="Of a table of spikes: each of its values is a sheet; none: it says nothing.",
            show_default=False,
            rich_help_panel=READING,
        ),
    ] = None,
    trial: Annotated[
        str | None,
        typer.Option(
            "--trial",
            metavar="COLUMN",
            help="Of a table of spikes: the trial that their times are relative to; none: all on one clock.",
            show_default=False,
            rich_help_panel=READING,
        ),
    ] = None,
    follow_links: Annotated[
        bool,
        typer.Option(
            "--follow-links",
            help="Take what an HDF5 file names in other files of its directory.",
            rich_help_panel=READING,
        ),
    ] = False,
    sheets: Annotated[
        list[str] | None,
        typer.Option(
            "--sheet",
            "-s",
            metavar="SHEET",
            help="Only this sheet. May be repeated.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help=".h5 (sealed matrix file), .npz or .npy; or a directory.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.", rich_help_panel=OUTPUT)] = False,
    closed: Annotated[
        Closed, typer.Option("--closed", help="The edge that belongs to a bin.", rich_help_panel=OUTPUT)
    ] = "left",
    end_bin: Annotated[
        bool, typer.Option("--end-bin", help="One more bin, for spikes at exactly the end.", rich_help_panel=OUTPUT)
    ] = False,
    values: Annotated[Values, typer.Option("--values", help="What a bin holds.", rich_help_panel=OUTPUT)] = "bool",
    layout: Annotated[Layout, typer.Option("--layout", help="Of a matrix file.", rich_help_panel=OUTPUT)] = "matrix",
    codec: Annotated[Codec, typer.Option("--codec", help="Of a matrix file.", rich_help_panel=OUTPUT)] = "blosc2",
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            metavar="N",
            min=1,
            help="Default: the CPUs granted.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw raster and PSTH around the event: .pdf, .svg, .png (needs matplotlib, extra plot).",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN",
            help="Of --plot: column of the events that says which condition a trial is of.",
            show_default=False,
            rich_help_panel=OUTPUT,
            autocompletion=completion.columns,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make trial x neuron x time matrices of recordings in one step, without config or plan."""
    if plot is not None and out is not None and out.suffix in {".npz", ".npy"}:
        raise typer.BadParameter("--plot draws what a matrix file holds: give --out FILE.h5, a directory, or no --out")
    if by is not None and plot is None:
        raise typer.BadParameter("--by is of --plot: give --plot FILE.pdf, too")
    span = None if window is None else (_ms(window[0]), _ms(window[1]))
    if span is not None and not span[0] < span[1]:
        raise typer.BadParameter(f"--window {window[0]} {window[1]}: its start must be before its stop")  # type: ignore[index]
    width_ms = _ms(width)

    from spikebin.system.compat import load_numba_without_blas

    load_numba_without_blas()

    from spikebin.binning.rules import Binning
    from spikebin.matrixfile.write_sheet import Settings
    from spikebin.pipeline.one_step import bin_recordings
    from spikebin.recordings.settings import Reading, TrialRule
    from spikebin.system.process import cpus

    settings = Settings(
        binning=Binning(width_ms, closed, end_bin, values),
        layout=layout,
        codec=codec,
        threads=threads or cpus(),
    )
    rule = TrialRule(
        image_id=image_id,
        events=trials,
        events_unit=trials_unit,
        align_to=align_to,
        until=until,
        window_start=span and span[0],
        window_stop=span and span[1],
        drop_missing=drop_missing,
        short=short,
        relative_to=relative_to,
    )
    reading = Reading(
        unit=unit,
        rate=rate,
        times=times,
        neurons=neurons,
        ids=ids,
        labels=None if labels is None else tuple(label.strip() for label in labels.split(",")),
        nodes=None if nodes is None else str(nodes),
        population=population,
        trial=trial,
        follow_links=follow_links,
    )
    answers: list[dict[str, Any]] = []
    failed: list[SpikebinError] = []
    told: set[str] = set()

    def failing(error: SpikebinError) -> None:
        failed.append(error)
        note(f"error: {' '.join(str(error).split())}")

    with TemporaryDirectory(prefix="spikebin-") if plot is not None and out is None else nullcontext(out) as place:
        drawn: list[Path] = []
        for binned in bin_recordings(
            files,
            settings,
            rule,
            kind=kind,
            reading=reading,
            sheets=sheets or (),
            out=None if place is None else Path(place),
            ragged=ragged,
            force=force,
            on_error=failing,
        ):
            drawn += [] if binned.out is None else [binned.out]
            told_of = binned if out is not None else replace(binned, out=None)
            answers.append(told_of.as_dict())
            if not json:
                _tell(told_of, [text for text in binned.notes if text not in told])
                told.update(binned.notes)
        if plot is not None and drawn:
            _draw(drawn, plot, by)
    if json:
        answer_json(answers)
    if out is None and plot is None and answers:
        note("nothing is written without --out FILE.h5, .npz or .npy")
    if failed:
        raise typer.Exit(1)


def _draw(paths: list[Path], plot: Path, by: str | None) -> None:
    from spikebin.dataset.file_view import open_file
    from spikebin.display.conditions import panels_of, plot_conditions

    opened = [open_file(path) for path in paths]
    views = {opened[0].sheet: opened[0]} if len(opened) == 1 else {view.path.stem: view for view in opened}
    plot_conditions(panels_of(views, by), plot, by=by)
    note(f"wrote {plot}")


@app.command()
def formats(json: JsonOption = False) -> None:
    """List the raw formats that can be read, and what each needs."""
    from spikebin.recordings import FORMATS

    if json:
        from dataclasses import asdict

        answer_json([{"format": name, **asdict(form)} for name, form in FORMATS.items()])
        return
    from spikebin.cli.tables import print_table

    rows = [[name, form.what, form.sheets, form.trials, form.needs or "nothing more"] for name, form in FORMATS.items()]
    print_table("", ["format", "a recording is", "sheets", "trials", "needs"], rows)


def _tell(binned: Binned, notes: list[str]) -> None:
    """What became of one sheet, a line for each fact."""
    n_trials, n_neurons, n_columns = binned.shape
    bins = "" if binned.n_bins[0] == n_columns else f" (the shortest trial has {binned.n_bins[0]:,})"
    recorded = (
        ""
        if binned.n_recorded is None or binned.n_in_no_trial is None
        else f"; {binned.n_recorded:,} recorded, {binned.n_in_no_trial:,} of them in no trial"
    )
    low, middle, high = binned.rates
    typer.echo(f"{binned.recording}, {binned.sheet}: {binned.taken}")
    typer.echo(
        f"  shape       {n_trials:,} trials x {n_neurons:,} neurons x {n_columns:,} bins of {binned.width:g} ms{bins}"
    )
    typer.echo(f"  spikes      {binned.n_spikes:,} in trials, {binned.n_binned:,} binned{recorded}")
    typer.echo(f"  collisions  {binned.n_collisions:,}")
    typer.echo(f"  outside     {binned.n_outside:,}")
    typer.echo(f"  rate        {binned.rate:.2f} Hz a neuron, from {low:.2f} to {high:.2f}, median {middle:.2f}")
    if binned.n_unobserved:
        pairs = n_trials * n_neurons
        typer.echo(f"  unobserved  {binned.n_unobserved:,} of {pairs:,} pairs of trial and neuron, in whole or in part")
    for text in notes:
        typer.echo(f"  note        {text}")
    if binned.out is not None:
        typer.echo(f"  written     {binned.out}")
