"""How far every sheet of every part has come: done, missing, broken, failed, no source or excluded.

Knows jobs.csv, the seals of matrix files and the notes beside them; opens no recording and no HDF5, imports no numpy.
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from spikebin.attempts import Attempts, attempts_path, read_attempts
from spikebin.errors import MatrixFileError, PlanError
from spikebin.matrixfile.seal import read_seal, verify_seal
from spikebin.names import directory_name
from spikebin.plan import Job, Plan, matrix_path
from spikebin.system.files import write_atomically
from spikebin.system.lock import locked

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

__all__ = ["SheetState", "State", "exclude", "read_excluded", "sheet_state", "survey", "undo_exclude"]

EXCLUDED_FILE = "excluded.csv"
IN_CONFIG = "listed in spikebin.toml"
NOWHERE = "no recording holds it: `spikebin plan` looks again"


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
    attempts: Attempts = field(default_factory=Attempts)
    header: dict[str, Any] | None = None


def survey(
    plan: Plan,
    *,
    sheet: str | None = None,
    variant: str | None = None,
    deep: bool = False,
    live: Container[str] | None = None,
) -> Iterator[SheetState]:
    """The state of every sheet of every part, in the order of the plan.

    Parameters
    ----------
    plan : Plan
    sheet, variant : str, optional
        Only these, by names that the plan knows.
    deep : bool
        Compare every byte of every file with its seal, instead of its size.
    live : container of str, optional
        Ids of all Slurm jobs that have not ended, where that is known: a try of any other job is over.

    Yields
    ------
    SheetState

    Raises
    ------
    PlanError
        If the list of excluded parts cannot be read.
    """
    looker = _Looker(plan, deep=deep, live=live)
    for job in plan.jobs:
        if variant in {None, job.variant}:
            for name in job.sheets:
                if sheet in {None, name}:
                    yield looker.look(job, name)


def sheet_state(plan: Plan, job: Job, sheet: str) -> SheetState:
    """The state of one sheet of one part.

    Parameters
    ----------
    plan : Plan
    job : Job
    sheet : str
        Raw name.

    Returns
    -------
    SheetState

    Raises
    ------
    PlanError
        If the list of excluded parts cannot be read.
    """
    return _Looker(plan, deep=False).look(job, sheet)


def exclude(plan: Plan, job: Job, reason: str) -> None:
    """Leave a part out from now on: neither missing nor exported, whatever is there stays.

    Parameters
    ----------
    plan : Plan
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
    output = plan.config.output
    with locked(output):
        rows = _read_rows(output)
        rows[job.name] = " ".join(reason.split()), datetime.now(UTC).isoformat(timespec="seconds")
        _write_rows(output, rows)


def undo_exclude(plan: Plan, job: Job) -> None:
    """Take back an exclusion.

    Parameters
    ----------
    plan : Plan
    job : Job
        The part.

    Raises
    ------
    PlanError
        If the part is not excluded, or is so by spikebin.toml; or the list of excluded parts cannot be read.
    SpikebinError
        As `exclude`.
    """
    output = plan.config.output
    with locked(output):
        rows = _read_rows(output)
        if job.name not in rows:
            way_out = "take it out of `exclude` there" if job.name in _config_excludes(plan) else "nothing to undo"
            raise PlanError(f"{job.name} is not excluded beside the plan of {plan.config.path}: {way_out}")
        del rows[job.name]
        _write_rows(output, rows)


class _Looker:
    """Asks each directory for its names once, since network file systems answer slowly about single files."""

    def __init__(self, plan: Plan, *, deep: bool, live: Container[str] | None = None) -> None:
        self.output = plan.config.output
        self.resolve = plan.config.resolve
        self.read = verify_seal if deep else read_seal
        self.live = live
        self.excluded = _config_excludes(plan) | read_excluded(self.output)
        self.settings = {"binning": asdict(plan.config.binning), "trial": plan.config.trial.settings}
        self.directories: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}
        self.tried: dict[str, frozenset[str]] = {}
        self.sources: dict[str, bool] = {}

    def look(self, job: Job, sheet: str) -> SheetState:
        if job.name in self.excluded:
            return SheetState(job, sheet, State.EXCLUDED, self.excluded[job.name])
        directory, names = self.directory(job.variant, sheet)
        name = f"spikes_{directory_name(sheet)}_{job.part}.h5"
        source = job.source(sheet)
        reason = ""
        if name in names:
            path = f"{directory}/{name}"
            try:
                header = self.read(path)
            except MatrixFileError as error:
                if self.has_source(source):
                    return SheetState(job, sheet, State.BROKEN, str(error), self.attempts(job, sheet))
                reason = str(error)
            else:
                reason = self.mismatch(job, sheet, path, header)
                if not reason:
                    return SheetState(job, sheet, State.DONE, header=header)
        if not self.has_source(source):
            why = f"no {source}" if source else NOWHERE
            return SheetState(job, sheet, State.NO_SOURCE, f"{why}; {reason}" if reason else why)
        attempts = self.attempts(job, sheet)
        if attempts.failures:
            return SheetState(job, sheet, State.FAILED, attempts.reason, attempts)
        return SheetState(job, sheet, State.MISSING, reason, attempts)

    def attempts(self, job: Job, sheet: str) -> Attempts:
        path = attempts_path(self.output, job.variant, job.part, sheet)
        if job.variant not in self.tried:
            self.tried[job.variant] = _names(path.parent)
        return read_attempts(path, self.live) if path.name in self.tried[job.variant] else Attempts()

    def mismatch(self, job: Job, sheet: str, path: str, header: dict[str, Any]) -> str:
        """Why a whole file is not the one that the plan asks for."""
        for key, wanted in self.settings.items():
            if header[key] != wanted:
                return f"{path} was made with another [{key}]"
        found = header["variant"], header["part"], directory_name(header["sheet"])
        if found != (job.variant, job.part, directory_name(sheet)):
            # A seal can hold what no recording is called.
            return f"{path} holds {' '.join('/'.join(found).split())}: it was renamed or copied"
        if "limit" in header:
            return f"{path} was made with --limit {header['limit']}: it is not the whole part"
        return ""

    def directory(self, variant: str, sheet: str) -> tuple[str, frozenset[str]]:
        """Where the matrix files of a sheet lie, and their names; as texts, since Paths take longer than the seals."""
        if (variant, sheet) not in self.directories:
            path = matrix_path(self.output, variant, "", sheet).parent
            self.directories[variant, sheet] = str(path), _names(path)
        return self.directories[variant, sheet]

    def has_source(self, source: str) -> bool:
        if source and source not in self.sources:
            self.sources[source] = self.resolve(source).exists()
        return bool(source) and self.sources[source]


def _names(directory: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(directory))  # noqa: PTH208
    except OSError:
        return frozenset()


def _config_excludes(plan: Plan) -> dict[str, str]:
    return {f"{entry.variant}/{part}": IN_CONFIG for entry in plan.config.recordings for part in entry.exclude}


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
    path = output / EXCLUDED_FILE
    try:
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))[1:]
        return {f"{variant}/{part}": (reason, written) for variant, part, reason, written in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, csv.Error) as error:
        raise PlanError(f"{path} cannot be read ({error}): mend or remove it") from None


def _write_rows(output: Path, rows: dict[str, tuple[str, str]]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["variant", "part", "reason", "written"])
    for name, (reason, written) in rows.items():
        table.writerow([*name.split("/", 1), reason, written])
    write_atomically(output / EXCLUDED_FILE, [text.getvalue().encode()])
