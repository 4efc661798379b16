"""The figures of the page: a panel for each sheet, its variants in one where they can be compared.

What is drawn comes from `spikebin.stats.overview`; svg.py writes the charts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spikebin.display.report.svg import Chart, described, number
from spikebin.display.style import time_label
from spikebin.stats.formulas import FEWEST_VALUES, outliers, ratio, robust_z, round_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from spikebin.stats.overview import Overview, SheetOverview
    from spikebin.stats.statistics import Stats

__all__ = [
    "Figure",
    "coarse_psth",
    "part_figures",
    "part_rates",
    "position_figures",
    "psth_figures",
    "raster_figures",
    "rate_figures",
    "reliability_figures",
    "style_of",
]

MOST_BINS = 150
MOST_DOTS = 1500
GRID = 40
CLASSES = 7
LOWEST_RATE = 0.01


@dataclass(frozen=True)
class Figure:
    """A panel: what stands above it, the chart as SVG, and a remark below."""

    heading: str
    svg: str
    note: str = ""


def style_of(overview: Overview, variant: str) -> str:
    """The class of what is drawn of a variant: the same in every panel."""
    variants = list(dict.fromkeys(cell.variant for cell in overview.cells))
    return f"v{variants.index(variant) % 4}"


def psth_figures(overview: Overview) -> Iterator[Figure]:
    """The rate over time, a panel for each sheet."""
    for i, (sheet, mine) in enumerate(_by_sheet(overview)):
        curves = {one.variant: coarse_psth(one) for one in mine}
        first, last = min(edges[0] for edges, _ in curves.values()), max(edges[-1] for edges, _ in curves.values())
        top = max(float(np.nanmax(rate, initial=0)) for _, rate in curves.values())
        zeros = dict.fromkeys(one.stats.zero for one in mine if one.stats is not None)
        chart = Chart((first, last), (0, 1.15 * top), time_label(zeros), "Firing rate (Hz)")
        for name, onset in {name: onset for one in mine for name, onset in _marks(one)}.items():
            chart.mark(onset, name)
        said = []
        for variant, (edges, rate) in curves.items():
            chart.steps(edges, rate, style_of(overview, variant))
            peak = float(edges[int(np.nanargmax(rate))]) if np.isfinite(rate).any() else 0.0
            said.append(f"{variant}: {described(rate, 'Hz')}, peak at {number(peak)} ms")
        width = max(float(np.diff(edges).max()) for edges, _ in curves.values())
        yield Figure(
            sheet, chart.svg(f"psth{i}", f"Firing rate over time, {sheet}", "; ".join(said)), f"bins of {width:g} ms"
        )


def rate_figures(overview: Overview) -> Iterator[Figure]:
    """How the rates of the neurons are distributed, a panel for each sheet."""
    for i, (sheet, mine) in enumerate(_by_sheet(overview)):
        rates = {one.variant: one.stats.rates for one in mine if one.stats is not None}
        logs = {variant: np.log10(np.maximum(rate[rate > 0], LOWEST_RATE)) for variant, rate in rates.items()}
        all_ = np.concatenate(list(logs.values()))
        n_classes = _n_classes(max(log.size for log in logs.values()))
        edges = np.array([0.0, 1.0])
        if all_.size:
            edges = np.linspace(all_.min(), max(all_.max(), all_.min() + 0.1), n_classes + 1)
        shares = {
            variant: np.histogram(log, edges)[0] / max(1, rates[variant].size) * 100 for variant, log in logs.items()
        }
        top = max(float(share.max(initial=0)) for share in shares.values())
        chart = Chart(
            (edges[0], edges[-1]), (0, 1.05 * top), "Mean rate of a neuron (Hz)", "Share of neurons (%)", log_x=True,
            x_ticks=_log_ticks(edges[0], edges[-1]),
        )  # fmt: skip
        said, notes = [], []
        for variant, share in shares.items():
            chart.steps(edges, share, style_of(overview, variant))
            silent = int((rates[variant] == 0).sum())
            said.append(f"{variant}: {described(rates[variant], 'Hz')}, {silent} of {rates[variant].size} silent")
            notes.append(f"{variant}: {silent:,} of {rates[variant].size:,} silent")
        title = f"Distribution of the neurons' mean rates, {sheet}"
        yield Figure(sheet, chart.svg(f"rates{i}", title, "; ".join(said)), "; ".join(notes))


def part_rates(stats: Stats) -> tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Parts, the mean rate of a neuron in each in Hz, how far it is from the others, and whether it is an outlier."""
    parts, rates = stats.part_rates()
    z = robust_z(rates)
    return parts, rates, z, outliers(z)


def part_figures(overview: Overview) -> Iterator[Figure]:
    """The mean rate of each part, a panel for each sheet and variant, outliers marked."""
    for i, one in enumerate(overview.sheets):
        if one.stats is None:
            continue
        parts, rates, z, outlier = part_rates(one.stats)
        if len(parts) < 2:
            continue
        style = style_of(overview, one.variant)
        middle = float(np.nanmedian(rates))
        # Small differences are not to look large.
        reach = max(1.1 * float(np.nanmax(np.abs(rates - middle))), 0.1 * middle) or 1.0
        span = max(0.0, middle - reach), middle + reach
        step = max(1, -(-len(parts) // 4))
        ticks = [(float(place), str(parts[place])) for place in range(0, len(parts), step)]
        chart = Chart((-0.5, len(parts) - 0.5), span, "Part, in natural order", "Mean rate (Hz)", x_ticks=ticks)
        chart.level(middle)
        titles = [
            f"{part}: {rate:.3g} Hz, robust z {value:.1f}" for part, rate, value in zip(parts, rates, z, strict=True)
        ]
        usual = np.flatnonzero(~outlier)
        chart.dots(usual, rates[usual], f"dot {style}", [titles[k] for k in usual], 2.5 if len(parts) < 300 else 1.5)
        odd = np.flatnonzero(outlier)
        chart.diamonds(odd, rates[odd], "odd", [titles[k] for k in odd])
        few = ", ".join(f"{parts[k]} ({rates[k]:.3g} Hz, z {z[k]:.1f})" for k in odd[:10])
        note = f"no outlier in {len(parts)} parts"
        if len(parts) < FEWEST_VALUES:
            note = f"{len(parts)} parts, too few to call one an outlier"
        elif len(odd):
            note = f"{len(odd)} of {len(parts)} parts are outliers: {few}{' ...' if len(odd) > 10 else ''}"
        title = f"Mean rate of each part, {one.variant} {one.sheet}"
        yield Figure(
            f"{one.variant}, {one.sheet}", chart.svg(f"parts{i}", title, f"{described(rates, 'Hz')}; {note}"), note
        )


def raster_figures(overview: Overview) -> Iterator[Figure]:
    """One trial of some neurons, a panel for each sheet and variant."""
    for i, one in enumerate(overview.sheets):
        raster = one.raster
        if raster is None:
            continue
        span = raster.start, raster.start + raster.n_bins * one.width
        chart = Chart(span, (0, raster.n_rows), time_label([raster.zero]), "Neuron, by id")
        for name, onset in raster.phases:
            chart.mark(onset, name)
        style = f"spike {style_of(overview, one.variant)}"
        chart.ticks_at(raster.start + (raster.bins + 0.5) * one.width, raster.rows, style, 0.9)
        all_shown = raster.n_rows == raster.n_neurons
        shown = "all neurons" if all_shown else f"{raster.n_rows} of {raster.n_neurons:,} neurons"
        note = f"part {raster.part}, image {raster.image_id}, repeat {raster.repeat}; {shown}"
        title = f"Raster of one trial, {one.variant} {one.sheet}"
        said = f"{note}; {len(raster.rows)} bins with a spike"
        yield Figure(f"{one.variant}, {one.sheet}", chart.svg(f"raster{i}", title, said), note)


def reliability_figures(overview: Overview) -> Iterator[Figure]:
    """How reliable the responses of a sample of neurons are, a panel for each sheet that has repeats."""
    for i, (sheet, mine) in enumerate(_by_sheet(overview)):
        found = {one.variant: one.stats.reliability for one in mine if one.stats is not None}
        found = {variant: values[np.isfinite(values)] for variant, values in found.items()}
        found = {variant: values for variant, values in found.items() if values.size}
        if not found:
            continue
        low = min(-0.2, *(float(values.min()) for values in found.values()))
        edges = np.linspace(low, 1, _n_classes(max(values.size for values in found.values())) + 1)
        shares = {variant: np.histogram(values, edges)[0] / values.size * 100 for variant, values in found.items()}
        top = max(float(share.max()) for share in shares.values())
        chart = Chart((low, 1), (0, 1.05 * top), "Reliability, ICC(1)", "Share of neurons (%)")
        said, notes = [], []
        for variant, share in shares.items():
            chart.steps(edges, share, style_of(overview, variant))
            said.append(f"{variant}: {described(found[variant], '')}, {found[variant].size} neurons")
            notes.append(f"{variant}: median {np.median(found[variant]):.2f} of {found[variant].size} neurons")
        title = f"Reliability of responses over repeats, {sheet}"
        yield Figure(sheet, chart.svg(f"reliability{i}", title, "; ".join(said)), "; ".join(notes))


def position_figures(overview: Overview) -> Iterator[Figure]:
    """Where the neurons lie, coloured by rate, a panel for each sheet and variant with positions."""
    for i, one in enumerate(overview.sheets):
        stats = one.stats
        if stats is None:
            continue
        x, y = stats.neurons["x"], stats.neurons["y"]
        there = np.isfinite(x) & np.isfinite(y)
        if not there.any():
            continue
        x, y, rates = x[there], y[there], stats.rates[there]
        side = max(float(np.ptp(x)), float(np.ptp(y))) or 1.0
        places, what = (x, y, rates), "a dot for each neuron"
        size = side / 60
        if len(x) > MOST_DOTS:
            places, size = _in_squares(x, y, rates, side)
            what = f"{len(x):,} neurons, mean over squares"
        cx, cy, values = places
        margin = 0.03 * side
        middle = (float(x.min()) + float(x.max())) / 2, (float(y.min()) + float(y.max())) / 2
        half = side / 2 + margin
        chart = Chart(
            (middle[0] - half * 304 / 260, middle[0] + half * 304 / 260),
            (middle[1] - half, middle[1] + half), "x", "y", height=306,
        )  # fmt: skip
        edges = np.unique(np.quantile(values, np.linspace(0, 1, CLASSES + 1)))
        classes = np.clip(np.searchsorted(edges, values, "right") - 1, 0, max(0, len(edges) - 2))
        for k in range(max(1, len(edges) - 1)):
            mine = classes == k
            if mine.any():
                chart.squares(cx[mine], cy[mine], size, f"r{k * CLASSES // max(1, len(edges) - 1)}")
        span = f"{number(float(edges[0]))} to {number(float(edges[-1]))} Hz"
        legend = f"{span} in {max(1, len(edges) - 1)} classes of equal size"
        title = f"Positions coloured by mean rate, {one.variant} {one.sheet}"
        yield Figure(
            f"{one.variant}, {one.sheet}",
            chart.svg(f"positions{i}", title, f"{what}; {described(values, 'Hz')}"),
            f"{what}; {legend}",
        )


def _by_sheet(overview: Overview) -> list[tuple[str, list[SheetOverview]]]:
    """The sheets that have statistics, with their variants."""
    found: dict[str, list[SheetOverview]] = {}
    for one in overview.sheets:
        if one.stats is not None:
            found.setdefault(one.sheet, []).append(one)
    return list(found.items())


def _marks(one: SheetOverview) -> list[tuple[str, float]]:
    """Onsets of phases on the axis of times."""
    start = 0.0 if one.stats is None else one.stats.start
    return [(name, start + onset) for name, onset in one.phases]


def coarse_psth(one: SheetOverview) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges in ms and rates in Hz, phase by phase, in as many bins as can be told apart.

    Spikes at exactly the end of a phase are left out: their bin takes no time.
    """
    assert one.stats is not None  # noqa: S101
    fine = one.stats.widths[0]
    k = next(factor for factor in round_steps() if fine.psth.size <= MOST_BINS * factor)
    onsets = [round(onset / fine.width) for _, onset in one.phases] or [0]
    ends = [*onsets[1:], fine.psth.size]
    starts = np.unique(np.concatenate([np.arange(a, b, k) for a, b in zip(onsets, ends, strict=True)]))
    counts = np.add.reduceat(np.where(fine.recorded > 0, fine.bin_counts, 0), starts)
    recorded = np.add.reduceat(fine.recorded, starts)
    edges = one.stats.start + np.append(starts, fine.psth.size) * fine.width
    return edges, ratio(counts * 1000, recorded * len(one.stats.neurons))


def _n_classes(n: int) -> int:
    """Of a histogram of n values: as many as are not all noise."""
    return int(np.clip(np.sqrt(n), 8, 30))


def _log_ticks(low: float, high: float) -> Sequence[tuple[float, str]]:
    """Round numbers between two powers of ten: as few a decade as make three of them."""
    powers = range(int(np.floor(low)) - 1, int(np.ceil(high)) + 1)
    ticks: list[tuple[float, str]] = []
    for factors in ((1,), (1, 2, 5), (1, 2, 3, 4, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)):
        values = [factor * 10.0**power for power in powers for factor in factors]
        ticks = [(float(np.log10(value)), number(value)) for value in values if low <= np.log10(value) <= high]
        if len(ticks) >= 3:
            break
    return ticks


def _in_squares(
    x: NDArray[np.float64], y: NDArray[np.float64], rates: NDArray[np.float64], side: float
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], float]:
    """Mean rate of the neurons in each square of a grid, where there are any."""
    step = side / GRID
    columns = np.minimum(((x - x.min()) / step).astype(int), GRID - 1)
    rows = np.minimum(((y - y.min()) / step).astype(int), GRID - 1)
    square = rows * GRID + columns
    n = np.bincount(square, minlength=GRID * GRID)
    mean = ratio(np.bincount(square, rates, GRID * GRID), n)
    used = np.flatnonzero(n)
    row, column = np.divmod(used, GRID)
    return (x.min() + (column + 0.5) * step, y.min() + (row + 0.5) * step, mean[used]), step
