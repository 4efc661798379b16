"""Commands for recordings without a plan: bin, formats."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from spikebin.cli import app
from spikebin.cli import bin_options as option
from spikebin.cli.options import JsonOption, answer_json, note, say
from spikebin.cli.wording import number
from spikebin.errors import RecordingError
from spikebin.names import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spikebin.errors import SpikebinError
    from spikebin.pipeline.one_step import Binned


def _ms(text: str) -> float:
    from spikebin.recordings.continuous.units import parse_ms

    try:
        return parse_ms(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _texts(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(one.strip() for one in text.split(","))


@app.command("bin")
def bin_(
    files: option.Files,
    width: option.Width,
    trials: option.Trials = None,
    window: option.Window = None,
    align_to: option.AlignTo = None,
    until: option.Until = None,
    trials_unit: option.TrialsUnit = None,
    image_id: option.ImageId = None,
    drop_missing: option.DropMissing = False,
    short: option.Short = "refuse",
    relative_to: option.RelativeTo = None,
    ragged: option.Ragged = "refuse",
    kind: option.Kind = None,
    unit: option.Unit = None,
    rate: option.Rate = None,
    times: option.Times = None,
    neurons: option.Neurons = None,
    ids: option.Ids = None,
    labels: option.Labels = None,
    nodes: option.Nodes = None,
    population: option.Population = None,
    trial: option.Trial = None,
    duration: option.Duration = None,
    bin_width: option.BinWidth = None,
    phases: option.Phases = None,
    follow_links: option.FollowLinks = False,
    sheets: option.Sheets = None,
    out: option.Out = None,
    force: option.Force = False,
    closed: option.Closed = "left",
    end_bin: option.EndBin = False,
    values: option.Values = "count",
    layout: option.Layout = "matrix",
    codec: option.Codec = "blosc2",
    threads: option.Threads = None,
    plot: option.Plot = None,
    by: option.By = None,
    json: JsonOption = False,
) -> None:
    """Make trial x neuron x time matrices of recordings in one step, without config or plan."""
    _check_plot(plot, by, out)
    start, stop = (None, None) if window is None else _span(window)
    width_ms = _ms(width)

    from spikebin.system.compat import load_numba_without_blas

    load_numba_without_blas()

    from spikebin.binning.rules import Binning
    from spikebin.matrixfile.write_sheet import Settings
    from spikebin.pipeline.one_step import bin_recordings
    from spikebin.recordings.settings import Reading, TrialRule
    from spikebin.system.process import cpus

    settings = Settings(Binning(width_ms, closed, end_bin, values), layout, codec, threads or cpus())
    rule = TrialRule(
        image_id=image_id, events=trials, events_unit=trials_unit, align_to=align_to, until=until,
        window_start=start, window_stop=stop, drop_missing=drop_missing, short=short, relative_to=relative_to,
    )  # fmt: skip
    reading = Reading(
        unit=unit, rate=rate, times=times, neurons=neurons, ids=ids, nodes=tuple(nodes or ()) or None,
        labels=_texts(labels), population=population, trial=trial, follow_links=follow_links, phases=_texts(phases),
        duration=None if duration is None else _ms(duration), bin_width=None if bin_width is None else _ms(bin_width),
    )  # fmt: skip
    make = partial(
        bin_recordings,
        files,
        settings,
        rule,
        kind=kind,
        reading=reading,
        sheets=sheets or (),
        ragged=ragged,
        force=force,
    )
    _bin_and_tell(make, out, plot, by, json=json)


def _bin_and_tell(
    make: Callable[..., Iterator[Binned]], out: Path | None, plot: Path | None, by: str | None, *, json: bool
) -> None:
    from spikebin.cli.progress import growing

    failed: list[SpikebinError] = []

    def failing(error: SpikebinError) -> None:
        failed.append(error)
        note(f"error: {' '.join(str(error).split())}")

    drawn_alone = plot is not None and out is None
    with TemporaryDirectory(prefix="spikebin-") if drawn_alone else nullcontext(out) as place:
        with growing("trials") as tell:
            done = make(out=None if place is None else Path(place), on_error=failing, tell=tell)
            answers, written = _answers(done, kept=out is not None, json=json)
        if plot is not None and written:
            _draw(written, plot, by)
    if json:
        answer_json(answers)
    if out is None and plot is None and answers:
        note("nothing is written without --out FILE.h5, .npz or .npy")
    if failed:
        raise typer.Exit(1)


def _check_plot(plot: Path | None, by: str | None, out: Path | None) -> None:
    if plot is not None and out is not None and out.suffix in {".npz", ".npy"}:
        raise typer.BadParameter("--plot draws what a matrix file holds: give --out FILE.h5, a directory, or no --out")
    if by is not None and plot is None:
        raise typer.BadParameter("--by needs --plot: give --plot FILE.pdf, too")


def _span(window: tuple[str, str]) -> tuple[float, float]:
    start, stop = _ms(window[0]), _ms(window[1])
    if not start < stop:
        raise typer.BadParameter(f"--window {window[0]} {window[1]}: its start must be before its stop")
    return start, stop


def _answers(done: Iterator[Binned], *, kept: bool, json: bool) -> tuple[list[dict[str, Any]], list[Path]]:
    """What became of each sheet, told as it comes unless all is asked for as JSON; and the files, kept or not."""
    answers: list[dict[str, Any]] = []
    written: list[Path] = []
    told: set[str] = set()
    for binned in done:
        written += [] if binned.out is None else [binned.out]
        told_of = binned if kept else replace(binned, out=None)
        answers.append(told_of.as_dict())
        if not json:
            _tell(told_of, [text for text in binned.notes if text not in told])
            told.update(binned.notes)
    return answers, written


def _draw(paths: list[Path], plot: Path, by: str | None) -> None:
    from spikebin.cli.progress import reading
    from spikebin.dataset.file_view import open_file
    from spikebin.display.conditions import panels_of, plot_conditions

    opened = [open_file(path) for path in paths]
    views = {opened[0].sheet: opened[0]} if len(opened) == 1 else {view.path.stem: view for view in opened}
    with reading(views) as watched:
        panels = panels_of(watched, by)
    plot_conditions(panels, plot, by=by)
    note(f"wrote {plot}")


@app.command()
def formats(name: option.FormatName = None, json: JsonOption = False) -> None:
    """List the raw formats that can be read, and what each needs; or all of one, with an example."""
    from spikebin.recordings import FORMATS

    if name is not None and name not in FORMATS:
        raise RecordingError(f"no format {name!r}: {suggest(name, FORMATS)}")
    if json:
        from dataclasses import asdict

        chosen = FORMATS if name is None else {name: FORMATS[name]}
        answer_json([{"format": key, **asdict(form)} for key, form in chosen.items()])
        return
    if name is not None:
        form = FORMATS[name]
        typer.echo(f"{name}: {form.what}")
        typer.echo(f"  sheets    {form.sheets}")
        typer.echo(f"  trials    {form.trials}")
        typer.echo(f"  needs     {form.needs or 'nothing more'}")
        typer.echo(f"  settings  {', '.join(form.settings) or 'none'}")
        typer.echo(f"  example   {form.example}")
        return
    from spikebin.cli.fit_table import print_table

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
    say(f"{binned.recording}, {binned.sheet}: {binned.taken}")
    shape = f"{number(n_trials, 'trial')} x {number(n_neurons, 'neuron')} x {number(n_columns, 'bin')}"
    say(f"  shape       {shape} of {binned.width:g} ms{bins}")
    say(f"  spikes      {binned.n_spikes:,} in trials, {binned.n_binned:,} binned{recorded}")
    say(f"  collisions  {binned.n_collisions:,}")
    say(f"  outside     {binned.n_outside:,}")
    say(f"  rate        {binned.rate:.2f} Hz a neuron, from {low:.2f} to {high:.2f}, median {middle:.2f}")
    if binned.n_unobserved:
        pairs = n_trials * n_neurons
        say(f"  unobserved  {binned.n_unobserved:,} of {pairs:,} pairs of trial and neuron, in whole or in part")
    for text in notes:
        say(f"  note        {text}")
    if binned.out is not None:
        say(f"  written     {binned.out}")
