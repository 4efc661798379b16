"""Cells of tables of text: which are numbers, which are missing, and when a column of them may become numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MISSING", "WHOLE", "as_numbers", "is_number", "typed"]

WHOLE = re.compile(r"0|-?[1-9][0-9]*")
# As R, pandas and BIDS write a number that is not there.
MISSING = {"", "NA", "N/A", "n/a", "nan", "NaN", "NULL", "null", "None", "<NA>"}
# As an id may be written, and no measurement is: 007, or more digits than a float64 holds.
CODE = re.compile(r"[+-]?(?:0[0-9]+.*|[0-9]{17,})", re.DOTALL)


def is_number(text: str) -> bool:
    """Whether a cell is a number: decimal digits with point, sign and exponent, nan or inf, and no underscores.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool
    """
    if "_" in text or not text.isascii():
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def typed(cells: Sequence[str], *, is_id: bool = False) -> NDArray[Any]:
    """A column of texts as numbers, where that loses nothing of what is written.

    Parameters
    ----------
    cells : sequence of str
    is_id : bool
        They name something: 1e2 and 0.50 are names, too.

    Returns
    -------
    ndarray (n,)
        int64 where all cells are whole numbers as they are usually written, 5 and not 05; else, where they are no ids,
        float64 where all are numbers or missing (nan); else text.
    """
    if all(map(WHOLE.fullmatch, cells)):
        try:
            return np.array([int(cell) for cell in cells], np.int64)
        except OverflowError:
            return np.array(cells, np.str_)
    is_code = is_id or any(CODE.fullmatch(cell.strip()) for cell in cells)
    words_alone = any(cells) and all(cell in MISSING for cell in cells)
    numbers = None if is_code or words_alone else as_numbers(cells)
    return np.array(cells, np.str_) if numbers is None else numbers


def as_numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """A column of numbers.

    Parameters
    ----------
    cells : sequence of str

    Returns
    -------
    float64 (n,) or None
        nan where a cell is empty or says that it is missing; None: there are other cells.
    """
    if all(cell in MISSING or is_number(cell) for cell in cells):
        return np.array([np.nan if cell in MISSING else float(cell) for cell in cells])
    return None
