"""The cells of one trial that are not empty, as every layout gives them to what puts them into an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cells", "index_type"]


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
