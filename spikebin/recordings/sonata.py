"""SONATA spike files (HDF5): each population is a sheet; positions from nodes.h5 where it is given.

Both layouts are read: /spikes/<population>/{timestamps, node_ids}, and the old flat /spikes/{timestamps, gids}.
https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.flat_arrays import whole_ids
from spikebin.recordings.continuous.hdf5_group import Group, chunks_at_once, is_hdf5, opened
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.spike_index import CHUNK, slices
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.units import Clock

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["FLAT_SHEET", "SonataRecording", "open", "recognises"]

FLAT_SHEET = "default"
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

    def _open(self) -> AbstractContextManager[Group]:
        return opened(self.path, follow=self.reading.follow_links)

    @property
    def sheets(self) -> Sequence[str]:
        """The populations; `default` for a file of the flat layout."""
        return list(self._groups)

    @property
    def paths(self) -> list[Path]:
        """Every file that spikes and neurons are read from."""
        return [self.path, *([Path(self.reading.nodes)] if self.reading.nodes else [])]

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        units = dict.fromkeys(unit or self.reading.unit or "ms" for unit in self._written.values())
        ids = dict.fromkeys(ids for _, ids in self._groups.values())
        return f"sonata, {TIMES} in {' or '.join(units)}, neurons by {' or '.join(ids)}"

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
        nodes = self.reading.nodes
        neurons = _nodes(Path(nodes), sheet, follow=self.reading.follow_links) if nodes else None
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
            # What is wrong with one is said when it is read; the others are.
            ids, is_population = IDS[0], True
        if is_population and ids:
            found[name] = (f"spikes/{name}", ids)
    return found


def _nodes(path: Path, population: str, *, follow: bool) -> NDArray[Any]:
    """The nodes of a population, with their places."""
    if not path.is_file():
        raise RecordingError(f"no file of nodes {path}: fix `nodes`")
    with opened(path, follow=follow) as root:
        nodes = root.group("nodes")
        known = nodes.groups if nodes is not None else []
        if nodes is None or (population not in known and not (population == FLAT_SHEET and len(known) == 1)):
            raise RecordingError(
                f"{path.name} has no nodes of {population}, only of {', '.join(known) or 'none'}: give another file"
            )
        group: Any = nodes.group(population if population in known else known[0])
        n_nodes = group.length("node_type_id") if group.has("node_type_id") else group.length("node_id")
        ids = whole_ids(group.read("node_id"), path.name) if group.has("node_id") else np.arange(n_nodes)
        places = np.full((ids.size, 3), np.nan)
        member = group.read("node_group_id") if group.has("node_group_id") else np.zeros(ids.size, np.int64)
        index = group.read("node_group_index") if group.has("node_group_index") else np.arange(ids.size)
        if member.size != ids.size or index.size != ids.size:
            raise RecordingError(
                f"{path.name}: node_group_id and node_group_index do not fit {ids.size} nodes: write it again"
            )
        for number in np.unique(member):
            attributes = group.group(str(number))
            mine = member == number
            for i, axis in enumerate("xyz"):
                if attributes is not None and attributes.readable(axis):
                    values = attributes.read(axis).astype(np.float64)
                    if index[mine].max() >= values.size or index[mine].min() < 0:
                        raise RecordingError(
                            f"{path.name}: node_group_index does not fit the {axis} of its group: write it again"
                        )
                    places[mine, i] = values[index[mine]]
    if np.unique(ids).size != ids.size:
        raise RecordingError(f"{path.name}: two nodes of {population} have one id: write it again")
    return neuron_table(ids, places)
