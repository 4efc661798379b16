"""Commands for matrix files: verify, inspect, convert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikebin.choices import Codec, Layout
from spikebin.cli import app, completion
from spikebin.cli.options import ConfigOption, JsonOption, PlotOption, answer_json, note, say, size_text
from spikebin.cli.wording import number


@app.command()
def verify(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH...",
            help="Matrix files, or directories of them; default: the complete output.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Check every byte and every count of matrix files; one line for each bad one, exit 1."""
    from spikebin.cli.progress import file_size, followed_by_bytes
    from spikebin.matrixfile.verify import check_files, matrix_files
    from spikebin.output.broken import clear_broken, note_broken

    if not paths:
        from spikebin.pipeline.config import load_config

        paths = [load_config(config).output]
    files = matrix_files(paths)
    results = []
    noted = 0
    for result in followed_by_bytes(check_files(files), map(file_size, files)):
        results.append(result)
        if not result.error:
            clear_broken(result.path)
            continue
        noted += result.damaged and note_broken(result.path, result.error)
        if not json:
            say(result.error)
    bad = [result for result in results if result.error]
    if json:
        answer_json(
            [{"path": str(result.path), "complete": not result.error, "why": result.error} for result in results]
        )
    verb = "is" if len(results) == 1 else "are"
    (note if json else say)(f"{len(results) - len(bad):,} of {number(len(results), 'file')} {verb} complete")
    if noted:
        note("what is broken is noted: `spikebin run`, or `spikebin submit --missing`, writes it again")
    raise typer.Exit(1 if bad else 0)


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A matrix file.")],
    trial: Annotated[
        int | None,
        typer.Option(
            "--trial",
            "-t",
            metavar="N",
            help="Draw a raster of this trial.",
            show_default=False,
            autocompletion=completion.trials,
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--origin",
            metavar="PHASE",
            help="Align the PSTH at the onset of this phase; default: of the image, where that differs.",
            show_default=False,
            autocompletion=completion.phases,
        ),
    ] = None,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Show what is in a matrix file: shape, phases, rates, collisions, where it came from; a trial as a raster."""
    from spikebin.dataset.file_view import open_file
    from spikebin.matrixfile.verify import checked_trial, describe

    view = open_file(path)
    facts = describe(view.file)
    if trial is not None:
        checked_trial(view.file, trial)
    from spikebin.cli.progress import reading
    from spikebin.cli.tables import describe_table, psth_lines, raster

    lines: list[str] = []
    # A picture holds both PSTHs and rates.
    with reading({view.sheet: view}, (not json) + 2 * (plot is not None)) as views:
        if plot is not None:
            from spikebin.display.plots import plot_file

            plot_file(views, plot, trial=trial, origin=origin)
            note(f"wrote {plot}")
        if not json:
            lines = psth_lines(views, origin)
    if json:
        answer_json(facts)
        return
    describe_table(facts)
    for line in lines:
        say(line)
    if trial is not None:
        raster(view.file, trial)


@app.command()
def convert(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Matrix files, or directories of them.")],
    layout: Annotated[
        Layout | None, typer.Option("--layout", "-l", help="Default: as it is.", show_default=False)
    ] = None,
    codec: Annotated[Codec | None, typer.Option("--codec", help="Default: as it is.", show_default=False)] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Write there; default: in place.", show_default=False),
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="How many compress at once.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are in the way in --out.")] = False,
    json: JsonOption = False,
) -> None:
    """Write matrix files in another layout or codec: same content, verified before and after, or nothing is written."""
    from spikebin.cli.progress import file_size, followed_by_bytes
    from spikebin.matrixfile.convert import convert_files, convert_targets

    results, failed = [], False
    targets = convert_targets(paths, out)
    sizes = [file_size(path) for path, _ in targets]
    converted = convert_files(targets, layout=layout, codec=codec, threads=threads, force=force)
    for done in followed_by_bytes(converted, sizes):
        if done.header is None:
            failed = True
            note(f"error: {done.error}")
            results.append({"path": str(done.path), "error": done.error})
            continue
        facts = {"layout": done.header.layout, "codec": done.header.codec}
        results.append({"path": str(done.target), **facts, "error": ""})
        if not json:
            change = f"{size_text(done.size)} -> {size_text(done.target.stat().st_size)}"
            say(f"{done.target}: {', '.join(facts.values())}, {change}")
    if json:
        answer_json(results)
    raise typer.Exit(1 if failed else 0)
