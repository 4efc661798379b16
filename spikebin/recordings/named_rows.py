"""Neurons that have names in a file (TT1_40) instead of numbers: each gets a number, and keeps its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spikebin.cached import cached_property
from spikebin.errors import RecordingError
from spikebin.names import in_natural_order
from spikebin.recordings.continuous.units import make_clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.spike_index import SpikeSource
    from spikebin.recordings.continuous.units import Clock

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["NamedFile", "NamedRows"]

# Only names are looked at.
_ANY = make_clock("ms", None, "")


class NamedFile(Protocol):
    """A file whose neurons are texts."""

    paths: list[Path]
    names: list[str]
    times_name: str
    ids_name: str

    @property
    def stored(self) -> np.dtype[Any]:
        """Type of the times as they lie in the file."""
        ...

    def times_and(
        self, labels: Sequence[str], clock: Clock
    ) -> Iterator[tuple[NDArray[np.float64], list[NDArray[np.str_]]]]:
        """Times in ms, and what some columns say of each, as text."""
        ...


class NamedRows:
    """Such a file with numbers for its neurons, in natural order of their names; see `split_spikes.Rows`.

    Parameters
    ----------
    file : NamedFile
    where : str
        For messages.
    """

    def __init__(self, file: NamedFile, where: str) -> None:
        self._file, self._where = file, where
        self.paths, self.names = file.paths, file.names
        self.times_name, self.ids_name = file.times_name, file.ids_name

    @property
    def stored(self) -> np.dtype[Any]:
        """Type of the times as they lie in the file."""
        return self._file.stored

    @cached_property
    def neuron_names(self) -> list[str]:
        """Name of each neuron, by its number.

        Raises
        ------
        RecordingError
            If a spike has none.
        """
        found: set[str] = set()
        for _, (names,) in self._file.times_and([self.ids_name], _ANY):
            found.update(np.unique(names).tolist())
        if "" in found:
            raise RecordingError(f"{self._where}: a spike has no {self.ids_name}: fill the cell, or drop such spikes")
        return in_natural_order(found)

    def rows(self, labels: Sequence[str], clock: Clock) -> Iterator[tuple[Spikes, list[NDArray[np.str_]]]]:
        """See `spikebin.recordings.split_spikes.Rows`."""
        names = np.array(self.neuron_names, np.str_)
        order = np.argsort(names)
        for times, (who, *more) in self._file.times_and([self.ids_name, *labels], clock):
            places = np.searchsorted(names, who, sorter=order).clip(max=max(0, names.size - 1))
            ids = order[places]
            if (names[ids] != who).any():
                raise RecordingError(f"{self._where} was changed while it was read: start again")
            yield (times, ids.astype(np.int64)), more

    def source(self, clock: Clock) -> SpikeSource:
        """Its spikes, on a clock of their times."""
        return _Source(self, clock)


class _Source:
    def __init__(self, file: NamedRows, clock: Clock) -> None:
        self.file, self.clock = file, clock

    def chunks(self) -> Iterator[Spikes]:
        return (spikes for spikes, _ in self.file.rows((), self.clock))
