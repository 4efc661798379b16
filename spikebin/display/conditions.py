"""Pictures of rates by condition: a raster sorted and coloured by condition over the PSTH with its standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.display.style import LINES, colours, draw, label_phases, remark, tidy, time_label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spikebin.stats.conditions import ConditionRates

__all__ = ["plot_conditions"]

MOST_COLUMNS = 3
PANEL = 3.0
SIZES = (4.2, 6.2, 7.1)
"""Inches, for one, two and three columns of panels."""


def plot_conditions(
    panels: Sequence[tuple[str, str, ConditionRates]],
    path: Path,
    *,
    by: str | None = None,
    ordered: bool = False,
    phases: Sequence[tuple[str, float]] = (),
    note: str = "",
) -> None:
    """Draw rates by condition, a column for each panel: trials above, their mean and standard error below.

    Parameters
    ----------
    panels : sequence of (str, str, ConditionRates)
        Title, what times are relative to (see `View.time_zero`), and rates, all of the same conditions. Of a single
        neuron each spike is drawn; of the mean of many the rate of each trial, as an image.
    path : Path
        Of the picture; its ending says which kind (png, pdf, svg).
    by : str, optional
        What the conditions are called.
    ordered : bool
        The conditions have an order, as contrasts have.
    phases : sequence of (str, float)
        Names and onsets in ms to be marked.
    note : str
        What else is to be said behind the width of the bins.

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
        paints = colours(len(panels[0][2].conditions), ordered=ordered)
        for i, (title, _, found) in enumerate(panels):
            row, column = divmod(i, n_columns)
            above, below = grid[2 * row, column], grid[2 * row + 1, column]
            _draw_trials(above, found, paints)
            tidy(above, y="Trial" if column == 0 else "", title=title)
            _draw_means(below, found, paints)
            below.set_xlim(found.edges[0], found.edges[-1])
            tidy(below, y="Firing rate (Hz)" if column == 0 else "")
            below.tick_params(labelbottom=i + n_columns >= len(panels))
            label_phases(above, phases, names=n_columns == 1)
            label_phases(below, phases, names=False)
            remark(below, f"{float(np.diff(found.edges).max()):g} ms bins{note}")
        for empty in range(len(panels), n_rows * n_columns):
            row, column = divmod(empty, n_columns)
            grid[2 * row, column].remove()
            grid[2 * row + 1, column].remove()
        figure.supxlabel(time_label(zero for _, zero, _ in panels), fontsize=8)
        _legend(figure, panels[0][2], paints, by)

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
