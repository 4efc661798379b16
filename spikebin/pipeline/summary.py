"""States of many sheets added up: what is missing, how a data set stands, what a plan will take. No numpy, no HDF5."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from spikebin.errors import same_cause
from spikebin.matrixfile.seal import SEAL_SIZE
from spikebin.output.paths import JOBS, matrix_path
from spikebin.output.state import SheetState, State, survey
from spikebin.system.leftovers import stale_files

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from spikebin.output.jobs import Job, Source
    from spikebin.pipeline.plan import Plan, PlanChanges
    from spikebin.pipeline.wanted import Queue, Wanted

__all__ = [
    "Row",
    "Summary",
    "estimate_bytes",
    "find_stale_files",
    "missing_as_dict",
    "missing_remarks",
    "sheet_as_dict",
    "summarise",
    "summarise_plan",
]

# A matrix file of next to no spikes: seal, checksums and HDF5's own.
BYTES_OF_AN_EMPTY_FILE = 24_000
# More of it for each byte of its recording. Of mozaik, measured on 10 images x 37,500 neurons: most of a pickle is not
# spikes; of others, on lists of 3,000 to 4,000,000 spikes in bins of 1 to 10 ms: 0.04 to 0.18.
BYTES_OUT_PER_BYTE_IN = {"mozaik": 0.016, "other": 0.09}


@dataclass
class Row:
    """One sheet of one variant: how many parts are in each state, spikes and bytes of those done.

    `queued` and `running` are those not done that Slurm has a task for; they are counted by state, too.
    """

    sheet: str
    variant: str
    states: Counter[State] = field(default_factory=Counter)
    queued: int = 0
    running: int = 0
    n_spikes: int = 0
    n_collisions: int = 0
    n_unassigned: int = 0
    size: int = 0


@dataclass(frozen=True)
class Summary:
    """How a data set stands."""

    rows: list[Row]
    troubles: list[SheetState]

    @property
    def with_spikes(self) -> list[tuple[str, str]]:
        """(variant, sheet) of what there is something to draw of."""
        return [(row.variant, row.sheet) for row in self.rows if row.n_spikes]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        rows = [
            {**asdict(row), "states": {str(state): row.states.get(state, 0) for state in State}} for row in self.rows
        ]
        return {"rows": rows, "troubles": [sheet_as_dict(found) for found in self.troubles]}


def missing_remarks(wanted: Wanted) -> list[str]:
    """What `missing` says of the sheets that are not simply missing.

    Parameters
    ----------
    wanted : Wanted

    Returns
    -------
    list of str
        One line for each cause of what is broken, failed or given up, and of parts that are excluded or have no source.
    """
    told = [found for found in wanted.troubles if found.state in {State.BROKEN, State.FAILED, State.DONE}]
    lines = [_remark(members) for members in _by_cause(told)]
    lines += [
        f"{_remark(members)} (left out: failed {members[0].attempts.failures} times)"
        for members in _by_cause(wanted.given_up)
    ]
    for state in (State.EXCLUDED, State.NO_SOURCE):
        parts = {found.job.name: found for found in wanted.troubles if found.state is state}
        for members in _by_cause(parts.values()):
            more = f" and {len(members) - 1:,} more" if len(members) > 1 else ""
            lines.append(f"{state}: {members[0].job.name}{more}: {members[0].reason}")
    return lines


def _by_cause(states: Iterable[SheetState]) -> list[list[SheetState]]:
    """Those of one state and one cause together, in order of the first of each."""
    causes: dict[tuple[State, str], list[SheetState]] = {}
    for found in states:
        causes.setdefault((found.state, same_cause(found.reason, found.job.part, found.sheet)), []).append(found)
    return list(causes.values())


def missing_as_dict(plan: Plan, wanted: Wanted) -> dict[str, Any]:
    """What `missing --json` prints: the indices, and every sheet that is not done.

    Parameters
    ----------
    plan : Plan
    wanted : Wanted

    Returns
    -------
    dict
    """
    troubles = [*wanted.troubles, *wanted.given_up]
    named = {(found.job.index, found.sheet) for found in troubles}
    plain = [
        SheetState(job, sheet, State.MISSING)
        for job in plan.jobs
        for sheet in wanted.sheets.get(job.index, ())
        if (job.index, sheet) not in named
    ]
    entries = sorted([*troubles, *plain], key=lambda found: found.job.index)
    return {"indices": wanted.indices, "sheets": [sheet_as_dict(found) for found in entries]}


def summarise(
    plan: Plan,
    *,
    sheet: str | None = None,
    variant: str | None = None,
    deep: bool = False,
    queue: Queue | None = None,
    on_sheet: Callable[[], None] | None = None,
) -> Summary:
    """Count the states of each sheet of each variant, and what Slurm has of those that are not done.

    Parameters
    ----------
    plan : Plan
    sheet, variant : str, optional
        Only these, by names that the plan knows.
    deep : bool
        Compare every byte of every file with its seal, instead of its size.
    queue : Queue, optional
        What Slurm runs and holds, where that is known.
    on_sheet : callable, optional
        Called for each sheet of a part that has been looked at.

    Returns
    -------
    Summary
        Its `troubles` are the sheets that are neither done nor simply missing.

    Raises
    ------
    PlanError
        As `spikebin.output.state.survey`.
    """
    rows: dict[tuple[str, str], Row] = {}
    troubles = []
    live = queue.live if queue else None
    for found in survey(plan, sheet=sheet, variant=variant, deep=deep, live=live):
        if on_sheet is not None:
            on_sheet()
        key = found.job.variant, found.sheet
        row = rows.get(key)
        if row is None:
            row = rows[key] = Row(found.sheet, found.job.variant)
        row.states[found.state] += 1
        if queue and found.state.wanted:
            activity = queue.activity(found)
            row.running += activity == "running"
            row.queued += activity == "queued"
        if found.state is State.MISSING:
            continue
        if found.header is not None:
            row.n_spikes += found.header.n_spikes
            row.n_collisions += found.header.n_collisions
            row.n_unassigned += found.header.n_unassigned or 0
            row.size += found.header.size + SEAL_SIZE
        if found.is_trouble:
            troubles.append(found)
    return Summary(list(rows.values()), troubles)


def summarise_plan(plan: Plan, changes: PlanChanges) -> dict[str, Any]:
    """What a plan will take: jobs, files, about how many bytes, and what has no source.

    Parameters
    ----------
    plan : Plan
        Written already: the free space is that of its output.
    changes : PlanChanges
        What it has that the last one had not.

    Returns
    -------
    dict
        As `plan --json` prints it. `bytes` and `free` are in bytes, `bytes` is a guess; all else are numbers and names.
    """
    bare = [(job, sheet) for job in plan.jobs for sheet in job.sheets if not job.source(sheet)]
    return {
        "jobs": len(plan.jobs),
        "files": sum(len(job.sheets) for job in plan.jobs),
        "bytes": estimate_bytes(plan),
        "free": shutil.disk_usage(plan.config.output).free,
        "no_source": len(bare),
        "first_no_source": f"{bare[0][0].name} {bare[0][1]}" if bare else "",
        "new_parts": changes.parts,
        "new_sheets": changes.sheets,
        "new_sources": changes.sources,
        "vanished": changes.vanished,
        "plan": str(plan.config.output / JOBS),
    }


def estimate_bytes(plan: Plan, sheets: Mapping[int, Collection[str]] | None = None) -> int:
    """About how many bytes files will take, from the first part of each root: looking at all would take minutes.

    Where that part is done, its files are what the others are likely to take.

    Parameters
    ----------
    plan : Plan
    sheets : mapping of int to collection of str, optional
        Those to count, by index; default: all.

    Returns
    -------
    int
        A recording that cannot be looked at counts as nothing.
    """
    sizes: dict[str, float] = {}
    total = 0.0
    for job in plan.jobs:
        for source in job.sources:
            wanted = len(source.sheets) if sheets is None else len({*sheets.get(job.index, ())} & {*source.sheets})
            if source.path and wanted:
                root = source.path.rpartition("/")[0]
                if root not in sizes:
                    sizes[root] = _bytes_of_part(plan, job, source)
                total += sizes[root] * wanted / len(source.sheets)
    return int(total)


def find_stale_files(plan: Plan) -> list[Path]:
    """Temporary files of dead jobs, anywhere in the output.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    list of Path
        See `spikebin.system.leftovers.is_stale` for which.
    """
    found: list[Path] = []
    for directory, _, _ in os.walk(plan.config.output):
        found += stale_files(plan.config.output / directory)
    return found


def _bytes_of_part(plan: Plan, job: Job, source: Source) -> float:
    """What the files of a part take, or are likely to."""
    with suppress(OSError):
        return sum(matrix_path(plan.output, job.variant, job.part, sheet).stat().st_size for sheet in source.sheets)
    path = plan.config.resolve(source.path)
    with suppress(OSError):
        mozaik = (path / "datastore.recordings.pickle").exists()
        ratio = BYTES_OUT_PER_BYTE_IN["mozaik" if mozaik else "other"]
        return BYTES_OF_AN_EMPTY_FILE * len(source.sheets) + ratio * _size(path)
    return 0


def _size(path: Path) -> int:
    """Of a file, or of the files in a directory; of one of Kilosort's, where the raw data may lie, of its spikes."""
    if not path.is_dir():
        return path.stat().st_size
    with os.scandir(path) as entries:
        sizes = {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
    if "spike_times.npy" in sizes:
        return sizes["spike_times.npy"] + sizes.get("spike_clusters.npy", 0)
    return sum(sizes.values())


def _remark(members: Sequence[SheetState]) -> str:
    """What there is to say of sheets of the same cause: the first is the example."""
    found = members[0]
    times = f" {found.attempts.failures} times" if found.attempts.failures > 1 else ""
    many = f"{len(members):,} sheets of parts, e.g. " if len(members) > 1 else ""
    log = f" (log: {found.attempts.log})" if found.attempts.log else ""
    return f"{found.state}{times}: {many}{found.job.name} {found.sheet} (index {found.job.index}): {found.reason}{log}"


def sheet_as_dict(found: SheetState) -> dict[str, Any]:
    """For `--json`: a sheet of a part, its state and why, and how often it has failed."""
    return {
        "index": found.job.index,
        "variant": found.job.variant,
        "part": found.job.part,
        "sheet": found.sheet,
        "state": str(found.state),
        "reason": found.reason,
        "failures": found.attempts.failures,
        "log": found.attempts.log,
    }
