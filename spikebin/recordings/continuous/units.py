"""Units of time: what turns a recorded number into ms, and how a name tells the unit of what it names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spikebin.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["UNITS", "Clock", "find_column", "make_clock", "parse_ms", "split_unit"]

# A time in ms is number * multiplier / divisor: one rounding for s and us, since 1000 is exact and 0.001 is not.
UNITS = {"s": (1000.0, 1.0), "ms": (1.0, 1.0), "us": (1.0, 1000.0), "samples": (1000.0, 1.0)}
NAMES = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "usec", "µs", "μs", "microsecond", "microseconds"), "us"),
    **dict.fromkeys(("samples", "sample", "frames"), "samples"),
}
SUFFIX = re.compile(r"(?P<bare>.*?)[\s_\-.]*[\[(_\-.\s](?P<unit>[^\W\d_]+)[\])]?")
DURATION = re.compile(r"\s*(?P<number>[-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(?P<unit>[^\W\d_]*)\s*")


@dataclass(frozen=True)
class Clock:
    """Turns numbers of one unit into ms.

    Parameters
    ----------
    multiplier, divisor : float
        A time in ms is ``number * multiplier / divisor``.
    """

    multiplier: float
    divisor: float

    def to_ms(self, numbers: ArrayLike) -> NDArray[np.float64]:
        """Times in ms; each is rounded once or twice, whatever its size.

        Parameters
        ----------
        numbers : array_like
            Of numbers, in the unit of this clock.

        Returns
        -------
        float64 ndarray
            A new one of the same shape; what is beyond a float64 is infinite.
        """
        import numpy as np

        times = np.asarray(numbers).astype(np.float64)
        if self.multiplier != 1.0:
            with np.errstate(over="ignore"):
                times *= self.multiplier
        if self.divisor != 1.0:
            times /= self.divisor
        return times


def make_clock(unit: str, rate: float | None, where: str) -> Clock:
    """The clock of a unit.

    Parameters
    ----------
    unit : str
        s, ms, us or samples, or another name of one of them.
    rate : float or None
        Samples per second; needed for samples.
    where : str
        For messages.

    Returns
    -------
    Clock

    Raises
    ------
    RecordingError
        If there is no such unit, or samples come without a rate.
    """
    known = NAMES.get(unit.strip().lower())
    if known is None:
        raise RecordingError(f"{where}: no unit {unit!r}: give one of {', '.join(UNITS)}")
    multiplier, divisor = UNITS[known]
    if known != "samples":
        return Clock(multiplier, divisor)
    if rate is None or not (math.isfinite(rate) and rate > 0):
        found = "no rate" if rate is None else f"the rate {rate:g}"
        raise RecordingError(f"{where}: times are in samples, with {found}: give the rate in samples per second")
    return Clock(multiplier, rate)


def split_unit(name: str) -> tuple[str, str | None]:
    """The bare name of a column and the unit that its end tells: ``start_ms`` -> start, ms; ``time (s)`` -> time, s.

    Parameters
    ----------
    name : str

    Returns
    -------
    bare : str
        In lower case, blanks, dots and dashes as underscores.
    unit : str or None
        A key of UNITS; None: the name tells none.
    """
    found = SUFFIX.fullmatch(name.strip().lower())
    if found and found["bare"] and found["unit"] in NAMES:
        return re.sub(r"[\s\-.]+", "_", found["bare"]), NAMES[found["unit"]]
    return re.sub(r"[\s\-.]+", "_", name.strip().lower()), None


def find_column(names: Iterable[str], candidates: Iterable[str]) -> str | None:
    """The first of `names` whose bare name is the earliest of the candidates.

    Parameters
    ----------
    names, candidates : iterable of str
        Candidates are bare names, see `split_unit`.

    Returns
    -------
    str or None
        None if there is none.
    """
    bare: dict[str, str] = {}
    for name in names:
        bare.setdefault(split_unit(name)[0], name)
    return next((bare[candidate] for candidate in candidates if candidate in bare), None)


def parse_ms(text: str | float) -> float:
    """A time in ms from ``"10"``, ``"10ms"``, ``"0.2 s"`` or a number.

    Parameters
    ----------
    text : str or float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is not one, or not finite.
    """
    if isinstance(text, int | float):
        number, unit = float(text), "ms"
    else:
        found: Any = DURATION.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not a time: give ms, or a number with its unit, 10ms or 0.2s")
        try:
            number = float(found["number"])
        except ValueError:
            raise ValueError(f"{text!r} is not a time: give ms, or a number with its unit, 10ms or 0.2s") from None
        unit = NAMES.get(found["unit"].lower() or "ms", "")
        if unit not in {"s", "ms", "us"}:
            raise ValueError(f"{text!r} has the unit {found['unit']!r}: give ms, s or us")
    multiplier, divisor = UNITS[unit]
    milliseconds = number * multiplier / divisor
    if not math.isfinite(milliseconds):
        raise ValueError(f"{text!r} is not finite: give a time in ms")
    return milliseconds
