"""Commands that work on a config and its plan: from plan to status, and Slurm.

A script that calls `run` needs a main guard, since its workers are new processes that import the script.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.calls import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from spikebin.output.state import SheetState
    from spikebin.pipeline.job import Outcome
    from spikebin.pipeline.plan import Plan, PlanChanges
    from spikebin.pipeline.summary import Summary
    from spikebin.slurm.submit import Batch

__all__ = ["clean", "exclude", "job", "missing", "plan", "retry", "run", "status", "submit", "template"]

Config = Path | str | None
"""A spikebin.toml; None: $SPIKEBIN_CONFIG, else ./spikebin.toml."""


@typed
def plan(config: Config = None, *, replace: bool = False) -> tuple[Plan, PlanChanges]:
    """List the jobs and freeze them: ``spikebin plan``.

    Parameters
    ----------
    config : Path or str, optional
    replace : bool
        Accept settings that differ from those of the plan: files made otherwise are to be written again.

    Returns
    -------
    plan : Plan
        ``.jobs`` are all of them, by index.
    changes : PlanChanges
        What is new.

    Raises
    ------
    ConfigError, PlanError, RecordingError
        If the config, the plan that there is, or the recordings are not right.
    """
    from spikebin.pipeline.config import load_config
    from spikebin.pipeline.plan import make_plan

    return make_plan(load_config(_path(config)), replace=replace, try_recordings=True)


@typed
def job(
    index: int,
    config: Config = None,
    *,
    sheets: Sequence[str] = (),
    force: bool = False,
    limit: int | None = None,
    out: Path | str | None = None,
    threads: int | None = None,
) -> list[Outcome]:
    """Export the sheets of one part that are not done: ``spikebin job INDEX``.

    Parameters
    ----------
    index : int
        Number of the job in the plan.
    config : Path or str, optional
    sheets : sequence of str
        Raw or directory names; none: all.
    force : bool
        Export what is done, too.
    limit : int, optional
        Only so many trials, to `out`; never counts as done.
    out : Path or str, optional
        A directory apart from the data set.
    threads : int, optional
        Trials in work at once; default: the CPUs granted.

    Returns
    -------
    list of Outcome
        One for each sheet: its state, and why.

    Raises
    ------
    PlanError
        If there is no plan, no such job, or it has no such sheet.
    """
    from spikebin.errors import PlanError
    from spikebin.pipeline.job import run_job
    from spikebin.system.process import at_once

    if limit is not None and out is None:
        raise PlanError("limit needs out=DIR, since a part of a part never counts as done")
    made = _plan(config)
    task = made.job(index)
    return list(
        run_job(
            made,
            task,
            sheets=[made.find_sheet(sheet, task) for sheet in sheets],
            force=force,
            limit=limit,
            out=None if out is None else Path(out),
            threads=at_once(threads),
        )
    )


@typed
def run(
    config: Config = None,
    *,
    workers: int | None = None,
    sheet: str | None = None,
    variant: str | None = None,
    indices: Iterable[int] | None = None,
    force: bool = False,
    on_outcome: Callable[[Outcome], object] | None = None,
) -> list[Outcome]:
    """Run all jobs that are not done on this machine, whatever fails: ``spikebin run``.

    Parameters
    ----------
    config : Path or str, optional
    workers : int, optional
        Jobs at once, each a process; default: the CPUs there are.
    sheet, variant : str, optional
        Only these.
    indices : iterable of int, optional
        Only these jobs.
    force : bool
        Export what is done, too.
    on_outcome : callable, optional
        Called with each outcome as soon as it is known.

    Returns
    -------
    list of Outcome
        One for each sheet of each job that was run, as they ended.

    Raises
    ------
    PlanError
        If there is no plan, or no such job, sheet or variant.
    """
    from spikebin.pipeline.run import run_tasks, wanted_tasks
    from spikebin.system.process import at_once

    made = _plan(config)
    tasks = wanted_tasks(
        made,
        sheet=sheet and made.find_sheet(sheet),
        variant=variant and made.find_variant(variant),
        indices=None if indices is None else made.known(indices),
        force=force,
    )
    outcomes = []
    for outcome in run_tasks(made.config.path, tasks, workers=at_once(workers), force=force, on_trial=lambda: None):
        outcomes.append(outcome)
        if on_outcome is not None:
            on_outcome(outcome)
    return outcomes


@typed
def missing(
    config: Config = None,
    *,
    sheet: str | None = None,
    variant: str | None = None,
    deep: bool = False,
    max_failures: int | None = None,
) -> list[int]:
    """The jobs that still lack a sheet: ``spikebin missing``.

    Parameters
    ----------
    config : Path or str, optional
    sheet, variant : str, optional
        Only these.
    deep : bool
        Compare every byte of every file with its seal, not only its size.
    max_failures : int, optional
        Leave out what has failed so often.

    Returns
    -------
    list of int
        Their indices, ascending.

    Raises
    ------
    PlanError
        If there is no plan, or no such sheet or variant.
    """
    from spikebin.pipeline.wanted import find_wanted

    made = _plan(config)
    return find_wanted(
        made,
        sheet=sheet and made.find_sheet(sheet),
        variant=variant and made.find_variant(variant),
        deep=deep,
        max_failures=max_failures,
    ).indices


@typed
def status(
    config: Config = None, *, sheet: str | None = None, variant: str | None = None, deep: bool = False
) -> Summary:
    """How far every sheet of every variant has come: ``spikebin status``.

    Parameters
    ----------
    config : Path or str, optional
    sheet, variant : str, optional
        Only these.
    deep : bool
        As for `missing`.

    Returns
    -------
    Summary
        ``.as_dict()`` is all of it, as ``--json`` prints it.

    Raises
    ------
    PlanError
        If there is no plan, or no such sheet or variant.
    """
    from spikebin.pipeline.summary import summarise
    from spikebin.slurm.squeue import queue_if_known

    made = _plan(config)
    return summarise(
        made,
        sheet=sheet and made.find_sheet(sheet),
        variant=variant and made.find_variant(variant),
        deep=deep,
        queue=queue_if_known(made)[0],
    )


@typed
def exclude(part: str, reason: str = "", *, undo: bool = False, config: Config = None) -> None:
    """Leave a part out from now on, or take that back: ``spikebin exclude VARIANT/PART``.

    Parameters
    ----------
    part : str
        ``train/50300``.
    reason : str
        Why; `status` shows it.
    undo : bool
        Take the exclusion back.
    config : Path or str, optional

    Raises
    ------
    PlanError
        If there is no plan, or no such part.
    """
    from spikebin.output.exclusions import exclude as leave_out
    from spikebin.output.exclusions import undo_exclude

    made = _plan(config)
    if undo:
        undo_exclude(made.output, made.find_job(part))
    else:
        leave_out(made.output, made.find_job(part), reason)


@typed
def clean(config: Config = None, *, dry_run: bool = False) -> list[Path]:
    """Remove temporary files that dead jobs left behind: ``spikebin clean``.

    Parameters
    ----------
    config : Path or str, optional
    dry_run : bool
        Only name them.

    Returns
    -------
    list of Path
        What was removed, or would be.

    Raises
    ------
    PlanError
        If there is no plan.
    """
    from spikebin.pipeline.summary import find_stale_files

    paths = find_stale_files(_plan(config))
    for path in [] if dry_run else paths:
        path.unlink(missing_ok=True)
    return paths


@typed
def retry(
    config: Config = None, *, part: str | None = None, sheet: str | None = None, variant: str | None = None
) -> list[SheetState]:
    """Forget how often sheets have failed, so that they are tried again: ``spikebin retry``.

    Parameters
    ----------
    config : Path or str, optional
    part : str, optional
        ``variant/part``; default: all.
    sheet, variant : str, optional
        Only these; a sheet by its raw or directory name.

    Returns
    -------
    list of SheetState
        What was forgotten, as it was before.

    Raises
    ------
    PlanError
        If there is no plan, or it has no such part, sheet or variant.
    """
    from spikebin.pipeline.retry import forget_failures

    plan = _plan(config)
    return forget_failures(
        plan,
        job=None if part is None else plan.find_job(part),
        sheet=sheet and plan.find_sheet(sheet),
        variant=variant and plan.find_variant(variant),
    )


@typed
def submit(
    config: Config = None,
    *,
    sheet: str | None = None,
    variant: str | None = None,
    missing: bool = False,
    max_failures: int = 3,
    max_parallel: int | None = None,
    template: Path | str | None = None,
    options: Sequence[str] = (),
    report: Path | str | None = None,
    dry_run: bool = False,
) -> Batch:
    """Submit parts to Slurm; what is queued or running is left out: ``spikebin submit``.

    Parameters
    ----------
    config : Path or str, optional
    sheet, variant : str, optional
        Only these.
    missing : bool
        Only parts that lack a sheet.
    max_failures : int
        With `missing`: leave out what has failed so often.
    max_parallel : int, optional
        Tasks that run at once.
    template : Path or str, optional
        A batch script of yours.
    options : sequence of str
        More options of sbatch.
    report : Path or str, optional
        A page about the data set that is written once the arrays have ended.
    dry_run : bool
        Submit nothing.

    Returns
    -------
    Batch
        The arrays, with the ids that Slurm gave them.

    Raises
    ------
    SpikebinError
        If there is no plan, Slurm does not answer, or it refuses.
    """
    from spikebin.slurm.submit import Choice, one_submit_at_a_time, prepare, send

    made = _plan(config)
    choice = Choice(
        sheet=sheet and made.find_sheet(sheet),
        variant=variant and made.find_variant(variant),
        missing=missing,
        max_failures=max_failures,
        max_parallel=max_parallel,
        template=None if template is None else Path(template),
        options=tuple(options),
        report=None if report is None else Path(report),
    )
    if dry_run:
        return prepare(made, choice, dry_run=True)
    with one_submit_at_a_time(made):
        batch = prepare(made, choice)
        send(made, choice, batch)
    return batch


@typed
def template(name: str = "export.sbatch") -> str:
    """The text of a batch script to edit and to submit by hand: ``spikebin template``.

    Parameters
    ----------
    name : str
        ``export.sbatch``, ``run.sbatch``, ``verify.sbatch``, ``resubmit.cron``, ...

    Returns
    -------
    str

    Raises
    ------
    SpikebinError
        If there is none of that name.
    """
    from spikebin.slurm.templates import find_template

    return find_template(name).read_text("utf-8")


def _path(config: Config) -> Path | None:
    return None if config is None else Path(config)


def _plan(config: Config) -> Plan:
    from spikebin.pipeline.config import load_config
    from spikebin.pipeline.plan import load_plan

    return load_plan(load_config(_path(config)))
