"""Commands for Slurm: submit, template, warm."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikebin.cli import app, completion
from spikebin.cli.options import (
    ConfigOption,
    JsonOption,
    SheetOption,
    VariantOption,
    answer_json,
    load,
    note,
)

ReportOption = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="OUT.html",
        help="Write the report once the arrays have ended, whatever became of them.",
        show_default=False,
    ),
]


@app.command()
def submit(
    options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- SBATCH OPTIONS...", help="Options of sbatch: -- --partition=long --mem=8G.", show_default=False
        ),
    ] = None,
    sheet: SheetOption = None,
    variant: VariantOption = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only parts that lack a sheet; safe to repeat, from cron too.")
    ] = False,
    max_failures: Annotated[
        int,
        typer.Option(
            "--max-failures", metavar="N", min=1, help="With --missing: leave out what has failed N times or more."
        ),
    ] = 3,
    max_parallel: Annotated[
        int | None,
        typer.Option("--max-parallel", metavar="N", min=1, help="Run at most N tasks at once.", show_default=False),
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(
            "--template",
            "-t",
            metavar="FILE",
            help="A batch script of yours; see `spikebin template`.",
            show_default=False,
        ),
    ] = None,
    report: ReportOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the sbatch lines and the scripts, submit nothing.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Submit parts to Slurm, as arrays that it takes; what is queued or running is left out."""
    from spikebin.cli.tables import submit_remarks, submit_table
    from spikebin.slurm.programs import own_defaults
    from spikebin.slurm.submit import Choice, dry_lines, one_submit_at_a_time, prepare, send

    plan = load(config)
    if own_defaults():
        note(
            f"{', '.join(own_defaults())} in the environment: not passed on to sbatch, give its options in"
            " [slurm] of spikebin.toml or after --"
        )
    choice = Choice(
        sheet=sheet and plan.find_sheet(sheet), variant=variant and plan.find_variant(variant), missing=missing,
        max_failures=max_failures, max_parallel=max_parallel, template=template, report=report,
        options=tuple(options or ()),
    )  # fmt: skip
    if dry_run:
        batch = prepare(plan, choice, dry_run=True)
        submit_remarks(batch)
        if json:
            answer_json(batch.as_dict())
        else:
            for line in dry_lines(choice, batch):
                typer.echo(line)
        return
    with one_submit_at_a_time(plan):
        batch = prepare(plan, choice)
        submit_remarks(batch)
        try:
            send(plan, choice, batch)
        finally:
            if json:
                answer_json(batch.as_dict())
            else:
                submit_table(batch)


@app.command()
def template(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="export, run, stats, report or verify, each .sbatch; resubmit.cron.",
            autocompletion=completion.templates,
        ),
    ] = "export.sbatch",
) -> None:
    """Print a batch script to edit and to submit by hand, or with `spikebin submit --template`."""
    from spikebin.slurm.templates import find_template

    typer.echo(find_template(name).read_text("utf-8"), nl=False)


@app.command()
def warm(json: JsonOption = False) -> None:
    """Compile ahead what every export needs, once for each kind of node, so that no task has to."""
    from spikebin.cli.progress import counted
    from spikebin.pipeline.warm import STEPS
    from spikebin.pipeline.warm import warm as compile_all

    with counted("kinds of files", len(STEPS)) as on_step:
        directory = compile_all(on_step=on_step)
    if directory is None:
        note("no cache can be written here: set NUMBA_CACHE_DIR to a directory that every node sees")
        raise typer.Exit(1)
    if json:
        answer_json({"directory": directory})
        return
    typer.echo(str(directory))
