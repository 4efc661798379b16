"""NWB files (HDF5): sorted units as one sheet, trials and any other intervals as tables of events.

Read with PyTables. Texts of variable length, which it cannot read, need h5py, and only where a column that is asked for
holds some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.event_table import EventTable
from spikebin.recordings.continuous.flat_arrays import whole_ids
from spikebin.recordings.continuous.hdf5_group import Group, chunks_at_once, is_hdf5, opened
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.spike_index import CHUNK, slices
from spikebin.recordings.continuous.units import make_clock
from spikebin.recordings.recorded_span import observed_span
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.units import Clock

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["SHEET", "NwbRecording", "open", "recognises"]

SHEET = "units"
TRIALS = "trials"
TEXTS_AT_ONCE = 1024
# Bytes that the texts of a column may take: a share of the file's, but always so many.
LEAST_ROOM, ROOM_RATIO = 64 << 20, 16
# Columns of units that tell how well they were sorted, as spike sorters and data sets call them.
LABELS = ("quality", "label", "group", "KSLabel", "ks_label", "unit_quality")


def recognises(path: Path) -> bool:
    """Whether a path is an HDF5 file called .nwb."""
    return path.suffix.lower() == ".nwb" and path.is_file() and is_hdf5(path)


def open(path: Path, reading: Reading | None = None) -> NwbRecording:  # noqa: A001
    """Open an NWB file.

    Raises
    ------
    RecordingError
        If it is not one, or holds no units.
    """
    return NwbRecording(path, reading or Reading())


class NwbRecording(ContinuousRecording):
    """The units of one NWB file. Times are in seconds, as the NWB schema has it."""

    events_unit = "s"

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        with self._open() as root:
            units = self._units(root)
            self._ends = units.read("spike_times_index").astype(np.int64)
            self._ids = whole_ids(units.read("id"), self.name)
            self._n_spikes = units.length("spike_times")
            self._stored = units.dtype("spike_times")
            unit = units.attribute("unit", "spike_times")
            self._at_once = chunks_at_once(units.chunk("spike_times"), CHUNK)
            places = _places(root, units, self._ids.size)
            self._observed = _observed(units, self._ids)
        if unit and make_clock(unit, None, self.name) != make_clock("s", None, self.name):
            raise self.error(f"its spike_times say that they are in {unit}, in NWB all are in seconds: write it again")
        ends, n_units = self._ends, self._ids.size
        steps = np.diff(ends, prepend=0)
        if ends.size != n_units or (steps < 0).any() or (n_units and ends[-1] != self._n_spikes):
            raise self.error(
                f"spike_times_index does not fit {n_units} units with {self._n_spikes:,} spikes: it is damaged, write"
                " it again"
            )
        if np.unique(self._ids).size != n_units:
            raise self.error("two units have one id: it is damaged, write it again")
        self._neurons = neuron_table(self._ids, places)
        self._select = reading.labels is not None
        if reading.labels is not None:
            chosen = self._ids[self._labelled(reading.labels)]
            self._neurons = self._neurons[np.isin(self._neurons["neuron_id"], chosen)]

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        return "nwb, units/spike_times in s, neurons by units/id"

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `units`."""
        return [SHEET]

    def _open(self) -> AbstractContextManager[Group]:
        return opened(self.path, follow=self.reading.follow_links)

    def _units(self, root: Group) -> Group:
        """The table of units; refused where the file has none that can be read, with the reason."""
        units = root.group("units")
        old = root.has("nwb_version") or (root.attribute("nwb_version") or "").startswith(("NWB-1", "1."))
        if units is None and old:
            version = (root.text("nwb_version") if root.has("nwb_version") else None) or root.attribute("nwb_version")
            raise self.error(
                f"it is of the NWB 1 format ({version or 'NWB 1.x'}), which spikebin does not read: convert it to NWB 2"
            )
        if units is not None and units.kind("spike_times_index") == "reference":
            raise self.error(
                "its spike_times_index holds region references, as drafts of NWB 2 had it: write it again with pynwb"
            )
        if units is None or not units.has("spike_times") or not units.has("spike_times_index"):
            raise self.error("it has no /units with spike_times: it holds no sorted spikes, give another file")
        return units

    def population(self, sheet: str) -> Population:  # noqa: ARG002
        """All units, or those with one of the labels asked for; silent ones included."""
        clock = make_clock("s", None, self.name)
        source = _Units(self, clock)
        ids = self._neurons["neuron_id"].tolist()
        observed = None if self._observed is None else [self._observed[i] for i in ids]
        precision = clock.precision(self._stored)
        return Population(
            source,
            self._neurons,
            select=self._select,
            observed=observed,
            observed_span=None if self._observed is None else observed_span(self._observed.values()),
            precision=precision,
        )

    def events(self, name: str | None) -> EventTable | None:
        """A table of /intervals; its `trials` without a name, where it has some."""
        with self._open() as root:
            intervals = root.group("intervals")
            known = intervals.groups if intervals is not None else []
            table = intervals.group(name or TRIALS) if intervals is not None and (name or TRIALS) in known else None
            if table is None:
                if name is None:
                    if known:
                        self.notes.append(f"it has no trials; choose with --trials one of {', '.join(known)}, or none")
                    return None
                raise self.error(
                    f"no intervals {name!r}: there are {', '.join(known) or 'none'}; or give a CSV or TSV file"
                )
            n_events = table.length("id")
            columns, texts = _columns(table, table.arrays)
            places = [table.place(text) for text in texts]
        if texts:
            columns |= _texts(
                self.path, f"intervals/{name or TRIALS}", texts, places, n_events, "give its trials as a CSV file"
            )
        columns.pop("timeseries", None)
        order = [column for column in ("start_time", "stop_time") if column in columns]
        columns = {column: columns[column] for column in [*order, *(c for c in columns if c not in order)]}
        return EventTable(f"{self.name}:/intervals/{name or TRIALS}", columns, "s")

    def _labelled(self, labels: Sequence[str]) -> NDArray[np.bool_]:
        """Which units have one of some labels; the first may name their column, ``quality=good``."""
        given, equals, first = labels[0].partition("=")
        with self._open() as root:
            units = self._units(root)
            column = given if equals else next((name for name in LABELS if name in units.arrays), None)
            if column is None or column not in units.arrays:
                known = [name for name in units.arrays if not name.endswith("_index")]
                wanted = repr(given) if equals else f"{', '.join(LABELS)}: name another, is_good=True"
                raise self.error(f"its units have no column {wanted}; there are {', '.join(known)}")
            columns, texts = _columns(units, [column])
            places = [units.place(text) for text in texts]
        if texts:
            columns = _texts(self.path, "units", texts, places, self._ids.size, "choose units with --ids")
        values = columns.get(column)
        if values is None or values.size != self._ids.size:
            raise self.error(f"column {column!r} of the units holds no labels: name another, quality=good")
        # HDF5 has no booleans: True is 1 of an enumeration, or of a bit field.
        found = values.astype(np.uint8 if values.dtype == bool else values.dtype).astype(np.str_)
        asked = [first if equals else given, *labels[1:]]
        numbers = {} if values.dtype.kind == "U" else {"true": "1", "false": "0"}
        chosen: NDArray[np.bool_] = np.isin(found, [numbers.get(label.lower(), label) for label in asked])
        if not chosen.any():
            there = ", ".join(np.unique(found)[:20].tolist())
            raise self.error(f"no unit has the {column} {' or '.join(asked)}: there are {there}")
        return chosen


class _Units:
    """Spikes unit by unit, as they lie in the file."""

    def __init__(self, recording: NwbRecording, clock: Clock) -> None:
        self.n_spikes = recording._n_spikes
        self._recording, self._ids, self._ends, self._clock = recording, recording._ids, recording._ends, clock

    def read(self, start: int, stop: int) -> Spikes:
        with self._recording._open() as root:
            times = self._clock.to_ms(self._recording._units(root).read("spike_times", start, stop))
        # Each unit has as many of these spikes as its stretch and this slice share.
        shared = np.clip(self._ends, start, stop) - np.clip(np.concatenate([[0], self._ends[:-1]]), start, stop)
        return times, np.repeat(self._ids, shared)

    def chunks(self) -> Iterator[Spikes]:
        return slices(self, self._recording._at_once)


def _places(root: Group, units: Group, n_units: int) -> NDArray[np.float64] | None:
    """Mean x, y, z of the electrodes of each unit, (n_units, 3) with nan where unknown; None where nothing is known."""
    electrodes = root.group("general/extracellular_ephys/electrodes")
    if electrodes is None or not (units.has("electrodes") and units.has("electrodes_index")):
        return None
    rows = units.read("electrodes").astype(np.int64)
    ends = units.read("electrodes_index").astype(np.int64)
    if ends.size != n_units or (np.diff(ends, prepend=0) < 0).any() or (n_units and ends[-1] != rows.size):
        return None
    owners = np.repeat(np.arange(n_units), np.diff(ends, prepend=0))
    places = np.full((n_units, 3), np.nan)
    for i, axis in enumerate("xyz"):
        if not electrodes.readable(axis):
            continue
        values = electrodes.read(axis).astype(np.float64)
        if rows.size and not (rows.min() >= 0 and rows.max() < values.size):
            continue
        counts = np.bincount(owners, minlength=n_units)
        sums = np.bincount(owners, values[rows], minlength=n_units)
        places[counts > 0, i] = sums[counts > 0] / counts[counts > 0]
    return places


def _observed(units: Group, ids: NDArray[np.int64]) -> dict[int, NDArray[np.float64]] | None:
    """Unit -> (n, 2) of ms from when to when it was looked for; None where the file does not tell."""
    if not (units.has("obs_intervals") and units.has("obs_intervals_index")):
        return None
    spans = units.read_pairs("obs_intervals").astype(np.float64) * 1000.0
    ends = units.read("obs_intervals_index").astype(np.int64)
    if ends.size != ids.size or (np.diff(ends, prepend=0) < 0).any() or (ends.size and ends[-1] != len(spans)):
        raise RecordingError(f"{units.where} obs_intervals_index does not fit its units: it is damaged, write it again")
    return dict(zip(ids.tolist(), np.split(spans, ends[:-1]), strict=True))


def _decoded(column: NDArray[Any]) -> NDArray[Any]:
    return np.char.decode(column, "utf-8", "replace") if column.dtype.kind == "S" else column


def _columns(table: Group, names: Sequence[str]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Columns with a number or text for each line of a table; and names of those that PyTables cannot read."""
    n_lines = table.length("id")
    columns: dict[str, NDArray[Any]] = {}
    texts = []
    for name in names:
        if table.readable(name) and table.length(name) == n_lines and not name.endswith("_index"):
            columns[name] = _decoded(table.read(name))
        elif f"{name}_index" not in table.arrays and not table.readable(name):
            texts.append(name)
    return columns, texts


def _texts(
    path: Path,
    table: str,
    names: list[str],
    places: list[tuple[Path, str, tuple[int, ...]]],
    n_lines: int,
    instead: str,
) -> dict[str, NDArray[Any]]:
    """Columns of texts of variable length, which h5py reads where they lie: file, path inside and shape."""
    try:
        import h5py
    except ImportError:
        raise RecordingError(
            f"{path.name}: /{table} holds texts ({', '.join(names)}), which need h5py: pip install 'spikebin[nwb]', or"
            f" {instead}"
        ) from None
    columns: dict[str, NDArray[Any]] = {}
    try:
        for name, (where, inside, shape) in zip(names, places, strict=True):
            if shape != (n_lines,):
                continue
            with h5py.File(where, "r") as file:
                array = file[inside]
                if h5py.check_string_dtype(array.dtype) is not None:
                    columns[name] = _joined(array.asstr(), path, f"/{table}/{name}")
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        text = " ".join(str(error).split())[:120]
        raise RecordingError(f"{path}: texts of /{table} cannot be read ({text}): copy or write it again") from None
    return columns


def _joined(texts: Any, path: Path, where: str) -> NDArray[Any]:
    """Texts as one array, all as wide as the longest of them, as long as that is not absurd."""
    parts, longest, n_texts = [], 1, len(texts)
    most = LEAST_ROOM + ROOM_RATIO * path.stat().st_size
    for start in range(0, n_texts, TEXTS_AT_ONCE):
        part = texts[start : start + TEXTS_AT_ONCE]
        longest = max(longest, *map(len, part))
        if 4 * longest * n_texts > most:
            raise RecordingError(
                f"{path.name}:{where} holds {n_texts:,} texts of up to {longest:,} characters, more than a table of"
                " events: it is damaged, or its events are to be given as a CSV file"
            )
        parts.append(np.array(part, dtype=np.str_))
    return np.concatenate(parts) if parts else np.array([], np.str_)
