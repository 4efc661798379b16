"""Several sheets of one variant, side by side: the same trials in each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.calls import typed
from spikebin.dataset.arguments import groups_of, names_of
from spikebin.dataset.dataset import Dataset, Part
from spikebin.dataset.view import View
from spikebin.errors import DatasetError, UnknownSheetError
from spikebin.matrixfile.shown import counted, html_table, one_line, size_of, text_of_shape
from spikebin.names import find_sheet, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from spikebin.choices import Axes, BatchRest, How, Rest, Short

__all__ = ["SheetSet"]


class SheetSet(Mapping[str, View]):
    """Several sheets of one variant, trial i of each being the same presentation.

    A mapping from raw names (``V1_Exc_L2/3``; the directory's name finds it, too) to views. The methods that give views
    do so for every sheet.

    Parameters
    ----------
    sheets : mapping of str to View
        By raw name; trial i of each the same presentation, which is not checked here.
    left_out : mapping of str to str, optional
    taken : mapping of str to int (n_trials,), optional
        Where sheets have been reduced to the trials that all of them have: which those are, of each that had others.

    Attributes
    ----------
    left_out : dict
        Part -> why it is not here, of those that were left out on request or are excluded.
    """

    @typed
    def __init__(
        self,
        sheets: Mapping[str, View],
        left_out: Mapping[str, str] | None = None,
        *,
        taken: Mapping[str, NDArray[np.intp]] | None = None,
    ) -> None:
        self._sheets = dict(sheets)
        self.left_out = dict(left_out or {})
        # Of sheets that are a data set but for trials that other sheets lack: those that are left.
        self._taken = dict(taken or {})

    def __getitem__(self, sheet: str) -> View:
        asked: object = sheet
        if not isinstance(asked, str):
            first = next(iter(self._sheets))
            raise UnknownSheetError(
                f"sheets are found by name, not by {sheet!r}: known are {', '.join(self._sheets)};"
                f" trials and slices are of one of them, as in sheets[{first!r}][0]"
            )
        name = find_sheet(sheet, self._sheets)
        if name is None:
            raise UnknownSheetError(f"no sheet {sheet!r}: {suggest(sheet, self._sheets)}")
        return self._sheets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sheets)

    def __len__(self) -> int:
        return len(self._sheets)

    @property
    def n_trials(self) -> int:
        """Number of trials, the same in every sheet."""
        return len(next(iter(self._sheets.values())))

    @property
    def n_parts(self) -> int:
        """Number of parts, those of each sheet counted."""
        return sum(map(len, self.parts().values()))

    def parts(self) -> dict[str, list[Part]]:
        """The parts of each sheet, for what goes file by file; nothing is read.

        Raises
        ------
        DatasetError
            If these are views of a data set.
        """
        found = {}
        for name, view in self.items():
            taken = self._taken.get(name)
            dataset = view if taken is None else view.base
            if not isinstance(dataset, Dataset):
                raise DatasetError(
                    f"{view!r} is a view, and this goes part by part: give the sheets as `open_dataset` gives them"
                )
            found[name] = dataset.only(taken)
        return found

    @property
    def trials(self) -> NDArray[Any]:
        """The trials of the first sheet; part, image_id and repeat are those of every sheet."""
        return next(iter(self._sheets.values())).trials

    def only(self, names: Iterable[str]) -> SheetSet:
        """Only some sheets, by raw or directory name; where there is one sheet alone, names of others are passed over.

        Parameters
        ----------
        names : iterable of str

        Returns
        -------
        SheetSet
            In the order of this one.

        Raises
        ------
        DatasetError
            If there is no such sheet.
        """
        wanted = {name: find_sheet(name, self) for name in names_of(names, "a sheet")}
        unknown = [name for name, found in wanted.items() if found is None]
        if unknown and (len(self) > 1 or len(unknown) == len(wanted)):
            raise DatasetError(f"no sheet {unknown[0]!r} to select from: {suggest(unknown[0], self)}")
        views = {name: view for name, view in self.items() if name in wanted.values()}
        return SheetSet(views, self.left_out, taken=self._taken)

    def select(
        self, *, ids: Mapping[str, ArrayLike] | None = None, index: Mapping[str, ArrayLike] | None = None
    ) -> SheetSet:
        """`View.select`, by sheet; sheets that are not named are left out.

        Parameters
        ----------
        ids, index : mapping of str to array
            Of each sheet, by raw or directory name, as for `View.select`.

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            Unless exactly one of them is given, or as `only` and `View.select`.
        OutOfRangeError
            If a row is out of bounds.
        """
        wanted = ids if ids is not None else index
        if wanted is None or (ids is not None and index is not None) or not isinstance(wanted, Mapping):
            raise DatasetError(
                "select of several sheets takes either ids={sheet: ids} or index={sheet: rows}: give one of them, by"
                f" sheet, as in {{{next(iter(self))!r}: [0, 1]}}"
            )
        rows = {find_sheet(name, self): chosen for name, chosen in wanted.items()}
        key = "ids" if ids is not None else "index"
        sheets = self.only(wanted)
        return self._each({name: view.select(**{key: rows[name]}) for name, view in sheets.items()})

    def take(self, trials: ArrayLike | slice) -> SheetSet:
        """`View.take` of every sheet.

        Parameters
        ----------
        trials : array of int or bool, or slice
            As for `View.take`.

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            As `View.take`.
        """
        return self._each({name: view.take(trials) for name, view in self.items()})

    @typed
    def window(
        self, start: int, stop: int, origin: str | None = "image", *, across: bool = False, short: Short = "refuse"
    ) -> SheetSet:
        """`View.window` of every sheet.

        Parameters
        ----------
        start, stop, origin, across, short
            As for `View.window`.

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            As `View.window`, or if short="drop" leaves other trials in one sheet than in another.
        """
        views = {name: view.window(start, stop, origin, across=across, short=short) for name, view in self.items()}
        if short == "drop":
            first, *others = (view.trials[["part", "image_id", "repeat"]] for view in views.values())
            if any(not np.array_equal(first, other) for other in others):
                raise DatasetError(
                    "short='drop' leaves other trials in one sheet than in another: choose 'pad' or 'cut'"
                )
        return self._each(views)

    @typed
    def aligned(self, origin: str) -> SheetSet:
        """`View.aligned` of every sheet.

        Parameters
        ----------
        origin : str
            As for `View.aligned`.

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            As `View.aligned`.
        """
        return self._each({name: view.aligned(origin) for name, view in self.items()})

    def rebin(self, k: int, *, how: How, rest: Rest) -> SheetSet:
        """`View.rebin` of every sheet.

        Parameters
        ----------
        k, how, rest
            As for `View.rebin`.

        Returns
        -------
        SheetSet

        Raises
        ------
        DatasetError
            As `View.rebin`.
        """
        return self._each({name: view.rebin(k, how=how, rest=rest) for name, view in self.items()})

    def groupby(self, by: str | Sequence[str]) -> dict[Any, SheetSet]:
        """`View.groupby` of every sheet, by a column of the first.

        Parameters
        ----------
        by : str or sequence of str
            As for `View.groupby`.

        Returns
        -------
        dict of SheetSet

        Raises
        ------
        DatasetError
            As `View.groupby`.
        """
        name = next(iter(self._sheets.values())).name
        return {value: self.take(rows) for value, rows in groups_of(self.trials, by, name).items()}

    def batches(
        self,
        size: int,
        *,
        rest: BatchRest = "keep",
        dtype: DTypeLike | None = None,
        axes: Axes = "neuron time",
        out: Mapping[str, NDArray[Any]] | None = None,
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """`View.batches`, an array for each sheet.

        Parameters
        ----------
        size, rest, dtype, axes
            As for `View.batches`.
        out : mapping of str to ndarray, optional
            By raw or directory name of each sheet, as for `View.batches`.

        Yields
        ------
        dict of str to ndarray (size, neuron, time) or (size, time, neuron)
            By raw name.

        Raises
        ------
        DatasetError
            As `View.batches`, or if a sheet has no array in `out`.
        """
        if not isinstance(out, Mapping | None):
            raise DatasetError(
                f"out is a {type(out).__name__}: give a dict with an array for each of {', '.join(self)}"
            )
        into: dict[str | None, NDArray[Any]] = {find_sheet(name, self): array for name, array in (out or {}).items()}
        lacking = [name for name in self if out is not None and name not in into]
        if lacking:
            raise DatasetError(f"out has no array for {lacking[0]}: give one for each of {', '.join(self)}")
        batches = [
            view.batches(size, rest=rest, dtype=dtype, axes=axes, out=into.get(name)) for name, view in self.items()
        ]
        return (dict(zip(self, arrays, strict=True)) for arrays in zip(*batches, strict=True))

    def _each(self, views: Mapping[str, View]) -> SheetSet:
        return SheetSet(views, self.left_out)

    def _ipython_key_completions_(self) -> list[str]:
        """What a notebook offers after ``sheets[``."""
        return list(self)

    def _facts(self) -> dict[str, str]:
        """What people want to know of it; nothing of it is read."""
        views = list(self.values())
        first = views[0]
        n_bytes = sum(math.prod(view.shape) * view.dtype.itemsize for view in views)
        bins = {(view.shape[2], view.width) for view in views}
        return {
            "trials": counted(self.n_trials, "trial"),
            "neurons": counted(sum(view.shape[1] for view in views), "neuron"),
            "bins": f"{counted(first.shape[2], 'bin')} of {first.width:g} ms" if len(bins) == 1 else "bins that differ",
            "values": " or ".join(dict.fromkeys(str(view.dtype) for view in views)),
            "as arrays": f"{size_of(n_bytes)} dense",
            "left out": f"{counted(len(self.left_out), 'part')} left out" if self.left_out else "",
        }

    def __repr__(self) -> str:
        steps = " | ".join(next(iter(self.values())).steps)
        return one_line(type(self).__name__, ", ".join(self) + (f" | {steps}" if steps else ""), self._facts())

    def _repr_html_(self) -> str:
        sheets = {name: text_of_shape(view.shape, view.width) for name, view in self.items()}
        views = " | ".join(next(iter(self.values())).steps)
        return html_table(f"SheetSet of {counted(len(self), 'sheet')}", {**sheets, "views": views, **self._facts()})
