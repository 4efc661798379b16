"""Pictures of spikes with matplotlib: raster of a trial, PSTH, rates. What is drawn comes from views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.dataset.dataset import Dataset
from spikebin.display.style import LINES, colours, draw, label_phases, log_rates, remark, tidy, time_label
from spikebin.errors import SpikebinError
from spikebin.matrixfile.reader import MatrixFile
from spikebin.stats.conditions import grouped_columns
from spikebin.stats.formulas import ratio

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.dataset.view import View

__all__ = [
    "ONSET",
    "at_onset",
    "binned_psth",
    "onsets_of",
    "plot_file",
    "plot_psth",
    "plot_rates",
    "plot_trial",
    "trials_text",
]

ONSET = "image"
MOST_STEPS = 8
MOST_ROWS = 400
"""More neurons than that are drawn as densities: a picture of a few centimetres has no more lines to tell apart."""
DENSITY = (200, 300)
WIDE = 7.1
"""Inches: two columns of most journals."""


def plot_trial(file: MatrixFile | View, trial: int, path: Path) -> None:
    """Draw the raster of one trial, its phases marked; of more than 400 neurons, the density of their spikes.

    Parameters
    ----------
    file : MatrixFile or View
    trial : int
        Negative counts from the end.
    path : Path
        Of the picture; its ending says which kind (png, pdf, svg).

    Raises
    ------
    IndexError
        If there is no such trial.
    SpikebinError
        If matplotlib is missing, or the picture cannot be written.
    """
    view = _view(file)
    draw((WIDE, 3.2), path, lambda figure: _draw_raster(figure, figure.subplots(), view, trial))


def plot_psth(sheets: Mapping[str, View] | MatrixFile | View, path: Path, *, origin: str | None = None) -> None:
    """Draw the mean rate over time of each sheet, a panel each, in Hz a neuron; see `View.psth`.

    Variants of a sheet share its panel. Bins are taken together until they can be told apart; those that take no time,
    for spikes at exactly the end of a phase, are left out.

    Parameters
    ----------
    sheets : mapping of str to View, MatrixFile or View
        By the name to be drawn.
    path : Path
        As for `plot_trial`.
    origin : str, optional
        The phase at whose onset trials are aligned, see `at_onset`. How many trials there are is drawn, where it
        differs from bin to bin.

    Raises
    ------
    SpikebinError
        If matplotlib is missing, or the picture cannot be written.
    """
    panels = _by_sheet(_named(sheets))
    n_rows, n_columns = _grid(len(panels))

    def paint(figure: Any) -> None:
        grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True)
        _draw_psths(grid, panels, origin)

    draw((WIDE, 0.5 + 1.6 * n_rows), path, paint)


def plot_rates(sheets: Mapping[str, View] | MatrixFile | View, path: Path) -> None:
    """Draw how the mean rates of the neurons are distributed, a panel for each sheet, in Hz; see `View.rates`.

    Parameters
    ----------
    sheets : mapping of str to View, MatrixFile or View
        By the name to be drawn.
    path : Path
        As for `plot_trial`.

    Raises
    ------
    SpikebinError
        If matplotlib is missing, or the picture cannot be written.
    """
    panels = _by_sheet(_named(sheets))
    n_rows, n_columns = _grid(len(panels))

    def paint(figure: Any) -> None:
        _draw_rates(figure.subplots(n_rows, n_columns, squeeze=False, sharey=True), panels)

    draw((WIDE, 0.5 + 1.6 * n_rows), path, paint)


def plot_file(
    sheets: Mapping[str, View] | MatrixFile | View, path: Path, *, trial: int | None = None, origin: str | None = None
) -> None:
    """Draw PSTH and rates of each sheet and, where a trial is given, its raster in the first.

    Parameters
    ----------
    sheets : mapping of str to View, MatrixFile or View
        By the name to be drawn.
    path : Path
        As for `plot_trial`.
    trial : int, optional
        Negative counts from the end.
    origin : str, optional
        See `plot_psth`.

    Raises
    ------
    IndexError
        If there is no such trial.
    DatasetError
        If there is no such phase.
    SpikebinError
        If there is no sheet, matplotlib is missing, or the picture cannot be written.
    """
    named = _named(sheets)
    if not named:
        raise SpikebinError("nothing to draw: no sheet has spikes yet, `spikebin run` exports them")
    panels = _by_sheet(named)
    n_rows = len(panels)

    def paint(figure: Any) -> None:
        heights = [] if trial is None else [3.2]
        parts = figure.subfigures(len(heights) + 1, 1, height_ratios=[*heights, 0.4 + 1.7 * n_rows], squeeze=False)[
            :, 0
        ]
        if trial is not None:
            _draw_raster(parts[0], parts[0].subplots(), next(iter(named.values())), trial)
        left, right = parts[-1].subfigures(1, 2, width_ratios=[3, 2])
        _draw_psths(left.subplots(n_rows, 1, squeeze=False, sharex=True), panels, origin)
        _draw_rates(right.subplots(n_rows, 1, squeeze=False, sharey=True), panels)

    draw((WIDE, 0.5 + 1.45 * n_rows + (0 if trial is None else 3.2)), path, paint)


def at_onset(view: View, origin: str | None = None) -> tuple[View, float | None]:
    """A view with its trials aligned at the onset of a phase, and when in ms from that onset it begins.

    Parameters
    ----------
    view : View
    origin : str, optional
        None: the phase "image", where it does not begin in the same bin of every trial.

    Returns
    -------
    view : View
    start : float or None
        None: it is the view itself, whose trials begin together.

    Raises
    ------
    DatasetError
        If there is no such phase.
    """
    if origin is None:
        names, bins = view.phases()
        if ONSET not in names or len(np.unique((bins.cumsum(axis=1) - bins)[:, names.index(ONSET)])) < 2:
            return view, None
    aligned = view.aligned(origin or ONSET)
    return aligned, -float(aligned.onsets(origin or ONSET)[0]) * view.width


def onsets_of(view: View) -> list[tuple[str, float]]:
    """The phases that begin at one time in all trials, and when; of windows around an event, the event.

    Parameters
    ----------
    view : View

    Returns
    -------
    list of (str, float)
        Name, and onset in ms as `View.time` counts it.
    """
    if view.time_zero == "event":
        return [("event", 0.0)]
    names, n_bins = view.phases()
    starts = view.time[0] + (n_bins.cumsum(axis=1) - n_bins) * view.width
    together = [k for k in range(len(names)) if n_bins[:, k].any() and np.ptp(starts[:, k]) == 0]
    return [(names[k], float(starts[0, k])) for k in together]


def trials_text(view: View, start: float) -> str:
    """From when on how many trials there are, in words.

    Parameters
    ----------
    view : View
    start : float
        When it begins, in ms from an onset.

    Returns
    -------
    str
        ``trials: 2 from -302 ms, 3 from 0 ms, 1 from 548 ms``; the middle left out where there are many steps.
    """
    return steps_text(view.coverage(), start + np.arange(view.shape[2]) * view.width)


def steps_text(n_trials: NDArray[np.int64], times: NDArray[np.floating[Any]]) -> str:
    """How many trials have each bin, in words, as `trials_text` says it.

    Parameters
    ----------
    n_trials : int64 (n_bins,)
    times : float64 (n_bins,)
        When each bin begins, in ms.

    Returns
    -------
    str
    """
    steps = np.flatnonzero(np.diff(n_trials, prepend=-1))
    texts = [f"{n_trials[bin_]:,} from {times[bin_]:g} ms" for bin_ in steps.tolist()]
    if len(texts) > MOST_STEPS:
        texts = [*texts[: MOST_STEPS // 2], "...", *texts[-MOST_STEPS // 2 :]]
    return f"trials: {', '.join(texts)}"


def _view(file: MatrixFile | View) -> View:
    return Dataset([file]) if isinstance(file, MatrixFile) else file


def _named(sheets: Mapping[str, View] | MatrixFile | View) -> dict[str, View]:
    if isinstance(sheets, MatrixFile):
        return {sheets.header.sheet: Dataset([sheets])}
    return {sheets.sheet: sheets} if not hasattr(sheets, "items") else dict(sheets)


def _by_sheet(named: Mapping[str, View]) -> dict[str, dict[str, View]]:
    """Sheet -> what tells its views apart, which share a panel: the variants, or the names that they were given."""
    panels: dict[str, dict[str, View]] = {}
    for name, view in named.items():
        mine = panels.setdefault(view.sheet, {})
        variant = view.name.split("/", 1)[0]
        mine[name if variant in mine else variant] = view
    return panels


def _grid(n: int) -> tuple[int, int]:
    n_columns = min(3, n)
    return -(-n // n_columns), n_columns


def _draw_raster(figure: Any, axes: Any, view: View, trial: int) -> None:
    rows, bins = view.events(trial)
    facts, time = view.trials[trial], view.time
    end = float(time[0]) + view.shape[2] * view.width
    if view.shape[1] > MOST_ROWS:
        _draw_density(figure, axes, view, (rows, bins), end)
    else:
        axes.vlines(
            time[bins] + view.width / 2, rows - 0.45, rows + 0.45, linewidth=0.6, color="black", rasterized=True
        )
    axes.set(xlim=(time[0], end), ylim=(-0.5, view.shape[1] - 0.5))
    names, n_bins = view.phases()
    starts = time[0] + (n_bins[trial].cumsum() - n_bins[trial]) * view.width
    there = zip(names, starts.tolist(), n_bins[trial].tolist(), strict=True)
    marks = [(name, start) for name, start, length in there if length]
    label_phases(axes, onsets_of(view) if view.time_zero == "event" else marks)
    variant = view.name.split("/", 1)[0]
    number = trial % len(view)
    title = f"{view.sheet}, {variant}, part {facts['part']}, trial {number}: image {facts['image_id']}"
    tidy(axes, x=time_label([view.time_zero]), y="Neuron", title=f"{title}, repeat {facts['repeat']}")


def _draw_density(figure: Any, axes: Any, view: View, events: tuple[Any, Any], end: float) -> None:
    """Rates of groups of neurons over time, as an image."""
    n_rows, n_columns = min(DENSITY[0], view.shape[1]), min(DENSITY[1], view.shape[2])
    row_edges = np.linspace(0, view.shape[1], n_rows + 1).astype(int)
    bin_edges = np.linspace(0, view.shape[2], n_columns + 1).astype(int)
    counts, _, _ = np.histogram2d(*events, bins=(row_edges, bin_edges))
    seconds = np.diff(bin_edges) * view.width / 1000
    image = axes.imshow(
        counts / np.diff(row_edges)[:, np.newaxis] / seconds,
        aspect="auto",
        origin="lower",
        cmap="Greys",
        interpolation="nearest",
        extent=(float(view.time[0]), end, -0.5, view.shape[1] - 0.5),
    )
    figure.colorbar(image, ax=axes, label="Firing rate (Hz)", pad=0.01)


def _draw_psths(grid: Any, panels: Mapping[str, Mapping[str, View]], origin: str | None) -> None:
    flat = grid.ravel()
    paints = _paints(panels)
    for axes, (sheet, views) in zip(flat, panels.items(), strict=False):
        zeros, width = [], 0.0
        marks: list[tuple[str, float]] = []
        for name, whole in views.items():
            view, start = at_onset(whole, origin)
            edges, rate = binned_psth(view)
            axes.stairs(rate, edges, baseline=None, label=name, **paints[name])
            width = float(np.diff(edges).max())
            zeros.append(view.time_zero)
            if start is None:
                marks = onsets_of(view)
            else:
                marks = [(origin or ONSET, 0.0)]
                _draw_coverage(axes, view)
        axes.set_ylim(0, None)
        tidy(axes, x=time_label(zeros), y="Firing rate (Hz)", title=sheet)
        remark(axes, f"{width:g} ms bins")
        label_phases(axes, marks)
    _share(grid, len(panels))
    _legend(flat[0], paints)


def _draw_coverage(axes: Any, view: View) -> None:
    """How many trials there are at each time: they begin and end at different times."""
    beside = axes.twinx()
    beside.fill_between(view.time, view.coverage(), step="post", color="0.9", zorder=0)
    beside.set(ylabel="Trials", ylim=(0, None))
    beside.spines["right"].set_visible(True)
    beside.yaxis.get_major_locator().set_params(integer=True)
    axes.set_zorder(beside.get_zorder() + 1)
    axes.patch.set_visible(False)


def binned_psth(view: View) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The PSTH of a view in as many bins as can be told apart.

    Parameters
    ----------
    view : View

    Returns
    -------
    edges : float64 (n + 1,)
        ms, as `View.time` counts them.
    rate : float64 (n,)
        Hz. Spikes in bins that take no time, at exactly the end of a phase, are left out; nan where nothing else is.
    """
    starts = grouped_columns(view)
    recorded = view.recorded()
    spikes = np.where(recorded > 0, np.nan_to_num(view.psth()) * recorded, 0)
    rate = ratio(np.add.reduceat(spikes, starts), np.add.reduceat(recorded, starts))
    return np.append(view.time[starts], view.time[0] + view.shape[2] * view.width), rate


def _draw_rates(grid: Any, panels: Mapping[str, Mapping[str, View]]) -> None:
    flat = grid.ravel()
    paints = _paints(panels)
    for axes, (sheet, views) in zip(flat, panels.items(), strict=False):
        lowest = np.inf
        for name, view in views.items():
            rates = np.sort(view.rates())
            lowest = min(lowest, float(np.min(rates[rates > 0], initial=np.inf)))
            silent = float((rates == 0).mean())
            heights = np.arange(1, rates.size + 1) / rates.size
            shown = rates > 0
            axes.step(
                np.concatenate([rates[shown][:1], rates[shown]]),
                np.concatenate([[silent], heights[shown]])[: shown.sum() + 1],
                where="post",
                label=name,
                **paints[name],
            )
        axes.set_ylim(0, 1)
        tidy(axes, x="Mean firing rate (Hz)", y="Fraction of neurons", title=sheet)
        if np.isfinite(lowest):
            log_rates(axes)
    _share(grid, len(panels))
    _legend(flat[0], paints)


def _paints(panels: Mapping[str, Mapping[str, View]]) -> dict[str, dict[str, Any]]:
    """Colour and line of each variant: the same in all panels."""
    names = list(dict.fromkeys(name for views in panels.values() for name in views))
    found = colours(len(names))
    return {name: {"color": found[i], "linestyle": LINES[i % len(LINES)]} for i, name in enumerate(names)}


def _share(grid: Any, n: int) -> None:
    """No axes without a panel, and labels at the left and the bottom alone."""
    for i, axes in enumerate(grid.ravel()):
        if i >= n:
            axes.remove()
    n_columns = grid.shape[1]
    for i in range(n):
        row, column = divmod(i, n_columns)
        axes = grid[row, column]
        if i + n_columns < n:
            axes.set_xlabel("")
        else:
            axes.tick_params(labelbottom=True)
        if column:
            axes.set_ylabel("")


def _legend(axes: Any, paints: Mapping[str, Any]) -> None:
    if len(paints) > 1:
        axes.legend(loc="best", handlelength=1.8)
