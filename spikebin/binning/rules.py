"""Which bin a time belongs to: width, closed edge, end bin, number of bins, tolerance of an edge, and its precision.

Pure arithmetic on plain floats; arrays of times are binned by the kernels, by the same rule.
"""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any, Literal

from spikebin.calls import is_flag
from spikebin.choices import Closed, Values, checked
from spikebin.errors import BinningError

__all__ = ["DOUBLE", "Binning", "Precision", "coarsest", "edge_tolerance"]

ABSOLUTE_TOLERANCE = 1e-8
RELATIVE_TOLERANCE = 1e-7
ULPS = 8
# Of each type that times may be stored in, finest first: its ulp in those of a float64, and its smallest number.
TYPES = {"float64": (1.0, 0.0), "float32": (2.0**29, 2.0**-149), "float16": (2.0**42, 2.0**-24)}


@dataclass(frozen=True)
class Precision:
    """How finely times were stored, before they became float64.

    Parameters
    ----------
    stored : {"float64", "float32", "float16"}
        Integers and texts are float64: nothing was rounded before.
    unit : float
        What 1 of the stored numbers is in the unit that the times have now: 1000.0 for seconds that became ms.
    """

    stored: Literal["float64", "float32", "float16"] = "float64"
    unit: float = 1.0

    @classmethod
    def of(cls, stored: object, unit: float = 1.0) -> Precision:
        """The precision of a dtype.

        Parameters
        ----------
        stored : dtype
            Of the numbers as they lie in a file or array; anything but float32 and float16 counts as float64.
        unit : float
            See `Precision`.
        """
        kind, size = getattr(stored, "kind", ""), getattr(stored, "itemsize", 8)
        if kind != "f" or size > 4:
            return DOUBLE
        return cls("float32" if size == 4 else "float16", unit)

    def edge(self, width: float) -> tuple[float, float, float, float]:
        """How far from an edge a time may lie and still mean that edge, as kernels take it.

        Parameters
        ----------
        width : float
            Of a bin.

        Returns
        -------
        least, reach : float
            The tolerance of times up to `reach`, and at least that of others.
        ulps, unit : float
            Beyond, ``ulps`` ulp of the float64 ``time / unit``, in the unit of the times.
        """
        ratio, smallest = TYPES[self.stored]
        least = max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * width, ULPS * smallest * self.unit)
        ulps = ULPS * ratio
        return least, least / (ulps * math.ulp(1.0)), ulps, self.unit


DOUBLE = Precision()


def coarsest(*precisions: Precision) -> Precision:
    """The one that tells times apart the least; the first of several alike.

    Parameters
    ----------
    *precisions : Precision

    Returns
    -------
    Precision
        DOUBLE for none.
    """
    return max(precisions, key=lambda one: TYPES[one.stored][0], default=DOUBLE)


def edge_tolerance(width: float, farthest: float, precision: Precision = DOUBLE) -> float:
    """How far from an edge a time may lie and still mean that edge.

    Parameters
    ----------
    width : float
        Length of a bin, in the unit of the times.
    farthest : float
        The time, or the onset of the window, whichever is larger in magnitude.
    precision : Precision
        Of the coarser of the two.

    Returns
    -------
    float
        The largest of 1e-8, 1e-7 bins and 8 ulp of `farthest` as it was stored: an edge computed as ``k * width``,
        ``k / rate``, ``t0 + k * width`` or rebased as ``(T + t) - T`` lies within it.

    Notes
    -----
    See docs/binning.md.
    """
    least, _, ulps, unit = precision.edge(width)
    return max(least, ulps * math.ulp(farthest / unit) * unit)


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
    See docs/binning.md.
    """

    width: float = 1.0
    closed: Closed = "left"
    end_bin: bool = True
    values: Values = "bool"

    def __post_init__(self) -> None:
        width: Any = self.width
        if not (isinstance(width, numbers.Real) and math.isfinite(float(width)) and float(width) > 0):
            raise BinningError(f"binning width {self.width!r}: give a number above 0")
        if not is_flag(self.end_bin):
            raise BinningError(f"binning end_bin={self.end_bin!r}: give True or False")
        checked(self.closed, Closed, "binning closed", BinningError)
        checked(self.values, Values, "binning values", BinningError)

    def n_bins(self, start: float, stop: float, precision: Precision = DOUBLE) -> int:
        """Number of bins of the window from `start` to `stop`.

        Parameters
        ----------
        start, stop : float
            In the unit of `width`; ``stop >= start``.
        precision : Precision
            Of `start` and `stop`.

        Returns
        -------
        int
            ``floor(D / width) + 1`` with the end bin, ``ceil(D / width)`` without, where a
            duration D within the tolerance of an edge counts as that edge (0.3 / 0.1 is 3).

        Raises
        ------
        BinningError
            If the window is negative or not finite, or as `check`.
        """
        if not (math.isfinite(start) and math.isfinite(stop)):
            raise BinningError(f"window {start} to {stop}: give finite times")
        if stop < start:
            raise BinningError(f"window {start} to {stop} has a negative duration: swap its ends")
        tolerance = self.check(start, stop, precision)
        edge = round((stop - start) / self.width)
        if abs(stop - (start + edge * self.width)) <= tolerance:
            return edge + 1 if self.end_bin else edge
        return math.floor((stop - start) / self.width) + 1

    def check(self, start: float, stop: float, precision: Precision) -> float:
        """The tolerance of the edges of a window.

        Parameters
        ----------
        start, stop : float
            In the unit of `width`.
        precision : Precision
            Of whatever is coarsest: the times, `start` or `stop`.

        Returns
        -------
        float
            In the unit of `width`.

        Raises
        ------
        BinningError
            If it reaches a quarter of a bin, so that bins of this width cannot be told apart.
        """
        farthest = max(abs(start), abs(stop))
        tolerance = edge_tolerance(self.width, farthest, precision)
        if tolerance >= self.width / 4:
            stored = "" if precision.stored == "float64" else f" in times stored as {precision.stored}"
            raise BinningError(
                f"bins of {self.width:g} cannot be told apart at {farthest:g}{stored}, where an edge is uncertain by"
                f" {tolerance:.2g}: choose a wider bin, or times relative to a nearer onset"
            )
        return tolerance
