"""A picture of what `spikebin stats` counted, with matplotlib: a row for each sheet, variants and subsets as lines."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.display.style import LINES, colours, draw, label_phases, log_rates, remark, tidy, time_label
from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spikebin.stats.statistics import Stats, WidthStats

__all__ = ["plot_statistics"]

MOST_BINS = 150
"""More bins cannot be told apart in a panel."""

Lines = dict[str, "Stats"]


def plot_statistics(found: Sequence[tuple[str, Stats]], path: Path) -> None:
    """Draw rate over time, rates of neurons, counts of bins, and correlations against the width of bins.

    Parameters
    ----------
    found : sequence of (str, Stats)
        Name of a subset of the neurons, and its statistics. Those of one sheet share a row.
    path : Path
        Of the picture; its ending says which kind (png, pdf, svg).

    Raises
    ------
    SpikebinError
        If there is nothing to draw, matplotlib is missing, or the picture cannot be written.
    """
    if not found:
        raise SpikebinError("nothing to draw: no sheet has statistics")
    several = len({subset for subset, _ in found}) > 1
    rows: dict[str, Lines] = {}
    for subset, stats in found:
        variant, sheet = stats.name.split("/", 1)
        rows.setdefault(sheet, {})[f"{variant}, {subset}" if several else variant] = stats
    names = list(dict.fromkeys(name for lines in rows.values() for name in lines))
    palette = colours(len(names))
    paints = {name: {"color": palette[i], "linestyle": LINES[i % len(LINES)]} for i, name in enumerate(names)}

    def paint(figure: Any) -> None:
        grid = figure.subplots(len(rows), 4, squeeze=False)
        for axes, (sheet, lines) in zip(grid, rows.items(), strict=True):
            _draw_psth(axes[0], sheet, lines, paints)
            _draw_rates(axes[1], lines, paints)
            _draw_counts(axes[2], lines, paints)
            _draw_correlations(axes[3], lines, paints)
        # What the axis below says as well is not repeated.
        for above, below in pairwise(grid):
            for axes, other in zip(above, below, strict=True):
                if axes.get_xlabel() == other.get_xlabel():
                    axes.set_xlabel("")
        if len(names) > 1:
            grid[0, 1].legend(loc="lower right", handlelength=1.8)

    draw((7.1, 0.7 + 1.4 * len(rows)), path, paint)


def _draw_psth(axes: Any, sheet: str, lines: Lines, paints: Mapping[str, Any]) -> None:
    widths, zeros = set(), []
    for name, stats in lines.items():
        # The narrowest bins that can be told apart, else the widest that there are.
        by_width = sorted(stats.widths, key=lambda one: one.width)
        chosen = next((one for one in by_width if len(one.psth) <= MOST_BINS), by_width[-1])
        edges = stats.start + chosen.width * np.arange(len(chosen.psth) + 1)
        axes.stairs(chosen.psth, edges, baseline=None, **paints[name])
        widths.add(f"{chosen.width:g}")
        zeros.append(stats.zero)
    axes.set_ylim(0, None)
    tidy(axes, x=time_label(zeros).replace(" from ", " from\n", 1), y="Firing rate (Hz)", title=sheet)
    remark(axes, f"{', '.join(sorted(widths))} ms bins")
    if set(zeros) != {"first bin"}:
        label_phases(axes, [(zeros[0].removeprefix("onset of "), 0.0)])


def _draw_rates(axes: Any, lines: Lines, paints: Mapping[str, Any]) -> None:
    fires = False
    for name, stats in lines.items():
        rates = np.sort(stats.rates[np.isfinite(stats.rates)])
        shown = rates > 0
        fires |= bool(shown.any())
        heights = np.arange(1, rates.size + 1) / max(1, rates.size)
        axes.step(rates[shown], heights[shown], where="post", label=name, **paints[name])
    axes.set_ylim(0, 1)
    tidy(axes, x="Mean firing rate (Hz)", y="Fraction of neurons")
    if fires:
        log_rates(axes)


def _draw_counts(axes: Any, lines: Lines, paints: Mapping[str, Any]) -> None:
    for name, stats in lines.items():
        widest = _widest(stats)
        counts = widest.bin_histogram
        axes.stairs(counts / max(1, counts.sum()), np.arange(len(counts) + 1) - 0.5, baseline=None, **paints[name])
    axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    tidy(axes, x="Spikes of a neuron in a bin", y="Fraction of bins")
    remark(axes, f"{', '.join(dict.fromkeys(f'{_widest(one).width:g}' for one in lines.values()))} ms bins")


def _draw_correlations(axes: Any, lines: Lines, paints: Mapping[str, Any]) -> None:
    for name, stats in lines.items():
        pairs = np.triu_indices(len(stats.sample), 1)
        widths, middles, low, high = [], [], [], []
        for one in sorted(stats.widths, key=lambda one: one.width):
            values = one.correlations[pairs]
            values = values[np.isfinite(values)]
            if values.size:
                quartiles = np.percentile(values, [25, 50, 75])
                widths.append(one.width)
                middles.append(quartiles[1])
                low.append(quartiles[1] - quartiles[0])
                high.append(quartiles[2] - quartiles[1])
        if widths:
            axes.errorbar(widths, middles, [low, high], marker="o", markersize=2.5, elinewidth=0.6, **paints[name])
    axes.axhline(0, color="0.5", linewidth=0.5, zorder=0.5)
    axes.set(xlabel="Width of bins (ms)", ylabel="Correlation of pairs")
    remark(axes, "median, quartiles")


def _widest(stats: Stats) -> WidthStats:
    return max(stats.widths, key=lambda one: one.width)
