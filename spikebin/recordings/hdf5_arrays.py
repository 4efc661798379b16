"""Spike times and neurons in any HDF5 file, named by their paths: --times /spikes/times --neurons /spikes/units.

Either two flat arrays, or two arrays of lists, one for each sample: the spiking data sets SHD and SSC. Then each sample
is a trial on its own clock, and arrays as long as there are samples (`labels`) say something of each. Without paths the
arrays are recognised by their names, in the root or in /spikes.
https://zenkelab.org/resources/spiking-heidelberg-datasets-shd/
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.arrays import ArraysRecording
from spikebin.recordings.continuous.columns import are_spikes, choose_column
from spikebin.recordings.continuous.event_table import EventTable
from spikebin.recordings.continuous.flat_arrays import as_labels, whole_ids
from spikebin.recordings.continuous.hdf5_group import Group, chunks_at_once, is_hdf5, opened
from spikebin.recordings.continuous.ragged import Lists
from spikebin.recordings.continuous.sheet import ContinuousRecording
from spikebin.recordings.continuous.spike_index import CHUNK
from spikebin.recordings.continuous.units import choose_unit, make_clock
from spikebin.recordings.settings import Reading
from spikebin.recordings.split_spikes import TrialwiseSheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.spike_index import SpikeSource
    from spikebin.recordings.continuous.units import Clock
    from spikebin.recordings.protocol import SheetRecording
    from spikebin.recordings.settings import TrialRule

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["SHEET", "HDF5Columns", "ListsRecording", "open", "recognises"]

SHEET = "neurons"
SAMPLE = "sample"
ENDS = {".h5", ".hdf5", ".hdf"}
USUAL = ("", "spikes")
SHOWN = 8
SAMPLES_AT_ONCE = 64
UNITS = ("units", "unit")


def recognises(path: Path) -> bool:
    """Whether a path is an HDF5 file whose root or /spikes has arrays that are called as times and neurons are."""
    if path.suffix.lower() not in ENDS or not is_hdf5(path):
        return False
    try:
        with opened(path) as root:
            return _usual(root) is not None
    except RecordingError:
        return False


def open(path: Path, reading: Reading | None = None) -> ContinuousRecording:  # noqa: A001
    """Open two arrays of an HDF5 file.

    Raises
    ------
    RecordingError
        If there are no such arrays, or they are not named and not recognised.
    """
    reading = reading or Reading()
    with opened(path, follow=reading.follow_links) as root:
        places = _find(root, reading, path.name)
        ragged = [_kind(root, place) == "vlen" for place in places]
        if ragged[0] != ragged[1]:
            raise RecordingError(
                f"{path.name}: one of {' and '.join(places)} holds lists, the other does not: name two alike"
            )
        if not ragged[0]:
            columns = HDF5Columns(path, root, places, follow=reading.follow_links)
            return ArraysRecording(path, _with_unit(reading, columns.written, path.name), columns)
        return ListsRecording(path, reading, root, places)


class HDF5Columns:
    """Flat arrays of one file; see `spikebin.recordings.arrays.SpikeFile`.

    Parameters
    ----------
    path : Path
    root : Group
        Of the file, open.
    places : tuple of str
        Paths of times and neurons.
    follow : bool
        See `spikebin.recordings.continuous.hdf5_group.opened`.
    """

    def __init__(self, path: Path, root: Group, places: tuple[str, str], *, follow: bool) -> None:
        self.path, self.paths, self._follow = path, [path], follow
        self.times_name, self.ids_name = places
        (group, times), (other, ids) = (_group(root, place) for place in places)
        self.n_spikes = group.length(times)
        if other.length(ids) != self.n_spikes:
            raise RecordingError(
                f"{path.name}: {self.n_spikes:,} values in {places[0]} and {other.length(ids):,} in {places[1]}: they"
                " are not of the same spikes, or one is cut off"
            )
        self.stored: np.dtype[Any] = group.dtype(times)
        self.ids_are_names = other.dtype(ids).kind == "S"
        if self.stored.kind not in "fiu":
            raise RecordingError(f"{path.name}: {places[0]} holds no numbers: name another with --times")
        self.written = next((unit for name in UNITS if (unit := group.attribute(name, times))), None)
        # What lies beside the times and is as long says something of each spike.
        self._places = {self.times_name: places[0], self.ids_name: places[1]}
        parent = places[0].rpartition("/")[0]
        for name in group.arrays:
            place = f"{parent}/{name}"
            if place not in places and group.readable(name) and group.length(name) == self.n_spikes:
                self._places[name] = place
        self.names = list(self._places)
        self._at_once = chunks_at_once(max(group.chunk(times), other.chunk(ids)), CHUNK) * CHUNK

    def source(self, clock: Clock) -> SpikeSource:
        """Its spikes, on a clock of their times."""
        return _Source(self, clock)

    def read(self, names: Sequence[str], start: int, stop: int) -> list[NDArray[Any]]:
        """Some of several arrays."""
        with opened(self.path, follow=self._follow) as root:
            places = [_group(root, self._places[name]) for name in names]
            return [group.read(name, start, stop) for group, name in places]

    def times_and(
        self, labels: Sequence[str], clock: Clock
    ) -> Iterator[tuple[NDArray[np.float64], list[NDArray[np.str_]]]]:
        """See `spikebin.recordings.named_rows.NamedFile`."""
        for start, stop in self.slices():
            times, *more = self.read([self.times_name, *labels], start, stop)
            yield clock.to_ms(times), [self._labels(column) for column in more]

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        """Spikes and further arrays of them as texts."""
        for start, stop in self.slices():
            times, ids, *more = self.read([self.times_name, self.ids_name, *labels], start, stop)
            yield (clock.to_ms(times), whole_ids(ids, self.path.name)), [self._labels(column) for column in more]

    def slices(self) -> Iterator[tuple[int, int]]:
        """Where to read from and to."""
        for start in range(0, self.n_spikes, self._at_once):
            yield start, min(start + self._at_once, self.n_spikes)

    def _labels(self, column: NDArray[Any]) -> NDArray[np.str_]:
        return (
            np.char.decode(column, "utf-8", "replace")
            if column.dtype.kind == "S"
            else as_labels(column, self.path.name)
        )


class _Source:
    def __init__(self, file: HDF5Columns, clock: Clock) -> None:
        self.file, self.clock, self.n_spikes = file, clock, file.n_spikes

    def read(self, start: int, stop: int) -> Spikes:
        times, ids = self.file.read([self.file.times_name, self.file.ids_name], start, stop)
        return self.clock.to_ms(times), whole_ids(ids, self.file.path.name)

    def chunks(self) -> Iterator[Spikes]:
        return (self.read(start, stop) for start, stop in self.file.slices())


class ListsRecording(ContinuousRecording):
    """One list of times and one of neurons for each sample, which is a trial.

    Parameters
    ----------
    path : Path
    reading : Reading
    root : Group
        Of the file, open.
    places : tuple of str
        Paths of times and neurons.
    """

    def __init__(self, path: Path, reading: Reading, root: Group, places: tuple[str, str]) -> None:
        super().__init__(path, reading)
        self.rate, self._places = reading.rate, places
        self._times, self._ids = (Lists(*_group(root, place)) for place in places)
        if self._times.size != self._ids.size:
            raise self.error(f"{self._times.size:,} lists of times and {self._ids.size:,} of neurons: one is cut off")
        if reading.population is not None or reading.trial not in {None, SAMPLE}:
            raise self.error(f"its samples are its trials, {SAMPLE!r}: take --population and --trial out")
        said = choose_unit(
            places[0].rpartition("/")[2], reading.unit, "samples" if reading.rate else None, self.name, "--unit"
        )
        self._unit = said
        self.events_unit = None if said == "samples" else said
        self.uses_rate = said == "samples"
        self._labels = _labels(root, self._times.size)

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        times, neurons = self._places
        return f"hdf5, {times} in {self._unit}, neurons by {neurons}, trials by its {self._times.size:,} lists"

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `neurons`."""
        return [SHEET]

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> SheetRecording:
        """Open the sheet; see `spikebin.recordings.protocol.Recording`."""
        self.check_sheet(name, rule)
        if self._unit is None:
            raise self.error("the unit of its times is not known: give --unit s, ms, us or samples")
        clock = make_clock(self._unit, self.rate, self.name)
        spikes = _Samples(self._times, self._ids, clock, self._labels, f"{name} of {self.name}")
        return TrialwiseSheet(self, name, spikes, rule, repeat)


class _Samples:
    """Spikes of samples, a few of which are in memory; see `spikebin.recordings.split_spikes.TrialSpikes`."""

    trial_column = SAMPLE
    listed = None
    neuron_names = None
    select = False

    def __init__(self, times: Lists, ids: Lists, clock: Clock, labels: dict[str, NDArray[Any]], where: str) -> None:
        self._times, self._ids, self._clock, self._labels, self._where = times, ids, clock, labels, where
        self.trials = [str(i) for i in range(times.size)]
        self.precision = clock.precision(times.dtype)
        self.n_spikes, self.first, self.last = 0, np.inf, -np.inf
        self._block: tuple[int, list[Spikes]] = (0, [])
        n_of: dict[int, int] = {}
        for start in range(0, times.size, SAMPLES_AT_ONCE):
            block = self._read(start)
            together, who = (np.concatenate([sample[i] for sample in block]) for i in (0, 1))
            if not np.isfinite(together).all():
                raise RecordingError(f"{where}: a spike time is not finite: drop such spikes, or write the file again")
            self.n_spikes += together.size
            if together.size:
                self.first, self.last = min(self.first, float(together.min())), max(self.last, float(together.max()))
            for neuron, n in zip(*(part.tolist() for part in np.unique(who, return_counts=True)), strict=True):
                n_of[neuron] = n_of.get(neuron, 0) + n
        self.neurons = np.array(sorted(n_of), np.int64)
        self.n_of = np.array([n_of[neuron] for neuron in self.neurons.tolist()], np.int64)

    def between(self, trial: str, start: float, stop: float) -> Spikes:
        """Spikes of a sample from `start` to `stop` in ms, both included; none of one that is not there."""
        number = int(trial) if trial.isascii() and trial.isdecimal() else self._times.size
        if number >= self._times.size:
            return np.empty(0), np.empty(0, np.int64)
        first = number - number % SAMPLES_AT_ONCE
        # Read and replaced as one, so that threads need no lock.
        held = self._block
        if held[0] != first or not held[1]:
            held = (first, self._read(first))
            self._block = held
        times, ids = held[1][number - first]
        inside = (times >= start) & (times <= stop)
        return times[inside], ids[inside]

    def table(self, where: str) -> EventTable:
        """A line for each sample, with what is said of it."""
        return EventTable(where, {SAMPLE: np.arange(self._times.size), **self._labels})

    def _read(self, first: int) -> list[Spikes]:
        stop = min(first + SAMPLES_AT_ONCE, self._times.size)
        samples = []
        for i, times, ids in zip(
            range(first, stop), self._times.read(first, stop), self._ids.read(first, stop), strict=True
        ):
            if times.size != ids.size:
                raise RecordingError(
                    f"{self._where}: sample {i} has {times.size:,} times and {ids.size:,} neurons: write it again"
                )
            samples.append((self._clock.to_ms(times), whole_ids(ids, self._where)))
        return samples


def _labels(root: Group, n_samples: int) -> dict[str, NDArray[Any]]:
    """Flat arrays with a value for each sample, in the root and the groups in it."""
    found: dict[str, NDArray[Any]] = {}
    for group in (root, *(inner for name in root.groups if (inner := root.group(name)) is not None)):
        for name in group.arrays:
            if name not in found and group.readable(name) and group.length(name) == n_samples:
                values = group.read(name)
                found[name] = np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values
    return found


def _find(root: Group, reading: Reading, where: str) -> tuple[str, str]:
    """Paths of the times and the neurons."""
    said = {what: getattr(reading, what) for what in ("times", "neurons")}
    parent = next((path.strip("/").rpartition("/")[0] for path in said.values() if path is not None), _usual(root))
    group = (root if not parent else root.group(parent)) if parent is not None else None
    paths = []
    for what, path in said.items():
        if path is not None:
            place = "/" + path.strip("/")
            if _kind(root, place) is None:
                raise RecordingError(f"{where} has no array {place} of {what}; it holds {_listed(root)}")
        elif group is None:
            raise RecordingError(
                f"{where}: which are the {what}? Name them with --{what} (`{what}` in [[recordings]]); it holds"
                f" {_listed(root)}"
            )
        else:
            place = f"{'/' + parent if parent else ''}/{choose_column(group.arrays, None, what, where)}"
        paths.append(place)
    return paths[0], paths[1]


def _usual(root: Group) -> str | None:
    """The group whose arrays are called as times and neurons are."""
    for name in USUAL:
        group = root.group(name) if name else root
        if group is not None and are_spikes(group.arrays):
            return name
    return None


def _group(root: Group, place: str) -> tuple[Group, str]:
    parent, _, name = place.strip("/").rpartition("/")
    group = root.group(parent) if parent else root
    if group is None:
        raise RecordingError(f"{root.path.name} has no group /{parent}: check the path")
    return group, name


def _kind(root: Group, place: str) -> str | None:
    parent, _, name = place.strip("/").rpartition("/")
    group = root.group(parent) if parent else root
    return group.kind(name) if group is not None and group.has(name) else None


def _listed(root: Group) -> str:
    """Paths of the first arrays in a file."""
    found = [f"/{name}" for name in root.arrays]
    for outer in root.groups:
        group = root.group(outer)
        if group is not None:
            found += [f"/{outer}/{name}" for name in group.arrays]
            found += [f"/{outer}/{name}/..." for name in group.groups]
    return ", ".join(found[:SHOWN]) + (" ..." if len(found) > SHOWN else "") if found else "no arrays"


def _with_unit(reading: Reading, written: str | None, where: str) -> Reading:
    """What is said, with the unit that an attribute of the times tells; one that is not understood is passed over."""
    try:
        unit = choose_unit("", written, None, where, "")
    except RecordingError:
        unit = None
    if unit is None:
        return reading
    if reading.unit is not None and choose_unit("", reading.unit, None, where, "") != unit:
        raise RecordingError(f"{where}: its times say they are in {written}, `unit` says {reading.unit}: take it out")
    return replace(reading, unit=unit)
