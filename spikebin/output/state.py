"""How far every sheet of every part has come: done, missing, broken, failed, no source or excluded.

Knows jobs.csv, the seals of matrix files and the notes beside them; opens no recording and no HDF5, imports no numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from spikebin.errors import MatrixFileError
from spikebin.matrixfile.seal import read_seal, verify_seal
from spikebin.output.attempts import Attempts, attempts_directory, attempts_path, read_attempts
from spikebin.output.broken import broken_path, broken_reason, noting_damage
from spikebin.output.exclusions import read_excluded
from spikebin.output.paths import matrix_name, spikes_directory
from spikebin.output.present import Existing, asked_for, names_in

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterator, Mapping, Sequence
    from pathlib import Path

    from spikebin.binning.rules import Binning
    from spikebin.matrixfile.seal import Seal
    from spikebin.output.jobs import Job

__all__ = ["Planned", "SheetState", "State", "sheet_state", "survey", "survey_jobs"]

NO_ATTEMPTS = Attempts()
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
        return self is State.MISSING or self is State.BROKEN or self is State.FAILED


class Planned(Protocol):
    """What is wanted of an output, and with which settings: a plan."""

    @property
    def output(self) -> Path:
        """The directory."""
        ...

    @property
    def jobs(self) -> Sequence[Job]:
        """All of them, by index."""
        ...

    @property
    def binning(self) -> Binning:
        """Of every file."""
        ...

    def trial(self, variant: str) -> Mapping[str, Any]:
        """The settings that make the trials of a variant, as a seal holds them."""
        ...

    @property
    def excluded(self) -> Mapping[str, str]:
        """VARIANT/PART -> why, of the parts that the config leaves out."""
        ...

    def reading(self, job: Job, sheet: str) -> Mapping[str, Any] | None:
        """The settings by which a sheet's recording is read, as a seal holds them; None where there is no recording."""
        ...

    def read_from(self, job: Job, sheet: str) -> Sequence[Path]:
        """The files and directories that a sheet is made from."""
        ...

    def resolve(self, source: str) -> Path:
        """Where the source of a job lies."""
        ...


class SheetState(NamedTuple):
    """One sheet of one part: how far it has come, why, and the sealed facts of its file where it is done.

    A tuple: of 600,000, dataclasses take half a second longer to make.
    """

    job: Job
    sheet: str
    state: State
    reason: str = ""
    attempts: Attempts = NO_ATTEMPTS
    header: Seal | None = None

    @property
    def is_trouble(self) -> bool:
        """Whether there is something to say of it: it is neither done nor simply missing, or its recording changed."""
        return bool(self.reason) if self.state is State.DONE else self.state is not State.MISSING


def survey(
    plan: Planned,
    *,
    sheet: str | None = None,
    variant: str | None = None,
    indices: Collection[int] | None = None,
    deep: bool = False,
    live: Container[str] | None = None,
) -> Iterator[SheetState]:
    """The state of every sheet of every part, in the order of the plan.

    Parameters
    ----------
    plan : Planned
    sheet, variant : str, optional
        Only these, by names that the plan knows.
    indices : collection of int, optional
        Only these jobs.
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
    for states in survey_jobs(plan, sheet=sheet, variant=variant, indices=indices, deep=deep, live=live):
        yield from states


def survey_jobs(
    plan: Planned,
    *,
    sheet: str | None = None,
    variant: str | None = None,
    indices: Collection[int] | None = None,
    deep: bool = False,
    live: Container[str] | None = None,
) -> Iterator[list[SheetState]]:
    """As `survey`, with the sheets of each part at once.

    Parameters
    ----------
    plan, sheet, variant, indices, deep, live
        As for `survey`.

    Yields
    ------
    list of SheetState
        Of one part, in the order of the plan; at least one.

    Raises
    ------
    PlanError
        As `survey`.
    """
    looker = _Looker(plan, deep=deep, live=live)
    chosen = None if indices is None else frozenset(indices)
    for job in plan.jobs:
        if (variant is None or job.variant == variant) and (chosen is None or job.index in chosen):
            states = looker.look(job, sheet)
            if states:
                yield states


def sheet_state(plan: Planned, job: Job, sheet: str) -> SheetState:
    """The state of one sheet of one part.

    Parameters
    ----------
    plan : Planned
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
    return _Looker(plan, deep=False, many=False).look(job, sheet)[0]


@dataclass(frozen=True)
class _Place:
    """Where the files of a sheet of a variant lie, and the notes of its tries: names begin and end alike for all parts.

    As texts: of 10^5 parts, making a Path of each takes longer than all else.
    """

    directory: str
    files: Container[str]
    file: tuple[str, str]
    notes: Container[str]
    attempts: tuple[str, str]
    broken: tuple[str, str]


class _Looker:
    """Looks at the sheets of parts; `many`: at most of those that there are."""

    def __init__(self, plan: Planned, *, deep: bool, live: Container[str] | None = None, many: bool = True) -> None:
        self.plan = plan
        self.output = plan.output
        self.deep = deep
        self.read = verify_seal if deep else read_seal
        self.looked_at: dict[Path, tuple[float, int | None]] = {}
        self.live = live
        self.excluded = {**plan.excluded, **read_excluded(self.output)}
        self.names = names_in if many else asked_for
        self.notes: dict[str, Container[str]] = {}
        self.places: dict[tuple[str, str], _Place] = {}
        self.sources = Existing(plan.resolve, many=many)

    def look(self, job: Job, only: str | None = None) -> list[SheetState]:
        """The states of the sheets of a part, or of one of them alone."""
        if self.excluded and job.name in self.excluded:
            why = self.excluded[job.name]
            return [SheetState(job, name, State.EXCLUDED, why) for name in job.sheets if only is None or name == only]
        states = []
        variant, part = job.variant, job.part
        for source in job.sources:
            there: bool | None = None
            for sheet in source.sheets:
                if only is not None and sheet != only:
                    continue
                place = self.places.get((variant, sheet)) or self.place(variant, sheet)
                first, last = place.file
                name = first + part + last
                if name in place.files:
                    states.append(self.of_file(job, sheet, source.path, place, name))
                    continue
                if there is None:
                    there = source.path in self.sources
                if there:
                    attempts = self.attempts(place, job)
                    state = State.FAILED if attempts.failures else State.MISSING
                    states.append(SheetState(job, sheet, state, attempts.reason, attempts))
                else:
                    why = f"no {source.path}" if source.path else NOWHERE
                    states.append(SheetState(job, sheet, State.NO_SOURCE, why))
        return states

    def of_file(self, job: Job, sheet: str, source: str, place: _Place, name: str) -> SheetState:
        """The state of a sheet whose file is there."""
        path = f"{place.directory}/{name}"
        try:
            with noting_damage():
                seal = self.read(path)
            reason = self.mismatch(job, sheet, path, seal) or self.broken(place, job, path)
        except MatrixFileError as error:
            reason = str(error)
        if not reason:
            return SheetState(job, sheet, State.DONE, self.changed(job, sheet, seal), header=seal)
        if source in self.sources:
            return SheetState(job, sheet, State.BROKEN, reason, self.attempts(place, job))
        why = f"no {source}" if source else NOWHERE
        return SheetState(job, sheet, State.NO_SOURCE, f"{why}; {reason}")

    def place(self, variant: str, sheet: str) -> _Place:
        if variant not in self.notes:
            self.notes[variant] = self.names(str(attempts_directory(self.output, variant)))
        directory = str(spikes_directory(self.output, variant, sheet))
        attempts, broken = (
            _ends(path(self.output, variant, "\0", sheet).name) for path in (attempts_path, broken_path)
        )
        file = _ends(matrix_name(sheet, "\0"))
        place = _Place(directory, self.names(directory), file, self.notes[variant], attempts, broken)
        self.places[variant, sheet] = place
        return place

    def attempts(self, place: _Place, job: Job) -> Attempts:
        first, last = place.attempts
        name = first + job.part + last
        if name not in place.notes:
            return NO_ATTEMPTS
        return read_attempts(attempts_directory(self.output, job.variant) / name, self.live)

    def broken(self, place: _Place, job: Job, path: str) -> str:
        """What was found in a file by whoever read its bytes."""
        first, last = place.broken
        name = first + job.part + last
        if name not in place.notes:
            return ""
        return broken_reason(attempts_directory(self.output, job.variant) / name, path)

    def mismatch(self, job: Job, sheet: str, path: str, seal: Seal) -> str:
        """Why a complete file is not the one that the plan asks for."""
        if seal.binning != self.plan.binning:
            return f"{path} was made with another [binning]"
        if seal.trial != self.plan.trial(job.variant):
            return f"{path} was made with another [trial]"
        if not _read_alike(seal.reading, self.plan.reading(job, sheet)):
            return f"{path} was read with other settings of [[recordings]]"
        if not seal.identity.names(job.variant, job.part, sheet):
            # A seal can hold what no recording is called.
            return f"{path} holds {' '.join(str(seal.identity).split())}: it was renamed or copied"
        if seal.limit is not None:
            return f"{path} was made with --limit {seal.limit}: it is not the complete part"
        return ""

    def changed(self, job: Job, sheet: str, seal: Seal) -> str:
        """What a complete file was made from and has changed since; a directory is looked through only if `deep`."""
        paths = self.plan.read_from(job, sheet)
        found = [self.facts(path) for path in paths]
        if any(mtime > seal.source.mtime for mtime, _ in found):
            newest = max(zip(paths, found, strict=True), key=lambda one: one[1][0])[0]
            return f"{newest} is newer than what {sheet} was exported from: `spikebin job {job.index} --force` takes it"
        sizes = [size for _, size in found]
        if sizes and None not in sizes and sum(filter(None, sizes)) != seal.source.size:
            return f"{paths[0]} had another size when {sheet} was exported: `spikebin job {job.index} --force` takes it"
        return ""

    def facts(self, path: Path) -> tuple[float, int | None]:
        """Newest mtime of a file or of what lies in a directory, and the size of a file; (0, None): not looked at."""
        if path not in self.looked_at:
            try:
                stat = path.stat()
                facts: tuple[float, int | None] = (stat.st_mtime, stat.st_size)
                if not S_ISREG(stat.st_mode):
                    inside = path.iterdir() if self.deep else ()
                    facts = max((item.stat().st_mtime for item in inside), default=0.0), None
            except OSError:
                facts = (0.0, None)
            self.looked_at[path] = facts
        return self.looked_at[path]


def _read_alike(sealed: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> bool:
    """Whether a file was read as is wanted now; the format may be recognised from the recording itself.

    What may be wrong with a recording does not change how it is read: a file that was allowed more is the same file.
    """
    if sealed is None or wanted is None:
        return True
    told = {"allow", *(() if "format" in wanted else ("format",))}
    return {key: value for key, value in sealed.items() if key not in told} == dict(wanted)


def _ends(name: str) -> tuple[str, str]:
    """What stands before and after the part in a name."""
    first, _, last = name.partition("\0")
    return first, last
