"""Run one job: export each of its sheets that is not done.

Joins the packages: a recording gives spikes, binning/ bins them, matrixfile/ writes them. What a job is, plan.py says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.errors import DiskFullError, PlanError, SpikebinError
from spikebin.matrixfile.seal import Identity, is_newer
from spikebin.matrixfile.write_sheet import write_sheet
from spikebin.output.attempts import attempts_path, forget, note_ended, note_failure, note_start
from spikebin.output.broken import clear_broken
from spikebin.output.ids import write_ids
from spikebin.output.paths import matrix_name, matrix_path
from spikebin.output.state import State, sheet_state
from spikebin.recordings import open_recording
from spikebin.system.files import os_error
from spikebin.system.leftovers import remove_stale
from spikebin.system.signals import Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spikebin.matrixfile.seal import Seal
    from spikebin.output.jobs import Job
    from spikebin.pipeline.config import Recordings
    from spikebin.pipeline.plan import Plan
    from spikebin.recordings.protocol import Recording, SheetRecording

__all__ = ["Outcome", "one_line", "run_job"]


@dataclass(frozen=True)
class Outcome:
    """What became of one sheet of a job: its state now, a line for the user, and whether it was exported just now.

    `notes` are what people should know of how its recording was read, a line each: what was left out or passed over.
    """

    job: Job
    sheet: str
    state: State
    message: str = ""
    header: Seal | None = None
    exported: bool = False
    disk_full: bool = False
    notes: tuple[str, ...] = ()


def run_job(
    plan: Plan,
    job: Job,
    *,
    sheets: Sequence[str] | None = None,
    force: bool = False,
    limit: int | None = None,
    out: Path | None = None,
    threads: int = 1,
    on_trial: Callable[[], None] | None = None,
) -> Iterator[Outcome]:
    """Export the sheets of a job that are not done; one sheet's failure does not stop the others.

    Parameters
    ----------
    plan : Plan
    job : Job
    sheets : sequence of str, optional
        Raw names; all of the job's by default.
    force : bool
        Export what is done, too.
    limit : int, optional
        Only so many trials, into `out`; their number is sealed, and such a file never counts as done.
    out : Path, optional
        A directory apart from the data set; files go to OUT/VARIANT.
    threads : int
        How many trials are read, binned and compressed at once.
    on_trial : callable, optional
        Called after each trial, in this thread.

    Yields
    ------
    Outcome
        One for each sheet, in the order of the plan.

    Raises
    ------
    PlanError
        If a sheet is not in the job, or `out` lies in the data set; or as `spikebin.output.state.sheet_state`.
    Ended
        If a signal ends this process; the try is noted.
    """
    for sheet in sheets or ():
        if sheet not in job.sheets:
            raise PlanError(f"part {job.name} has no sheet {sheet!r} in the plan: run `spikebin plan` to add it")
    output = plan.output
    if out is not None and out.resolve().is_relative_to(output.resolve()):
        raise PlanError(f"--out {out} lies in the data set {output}: give a directory elsewhere")
    opened: dict[tuple[str, Recordings], Recording] = {}
    for sheet in sheets or job.sheets:
        yield _run_sheet(
            plan, job, sheet, opened, force=force, limit=limit, out=out, threads=threads, on_trial=on_trial
        )


def _run_sheet(
    plan: Plan,
    job: Job,
    sheet: str,
    opened: dict[tuple[str, Recordings], Recording],
    *,
    force: bool,
    limit: int | None,
    out: Path | None,
    threads: int,
    on_trial: Callable[[], None] | None,
) -> Outcome:
    """Export one sheet unless it is done; `opened` keeps recordings open for the sheets after it."""
    now = sheet_state(plan, job, sheet)
    tries = attempts_path(plan.output, job.variant, job.part, sheet)
    source = job.source(sheet)
    if now.state in {State.EXCLUDED, State.NO_SOURCE}:
        return Outcome(job, sheet, now.state, now.reason)
    if not source and (out is not None or force or now.state is not State.DONE):
        return Outcome(job, sheet, State.NO_SOURCE, "no recording holds it yet")
    if out is not None:
        target = out / job.variant / matrix_name(sheet, job.part)
    else:
        target = matrix_path(plan.output, job.variant, job.part, sheet)
        if now.state is State.DONE and not force:
            return Outcome(job, sheet, now.state, now.reason, now.header)
        if not force and is_newer(target):
            reason = f"{now.reason}; --force replaces it"
            note_failure(tries, reason)
            return Outcome(job, sheet, State.FAILED, reason)
        note_start(tries)
    try:
        remove_stale(target.parent, target.name)
        entry = plan.entry(job, source, sheet)
        if (source, entry) not in opened:
            opened[source, entry] = open_recording(plan.config.resolve(source), entry.format, entry.reading)
        recording = opened[source, entry].sheet(
            sheet, plan.config.rule(job.variant, job.part), entry.repeat(entry.name_of(source))
        )
        identity = Identity(sheet, job.variant, job.part)
        header = write_sheet(
            recording,
            identity,
            plan.config.settings(job.variant, opened[source, entry].reading, threads),
            target,
            limit=limit,
            on_trial=None if on_trial is None else lambda _: on_trial(),
            # The ids are put in place once the matrix file is written, right before it is put in place itself:
            # where it cannot be written, those of the one that was there stay.
            check=None if out is not None else partial(_write_ids, plan.output, identity, recording),
        )
    except Ended as ended:
        if out is None:
            note_ended(tries, str(ended))
        raise
    except Exception as error:
        if os.environ.get("SPIKEBIN_DEBUG") == "1":
            raise
        reason = one_line(error)
        if out is None:
            note_failure(tries, reason)
        return Outcome(job, sheet, State.FAILED, reason, disk_full=isinstance(error, DiskFullError))
    if out is None:
        forget(tries)
        clear_broken(target)
    notes = (*opened[source, entry].notes, *recording.notes)
    return Outcome(job, sheet, State.DONE, str(target), header, exported=True, notes=notes)


def one_line(error: Exception) -> str:
    """One line for whatever stopped a sheet; the sheets after it are exported all the same.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    str
    """
    if isinstance(error, SpikebinError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory: give the job more, or fewer --threads"
    if isinstance(error, OSError) and error.filename:
        return str(os_error(error, Path(os.fsdecode(error.filename))))
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"unexpected {text}; a fault of spikebin, SPIKEBIN_DEBUG=1 shows where: please report it"


def _write_ids(output: Path, identity: Identity, recording: SheetRecording, _: Path) -> None:
    trials = ((trial.repeat, trial.image_id) for trial in recording.trials)
    write_ids(output, identity, trials, recording.neurons["neuron_id"])
