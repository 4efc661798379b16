"""SONATA spike files (HDF5): each population is a sheet; positions from nodes.h5 where it is given.

Both layouts are read: /spikes/<population>/{timestamps, node_ids}, and the old flat /spikes/{timestamps, gids}.
Nodes are read in sonata_nodes.py, how long the simulation lasted in simulation_config.py.
https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.flat_arrays import whole_ids
from spikebin.recordings.continuous.hdf5_group import Group, chunks_at_once, is_hdf5, opened
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.spike_index import CHUNK, slices
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading
from spikebin.recordings.simulation_config import stated_end
from spikebin.recordings.sonata_nodes import FLAT_SHEET, nodes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from spikebin.recordings.continuous.units import Clock

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["FLAT_SHEET", "SonataRecording", "open", "recognises"]

TIMES = "timestamps"
IDS = ("node_ids", "gids")


def recognises(path: Path) -> bool:
    """Whether a path is an HDF5 file with /spikes as SONATA has them."""
    if path.suffix.lower() not in {".h5", ".hdf5", ".sonata"} or not path.is_file() or not is_hdf5(path):
        return False
    try:
        with opened(path) as root:
            spikes = root.group("spikes")
            return spikes is not None and bool(_populations(spikes))
    except RecordingError:
        return False


def open(path: Path, reading: Reading | None = None) -> SonataRecording:  # noqa: A001
    """Open a SONATA spike file.

    Raises
    ------
    RecordingError
        If it is not one.
    """
    return SonataRecording(path, reading or Reading())


class SonataRecording(ContinuousRecording):
    """The populations of one spike file.

    Whether spikes are in order of time is found out, since the attribute `sorting` is written as text by some, as an
    enumeration by others, and wrong by a few.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        with self._open() as root:
            spikes = root.group("spikes")
            self._groups = _populations(spikes) if spikes is not None else {}
            self._written = {sheet: _written_unit(root, group) for sheet, (group, _) in self._groups.items()}
        if not self._groups:
            raise self.error(
                "it has no /spikes with timestamps and node_ids: it is not a SONATA spike file; other arrays are"
                " named by their paths, --times /spikes/times --neurons /spikes/units"
            )
        units = {unit or reading.unit or "ms" for unit in self._written.values()}
        self.events_unit = units.pop() if len(units) == 1 else None
        self._end = stated_end(path)
        if self._end is not None:
            self.notes += self._end.notes(reading.duration)

    @property
    def duration(self) -> tuple[float, str] | None:
        """See `spikebin.recordings.continuous.sheet.ContinuousRecording`; else what the configuration says."""
        given = super().duration
        if given is not None or self._end is None or self._end.ms is None:
            return given
        return self._end.ms, self._end.path.name

    def _open(self) -> AbstractContextManager[Group]:
        return opened(self.path, follow=self.reading.follow_links)

    @property
    def sheets(self) -> Sequence[str]:
        """The populations; `default` for a file of the flat layout."""
        return list(self._groups)

    @property
    def paths(self) -> list[Path]:
        """Every file that spikes and neurons are read from."""
        end = [self._end.path] if self.reading.duration is None and self._end is not None and self._end.ms else []
        return [self.path, *dict.fromkeys(Path(path) for _, path in self.reading.node_files), *end]

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        units = dict.fromkeys(unit or self.reading.unit or "ms" for unit in self._written.values())
        ids = dict.fromkeys(ids for _, ids in self._groups.values())
        lasts = ""
        if self.duration is not None and self.reading.duration is None:
            lasts = f", {self.duration[0]:g} ms long by {self.duration[1]}"
        return f"sonata, {TIMES} in {' or '.join(units)}, neurons by {' or '.join(ids)}{lasts}"

    def _clock(self, sheet: str) -> Clock:
        """Of the timestamps: what their attribute says, else what is given, else ms."""
        given, written = self.reading.unit, self._written[sheet]
        clocks = {make_clock(unit, None, self.name) for unit in (given, written) if unit is not None}
        if len(clocks) > 1:
            raise self.error(f"the timestamps of {sheet} are in {written}, `unit` says {given}: take it out")
        return clocks.pop() if clocks else make_clock("ms", None, self.name)

    def population(self, sheet: str) -> Population:
        """The spikes of a population, and all its nodes where nodes.h5 is given."""
        group, ids = self._groups[sheet]
        with self._open() as root:
            spikes: Any = root.group(group)
            n_times, n_ids = spikes.length(TIMES), spikes.length(ids)
            stored = spikes.dtype(TIMES)
            chunk = max(spikes.chunk(TIMES), spikes.chunk(ids))
        if n_times != n_ids:
            raise self.error(f"{sheet} has {n_times:,} timestamps and {n_ids:,} {ids}: it is cut off, write it again")
        clock = self._clock(sheet)
        neurons = nodes_of(sheet, self.sheets, self.reading.node_files, follow=self.reading.follow_links)
        source = _Spikes(self, group, ids, n_times, clock, chunks_at_once(chunk, CHUNK))
        return Population(source, neurons, precision=clock.precision(stored))


class _Spikes:
    """Spikes of one population, as they lie in the file."""

    def __init__(
        self, recording: SonataRecording, group: str, ids: str, n_spikes: int, clock: Clock, at_once: int
    ) -> None:
        self.n_spikes = n_spikes
        self._recording, self._group, self._ids, self._clock, self._at_once = recording, group, ids, clock, at_once

    def read(self, start: int, stop: int) -> Spikes:
        with self._recording._open() as root:
            spikes: Any = root.group(self._group)
            times, ids = spikes.read(TIMES, start, stop), spikes.read(self._ids, start, stop)
        return self._clock.to_ms(times), whole_ids(ids, self._recording.name)

    def chunks(self) -> Iterator[Spikes]:
        return slices(self, self._at_once)


def _written_unit(root: Group, group: str) -> str | None:
    try:
        spikes: Any = root.group(group)
    except RecordingError:  # as `_populations`
        return None
    unit: str | None = spikes.attribute("units", TIMES) if spikes.readable(TIMES) else None
    return unit


def _populations(spikes: Group) -> dict[str, tuple[str, str]]:
    """Sheet -> its group and the name of its ids."""
    found = {}
    flat = next((ids for ids in IDS if spikes.has(ids)), None)
    if spikes.has(TIMES) and flat:
        found[FLAT_SHEET] = ("spikes", flat)
    for name in spikes.groups:
        try:
            group: Any = spikes.group(name)
            ids = next((ids for ids in IDS if group.has(ids)), None)
            is_population = bool(group.has(TIMES) and ids)
        except RecordingError:
            # What is wrong with a population is said when that one is read: the others can be.
            ids, is_population = IDS[0], True
        if is_population and ids:
            found[name] = (f"spikes/{name}", ids)
    return found
