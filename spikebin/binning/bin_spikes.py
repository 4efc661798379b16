"""`bin_spikes`: arrays of spikes in, a dense trial x neuron x time array out. No files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np

from spikebin.binning.arguments import as_flag, as_indices, as_size, matrix_to_fill
from spikebin.binning.rules import Binning
from spikebin.binning.tally import Tally
from spikebin.binning.time_arguments import TimeArguments
from spikebin.errors import BinningError
from spikebin.kernels import binning as kernels
from spikebin.system.process import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from spikebin.choices import Closed

__all__ = ["bin_spikes", "in_parts"]


T = TypeVar("T")

SPIKES_PER_THREAD = 100_000
CACHE_BYTES = 1 << 20


@overload
def bin_spikes(
    times: ArrayLike,
    neurons: ArrayLike,
    *,
    n_neurons: int,
    start: float,
    stop: float,
    width: float,
    trials: ArrayLike | None = ...,
    n_trials: int = ...,
    closed: Closed = ...,
    end_bin: bool = ...,
    dtype: DTypeLike = ...,
    out: NDArray[Any] | None = ...,
    return_tally: Literal[False] = ...,
) -> NDArray[Any]: ...
@overload
def bin_spikes(
    times: ArrayLike,
    neurons: ArrayLike,
    *,
    n_neurons: int,
    start: float,
    stop: float,
    width: float,
    trials: ArrayLike | None = ...,
    n_trials: int = ...,
    closed: Closed = ...,
    end_bin: bool = ...,
    dtype: DTypeLike = ...,
    out: NDArray[Any] | None = ...,
    return_tally: Literal[True],
) -> tuple[NDArray[Any], Tally]: ...
def bin_spikes(
    times: ArrayLike,
    neurons: ArrayLike,
    *,
    n_neurons: int,
    start: float,
    stop: float,
    width: float,
    trials: ArrayLike | None = None,
    n_trials: int = 1,
    closed: Closed = "left",
    end_bin: bool = False,
    dtype: DTypeLike = bool,
    out: NDArray[Any] | None = None,
    return_tally: bool = False,
) -> NDArray[Any] | tuple[NDArray[Any], Tally]:
    """Bin spikes into a dense (trial, neuron, time) array.

    Parameters
    ----------
    times : array_like of float, (n_spikes,)
        In any order, in the unit of `width`, on the clock of their trial. Quantities (of the package quantities, as
        neo's spike trains are) are converted to one unit where `start`, `stop` and `width` are Quantities, too.
    neurons : array_like of int, (n_spikes,)
        Row of each spike, from 0 to ``n_neurons - 1``.
    n_neurons : int
    start, stop : float
        The window. A spike outside it is left out, and counted.
    width : float
        Length of a bin.
    trials : array_like of int, (n_spikes,), optional
        Trial of each spike, from 0 to ``n_trials - 1``; all 0 without.
    n_trials : int
    closed : {"left", "right"}
        Bin k covers ``[start + k*width, start + (k+1)*width)``, or ``(start + k*width, start + (k+1)*width]``.
    end_bin : bool
        Add the bin that holds only spikes at exactly `stop`.
    dtype : dtype
        bool marks a bin, an integer dtype counts, up to its largest value.
    out : ndarray, optional
        C-contiguous array of the right shape to fill; its dtype is the one that counts. It is zeroed first.
    return_tally : bool
        Return how many spikes were binned, collided and lay outside, too.

    Returns
    -------
    matrix : ndarray (n_trials, n_neurons, n_bins)
    tally : Tally
        Only with `return_tally`.

    Raises
    ------
    BinningError
        If arrays disagree, a time is NaN or infinite, a neuron or trial is out of range, the dtype neither marks nor
        counts, some times carry a unit and others none, the width is too small, or memory does not hold the matrix.

    Notes
    -----
    A time within the largest of 1e-8, 1e-7 bins and 8 ulp of an edge is on that edge, so ``k * width`` and
    ``k / rate`` go to bin k for every k up to 1e9. The ulp is that of the coarsest type that a time is given in, so
    this holds for float32, too; see docs/binning.md.

    Examples
    --------
    >>> bin_spikes([0.2, 1.0, 1.4], [0, 1, 1], n_neurons=2, start=0, stop=3, width=1).astype(int)
    array([[[1, 0, 0],
            [0, 1, 0]]])
    """
    given = TimeArguments(times=times, start=start, stop=stop, width=width)
    start, stop, width = given.number(start, "start"), given.number(stop, "stop"), given.number(width, "width")
    binning = Binning(width=width, closed=closed, end_bin=end_bin)
    n_bins = binning.n_bins(start, stop, given.precision)
    shape = (as_size(n_trials, "n_trials"), as_size(n_neurons, "n_neurons"), n_bins)
    flat_times = given.floats(times, "times")
    binning.check(start, stop, given.precision)
    rows = _rows(trials, neurons, shape, flat_times.size)
    matrix = matrix_to_fill(out, shape, dtype)
    place = start, stop, width, closed == "right", end_bin, n_bins, given.precision.edge(width)
    tally = _fill(matrix, flat_times, rows, place, empty=out is None)
    return (matrix, tally) if as_flag(return_tally, "return_tally") else matrix


def _rows(
    trials: ArrayLike | None, neurons: ArrayLike, shape: tuple[int, int, int], n_spikes: int
) -> NDArray[np.int64]:
    """Row of each spike in the matrix of (trial * neuron, bin)."""
    rows = as_indices(neurons, "neurons", shape[1], n_spikes)
    if trials is not None:
        return as_indices(trials, "trials", shape[0], n_spikes) * shape[1] + rows
    if shape[0] != 1:
        raise BinningError(f"n_trials is {shape[0]} but `trials` is not given: give the trial of each spike")
    return rows


def _fill(
    matrix: NDArray[Any], times: NDArray[np.float64], rows: NDArray[np.int64], place: tuple[Any, ...], *, empty: bool
) -> Tally:
    """Mark or count spikes. `place` is what the kernels take of the window; `empty`: the matrix is all zero already."""
    n_rows, n_bins = matrix.shape[0] * matrix.shape[1], matrix.shape[2]
    bins, cells = matrix.reshape(n_rows, n_bins), matrix.reshape(-1)
    # Where spikes come by row, as most do, rows are emptied and filled a few at a time, while they are in the cache.
    by_row = bool((rows[1:] >= rows[:-1]).all())
    step = max(1, CACHE_BYTES // max(1, n_bins * matrix.itemsize)) if by_row else max(1, n_rows)

    def fill(first: int, last: int) -> tuple[int, int, int]:
        inside = collisions = 0
        for begin in range(first, last, step):
            end = min(begin + step, last)
            if not empty:
                bins[begin:end] = 0
            low, high = np.searchsorted(rows, [begin, end]).tolist() if by_row else (0, rows.size)
            some = times[low:high], rows[low:high]
            if matrix.dtype == bool:
                found = kernels.mark(*some, *place, begin, end, cells)
            else:
                found = kernels.count(*some, *place, np.iinfo(matrix.dtype).max, begin, end, cells)
            inside, collisions = inside + found[0], collisions + found[1]
            if found[2] >= 0:
                return inside, collisions, low + found[2]
        return inside, collisions, -1

    parts = in_parts(fill, n_rows, times.size)
    inside, collisions = sum(part[0] for part in parts), sum(part[1] for part in parts)
    bad = min((part[2] for part in parts if part[2] >= 0), default=-1)
    if bad >= 0:
        raise BinningError(f"times[{bad}] is {times[bad]}: give finite times, or drop such spikes first")
    return Tally(times.size, inside - collisions, collisions, times.size - inside)


def in_parts(fill: Callable[[int, int], T], n_rows: int, n_spikes: int) -> list[T]:
    """``fill(first, last)`` of ranges of rows, side by side where that is worth a thread: no two write to one cell.

    Parameters
    ----------
    fill : callable
        Given the first row of a range and the one after its last; what it raises is raised here.
    n_rows, n_spikes : int

    Returns
    -------
    list
        What `fill` gave, in the order of the ranges.
    """
    n_threads = usable_cores() if n_spikes >= SPIKES_PER_THREAD else 1
    edges = [n_rows * i // n_threads for i in range(n_threads + 1)]
    if n_threads == 1:
        return [fill(0, n_rows)]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(fill, edges[:-1], edges[1:]))
