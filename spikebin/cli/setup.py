"""Commands that prepare the work: init, plan, exclude."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from spikebin.cli import app, completion
from spikebin.cli.options import ConfigOption, JsonOption, answer_json, load, note
from spikebin.cli.wording import number


@app.command()
def init(
    roots: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="ROOT...", help="Directories that hold the recordings of the variant train.", show_default=False
        ),
    ] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option(
            "--variant",
            "-v",
            metavar="NAME=ROOT",
            help="A root of another variant, test=ROOT. May be repeated.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="Where to write the config.")] = Path(
        "spikebin.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace a config that is there.")] = False,
    json: JsonOption = False,
) -> None:
    """Look at directories of recordings and write a commented spikebin.toml that works for them."""
    from spikebin.cli.progress import growing
    from spikebin.pipeline.init_config import write_config

    with growing("recordings") as tell:
        found = write_config(config, roots or [], variants or [], force=force, tell=tell)
    if json:
        answer_json({"config": config, "roots": [asdict(root) for root in found]})
        return
    for root in found:
        typer.echo(
            f"{root.variant}: {number(root.parts, f'{root.format} recording')} named {root.pattern},"
            f" sheets {', '.join(root.sheets)}"
        )
    typer.echo(f"wrote {config}; next: `spikebin plan`")


@app.command()
def plan(
    config: ConfigOption = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Accept another [binning] or [trial]: files made otherwise are written again."),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Open every recording; name those that would fail (exit 1 if any) and those with other stimuli.",
        ),
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Print the jobs, one a line.")] = False,
    json: JsonOption = False,
) -> None:
    """Find the jobs and freeze them: an index means the same part for ever, new parts are appended."""
    from spikebin.cli.progress import counted, growing
    from spikebin.cli.tables import job_table, plan_table
    from spikebin.pipeline.check_plan import check_all, differing, look, n_looked_at
    from spikebin.pipeline.config import load_config
    from spikebin.pipeline.plan import make_plan
    from spikebin.pipeline.summary import summarise_plan

    with growing("recordings") as tell:
        made, changes = make_plan(load_config(config), replace=replace, try_recordings=True, tell=tell)
    summary = summarise_plan(made, changes)
    tried = []
    with counted("recordings", len(made.jobs) if check else n_looked_at(made)) as on_job:
        for one in (check_all if check else look)(made):
            tried.append(one)
            on_job()
    bad, odd = [one.trouble for one in tried if one.trouble], differing(tried)
    if json:
        answer_json({**summary, **({"would_fail": bad} if check else {}), "differ": odd})
        raise typer.Exit(1 if bad else 0)
    if list_:
        job_table(made)
    plan_table(made, summary)
    if changes.parts or changes.sheets or changes.sources:
        typer.echo(
            f"new: {number(changes.parts, 'part')}, {number(changes.sheets, 'sheet')} of parts,"
            f" {number(changes.sources, 'source')} of parts"
        )
    if summary["no_source"]:
        note(f"no source yet: {number(summary['no_source'], 'sheet')} of parts, first {summary['first_no_source']}")
    for name in changes.vanished:
        note(f"vanished: {name} keeps its index, its recording is no longer found")
    for name in changes.unknown_excludes:
        note(f"warning: `exclude` names {name}, which is not there")
    for trouble in changes.troubles:
        note(f"warning: {trouble}")
    for line in odd:
        note(f"differs: {line}")
    if check:
        for trouble in bad:
            note(f"would fail: {trouble}")
        n_good = len(made.jobs) - len(bad)
        note(f"{n_good:,} of {number(len(made.jobs), 'job')} would run, as far as can be checked now")
        raise typer.Exit(1 if bad else 0)


@app.command()
def exclude(
    part: Annotated[
        str,
        typer.Argument(
            metavar="VARIANT/PART", help="The part to leave out: train/50300.", autocompletion=completion.parts
        ),
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; `status` shows it.", show_default=False)
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the exclusion back.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Leave a part out from now on, or take that back; whatever it has exported stays."""
    from spikebin.output.exclusions import exclude as leave_out
    from spikebin.output.exclusions import undo_exclude

    plan = load(config)
    job = plan.find_job(part)
    if undo:
        undo_exclude(plan.output, job)
    else:
        leave_out(plan.output, job, reason)
    if json:
        answer_json({"part": job.name, "index": job.index, "excluded": not undo, "reason": "" if undo else reason})
        return
    typer.echo(f"{part} is {'no longer ' if undo else ''}excluded")
