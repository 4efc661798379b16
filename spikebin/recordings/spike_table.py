"""Spike times and neuron ids as columns of a text file: CSV or TSV, gzipped or not. The format `arrays` opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.cells import is_number
from spikebin.recordings.continuous.columns import are_spikes, choose_column
from spikebin.recordings.continuous.text_table import (
    LARGEST_ID,
    first_row,
    line_of_row,
    mixed_chunks,
    number_chunks,
    read_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.spike_index import SpikeSource
    from spikebin.recordings.continuous.text_table import Header
    from spikebin.recordings.continuous.units import Clock
    from spikebin.recordings.settings import Reading

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["SUFFIXES", "SpikeTable", "is_spike_table"]

SUFFIXES = (".csv", ".tsv", ".txt")


def is_spike_table(path: Path) -> bool:
    """Whether a text file has columns that are called as times and neurons are."""
    try:
        return are_spikes(read_header(path).names or [])
    except RecordingError:
        return False


class SpikeTable:
    """The columns of a text file.

    Attributes
    ----------
    stored : dtype
        Of the times as they were read: texts are as exact as they are written.

    Parameters
    ----------
    path : Path
    reading : Reading

    Raises
    ------
    RecordingError
        If it is not a table, or does not tell which are times and which neurons.
    """

    stored = np.dtype(np.float64)

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self.paths = path, [path]
        self.header = read_header(path)
        self.names = self.header.names or [str(i) for i in range(self.header.n_columns)]
        self.times_name, self.ids_name = (
            choose_column(self.names, _named(given, self.header), what, path.name)
            for what, given in (("times", reading.times), ("neurons", reading.neurons))
        )

    @property
    def ids_are_names(self) -> bool:
        """Whether the first neuron is a text, and not a number."""
        try:
            cells = first_row(self.path, self.header)
        except RecordingError:
            # Told with its line by whoever reads it.
            return False
        place = self.names.index(self.ids_name)
        cell = cells[place] if cells else ""
        return any(letter.isalpha() for letter in cell) and not is_number(cell)

    def times_and(
        self, labels: Sequence[str], clock: Clock
    ) -> Iterator[tuple[NDArray[np.float64], list[NDArray[np.str_]]]]:
        """See `spikebin.recordings.named_rows.NamedFile`."""
        places = [self.names.index(name) for name in labels]
        for (times,), texts in mixed_chunks(self.path, self.header, [self.names.index(self.times_name)], places):
            yield clock.to_ms(times), texts

    def source(self, clock: Clock) -> SpikeSource:
        """Its spikes, on a clock of their times."""
        return _Source(self, clock)

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        """Spikes and further columns of them as texts; see `spikebin.recordings.split_spikes.Rows`."""
        columns = [self.names.index(name) for name in (self.times_name, self.ids_name)]
        further = [self.names.index(name) for name in labels]
        n_before = 0
        chunks = (
            mixed_chunks(self.path, self.header, columns, further)
            if labels
            else ((numbers, []) for numbers in number_chunks(self.path, self.header, columns))
        )
        for (times, ids), texts in chunks:
            bad = ~(np.abs(ids) < LARGEST_ID) | (ids != np.floor(ids))
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                raise RecordingError(
                    f"{self.path} line {line_of_row(self.path, self.header, n_before + row)}, column"
                    f" {self.header.column(columns[1])}: {ids[row]:.17g} is not a whole number that can be an id: give"
                    " whole numbers, or name another column with --neurons"
                )
            yield (clock.to_ms(times), ids.astype(np.int64)), texts
            n_before += ids.size


class _Source:
    def __init__(self, file: SpikeTable, clock: Clock) -> None:
        self.file, self.clock = file, clock

    def chunks(self) -> Iterator[Spikes]:
        return (spikes for spikes, _ in self.file.rows((), self.clock))


def _named(given: str | None, header: Header) -> str | None:
    """A column that is given by its number, since a comment that names the columns may be something else."""
    if given is not None and header.names and header.from_comment and given not in header.names and given.isdecimal():
        return header.names[int(given)] if int(given) < header.n_columns else given
    return given
