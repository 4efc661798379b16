"""Pictures of spikes as lines of text: a trial as dots, a PSTH as bars. No files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.display.plots import _named, at_onset, steps_text, trials_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from spikebin.dataset.view import View
    from spikebin.matrixfile.reader import MatrixFile
    from spikebin.stats.conditions import ConditionRates

__all__ = ["condition_lines", "condition_raster", "draw_raster", "spark", "spark_psth"]

BARS = " ▁▂▃▄▅▆▇█"


def spark(values: Sequence[float] | NDArray[Any], width: int, top: float | None = None) -> str:
    """Numbers as one line of bars, from 0 to the largest; many are averaged to fit into `width` characters.

    Parameters
    ----------
    values : sequence of float (n,)
        0 or more; nan is left out of the means, and a blank where there is nothing else.
    width : int
        1 or more.
    top : float, optional
        What the highest bar stands for; default: the largest of the means.

    Returns
    -------
    str
        At most `width` characters; "" where there is no finite number.
    """
    array = np.asarray(values, float)
    if not array.size or not np.isfinite(array).any():
        return ""
    edges = np.linspace(0, array.size, min(width, array.size) + 1).astype(int)
    n_there = np.add.reduceat(np.isfinite(array).astype(int), edges[:-1])
    means = np.add.reduceat(np.nan_to_num(array), edges[:-1]) / np.maximum(n_there, 1)
    top = float(means.max()) if top is None else top
    shares = np.minimum(means / top, 1) if top else np.zeros(means.size)
    heights = np.ceil(shares * (len(BARS) - 1)).astype(int)
    return "".join(BARS[height] for height in heights)


def spark_psth(sheets: Mapping[str, View] | MatrixFile | View, width: int, origin: str | None = None) -> list[str]:
    """A line for each sheet: its name, its PSTH as bars, and its mean and peak rate in Hz.

    Parameters
    ----------
    sheets : mapping of str to View, MatrixFile or View
        By the name to be shown.
    origin : str, optional
        The phase at whose onset trials are aligned; None: see `spikebin.display.plots.at_onset`. Where that moves
        trials, another line says from when on how many trials there are.
    width : int
        Characters of a line, which names and numbers may overrun: the bars take 10 at least.

    Returns
    -------
    list of str
    """
    lines = []
    named = _named(sheets)
    longest = max(map(len, named), default=0)
    for name, whole in named.items():
        view, start = at_onset(whole, origin)
        rate = view.psth()
        numbers = f"mean {np.nanmean(rate):.1f}, peak {np.nanmax(rate):.1f} Hz"
        lines.append(f"{name:<{longest}}  {spark(rate, max(10, width - longest - len(numbers) - 4))}  {numbers}")
        if start is not None:
            lines.append(f"{'':<{longest}}  {trials_text(view, start)}")
    return lines


BRAILLE = 0x2800


# Bit of each of the 4 x 2 dots of a braille character (Unicode, "Braille Patterns").
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def draw_raster(
    rows: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int], size: tuple[int, int], marks: Sequence[int] = ()
) -> list[str]:
    """Draw spikes as lines of braille characters, four neurons by two stretches of time each.

    Parameters
    ----------
    rows, columns : int (n_events,)
        Neuron and bin of each spike.
    shape : (int, int)
        Neurons and bins of the trial.
    size : (int, int)
        The most lines and characters a line that fit.
    marks : sequence of int
        Bins to mark with a rule below the raster: onsets of phases.

    Returns
    -------
    list of str
        The raster's lines, row 0 on top, then the rule.
    """
    n_lines = min(size[0], -(-shape[0] // 4))
    n_chars = min(size[1], -(-shape[1] // 2))
    height, width = min(n_lines * 4, shape[0]), min(n_chars * 2, shape[1])
    picture = np.zeros((n_lines * 4, n_chars * 2), bool)
    picture[rows * height // shape[0], columns * width // shape[1]] = True
    cells = picture.reshape(n_lines, 4, n_chars, 2).transpose(0, 2, 1, 3)
    codes = (cells * DOTS).sum(axis=(2, 3)) + BRAILLE
    rule = ["─"] * n_chars
    for mark in marks:
        rule[mark * width // shape[1] // 2] = "┴"
    return ["".join(map(chr, line)) for line in codes] + ["".join(rule)]


def condition_lines(found: ConditionRates, width: int) -> list[str]:
    """Rates over time by condition: a line for each, with its PSTH as bars, its mean and peak rate, and its trials.

    Where bins differ in how many trials have them, another line says so.

    Parameters
    ----------
    found : ConditionRates
    width : int
        Characters of a line, which names and numbers may overrun: the bars take 10 at least.

    Returns
    -------
    list of str
    """
    top = max((float(np.nanmax(one.mean, initial=0)) for one in found.conditions), default=0.0)
    longest = max(len(one.label) for one in found.conditions)
    lines = []
    for one in found.conditions:
        there = one.mean[np.isfinite(one.mean)]
        mean, peak = (float(there.mean()), float(there.max())) if there.size else (0.0, 0.0)
        numbers = f"mean {mean:.1f}, peak {peak:.1f} Hz, {_number(len(one.trials), 'trial')}"
        bars = spark(one.mean, max(10, width - longest - len(numbers) - 4), top)
        lines.append(f"{one.label:<{longest}}  {bars}  {numbers}")
        n_trials = found.coverage(one)
        if np.ptp(n_trials):
            lines.append(f"{'':<{longest}}  {steps_text(n_trials, found.edges[:-1])}")
    return lines


def condition_raster(found: ConditionRates, size: tuple[int, int]) -> list[str]:
    """The trials of one neuron as a raster of braille characters, sorted by condition.

    Parameters
    ----------
    found : ConditionRates
        Of a single neuron.
    size : (int, int)
        The most lines and characters a line that fit.

    Returns
    -------
    list of str
        As `draw_raster`, trials from top to bottom in the order of the conditions; the rule marks time 0.
    """
    events = found.events or []
    order = np.concatenate([one.trials for one in found.conditions])
    start, stop = float(found.edges[0]), float(found.edges[-1])
    n_columns = 2 * size[1]
    rows = np.repeat(np.arange(len(order)), [len(events[trial]) for trial in order.tolist()])
    times = np.concatenate([events[trial] for trial in order.tolist()])
    columns = np.minimum(((times - start) / (stop - start) * n_columns).astype(int), n_columns - 1)
    marks = [int(-start / (stop - start) * n_columns)] if start <= 0 < stop else []
    return draw_raster(rows, columns, (len(order), n_columns), size, marks=marks)


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
