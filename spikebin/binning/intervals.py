"""Stretches of time, their union, and which times lie in it. Nothing here knows what the stretches are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Union", "merge_windows"]

CELLS = 1 << 16
NONE, ALL, SOME = range(3)


def merge_windows(windows: Iterable[tuple[float, float]]) -> NDArray[np.float64]:
    """The union of windows, each with both its ends.

    Parameters
    ----------
    windows : iterable of (float, float)
        Start and stop, in any order; windows may overlap.

    Returns
    -------
    float64 (n, 2)
        Start and stop, ascending and apart.
    """
    merged: list[list[float]] = []
    for start, stop in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return np.array(merged, np.float64).reshape(-1, 2)


class Union:
    """Tells which of many times lie in windows, whatever the order of the times.

    The time from the first start to the last stop is cut into cells. Most of these lie completely in a window, or in
    none. Only times in the other cells are looked up among the windows, which is slow for times in no order.

    Parameters
    ----------
    merged : float64 (n, 2)
        As from `merge_windows`, finite.
    """

    def __init__(self, merged: NDArray[np.float64]) -> None:
        self._starts, self._stops = np.ascontiguousarray(merged[:, 0]), np.ascontiguousarray(merged[:, 1])
        self._first = float(self._starts[0]) if len(merged) else 0.0
        length = float(self._stops[-1]) - self._first if len(merged) else 0.0
        self._cells_per_time = CELLS / length if 0 < length < np.inf and np.isfinite(CELLS / length) else 0.0
        if self._cells_per_time:
            self._cells = self._make_cells(length / CELLS)

    def places(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which of many times lie in a window, both its ends included.

        Parameters
        ----------
        times : float64 (n,)
            Finite, in the unit of the windows.

        Returns
        -------
        int64 (n_inside,)
            Places in `times`, ascending.
        """
        if self._cells_per_time:
            with np.errstate(over="ignore"):
                cells = times - self._first
                cells *= self._cells_per_time
            cells += 1.0
            np.clip(cells, 0.0, CELLS + 1.0, out=cells)
            found = self._cells[cells.astype(np.int32)]
        else:
            found = np.full(times.size, SOME, np.uint8)
        doubtful = np.flatnonzero(found == SOME)
        if doubtful.size:
            some = times[doubtful]
            window = np.searchsorted(self._starts, some, "right") - 1
            found[doubtful] = (window >= 0) & (some <= np.append(self._stops, -np.inf)[window])
        return np.flatnonzero(found)

    def _make_cells(self, length: float) -> NDArray[np.uint8]:
        """What is known of a time in each cell; cell 0 is before the first start, the last one after the last stop."""
        # Each is looked at with half of both its neighbours, since a product may be rounded into one of them.
        low = self._first + (np.arange(CELLS + 2) - 1.5) * length
        high = low + 2 * length
        window = np.searchsorted(self._stops, low)
        start, stop = (np.append(ends, np.inf)[window] for ends in (self._starts, self._stops))
        cells = np.full(CELLS + 2, SOME, np.uint8)
        cells[start > high] = NONE
        cells[(start <= low) & (high <= stop) & (window < self._stops.size)] = ALL
        return cells
