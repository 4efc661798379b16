"""The types that cells of an array can have, and which numbers they hold exactly."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

__all__ = ["MOST_CODES", "CellType", "cell_type", "check_largest"]

# Larger numbers are rare, and a table of them would not stay in the cache.
MOST_CODES = 1 << 16


@dataclass(frozen=True)
class CellType:
    """A type of cells, by the bytes of the numbers that they hold.

    Attributes
    ----------
    name : str
    exact : int
        All whole numbers up to this are held as they are.
    marks : bool
        A cell holds whether there is anything, not how much.
    codes : unsigned integers (n,)
        The bytes of 0, 1, 2, ...; they ascend.
    convert : callable
        Values -> their bytes, of any number up to `exact`.
    """

    name: str
    exact: int
    marks: bool
    codes: NDArray[np.unsignedinteger[Any]]
    convert: Callable[[NDArray[Any]], NDArray[np.unsignedinteger[Any]]] = field(compare=False)

    def encode(self, values: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
        """The bytes of values, as unsigned integers."""
        return self.convert(values != 0 if self.marks else values)


def cell_type(dtype: DTypeLike, largest: int) -> CellType:
    """Cells of a numpy dtype.

    Parameters
    ----------
    dtype : dtype
        bool (whether there is a spike), an integer or a float.
    largest : int
        The largest number that is to be held.

    Returns
    -------
    CellType

    Raises
    ------
    DatasetError
        If numbers of this type are of another kind, or cannot be so large.
    """
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise DatasetError(f"dtype {dtype!r}: give one of numpy's, such as np.float32") from None
    return _cell_type(kind, largest)


@lru_cache(64)
def _cell_type(kind: np.dtype[Any], largest: int) -> CellType:
    if kind.kind not in "biuf" or kind.itemsize > 8 or not kind.isnative:
        raise DatasetError(f"dtype {kind.str}: give bool, an integer or a float, of 8 bytes at most, in native order")
    if kind.kind == "b":
        exact, most = 1, largest
    elif kind.kind == "f":
        # Whole numbers are exact as long as their distance is not larger than 1.
        exact, most = int(2 / np.finfo(kind).eps), int(np.finfo(kind).max)
    else:
        exact = most = int(np.iinfo(kind).max)
    check_largest(str(kind), most, largest)
    size = np.dtype(f"u{kind.itemsize}")

    def convert(values: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
        encoded: NDArray[np.unsignedinteger[Any]] = values.astype(kind).view(size)
        return encoded

    codes = convert(np.arange(min(largest, exact, MOST_CODES - 1) + 1))
    return CellType(str(kind), exact, kind.kind == "b", codes, convert)


def check_largest(name: str, most: int, largest: int) -> None:
    """Refuse a type whose largest number is too small.

    Parameters
    ----------
    name : str
        Of the type.
    most : int
        The largest number that it has.
    largest : int
        The largest that a cell can hold.

    Raises
    ------
    DatasetError
        If it is larger.
    """
    if largest > most:
        raise DatasetError(f"a bin can hold {largest:,}, and {name} no more than {most:,}: give a wider dtype")
