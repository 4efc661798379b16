"""The parts of a plan as all that was presented in them: for exports that go beyond trials and bins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spikebin.errors import RecordingError
from spikebin.names import find_sheet, suggest
from spikebin.recordings import open_recording
from spikebin.recordings.joined import SideBySide
from spikebin.recordings.mozaik.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spikebin.output.jobs import Job
    from spikebin.pipeline.plan import Plan
    from spikebin.recordings.mozaik.sheet import Datastore
    from spikebin.recordings.presented import Presented

__all__ = ["Meter", "OnRead", "Opened", "open_timeline"]

OnRead = Callable[[int, int], None]
"""Called while one file is written: presentations of sheets that were read so far, and how many there are."""

KNOWN_SINCE = 1980
"""Presentations of shards are counted in seconds from 1970."""


class Meter:
    """Counts the presentations that were read for one file.

    Parameters
    ----------
    on_read : OnRead, optional
        To be called for each of them.
    """

    def __init__(self, on_read: OnRead | None) -> None:
        self._on_read = on_read
        self.n_done = self.n_all = 0

    def expect(self, shown: Iterable[Presented]) -> None:
        """Say what is to be read: all presentations of all sheets.

        Parameters
        ----------
        shown : iterable of Presented
        """
        self.n_all = sum(len(one.stretches) * len(one.sheets) for one in shown)

    def __call__(self) -> None:
        """One more was read."""
        self.n_done += 1
        if self._on_read is not None:
            self._on_read(self.n_done, self.n_all)


@dataclass(frozen=True)
class Opened:
    """The recordings of a part, and which of their sheets are asked for."""

    recordings: tuple[tuple[Datastore, tuple[str, ...]], ...]

    @property
    def facts(self) -> list[dict[str, Any]]:
        """What is read, in JSON's types: the sheets of each recording, and its files, with what they are known by.

        Raises
        ------
        OSError
            If one of them is gone.
        """
        found = []
        for recording, sheets in self.recordings:
            files = recording.sources([p.file for p in recording.presentations if p.sheet in sheets])
            listed = json.dumps([[file.name, file.size, file.mtime] for file in files])
            found.append(
                {
                    "recording": recording.path.name,
                    "sheets": list(sheets),
                    "files": len(files),
                    "size": sum(file.size for file in files),
                    # Of names, sizes and times of change.
                    "sha256": hashlib.sha256(listed.encode()).hexdigest(),
                }
            )
        return found

    @property
    def recorded(self) -> datetime:
        """When the first of its presentations was recorded; of a recording that does not tell, when it was written.

        Raises
        ------
        OSError
            If a file is gone.
        """
        recording, sheets = self.recordings[0]
        when = min(p.when for p in recording.presentations if p.sheet in sheets)
        if when.year > KNOWN_SINCE:
            return when if when.tzinfo else when.replace(tzinfo=UTC)
        return datetime.fromtimestamp(max(file.mtime for file in recording.sources([])), UTC)

    def timeline(self, on_read: Callable[[], None] | None = None) -> Timeline | SideBySide:
        """All that was presented.

        Parameters
        ----------
        on_read : callable, optional
            Called for each presentation of a sheet whose spikes were read.

        Raises
        ------
        RecordingError
            If the sheets were not shown the same, or a segment is missing or damaged.
        """
        timelines = [Timeline(recording, sheets, on_read) for recording, sheets in self.recordings]
        return timelines[0] if len(timelines) == 1 else SideBySide(timelines)


def open_timeline(plan: Plan, job: Job, asked: Sequence[str] = ()) -> Opened:
    """Open the recordings of a part.

    Parameters
    ----------
    plan : Plan
    job : Job
    asked : sequence of str
        Raw names of sheets; none: all of the part.

    Returns
    -------
    Opened

    Raises
    ------
    RecordingError
        If there is no recording yet, it cannot be read, is of a format that knows of no presentations, or lacks a
        sheet.
    """
    mine = [sheet for sheet in job.sheets if not asked or sheet in asked]
    sources = {sheet: job.source(sheet) for sheet in mine}
    if not mine or not all(sources.values()):
        raise RecordingError("no recording holds it yet")
    found = []
    for source in dict.fromkeys(sources.values()):
        sheets = tuple(sheet for sheet in mine if sources[sheet] == source)
        entry = plan.entry(job, source, sheets[0])
        opened = open_recording(plan.resolve(source), entry.format, entry.reading)
        datastore = opened.datastore
        if datastore is None:
            raise RecordingError(
                f"{opened.path.name} is {opened.taken}, which does not say what was presented when: mozaik datastores"
                " and shards of Experanto do"
            )
        datastore.check()
        for sheet in sheets:
            if find_sheet(sheet, opened.sheets) is None:
                raise RecordingError(f"{opened.path.name}: no sheet {sheet!r}: {suggest(sheet, opened.sheets)}")
        found.append((datastore, sheets))
    return Opened(tuple(found))
