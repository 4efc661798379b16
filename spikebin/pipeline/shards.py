"""Write the recordings of a plan as shards of Experanto: one for each part, or for each trial over all of its parts.

What a shard holds is known to exports/experanto; trials and bins of the plan have no part in it.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikebin.choices import ShardsBy, checked
from spikebin.errors import DiskFullError, PlanError
from spikebin.exports.experanto.shard import MOST_ENTRIES, SCRATCH, WORK, Shard, shard_there, tidy, write_shard
from spikebin.names import directory_name
from spikebin.pipeline.job import one_line
from spikebin.pipeline.timelines import Meter, open_timeline
from spikebin.recordings.joined import OneAfterTheOther
from spikebin.system.files import make_directory
from spikebin.system.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spikebin.exports.experanto.settings import ShardSettings
    from spikebin.output.jobs import Job
    from spikebin.pipeline.plan import Plan
    from spikebin.pipeline.timelines import OnRead
    from spikebin.recordings.joined import SideBySide
    from spikebin.recordings.mozaik.timeline import Timeline
    from spikebin.recordings.presented import Presented

__all__ = ["ShardOutcome", "ShardTask", "shard_tasks", "write_shards"]


@dataclass(frozen=True)
class ShardTask:
    """What becomes one shard, or several where it has too many presentations for one.

    Parameters
    ----------
    variant, name : str
        It goes to ``OUT/<variant>/<name>``.
    jobs : tuple of Job
        Parts of the plan, one after the other in time.
    """

    variant: str
    name: str
    jobs: tuple[Job, ...]

    def __str__(self) -> str:
        return f"{self.variant}/{self.name}"


@dataclass(frozen=True)
class ShardOutcome:
    """What became of one task: its shards, or why there are none."""

    task: ShardTask
    shards: tuple[Shard, ...]
    trouble: str = ""


def shard_tasks(
    plan: Plan, *, by: ShardsBy = "part", variant: str | None = None, indices: Iterable[int | range] | None = None
) -> list[ShardTask]:
    """What of a plan becomes a shard: parts that are not excluded.

    Parameters
    ----------
    plan : Plan
    by : {"part", "trial"}
        "part": a shard for each part, called like it. "trial": one for each repeat that the field ``{repeat}`` of the
        config's `parts` names, of all its parts in the order of the plan, called ``trial_<repeat>``.
    variant : str, optional
        Only this.
    indices : iterable of int or range, optional
        Only these jobs. A trial belongs to the first job of its parts: so each index of an array writes what is its
        own, and the others write nothing.

    Returns
    -------
    list of ShardTask

    Raises
    ------
    PlanError
        If there is no such variant or job, or `parts` has no field ``{repeat}``.
    """
    checked(by, ShardsBy, "shards by", PlanError)
    chosen = None if indices is None else plan.known(indices)
    wanted = None if variant is None else plan.find_variant(variant)
    # Of parts, only those asked for are looked at: a task of an array of 10^5 wants one.
    every = plan.jobs if chosen is None or by == "trial" else [plan.job(index) for index in sorted(chosen)]
    jobs = [job for job in every if wanted in {None, job.variant} and job.name not in plan.excluded]
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.variant, job.part if by == "part" else _trial_name(plan, job)), []).append(job)
    tasks = [ShardTask(of, name, tuple(mine)) for (of, name), mine in groups.items()]
    return [task for task in tasks if chosen is None or task.jobs[0].index in chosen]


def write_shards(
    plan: Plan,
    tasks: Sequence[ShardTask],
    out: Path,
    settings: ShardSettings,
    *,
    sheets: Sequence[str] = (),
    force: bool = False,
    on_read: OnRead | None = None,
) -> Iterator[ShardOutcome]:
    """Write shards; what is there already is left alone, and one failure does not stop the others.

    Parameters
    ----------
    plan : Plan
    tasks : sequence of ShardTask
    out : Path
        A directory apart from the data set.
    settings : ShardSettings
        A tier of "" is the name of the variant.
    sheets : sequence of str
        Raw names or directory names; none: all of the plan.
    force : bool
        Replace shards that were made otherwise.
    on_read : OnRead, optional
        See `spikebin.pipeline.timelines.OnRead`.

    Yields
    ------
    ShardOutcome
        One for each task.

    Raises
    ------
    PlanError
        If there is no such sheet, or `out` lies in the data set.
    DiskFullError
    """
    if out.resolve().is_relative_to(plan.output.resolve()):
        raise PlanError(f"{out} lies in the data set {plan.output}: give a directory elsewhere")
    asked = [plan.find_sheet(name) for name in sheets]
    for task in tasks:
        mine = replace(settings, tier=settings.tier or task.variant)
        try:
            yield ShardOutcome(task, tuple(_write(plan, task, out, mine, asked, force=force, on_read=on_read)))
        except DiskFullError:
            # The others would fail as well.
            raise
        except Exception as error:
            if os.environ.get("SPIKEBIN_DEBUG") == "1":
                raise
            yield ShardOutcome(task, (), f"{task}: {one_line(error)}")


def _trial_name(plan: Plan, job: Job) -> str:
    sources = [source.path for source in job.sources if source.path]
    repeats = {plan.entry(job, source).repeat(Path(source).name) for source in sources}
    if len(repeats) != 1 or None in repeats:
        raise PlanError(
            f"{job.name} has no trial by its name: a shard a trial needs the field {{repeat}} in `parts` of"
            " [[recordings]], such as *_trial{repeat}_chunk{part}_*"
        )
    return f"trial_{repeats.pop()}"


def _write(
    plan: Plan,
    task: ShardTask,
    out: Path,
    settings: ShardSettings,
    asked: Sequence[str],
    *,
    force: bool,
    on_read: OnRead | None,
) -> Iterator[Shard]:
    opened = [open_timeline(plan, job, asked) for job in task.jobs]
    facts = {"recordings": [one.facts for one in opened], "settings": settings.facts}
    root = out / directory_name(task.variant)
    work = out / WORK / directory_name(task.variant) / task.name
    # The first is written last: where it is there, all are.
    first = shard_there(root / task.name, facts, force=force)
    if first is not None and not (root / f"{task.name}_1").exists():
        tidy(work)
        yield first
        return
    meter = Meter(on_read)
    groups = _groups([(job.part, one.timeline(meter)) for job, one in zip(task.jobs, opened, strict=True)])
    meter.expect(piece for pieces in groups for _, piece in pieces)
    scratch = work / SCRATCH
    shards = []
    for i, pieces in reversed(list(enumerate(groups))):
        name = f"{task.name}_{i}" if i else task.name
        made_from: dict[str, Any] = {**facts, "piece": i} if i else facts
        # Of two at work on the same shard, one would remove the other's scratch.
        with locked(work, patience=1.0):
            shutil.rmtree(scratch, ignore_errors=True)
            make_directory(scratch)
            try:
                shown = OneAfterTheOther(name, [piece for _, piece in pieces], scratch)
                parts = [(part, len(piece.stretches)) for part, piece in pieces]
                place = root / name, work / f"piece_{i}"
                shards.append(
                    shard_there(root / name, made_from, force=force)
                    or write_shard(shown, *place, settings, made_from, parts=parts, force=force)
                )
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    tidy(work)
    yield from reversed(shards)


def _groups(timelines: Sequence[tuple[str, Timeline | SideBySide]]) -> list[list[tuple[str, Presented]]]:
    """What goes into one shard: parts one after the other, and parts of parts, as many as it can hold."""
    most = MOST_ENTRIES - 1
    groups: list[list[tuple[str, Presented]]] = [[]]
    room = most
    for part, timeline in timelines:
        n = len(timeline.stretches)
        pieces = [timeline] if n <= most else [timeline.cut(at, min(at + most, n)) for at in range(0, n, most)]
        for piece in pieces:
            if len(piece.stretches) > room and groups[-1]:
                groups.append([])
                room = most
            groups[-1].append((part, piece))
            room -= len(piece.stretches)
    return groups
