"""Trials of any chain of views, from the events of their files straight into an array.

A chain comes down to this: which trials of which files are needed, which column of the array each of their bins is, and
which row each of their neurons. The kernels do the rest; no array of finer bins, or of all neurons, is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.dataset.dataset import Dataset
from spikebin.dataset.derived import Rebinned, Selected, Taken, Window
from spikebin.errors import DatasetError
from spikebin.output.broken import noting_damage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from spikebin.dataset.cell_types import CellType
    from spikebin.dataset.sheet_array import SheetArray

__all__ = ["Target", "fill"]

# A bin of a file's trial -> a column; -1: none.
Columns = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Target:
    """Where the trials of a view go: items of a flat array, seen as unsigned integers.

    Attributes
    ----------
    cells : unsigned integers (n_cells,)
        C-contiguous; zero.
    item : int
        Cells from one trial to the next.
    row, column : int
        Cells from one neuron, or bin, to the next.
    n_columns : int
        Bins that there is room for; what lies after them is left out.
    """

    cells: NDArray[np.unsignedinteger[Any]]
    item: int
    row: int
    column: int
    n_columns: int


class _Use(NamedTuple):
    """What one trial of a file is needed for."""

    item: int
    columns: NDArray[np.int32]


def fill(view: SheetArray, trials: Sequence[int] | NDArray[Any], target: Target, kind: CellType) -> None:
    """Put trials into an array of zeros.

    Parameters
    ----------
    view : View
        Any chain of views of a data set.
    trials : sequence of int (n,)
        From 0 on; the i-th goes to item i.
    target : Target
    kind : CellType
        Of the cells.

    Raises
    ------
    DatasetError
        If a cell holds more than its type can hold exactly, or as the view says.
    MatrixFileError
        If a file is damaged, or was written again since it was opened.
    """
    from spikebin.kernels import views as kernels

    adds = _adds(view)
    if adds is None:
        for i, trial in enumerate(trials):
            _put_slowly(view, int(trial), i, target, kind)
        return
    data = _bottom(view)
    needed: dict[tuple[int, int], list[_Use]] = {}
    for i, trial in enumerate(trials):
        for part, row, columns in _sources(view, int(trial)):
            columns[columns >= target.n_columns] = -1
            needed.setdefault((part, row), []).append(_Use(i, columns.astype(np.int32)))
    too_large = set()
    rows_of: dict[int, NDArray[np.int32]] = {}
    # What several trials of a batch share of a file's trial is read once, and a file's trials one after another.
    for (part, row), uses in sorted(needed.items(), key=lambda item: item[0]):
        if part not in rows_of:
            rows_of = {part: _rows(view, part)}
        with noting_damage():
            found = data.files[part].cells(row)
        for use in uses:
            status = kernels.add_events(
                *found,
                rows_of[part],
                use.columns,
                target.cells,
                use.item * target.item,
                target.row,
                target.column,
                kind.codes,
                adds == "any" or kind.marks,
            )
            if status == kernels.TOO_LARGE:
                too_large.add(use.item)
    for item in sorted(too_large):
        target.cells[item * target.item : (item + 1) * target.item] = 0
        _put_slowly(view, int(trials[item]), item, target, kind)


def _put_slowly(view: SheetArray, trial: int, item: int, target: Target, kind: CellType) -> None:
    """One trial by its events: where bins were marked before they were counted, and for numbers without a code."""
    flat, values = view._events(trial)
    rows, bins = np.divmod(flat, view.shape[2])
    inside = bins < target.n_columns
    rows, bins, values = rows[inside], bins[inside], values[inside]
    largest = int(values.max(initial=0))
    if largest > kind.exact and not kind.marks:
        image = view.trials["image_id"][trial]
        raise DatasetError(
            f"trial {trial} of {view.name} (image {image}) has {largest:,} in a bin, which {kind.name} cannot hold"
            f" exactly: choose a dtype that can hold {view.largest:,}, or shorter bins"
        )
    target.cells[item * target.item + rows * target.row + bins * target.column] = kind.encode(values)


def _bottom(view: SheetArray) -> Dataset:
    while not isinstance(view, Dataset):
        view = view.base  # type: ignore[attr-defined]
    return view


def _adds(view: SheetArray) -> str | None:
    """What becomes of events that fall into one cell: "count", "any"; None if that takes more than one step."""
    if isinstance(view, Rebinned):
        below = _adds(view.base)
        if view._how == "any":
            return below and "any"
        return below if below == "count" else None
    return "count" if isinstance(view, Dataset) else _adds(view.base)  # type: ignore[attr-defined]


def _sources(view: SheetArray, trial: int) -> Iterator[tuple[int, int, Columns]]:
    """(part, row of its file, columns) of what a trial consists of."""
    if isinstance(view, Dataset):
        part, row = view._locate(trial)
        yield part, row, np.arange(view.files[part].shape[2])
    elif isinstance(view, Window):
        for at, begin, length, place in view._pieces(trial):
            for part, row, columns in _sources(view.base, at):
                inside = (columns >= begin) & (columns < begin + length)
                yield part, row, np.where(inside, columns - (begin - place), -1)
    elif isinstance(view, Rebinned):
        for part, row, columns in _sources(view.base, trial):
            coarse = columns // view._k
            inside = (columns >= 0) & (coarse < view._n_bins[trial])
            yield part, row, np.where(inside, coarse, -1)
    elif isinstance(view, Taken):
        yield from _sources(view.base, int(view._positions[trial]))
    else:
        yield from _sources(view.base, trial)  # type: ignore[attr-defined]


def _rows(view: SheetArray, part: int) -> NDArray[np.int32]:
    """The row that each row of a part's file is in the view; -1: none."""
    if isinstance(view, Dataset):
        mapped = view._file_rows(part)
        rows = np.arange(view.files[part].shape[1], dtype=np.int32)
        if mapped is not None:
            rows[:] = -1
            rows[mapped] = np.arange(len(mapped))
        return rows
    below = _rows(view.base, part)  # type: ignore[attr-defined]
    if not isinstance(view, Selected):
        return below
    return np.where(below >= 0, view._place[below], -1).astype(np.int32)
