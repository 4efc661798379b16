"""Tries what a plan would do: opens recordings, makes their trials, and counts bins, before any job is frozen.

Reads no spikes and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikebin.errors import PlanError, SpikebinError
from spikebin.matrixfile.writer import matrix_shape
from spikebin.recordings import open_recording
from spikebin.recordings.mozaik.survey import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spikebin.output.jobs import Job
    from spikebin.pipeline.config import Recordings
    from spikebin.pipeline.plan import Plan
    from spikebin.recordings.protocol import Recording

__all__ = ["Tried", "check_all", "check_entries", "differing", "look", "n_looked_at"]

TRIES = 3
"""Recordings of an entry that are opened before it is held to be the entry's fault: one of them may be corrupt."""

MOST_LOOKED_AT = 50
"""Parts of a plan whose indexes are read whenever it is made: about a second. Of a larger one only if asked for."""


@dataclass(frozen=True)
class Tried:
    """A job whose recordings were opened.

    Parameters
    ----------
    job : Job
    trouble : str
        What is wrong with them, in one line; "" if they are good, as far as can be said without reading their spikes.
    holds : str
        Which kinds of stimulus they hold, with which blanks; "" where their format does not tell.
    """

    job: Job
    trouble: str
    holds: str


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
    pending = set(plan.config.recordings)
    for job in plan.jobs:
        if all(entry.variant != job.variant for entry in pending):
            continue
        for entry, source in _recordings(plan, job):
            if entry not in pending:
                continue
            troubles = tried.setdefault(entry, [])
            trouble, _ = _tried(plan, job, entry, source)
            if trouble:
                troubles.append(trouble)
            else:
                good.add(entry)
            if not trouble or len(troubles) == TRIES:
                pending.remove(entry)
    for entry, troubles in tried.items():
        if len(troubles) > 1 and entry not in good:
            raise PlanError(
                f"no job of the [[recordings]] entry {str(entry.root)!r}, {entry.parts!r} would get through:"
                f" {troubles[0]}; nothing is planned"
            )
    return [trouble for troubles in tried.values() for trouble in troubles]


def check_all(plan: Plan) -> Iterator[Tried]:
    """Open every recording of a plan.

    Parameters
    ----------
    plan : Plan

    Yields
    ------
    Tried
    """
    for job in plan.jobs:
        found = [_tried(plan, job, entry, source) for entry, source in _recordings(plan, job)]
        troubles, held = ("; ".join(dict.fromkeys(filter(None, texts))) for texts in zip(("", ""), *found, strict=True))
        yield Tried(job, troubles, held)


def n_looked_at(plan: Plan) -> int:
    """How many jobs `look` looks at: all of a small plan, or none."""
    return len(plan.jobs) if len(plan.jobs) <= MOST_LOOKED_AT else 0


def look(plan: Plan) -> Iterator[Tried]:
    """Read what each recording of a small plan holds, and make no trials; nothing of a plan of more parts.

    Parameters
    ----------
    plan : Plan

    Yields
    ------
    Tried
        Of the recordings that can be read.
    """
    for job in plan.jobs[: n_looked_at(plan)]:
        held: dict[str, None] = {}
        for entry, source in _recordings(plan, job):
            with suppress(SpikebinError):
                held[_holds(open_recording(plan.resolve(source), entry.format, entry.reading))] = None
        yield Tried(job, "", "; ".join(filter(None, held)))


def differing(tried: Iterable[Tried]) -> list[str]:
    """Parts that hold other kinds of stimulus, or other blanks, than most parts of their variant.

    Parameters
    ----------
    tried : iterable of Tried

    Returns
    -------
    list of str
        A line for each of them.
    """
    by_variant: dict[str, list[Tried]] = {}
    for one in tried:
        if one.holds:
            by_variant.setdefault(one.job.variant, []).append(one)
    lines = []
    for mine in by_variant.values():
        (usual, n), *others = Counter(one.holds for one in mine).most_common()
        lines += [
            f"{one.job.name} holds {one.holds}; {n} of {len(mine)} parts of {one.job.variant} hold {usual}"
            for one in mine
            if others and one.holds != usual
        ]
    return lines


def _recordings(plan: Plan, job: Job) -> Iterator[tuple[Recordings, str]]:
    """The entries that a job's recordings belong to, and where these lie; those that are not there are left out."""
    if job.name in plan.excluded:
        return
    for source in job.sources:
        if source.path and plan.resolve(source.path).exists():
            found = {plan.entry(job, source.path, sheet) for sheet in source.sheets}
            yield from ((entry, source.path) for entry in found)


def _holds(recording: Recording) -> str:
    return "" if recording.datastore is None else pattern(recording.datastore)


def _tried(plan: Plan, job: Job, entry: Recordings, source: str) -> tuple[str, str]:
    """What is wrong with a recording, and what it holds."""
    holds = ""
    try:
        recording = open_recording(plan.resolve(source), entry.format, entry.reading)
        holds = _holds(recording)
        for sheet in next(mine.sheets for mine in job.sources if mine.path == source):
            if plan.entry(job, source, sheet) == entry:
                opened = recording.sheet(
                    sheet, plan.config.rule(job.variant, job.part), entry.repeat(entry.name_of(source))
                )
                matrix_shape(opened.where, len(opened.neurons), opened.trials, plan.binning)
    except SpikebinError as error:
        return f"{job.name}: {error}", holds
    return "", holds
