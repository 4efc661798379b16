"""Windows that reach past what was recorded, where a format tells from when to when that is.

How windows are made of events is in event_table.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spikebin.binning.rules import DOUBLE, Precision, edge_tolerance
from spikebin.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from spikebin.choices import Short

__all__ = ["fitted", "left_out", "observed_span", "span_not_told"]


def observed_span(observed: Iterable[NDArray[np.float64]]) -> tuple[float, float] | None:
    """From when to when any neuron was observed.

    Parameters
    ----------
    observed : iterable of float64 (n, 2)
        For each neuron, ms from when to when its spikes were looked for.

    Returns
    -------
    (float, float) or None
        None where that is not told of every neuron, or makes no sense: a window is not refused by half of the facts.
    """
    listed = list(observed)
    if not listed or not all(spans.size for spans in listed):
        return None
    together = np.concatenate(listed)
    start, stop = float(together[:, 0].min()), float(together[:, 1].max())
    return (start, stop) if np.isfinite(together).all() and start < stop else None


def left_out(n: int, of: int) -> list[str]:
    """What to say of trials that were dropped.

    Parameters
    ----------
    n, of : int
        So many, of how many.

    Returns
    -------
    list of str
    """
    return [f"left out {n:,} of {of:,} trials, which reach past what was recorded (short = drop)"] if n else []


def span_not_told(short: Short) -> list[str]:
    """What to say where trials are to be cut or dropped, and nothing tells where the recording ends.

    Parameters
    ----------
    short : {"refuse", "pad", "cut", "drop"}

    Returns
    -------
    list of str
    """
    if short not in {"cut", "drop"}:
        return []
    return [f"it does not tell from when to when it was recorded, so that --short {short} changes no trial"]


def fitted(
    window: tuple[float, float],
    span: tuple[float, float] | None,
    short: Short,
    where: str,
    precision: Precision = DOUBLE,
) -> tuple[float, float] | None:
    """A window that may reach past what was recorded, as `short` says.

    Parameters
    ----------
    window : (float, float)
        Start and stop in ms.
    span : (float, float) or None
        From when to when there is a recording; None: not known.
    short : {"refuse", "pad", "cut", "drop"}
        See `spikebin.recordings.settings.TrialRule`.
    where : str
        For messages.
    precision : Precision
        How finely the times were stored.

    Returns
    -------
    (float, float) or None
        None: the trial is left out.

    Raises
    ------
    RecordingError
        If it does, and that is refused; or nothing of it was recorded, and it is to be cut.
    """
    start, stop = window
    if span is None or short == "pad":
        return window
    margin = edge_tolerance(stop - start, max(map(abs, (start, stop, *span))), precision)
    if start >= span[0] - margin and stop <= span[1] + margin:
        return window
    if short == "drop":
        return None
    if short == "cut" and max(start, span[0]) < min(stop, span[1]):
        return max(start, span[0]), min(stop, span[1])
    raise RecordingError(
        f"{where} lasts from {start:g} to {stop:g} ms, but was recorded from {span[0]:g} to {span[1]:g}: choose what"
        " becomes of such trials with --short pad, cut or drop (`short` in [trial])"
    )
