"""What squeue answers, as text: tasks, one a line."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SQUEUE_FORMAT", "Task", "parse_squeue"]

# Fields of a line of squeue, apart by a character that no name or comment holds.
SEPARATOR = "\x1f"

SQUEUE_FORMAT = SEPARATOR.join(("%A", "%F", "%K", "%T", "%j", "%k", "%Z"))

RUNNING = {"RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}


@dataclass(frozen=True)
class Task:
    """A line of squeue: one task of an array, waiting or running.

    Attributes
    ----------
    job_id : str
        Its own id, which it sees as SLURM_JOB_ID. While it waits, that of its array.
    array_id : str
        Id of its array, as sbatch printed it.
    array_index : int or None
        None for a job that is not an array.
    running : bool
        False: it waits.
    name, comment, directory : str
        Of the job, as submitted.
    """

    job_id: str
    array_id: str
    array_index: int | None
    running: bool
    name: str
    comment: str
    directory: str


def parse_squeue(answer: str) -> list[Task]:
    """The lines of ``squeue --noheader --array --format SQUEUE_FORMAT``.

    Parameters
    ----------
    answer : str

    Returns
    -------
    list of Task
        Lines of another form are passed over.

    Notes
    -----
    A task that is ending counts as running, whatever is not running as waiting: both may still write.
    """
    tasks = []
    for line in answer.splitlines():
        fields = line.split(SEPARATOR)
        if len(fields) == 7:
            job_id, array_id, index, state, name, comment, directory = fields
            number = int(index) if index.isdecimal() else None
            tasks.append(Task(job_id, array_id, number, state in RUNNING, name, comment, directory))
    return tasks
