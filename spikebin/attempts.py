"""What is kept of tries that have not ended well: one small file for each sheet of a part, gone once it is done.

Each try appends a line when it starts and one when it fails or is ended; a start without an end is a try that was
killed, or that still runs. Knows nothing of plans or matrix files.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spikebin.atomic import process_is_gone, slurm_job, this_host
from spikebin.names import directory_name

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
    "note_start",
    "read_attempts",
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
    """Where the tries of a variant are noted."""
    return output / "failures" / variant


def attempts_path(output: Path, variant: str, part: str, sheet: str) -> Path:
    """Where the tries of one sheet of a part are noted."""
    return attempts_directory(output, variant) / f"{directory_name(sheet)}_{part}.jsonl"


def note_start(path: Path) -> None:
    """Note that a try begins. What cannot be noted is left out: it must not stop the work."""
    _append(path, "start", "")


def note_failure(path: Path, reason: str) -> None:
    """Note that the try of this process failed, and why."""
    _append(path, "failed", reason)


def note_ended(path: Path, reason: str) -> None:
    """Note that the try of this process was ended from outside, by a signal."""
    _append(path, "ended", reason)


def forget(path: Path) -> None:
    """Forget all tries: the sheet is done."""
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

    Notes
    -----
    A try that noted its start and nothing else has failed if a later try has started, if its process is gone from
    this host, or if its Slurm job is this user's and not live. A try that was ended, or killed, and whose Slurm job
    then started again, has not failed: Slurm requeued it.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return Attempts()
    failed: list[dict[str, Any]] = []
    running: dict[str, Any] | None = None
    for line in lines:
        try:
            entry = json.loads(line)
            event, job, _, _ = (entry[key] for key in ("event", "slurm_job", "reason", "log"))
        except (ValueError, KeyError, TypeError):
            continue
        if event == "start":
            if running is not None:
                failed.append({**running, "reason": KILLED})
            if failed and job != "0" and failed[-1]["slurm_job"] == job and failed[-1]["event"] != "failed":
                failed.pop()
            running = entry
        else:
            failed.append(entry)
            running = None
    if running is not None and _is_over(running, live):
        failed.append({**running, "reason": KILLED})
        running = None
    job = running["slurm_job"] if running and running["slurm_job"] != "0" else ""
    last = failed[-1] if failed else {"reason": "", "log": ""}
    return Attempts(len(failed), last["reason"], last["log"], job)


def _is_over(start: dict[str, Any], live: Container[str] | None) -> bool:
    if process_is_gone(str(start.get("host")), start.get("pid")):
        return True
    # Nobody can be sure of having been told of all jobs of others.
    mine = start.get("user") == os.getuid()
    return live is not None and mine and start["slurm_job"] != "0" and start["slurm_job"] not in live


def _append(path: Path, event: str, reason: str) -> None:
    entry = {
        "event": event,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": this_host(),
        "pid": os.getpid(),
        "user": os.getuid(),
        "slurm_job": slurm_job(),
        "reason": reason,
        "log": os.environ.get("SPIKEBIN_LOG", ""),
    }
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
