"""Which bin a time belongs to: width, closed edge, end bin, number of bins, tolerance of an edge.

Pure arithmetic on plain floats; arrays of times are binned by the kernels, by the same rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from spikebin.choices import Closed, Values, checked
from spikebin.errors import BinningError

__all__ = ["Binning", "edge_tolerance"]

ABSOLUTE_TOLERANCE = 1e-8
RELATIVE_TOLERANCE = 1e-7
ULPS = 8


def edge_tolerance(width: float, farthest: float) -> float:
    """How far from an edge a time may lie and still mean that edge.

    Parameters
    ----------
    width : float
        Length of a bin, in the unit of the times.
    farthest : float
        The time, or the onset of the window, whichever is larger in magnitude.

    Returns
    -------
    float
        The largest of 1e-8, 1e-7 bins and 8 ulp of `farthest`: an edge computed as ``k * width``,
        ``k / rate``, ``t0 + k * width`` or rebased as ``(T + t) - T`` lies within it.

    Notes
    -----
    See "The rules of binning" in README.md.
    """
    return max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * width, ULPS * math.ulp(farthest))


@dataclass(frozen=True)
class Binning:
    """How a phase is cut into bins: the ``[binning]`` table of spikebin.toml.

    Bin k covers ``[t0 + k*width, t0 + (k+1)*width)``; closed on the right,
    ``(t0 + k*width, t0 + (k+1)*width]``, which is NEST's own convention. A time before the onset or
    after the end of its window is outside, even where the last bin reaches past the end.

    Parameters
    ----------
    width : float
        ms (or whatever unit the times have).
    closed : {"left", "right"}
        The edge that belongs to a bin.
    end_bin : bool
        Add the bin that holds only spikes at exactly the end of the window, as NEST records them.
    values : {"bool", "count"}
        What the matrix holds: whether there was a spike, or how many (uint8, saturating).

    Raises
    ------
    BinningError
        If the width is not a number above 0, or `closed` or `values` is another.

    Notes
    -----
    See "The rules of binning" in README.md.
    """

    width: float = 1.0
    closed: Closed = "left"
    end_bin: bool = True
    values: Values = "bool"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.width) and self.width > 0):
            raise BinningError(f"binning width {self.width!r}: give a number above 0")
        checked(self.closed, Closed, "binning closed", BinningError)
        checked(self.values, Values, "binning values", BinningError)

    def n_bins(self, start: float, stop: float) -> int:
        """Number of bins of the window from `start` to `stop`.

        Parameters
        ----------
        start, stop : float
            In the unit of `width`; ``stop >= start``.

        Returns
        -------
        int
            ``floor(D / width) + 1`` with the end bin, ``ceil(D / width)`` without, where a
            duration D within the tolerance of an edge counts as that edge (0.3 / 0.1 is 3).

        Raises
        ------
        BinningError
            If the window is negative or not finite, or if the edge tolerance reaches a quarter of a
            bin, so that bins of this width cannot be told apart.
        """
        if not (math.isfinite(start) and math.isfinite(stop)):
            raise BinningError(f"window {start} to {stop}: give finite times")
        if stop < start:
            raise BinningError(f"window {start} to {stop} has a negative duration: swap its ends")
        tolerance = edge_tolerance(self.width, max(abs(start), abs(stop)))
        if tolerance >= self.width / 4:
            raise BinningError(
                f"bins of {self.width:g} cannot be told apart at {max(abs(start), abs(stop)):g}, where an edge"
                f" is uncertain by {tolerance:.2g}: choose a wider bin, or times relative to a nearer onset"
            )
        edge = round((stop - start) / self.width)
        if abs(stop - (start + edge * self.width)) <= tolerance:
            return edge + 1 if self.end_bin else edge
        return math.floor((stop - start) / self.width) + 1
