"""jobs.csv: the jobs of an output, their parts and the sources of their sheets, as a plan froze them.

How a plan is drawn is in pipeline/plan.py.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikebin.errors import PlanError
from spikebin.output.paths import JOBS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


__all__ = ["Job", "Source", "jobs_text", "read_jobs"]

COLUMNS = ["index", "variant", "part", "sheets", "sources"]


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
    path = output / JOBS
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} cannot be read ({error}): check its rights") from None
    try:
        rows = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise PlanError(f"{path} is not as spikebin wrote it ({error}): restore it") from None
    if not rows or rows[0] != COLUMNS:
        raise PlanError(
            f"{path} does not begin with {','.join(COLUMNS)}: restore it, or `spikebin plan` again elsewhere"
        )
    jobs = []
    for n, row in enumerate(rows[1:]):
        sheets, sources = (row[3].split(" | "), row[4].split(" | ")) if len(row) == len(COLUMNS) else ([], [""])
        if len(sheets) != len(sources) or row[0] != str(n):
            raise PlanError(f"{path} line {n + 2} is not as spikebin wrote it: restore it; an index must keep its part")
        groups = (
            Source(_unescape(source), tuple(map(_unescape, group.split(" "))))
            for group, source in zip(sheets, sources, strict=True)
        )
        jobs.append(Job(n, row[1], row[2], tuple(groups)))
    return tuple(jobs)


def jobs_text(jobs: Iterable[Job]) -> str:
    """The text of jobs.csv, as `read_jobs` reads it.

    Parameters
    ----------
    jobs : iterable of Job

    Returns
    -------
    str
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for job in jobs:
        sheets = " | ".join(" ".join(map(_escape, source.sheets)) for source in job.sources)
        sources = " | ".join(_escape(source.path) for source in job.sources)
        table.writerow([job.index, job.variant, job.part, sheets, sources])
    return text.getvalue()


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C").replace(" ", "%20")


def _unescape(text: str) -> str:
    return text.replace("%20", " ").replace("%7C", "|").replace("%25", "%")
