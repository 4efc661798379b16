"""Pictures of rates by condition: a raster sorted and coloured by condition over the PSTH with its standard error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.display.plots import ONSET, at_onset, onsets_of
from spikebin.display.style import LINES, colours, draw, label_phases, remark, tidy, time_label
from spikebin.stats.conditions import condition_rates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spikebin.dataset.view import View
    from spikebin.stats.conditions import ConditionRates

__all__ = ["Panel", "panels_of", "plot_conditions"]

MOST_COLUMNS = 3
PANEL = 3.0
SIZES = (4.2, 6.2, 7.1)
"""Inches, for one, two and three columns of panels."""


@dataclass(frozen=True)
class Panel:
    """Rates by condition, and what is to be said of them.

    Attributes
    ----------
    title : str
    zero : str
        What times are relative to, see `View.time_zero`.
    phases : list of (str, float)
        Names and onsets in ms to be marked.
    ordered : bool
        The conditions have an order, as contrasts have.
    rates : ConditionRates
    """

    title: str
    zero: str
    phases: list[tuple[str, float]]
    ordered: bool
    rates: ConditionRates


def panels_of(
    views: Mapping[str, View],
    by: str | None = None,
    *,
    units: Sequence[int] = (),
    most_active: int = 0,
    smooth: float = 0.0,
    origin: str | None = None,
) -> list[Panel]:
    """Work out rates by condition.

    Parameters
    ----------
    views : mapping of str to View
        By the name to be shown; "" for none.
    by : str, optional
        Column of `View.trials`; None: all trials are alike.
    units : sequence of int
        Ids of neurons, a panel each; none: the mean of all.
    most_active : int
        Without `units`: a panel for each of so many neurons, those with the highest rates. 0: the mean of all.
    smooth : float
        Standard deviation in ms of the Gaussian that each trial is smoothed with; 0: none.
    origin : str, optional
        The phase at whose onset trials are aligned, see `spikebin.display.plots.at_onset`.

    Returns
    -------
    list of Panel

    Raises
    ------
    DatasetError
        If there is no such column, neuron or phase, or there are too many conditions.
    """
    found = []
    for name, whole in views.items():
        view, start = at_onset(whole, origin)
        phases = onsets_of(view) if start is None else [(origin or ONSET, 0.0)]
        ids: Sequence[int] = units
        if most_active and not units:
            order = np.argsort(-np.nan_to_num(view.rates()), kind="stable")[:most_active]
            ids = view.neurons["neuron_id"][np.sort(order)].tolist()
        numeric = by is not None and by in (view.trials.dtype.names or ()) and view.trials.dtype[by].kind in "iuf"
        for rates in condition_rates(view, by, units=ids, smooth=smooth):
            title = f"{name}, {rates.title}" if name else rates.title
            found.append(Panel(title, view.time_zero, phases, numeric, rates))
    return found


def plot_conditions(panels: Sequence[Panel], path: Path, *, by: str | None = None, note: str = "") -> None:
    """Draw rates by condition, a column for each panel: trials above, their mean and standard error below.

    Of a single neuron each spike is drawn; of the mean of many the rate of each trial, as an image.

    Parameters
    ----------
    panels : sequence of Panel
        One at least.
    path : Path
        Of the picture; its ending says which kind (png, pdf, svg).
    by : str, optional
        What the conditions are called.
    note : str
        What else is to be said after the width of the bins.

    Raises
    ------
    SpikebinError
        If matplotlib is missing, or the picture cannot be written.
    """
    n_columns = min(MOST_COLUMNS, len(panels))
    n_rows = -(-len(panels) // n_columns)

    def paint(figure: Any) -> None:
        ratios = {"height_ratios": [1.1, 1] * n_rows}
        grid = figure.subplots(2 * n_rows, n_columns, squeeze=False, sharex=True, gridspec_kw=ratios)
        for i, panel in enumerate(panels):
            found = panel.rates
            paints = colours(len(found.conditions), ordered=panel.ordered)
            row, column = divmod(i, n_columns)
            above, below = grid[2 * row, column], grid[2 * row + 1, column]
            _draw_trials(above, found, paints)
            tidy(above, y="Trial" if column == 0 else "", title=panel.title)
            _draw_means(below, found, paints)
            below.set_xlim(found.edges[0], found.edges[-1])
            tidy(below, y="Firing rate (Hz)" if column == 0 else "")
            below.tick_params(labelbottom=i + n_columns >= len(panels))
            label_phases(above, panel.phases, names=n_columns == 1)
            label_phases(below, panel.phases, names=False)
            remark(below, f"{float(np.diff(found.edges).max()):g} ms bins{_trials_a_bin(found)}{note}")
        for empty in range(len(panels), n_rows * n_columns):
            row, column = divmod(empty, n_columns)
            grid[2 * row, column].remove()
            grid[2 * row + 1, column].remove()
        figure.supxlabel(time_label(panel.zero for panel in panels), fontsize=8)
        _legend(figure, panels[0].rates, colours(len(panels[0].rates.conditions), ordered=panels[0].ordered), by)

    draw((SIZES[n_columns - 1], 0.4 + PANEL * n_rows), path, paint)


def _draw_trials(axes: Any, found: ConditionRates, paints: Sequence[Any]) -> None:
    """The trials from top to bottom, condition by condition."""
    order = np.concatenate([one.trials for one in found.conditions])
    stops = np.cumsum([len(one.trials) for one in found.conditions])
    if found.events is None:
        axes.pcolormesh(
            found.edges, np.arange(len(order) + 1) - 0.5, found.rates[order], cmap="Greys", vmin=0, rasterized=True
        )
        # A strip beside the image says which condition a trial is of.
        left = found.edges[0] - 0.02 * (found.edges[-1] - found.edges[0])
        for colour, stop, one in zip(paints, stops.tolist(), found.conditions, strict=True):
            axes.plot(
                [left, left], [stop - len(one.trials) - 0.5, stop - 0.5], color=colour, linewidth=3, clip_on=False,
                solid_capstyle="butt",
            )  # fmt: skip
    else:
        row = 0
        for colour, one in zip(paints, found.conditions, strict=True):
            for trial in one.trials.tolist():
                times = found.events[trial]
                axes.vlines(times, row - 0.45, row + 0.45, color=colour, linewidth=0.6, rasterized=len(order) > 100)
                row += 1
    for stop in stops[:-1].tolist():
        axes.axhline(stop - 0.5, color="0.7", linewidth=0.4)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.yaxis.get_major_locator().set_params(integer=True, nbins=5)


def _trials_a_bin(found: ConditionRates) -> str:
    """How many trials bins have, where that differs."""
    n_trials = [found.coverage(one) for one in found.conditions]
    if not any(np.ptp(n) for n in n_trials):
        return ""
    return f", {min(n.min() for n in n_trials):,} to {max(n.max() for n in n_trials):,} trials a bin"


def _draw_means(axes: Any, found: ConditionRates, paints: Sequence[Any]) -> None:
    for k, (colour, one) in enumerate(zip(paints, found.conditions, strict=True)):
        low, high = one.mean - one.sem, one.mean + one.sem
        axes.fill_between(
            found.edges, np.append(low, low[-1]), np.append(high, high[-1]), step="post", color=colour, alpha=0.25,
            linewidth=0,
        )  # fmt: skip
        axes.stairs(one.mean, found.edges, baseline=None, color=colour, linestyle=LINES[k % len(LINES)], linewidth=1)
    axes.set_ylim(0, None)


def _legend(figure: Any, found: ConditionRates, paints: Sequence[Any], by: str | None) -> None:
    if len(found.conditions) < 2:
        return
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=colour, linestyle=LINES[k % len(LINES)], label=f"{one.label} (n = {len(one.trials)})")
        for k, (colour, one) in enumerate(zip(paints, found.conditions, strict=True))
    ]
    figure.legend(handles=lines, title=by, loc="outside right upper")
