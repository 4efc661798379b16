"""Spikes of one population, asked for by time: sorted or not, few or more than fit into memory.

A format hands over chunks of spikes in whatever order it has them. Many spikes that can be read from any place and lie
in order of time stay where they are, and only a landmark every so often is kept. Of all others, those that some window
asks for are kept in runs of bounded size, each sorted by time; runs beyond what may stay in memory go to an unnamed
temporary file.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spikebin.binning.intervals import Union
from spikebin.errors import RecordingError
from spikebin.system.files import os_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from spikebin.errors import SpikebinError

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = ["CHUNK", "SeekableSource", "SpikeIndex", "SpikeSource", "build_index", "slices"]

# Arrays of a chunk stay in the cache from one step to the next.
CHUNK = 1 << 16
RUN = 1 << 20
IN_MEMORY = 1 << 23
# One in so many times of a source in order is kept in memory, and of a run in the temporary file.
LANDMARK = 1 << 12
RUN_MARK = 1 << 8
WIDEST_FLAGS = 1 << 26


class SpikeSource(Protocol):
    """Spikes that come one chunk after another."""

    def chunks(self) -> Iterator[Spikes]:
        """All spikes, about CHUNK at a time; each call starts from the first again.

        Yields
        ------
        times : float64 (n,)
            ms.
        ids : int64 (n,)
            Neuron ids.

        Raises
        ------
        RecordingError
            If what is on disk is not complete or contradicts itself.
        """
        ...


class SeekableSource(SpikeSource, Protocol):
    """Spikes that can be read from any place, by several threads at once."""

    @property
    def n_spikes(self) -> int:
        """How many there are."""
        ...

    def read(self, start: int, stop: int) -> Spikes:
        """Some of the spikes.

        Parameters
        ----------
        start, stop : int
            Places `start` to `stop` (exclusive) in the order of the source.

        Returns
        -------
        times : float64 (stop - start,)
            ms.
        ids : int64 (stop - start,)

        Raises
        ------
        RecordingError
            If what is on disk is not complete or contradicts itself.
        """
        ...


def slices(source: SeekableSource, at_once: int = 1) -> Iterator[Spikes]:
    """The chunks of a source that can be read from any place.

    Parameters
    ----------
    source : SeekableSource
    at_once : int
        So many chunks are read together.

    Yields
    ------
    (times, ids)
        As of `SpikeSource.chunks`.
    """
    for start in range(0, source.n_spikes, at_once * CHUNK):
        times, ids = source.read(start, min(start + at_once * CHUNK, source.n_spikes))
        for first in range(0, times.size, CHUNK):
            yield times[first : first + CHUNK], ids[first : first + CHUNK]


class SpikeIndex(Protocol):
    """Spikes by time.

    Attributes
    ----------
    n_spikes, n_kept : int
        All spikes, and those that lie in some window.
    ids : int64 (n_neurons,)
        Neurons that fire, ascending.
    first, last : float
        Outermost times in ms; inf and -inf without spikes.
    """

    n_spikes: int
    n_kept: int
    ids: NDArray[np.int64]
    first: float
    last: float

    def between(self, start: float, stop: float) -> Spikes:
        """Spikes of a window, both its ends included, in no certain order.

        Parameters
        ----------
        start, stop : float
            ms.

        Returns
        -------
        times : float64 (n,)
            ms.
        ids : int64 (n,)

        Raises
        ------
        RecordingError
            If they are read from disk, and it is damaged or changed meanwhile.
        """
        ...


def build_index(source: SpikeSource, where: str, windows: NDArray[np.float64] | None = None) -> SpikeIndex:
    """Go over the spikes of a source, check them, and make them findable by time.

    Parameters
    ----------
    source : SpikeSource
    where : str
        For messages.
    windows : float64 (n, 2), optional
        As from `spikebin.binning.intervals.merge_windows`; no other spikes will be asked for. None: all may be.

    Returns
    -------
    SpikeIndex

    Raises
    ------
    RecordingError
        If a time is NaN or infinite.
    DiskFullError
        If the spikes do not fit into memory and the temporary directory has no room for them.
    """
    n_spikes = getattr(source, "n_spikes", None)
    if n_spikes is not None and n_spikes > CHUNK:
        seekable: Any = source
        marks = _landmarks(seekable, where, windows)
        if marks is not None:
            return marks
    runs = _Runs()
    facts = _Facts(where)
    union = None if windows is None else Union(windows)
    for times, ids in source.chunks():
        facts.add(times, ids)
        if union is None:
            runs.add(times, ids)
        else:
            inside = union.places(times)
            runs.add(times[inside], ids[inside])
    runs.finish()
    runs.n_spikes, runs.ids, runs.first, runs.last = facts.n_spikes, facts.ids(), facts.first, facts.last
    return runs


class _Facts:
    """What is true of all spikes: how many, of which neurons, from when to when; and none of them is NaN."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.n_spikes = 0
        self.first, self.last = np.inf, -np.inf
        self._flags = np.zeros(0, bool)
        self._lowest = 0
        self._others: set[int] = set()

    def add(self, times: NDArray[np.float64], ids: NDArray[np.int64]) -> None:
        if not times.size:
            return
        self.n_spikes += times.size
        first, last = float(times.min()), float(times.max())
        if not (np.isfinite(first) and np.isfinite(last)):
            bad = int(np.flatnonzero(~np.isfinite(times))[0])
            raise RecordingError(
                f"a spike time of neuron {ids[bad]} of {self.where} is {times[bad]}: drop such"
                " spikes, or write the file again"
            )
        self.first, self.last = min(self.first, first), max(self.last, last)
        lowest, highest = int(ids.min()), int(ids.max())
        if highest - lowest >= WIDEST_FLAGS:
            self._others.update(np.unique(ids).tolist())
            return
        flags = np.zeros(highest - lowest + 1, bool)
        flags[ids - lowest] = True
        if flags.size == self._flags.size and lowest == self._lowest:
            self._flags |= flags
        else:
            self._others.update((np.flatnonzero(flags) + lowest).tolist())
            if flags.size > self._flags.size:
                self._flags, self._lowest = flags, lowest

    def ids(self) -> NDArray[np.int64]:
        known = np.flatnonzero(self._flags) + self._lowest
        return np.union1d(known, np.array(sorted(self._others), np.int64)).astype(np.int64)


@dataclass
class _Runs:
    """Sorted runs of spikes, in memory or in a temporary file."""

    n_spikes: int = 0
    n_kept: int = 0
    ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    first: float = np.inf
    last: float = -np.inf
    _runs: list[_InMemory | _Marked] = field(default_factory=list)
    _pending: list[Spikes] = field(default_factory=list)
    _n_in_runs: int = 0
    _file: Any = None

    def add(self, times: NDArray[np.float64], ids: NDArray[np.int64]) -> None:
        """Take spikes in any order; a run is made of them when they are enough for one."""
        self._pending.append((times, ids))
        self.n_kept += times.size
        if self.n_kept - self._n_in_runs >= RUN:
            self._make_run()

    def finish(self) -> None:
        """Make a run of the rest."""
        if self.n_kept > self._n_in_runs:
            self._make_run()

    def between(self, start: float, stop: float) -> Spikes:
        found = [run.between(start, stop) for run in self._runs]
        if not found:
            return np.empty(0), np.empty(0, np.int64)
        if len(found) == 1:
            return found[0]
        return np.concatenate([times for times, _ in found]), np.concatenate([ids for _, ids in found])

    def _make_run(self) -> None:
        times, ids = (np.concatenate(columns) for columns in zip(*self._pending, strict=True))
        self._pending = []
        if not _ascending(times):
            order = np.argsort(times)
            times, ids = times[order], ids[order]
        self._n_in_runs += times.size
        if self._n_in_runs <= IN_MEMORY:
            self._runs.append(_InMemory(times, ids))
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="spikebin-", buffering=0)  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            spilled = _Spilled(self._file.fileno(), self._file.tell(), times.size)
            for column in (times, ids):
                data = column.data.cast("B")
                while data:
                    data = data[self._file.write(data) :]
        except OSError as error:
            raise _no_room(error) from None
        self._runs.append(_Marked(spilled, times[::RUN_MARK].copy(), RUN_MARK))


@dataclass
class _InMemory:
    """Spikes in order of time."""

    times: NDArray[np.float64]
    ids: NDArray[np.int64]

    def between(self, start: float, stop: float) -> Spikes:
        place = slice(np.searchsorted(self.times, start, "left"), np.searchsorted(self.times, stop, "right"))
        return self.times[place], self.ids[place]


@dataclass
class _Spilled:
    """A run in the temporary file; not mapped, since its pages would count as memory of this process."""

    file: int
    place: int
    n_spikes: int

    def read(self, start: int, stop: int) -> Spikes:
        size = 8 * (stop - start)
        times, ids = (os.pread(self.file, size, self.place + 8 * at) for at in (start, self.n_spikes + start))
        if len(times) < size or len(ids) < size:
            raise RecordingError("the temporary file of unsorted spikes has become shorter: try again")
        return np.frombuffer(times, np.float64), np.frombuffer(ids, np.int64)


@dataclass
class _Marked:
    """Spikes in order of time on disk, and the time of every so many-th of them."""

    source: _Spilled | SeekableSource
    marks: NDArray[np.float64]
    step: int

    def between(self, start: float, stop: float) -> Spikes:
        low = max(0, int(np.searchsorted(self.marks, start, "left")) - 1) * self.step
        high = min(int(np.searchsorted(self.marks, stop, "right")) * self.step, self.source.n_spikes)
        if high <= low:
            return np.empty(0), np.empty(0, np.int64)
        return _InMemory(*self.source.read(low, high)).between(start, stop)


@dataclass
class _Landmarks(_Marked):
    """A source in order of time, whose spikes stay where they are."""

    n_spikes: int
    n_kept: int
    ids: NDArray[np.int64]
    first: float
    last: float


def _no_room(error: OSError) -> SpikebinError:
    return os_error(error, Path(tempfile.gettempdir()) / "unsorted spikes (TMPDIR chooses another place)")


def _landmarks(source: SeekableSource, where: str, windows: NDArray[np.float64] | None) -> _Landmarks | None:
    """Landmarks of a source whose spikes are in order of time; None at the first that is not."""
    marks, n_kept = [], 0
    facts = _Facts(where)
    for times, ids in source.chunks():
        if times[0] < facts.last or not _ascending(times):
            return None
        facts.add(times, ids)
        marks.append(times[::LANDMARK].copy())
        if windows is None:
            n_kept += times.size
        else:
            places = np.searchsorted(times, windows[:, 1], "right") - np.searchsorted(times, windows[:, 0], "left")
            n_kept += int(places.sum())
    return _Landmarks(
        source, np.concatenate(marks), LANDMARK, facts.n_spikes, n_kept, facts.ids(), facts.first, facts.last
    )


def _ascending(times: NDArray[np.float64]) -> bool:
    return bool((times[1:] >= times[:-1]).all())
