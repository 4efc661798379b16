"""jobs.csv: the jobs of an output, their parts and the sources of their sheets, as a plan froze them.

How a plan is drawn is in pipeline/plan.py.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload
from weakref import finalize

from spikebin.errors import PlanError
from spikebin.names import is_sheet
from spikebin.output.paths import JOBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Job", "JobFile", "Source", "jobs_text", "open_jobs", "read_jobs"]

COLUMNS = ["index", "variant", "part", "sheets", "sources"]
HEAD = ",".join(COLUMNS).encode() + b"\n"
NO_VARIANTS = {"", ".", ".."}
BLOCK = 1 << 14
"""Bytes of jobs.csv that are read line by line."""
SMALL = 1 << 18
"""Bytes of a jobs.csv that is read at once first, which takes some milliseconds."""


@dataclass(frozen=True)
class Source:
    """A recording and the sheets of a part that it holds. `path` is as the config writes it; "" is not there yet."""

    path: str
    sheets: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """One part of one variant, with all its sheets. `index` is its line in the plan and its Slurm array index."""

    index: int
    variant: str
    part: str
    sources: tuple[Source, ...]

    @property
    def sheets(self) -> tuple[str, ...]:
        """Raw names of the sheets to export, those without a source included."""
        return tuple(sheet for source in self.sources for sheet in source.sheets)

    @property
    def name(self) -> str:
        """VARIANT/PART, as `exclude` takes it."""
        return f"{self.variant}/{self.part}"

    def source(self, sheet: str) -> str:
        """Path of the recording that holds a sheet; "" where there is none yet.

        Parameters
        ----------
        sheet : str
            Raw name of one of its sheets.

        Returns
        -------
        str
            As the config writes it.
        """
        return next(source.path for source in self.sources if sheet in source.sheets)


def read_jobs(output: Path) -> tuple[Job, ...] | None:
    """The jobs of an output's jobs.csv.

    Parameters
    ----------
    output : Path

    Returns
    -------
    tuple of Job or None
        None: there is no jobs.csv.

    Raises
    ------
    PlanError
        If it cannot be read, or is not as spikebin wrote it.
    """
    jobs = open_jobs(output)
    return None if jobs is None else tuple(jobs)


def open_jobs(output: Path) -> Sequence[Job] | None:
    """The jobs of an output's jobs.csv; those of a large one are read when they are asked for.

    Parameters
    ----------
    output : Path

    Returns
    -------
    sequence of Job or None
        As they are now, whatever is planned later. None: there is no jobs.csv.

    Raises
    ------
    PlanError
        If it cannot be read, or is not as spikebin wrote it; of a large one, only what is read is looked at.
    """
    path = output / JOBS
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        jobs = JobFile(path, descriptor)
        head = os.pread(descriptor, len(HEAD), 0)
        size = os.fstat(descriptor).st_size
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    if head != HEAD:
        raise PlanError(
            f"{path} does not begin with {','.join(COLUMNS)}: restore it, or `spikebin plan` again elsewhere"
        )
    return tuple(jobs) if size <= SMALL else jobs


class JobFile(Sequence[Job]):
    """The jobs in a jobs.csv, in their order: going through them keeps none, asking for one reads no other.

    Parameters
    ----------
    path : Path
        For messages.
    descriptor : int
        Of the open file, which begins with the names of its columns. It is read although another file may take its
        name, and closed with this object.

    Raises
    ------
    PlanError
        From whatever reads, if the file cannot be read, or a line is not as spikebin wrote it.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        finalize(self, os.close, descriptor)

    def __iter__(self) -> Iterator[Job]:
        parse = _Parser(self._path)
        try:
            with self._opened() as data, io.TextIOWrapper(data, "utf-8", newline="") as file:
                rows = csv.reader(file)
                next(rows)
                for n, row in enumerate(rows):
                    yield parse(n, row)
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(self._path, error) from None
        except csv.Error as error:
            raise PlanError(f"{self._path} is not as spikebin wrote it ({error}): restore it") from None

    def __len__(self) -> int:
        with self._opened() as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - BLOCK))
            _, newline, last = file.read().removesuffix(b"\n").rpartition(b"\n")
        if end == len(HEAD):
            return 0
        number = _number(last) if newline else None
        # A name with a line break in it takes several lines.
        return sum(1 for _ in self) if number is None else number + 1

    @overload
    def __getitem__(self, index: int) -> Job: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Job, ...]: ...

    def __getitem__(self, index: int | slice) -> Job | tuple[Job, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        n = index + len(self) if index < 0 else index
        line = self._line(n) if n >= 0 else None
        if line is not None:
            # What is not a row may be a line of a name with line breaks: reading all of the file tells.
            with suppress(PlanError, csv.Error):
                return _Parser(self._path)(n, next(csv.reader([line])))
        for job in self:
            if job.index == n:
                return job
        raise IndexError(index)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, JobFile | tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._path)

    def __repr__(self) -> str:
        return f"JobFile({str(self._path)!r})"

    def _line(self, n: int) -> str | None:
        """The line of a job; None where it is not found by bisection: the complete file then tells."""
        with self._opened() as file:
            # The line begins in [first, stop).
            first, stop = len(HEAD), file.seek(0, os.SEEK_END)
            while stop - first > BLOCK:
                middle = (first + stop) // 2
                file.seek(middle)
                file.readline()
                begin = file.tell()
                number = _number(file.readline()) if begin < stop else n + 1
                if number is None:
                    return None
                if number > n:
                    stop = middle + 1
                else:
                    first = begin
            file.seek(first)
            before = None
            for line in file:
                number = _number(line)
                if number is None or (before is not None and number != before + 1) or number > n:
                    return None
                if number == n:
                    with suppress(UnicodeDecodeError):
                        return line.decode()
                    return None
                before = number
        return None

    @contextmanager
    def _opened(self) -> Iterator[io.BufferedReader[Any]]:
        try:
            with io.BufferedReader(_Held(self._descriptor)) as file:
                yield file
        except OSError as error:
            raise _unreadable(self._path, error) from None


class _Held(io.RawIOBase):
    """The bytes of an open file, with a position of one's own; closing it leaves the file open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._at = descriptor, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        end = os.fstat(self._descriptor).st_size
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: end}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        into = memoryview(buffer)
        data = os.pread(self._descriptor, len(into), self._at)
        into[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Parser:
    """Makes jobs of the rows of a jobs.csv. Parts of a plan have the same sheets: their names are kept but once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._groups: dict[str, tuple[tuple[str, ...], ...]] = {}

    def __call__(self, n: int, row: list[str]) -> Job:
        if len(row) != len(COLUMNS) or row[0] != str(n):
            raise self._fault(n)
        groups = self._groups.get(row[3])
        if groups is None:
            groups = tuple(tuple(map(_unescape, group.split(" "))) for group in row[3].split(" | "))
            if not all(is_sheet(sheet) for sheets in groups for sheet in sheets):
                raise self._fault(n)
            self._groups[row[3]] = groups
        paths = row[4].split(" | ")
        # A job writes to where its variant and part say.
        named = row[1] + row[2]
        if len(paths) != len(groups) or "/" in named or "\0" in named or "\0" in row[4] or row[1] in NO_VARIANTS:
            raise self._fault(n)
        return Job(n, row[1], row[2], tuple(map(Source, map(_unescape, paths), groups)))

    def _fault(self, n: int) -> PlanError:
        return PlanError(
            f"{self._path} line {n + 2} is not as spikebin wrote it: restore it; an index must keep its part"
        )


def _unreadable(path: Path, error: Exception) -> PlanError:
    return PlanError(f"{path} cannot be read ({error}): check its rights")


def _number(line: bytes) -> int | None:
    """The index that a line begins with; None if it is not a complete row by itself."""
    digits, comma, _ = line.partition(b",")
    return int(digits) if comma and digits.isdigit() and line.count(b'"') % 2 == 0 else None


def jobs_text(jobs: Iterable[Job]) -> str:
    """The text of jobs.csv, as `read_jobs` reads it.

    Parameters
    ----------
    jobs : iterable of Job

    Returns
    -------
    str
    """
    text = [HEAD.decode()]
    row = io.StringIO()
    # With this line end, names that hold either of its characters are quoted.
    table = csv.writer(row, lineterminator="\r\n")
    for job in jobs:
        sheets = " | ".join(" ".join(map(_escape, source.sheets)) for source in job.sources)
        sources = " | ".join(_escape(source.path) for source in job.sources)
        row.seek(0)
        row.truncate()
        table.writerow([job.index, job.variant, job.part, sheets, sources])
        text.append(row.getvalue().removesuffix("\r\n") + "\n")
    return "".join(text)


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C").replace(" ", "%20")


def _unescape(text: str) -> str:
    return text.replace("%20", " ").replace("%7C", "|").replace("%25", "%") if "%" in text else text
