"""What Slurm has queued or running of a data set.

Asks squeue; submits nothing. What squeue's lines mean is in squeue_lines.py, what was submitted in notes.py.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError
from spikebin.names import directory_name
from spikebin.slurm.notes import data_set_id, submitted
from spikebin.slurm.programs import run_slurm
from spikebin.slurm.sbatch import parse_tag
from spikebin.slurm.squeue_lines import SQUEUE_FORMAT, parse_squeue

if TYPE_CHECKING:
    from spikebin.output.state import SheetState
    from spikebin.pipeline.plan import Plan
    from spikebin.slurm.notes import Submitted
    from spikebin.slurm.squeue_lines import Task

__all__ = [
    "Queue",
    "ask_queue",
    "queue_if_known",
]

SHORT_PATIENCE = 3.0
NO_CLUSTER = "configuration source"
"""What Slurm's programs say where they are installed and nothing else is."""
BY_HAND = "spikebin"
BY_HAND_ALL = "spikebin-run"
"""Names of the jobs of slurm/export.sbatch and slurm/run.sbatch, submitted by hand."""


@dataclass(frozen=True)
class _Cover:
    """A task in the queue and the sheets that it exports; none: all."""

    sheets: tuple[str, ...]
    running: bool


@dataclass(frozen=True)
class Queue:
    """The tasks that wait or run for one data set.

    Attributes
    ----------
    live : frozenset of str
        Ids of all Slurm jobs of the users concerned that have not ended.
    """

    live: frozenset[str]
    _covers: dict[int | None, list[_Cover]]
    _indices: dict[str, frozenset[int]]

    def indices(self, array_id: str) -> frozenset[int]:
        """The indices of an array whose tasks have not ended.

        Parameters
        ----------
        array_id : str
            As sbatch printed it.

        Returns
        -------
        frozenset of int
        """
        return self._indices.get(array_id, frozenset())

    def covers(self, index: int, sheet: str | None) -> str:
        """Whether a task of a job is there for a sheet, or any.

        Parameters
        ----------
        index : int
            Of the job.
        sheet : str or None
            Raw or directory name; None: any.

        Returns
        -------
        str
            "running", "queued" or "".
        """
        name = sheet and directory_name(sheet)
        found = [
            cover
            for cover in (*self._covers.get(index, ()), *self._covers.get(None, ()))
            if not cover.sheets or name is None or name in cover.sheets
        ]
        if any(cover.running for cover in found):
            return "running"
        return "queued" if found else ""

    def activity(self, found: SheetState) -> str:
        """Whether a sheet of a part is being exported, or waits for that.

        Parameters
        ----------
        found : SheetState

        Returns
        -------
        str
            "running", "queued" or "".
        """
        if found.attempts.running in self.live:
            return "running"
        return self.covers(found.job.index, found.sheet)


def ask_queue(plan: Plan, *, patience: float) -> Queue | None:
    """Ask Slurm what waits and runs for a data set.

    Parameters
    ----------
    plan : Plan
    patience : float
        Seconds to wait for an answer.

    Returns
    -------
    Queue or None
        None where there is no Slurm.

    Raises
    ------
    SpikebinError
        If Slurm does not answer.

    Notes
    -----
    A task is recognised from the id of its array, where `spikebin submit` noted that; from its comment; or, submitted
    by hand, from the name of the template's job and the directory of the config. Asked for are the tasks of this user
    and of whoever submitted to this output before.
    """
    if shutil.which("squeue") is None:
        return None
    output = plan.config.output
    notes = submitted(output)
    users = sorted({os.getuid(), *(note.user for note in notes.values())})
    command = ["squeue", "--noheader", "--array", f"--user={','.join(map(str, users))}", f"--format={SQUEUE_FORMAT}"]
    # Without --all, tasks in partitions that a site hides are not shown.
    answer = run_slurm([*command, "--all"], patience=patience)
    tasks = parse_squeue(answer)
    covers: dict[int | None, list[_Cover]] = defaultdict(list)
    for task in tasks:
        found = _meaning(task, notes, data_set_id(output), str(plan.config.path.parent))
        if found is not None:
            index, sheets = found
            covers[index].append(_Cover(sheets, task.running))
    indices: dict[str, set[int]] = defaultdict(set)
    for task in tasks:
        if task.array_index is not None:
            indices[task.array_id].add(task.array_index)
    live = frozenset(task.job_id for task in tasks)
    return Queue(live, dict(covers), {array: frozenset(them) for array, them in indices.items()})


def queue_if_known(plan: Plan) -> tuple[Queue | None, str]:
    """The queue of a data set for a user who waits.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    queue : Queue or None
    why : str
        Why there is none; "" where there is no Slurm at all.
    """
    try:
        return ask_queue(plan, patience=SHORT_PATIENCE), ""
    except SpikebinError as error:
        return None, "" if NO_CLUSTER in str(error) else str(error)


def _meaning(
    task: Task, notes: dict[str, Submitted], data_set: str, directory: str
) -> tuple[int | None, tuple[str, ...]] | None:
    """The job that a task runs and its sheets, none for all; index None: all jobs. None: it is not of this data set."""
    note = notes.get(task.array_id)
    offset: int
    sheets: tuple[str, ...]
    found = parse_tag(task.comment)
    if found is not None:
        tagged, offset, sheets = found
        if tagged != data_set:
            return None
    elif note is not None:
        offset, sheets = note.offset, note.sheets
    elif task.directory == directory and task.name in {BY_HAND, BY_HAND_ALL}:
        offset, sheets = 0, ()
    else:
        return None
    if task.array_index is None:
        return (None, ()) if task.name == BY_HAND_ALL else None
    return task.array_index + offset, sheets
