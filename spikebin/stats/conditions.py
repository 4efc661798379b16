"""Rates over time by condition: the trials of a view grouped by a column, their mean and its standard error.

`spikebin.display` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import DatasetError
from spikebin.names import natural_key, suggest
from spikebin.stats.formulas import ratio, round_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from spikebin.dataset.view import View

__all__ = ["Condition", "ConditionRates", "as_json", "condition_rates", "group_trials", "grouped_columns"]

MOST_CONDITIONS = 24
MOST_BINS = 150


@dataclass(frozen=True)
class Condition:
    """The trials of one condition, and their rate over time.

    Attributes
    ----------
    label : str
    trials : int64 (n_trials,)
        Which trials of the view these are.
    mean, sem : float64 (n_bins,)
        Hz: mean over the trials that have a bin, and its standard error (standard deviation with a divisor of n - 1,
        over the root of n); nan where none, or only one, has it.
    """

    label: str
    trials: NDArray[np.int64]
    mean: NDArray[np.float64]
    sem: NDArray[np.float64]


@dataclass(frozen=True)
class ConditionRates:
    """Rates over time of one neuron, or of the mean of all.

    Attributes
    ----------
    title : str
    edges : float64 (n_bins + 1,)
        ms, as `View.time` counts them.
    conditions : list of Condition
        In order of their labels; one, without a label, where trials are not grouped.
    rates : float64 (n_trials, n_bins)
        Of each trial of the view, Hz.
    events : list of float64 (n_spikes,), optional
        When each trial has a spike, in ms; of a single neuron alone.
    """

    title: str
    edges: NDArray[np.float64]
    conditions: list[Condition]
    rates: NDArray[np.float64]
    events: list[NDArray[np.float64]] | None = None

    def coverage(self, condition: Condition) -> NDArray[np.int64]:
        """How many trials of a condition have each bin, int64 (n_bins,).

        Parameters
        ----------
        condition : Condition
            One of `conditions`.
        """
        n_trials: NDArray[np.int64] = np.isfinite(self.rates[condition.trials]).sum(axis=0)
        return n_trials


def condition_rates(
    view: View,
    by: str | None = None,
    *,
    units: Sequence[int] = (),
    smooth: float = 0.0,
    most_bins: int = MOST_BINS,
) -> list[ConditionRates]:
    """Rates over time by condition, of the mean of all neurons or of some; one pass over the spikes.

    Parameters
    ----------
    view : View
    by : str, optional
        Column of `View.trials` that says which condition a trial is of; None: all trials are alike.
    units : sequence of int
        Ids of neurons; none: the mean of all.
    smooth : float
        Standard deviation in ms of the Gaussian that each trial is smoothed with; 0: none.
    most_bins : int
        Bins of the view are taken together, 2, 5, 10, ... at a time, until there are no more than that.

    Returns
    -------
    list of ConditionRates
        One for each of `units`, or one for all neurons.

    Raises
    ------
    DatasetError
        If there is no such column or neuron, there are more than 24 conditions, or `smooth` is negative.
    """
    if smooth < 0 or not np.isfinite(smooth):
        raise DatasetError(f"smoothing over {smooth:g} ms: give 0 or more")
    groups = group_trials(view, by)
    if units:
        view = view.select(ids=np.array(units))
    starts = grouped_columns(view, most_bins)
    edges = np.append(view.time[starts], view.time[0] + view.shape[2] * view.width)
    n_curves = len(units) or 1
    counts = np.zeros((n_curves, len(view), len(starts)))
    events: list[list[NDArray[np.float64]]] = [[] for _ in units]
    time = view.time
    recorded = np.zeros((len(view), len(starts)))
    kept = _recorded_bins(view)
    for i in range(len(view)):
        flat, values = view.flat_events(i)
        rows, bins = np.divmod(flat, view.shape[2])
        # A bin that takes no time holds the spikes at exactly the end of a phase: it has no rate.
        there = kept[i][bins] > 0
        group = np.searchsorted(starts, bins[there], "right") - 1
        of_curve = rows[there] if units else np.zeros(len(group), np.int64)
        np.add.at(counts[:, i], (of_curve, group), values[there].astype(np.float64))
        recorded[i] = np.add.reduceat(kept[i], starts)
        for row, mine in enumerate(events):
            mine.append(np.repeat(time[bins[rows == row]], values[rows == row]))
    n_neurons = 1 if units else view.shape[1]
    found = []
    for curve in range(n_curves):
        rates = ratio(counts[curve] * 1000, recorded * n_neurons)
        if smooth:
            rates = _smoothed(rates, edges, smooth)
        conditions = [Condition(label, trials, *_mean_and_sem(rates[trials])) for label, trials in groups]
        title = f"neuron {units[curve]}" if units else f"mean of {n_neurons:,} neurons"
        found.append(ConditionRates(title, edges, conditions, rates, events[curve] if units else None))
    return found


def as_json(found: ConditionRates) -> dict[str, Any]:
    """Edges, means and standard errors as JSON holds them, None for nan.

    Parameters
    ----------
    found : ConditionRates

    Returns
    -------
    dict
    """
    conditions = [
        {
            "condition": one.label,
            "n_trials": len(one.trials),
            "n_trials_per_bin": found.coverage(one).tolist(),
            "mean_hz": _plain(one.mean),
            "sem_hz": _plain(one.sem),
        }
        for one in found.conditions
    ]
    return {"edges_ms": found.edges.tolist(), "conditions": conditions}


def group_trials(view: View, by: str | None) -> list[tuple[str, NDArray[np.int64]]]:
    """The trials of each condition, in order of the conditions.

    Parameters
    ----------
    view : View
    by : str, optional
        Column of `View.trials`; None: all trials, without a label.

    Returns
    -------
    list of (str, int64 (n,))

    Raises
    ------
    DatasetError
        If there is no such column, or there are more than 24 conditions.
    """
    if by is None:
        return [("", np.arange(len(view)))]
    names = view.trials.dtype.names or ()
    if by not in names:
        raise DatasetError(f"the trials of {view.name} have no column {by!r}: {suggest(by, names)}")
    column = view.trials[by]
    if column.ndim > 1:
        raise DatasetError(f"the column {by!r} of {view.name} has several numbers a trial: give another")
    labels, group = np.unique(column, return_inverse=True)
    if len(labels) > MOST_CONDITIONS:
        raise DatasetError(
            f"the column {by!r} of {view.name} has {len(labels)} different values, more than the {MOST_CONDITIONS}"
            " conditions that can be told apart: give another, or make a column of fewer"
        )
    found = [(_label(label), np.flatnonzero(group == k)) for k, label in enumerate(labels)]
    return sorted(found, key=lambda one: natural_key(one[0])) if column.dtype.kind in "US" else found


def grouped_columns(view: View, most_bins: int = MOST_BINS) -> NDArray[np.int64]:
    """First columns of groups of 1, 2, 5, 10, ... columns each, of which one begins at time 0.

    Parameters
    ----------
    view : View
    most_bins : int
        How many groups there may be, about.

    Returns
    -------
    int64 (n_groups,)
    """
    n_columns = view.shape[2]
    k = next(step for step in round_steps() if n_columns <= most_bins * step)
    zero = round(-view.time[0] / view.width) if view.time[0] <= 0 else 0
    return np.unique(np.concatenate([[0], np.arange(zero % k, n_columns, k)]))


def _recorded_bins(view: View) -> list[NDArray[np.float64]]:
    """For how long each bin of each trial was recorded, in ms; trials that are alike share one array."""
    trials, bins, unrecorded = view.unrecorded()
    first = np.searchsorted(trials, np.arange(len(view) + 1))
    known: dict[tuple[int, bytes], NDArray[np.float64]] = {}
    found = []
    for i, n_bins in enumerate(view.trials["n_bins"].tolist()):
        mine = slice(int(first[i]), int(first[i + 1]))
        key = n_bins, bins[mine].tobytes() + unrecorded[mine].tobytes()
        if key not in known:
            ms = np.where(np.arange(view.shape[2]) < n_bins, view.width, 0.0)
            np.subtract.at(ms, bins[mine], unrecorded[mine])
            known[key] = np.where(ms > 1e-6 * view.width, ms, 0.0)
        found.append(known[key])
    return found


def _mean_and_sem(rates: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Over trials, of those that have each bin."""
    there = np.isfinite(rates)
    n = there.sum(axis=0)
    mean = ratio(np.where(there, rates, 0).sum(axis=0), n)
    squares = np.where(there, (rates - mean) ** 2, 0).sum(axis=0)
    return mean, np.sqrt(ratio(ratio(squares, np.maximum(n - 1, 0)), n))


def _smoothed(rates: NDArray[np.float64], edges: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Each trial under a Gaussian; at the ends, and beside what is nan, over the part of it that there is."""
    centres = (edges[:-1] + edges[1:]) / 2
    widths = np.diff(edges)
    weights = np.exp(-0.5 * ((centres[:, np.newaxis] - centres) / sigma) ** 2) * widths
    there = np.isfinite(rates)
    smooth = ratio(np.where(there, rates, 0) @ weights.T, there @ weights.T)
    return np.where(there, smooth, np.nan)


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _label(value: Any) -> str:
    """A condition in words: 45, not 45.0."""
    plain = value.item()
    return f"{plain:g}" if isinstance(plain, float) else str(plain)
