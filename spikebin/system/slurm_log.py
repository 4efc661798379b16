"""The log of a Slurm task: where it is, how it ends, and what Slurm wrote into it when it ended the task."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

__all__ = ["array_task", "last_line", "own_log", "why_ended"]

TAIL = 8192
"""Bytes at the end of a log that are looked at."""
LONGEST = 300
# slurmstepd: error: *** JOB 3 ON n1 CANCELLED AT 2026-11-28T01:42:52 DUE TO TIME LIMIT ***
CANCELLED = re.compile(r"\*\*\* (?:JOB|STEP) \S+ ON \S+ CANCELLED AT \S+(?: DUE TO (?P<why>[A-Z ]+?))? \*\*\*")
REASONS = {
    None: "it was cancelled (scancel)",
    "TIME LIMIT": "its time limit was reached",
    "PREEMPTION": "another job preempted it",
    "NODE FAILURE": "its node failed",
    "JOB REQUEUE": "it was requeued",
}


def array_task() -> str:
    """Id and index of the array task that this process belongs to, ``12_3``; "" outside of one."""
    array, index = (os.environ.get(f"SLURM_ARRAY_{name}", "") for name in ("JOB_ID", "TASK_ID"))
    return f"{array}_{index}" if array.isdecimal() and index.isdecimal() else ""


def own_log() -> str:
    """Where this process's words are kept: $SPIKEBIN_LOG, else, in a Slurm job, the file that stderr goes to.

    Returns
    -------
    str
        "" where they are kept nowhere.
    """
    told = os.environ.get("SPIKEBIN_LOG", "")
    if told or "SLURM_JOB_ID" not in os.environ:
        return told
    with suppress(OSError):
        log = Path("/proc/self/fd/2").readlink()
        if log.is_file():
            return str(log)
    return ""


def last_line(log: Path | str) -> str | None:
    """The last line of a log that says something.

    Parameters
    ----------
    log : Path or str

    Returns
    -------
    str or None
        Of printable characters, cut short where it is very long; "" where the log is empty, None where there is none.
    """
    text = _tail(log)
    if text is None:
        return None
    # A progress bar returns to the beginning of its line.
    lines = [
        " ".join("".join(c if c.isprintable() else " " for c in line).split()) for line in re.split(r"[\r\n]", text)
    ]
    line = next(filter(None, reversed(lines)), "")
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def why_ended(log: Path | str) -> str:
    """Why Slurm has ended a task, as its log says.

    Parameters
    ----------
    log : Path or str

    Returns
    -------
    str
        "" where it does not say.

    Notes
    -----
    slurmstepd writes a line to the task's stderr before it sends the signal (seen on Slurm 22.05).
    """
    found = list(CANCELLED.finditer(_tail(log) or "")) if log else []
    if not found:
        return ""
    why = found[-1]["why"]
    return REASONS.get(why, f"Slurm ended it: {(why or '').lower()}")


def _tail(log: Path | str) -> str | None:
    try:
        with Path(log).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL))
            return file.read(TAIL).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
