"""Times as callers of `bin_spikes` and `bin_trials` give them: with units or without, of whatever dtype.

They become plain float64 of one unit; what was rounded before is remembered as their precision. A unit is never
dropped: all times of a call carry one, or none does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.binning.arguments import as_array, as_number
from spikebin.binning.rules import DOUBLE, Precision, coarsest
from spikebin.errors import BinningError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["TimeArguments"]

# What quantities, neo, pint, astropy, brian2, xarray and pandas call the unit of a value, or the type of one.
MARKS = ("units", "unit", "dimensionality", "is_dimensionless")


class TimeArguments:
    """The times of one call.

    Parameters
    ----------
    **given : object
        Every argument that is a time or an array of times, by its name.

    Attributes
    ----------
    precision : Precision
        The coarsest of all that were taken so far.

    Raises
    ------
    BinningError
        If some carry units and others do not (a plain 0 needs none), or a unit is not one of time, or is not one of
        the package quantities.
    """

    def __init__(self, **given: Any) -> None:
        self.precision = DOUBLE
        self._unit: Any = None
        carrying = {name: [value for value in _leaves(given[name]) if _carries_unit(value)] for name in given}
        if not any(carrying.values()):
            return
        first = next(name for name, values in carrying.items() if values)
        for name, value in given.items():
            if not _is_zero(value) and any(not _carries_unit(leaf) for leaf in _leaves(value)):
                raise BinningError(
                    f"{first} has a unit and {name} has none: give units to all times of a call, or to none,"
                    f" {first}.rescale('ms').magnitude"
                )
        units = [_unit(value, name) for name, values in carrying.items() for value in values]
        # The finest, so that whole numbers of the others stay whole.
        self._unit = min(units, key=_seconds)

    def number(self, value: Any, name: str) -> float:
        """A single time.

        Parameters
        ----------
        value : object
        name : str
            How the caller calls it, for messages.

        Returns
        -------
        float
            In the unit of the call.

        Raises
        ------
        BinningError
            If it is not a number.
        """
        bare, factor = self._bare(value)
        if isinstance(bare, np.ndarray) and bare.ndim == 0:
            bare = bare[()]
        found = as_number(bare, name)
        self._note(np.asarray(bare).dtype, factor)
        return found * factor

    def floats(self, values: Any, name: str) -> NDArray[np.float64]:
        """A flat array of times; no copy of one that is float64, contiguous and in the unit of the call.

        Parameters
        ----------
        values : array_like (n,)
        name : str

        Returns
        -------
        float64 (n,)
            C-contiguous.

        Raises
        ------
        BinningError
            If it is masked, not flat, or not of numbers.
        """
        bare, factor = self._bare(values)
        array = as_array(bare, name)
        if array.ndim != 1 or array.dtype.kind not in "fiu":
            raise BinningError(f"{name} has shape {array.shape} and dtype {array.dtype}: give a flat array of numbers")
        self._note(array.dtype, factor)
        plain = np.ascontiguousarray(array, np.float64)
        return plain if factor == 1.0 else plain * factor

    def _note(self, stored: Any, factor: float) -> None:
        self.precision = coarsest(self.precision, Precision.of(stored, factor))

    def _bare(self, value: Any) -> tuple[Any, float]:
        """A value without its unit, and what it is to be multiplied with."""
        if self._unit is None:
            return value, 1.0
        if _carries_unit(value):
            return np.asarray(value.magnitude), _seconds(value.units) / _seconds(self._unit)
        if isinstance(value, list | tuple | np.ndarray):
            # Numbers that each have a unit of their own.
            return [np.multiply(*self._bare(leaf)) for leaf in value], 1.0
        return value, 1.0


def _leaves(value: Any) -> Iterator[Any]:
    """What might carry a unit: a value, or what a list, a tuple or an array of objects holds; of plain numbers one."""
    if not isinstance(value, list | tuple) and not (isinstance(value, np.ndarray) and value.dtype == object):
        yield value
        return
    if isinstance(value, np.ndarray) and (value.ndim != 1 or _carries_unit(value)):
        yield value
        return
    kinds = {type(leaf): leaf for leaf in value}
    if any(isinstance(leaf, list | tuple | np.ndarray) or _carries_unit(leaf) for leaf in kinds.values()):
        for leaf in value:
            yield from _leaves(leaf)
    else:
        yield from kinds.values()


def _carries_unit(value: Any) -> bool:
    return any(
        getattr(place, mark, None) is not None for place in (value, getattr(value, "dtype", None)) for mark in MARKS
    )


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and value == 0


def _unit(value: Any, name: str) -> Any:
    """The unit of a Quantity of the package quantities."""
    if not (hasattr(value, "rescale") and hasattr(value, "magnitude") and hasattr(value, "dimensionality")):
        raise BinningError(
            f"{name} carries a unit as {type(value).__name__}, which is not known here: give plain numbers of one unit,"
            f" {name}.to('ms').value or the like"
        )
    unit = value.units
    if not _seconds(unit):
        raise BinningError(f"{name} is in {value.dimensionality}, not a unit of time: give times")
    return unit


def _seconds(unit: Any) -> float:
    """How many seconds a unit is; 0 for what is not a unit of time."""
    try:
        return float(unit.rescale("s").magnitude)
    except ValueError:
        return 0.0
