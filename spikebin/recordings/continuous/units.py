"""Units of time: what turns a recorded number into ms, and how a name tells the unit of what it names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spikebin.binning.rules import Precision
from spikebin.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["UNITS", "Clock", "choose_unit", "find_column", "make_clock", "parse_ms", "split_unit"]

# A time in ms is number * multiplier / divisor: one rounding for s, us and ns, since 1000 is exact and 0.001 is not.
UNITS = {"s": (1000.0, 1.0), "ms": (1.0, 1.0), "us": (1.0, 1e3), "ns": (1.0, 1e6), "samples": (1000.0, 1.0)}
NAMES = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "usec", "usecs", "micros", "microsecond", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"), "ns"),
    **dict.fromkeys(("samples", "sample"), "samples"),
}
# Words that are units, or count something of an unknown rate, but cannot be read: never taken for anything else.
NOT_READ = {
    *("min", "mins", "minute", "minutes", "h", "hr", "hrs", "hour", "hours", "d", "day", "days", "ps", "fs"),
    *("frame", "frames", "tick", "ticks", "cycle", "cycles", "step", "steps", "datetime", "date"),
}
# Names of columns that hold numbers of samples, where they name no other unit.
SAMPLES = {"samples", "sample_index", "sample_idx"}
# Perhaps the unit, anywhere in a name; a second one is after the first, a sample may be what is shown.
INSIDE = {
    *("ms", "secs", "mins", "minutes", "hrs", "hours", "frames", "ticks", "cycles", "steps", "datetime"),
    *(name for name in NAMES if len(name) > 3 and name not in {"second", "sample"}),
}
# The same, but not as the first word: s and us may be stimuli.
WITHIN = INSIDE | {"s", "sec", "us", "ns"}
# As the last word: units that cannot be read, and what counts something. Such columns are seldom times.
AT_THE_END = {"cs", "ds", "bin", "bins", "idx", "index", "indices"}
# 0.1ms, 10us: steps of that length.
SCALED = re.compile(r"\d+(?P<unit>[^\W\d_]+)")
SEPARATORS = r"[\s_\-./]+"
# After one of these, or in brackets, stands the unit: start_ms, time (s), t / ms, onset [in s].
SUFFIX = re.compile(r"(?P<bare>.*[^\s_\-./])[\s_\-./]+(?P<unit>[^\W\d_]+)")
BRACKETS = re.compile(r"(?P<bare>.*?[^\s_\-./])[\s_\-./]*[\[(]\s*(?:in\s+)?(?P<unit>[^\])]*?)\s*[\])]")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
DURATION = re.compile(r"\s*(?P<number>[-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(?P<unit>[^\W\d_]*)\s*", re.ASCII)
# DURATION takes ASCII alone: both characters for micro become a u first.
MICRO = str.maketrans("µμ", "uu")


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

    def precision(self, stored: object) -> Precision:
        """How finely numbers of some dtype tell times in ms apart.

        Parameters
        ----------
        stored : dtype
            Of the numbers as they were recorded.
        """
        return Precision.of(stored, self.multiplier / self.divisor)


def make_clock(unit: str, rate: float | None, where: str) -> Clock:
    """The clock of a unit.

    Parameters
    ----------
    unit : str
        s, ms, us, ns or samples, or another name of one of them.
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
        In lower case, its words joined by underscores: ``Spike Times``, ``spikeTimes`` -> spike_times.
    unit : str or None
        A key of UNITS; None: the name tells none, or one that cannot be read (see `choose_unit`).
    """
    bare, unit, _ = _parts(name)
    return bare, NAMES.get(unit)


def choose_unit(name: str, given: str | None, default: str | None, where: str, option: str) -> str | None:
    """The unit of a column of times: what its name tells, else what is given, else the default.

    Parameters
    ----------
    name : str
        Of the column or array; "" if it has none.
    given : str or None
        What the user says.
    default : str or None
    where : str
        For messages.
    option : str
        How the user gives it, for messages: ``--unit (`unit` in [[recordings]])``.

    Returns
    -------
    str or None
        A key of UNITS; None: nothing tells it.

    Raises
    ------
    RecordingError
        If the name tells a unit that cannot be read or another one than is given, or perhaps one.
    """
    bare, unit, bracketed = _parts(name)
    asked = None if given is None else NAMES.get(given.strip().lower())
    if given is not None and asked is None:
        raise RecordingError(f"{where}: no unit {given!r}: give one of {', '.join(UNITS)}")
    named = NAMES.get(unit)
    if unit in NOT_READ:
        raise RecordingError(
            f"{where}: no unit {unit!r}, which {name!r} names: write its times in one of {', '.join(UNITS)}, and name"
            " the column so"
        )
    if named is not None and asked not in {None, named}:
        raise RecordingError(
            f"{where}: the name of {name!r} says {named}, {option} says {given}: take one back, or rename the column"
        )
    doubtful = unit if bracketed else _perhaps_unit(bare)
    if named is None and asked is None and doubtful:
        raise RecordingError(f"{where}: is {doubtful!r} in {name!r} the unit of its times? Give {option}")
    return named or asked or default


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

    Raises
    ------
    ValueError
        If two names are that candidate: time_s and time_samples. Holds both.
    """
    bare: dict[str, list[str]] = {}
    for name in names:
        bare.setdefault(split_unit(name)[0], []).append(name)
    found = next((bare[candidate] for candidate in candidates if candidate in bare), [])
    if len(found) > 1:
        raise ValueError(" and ".join(map(repr, found)))
    return found[0] if found else None


def _perhaps_unit(bare: str) -> str:
    """The word of a bare name that may be a unit, or say that it counts something; "" for none."""
    words = bare.split("_")
    if len(words) == 1 and (bare in NAMES or bare in NOT_READ):
        return bare
    for i, word in enumerate(words):
        scaled = SCALED.fullmatch(word)
        if word in (WITHIN if i else INSIDE) or (scaled and scaled["unit"] in {*NAMES, *NOT_READ} - {"d", "h", "s"}):
            return word
    return words[-1] if words[-1] in AT_THE_END else ""


def _parts(name: str) -> tuple[str, str, bool]:
    """Bare name, the word that may be its unit in lower case, "" for none, and whether that stands in brackets."""
    text = CAMEL.sub("_", name.strip()).lower().translate(MICRO)
    unit, bracketed = "", False
    if found := BRACKETS.fullmatch(text):
        text, unit, bracketed = found["bare"], found["unit"], True
    elif (found := SUFFIX.fullmatch(text)) and (found["unit"] in NAMES or found["unit"] in NOT_READ):
        text, unit = found["bare"], found["unit"]
    bare = re.sub(SEPARATORS, "_", text).strip("_")
    return bare, unit or ("samples" if bare in SAMPLES else ""), bracketed


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
        found: Any = DURATION.fullmatch(text.translate(MICRO))
        if found is None:
            raise ValueError(f"{text!r} is not a time: give ms, or a number with its unit, 10ms or 0.2s")
        try:
            number = float(found["number"])
        except ValueError:
            raise ValueError(f"{text!r} is not a time: give ms, or a number with its unit, 10ms or 0.2s") from None
        unit = NAMES.get(found["unit"].lower() or "ms", "")
        if unit in {"", "samples"}:
            raise ValueError(f"{text!r} has the unit {found['unit']!r}: give ms, s, us or ns")
    multiplier, divisor = UNITS[unit]
    milliseconds = number * multiplier / divisor
    if not math.isfinite(milliseconds):
        raise ValueError(f"{text!r} is not finite: give a time in ms")
    return milliseconds
