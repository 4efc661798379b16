"""Names of further columns of ``/trials`` and ``/neurons``, and values of different kinds as one column.

What the columns mean is known to the format that they come from.
"""

from __future__ import annotations

import keyword
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["RESERVED", "as_column", "column_name"]

RESERVED = {"image_id", "repeat", "order", "n_bins", "phase_bins", "stimulus", "window_start", "window_stop"}
"""What /trials holds besides: no column that a recording brings along is called so."""


def column_name(name: str, taken: Collection[str]) -> str:
    """A name that a table in HDF5 may have and that is not taken.

    Parameters
    ----------
    name : str
        Any text.
    taken : collection of str

    Returns
    -------
    str
        An identifier, `name` itself where that is possible.
    """
    safe = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "column"
    if safe[0].isdigit() or keyword.iskeyword(safe):
        safe = f"column_{safe}"
    while safe in taken:
        safe += "_"
    return safe


def as_column(values: Sequence[Any]) -> list[Any]:
    """Values as one column: numbers as numbers, everything else as text.

    Parameters
    ----------
    values : sequence
        Plain Python values; None: there is none.

    Returns
    -------
    list
        All bool, all int, all float (nan where there is none) or all str ("" where there is none).
    """
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    lacking = len(present) < len(values)
    if kinds == {bool} and not lacking:
        return list(values)
    if kinds and kinds <= {int, float} and all(abs(value) < 1 << 63 or isinstance(value, float) for value in present):
        if kinds == {int} and not lacking:
            return list(values)
        return [math.nan if value is None else float(value) for value in values]
    return ["" if value is None else str(value).replace("\0", "\\0") for value in values]
