"""The spikes of one sheet of a shard, unit after unit on disk, by presentation: some presentations at a time in memory.

What a shard is, is known to experanto.py.
"""

from __future__ import annotations

from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.binning.rules import edge_tolerance

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from spikebin.errors import RecordingError

__all__ = ["PresentedSpikes"]

MOST = 1 << 22
"""Spikes that are in memory at once, about: a presentation is never cut."""
KEPT = 2
CHECKED = 1 << 20
SLACK = 1e-3
"""ms around a block: which presentation a spike belongs to is decided once, when it has been read."""


class Block(NamedTuple):
    """Spikes of the presentations from `first` on: by presentation, in each by unit, and by time."""

    first: int
    times: NDArray[np.float64]
    units: NDArray[np.intp]
    bounds: NDArray[np.intp]


class PresentedSpikes:
    """The spikes of one sheet, by presentation.

    Of two presentations, one of which stops when the other starts, the first has a spike at exactly that time. Spikes
    before the first presentation and after the last go to these, where they are counted as outside.

    Parameters
    ----------
    seconds : float (n,)
        Of all sheets, unit after unit, ascending in each; it may lie on disk.
    indices : int64 (n_units + 1,)
        Where the spikes of each unit of the sheet begin, and where those of the last end.
    edges : float64 (n_presentations + 1,)
        ms; when each presentation starts, and when the last stops.
    first_unit : int
        Number of the sheet's first unit in the shard.
    error : callable
        Makes an error that names the shard.

    Raises
    ------
    RecordingError
        If a time is not finite, or those of a unit do not ascend.
    """

    def __init__(
        self,
        seconds: NDArray[np.floating[Any]],
        indices: NDArray[np.int64],
        edges: NDArray[np.float64],
        first_unit: int,
        error: Callable[[str], RecordingError],
    ) -> None:
        self._seconds, self._indices, self._edges = np.asarray(seconds), indices, edges
        self._margin = edge_tolerance(0.1, float(np.abs(edges).max()))
        self._check(first_unit, error)
        n_shown = edges.size - 1
        n_blocks = min(n_shown, -(-int(indices[-1] - indices[0]) // MOST) or 1)
        # Which presentations are read together, and where in each unit these begin and end, or a little further.
        self._first = np.arange(n_blocks + 1) * n_shown // n_blocks
        inner = edges[self._first[1:-1]]
        low, high = (inner - self._margin - SLACK) / 1000.0, (inner + self._margin + SLACK) / 1000.0
        self._starts = np.empty((n_blocks, indices.size - 1), np.int64)
        self._stops = np.empty_like(self._starts)
        self._starts[0], self._stops[-1] = indices[:-1], indices[1:]
        for unit, (start, stop) in enumerate(pairwise(indices.tolist()) if n_blocks > 1 else ()):
            mine = self._seconds[start:stop]
            self._starts[1:, unit] = start + np.searchsorted(mine, low)
            self._stops[:-1, unit] = start + np.searchsorted(mine, high)
        self._kept: dict[int, Block] = {}
        self._lock = Lock()

    def during(self, i: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """The spikes of one presentation.

        Parameters
        ----------
        i : int

        Returns
        -------
        times : float64 (n,)
            ms on the clock of the shard, unit after unit.
        units : int (n,)
            From the sheet's first.
        """
        at = int(np.searchsorted(self._first, i, "right")) - 1
        with self._lock:
            if at not in self._kept:
                while len(self._kept) >= KEPT:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[at] = self._read(at)
            block = self._kept[at]
        mine = slice(block.bounds[i - block.first], block.bounds[i - block.first + 1])
        return block.times[mine], block.units[mine]

    def _read(self, at: int) -> Block:
        starts, counts = self._starts[at], self._stops[at] - self._starts[at]
        if len(self._starts) == 1:
            read = self._seconds[self._indices[0] : self._indices[-1]]
        else:
            read = self._seconds[np.repeat(starts - (counts.cumsum() - counts), counts) + np.arange(counts.sum())]
        times = np.asarray(read, np.float64) * 1000.0
        units = np.repeat(np.arange(counts.size), counts)
        of = np.searchsorted(self._edges, times - self._margin, "left") - 1
        of = np.clip(of, 0, self._edges.size - 2)
        first, stop = self._first[at : at + 2].tolist()
        inside = np.flatnonzero((of >= first) & (of < stop))
        order = inside[np.argsort(of[inside], kind="stable")]
        bounds = np.searchsorted(of[order], np.arange(first, stop + 1))
        return Block(first, times[order], units[order], bounds)

    def _check(self, first_unit: int, error: Callable[[str], RecordingError]) -> None:
        """All times, a stretch after another."""
        begin, end = int(self._indices[0]), int(self._indices[-1])
        for start in range(begin, end, CHECKED):
            # With the last of the stretch before, for their order.
            before = max(begin, start - 1)
            times = self._seconds[before : min(start + CHECKED, end)]
            bad = np.flatnonzero(~np.isfinite(times))
            if bad.size:
                unit = first_unit + self._unit_of(before + int(bad[0]))
                raise error(f"unit {unit} has a spike at {times[bad[0]]} s: copy the shard again")
            back = before + 1 + np.flatnonzero(np.diff(times) < 0)
            back = back[~np.isin(back, self._indices)]
            if back.size:
                unit = first_unit + self._unit_of(int(back[0]))
                raise error(f"the spikes of unit {unit} are not in order: write the shard again")

    def _unit_of(self, spike: int) -> int:
        return int(np.searchsorted(self._indices, spike, "right")) - 1
