"""Parts that are left out: excluded.csv beside the plan."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spikebin.errors import PlanError
from spikebin.output.paths import EXCLUDED
from spikebin.system.files import write_atomically
from spikebin.system.lock import locked

if TYPE_CHECKING:
    from pathlib import Path

    from spikebin.output.jobs import Job

__all__ = ["exclude", "read_excluded", "undo_exclude"]


def exclude(output: Path, job: Job, reason: str) -> None:
    """Leave a part out from now on: neither missing nor exported, whatever is there stays.

    Parameters
    ----------
    output : Path
    job : Job
        The part.
    reason : str
        Shown by `status`; one that is given again replaces the last.

    Raises
    ------
    PlanError
        If there is no reason, or the list of excluded parts cannot be read.
    SpikebinError
        If it cannot be written, or another process holds the output's lock for longer than a minute.
    """
    if not reason.strip():
        raise PlanError(f"no reason to exclude {job.name}: give one with --reason TEXT, status shows it")
    with locked(output):
        rows = _read_rows(output)
        rows[job.name] = " ".join(reason.split()), datetime.now(UTC).isoformat(timespec="seconds")
        _write_rows(output, rows)


def undo_exclude(output: Path, job: Job) -> None:
    """Take back an exclusion.

    Parameters
    ----------
    output : Path
    job : Job
        The part.

    Raises
    ------
    PlanError
        If the part is not in the list (one that spikebin.toml excludes is not), or the list cannot be read.
    SpikebinError
        As `exclude`.
    """
    with locked(output):
        rows = _read_rows(output)
        if job.name not in rows:
            raise PlanError(
                f"{job.name} is not in {output / EXCLUDED}: nothing to undo; a part that spikebin.toml lists in"
                " `exclude` is taken out there"
            )
        del rows[job.name]
        _write_rows(output, rows)


def read_excluded(output: Path) -> dict[str, str]:
    """The parts that are excluded beside the plan, and why.

    Parameters
    ----------
    output : Path

    Returns
    -------
    dict of str to str
        VARIANT/PART -> reason; empty where no list is kept.

    Raises
    ------
    PlanError
        If the list cannot be read.
    """
    return {name: reason for name, (reason, _) in _read_rows(output).items()}


def _read_rows(output: Path) -> dict[str, tuple[str, str]]:
    """VARIANT/PART -> reason, and when it was written."""
    path = output / EXCLUDED
    try:
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))[1:]
        return {f"{variant}/{part}": (reason, written) for variant, part, reason, written in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, csv.Error) as error:
        raise PlanError(f"{path} cannot be read ({error}): fix or remove it") from None


def _write_rows(output: Path, rows: dict[str, tuple[str, str]]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["variant", "part", "reason", "written"])
    for name, (reason, written) in rows.items():
        table.writerow([*name.split("/", 1), reason, written])
    write_atomically(output / EXCLUDED, [text.getvalue().encode()])
