"""What is added up over the trials of a view, in one pass over its events, at several widths of bins at once.

Whole numbers throughout, so that the sums of parts add up to those of the data set exactly. What is worked out from
them is in statistics.py, how they are kept on disk in partial.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import DatasetError
from spikebin.kernels import stats as kernels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from spikebin.dataset.view import View

__all__ = ["ARRAYS", "FACTS", "FIRST_BIN", "SAMPLE", "Sums", "Total", "add_up", "multiples", "sample_rows"]

SAMPLE = 100
"""Neurons whose correlations and reliability are worked out, of each sheet."""

FIRST_BIN = "first bin"
TRIAL_COLUMNS = ("part", "image_id", "repeat", "order", "n_bins", "ms")


@dataclass(frozen=True)
class Sums:
    """Sums over the trials of a view; w counts the widths.

    Bins of width w are ``steps[w]`` bins of the view, first of all 1. Of a trial's bins, those that do not fill up a
    bin of width w are left out at that width.

    Attributes
    ----------
    name : str
        Variant and sheet, ``train/X_ON``.
    width : float
        Length of a bin of the view in ms.
    start : float
        When the first bin begins, in ms.
    zero : str
        What `start` is relative to; see `View.time_zero`.
    steps : int64 (n_widths,)
    neuron_ids : int64 (n_neurons,)
    trials : structured array (n_trials,)
        part, image_id, repeat, order, n_bins (of the view), ms (for how long it was recorded).
    totals, squares, filled : int64 (n_widths, n_trials)
        Of each trial: sum over its cells, sum of their squares, and cells that are not empty.
    neuron_counts : int64 (n_widths, n_neurons)
        Sum over trials and bins.
    bin_counts : int64 (n_widths, longest)
        Sum over trials and neurons; 0 after the last bin of a width.
    recorded : float64 (n_widths, longest)
        For how long each bin was recorded, over all trials, in ms; see `View.recorded`.
    trial_histogram : int64 (n_widths, largest + 1)
        How many pairs of neuron and trial hold each count.
    bin_histogram : int64 (n_widths, largest + 1)
        How many cells hold each count.
    intervals : int64 (3, n_neurons)
        How many intervals there are between spikes of a neuron in one trial, their sum and that of their squares, in
        bins of the view.
    sample : int64 (n_sample,)
        Rows of the neurons that the next two are of, ascending.
    sample_counts : int64 (n_trials, n_sample)
        What each trial holds, in all bins of the view.
    products : int64 (n_widths, n_sample, n_sample)
        Sum of the products of two neurons over all bins of all trials; the upper triangle.
    """

    name: str
    width: float
    start: float
    zero: str
    steps: NDArray[np.int64]
    neuron_ids: NDArray[np.int64]
    trials: NDArray[Any]
    totals: NDArray[np.int64]
    squares: NDArray[np.int64]
    filled: NDArray[np.int64]
    neuron_counts: NDArray[np.int64]
    bin_counts: NDArray[np.int64]
    recorded: NDArray[np.float64]
    trial_histogram: NDArray[np.int64]
    bin_histogram: NDArray[np.int64]
    intervals: NDArray[np.int64]
    sample: NDArray[np.int64]
    sample_counts: NDArray[np.int64]
    products: NDArray[np.int64]

    def n_bins(self, w: int) -> NDArray[np.int64]:
        """Bins of width w that each trial has, (n_trials,)."""
        n_bins: NDArray[np.int64] = self.trials["n_bins"] // self.steps[w]
        return n_bins

    def only(self, steps: Sequence[int]) -> Sums:
        """The same at some of the widths.

        Parameters
        ----------
        steps : sequence of int
            Each one of `steps`, the first 1.
        """
        at = [self.steps.tolist().index(step) for step in steps]
        chosen: dict[str, Any] = {name: getattr(self, name)[at] for name in ("steps", *PER_WIDTH)}
        return replace(self, **chosen)


FACTS = ("name", "width", "start", "zero")
ADDED = ("neuron_counts", "bin_counts", "recorded", "trial_histogram", "bin_histogram", "intervals", "products")
JOINED = {"trials": 0, "totals": 1, "squares": 1, "filled": 1, "sample_counts": 0}
PER_WIDTH = ("totals", "squares", "filled", *(name for name in ADDED if name != "intervals"))
ARRAYS = tuple(field.name for field in fields(Sums) if field.name not in FACTS)


class Total:
    """Sums of parts, added up one by one; what they add up to is all that is kept."""

    def __init__(self) -> None:
        self._first: Sums | None = None
        self._added: dict[str, Any] = {}
        self._alike = True
        self._joined: dict[str, list[NDArray[Any]]] = {name: [] for name in JOINED}

    def add(self, sums: Sums) -> None:
        """Add those of one more part, whose trials come after the others.

        Parameters
        ----------
        sums : Sums

        Raises
        ------
        DatasetError
            If they are not of the same neurons, bins and widths as those before.
        """
        first = self._first = self._first or sums
        for name in ("name", "width", "steps", "neuron_ids", "sample"):
            if not np.array_equal(getattr(first, name), getattr(sums, name)):
                raise DatasetError(
                    f"part {sums.trials['part'][0]} of {sums.name} does not add up with part"
                    f" {first.trials['part'][0]}, which has other {name}: take the neurons that all parts have"
                    " (match='common'), or leave it out"
                )
        self._alike &= (sums.start, sums.zero) == (first.start, first.zero)
        for name in ADDED:
            array = getattr(sums, name)
            self._added[name] = _padded_sum(self._added[name], array) if name in self._added else array
        for name, found in self._joined.items():
            found.append(getattr(sums, name))

    def sums(self) -> Sums:
        """What they add up to; times count from the first bin where those of the parts do not begin alike.

        Raises
        ------
        DatasetError
            If there are none.
        """
        if self._first is None:
            raise DatasetError("no sums to add up: give those of one part at least")
        changed: dict[str, Any] = {name: np.concatenate(found, JOINED[name]) for name, found in self._joined.items()}
        if not self._alike:
            changed |= {"start": 0.0, "zero": FIRST_BIN}
        return replace(self._first, **changed, **self._added)


def multiples(width: float, widths: Sequence[float] | None) -> list[int]:
    """Widths in ms as numbers of a view's bins.

    Parameters
    ----------
    width : float
        Of the view, ms.
    widths : sequence of float, optional
        ms; None: the width of the view.

    Returns
    -------
    list of int
        In the order given.

    Raises
    ------
    DatasetError
        If there is none, one is given twice, or one is not a multiple of `width`.
    """
    steps: list[int] = []
    for wanted in (width,) if widths is None else widths:
        step = round(wanted / width) if np.isfinite(wanted) else 0
        if step < 1 or abs(wanted - step * width) > 1e-6 * width:
            raise DatasetError(
                f"a width of {wanted:g} ms is not a multiple of the {width:g} ms of a bin:"
                f" give {width:g}, {2 * width:g}, ..."
            )
        if step in steps:
            raise DatasetError(f"the width {wanted:g} ms is given twice: give each of them once")
        steps.append(step)
    if not steps:
        raise DatasetError("no width is given: give at least one, in ms")
    return steps


def sample_rows(n_neurons: int, size: int) -> NDArray[np.int64]:
    """Rows of a sample of neurons, evenly spaced; all of them where there are no more than `size`."""
    return np.unique(np.linspace(0, n_neurons - 1, min(size, n_neurons)).round().astype(np.int64))


def add_up(
    view: View,
    steps: Sequence[int],
    *,
    subsets: Mapping[str, NDArray[np.int64] | None] | None = None,
    sample: int = SAMPLE,
) -> dict[str, Sums]:
    """Add up a view, for some subsets of its neurons; each trial is read once.

    Parameters
    ----------
    view : View
    steps : sequence of int
        Widths, in bins of the view; 1 is added where it is not among them.
    subsets : mapping of str to int (n,) or None, optional
        Name -> rows of the view, each once; None: all neurons. Default: all, by the name "all".
    sample : int
        Neurons of which correlations and the like are worked out.

    Returns
    -------
    dict of str to Sums
        By the names of the subsets, neurons in the order of the view.

    Raises
    ------
    DatasetError
        As the view raises it.
    MatrixFileError
        If a file is damaged, or was rewritten since it was opened.
    """
    longest = view.shape[2]
    steps = [1, *(step for step in steps if step != 1)]
    adders = {name: _Adder(view, steps, rows, sample) for name, rows in (subsets or {"all": None}).items()}
    coarse: dict[int, NDArray[np.int64]] = {}
    for i, n_bins in enumerate(view.trials["n_bins"].tolist()):
        if n_bins not in coarse:
            bins = np.arange(longest)
            coarse[n_bins] = np.array([np.where(bins < n_bins // k * k, bins // k, -1) for k in steps])
        flat, values = view.flat_events(i)
        for adder in adders.values():
            adder.add(i, flat, values.astype(np.int64), coarse[n_bins])
    recorded = _rows([_recorded(view, k) for k in steps])
    return {name: adder.sums(view, recorded) for name, adder in adders.items()}


class _Adder:
    """The sums of one subset of neurons, trial by trial."""

    def __init__(self, view: View, steps: Sequence[int], rows: NDArray[np.int64] | None, sample: int) -> None:
        n_trials, n_neurons, self._n_columns = view.shape
        self._steps = np.array(steps, np.int64)
        self._rows = None if rows is None else np.sort(rows)
        self._place = None if self._rows is None else _place(n_neurons, self._rows)
        n_neurons = n_neurons if self._rows is None else len(self._rows)
        n_widths, longest = len(steps), self._n_columns
        self.sample = sample_rows(n_neurons, sample)
        self._sampled = _place(n_neurons, self.sample)
        self.per_trial = np.zeros((3, n_widths, n_trials), np.int64)
        self.neuron_counts = np.zeros((n_widths, n_neurons), np.int64)
        self.bin_counts = np.zeros((n_widths, longest), np.int64)
        self.trial_histogram = np.zeros((n_widths, 1), np.int64)
        self.bin_histogram = np.zeros((n_widths, 1), np.int64)
        self.intervals = np.zeros((3, n_neurons), np.int64)
        self.sample_counts = np.zeros((n_trials, len(self.sample)), np.int64)
        self.products = np.zeros((n_widths, len(self.sample), len(self.sample)), np.int64)

    def add(self, i: int, flat: NDArray[np.int64], values: NDArray[np.int64], coarse: NDArray[np.int64]) -> None:
        if self._place is not None:
            flat, values = _picked(flat, values, self._n_columns, self._place)
        rows = np.zeros_like(self.neuron_counts)
        kernels.add_rows(flat, values, self._n_columns, coarse, rows)
        self.neuron_counts += rows
        largest = int(rows.max(initial=0))
        self.trial_histogram = _widened(self.trial_histogram, largest)
        self.bin_histogram = _widened(self.bin_histogram, largest)
        for w, row in enumerate(rows):
            self.trial_histogram[w] += np.bincount(row, minlength=self.trial_histogram.shape[1])
        sums = np.zeros((len(coarse), 3), np.int64)
        kernels.add_cells(flat, values, self._n_columns, coarse, self.bin_counts, self.bin_histogram, sums)
        self.per_trial[:, :, i] = sums.T
        kernels.add_intervals(flat, values, self._n_columns, self.intervals)
        flat, values = _picked(flat, values, self._n_columns, self._sampled)
        rows, bins = np.divmod(flat, self._n_columns)
        np.add.at(self.sample_counts[i], rows, values)
        for products, coarse_bins in zip(self.products, coarse[:, bins], strict=True):
            order = np.argsort(coarse_bins, kind="stable")
            order = order[np.searchsorted(coarse_bins[order], 0) :]
            kernels.add_products(coarse_bins[order], rows[order], values[order], products)

    def sums(self, view: View, recorded: NDArray[np.float64]) -> Sums:
        ids = view.neurons["neuron_id"]
        trials = _trials_of(view)
        totals, squares, filled = self.per_trial
        n_cells = len(self.neuron_counts[0]) * (trials["n_bins"][np.newaxis] // self._steps[:, np.newaxis]).sum(axis=1)
        histogram = self.bin_histogram
        histogram[:, 0] = n_cells - histogram[:, 1:].sum(axis=1)
        last = int(np.flatnonzero(histogram.any(axis=0)).max(initial=0))
        return Sums(
            name=view.name,
            width=view.width,
            start=float(view.time[0]),
            zero=view.time_zero,
            steps=self._steps,
            neuron_ids=ids if self._rows is None else ids[self._rows],
            trials=trials,
            totals=totals,
            squares=squares,
            filled=filled,
            neuron_counts=self.neuron_counts,
            bin_counts=self.bin_counts,
            recorded=recorded,
            trial_histogram=self.trial_histogram,
            bin_histogram=histogram[:, : last + 1],
            intervals=self.intervals,
            sample=self.sample,
            sample_counts=self.sample_counts,
            products=self.products,
        )


def _recorded(view: View, k: int) -> NDArray[np.float64]:
    return view.rebin(k, how="count", rest="drop").recorded() if k <= view.shape[2] else np.zeros(0)


def _trials_of(view: View) -> NDArray[Any]:
    trials, _, unrecorded = view.unrecorded()
    ms = view.trials["n_bins"] * view.width - np.bincount(trials, unrecorded, len(view))
    columns = {name: ms if name == "ms" else view.trials[name] for name in TRIAL_COLUMNS}
    return _table(columns)


def _table(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    table = np.empty(len(columns["part"]), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    return table


def _place(n: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    place = np.full(n, -1)
    place[rows] = np.arange(len(rows))
    return place


def _picked(
    flat: NDArray[np.int64], values: NDArray[np.int64], n_columns: int, place: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    out_flat, out_values = np.empty_like(flat), np.empty_like(values)
    n = kernels.pick(flat, values, n_columns, place, out_flat, out_values)
    return out_flat[:n], out_values[:n]


def _widened(histogram: NDArray[np.int64], largest: int) -> NDArray[np.int64]:
    """With classes up to `largest` at least."""
    return np.pad(histogram, ((0, 0), (0, max(0, largest + 1 - histogram.shape[1]))))


def _rows(rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Rows of different lengths as one array, filled up with zeros."""
    longest = max(map(len, rows))
    return np.array([np.pad(row, (0, longest - len(row))) for row in rows])


def _padded_sum(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    shape = np.maximum(a.shape, b.shape)
    out = np.zeros(shape, a.dtype)
    for array in (a, b):
        out[tuple(slice(n) for n in array.shape)] += array
    return out
