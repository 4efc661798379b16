"""SpikeInterface's own files of sorted spikes: the numpy folder, an analyzer's folder that holds one, and the .npz.

Times are samples at the rate that the file says. A sorting of several segments has a clock for each, and a trial for
each: they are never pooled. SpikeInterface itself is not needed.
https://spikeinterface.readthedocs.io/en/stable/api.html#spikeinterface.core.NumpyFolderSorting
"""

from __future__ import annotations

import json
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.names import in_natural_order
from spikebin.recordings.continuous.columns import Splits
from spikebin.recordings.continuous.flat_arrays import ArraySource, OnDisk, mapped_array, npz_array, npz_members
from spikebin.recordings.continuous.labels import USUAL, parse_labels, with_labels
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.spike_index import CHUNK
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.settings import Reading
from spikebin.recordings.split_spikes import SpikesOfTrials, TrialwiseSheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.units import Clock
    from spikebin.recordings.protocol import SheetRecording
    from spikebin.recordings.settings import TrialRule

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["SHEET", "SpikeInterfaceRecording", "open", "recognises"]

SHEET = "units"
INFO = "numpysorting_info.json"
SPIKES = "spikes.npy"
FIELDS = ("sample_index", "unit_index", "segment_index")
SEGMENT = "segment"
# Properties of units that tell how well they were sorted.
LABELS = ("quality", "KSLabel", "group", "label", "bombcell_label", "default_qc")
LARGEST_INFO = 1 << 24


def recognises(path: Path) -> bool:
    """Whether a path is a numpy folder, an analyzer's folder, or an .npz of a sorting."""
    if path.is_dir():
        return _folder(path) is not None
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        return {"unit_ids", "sampling_frequency", "spike_indexes_seg0", "spike_labels_seg0"} <= set(npz_members(path))
    except RecordingError:
        return False


def open(path: Path, reading: Reading | None = None) -> SpikeInterfaceRecording:  # noqa: A001
    """Open a sorting.

    Raises
    ------
    RecordingError
        If it is not one, or damaged.
    """
    return SpikeInterfaceRecording(path, reading or Reading())


class SpikeInterfaceRecording(ContinuousRecording):
    """The units of one sorting."""

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        self._sorting: _Folder | _Npz = _Folder(path) if path.is_dir() else _Npz(path)
        self.rate = self._sorting.rate
        self._listed = neuron_table(self._kept())

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        n = self._sorting.n_segments
        segments = f", trials by its {n} segments" if n > 1 else ""
        return f"spikeinterface, times in samples ({self.rate:g} a second), neurons by unit_ids{segments}"

    @property
    def paths(self) -> list[Path]:
        """Every file that the spikes are read from."""
        return self._sorting.paths

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `units`."""
        return [SHEET]

    def population(self, sheet: str) -> Population:  # noqa: ARG002
        """The units that are asked for, silent ones included, of the only segment."""
        return Population(
            _Source(self._sorting, self._clock),
            self._listed,
            select=self.reading.labels is not None,
            names=self._sorting.unit_names,
        )

    def sheet(self, name: str, rule: TrialRule, repeat: int | None = None) -> SheetRecording:
        """Open the sheet; see `spikebin.recordings.protocol.Recording`."""
        self.check_sheet(name, rule)
        if self._sorting.n_segments == 1:
            return super().sheet(name, rule, repeat)
        where = f"{name} of {self.name}"
        segments = [str(i) for i in range(self._sorting.n_segments)]
        spikes = SpikesOfTrials(
            self._sorting,
            Splits(trial=SEGMENT),
            self._clock,
            None,
            None,
            where,
            trials=segments,
            listed=self._listed,
            neuron_names=self._sorting.unit_names,
            select=self.reading.labels is not None,
        )
        return TrialwiseSheet(self, name, spikes, rule, repeat)

    def _kept(self) -> NDArray[np.int64]:
        """Ids of the units with one of the labels that are asked for: values of a property."""
        ids = self._sorting.unit_ids
        if self.reading.labels is None:
            return ids
        column, asked = parse_labels(self.reading.labels)
        known = self._sorting.properties
        name = column or next((label for label in LABELS if label in known), None)
        if name is None or name not in known:
            wanted = repr(column) if column else f"{', '.join(LABELS)}: name another, quality=good"
            raise self.error(f"its units have no property {wanted}; there are {', '.join(known) or 'none'}")
        values = mapped_array(known[name])
        if values.shape != ids.shape or values.dtype.kind not in "fiubU":
            raise self.error(f"property {name!r} of the units holds no labels: name another, quality=good")
        texts = [str(value) for value in values.tolist()]
        wanted_texts = with_labels(texts, asked, () if column else USUAL, f"{self.name}: no unit")
        return ids[[text in wanted_texts for text in texts]]

    @property
    def _clock(self) -> Clock:
        return make_clock("samples", self.rate, self.name)


class _Sorting:
    """What both ways to store a sorting have; see `spikebin.recordings.split_spikes.Rows`."""

    times_name, ids_name = "", ""
    stored = np.dtype(np.int64)
    paths: list[Path]
    rate: float
    n_segments: int
    # As they are written, of each unit; where those are names, their numbers.
    unit_ids: NDArray[np.int64]
    # Of the units 0, 1 and so on, where they have names and no numbers.
    unit_names: list[str] | None = None
    properties: Mapping[str, Path] = MappingProxyType({})

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = [SEGMENT]

    def chunks(self, clock: Clock) -> Iterator[tuple[Spikes, int | NDArray[np.int64]]]:
        """Spikes, and the segment of all or of each of them."""
        raise NotImplementedError

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        """Spikes and the segment of each, as text."""
        for (times, ids), segments in self.chunks(clock):
            yield (times, ids), [np.broadcast_to(np.asarray(segments), ids.shape).astype(np.str_) for _ in labels]

    def check(self, rate: Any, ids: Sequence[Any]) -> None:
        """Take rate and ids of the units as they are written."""
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not (math.isfinite(rate) and rate > 0):
            raise self.error(f"its sampling_frequency is {rate!r}: it is damaged, save the sorting again")
        self.rate = float(rate)
        texts = [str(unit) for unit in ids]
        if len(set(texts)) != len(texts):
            raise self.error("two units have one id: it is damaged, save the sorting again")
        if all(text.isascii() and text.isdecimal() and len(text) < 19 for text in texts):
            self.unit_ids = np.array([int(text) for text in texts], np.int64)
            if np.unique(self.unit_ids).size != self.unit_ids.size:
                raise self.error("two units have one id: it is damaged, save the sorting again")
            return
        if "" in texts:
            raise self.error("a unit has no name: it is damaged, save the sorting again")
        # Neurons that are texts are numbered in natural order in every format.
        self.unit_names = in_natural_order(texts)
        number = {name: i for i, name in enumerate(self.unit_names)}
        self.unit_ids = np.array([number[text] for text in texts], np.int64)

    def error(self, text: str) -> RecordingError:
        """An error that names the sorting."""
        return RecordingError(f"{self.path.name}: {text}")


class _Folder(_Sorting):
    """numpysorting_info.json and spikes.npy, a record for each spike."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        folder = _folder(path)
        if folder is None:
            raise self.error(f"it has no {INFO}: give the folder that SpikeInterface saved a sorting to")
        self.paths = [folder / INFO, folder / SPIKES]
        self.properties = {path.stem: path for path in sorted((folder / "properties").glob("*.npy"))}
        try:
            if (folder / INFO).stat().st_size > LARGEST_INFO:
                raise ValueError("it is too large")
            info = json.loads((folder / INFO).read_text("utf-8"))
            rate, ids, n = info["sampling_frequency"], info["unit_ids"], info.get("num_segments", 1)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self.error(f"{INFO} cannot be read ({' '.join(str(error).split())[:80]}): save it again") from None
        if not isinstance(ids, list) or isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise self.error(f"{INFO} does not say units and segments: save the sorting again")
        self.n_segments = n
        self.check(rate, ids)
        fields = mapped_array(folder / SPIKES).dtype.names or ()
        if not set(FIELDS[:2]) <= set(fields) or (n > 1 and FIELDS[2] not in fields):
            raise self.error(f"{SPIKES} has not the fields {', '.join(FIELDS)}: save the sorting again")
        self._columns = [OnDisk(folder / SPIKES, name) for name in FIELDS if name in fields]

    def chunks(self, clock: Clock) -> Iterator[tuple[Spikes, int | NDArray[np.int64]]]:
        """See `_Sorting`."""
        source = ArraySource(self._columns[0], self._columns[1], clock, self.path.name)
        first = 0
        for times, units in source.chunks():
            if units.size and not (units.min() >= 0 and units.max() < self.unit_ids.size):
                raise self.error(f"{SPIKES} has a unit_index that is not in {INFO}: it is damaged, save it again")
            segments: int | NDArray[np.int64] = 0
            if len(self._columns) > 2:
                segments = self._columns[2][first : first + units.size].astype(np.int64)
                if units.size and not (segments.min() >= 0 and segments.max() < self.n_segments):
                    raise self.error(f"{SPIKES} has a segment_index beyond {self.n_segments} segments: save it again")
            yield (times, self.unit_ids[units]), segments
            first += units.size


class _Npz(_Sorting):
    """An array of samples and one of units for each segment."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.paths = [path]
        members = npz_members(path)
        self.n_segments = sum(name.startswith("spike_indexes_seg") for name in members)
        needed = [f"spike_{what}_seg{i}" for what in ("indexes", "labels") for i in range(self.n_segments)]
        missing = [name for name in ("unit_ids", "sampling_frequency", *needed) if name not in members]
        if missing or not self.n_segments:
            raise self.error(f"it has no {(missing or ['spike_indexes_seg0'])[0]}: save the sorting again")
        rates = npz_array(path, "sampling_frequency").reshape(-1).tolist()
        self.check(rates[0] if len(rates) == 1 else rates, npz_array(path, "unit_ids").tolist())

    def chunks(self, clock: Clock) -> Iterator[tuple[Spikes, int | NDArray[np.int64]]]:
        """See `_Sorting`."""
        for segment in range(self.n_segments):
            times = npz_array(self.path, f"spike_indexes_seg{segment}")
            labels = npz_array(self.path, f"spike_labels_seg{segment}")
            if labels.dtype.kind == "U":
                labels = self._numbers(labels)
            source = ArraySource(times, labels, clock, self.path.name)
            for first in range(0, source.n_spikes, CHUNK):
                yield source.read(first, min(first + CHUNK, source.n_spikes)), segment

    def _numbers(self, labels: NDArray[np.str_]) -> NDArray[np.int64]:
        if self.unit_names is None:
            try:
                return labels.astype(np.int64)
            except ValueError:
                raise self.error("a spike has a unit that is not a number: save the sorting again") from None
        names = np.array(self.unit_names, np.str_)
        order = np.argsort(names)
        places = np.searchsorted(names, labels, sorter=order).clip(max=names.size - 1)
        numbers: NDArray[np.int64] = order[places].astype(np.int64)
        if (names[numbers] != labels).any():
            raise self.error("a spike has a unit that it does not list: save the sorting again")
        return numbers


class _Source:
    def __init__(self, sorting: _Sorting, clock: Clock) -> None:
        self._sorting, self._clock = sorting, clock

    def chunks(self) -> Iterator[Spikes]:
        return (spikes for spikes, _ in self._sorting.chunks(self._clock))


def _folder(path: Path) -> Path | None:
    """The numpy folder that a path is, or holds as an analyzer does."""
    return next((folder for folder in (path, path / "sorting") if (folder / INFO).is_file()), None)
