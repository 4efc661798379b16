"""What is kept of tries that have not ended well: one small file for each sheet of a part, gone once it is done.

Each try appends a line when it starts and one when it fails; a start without an end is a try that was killed. Knows
nothing of plans or matrix files.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spikebin.atomic import process_is_gone, slurm_job, this_host
from spikebin.config import directory_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Attempts",
    "attempts_directory",
    "attempts_path",
    "forget",
    "note_failure",
    "note_start",
    "read_attempts",
]

KILLED = "ended without a word: killed, out of memory, or its node went down"


@dataclass(frozen=True)
class Attempts:
    """The tries of one sheet of a part: how many have failed, why the last one did, and where its log is."""

    failures: int = 0
    reason: str = ""
    log: str = ""


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


def forget(path: Path) -> None:
    """Forget all tries: the sheet is done."""
    with suppress(OSError):
        path.unlink()


def read_attempts(path: Path) -> Attempts:
    """Count the tries that failed; one that still runs, or may, is not counted.

    Notes
    -----
    A try that noted its start and nothing else has failed if a later try has started, or if its process is gone from
    this host. One on another host may still run; Slurm is asked about those by `spikebin submit`.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return Attempts()
    failures, reason, log = 0, "", ""
    running: dict[str, Any] | None = None
    for line in lines:
        try:
            entry = json.loads(line)
            event, why, where = entry["event"], entry["reason"], entry["log"]
        except (ValueError, KeyError, TypeError):
            continue
        if event == "failed":
            failures, reason, log, running = failures + 1, why, where, None
        else:
            if running is not None:
                failures, reason, log = failures + 1, KILLED, running["log"]
            running = entry
    if running is not None and process_is_gone(str(running.get("host")), running.get("pid")):
        failures, reason, log = failures + 1, KILLED, running["log"]
    return Attempts(failures, reason, log)


def _append(path: Path, event: str, reason: str) -> None:
    entry = {
        "event": event,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": this_host(),
        "pid": os.getpid(),
        "slurm_job": slurm_job(),
        "reason": reason,
        "log": os.environ.get("SPIKEBIN_LOG", ""),
    }
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
