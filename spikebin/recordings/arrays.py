"""Spike times and neuron ids as arrays, .npz or .npy; or as columns of a text file, which spike_table.py reads.

A .npz holds two arrays, a .npy a structured array, an array (n, 2) of times and neurons, or times beside a second
file of neurons. Which is which is recognised from names, or given.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spikebin.cached import cached_property
from spikebin.errors import RecordingError
from spikebin.names import bare_suffix
from spikebin.recordings.continuous.columns import RUNNING, are_spikes, choose_column, find_splits
from spikebin.recordings.continuous.flat_arrays import (
    ArraySource,
    OnDisk,
    as_labels,
    check_growth,
    length_of,
    mapped_array,
    npz_members,
    opened_archive,
    whole_ids,
)
from spikebin.recordings.continuous.npy_header import open_member
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.spike_index import CHUNK
from spikebin.recordings.continuous.units import choose_unit, make_clock, split_unit
from spikebin.recordings.named_rows import NamedRows
from spikebin.recordings.settings import Reading
from spikebin.recordings.spike_table import SUFFIXES, SpikeTable, is_spike_table
from spikebin.recordings.split_spikes import PopulationSource, Rows, SpikesOfTrials, TrialwiseSheet, look_at_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.spike_index import SpikeSource
    from spikebin.recordings.continuous.units import Clock
    from spikebin.recordings.protocol import SheetRecording
    from spikebin.recordings.settings import TrialRule

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["SHEET", "ArraysRecording", "NpzColumns", "SpikeFile", "open", "recognises"]

SHEET = "neurons"
PLACES = ("0", "1")


def recognises(path: Path) -> bool:
    """Whether a path is a file of arrays or columns that are called as times and neurons are."""
    suffix = bare_suffix(path.name)
    if suffix not in {".npz", ".npy", *SUFFIXES} or not path.is_file():
        return False
    if suffix in SUFFIXES:
        return is_spike_table(path)
    try:
        return are_spikes(npz_members(path) if suffix == ".npz" else mapped_array(path).dtype.names or ())
    except RecordingError:
        return False


def open(path: Path, reading: Reading | None = None) -> ArraysRecording:  # noqa: A001
    """Open a file of arrays or columns.

    Raises
    ------
    RecordingError
        If it is not one, or does not tell which are times and which neurons.
    """
    return ArraysRecording(path, reading or Reading())


class SpikeFile(Rows, Protocol):
    """What a kind of file hands over."""

    paths: list[Path]

    def source(self, clock: Clock) -> SpikeSource:
        """Its spikes, on a clock of their times."""
        ...


class ArraysRecording(ContinuousRecording):
    """Spikes in two arrays or columns of one file, and what further ones say of them.

    Parameters
    ----------
    path : Path
    reading : Reading
    file : SpikeFile, optional
        Its arrays or columns; default: as the end of its name says.
    listed : structured array, optional
        All neurons, where the file lists those without spikes, too.
    trials : sequence of str
        Names of all trials, where it lists those without spikes, too.
    unit : str, optional
        Of the times, where it says so.

    Raises
    ------
    RecordingError
        If the file is not complete, or does not tell which are times and which neurons.
    """

    # What it is taken for, where no format is named.
    kind = "arrays"

    def __init__(
        self,
        path: Path,
        reading: Reading,
        file: SpikeFile | None = None,
        listed: NDArray[Any] | None = None,
        trials: Sequence[str] = (),
        unit: str | None = None,
    ) -> None:
        super().__init__(path, reading)
        self.rate = reading.rate
        kinds: dict[str, type[NpzColumns | NpyColumns | SpikeTable]] = {".npz": NpzColumns, ".npy": NpyColumns}
        found: Any = file or kinds.get(bare_suffix(path.name), SpikeTable)(path, reading)
        self._file: SpikeFile = NamedRows(found, path.name) if found.ids_are_names else found
        self._listed, self._trial_names = listed, trials
        self._unit = choose_unit(
            self._file.times_name,
            reading.unit,
            unit or ("samples" if reading.rate else None),
            self.name,
            "--unit (`unit` in [[recordings]])",
        )
        self.events_unit = None if self._unit == "samples" else self._unit
        self.uses_rate = self._unit == "samples"
        further = [name for name in self._file.names if name not in {self._file.times_name, self._file.ids_name}]
        self._splits = find_splits(further, reading, self.name)

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        by = f", populations by {self._splits.population}" if self._splits.population else ""
        by += f", trials by {self._splits.trial}" if self._splits.trial else ""
        kind = self.reading.format or self.kind
        return f"{kind}, {self._file.times_name or 'times'} in {self._unit}, neurons by {self._file.ids_name}{by}"

    @property
    def paths(self) -> list[Path]:
        """Every file that the spikes are read from."""
        return self._file.paths

    @cached_property
    def sheets(self) -> Sequence[str]:
        """The populations that a column names, else one sheet, `neurons`."""
        if not (self._splits.population or self._splits.groups):
            return [SHEET]
        # Of any unit: only ids and names are looked at.
        return look_at_groups(self._file, self._splits, make_clock("ms", None, self.name), self.name) or [SHEET]

    def population(self, sheet: str) -> Population:
        """The spikes; the file lists no neurons but those that fire."""
        column, clock = self._splits.population, self._clock()
        source = self._file.source(clock) if column is None else PopulationSource(self._file, column, sheet, clock)
        name = self._file.ids_name if self.reading.neurons is None else ""
        running = name if split_unit(name)[0] in RUNNING else ""
        precision = clock.precision(self._file.stored)
        return Population(source, self._listed, precision=precision, running=running, names=self._neuron_names)

    @property
    def _neuron_names(self) -> Sequence[str] | None:
        return self._file.neuron_names if isinstance(self._file, NamedRows) else None

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> SheetRecording:
        """Open one sheet; see `spikebin.recordings.protocol.Recording`."""
        self.check_sheet(name, rule)
        if self._splits.trial is None:
            return super().sheet(name, rule, repeat)
        population = name if self._splits.population else None
        # A column of the spikes names the images where there is no table that does.
        where = f"{name} of {self.name}"
        names = rule.identity if rule.events in {None, "none"} else ()
        if len(names) > 1:
            raise RecordingError(f"{where}: image_id names {len(names)} columns of the spikes: give one of them")
        image_id = names[0] if names else None
        spikes = SpikesOfTrials(
            self._file,
            self._splits,
            self._clock(),
            population,
            image_id,
            where,
            trials=self._trial_names,
            listed=self._listed,
            neuron_names=self._neuron_names,
        )
        return TrialwiseSheet(self, name, spikes, rule, repeat)

    def _clock(self) -> Clock:
        if self._unit is None:
            raise self.error(
                "the unit of its times is not known: give --unit s, ms, us or samples (`unit` in [[recordings]])"
            )
        return make_clock(self._unit, self.reading.rate, self.name)


class NpyColumns:
    """A .npy file, and perhaps a second one with the neurons."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self.paths = path, [path]
        array = mapped_array(path)
        self.times_name, self.ids_name = "", ""
        self.names = list(array.dtype.names or ())
        if array.dtype.names:
            self.times_name = choose_column(array.dtype.names, reading.times, "times", path.name)
            self.times = OnDisk(path, self.times_name)
            self.ids_name = choose_column(array.dtype.names, reading.neurons, "neurons", path.name)
            self.ids = OnDisk(path, self.ids_name)
        elif array.ndim == 2 and array.shape[1] == 2 and reading.neurons in {None, *PLACES}:
            times = _column_of_times(path, reading)
            self.times, self.ids = OnDisk(path, times), OnDisk(path, 1 - times)
            self.times_name = ""
            self.ids_name = f"the {'second' if times == 0 else 'first'} column"
        elif reading.times is not None:
            raise RecordingError(f"{path.name} has no columns with names, so no {reading.times!r}: take `times` out")
        elif reading.neurons is not None:
            second = path.parent / reading.neurons
            if not second.is_file():
                raise RecordingError(f"{path.name}: no file {second} of its neurons: fix `neurons`")
            self.paths.append(second)
            self.times, self.ids = OnDisk(path), OnDisk(second)
            self.times_name, self.ids_name = path.stem, reading.neurons
        else:
            raise RecordingError(
                f"{path.name} has shape {array.shape} and dtype {array.dtype}: give (n, 2) of times and neurons, or"
                " name the file of the neurons with --neurons FILE.npy"
            )

    @property
    def stored(self) -> np.dtype[Any]:
        """What the times are."""
        found: np.dtype[Any] = self.times.dtype
        return found

    def source(self, clock: Clock) -> SpikeSource:
        return ArraySource(self.times, self.ids, clock, self.path.name)

    @property
    def ids_are_names(self) -> bool:
        """Whether the neurons are texts."""
        return bool(self.ids.dtype.kind == "U")

    def times_and(
        self, labels: Sequence[str], clock: Clock
    ) -> Iterator[tuple[NDArray[np.float64], list[NDArray[np.str_]]]]:
        """See `spikebin.recordings.named_rows.NamedFile`."""
        columns = [self.ids if name == self.ids_name else OnDisk(self.path, name) for name in labels]
        if any(column.size != self.times.size for column in columns):
            raise RecordingError(f"{self.path.name}: there are not as many neurons as times: one of them is cut off")
        for start in range(0, self.times.size, CHUNK):
            place = slice(start, min(start + CHUNK, self.times.size))
            yield clock.to_ms(self.times[place]), [as_labels(column[place], self.path.name) for column in columns]

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        columns = [OnDisk(self.path, name) for name in labels]
        first = 0
        for times, ids in self.source(clock).chunks():
            place = slice(first, first + ids.size)
            yield (times, ids), [as_labels(column[place], self.path.name) for column in columns]
            first += ids.size


def _column_of_times(path: Path, reading: Reading) -> int:
    """Which of two columns is times: the one that is said, else that with fractions, else that which ascends.

    Raises
    ------
    RecordingError
        If nothing tells.
    """
    said = set()
    for place, shift in ((reading.times, 0), (reading.neurons, 1)):
        if place is not None and place not in PLACES:
            raise RecordingError(f"{path.name} has no columns with names, so no {place!r}: give 0 or 1 for the column")
        if place is not None:
            said.add((PLACES.index(place) + shift) % 2)
    if len(said) > 1:
        raise RecordingError(f"{path.name}: one column cannot be both times and neurons")
    if said:
        return said.pop()
    columns = OnDisk(path, 0), OnDisk(path, 1)
    whole, ascend, constant = [True, True], [True, True], [True, True]
    last: list[Any] = [-np.inf, -np.inf]
    for start in range(0, columns[0].size, CHUNK):
        for i, column in enumerate(columns):
            numbers = column[start : start + CHUNK]
            whole[i] &= numbers.dtype.kind != "f" or bool((numbers == np.floor(numbers)).all())
            ascend[i] &= bool(numbers[0] >= last[i] and (numbers[1:] >= numbers[:-1]).all())
            constant[i] &= bool((numbers == (numbers[0] if start == 0 else last[i])).all())
            last[i] = numbers[-1]
    signs = whole[0] - whole[1] or ascend[1] - ascend[0] or constant[0] - constant[1]
    if not signs and columns[0].size:
        raise RecordingError(
            f"{path.name} has two columns of whole numbers: which is times? Give --times 0 or --times 1 (`times` in"
            " [[recordings]])"
        )
    return 1 if signs > 0 else 0


class NpzColumns:
    """Two arrays of a .npz, read side by side from the archive without unpacking all of it."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self.paths = path, [path]
        members = npz_members(path)
        self.times_name = choose_column(members, reading.times, "times", path.name)
        self.ids_name = choose_column(members, reading.neurons, "neurons", path.name)
        n_spikes = length_of(path, self.times_name)
        # Only an array as long as the times can say something of each spike.
        others = [name for name in members if name not in {self.times_name, self.ids_name}]
        self.names = [self.times_name, self.ids_name, *(name for name in others if length_of(path, name) == n_spikes)]

        with ExitStack() as stack:
            archive = stack.enter_context(opened_archive(path))
            both = [
                stack.enter_context(open_member(archive, name, path.name, kinds))
                for name, kinds in zip(self.names[:2], ("fiu", "fiuU"), strict=True)
            ]
            self.stored: np.dtype[Any] = both[0].header.dtype
            self.ids_are_names = both[1].header.dtype.kind == "U"
            # Checks dtypes and lengths as for arrays in memory.
            ArraySource(both[0].like(), both[1].like(), make_clock("ms", None, path.name), path.name)
            check_growth(both, path.name)

    def source(self, clock: Clock) -> SpikeSource:
        """Its spikes, on a clock of their times."""
        return _NpzSource(self, clock)

    def times_and(
        self, labels: Sequence[str], clock: Clock
    ) -> Iterator[tuple[NDArray[np.float64], list[NDArray[np.str_]]]]:
        """See `spikebin.recordings.named_rows.NamedFile`."""
        where = self.path.name
        with ExitStack() as stack:
            archive = stack.enter_context(opened_archive(self.path))
            times = stack.enter_context(open_member(archive, self.times_name, where))
            columns = [stack.enter_context(open_member(archive, name, where, "fiubU")) for name in labels]
            check_growth([times, *columns], where)
            for start in range(0, times.header.size, CHUNK):
                n = min(CHUNK, times.header.size - start)
                yield clock.to_ms(times.take(n)), [as_labels(column.take(n), where) for column in columns]

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        """See `spikebin.recordings.split_spikes.Rows`."""
        where = self.path.name
        with ExitStack() as stack:
            archive = stack.enter_context(opened_archive(self.path))
            times, ids = (stack.enter_context(open_member(archive, name, where)) for name in self.names[:2])
            columns = [stack.enter_context(open_member(archive, name, where, "fiubU")) for name in labels]
            check_growth([times, ids, *columns], where)
            for start in range(0, times.header.size, CHUNK):
                n = min(CHUNK, times.header.size - start)
                spikes = clock.to_ms(times.take(n)), whole_ids(ids.take(n), where)
                yield spikes, [as_labels(column.take(n), where) for column in columns]


class _NpzSource:
    def __init__(self, file: NpzColumns, clock: Clock) -> None:
        self.file, self.clock = file, clock

    def chunks(self) -> Iterator[Spikes]:
        return (spikes for spikes, _ in self.file.rows((), self.clock))
