"""Tries what a plan would do: opens recordings, makes their trials, and counts bins, before any job is frozen.

Reads no spikes and writes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.errors import PlanError, SpikebinError
from spikebin.matrixfile.writer import matrix_shape
from spikebin.recordings import open_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spikebin.output.jobs import Job
    from spikebin.pipeline.config import Recordings
    from spikebin.pipeline.plan import Plan

__all__ = ["check_all", "check_entries"]

TRIES = 3
"""Recordings of an entry that are opened before it is held to be the entry's fault: one of them may be corrupt."""


def check_entries(plan: Plan) -> list[str]:
    """Open one recording of each entry of the config, or two more where it fails.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    list of str
        What is wrong with recordings of entries of which another one is good, or that are the only one of their entry.

    Raises
    ------
    PlanError
        If all that were tried of an entry fail, two at least: so would all its jobs.
    """
    tried: dict[Recordings, list[str]] = {}
    good: set[Recordings] = set()
    for job in plan.jobs:
        for entry, source in _recordings(plan, job):
            troubles = tried.setdefault(entry, [])
            if entry in good or len(troubles) == TRIES:
                continue
            trouble = _trouble(plan, job, entry, source)
            if trouble:
                troubles.append(trouble)
            else:
                good.add(entry)
    for entry, troubles in tried.items():
        if len(troubles) > 1 and entry not in good:
            raise PlanError(
                f"no job of the [[recordings]] entry {str(entry.root)!r}, {entry.parts!r} would get through:"
                f" {troubles[0]}; nothing is planned"
            )
    return [trouble for troubles in tried.values() for trouble in troubles]


def check_all(plan: Plan) -> Iterator[tuple[Job, str]]:
    """Open every recording of a plan.

    Parameters
    ----------
    plan : Plan

    Yields
    ------
    job : Job
    trouble : str
        In one line; "" if its recordings are good, as far as can be said without reading their spikes.
    """
    for job in plan.jobs:
        yield job, "; ".join(filter(None, (_trouble(plan, job, *found) for found in _recordings(plan, job))))


def _recordings(plan: Plan, job: Job) -> Iterator[tuple[Recordings, str]]:
    """The entries that a job's recordings belong to, and where these lie; those that are not there are left out."""
    if job.name in plan.excluded:
        return
    for source in job.sources:
        if source.path and plan.resolve(source.path).exists():
            found = {plan.entry(job, source.path, sheet) for sheet in source.sheets}
            yield from ((entry, source.path) for entry in found)


def _trouble(plan: Plan, job: Job, entry: Recordings, source: str) -> str:
    try:
        recording = open_recording(plan.resolve(source), entry.format, entry.reading)
        for sheet in next(mine.sheets for mine in job.sources if mine.path == source):
            if plan.entry(job, source, sheet) == entry:
                opened = recording.sheet(
                    sheet, plan.config.rule(job.variant, job.part), entry.repeat(Path(source).name)
                )
                matrix_shape(opened.where, len(opened.neurons), opened.trials, plan.binning)
    except SpikebinError as error:
        return f"{job.name}: {error}"
    return ""
