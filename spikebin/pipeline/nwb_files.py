"""Write the recordings of a plan as NWB files, one for each part.

exports/nwb_file.py knows what a file holds; trials and bins of the plan have no part in it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikebin.errors import DiskFullError, PlanError
from spikebin.exports.experanto.shard import WORK, tidy
from spikebin.exports.nwb_file import NwbFile, nwb_there, write_nwb
from spikebin.names import directory_name
from spikebin.pipeline.job import one_line
from spikebin.pipeline.shards import shard_tasks
from spikebin.pipeline.timelines import Meter, open_timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from spikebin.output.jobs import Job
    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.timelines import OnRead

__all__ = ["NwbOutcome", "nwb_jobs", "write_nwb_files"]


@dataclass(frozen=True)
class NwbOutcome:
    """What became of one part: its file, or why there is none."""

    job: Job
    file: NwbFile | None
    trouble: str = ""


def nwb_jobs(plan: Plan, *, variant: str | None = None, indices: Iterable[int | range] | None = None) -> list[Job]:
    """The parts of a plan that become NWB files; parameters and errors as for `shard_tasks`."""
    return [job for task in shard_tasks(plan, variant=variant, indices=indices) for job in task.jobs]


def write_nwb_files(
    plan: Plan,
    jobs: Sequence[Job],
    out: Path,
    *,
    sheets: Sequence[str] = (),
    force: bool = False,
    on_read: OnRead | None = None,
) -> Iterator[NwbOutcome]:
    """Write NWB files; what is there already is left alone, and one failure does not stop the others.

    Parameters
    ----------
    plan : Plan
    jobs : sequence of Job
    out : Path
        A directory apart from the data set; a part goes to ``out/<variant>/<part>.nwb``.
    sheets : sequence of str
        Raw names or directory names; none: all of the plan.
    force : bool
        Replace files that were made otherwise.
    on_read : OnRead, optional
        See `spikebin.pipeline.timelines.OnRead`.

    Yields
    ------
    NwbOutcome
        One for each job.

    Raises
    ------
    PlanError
        If there is no such sheet, or `out` lies in the data set.
    DiskFullError
    """
    if out.resolve().is_relative_to(plan.output.resolve()):
        raise PlanError(f"{out} lies in the data set {plan.output}: give a directory elsewhere")
    asked = [plan.find_sheet(name) for name in sheets]
    for job in jobs:
        try:
            yield NwbOutcome(job, _write(plan, job, out, asked, force=force, on_read=on_read))
        except DiskFullError:
            # The others would fail as well.
            raise
        except Exception as error:
            if os.environ.get("SPIKEBIN_DEBUG") == "1":
                raise
            yield NwbOutcome(job, None, f"{job.name}: {one_line(error)}")


def _write(plan: Plan, job: Job, out: Path, asked: Sequence[str], *, force: bool, on_read: OnRead | None) -> NwbFile:
    opened = open_timeline(plan, job, asked)
    folder, facts = directory_name(job.variant), {"recordings": opened.facts}
    path, work = out / folder / f"{job.part}.nwb", out / WORK / folder / f"{job.part}.nwb"
    there = nwb_there(path, work, facts, force=force)
    if there is not None:
        tidy(work)
        return there
    meter = Meter(on_read)
    timeline = opened.timeline(meter)
    meter.expect([timeline])
    return write_nwb(timeline, path, work, facts, recorded=opened.recorded, force=force)
