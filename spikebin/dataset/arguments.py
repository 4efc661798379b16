"""What a caller gives a view, checked: numbers, rows, ids. Every message says what to give instead.

Closed choices are in spikebin/choices.py.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import DatasetError, OutOfRangeError
from spikebin.names import natural_key, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["groups_of", "names_of", "row_number", "rows_of_ids", "taken_of", "whole_number"]


def whole_number(value: Any, what: str, *, least: int | None = None, unit: str = "") -> int:
    """A number that is whole, as a Python integer, which no sum of can overflow.

    Parameters
    ----------
    value : int, or anything that equals one
        numpy's integers of any width, and floats without a fraction.
    what : str
        What it is called, for the message.
    least : int, optional
        The smallest that will do.
    unit : str
        Of what it is a number, for the message.

    Returns
    -------
    int

    Raises
    ------
    DatasetError
        If it is anything else.
    """
    number = None
    if not isinstance(value, bool | np.bool_ | str | bytes):
        try:
            number = operator.index(value)
        except TypeError:
            if isinstance(value, float | np.floating) and value.is_integer():
                number = int(value)
    if number is None:
        raise DatasetError(f"{what} {value!r}: give a whole number{f' of {unit}' if unit else ''}")
    if least is not None and number < least:
        raise DatasetError(f"{what} {number}: give {least} or more")
    return number


def row_number(value: Any, n: int, what: str) -> int:
    """One of 0, ..., n - 1, counted from the end where it is negative.

    Parameters
    ----------
    value : int
    n : int
    what : str
        What it is one of: ``"trials of train/X_ON"``.

    Returns
    -------
    int
        From 0 on.

    Raises
    ------
    DatasetError
        If it is not a whole number.
    OutOfRangeError
        If there is no such row; it is an IndexError, too.
    """
    row = whole_number(value, "trial")
    if not -n <= row < n:
        raise OutOfRangeError(f"trial {row} is out of bounds for {n} {what}: give 0 to {n - 1}")
    return row % n


def taken_of(n: int, index: ArrayLike | slice, what: str) -> NDArray[np.intp]:
    """What numpy takes of 0, ..., n - 1, as an array; a single number takes one.

    Parameters
    ----------
    n : int
    index : int, array of int or bool, or slice
    what : str
        What they are rows of, for the message.

    Returns
    -------
    int (n_taken,)
        Of more axes where the index has more.

    Raises
    ------
    OutOfRangeError
        If it is no index, or one is out of bounds.
    """
    array = index if isinstance(index, slice) else np.asarray(index)
    if isinstance(array, np.ndarray):
        if array.dtype == bool and not array.ndim:
            raise OutOfRangeError(f"{n} {what} cannot be indexed by {bool(array)}: give rows of them, or a mask")
        if array.size == 0:
            array = array.astype(np.intp)
        elif array.dtype.kind == "u" and array.max() >= n:
            # numpy would take what does not fit into its own type for a negative number.
            raise OutOfRangeError(f"{n} {what} have no row {array.max()}: give 0 to {n - 1}")
    try:
        taken: NDArray[np.intp] = np.atleast_1d(np.arange(n)[array])
    except IndexError as error:
        raise OutOfRangeError(f"{n} {what} cannot be indexed like this ({error}): give row numbers or a mask") from None
    return taken


def rows_of_ids(known: NDArray[np.int64], ids: ArrayLike, name: str) -> NDArray[np.intp]:
    """Rows of neurons by their ids, in the order asked for.

    Parameters
    ----------
    known : int64 (n_neurons,)
        In any order.
    ids : int, or array of int (n,)
    name : str
        Of the view, for the message.

    Returns
    -------
    int (n,)

    Raises
    ------
    DatasetError
        If they are not whole numbers, or one of them is not known.
    """
    asked = np.atleast_1d(np.asarray(ids))
    with np.errstate(invalid="ignore"):
        wanted = asked.astype(np.int64) if asked.dtype.kind in "iuf" else np.empty(0, np.int64)
    if asked.size and (asked.dtype.kind not in "iuf" or (asked.dtype.kind == "f" and (wanted != asked).any())):
        raise DatasetError(f"ids of neurons are whole numbers, these are {asked.dtype}: a mask or rows go to index=...")
    # Searched as int64, since numpy makes floats of int64 beside uint64; what wraps around differs from what was asked.
    order = np.argsort(known, kind="stable")
    places = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    rows: NDArray[np.intp] = order[places]
    unknown = asked[known[rows] != asked]
    if unknown.size:
        few = ", ".join(map(str, unknown[:5].tolist()))
        raise DatasetError(
            f"{unknown.size} of {asked.size} neuron ids are not in {name}: {few}{', ...' if unknown.size > 5 else ''};"
            " .neurons lists what is there, row numbers go to index=..."
        )
    return rows


def names_of(names: Any, what: str) -> list[str]:
    """One name, or several, as a list.

    Parameters
    ----------
    names : str or iterable of str
    what : str
        What each of them names, for the message: "a column".

    Returns
    -------
    list of str

    Raises
    ------
    DatasetError
        If it is anything else.
    """
    several = [names] if isinstance(names, str) else list(names) if isinstance(names, Iterable) else [names]
    for name in several:
        if not isinstance(name, str):
            raise DatasetError(f"{name!r} is not the name of {what}: give a text, or a list of texts")
    return several


def groups_of(trials: NDArray[Any], by: str | Sequence[str], name: str) -> dict[Any, NDArray[np.intp]]:
    """Which trials have each value of a column, or each combination of values of several.

    Parameters
    ----------
    trials : structured array (n_trials,)
    by : str or sequence of str
        Columns of it.
    name : str
        Of the view, for the message.

    Returns
    -------
    dict
        Value, a tuple of them for several columns, -> rows, ascending. Values ascend, texts as people sort them (9
        before 10); what is nan comes last, as one value.

    Raises
    ------
    DatasetError
        If there is no such column, or it holds several values of each trial.
    """
    columns = names_of(by, "a column")
    known = [column for column in trials.dtype.names or () if not trials.dtype[column].shape]
    for column in columns:
        if column not in known:
            raise DatasetError(f"trials of {name} have no column {column!r} to group by: {suggest(str(column), known)}")
    if not columns:
        raise DatasetError(f"no column to group the trials of {name} by: {suggest('', known)}")
    found: dict[Any, list[int]] = {}
    nan = float("nan")
    for i, row in enumerate(zip(*(trials[column].tolist() for column in columns), strict=True)):
        # A nan does not equal another nan: all of them become one group.
        values = tuple(nan if value != value else value for value in row)  # noqa: PLR0124
        found.setdefault(values, []).append(i)
    ordered = sorted(found, key=lambda values: [_sort_key(value) for value in values])
    return {values[0] if isinstance(by, str) else values: np.array(found[values], np.intp) for values in ordered}


def _sort_key(value: Any) -> tuple[bool, Any]:
    if isinstance(value, str):
        return False, natural_key(value)
    return value != value, value  # noqa: PLR0124
