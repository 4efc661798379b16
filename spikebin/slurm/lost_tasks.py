"""Tasks that ended without a note: their script failed, no Python was there, no log could be opened, no memory left.

They count as failed tries of the sheets that they were to export, so that nothing is submitted for ever.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError
from spikebin.names import directory_name
from spikebin.output.attempts import attempts_path, note_lost, tasks_noted
from spikebin.output.paths import matrix_path, neuron_ids_path
from spikebin.output.state import survey
from spikebin.slurm.array_spec import array_spec, parse_array_spec
from spikebin.slurm.logs import filled
from spikebin.slurm.notes import note_again, slurm_directory, submitted
from spikebin.slurm.programs import run_slurm
from spikebin.slurm.sbatch import cluster_name
from spikebin.slurm.squeue import queue_if_known
from spikebin.system.lock import locked
from spikebin.system.slurm_log import last_line, why_ended

if TYPE_CHECKING:
    from pathlib import Path

    from spikebin.output.jobs import Job
    from spikebin.output.state import SheetState
    from spikebin.pipeline.plan import Plan
    from spikebin.slurm.notes import Submitted
    from spikebin.slurm.squeue import Queue

__all__ = ["may_have_ended", "note_lost_tasks", "parse_ended", "queue_now"]

PATIENCE = 5.0
WHY = {
    "TIMEOUT": "its time limit was reached",
    "OUT_OF_MEMORY": "it ran out of memory",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node failed to start",
    "PREEMPTED": "another job preempted it",
    "DEADLINE": "its deadline was reached",
    "CANCELLED": "it was cancelled (scancel)",
}
NEVER_RAN = "never ran"


def may_have_ended(output: Path) -> bool:
    """Whether there are tasks of this user's that were submitted and not seen to end.

    Parameters
    ----------
    output : Path

    Returns
    -------
    bool
        False: there is no need to ask Slurm.
    """
    return any(note.open_indices for note in submitted(output).values() if note.user == os.getuid())


def queue_now(plan: Plan) -> tuple[Queue | None, str]:
    """As `spikebin.slurm.squeue.queue_if_known`; tasks that ended without a word are noted, where nobody else does.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    queue : Queue or None
    why : str
        Why there is none; "" where there is no Slurm at all.
    """
    queue, trouble = queue_if_known(plan)
    if queue is not None and may_have_ended(plan.output):
        # A submit is at work and does it, or this user may not write there.
        with suppress(SpikebinError), locked(slurm_directory(plan.output), patience=0):
            note_lost_tasks(plan, queue)
    return queue, trouble


def note_lost_tasks(plan: Plan, queue: Queue) -> None:
    """Note a failure for each sheet that a task was to export, where the task has ended without a note of its own.

    Parameters
    ----------
    plan : Plan
    queue : Queue
        Of now. Whoever calls this holds the lock of the output's slurm directory.

    Raises
    ------
    SpikebinError
        If a note cannot be written.

    Notes
    -----
    A task has ended if it is no longer in the queue of the cluster that it was submitted to. It has come to spikebin if
    it noted something, or if a file of its part was written since it was submitted. One that was cancelled while it
    waited never ran, and is not counted. Each task is looked at once, when it is first seen to have ended.
    """
    ended = {
        note: indices
        for note in submitted(plan.output).values()
        # Slurm may not show all jobs of other users.
        if note.user == os.getuid() and (indices := note.open_indices - queue.indices(note.job_id))
    }
    if any(note.cluster for note in ended):
        here = cluster_name(run_slurm(["scontrol", "show", "config"], patience=PATIENCE))
        ended = {note: indices for note, indices in ended.items() if note.cluster in {"", here}}
    left: dict[int, list[SheetState]] = {}
    jobs = {i + note.offset for note, indices in ended.items() for i in indices}
    for found in survey(plan, indices=jobs, live=queue.live) if jobs else ():
        if found.state.wanted:
            left.setdefault(found.job.index, []).append(found)
    for note, indices in ended.items():
        _note_lost(plan, note, {i: left[i + note.offset] for i in indices if i + note.offset in left})
        note_again(plan.output, replace(note, ended=array_spec({*_spread(note.ended), *indices})))


def _note_lost(plan: Plan, note: Submitted, left: dict[int, list[SheetState]]) -> None:
    """Note the failures of one array; `left` are the sheets that are wanted now, by index of the array."""
    since = _written(plan.output, note)
    names = note.sheets or note.wanted
    silent = {}
    for i, found in left.items():
        sheets = [one for one in found if not names or directory_name(one.sheet) in names]
        if sheets and not _came_to_spikebin(plan.output, sheets[0].job, f"{note.job_id}_{i}", since):
            silent[i] = sheets
    reasons = _reasons(note.job_id) if silent else {}
    for i, sheets in silent.items():
        log = _log(note, i)
        reason = _reason(reasons.get(i, ""), log)
        for one in sheets if reasons.get(i) != NEVER_RAN else ():
            path = attempts_path(plan.output, one.job.variant, one.job.part, one.sheet)
            note_lost(path, f"{note.job_id}_{i}", reason, log)


def parse_ended(answer: str) -> dict[int, str]:
    """Why the tasks of an array have ended, by index, in the answer of ``scontrol --oneliner show job ID``.

    Parameters
    ----------
    answer : str

    Returns
    -------
    dict of int to str
        NEVER_RAN for one that was cancelled while it waited; tasks that have not ended are left out.
    """
    reasons: dict[int, str] = {}
    for line in answer.splitlines():
        facts = dict(re.findall(r"(\w+)=(\S*)", line))
        state, spec = facts.get("JobState", ""), facts.get("ArrayTaskId", "")
        if not re.fullmatch(r"[0-9][0-9,:-]*(%[0-9]+)?", spec) or state in {"PENDING", "RUNNING", "SUSPENDED", ""}:
            continue
        if state == "CANCELLED" and facts.get("RunTime") == "00:00:00":
            reason = NEVER_RAN
        else:
            reason = WHY.get(state, f"exit code {facts.get('ExitCode', '').partition(':')[0]}")
        for span in parse_array_spec(spec):
            reasons |= dict.fromkeys(span, reason)
    return reasons


def _came_to_spikebin(output: Path, job: Job, task: str, since: float) -> bool:
    """Whether a task has noted something of a sheet of its job, or a file of it was written since."""
    for sheet in job.sheets:
        where = output, job.variant, job.part, sheet
        if task in tasks_noted(attempts_path(*where)):
            return True
        # Whoever wants a sheet exported again removes the matrix file alone.
        if any(_modified(path) > since for path in (matrix_path(*where), neuron_ids_path(*where))):
            return True
    return False


def _written(output: Path, note: Submitted) -> float:
    """When an array was submitted, by the clock of the file system, as the times of files are."""
    return _modified(slurm_directory(output) / f"{note.job_id}.sbatch") or datetime.fromisoformat(note.time).timestamp()


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _reasons(job_id: str) -> dict[int, str]:
    """Why tasks have ended, as far as Slurm still knows: minutes later it has forgotten."""
    try:
        return parse_ended(run_slurm(["scontrol", "--oneliner", "show", "job", job_id], patience=PATIENCE))
    except SpikebinError:
        return {}


def _reason(why: str, log: str) -> str:
    """One line for a task that left no note."""
    line = last_line(log) if log else ""
    why = why_ended(log) or why
    ended = f"ended before spikebin started ({why})" if why else "ended before spikebin started"
    if line is None:
        return f"{ended}, and there is no log: is its directory there, and may the node write to it?"
    return f"{ended}; the last line of its log: {line}" if line else ended


def _log(note: Submitted, index: int) -> str:
    """Where the log of a task lies; "" where its name holds what cannot be known from here."""
    path = filled(note.log, {"A": note.job_id, "a": str(index), "%": "\0"})
    return "" if "%" in path else path.replace("\0", "%")


def _spread(spec: str) -> list[int]:
    return [i for span in parse_array_spec(spec) for i in span] if spec else []
