"""Trials of any chain of views, from the events of their files straight into an array.

A chain comes down to this: which trials of which files are needed, which column of the array each of their bins is, and
which row each of their neurons. The kernels do the rest; no array of finer bins, or of all neurons, is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.dataset.dataset import Dataset
from spikebin.dataset.derived import Derived, Rebinned, Selected, Taken, Window
from spikebin.errors import DatasetError
from spikebin.matrixfile.layouts.cells import Into, Use
from spikebin.output.broken import noting_damage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from spikebin.dataset.cell_types import CellType
    from spikebin.dataset.sheet_array import SheetArray

__all__ = ["Target", "fill"]

# Beyond the length of any axis.
ENDLESS = 2**62

# One step from the columns of a view to those of the view above: the first column that is taken, how many of them,
# where the first one goes, and how many become one.
Step = tuple[int, int, int, int]


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
    adds = _adds(view)
    if adds is None:
        for i, trial in enumerate(trials):
            _put_slowly(view, int(trial), i, target, kind)
        return
    data = _bottom(view)
    needed: dict[tuple[int, int], list[Use]] = {}
    for i, trial in enumerate(trials):
        for part, row, steps in _sources(view, int(trial)):
            columns = _columns(data.files[part].shape[2], steps, target.n_columns, target.column)
            if columns.first < columns.stop:
                needed.setdefault((part, row), []).append(Use(i, i * target.item, *columns))
    too_large: set[int] = set()
    rows: dict[int, NDArray[Any]] = {}
    # What several trials of a batch share of a file's trial is read once, and a file's trials one after another.
    for (part, row), uses in sorted(needed.items(), key=lambda item: item[0]):
        if part not in rows:
            rows = {part: _rows(view, part, target.row)}
        into = Into(rows[part], target.cells, kind.codes, adds == "any" or kind.marks)
        with noting_damage():
            too_large.update(data.files[part].add(row, uses, into))
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
    while isinstance(view, Derived):
        view = view.base
    assert isinstance(view, Dataset)  # noqa: S101
    return view


def _adds(view: SheetArray) -> str | None:
    """What becomes of events that fall into one cell: "count", "any"; None if that takes more than one step."""
    if isinstance(view, Rebinned):
        below = _adds(view.base)
        if view._how == "any":
            return below and "any"
        return below if below == "count" else None
    return _adds(view.base) if isinstance(view, Derived) else "count"


def _sources(view: SheetArray, trial: int) -> Iterator[tuple[int, int, tuple[Step, ...]]]:
    """(part, row of its file, steps from its bins to the columns) of what a trial consists of."""
    if isinstance(view, Dataset):
        part, row = view._locate(trial)
        yield part, row, ()
    elif isinstance(view, Window):
        for at, begin, length, place in view._pieces(trial):
            for part, row, steps in _sources(view.base, at):
                yield part, row, (*steps, (begin, length, place, 1))
    elif isinstance(view, Rebinned):
        for part, row, steps in _sources(view.base, trial):
            yield part, row, (*steps, (0, min(int(view._n_bins[trial]) * view._k, ENDLESS), 0, view._k))
    elif isinstance(view, Taken):
        yield from _sources(view.base, int(view._positions[trial]))
    elif isinstance(view, Derived):
        yield from _sources(view.base, trial)


class _Columns(NamedTuple):
    """The columns of a file's bins, as in `spikebin.matrixfile.layouts.cells.Use`."""

    columns: NDArray[np.signedinteger[Any]]
    first: int
    stop: int


# Most trials of a view are made of the same bins.
@lru_cache(256)
def _columns(n_bins: int, steps: tuple[Step, ...], n_columns: int, step: int) -> _Columns:
    """How many cells further each bin of a file's trial lies in an array, `step` being those of a column."""
    columns = np.arange(n_bins)
    for begin, length, place, k in steps:
        inside = (columns >= begin) & (columns < begin + length)
        columns = np.where(inside, (columns - begin) // k + place, -1)
    kept = np.flatnonzero((columns >= 0) & (columns < n_columns))
    cells = np.full(n_bins, -1, _index_type(n_columns * step))
    cells[kept] = columns[kept] * step
    cells.flags.writeable = False
    return _Columns(cells, int(kept[0]), int(kept[-1]) + 1) if len(kept) else _Columns(cells, 0, 0)


def _rows(view: SheetArray, part: int, step: int) -> NDArray[np.signedinteger[Any]]:
    """How many cells further each row of a part's file lies in an array, `step` being those of a row; -1: none."""
    kept = view._row_cells
    # In most data sets all parts have the same rows.
    same = _bottom(view)._file_rows(part) is None
    if same and step in kept:
        return kept[step]
    rows = _row_of(view, part)
    cells: NDArray[Any] = np.where(rows >= 0, rows * step, -1).astype(_index_type(view.shape[1] * step))
    if same:
        kept[step] = cells
    return cells


def _index_type(size: int) -> type[np.int32 | np.int64]:
    """Of places up to `size`: kernels are the quicker, the less there is of what they look up."""
    return np.int32 if size < 2**31 else np.int64


def _row_of(view: SheetArray, part: int) -> NDArray[np.int64]:
    """The row that each row of a part's file is in the view; -1: none."""
    if isinstance(view, Dataset):
        mapped = view._file_rows(part)
        n_rows = view.files[part].shape[1]
        if mapped is None:
            return np.arange(n_rows)
        rows = np.full(n_rows, -1)
        rows[mapped] = np.arange(len(mapped))
        return rows
    assert isinstance(view, Derived)  # noqa: S101
    below = _row_of(view.base, part)
    return np.where(below >= 0, view._place[below], -1) if isinstance(view, Selected) else below
