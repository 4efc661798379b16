"""Pictures of spikes with matplotlib: raster of a trial, PSTH, rates. What is drawn comes from views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.dataset.dataset import Dataset
from spikebin.errors import SpikebinError
from spikebin.matrixfile.reader import MatrixFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spikebin.dataset.view import View

__all__ = ["at_onset", "plot_file", "plot_psth", "plot_rates", "plot_trial", "trials_text"]

DPI = 150

ONSET = "image"
MOST_STEPS = 8

LINES = ("-", "--", ":", "-.")


def plot_trial(file: MatrixFile | View, trial: int, path: Path) -> None:
    """Draw the raster of one trial: a dot for each bin with a spike, its phases marked.

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
    figure = _figure(1)
    _draw_raster(figure.axes[0], _view(file), trial)
    _save(figure, path)


def plot_psth(sheets: Mapping[str, View] | MatrixFile | View, path: Path, *, origin: str | None = None) -> None:
    """Draw the mean rate over time of each sheet, in Hz a neuron; see `View.psth`.

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
    figure = _figure(1)
    _draw_psth(figure.axes[0], _named(sheets), origin)
    _save(figure, path)


def plot_rates(sheets: Mapping[str, View] | MatrixFile | View, path: Path) -> None:
    """Draw how the mean rates of the neurons of each sheet, in Hz, are spread; see `View.rates`.

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
    figure = _figure(1)
    _draw_rates(figure.axes[0], _named(sheets))
    _save(figure, path)


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
    figure = _figure(2 if trial is None else 3)
    *above, middle, below = figure.axes
    if trial is not None:
        _draw_raster(above[0], next(iter(named.values())), trial)
    _draw_psth(middle, named, origin)
    _draw_rates(below, named)
    _save(figure, path)


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
    n_trials = view.coverage()
    steps = np.flatnonzero(np.diff(n_trials, prepend=-1))
    texts = [f"{n_trials[bin_]:,} from {start + bin_ * view.width:g} ms" for bin_ in steps.tolist()]
    if len(texts) > MOST_STEPS:
        texts = [*texts[: MOST_STEPS // 2], "...", *texts[-MOST_STEPS // 2 :]]
    return f"trials: {', '.join(texts)}"


def _view(file: MatrixFile | View) -> View:
    return Dataset([file]) if isinstance(file, MatrixFile) else file


def _named(sheets: Mapping[str, View] | MatrixFile | View) -> dict[str, View]:
    if isinstance(sheets, MatrixFile):
        return {sheets.header.sheet: Dataset([sheets])}
    return {sheets.sheet: sheets} if not hasattr(sheets, "items") else dict(sheets)


def _draw_raster(axes: Any, view: View, trial: int) -> None:
    rows, bins = view.events(trial)
    facts = view.trials[trial]
    time = view.time
    axes.plot(time[bins], rows, linestyle="none", marker=".", markersize=1.5, color="black", rasterized=True)
    names, n_bins = view.phases()
    starts = time[0] + (n_bins[trial].cumsum() - n_bins[trial]) * view.width
    for name, start, length in zip(names, starts.tolist(), n_bins[trial].tolist(), strict=True):
        if not length:
            continue
        axes.axvline(start, color="tab:red", linewidth=0.8)
        axes.text(start, view.shape[1], f" {name}", color="tab:red", fontsize="small", va="bottom")
    axes.set(xlim=(time[0], time[0] + time.size * view.width), ylim=(0, view.shape[1]), ylabel="neuron")
    axes.set_xlabel(f"ms from {view.time_zero}")
    axes.set_title(f"{view.name}, image {facts['image_id']}, repeat {facts['repeat']}", loc="right", fontsize="medium")


def _draw_psth(axes: Any, named: Mapping[str, View], origin: str | None = None) -> None:
    coverage: dict[str, Any] = {}
    for i, (name, whole) in enumerate(named.items()):
        view, start = at_onset(whole, origin)
        rate = view.psth()
        ms = view.time if start is None else np.arange(rate.size) * view.width + start
        axes.plot(ms, rate, label=name, **{"linewidth": 0.8, "drawstyle": "steps-post", **_style(i)})
        if start is not None:
            coverage[name] = ms, view.coverage()
    zeros = {view.time_zero for view in named.values()}
    label = "ms from the onset" if coverage else f"ms from {' or '.join(sorted(zeros))}"
    axes.set(xlabel=label, ylabel="Hz a neuron", ylim=(0, None))
    axes.margins(x=0)
    if coverage:
        # The sheets of a variant have the same trials; those of another are drawn as well.
        beside = axes.twinx()
        for ms, n_trials in {tuple(n.tolist()): (ms, n) for ms, n in coverage.values()}.values():
            beside.fill_between(ms, n_trials, step="post", color="0.85", zorder=0)
        beside.set(ylabel="trials", ylim=(0, None))
        beside.yaxis.get_major_locator().set_params(integer=True)
        axes.set_zorder(beside.get_zorder() + 1)
        axes.patch.set_visible(False)
    _legend(axes, 1.08 if coverage else 1.0)


def _draw_rates(axes: Any, named: Mapping[str, View]) -> None:
    for i, (name, view) in enumerate(named.items()):
        rates = np.sort(view.rates())
        axes.plot(rates, np.arange(1, rates.size + 1) / rates.size, label=name, drawstyle="steps-post", **_style(i))
    axes.set(xlabel="mean rate of a neuron, Hz", ylabel="fraction of neurons", ylim=(0, 1))
    _legend(axes)


def _style(i: int) -> dict[str, str]:
    """Of the i-th sheet: matplotlib has ten colours, and two variants of six sheets are more."""
    return {"color": f"C{i % 10}", "linestyle": LINES[i // 10 % len(LINES)]}


def _legend(axes: Any, left: float = 1.0) -> None:
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(left, 0.5))


def _figure(n_panels: int) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise SpikebinError("matplotlib is not installed: pip install 'spikebin[plot]'") from None
    figure = Figure(figsize=(8, 3.2 * n_panels), layout="constrained")
    figure.subplots(n_panels)
    return figure


def _save(figure: Any, path: Path) -> None:
    try:
        figure.savefig(path, dpi=DPI)
    except (OSError, ValueError) as error:
        raise SpikebinError(f"the picture {path} cannot be written ({error}): give a name such as out.png") from None
