"""`bin_trials`: continuous spikes and onsets in, a dense trial x neuron x time array out. No files.

Files are read in bounded memory by recordings/; here all is in memory, and nothing of it is copied that need not be.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.arguments import as_flag, as_indices, as_size, matrix_to_fill
from spikebin.binning.bin_spikes import in_parts
from spikebin.binning.intervals import Union, merge_windows
from spikebin.binning.rules import Binning, Precision, edge_tolerance
from spikebin.binning.tally import Tally
from spikebin.binning.time_arguments import TimeArguments
from spikebin.errors import BinningError
from spikebin.kernels import binning as kernels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from spikebin.choices import Closed

    _Counts = tuple[int, int, int]
    _Train = tuple[NDArray[np.float64], str, int]

__all__ = ["bin_trials"]

TILE_BYTES = 1 << 20


def bin_trials(
    times: ArrayLike | Sequence[ArrayLike],
    neurons: ArrayLike | None = None,
    *,
    onsets: ArrayLike,
    start: float,
    stop: float,
    width: float,
    n_neurons: int | None = None,
    closed: Closed = "left",
    end_bin: bool = False,
    dtype: DTypeLike = bool,
    out: NDArray[Any] | None = None,
    return_tally: bool = False,
) -> NDArray[Any] | tuple[NDArray[Any], Tally]:
    """Arrays alone of what `spikebin.bin_trials` takes, see there for the types of each form.

    Parameters
    ----------
    times : sequence of array_like of float, or array_like of float, (n_spikes,)
        An array for each neuron; or, with `neurons`, one of all spikes. In any order, fastest where they ascend.
    neurons : array_like of int, (n_spikes,), optional
        Row of each spike, from 0 to ``n_neurons - 1``.
    onsets : array_like of float, (n_trials,)
        What the trials are aligned to, in any order, on the clock of `times`.
    start, stop : float
        The window around each onset. Windows may overlap.
    width : float
        Length of a bin. All are in one unit; or all are Quantities, as for `bin_spikes`.
    n_neurons : int, optional
        To be given with `neurons`.
    closed, end_bin, dtype, out, return_tally
        As for `bin_spikes`.

    Returns
    -------
    matrix : ndarray (n_trials, n_neurons, n_bins)
        Trials in the order of `onsets`.
    tally : Tally
        Only with `return_tally`. Of the spikes in windows, once for each; at an end that no bin holds they are outside.

    Raises
    ------
    BinningError
        If arrays disagree, a time or an onset is NaN or infinite, a neuron is out of range, the dtype neither marks nor
        counts, some times carry a unit and others none, the width is too small to tell bins apart at an onset, or the
        matrix does not fit into memory.

    Examples
    --------
    >>> bin_trials([[0.2, 5.1], [6.5]], onsets=[0, 5], start=0, stop=2, width=1)[1].astype(int)
    array([[1, 0],
           [0, 1]])
    """
    separate: Any = _separate(times) if neurons is None else times
    given = TimeArguments(times=separate, onsets=onsets, start=start, stop=stop, width=width)
    start, stop, width = given.number(start, "start"), given.number(stop, "stop"), given.number(width, "width")
    binning = Binning(width=width, closed=closed, end_bin=end_bin)
    n_bins, centres = binning.n_bins(start, stop, given.precision), given.floats(onsets, "onsets")
    _refuse_unless_finite(centres, "onsets")
    trains: list[_Train] = []
    if neurons is None:
        trains = [(given.floats(train, f"times[{i}]"), f"times[{i}]", 0) for i, train in enumerate(separate)]
        flat, rows = np.empty(0), np.empty(0, np.int64)
        if n_neurons is not None and as_size(n_neurons, "n_neurons") != len(trains):
            raise BinningError(f"n_neurons is {n_neurons}, there are {len(trains)} arrays of times: leave it out")
        shape = (centres.size, len(trains), n_bins)
    else:
        flat = given.floats(times, "times")
        shape = (centres.size, as_size(n_neurons, "n_neurons"), n_bins)
        rows = as_indices(neurons, "neurons", shape[1], flat.size)
    windows = _Windows(centres, start, stop, binning, n_bins, given.precision)
    matrix = matrix_to_fill(out, shape, dtype)
    if neurons is None:
        counts = _fill_by_neuron(trains, windows, matrix)
    else:
        counts = _fill_flat(flat, rows, windows, matrix, empty=out is None)
    n_spikes, n_inside, n_collisions = (sum(column) for column in zip((0, 0, 0), *counts, strict=True))
    tally = Tally(n_spikes, n_inside - n_collisions, n_collisions, n_spikes - n_inside)
    return (matrix, tally) if as_flag(return_tally, "return_tally") else matrix


class _Windows:
    """Windows by their starts, as `kernels.fill_windows` takes them."""

    def __init__(
        self,
        onsets: NDArray[np.float64],
        start: float,
        stop: float,
        binning: Binning,
        n_bins: int,
        precision: Precision,
    ) -> None:
        for onset in (float(onsets.min(initial=0.0)), float(onsets.max(initial=0.0))):
            binning.n_bins(onset + start, onset + stop, precision)
        self.trials = np.argsort(onsets, kind="stable")
        self.starts, self.stops = onsets[self.trials] + start, onsets[self.trials] + stop
        farthest = float(np.maximum(np.abs(self.starts), np.abs(self.stops)).max(initial=0.0))
        self.margin = edge_tolerance(binning.width, farthest, precision)
        self._rule = binning.width, binning.closed == "right", binning.end_bin, n_bins, precision.edge(binning.width)

    def union(self) -> Union:
        """Tells which spikes lie in at least one."""
        return Union(merge_windows(zip(self.starts - self.margin, self.stops + self.margin, strict=True)))

    def fill(
        self, times: NDArray[np.float64], rows: NDArray[np.int64], step: int, part: slice, cells: NDArray[Any]
    ) -> _Counts:
        """Count the spikes of some windows; how many lie in them, were binned, did not fit."""
        marks = cells.dtype == bool
        some = self.starts[part], self.stops[part], self.trials[part]
        if marks:
            cells = cells.view(np.uint8)
        full = 1 if marks else np.iinfo(cells.dtype).max
        found: _Counts = kernels.fill_windows(times, rows, step, *some, self.margin, *self._rule, full, cells)
        return found


def _fill_flat(
    times: NDArray[np.float64], rows: NDArray[np.int64], windows: _Windows, matrix: NDArray[Any], *, empty: bool
) -> list[_Counts]:
    """Fill the matrix with the spikes of all neurons in one array, whatever their order."""
    by_time = kernels.disorder(times) < 0
    if not by_time and (rows[1:] >= rows[:-1]).all():
        return _fill_by_neuron(_by_row(times, rows, matrix.shape[1]), windows, matrix)
    if not by_time:
        _refuse_unless_finite(times, "times")
        inside = windows.union().places(times)
        inside = inside[np.argsort(times[inside])]
        times, rows = times[inside], rows[inside]
    if not empty:
        matrix[...] = 0
    return _fill_by_time(times, rows, windows, matrix)


def _fill_by_neuron(trains: Sequence[_Train], windows: _Windows, matrix: NDArray[Any]) -> list[_Counts]:
    """Fill the matrix some neurons at a time, in a part of it that stays in the cache: its trials lie far apart."""
    n_trials, n_neurons, n_bins = matrix.shape
    step = max(1, TILE_BYTES // max(1, n_trials * n_bins * matrix.itemsize))

    def fill(first: int, last: int) -> list[_Counts]:
        counts = []
        tile = np.empty((n_trials, min(step, last - first), n_bins), matrix.dtype)
        for begin in range(first, last, step):
            end = min(begin + step, last)
            tile[:] = 0
            for row in range(begin, end):
                times = _ascending(*trains[row])
                counts.append(windows.fill(times, np.array([row - begin]), 0, slice(None), tile))
            matrix[:, begin:end] = tile[:, : end - begin]
        return counts

    n_spikes = sum(train.size for train, *_ in trains)
    return [counts for part in in_parts(fill, n_neurons, n_spikes) for counts in part]


def _fill_by_time(
    times: NDArray[np.float64], rows: NDArray[np.int64], windows: _Windows, matrix: NDArray[Any]
) -> list[_Counts]:
    """Fill the matrix trial by trial with spikes in order of time."""

    def fill(first: int, last: int) -> _Counts:
        if first == last:
            return 0, 0, 0
        low = int(np.searchsorted(times, windows.starts[first] - windows.margin))
        return windows.fill(times[low:], rows[low:], 1, slice(first, last), matrix)

    return in_parts(fill, len(matrix), times.size)


def _by_row(times: NDArray[np.float64], rows: NDArray[np.int64], n_neurons: int) -> list[_Train]:
    edges = np.searchsorted(rows, np.arange(n_neurons + 1)).tolist()
    return [(times[first:last], "times", first) for first, last in pairwise(edges)]


def _separate(times: Any) -> list[Any]:
    """An array for each neuron."""
    if isinstance(times, np.ndarray) and times.ndim == 1 and times.dtype != object:
        raise BinningError("times is one flat array: give one array for each neuron, or the neuron of each spike")
    try:
        return list(times)
    except TypeError:
        raise BinningError(f"times is {type(times).__name__}: give one array of times for each neuron") from None


def _ascending(times: NDArray[np.float64], name: str, first: int) -> NDArray[np.float64]:
    if kernels.disorder(times) < 0:
        return times
    _refuse_unless_finite(times, name, first)
    return np.sort(times)


def _refuse_unless_finite(values: NDArray[np.float64], name: str, first: int = 0) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise BinningError(
            f"{name}[{first + bad[0]}] is {values[bad[0]]}: give finite times, or drop those that are not"
        )
