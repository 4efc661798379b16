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

__all__ = ["plot_file", "plot_psth", "plot_rates", "plot_trial"]

DPI = 150

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


def plot_psth(sheets: Mapping[str, View] | MatrixFile | View, path: Path) -> None:
    """Draw the mean rate over time of each sheet, in Hz a neuron; see `View.psth`.

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
    _draw_psth(figure.axes[0], _named(sheets))
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


def plot_file(sheets: Mapping[str, View] | MatrixFile | View, path: Path, *, trial: int | None = None) -> None:
    """Draw PSTH and rates of each sheet and, where a trial is given, its raster in the first.

    Parameters
    ----------
    sheets : mapping of str to View, MatrixFile or View
        By the name to be drawn.
    path : Path
        As for `plot_trial`.
    trial : int, optional
        Negative counts from the end.

    Raises
    ------
    IndexError
        If there is no such trial.
    SpikebinError
        If there is no sheet, matplotlib is missing, or the picture cannot be written.
    """
    named = _named(sheets)
    if not named:
        raise SpikebinError("nothing to draw: no sheet has spikes yet, `spikebin run` exports them")
    figure = _figure(2 if trial is None else 3)
    if trial is not None:
        _draw_raster(figure.axes[0], next(iter(named.values())), trial)
    _draw_psth(figure.axes[-2], named)
    _draw_rates(figure.axes[-1], named)
    _save(figure, path)


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
    for name, start in zip(names, starts.tolist(), strict=True):
        axes.axvline(start, color="tab:red", linewidth=0.8)
        axes.text(start, view.shape[1], f" {name}", color="tab:red", fontsize="small", va="bottom")
    axes.set(xlim=(time[0], time[0] + time.size * view.width), ylim=(0, view.shape[1]), ylabel="neuron")
    axes.set_xlabel(f"ms from {view.time_zero}")
    axes.set_title(f"{view.name}, image {facts['image_id']}, repeat {facts['repeat']}", loc="right", fontsize="medium")


def _draw_psth(axes: Any, named: Mapping[str, View]) -> None:
    for i, (name, view) in enumerate(named.items()):
        rate = view.psth()
        style = {"linewidth": 0.8, "drawstyle": "steps-post", **_style(i)}
        axes.plot(view.time, rate, label=name, **style)
    zeros = {view.time_zero for view in named.values()}
    axes.set(xlabel=f"ms from {' or '.join(sorted(zeros))}", ylabel="Hz a neuron", ylim=(0, None))
    axes.margins(x=0)
    _legend(axes)


def _draw_rates(axes: Any, named: Mapping[str, View]) -> None:
    for i, (name, view) in enumerate(named.items()):
        rates = np.sort(view.rates())
        axes.plot(rates, np.arange(1, rates.size + 1) / rates.size, label=name, drawstyle="steps-post", **_style(i))
    axes.set(xlabel="mean rate of a neuron, Hz", ylabel="fraction of neurons", ylim=(0, 1))
    _legend(axes)


def _style(i: int) -> dict[str, str]:
    """Of the i-th sheet: matplotlib has ten colours, and two variants of six sheets are more."""
    return {"color": f"C{i % 10}", "linestyle": LINES[i // 10 % len(LINES)]}


def _legend(axes: Any) -> None:
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))


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
