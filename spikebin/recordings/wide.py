"""Tables that are not a line for each spike: a column for each neuron, a line for each neuron, or 0 and 1 in bins.

Nothing in them says which of these they are, so the format is always named: ``columns``, ``lists`` or ``raster``. All
is held in memory.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from spikebin.errors import RecordingError
from spikebin.names import in_natural_order
from spikebin.recordings.continuous.cells import is_number
from spikebin.recordings.continuous.columns import choose_column
from spikebin.recordings.continuous.flat_arrays import ArraySource
from spikebin.recordings.continuous.neuron_rows import neuron_table
from spikebin.recordings.continuous.sheet import ContinuousRecording, Population
from spikebin.recordings.continuous.text_table import open_text, read_table
from spikebin.recordings.continuous.units import choose_unit, make_clock
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["SHEET", "WideRecording", "open", "recognises"]

SHEET = "neurons"
LARGEST_COUNT = 1 << 20


def recognises(path: Path) -> bool:  # noqa: ARG001
    """Never: which of the three it is, is the user's to say."""
    return False


def open(path: Path, reading: Reading | None = None) -> WideRecording:  # noqa: A001
    """Open such a table.

    Raises
    ------
    RecordingError
        If it is not of the kind that the format names.
    """
    return WideRecording(path, reading or Reading())


class WideRecording(ContinuousRecording):
    """The neurons of one table, silent ones included."""

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, reading)
        self.rate = reading.rate
        read = {"columns": _columns, "lists": _lists, "raster": _raster}[reading.format or "columns"]
        self._trains, times_name = read(path, reading)
        if not self._trains:
            raise self.error("it holds no neurons: check that it was written to its end")
        option = "--unit (`unit` in [[recordings]])"
        self._unit = choose_unit(times_name, reading.unit, "samples" if reading.rate else None, self.name, option)
        self.events_unit = None if self._unit == "samples" else self._unit
        self.uses_rate = self._unit == "samples"

    @property
    def taken(self) -> str:
        """See `spikebin.recordings.protocol.Recording`."""
        where = {"columns": "its columns", "lists": "its lines", "raster": "its columns of counts"}
        return f"{self.reading.format}, times in {self._unit}, neurons by {where[self.reading.format or 'columns']}"

    @property
    def sheets(self) -> Sequence[str]:
        """One sheet, `neurons`."""
        return [SHEET]

    def population(self, sheet: str) -> Population:  # noqa: ARG002
        """All neurons of the table."""
        if self._unit is None:
            raise self.error("the unit of its times is not known: give --unit s, ms, us, ns or samples")
        clock = make_clock(self._unit, self.rate, self.name)
        names = in_natural_order(self._trains)
        numbered = all(name.isascii() and name.isdecimal() and len(name) < 19 for name in names)
        ids = [int(name) for name in names] if numbered else list(range(len(names)))
        if len(set(ids)) < len(ids):
            raise self.error("two neurons have one number: rename one of them")
        trains = [self._trains[name] for name in names]
        sizes = [train.size for train in trains]
        source = ArraySource(np.concatenate(trains), np.repeat(np.array(ids, np.int64), sizes), clock, self.name)
        return Population(source, neuron_table(np.array(ids, np.int64)), names=None if numbered else names)


Trains = dict[str, "NDArray[np.float64]"]


def _columns(path: Path, reading: Reading) -> tuple[Trains, str]:  # noqa: ARG001
    """A column of times for each neuron; the shorter ones end in empty cells."""
    trains: Trains = {}
    for name, cells in read_table(path, named=True).items():
        n = max((i + 1 for i, cell in enumerate(cells) if cell.strip()), default=0)
        trains[name] = _times(cells[:n], path, f"column {name!r}")
    return trains, ""


def _lists(path: Path, reading: Reading) -> tuple[Trains, str]:  # noqa: ARG001
    """A line for each neuron: its name, and all its times."""
    delimiter: str | None = ""
    trains: Trains = {}
    with open_text(path) as file:
        for n, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            # A line of a silent neuron may be its name alone, which says nothing of what stands between cells.
            if delimiter == "":
                mark = next((mark for mark in "\t,;" if mark in line), None)
                delimiter = mark if mark or len(line.split()) > 1 else ""
            cells = next(csv.reader([line], delimiter=delimiter)) if delimiter else line.split()
            name, *rest = (cell.strip() for cell in cells)
            name = name.removesuffix(":")
            if not name or name in trains:
                what = "has no neuron" if not name else f"is of neuron {name!r} again"
                raise RecordingError(f"{path} line {n} {what}: fix the line")
            while rest and not rest[-1]:
                rest.pop()
            trains[name] = _times(rest, path, f"line {n}")
    return trains, ""


def _raster(path: Path, reading: Reading) -> tuple[Trains, str]:
    """A line for each bin: its time, and how many spikes each neuron has in it, at that time."""
    table = read_table(path, named=True)
    times_name = choose_column(table, reading.times, "times", path.name)
    times = _times(table.pop(times_name), path, f"column {times_name!r}")
    trains: Trains = {}
    for name, cells in table.items():
        counts = _times(cells, path, f"column {name!r}")
        if not ((counts >= 0) & (counts == np.floor(counts)) & (counts < LARGEST_COUNT)).all():
            raise RecordingError(f"{path}: column {name!r} holds other numbers than counts of spikes: take it out")
        trains[name] = np.repeat(times, counts.astype(np.int64))
    return trains, times_name


def _times(cells: Sequence[str], path: Path, where: str) -> NDArray[np.float64]:
    for cell in cells:
        if not is_number(cell):
            raise RecordingError(f"{path} {where}: {cell[:40]!r} is not a number: fix the cell")
    return np.array([float(cell) for cell in cells], np.float64)
