"""How far every sheet of every part has come: done, missing, broken, failed, no source or excluded.

Knows jobs.csv, the seals of matrix files and the notes beside them; opens neither recordings nor HDF5, imports no numpy.
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from spikebin.atomic import write_atomically
from spikebin.attempts import Attempts, attempts_path, read_attempts
from spikebin.config import directory_name
from spikebin.errors import MatrixFileError, PlanError
from spikebin.plan import Job, Plan, matrix_path
from spikebin.seal import read_seal, verify_seal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SheetState", "State", "exclude", "sheet_state", "survey", "undo_exclude"]

EXCLUDED_FILE = "excluded.csv"
IN_CONFIG = "listed in spikebin.toml"


class State(StrEnum):
    """What can be said of one sheet of one part."""

    DONE = "done"
    MISSING = "missing"
    BROKEN = "broken"
    FAILED = "failed"
    NO_SOURCE = "no source"
    EXCLUDED = "excluded"

    @property
    def wanted(self) -> bool:
        """Whether a job would try to export it."""
        return self in {State.MISSING, State.BROKEN, State.FAILED}


@dataclass(frozen=True)
class SheetState:
    """One sheet of one part: how far it has come, why, and the sealed facts of its file where it is done."""

    job: Job
    sheet: str
    state: State
    reason: str = ""
    attempts: Attempts = Attempts()
    header: dict[str, Any] | None = None


def survey(
    plan: Plan, *, sheet: str | None = None, variant: str | None = None, deep: bool = False
) -> Iterator[SheetState]:
    """The state of every sheet of every part, in the order of the plan.

    Parameters
    ----------
    plan : Plan
    sheet, variant : str, optional
        Only these, by names that the plan knows.
    deep : bool
        Compare every byte of every file with its seal, instead of its size.
    """
    looker = _Looker(plan, deep=deep)
    for job in plan.jobs:
        if variant in {None, job.variant}:
            for name in job.sheets:
                if sheet in {None, name}:
                    yield looker.look(job, name)


def sheet_state(plan: Plan, job: Job, sheet: str) -> SheetState:
    """The state of one sheet of one part."""
    return _Looker(plan, deep=False).look(job, sheet)


def exclude(plan: Plan, job: Job, reason: str) -> None:
    """Leave a part out from now on: neither missing nor exported, whatever is there stays."""
    if not reason.strip():
        raise PlanError(f"no reason to exclude {job.name}: give one with --reason TEXT, status shows it")
    rows = _excluded(plan.config.output)
    rows[job.name] = " ".join(reason.split())
    _write_excluded(plan.config.output, rows)


def undo_exclude(plan: Plan, job: Job) -> None:
    """Take back an exclusion.

    Raises
    ------
    PlanError
        If the part is not excluded, or is so by spikebin.toml.
    """
    rows = _excluded(plan.config.output)
    if job.name not in rows:
        way_out = (
            "take it out of `exclude` there" if job.name in _config_excludes(plan) else "nothing to undo"
        )
        raise PlanError(f"{job.name} is not excluded beside the plan of {plan.config.path}: {way_out}")
    del rows[job.name]
    _write_excluded(plan.config.output, rows)


class _Looker:
    """Asks each directory for its names once, since network file systems answer slowly about single files."""

    def __init__(self, plan: Plan, *, deep: bool) -> None:
        self.output = plan.config.output
        self.resolve = plan.config.resolve
        self.read = verify_seal if deep else read_seal
        self.excluded = _config_excludes(plan) | _excluded(self.output)
        self.settings = {"binning": asdict(plan.config.binning), "trial": asdict(plan.config.trial)}
        self.names: dict[Path, frozenset[str]] = {}
        self.sources: dict[str, bool] = {}

    def look(self, job: Job, sheet: str) -> SheetState:
        if job.name in self.excluded:
            return SheetState(job, sheet, State.EXCLUDED, self.excluded[job.name])
        path = matrix_path(self.output, job.variant, job.part, sheet)
        reason = ""
        if self.is_there(path):
            try:
                header = self.read(path)
            except MatrixFileError as error:
                return SheetState(job, sheet, State.BROKEN, str(error))
            reason = self.mismatch(job, sheet, path, header)
            if not reason:
                return SheetState(job, sheet, State.DONE, header=header)
        source = job.source(sheet)
        if not self.has_source(source):
            return SheetState(
                job, sheet, State.NO_SOURCE, f"no {source}" if source else "no recording holds it yet"
            )
        tries = attempts_path(self.output, job.variant, job.part, sheet)
        if self.is_there(tries):
            attempts = read_attempts(tries)
            if attempts.failures:
                return SheetState(job, sheet, State.FAILED, attempts.reason, attempts)
        return SheetState(job, sheet, State.MISSING, reason)

    def mismatch(self, job: Job, sheet: str, path: Path, header: dict[str, Any]) -> str:
        """Why a whole file is not the one that the plan asks for."""
        for key, wanted in self.settings.items():
            if header[key] != wanted:
                return f"{path} was made with another [{key}]"
        found = header["variant"], header["part"], directory_name(header["sheet"])
        if found != (job.variant, job.part, directory_name(sheet)):
            return f"{path} holds {'/'.join(found)}: it was renamed or copied"
        return ""

    def is_there(self, path: Path) -> bool:
        if path.parent not in self.names:
            try:
                self.names[path.parent] = frozenset(os.listdir(path.parent))
            except OSError:
                self.names[path.parent] = frozenset()
        return path.name in self.names[path.parent]

    def has_source(self, source: str) -> bool:
        if source and source not in self.sources:
            self.sources[source] = self.resolve(source).exists()
        return bool(source) and self.sources[source]


def _config_excludes(plan: Plan) -> dict[str, str]:
    return {
        f"{entry.variant}/{part}": IN_CONFIG for entry in plan.config.recordings for part in entry.exclude
    }


def _excluded(output: Path) -> dict[str, str]:
    """VARIANT/PART -> reason, as kept beside the plan."""
    path = output / EXCLUDED_FILE
    try:
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))[1:]
        return {f"{variant}/{part}": reason for variant, part, reason, _ in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise PlanError(f"{path} cannot be read ({error}): mend or remove it") from None


def _write_excluded(output: Path, rows: dict[str, str]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["variant", "part", "reason", "written"])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for name, reason in rows.items():
        table.writerow([*name.split("/", 1), reason, now])
    write_atomically(output / EXCLUDED_FILE, [text.getvalue().encode()])
