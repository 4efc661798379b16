"""Columns of the tables of several parts, which need not have the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["joined", "names_of", "without"]


def names_of(table: NDArray[Any]) -> tuple[str, ...]:
    """Names of the columns of a structured array."""
    return table.dtype.names or ()


def joined(columns: list[NDArray[Any]]) -> NDArray[Any]:
    """A column of several tables; where it holds texts in one of them, the numbers of the others are texts, too."""
    if {column.dtype.kind for column in columns} > {"U"}:
        columns = [column if column.dtype.kind == "U" else _as_texts(column) for column in columns]
    return np.concatenate(columns)


def without(table: NDArray[Any], name: str) -> NDArray[Any]:
    """A copy of a structured array without one column, whose bytes are let go."""
    from numpy.lib.recfunctions import repack_fields

    kept: NDArray[Any] = repack_fields(table[[other for other in names_of(table) if other != name]])
    return kept


def _as_texts(numbers: NDArray[Any]) -> NDArray[np.str_]:
    """Numbers as a table holds them: 5 beside a cell that is empty was read as 5.0 beside nan."""
    texts = [str(number) for number in numbers.tolist()]
    return np.array(["" if text == "nan" else text.removesuffix(".0") for text in texts], np.str_)
