"""The cells of one trial that are not empty, as every layout gives them or puts them into an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.matrixfile.layouts.chunks import DamagedChunkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Cells", "Into", "Use", "add_cells", "checked_status", "index_type"]


class Cells(NamedTuple):
    """Where one trial is not empty; the cells of a row follow one another, bins ascending, rows come in any order.

    Attributes
    ----------
    rows, bins : int32 or int64 (n_cells,)
    values : uint8 (n_cells,)
        What they hold; of length 0 where that is 1 for all of them.
    """

    rows: NDArray[np.signedinteger[Any]]
    bins: NDArray[np.signedinteger[Any]]
    values: NDArray[np.uint8]


def index_type(shape: tuple[int, int, int]) -> type[np.int32 | np.int64]:
    """The type of rows and bins of a matrix (trial, neuron, time)."""
    return np.int32 if max(shape[1:]) < 2**31 else np.int64


class Use(NamedTuple):
    """What one trial of a file is needed for: some of its bins, in an item of an array.

    Attributes
    ----------
    item : int
    offset : int
        The first cell of the item.
    columns : int32 or int64 (n_bins,)
        How many cells further each bin lies; -1: it is not wanted.
    first, stop : int
        The first bin that is wanted, and the one after the last.
    """

    item: int
    offset: int
    columns: NDArray[np.signedinteger[Any]]
    first: int
    stop: int


class Into(NamedTuple):
    """Where events are added.

    Attributes
    ----------
    rows : int32 or int64 (n_neurons,)
        How many cells further each row of the file lies; -1: it is not wanted.
    cells : unsigned integers (n_cells,)
    codes : unsigned integers (n,)
        What a cell holds that stands for 0, 1, 2, ...; they ascend.
    once : bool
        A cell holds 1 however much is added to it.
    """

    rows: NDArray[np.signedinteger[Any]]
    cells: NDArray[np.unsignedinteger[Any]]
    codes: NDArray[np.unsignedinteger[Any]]
    once: bool


def add_cells(found: Cells, uses: Sequence[Use], into: Into) -> list[int]:
    """Add the cells of a trial to an array; the items in which some cell cannot hold what it should.

    Parameters
    ----------
    found : Cells
    uses : sequence of Use
    into : Into

    Returns
    -------
    list of int
    """
    from spikebin.kernels import adding as kernels

    rows, *rest = into
    return [
        use.item
        for use in uses
        if checked_status(kernels.add_events(*found, rows, use.columns, rest[0], use.offset, *rest[1:]))
    ]


def checked_status(status: int) -> bool:
    """Whether a kernel says that a cell cannot hold what it should.

    Parameters
    ----------
    status : int

    Returns
    -------
    bool

    Raises
    ------
    DamagedChunkError
        If it says that events lie outside of the matrix.
    """
    from spikebin.kernels import adding, views

    if status == views.DAMAGED:
        raise DamagedChunkError("its events lie outside of the matrix")
    return bool(status == adding.TOO_LARGE)
