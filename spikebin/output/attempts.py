"""What is kept of tries that have not ended well: one small file for each sheet of a part, gone once it is done.

Each try appends a line when it starts and one when it fails or is ended; a start without an end is a try that was
killed, or that still runs. Knows nothing of plans or matrix files.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spikebin.names import directory_name
from spikebin.output.paths import FAILURES
from spikebin.system.leftovers import process_is_gone, slurm_job, this_host
from spikebin.system.slurm_log import array_task, last_line, own_log, why_ended

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

__all__ = [
    "Attempts",
    "attempts_directory",
    "attempts_path",
    "forget",
    "note_ended",
    "note_failure",
    "note_lost",
    "note_start",
    "read_attempts",
    "tasks_noted",
]

KILLED = "ended without a word: killed, out of memory, or its node went down"


@dataclass(frozen=True)
class Attempts:
    """The tries of one sheet of a part: how many have failed, why the last one did, and where its log is.

    Attributes
    ----------
    failures : int
    reason, log : str
        Of the last one that failed.
    running : str
        Slurm's id of a try that started and has not ended, as far as is known; "" for none.
    """

    failures: int = 0
    reason: str = ""
    log: str = ""
    running: str = ""


def attempts_directory(output: Path, variant: str) -> Path:
    """Where the tries of a variant are noted.

    Parameters
    ----------
    output : Path
    variant : str

    Returns
    -------
    Path
    """
    return output / FAILURES / variant


def attempts_path(output: Path, variant: str, part: str, sheet: str) -> Path:
    """Where the tries of one sheet of a part are noted.

    Parameters
    ----------
    output : Path
    variant, part : str
    sheet : str
        Raw or directory name.

    Returns
    -------
    Path
    """
    return attempts_directory(output, variant) / f"{directory_name(sheet)}_{part}.jsonl"


def note_start(path: Path) -> None:
    """Note that a try begins. What cannot be noted is left out: it must not stop the work.

    Parameters
    ----------
    path : Path
        From `attempts_path`.
    """
    _append(path, "start", "")


def note_failure(path: Path, reason: str, *, pid: int | None = None) -> None:
    """Note that the try of this process, or of its child `pid`, failed, and why.

    Parameters
    ----------
    path : Path
        From `attempts_path`.
    reason : str
        One line.
    pid : int, optional
        Default: this process.
    """
    _append(path, "failed", reason, pid=os.getpid() if pid is None else pid)


def note_ended(path: Path, signal: str) -> None:
    """Note that the try of this process was ended from outside, and why, as far as its log says.

    Parameters
    ----------
    path : Path
        From `attempts_path`.
    signal : str
        Name of the signal that did it.
    """
    why = why_ended(own_log()) or "cancelled, out of time, preempted, or Ctrl-C"
    _append(path, "ended", f"ended by {signal}: {why}")


def note_lost(path: Path, task: str, reason: str, log: str) -> None:
    """Note a failure of an array task that never came to the point of noting anything itself.

    Parameters
    ----------
    path : Path
        From `attempts_path`.
    task : str
        Id and index of the array task, ``12_3``.
    reason, log : str
        Why, in one line, and where its log is; "" for nowhere.
    """
    _append(path, "failed", reason, host="", pid=0, slurm_job="0", task=task, log=log)


def tasks_noted(path: Path) -> frozenset[str]:
    """The array tasks that have noted something of a sheet of a part, or of which it was noted that they are lost.

    Parameters
    ----------
    path : Path
        From `attempts_path`.

    Returns
    -------
    frozenset of str
        Id and index of each, ``12_3``.
    """
    return frozenset(str(entry.get("task")) for entry in _entries(path))


def forget(path: Path) -> None:
    """Forget all tries: the sheet is done.

    Parameters
    ----------
    path : Path
        From `attempts_path`; it need not be there.
    """
    with suppress(OSError):
        path.unlink()


def read_attempts(path: Path, live: Container[str] | None = None) -> Attempts:
    """Count the tries that failed; one that still runs, or may, is not counted.

    Parameters
    ----------
    path : Path
        From `attempts_path`.
    live : container of str, optional
        Ids of all Slurm jobs of this user, at least, that have not ended; None: not known.

    Returns
    -------
    Attempts
        Without failures where nothing is noted, or the notes cannot be read.

    Notes
    -----
    A try is recognised from its host and process, so that two may run side by side. One that noted only its start has
    failed if its process began another try, if its process is gone from this host, or if its Slurm job is this user's
    and not live. It has not failed while its process lives on this host or its Slurm job is live. Of any other, on
    another host, nothing can be known: it has failed once a later try has started anywhere, for `spikebin submit`
    starts none beside one that runs. A try that was ended, or killed, and whose Slurm job is live, or started again,
    has not failed: Slurm has requeued it.
    """
    # Both by the number of the line.
    failed: dict[int, dict[str, Any]] = {}
    started: dict[int, dict[str, Any]] = {}
    for n, entry in enumerate(_entries(path)):
        event, job = entry["event"], entry["slurm_job"]
        if event == "start" and job != "0":
            started = {i: start for i, start in started.items() if start["slurm_job"] != job}
            failed = {i: end for i, end in failed.items() if end["slurm_job"] != job or end["event"] == "failed"}
        for i in [i for i, start in started.items() if _process(start) == _process(entry)]:
            start = started.pop(i)
            if event == "start":
                failed[i] = start
        if event == "start":
            started[n] = entry
            latest = n
        else:
            failed[n] = entry
    for i, start in list(started.items()):
        over = _is_over(start, live)
        if over or (over is None and i != latest):
            failed[i] = started.pop(i)
    if live is not None:
        failed = {i: end for i, end in failed.items() if end["event"] == "failed" or end["slurm_job"] not in live}
    jobs = [start["slurm_job"] for start in started.values() if start["slurm_job"] != "0"]
    running = jobs[-1] if jobs else ""
    if not failed:
        return Attempts(running=running)
    last = failed[max(failed)]
    return Attempts(len(failed), _killed(last) if last["event"] == "start" else last["reason"], last["log"], running)


def _entries(path: Path) -> list[dict[str, Any]]:
    """What is noted, as far as it can be read."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    entries = []
    for line in lines:
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            entry = json.loads(line)
            if all(isinstance(entry[key], str) for key in ("event", "slurm_job", "reason", "log")):
                entries.append(entry)
    return entries


def _killed(start: dict[str, Any]) -> str:
    """Why a try has failed that noted only its start."""
    why = why_ended(start["log"])
    if why:
        return f"ended without a word: {why}"
    line = (start["log"] and last_line(start["log"])) or ""
    telling = re.search("error|kill|slurm", line, re.IGNORECASE)
    return f"{KILLED}; the last line of its log: {line}" if telling else KILLED


def _process(entry: dict[str, Any]) -> tuple[str, str]:
    return str(entry.get("host")), str(entry.get("pid"))


def _is_over(start: dict[str, Any], live: Container[str] | None) -> bool | None:
    """Whether a try that started has ended; None: that cannot be known from here."""
    if process_is_gone(str(start.get("host")), start.get("pid")):
        return True
    if live is not None and start["slurm_job"] != "0":
        if start["slurm_job"] in live:
            return False
        # Slurm may not show all jobs of other users.
        if start.get("user") == os.getuid():
            return True
    return False if start.get("host") == this_host() else None


def _append(path: Path, event: str, reason: str, **others: str | int) -> None:
    entry = {
        "event": event,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": this_host(),
        "pid": os.getpid(),
        "user": os.getuid(),
        "slurm_job": slurm_job(),
        "task": array_task(),
        "reason": reason,
        "log": own_log(),
        **others,
    }
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
