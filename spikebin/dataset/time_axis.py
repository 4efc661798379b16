"""Times of bins in ms, exactly: 3 bins of 0.1 ms end at 0.3, not at 0.30000000000000004.

Views know where their phases lie; here are what names and settings mean, and the arithmetic.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["exact", "phase_start", "times"]

# Widths are decimals such as 0.1, or samples such as 1000 / 30000: ratios of small numbers.
MOST_DIGITS = 9
# What continuous recordings call the only phase of a trial; and views whose bins do not begin with those of the phases.
WINDOW, WHOLE = "window", "trial"


def exact(ms: float) -> Fraction:
    """The number that a float stands for: 1/10 for 0.1.

    Parameters
    ----------
    ms : float

    Returns
    -------
    Fraction
        The simplest one that rounds to `ms`, if its denominator is below 1e9; else the value of the float.
    """
    given = Fraction(ms)
    simple = (given.limit_denominator(10**digits) for digits in range(MOST_DIGITS + 1))
    return next((fraction for fraction in simple if float(fraction) == ms), given)


def times(first: Fraction, width: Fraction, n: int) -> NDArray[np.float64]:
    """When each of `n` bins begins: ``first + k * width``, rounded once, to the float that one would write.

    Parameters
    ----------
    first, width : Fraction
        ms.
    n : int

    Returns
    -------
    float64 (n,)
        ms.
    """
    bottom = math.lcm(first.denominator, width.denominator)
    start, step = int(first * bottom), int(width * bottom)
    if max(abs(start), abs(start + step * n), bottom) < 2**53:
        # Whole numbers below 2**53 are floats, and a quotient of floats is rounded once.
        counted: NDArray[np.float64] = (start + step * np.arange(n)).astype(np.float64)
        return counted / float(bottom)
    return np.array([float(Fraction(start + step * k, bottom)) for k in range(n)], np.float64)


def phase_start(phase: str, width: Fraction, rule: Mapping[str, Any], views: Sequence[str]) -> tuple[Fraction, str]:
    """When a phase begins, in ms, and relative to what.

    Parameters
    ----------
    phase : str
        As the recording calls it; of a file that was written from a view, with what the view cut off: ``image+100``.
    width : Fraction
        Bins of the file, in ms.
    rule : mapping
        The settings that made the trials, as a seal has them.
    views : sequence of str
        The chain of views that the file was written from, if it was.

    Returns
    -------
    ms : Fraction
    zero : str
        "event" for windows of a continuous recording, which begin where the settings say; else the onset of the phase.
    """
    name, cut = phase, 0
    if found := re.fullmatch(r"(.+?)\+(\d+)", phase):
        name, cut = found[1], int(found[2])
    # What is cut off counts in the bins that there were when it was: those before the rebins that came later.
    last_window = max((i for i, view in enumerate(views) if view.startswith(("window(", "aligned("))), default=-1)
    for view in views[last_window + 1 :]:
        if k := re.match(r"rebin\((\d+)", view):
            width /= int(k[1])
    start = exact(rule.get("window_start") or 0.0) if name == WINDOW else Fraction(0)
    zero = {WINDOW: "event", WHOLE: "first bin"}.get(name, f"onset of {name}")
    return start + cut * width, zero
