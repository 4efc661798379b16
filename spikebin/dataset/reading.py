"""Trials of a view as arrays of any type, in either order of axes; into arrays that the caller has, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.choices import Axes, checked
from spikebin.dataset.cell_types import cell_type
from spikebin.dataset.gather import Target, fill
from spikebin.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import DTypeLike, NDArray

    from spikebin.dataset.sheet_array import SheetArray

__all__ = ["read_batches", "read_trials"]


def read_trials(
    view: SheetArray,
    trials: Sequence[int] | NDArray[Any],
    *,
    dtype: DTypeLike | None = None,
    axes: Axes = "neuron time",
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Some trials as one array, see `View.read`; `trials` count from 0."""
    checked(axes, Axes, "read axes")
    n_rows, n_columns = view.shape[1:]
    shape = (len(trials), *((n_rows, n_columns) if axes == "neuron time" else (n_columns, n_rows)))
    if out is None:
        kind = cell_type(view.dtype if dtype is None else dtype, view.largest)
        out = np.zeros(shape, kind.name)
    else:
        _check_out(out, shape, dtype)
        kind = cell_type(out.dtype, view.largest)
        out[...] = 0
    steps = (n_columns, 1) if axes == "neuron time" else (1, n_rows)
    cells = out.reshape(-1).view(f"u{out.itemsize}")
    fill(view, trials, Target(cells, n_rows * n_columns, *steps, n_columns), kind)
    return out


def read_batches(
    view: SheetArray,
    size: int,
    stop: int,
    *,
    dtype: DTypeLike | None = None,
    axes: Axes = "neuron time",
    out: NDArray[Any] | None = None,
) -> Iterator[NDArray[Any]]:
    """Trials 0 to `stop` - 1, `size` at once, see `View.batches`."""
    if out is not None and not getattr(out, "ndim", 0):
        raise DatasetError(f"out is a {type(out).__name__}: give a numpy array, of a tensor its .numpy()")
    for first in range(0, stop, size):
        trials = range(first, min(first + size, stop))
        part = None if out is None else out[: len(trials)]
        yield read_trials(view, trials, dtype=dtype, axes=axes, out=part)


def _check_out(out: Any, shape: tuple[int, ...], dtype: DTypeLike | None) -> None:
    if not isinstance(out, np.ndarray):
        raise DatasetError(f"out is a {type(out).__name__}: give a numpy array, of a tensor its .numpy()")
    kind = out.dtype if dtype is None else np.dtype(dtype)
    if out.shape != shape or out.dtype != kind:
        raise DatasetError(f"out is {out.shape} of {out.dtype}: give one of {shape} of {kind}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise DatasetError("out is not contiguous, or read-only: give a C-contiguous array that can be written to")
