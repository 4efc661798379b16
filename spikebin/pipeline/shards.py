"""Write the recordings of a plan as shards of Experanto, one for each part.

What a shard holds is known to exports/experanto.py; trials and bins have no part in it, but for `--as sequence`.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from spikebin.errors import PlanError, RecordingError
from spikebin.exports.experanto import Shard, shard_there, write_shard
from spikebin.names import directory_name, find_sheet, suggest
from spikebin.pipeline.job import one_line
from spikebin.recordings import open_recording
from spikebin.recordings.experanto import ExperantoRecording
from spikebin.recordings.mozaik.datastore import MozaikRecording
from spikebin.recordings.mozaik.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from spikebin.exports.experanto import ShardSettings
    from spikebin.output.jobs import Job
    from spikebin.pipeline.plan import Plan
    from spikebin.recordings.mozaik.sheet import Datastore

__all__ = ["ShardOutcome", "shard_jobs", "write_shards"]

WORK = ".spikebin"
"""Where shards are built: apart from those that are complete."""


@dataclass(frozen=True)
class ShardOutcome:
    """What became of one part: its shard, or why there is none."""

    job: Job
    shard: Shard | None
    trouble: str = ""


def shard_jobs(plan: Plan, *, variant: str | None = None, indices: Collection[int] | None = None) -> list[Job]:
    """The parts of a plan that become shards: those that are not excluded.

    Parameters
    ----------
    plan : Plan
    variant : str, optional
        Only this.
    indices : collection of int, optional
        Only these jobs.

    Returns
    -------
    list of Job

    Raises
    ------
    PlanError
        If there is no such variant or job.
    """
    jobs = list(plan.jobs) if indices is None else [plan.job(index) for index in sorted(set(indices))]
    wanted = None if variant is None else plan.find_variant(variant)
    return [job for job in jobs if wanted in {None, job.variant} and job.name not in plan.excluded]


def write_shards(
    plan: Plan, jobs: Sequence[Job], out: Path, settings: ShardSettings, *, sheets: Sequence[str] = ()
) -> Iterator[ShardOutcome]:
    """Write parts of a plan as shards; what is there already is left alone, and one failure does not stop the others.

    Parameters
    ----------
    plan : Plan
    jobs : sequence of Job
    out : Path
        A part goes to ``out/<variant>/<part>``.
    settings : ShardSettings
        A tier of "" is the name of the variant.
    sheets : sequence of str
        Raw names or directory names; none: all of the plan.

    Yields
    ------
    ShardOutcome
        One for each job.

    Raises
    ------
    PlanError
        If there is no such sheet, or `out` lies in the data set.
    """
    if out.resolve().is_relative_to(plan.output.resolve()):
        raise PlanError(f"{out} lies in the data set {plan.output}: give a directory elsewhere")
    asked = [plan.find_sheet(name) for name in sheets]
    for job in jobs:
        try:
            yield ShardOutcome(job, _write(plan, job, out, settings, asked))
        except Exception as error:
            if os.environ.get("SPIKEBIN_DEBUG") == "1":
                raise
            yield ShardOutcome(job, None, f"{job.name}: {one_line(error)}")


def _write(plan: Plan, job: Job, out: Path, settings: ShardSettings, asked: Sequence[str]) -> Shard:
    mine = [sheet for sheet in job.sheets if not asked or sheet in asked]
    sources = list(dict.fromkeys(job.source(sheet) for sheet in mine))
    if sources in ([], [""]):
        raise RecordingError("no recording holds it yet")
    if len(sources) > 1:
        raise RecordingError("its sheets are in several recordings, a shard is made of one: choose one by --sheet")
    entry = plan.entry(job, sources[0])
    opened = open_recording(plan.resolve(sources[0]), entry.format, entry.reading)
    if not isinstance(opened, MozaikRecording | ExperantoRecording):
        raise RecordingError(f"{opened.path.name} is {opened.taken}: shards are made of recordings with presentations")
    recording: Datastore = opened
    recording.check()
    missing = [sheet for sheet in mine if find_sheet(sheet, recording.sheets) is None]
    if missing:
        raise RecordingError(f"{opened.path.name}: no sheet {missing[0]!r}: {suggest(missing[0], recording.sheets)}")
    settings = replace(settings, tier=settings.tier or job.variant)
    facts = _facts(recording, mine, settings)
    folder = directory_name(job.variant)
    path, work = out / folder / job.part, out / WORK / folder / job.part
    return shard_there(path, facts) or write_shard(Timeline(recording, mine), path, work, settings, facts)


def _facts(recording: Datastore, sheets: Sequence[str], settings: ShardSettings) -> dict[str, Any]:
    """What a shard is made from: files with their sizes and times, sheets, settings."""
    files = recording.sources([p.file for p in recording.presentations if p.sheet in sheets])
    return {
        "recording": recording.path.name,
        "sheets": list(sheets),
        "files": [[file.name, file.size, file.mtime] for file in files],
        "settings": {**asdict(settings), "frames": settings.frames and str(settings.frames.resolve())},
    }
