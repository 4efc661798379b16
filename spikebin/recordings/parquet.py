"""Spike times and neuron ids as columns of a Parquet or Feather file; needs pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.arrays import ArraysRecording
from spikebin.recordings.continuous.arrow_table import ARROW_SUFFIXES, batches, column_types
from spikebin.recordings.continuous.columns import are_spikes, choose_column
from spikebin.recordings.continuous.flat_arrays import as_labels, whole_ids
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.spike_index import SpikeSource
    from spikebin.recordings.continuous.units import Clock

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["ParquetColumns", "open", "recognises"]


def recognises(path: Path) -> bool:
    """Whether a path is a Parquet or Feather file with columns that are called as times and neurons are."""
    if path.suffix.lower() not in ARROW_SUFFIXES or not path.is_file():
        return False
    try:
        return are_spikes(column_types(path))
    except RecordingError:
        return False


def open(path: Path, reading: Reading | None = None) -> ArraysRecording:  # noqa: A001
    """Open a Parquet or Feather file.

    Raises
    ------
    RecordingError
        If pyarrow is not installed, it is not such a file, or does not tell which are times and which neurons.
    """
    reading = reading or Reading()
    return ArraysRecording(path, reading, ParquetColumns(path, reading))


class ParquetColumns:
    """The columns of one file; see `spikebin.recordings.split_spikes.Rows`.

    Parameters
    ----------
    path : Path
    reading : Reading

    Raises
    ------
    RecordingError
        As `open`.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self.paths = path, [path]
        types = column_types(path)
        self.names = list(types)
        self.times_name = choose_column(self.names, reading.times, "times", path.name)
        self.ids_name = choose_column(self.names, reading.neurons, "neurons", path.name)
        for name in (self.times_name, self.ids_name):
            dtype = types[name]
            if dtype is None or dtype.kind not in ("fiu" if name == self.times_name else "fiuU"):
                raise RecordingError(f"{path.name}: column {name!r} holds no numbers: choose another")
        self.stored: np.dtype[Any] = types[self.times_name] or np.dtype(np.float64)
        self.ids_are_names = types[self.ids_name] == np.dtype("<U1")

    def source(self, clock: Clock) -> SpikeSource:
        """Its spikes, on a clock of their times."""
        return _Source(self, clock)

    def times_and(
        self, labels: Sequence[str], clock: Clock
    ) -> Iterator[tuple[NDArray[np.float64], list[NDArray[np.str_]]]]:
        """See `spikebin.recordings.named_rows.NamedFile`."""
        n_before = 0
        for times, *more in batches(self.path, [self.times_name, *labels]):
            self._check(np.isnan(times), n_before)
            yield clock.to_ms(times), [as_labels(column, self.path.name) for column in more]
            n_before += times.size

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        """Spikes and further columns of them as texts."""
        n_before = 0
        for times, ids, *more in batches(self.path, [self.times_name, self.ids_name, *labels]):
            self._check(np.isnan(times) | np.isnan(ids), n_before)
            spikes = clock.to_ms(times), whole_ids(ids, self.path.name)
            yield spikes, [as_labels(column, self.path.name) for column in more]
            n_before += times.size

    def _check(self, missing: NDArray[np.bool_], n_before: int) -> None:
        if missing.any():
            row = n_before + int(np.flatnonzero(missing)[0])
            raise RecordingError(f"{self.path} row {row} has no time, or no neuron: drop such rows")


class _Source:
    def __init__(self, file: ParquetColumns, clock: Clock) -> None:
        self.file, self.clock = file, clock

    def chunks(self) -> Iterator[Spikes]:
        return (spikes for spikes, _ in self.file.rows((), self.clock))
