"""Commands that do the work and tell how far it is: job, run, missing, status, clean."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikebin.cli import app, completion
from spikebin.cli.options import (
    ConfigOption,
    DeepOption,
    JsonOption,
    PlotOption,
    SheetOption,
    VariantOption,
    answer_json,
    is_terminal,
    load,
    note,
    say,
)
from spikebin.cli.wording import number
from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spikebin.pipeline.plan import Plan

ForceOption = Annotated[bool, typer.Option("--force", help="Export what is done, too.")]


@app.command()
def job(
    index: Annotated[
        int,
        typer.Argument(
            metavar="INDEX",
            help="Number of the job in the plan; $SLURM_ARRAY_TASK_ID in a Slurm task.",
            autocompletion=completion.indices,
        ),
    ],
    sheets: Annotated[
        list[str] | None,
        typer.Option(
            "--sheet",
            "-s",
            metavar="SHEET",
            help="Only this sheet. May be repeated.",
            show_default=False,
            autocompletion=completion.sheets,
        ),
    ] = None,
    force: ForceOption = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="Only the first N trials, to --out; never counts as done.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write to DIR/VARIANT, apart from the data set.", show_default=False),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            metavar="N",
            min=1,
            help="Trials in work at once; default: the CPUs granted.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Export the sheets of one part that are not done; all done: say so and touch nothing."""
    from spikebin.cli.outcomes import report
    from spikebin.slurm.task import this_task

    if limit is not None and out is None:
        raise typer.BadParameter("--limit needs --out DIR, since a part of a part never counts as done")
    plan = load(config)
    names = sheets or []
    submitted = this_task()
    if submitted is not None:
        submitted.check_config(plan.config.path)
        index, names = submitted.choose_index(index), submitted.choose_sheets(names)
    task = plan.job(index)
    names = [plan.find_sheet(sheet, task) for sheet in names]
    from spikebin.system.process import cpus, settle_in

    settle_in()
    from spikebin.pipeline.job import run_job

    exports = partial(run_job, plan, task, sheets=names, force=force, limit=limit, out=out, threads=threads or cpus())
    if not is_terminal(sys.stderr):
        raise typer.Exit(report(exports(), json=json))
    from spikebin.cli.progress import Trials

    progress = Trials(len(names or task.sheets))
    with progress.bar:
        code = report(progress.files(exports(on_trial=progress.trial)), json=json)
    raise typer.Exit(code)


@app.command()
def run(
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "-w", metavar="N", min=1, help="Jobs at once; default: the CPUs there are.", show_default=False
        ),
    ] = None,
    sheet: SheetOption = None,
    variant: VariantOption = None,
    index: Annotated[
        str | None,
        typer.Option(
            "--index",
            "-i",
            metavar="SPEC",
            help="Only these jobs: 3,7-9.",
            show_default=False,
            autocompletion=completion.indices,
        ),
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Run all jobs that are not done on this machine, whatever fails; a table of failures at the end."""
    from spikebin.cli.progress import run_with_progress
    from spikebin.pipeline.run import wanted_tasks
    from spikebin.slurm.array_spec import parse_array_spec
    from spikebin.slurm.task import this_task
    from spikebin.system.process import cpus

    if this_task() is not None:
        raise SpikebinError(
            "this task was submitted for one job: let its script run `spikebin job $SLURM_ARRAY_TASK_ID`"
        )
    plan = load(config)
    indices = None if index is None else plan.known(parse_array_spec(index))
    tasks = wanted_tasks(
        plan,
        sheet=sheet and plan.find_sheet(sheet),
        variant=variant and plan.find_variant(variant),
        indices=indices,
        force=force,
    )
    raise typer.Exit(run_with_progress(plan, tasks, workers=workers or cpus(), force=force, json=json))


@contextmanager
def _looking(plan: Plan, *, deep: bool) -> Iterator[Callable[[], None] | None]:
    """Of a look at every byte, how many files are done; a look at seals takes no time to speak of."""
    if not deep:
        yield None
        return
    from spikebin.cli.progress import counted

    with counted("files", sum(len(job.sheets) for job in plan.jobs)) as on_sheet:
        yield on_sheet


@app.command()
def missing(
    sheet: SheetOption = None,
    variant: VariantOption = None,
    deep: DeepOption = False,
    max_failures: Annotated[
        int | None,
        typer.Option(
            "--max-failures", metavar="N", min=1, help="Leave out what has failed N times or more.", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Print the array indices of the parts that still lack a sheet, as sbatch --array takes them."""
    from spikebin.pipeline.summary import missing_as_dict, missing_remarks
    from spikebin.pipeline.wanted import find_wanted
    from spikebin.slurm.array_spec import array_spec
    from spikebin.slurm.lost_tasks import may_have_ended, queue_now

    plan = load(config)
    queue, trouble = queue_now(plan) if may_have_ended(plan.output) else (None, "")
    if trouble:
        note(f"tasks that ended without a word are not known: {trouble}")
    with _looking(plan, deep=deep) as on_sheet:
        wanted = find_wanted(
            plan,
            sheet=sheet and plan.find_sheet(sheet),
            variant=variant and plan.find_variant(variant),
            deep=deep,
            max_failures=max_failures,
            live=queue.live if queue else None,
            on_sheet=on_sheet,
        )
    if json:
        answer_json(missing_as_dict(plan, wanted))
        return
    for line in missing_remarks(wanted):
        note(line)
    if wanted.indices:
        typer.echo(array_spec(wanted.indices))
    elif not wanted.given_up:
        note("nothing is missing")


@app.command()
def retry(
    part: Annotated[
        str | None,
        typer.Argument(
            metavar="[VARIANT/PART]",
            help="Only this part: train/50300; default: all.",
            show_default=False,
            autocompletion=completion.parts,
        ),
    ] = None,
    sheet: SheetOption = None,
    variant: VariantOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Forget how often sheets have failed, once the cause is fixed: `submit --missing` then tries them again."""
    from spikebin.pipeline.retry import forget_failures
    from spikebin.pipeline.summary import sheet_as_dict
    from spikebin.slurm.array_spec import array_spec
    from spikebin.slurm.lost_tasks import may_have_ended, queue_now

    plan = load(config)
    if may_have_ended(plan.output):
        queue_now(plan)
    forgotten = forget_failures(
        plan,
        job=None if part is None else plan.find_job(part),
        sheet=sheet and plan.find_sheet(sheet),
        variant=variant and plan.find_variant(variant),
    )
    if json:
        answer_json([sheet_as_dict(found) for found in forgotten])
        return
    for state in forgotten:
        times = state.attempts.failures
        typer.echo(f"{state.job.name} {state.sheet}: {number(times, 'failure')} forgotten")
    indices = array_spec(found.job.index for found in forgotten)
    note(
        f"to be tried again: {indices}; next: `spikebin submit --missing`, or `spikebin run`"
        if forgotten
        else "nothing to forget: nothing that is asked for has failed"
    )


@app.command()
def status(
    sheet: SheetOption = None,
    variant: VariantOption = None,
    deep: DeepOption = False,
    rates: Annotated[bool, typer.Option("--rates", help="Draw the PSTH of each sheet, too; reads all spikes.")] = False,
    each: Annotated[
        bool, typer.Option("--list", help="A line for each sheet of a part that is in trouble, not for each cause.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again and again until nothing is missing, or Ctrl-C.")
    ] = False,
    every: Annotated[int, typer.Option("--every", metavar="SECONDS", min=1, help="Of --watch.")] = 10,
    plot: PlotOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show how far every sheet of every variant has come, what failed and why, and what it takes on disk."""
    from spikebin.pipeline.summary import summarise
    from spikebin.slurm.lost_tasks import queue_now

    if watch and (json or deep or rates or plot is not None):
        raise typer.BadParameter("--watch shows the table again and again: leave --json, --deep, --rates, --plot out")
    plan = load(config)
    sheet, variant = sheet and plan.find_sheet(sheet), variant and plan.find_variant(variant)
    if watch:
        from spikebin.cli.watch import watch_status

        watch_status(plan, sheet=sheet, variant=variant, every=every)
        return
    queue, trouble = queue_now(plan)
    if trouble:
        note(f"what is queued is not known: {trouble}")
    with _looking(plan, deep=deep) as on_sheet:
        summary = summarise(plan, sheet=sheet, variant=variant, deep=deep, queue=queue, on_sheet=on_sheet)
    if json:
        answer_json(summary.as_dict())
    else:
        from spikebin.cli.tables import status_table

        status_table(summary, each=each)
    if rates or plot is not None:
        from spikebin.dataset.open import open_output

        opened = {
            f"{name} {one}": open_output(
                plan.output, name, one, excluded=plan.config.excluded.get(name, ()), broken="leave out"
            )[one]
            for name, one in summary.with_spikes
        }
        from spikebin.cli.progress import reading

        lines: list[str] = []
        # A picture holds both PSTHs and rates.
        with reading(opened, (not json) + 2 * (plot is not None)) as views:
            if not json:
                from spikebin.cli.tables import psth_lines

                lines = psth_lines(views)
            if plot is not None:
                from spikebin.display.plots import plot_file

                plot_file(views, plot)
                note(f"wrote {plot}")
        for line in lines:
            say(line)


@app.command()
def clean(
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only name what would be removed.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove temporary files that dead jobs left behind; a file that is being written is never touched."""
    from spikebin.pipeline.summary import find_stale_files

    paths = find_stale_files(load(config))
    for path in paths:
        if not dry_run:
            path.unlink(missing_ok=True)
        if not json:
            typer.echo(str(path))
    if json:
        answer_json([str(path) for path in paths])
    note(f"{number(len(paths), 'temporary file')} {'found' if dry_run else 'removed'}")
