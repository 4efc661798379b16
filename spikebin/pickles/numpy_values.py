"""Arrays, numbers and dates from what a pickle says of them, on the pickle's own bytes."""

from __future__ import annotations

import math
import re
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spikebin.pickles.inert import ARRAY, BUFFER, DATETIME, DTYPE, QUANTITY, SCALAR, Inert, Refused, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["array_of", "scalar_of", "settle"]


def settle(value: Any, n_bytes: int) -> Any:
    """Put arrays, numbers and dates in place of the `Inert` objects that stand for them, throughout `value`.

    Parameters
    ----------
    value : object
        What `unpickle` returned.
    n_bytes : int
        Length of the pickle, and the most that all its arrays can hold.

    Returns
    -------
    object
        `value` itself, if it is a container that can be changed in place.

    Raises
    ------
    Refused
        If one of them is not what numpy or datetime pickle.
    """
    try:
        return _Settler(n_bytes).settle(value)
    except RecursionError as error:
        raise Refused("is nested too deeply: it is damaged, or not a recording") from error


# Most values are such: a call for each would take longer than all else.
_SETTLED = {str, int, float, bool, bytes, type(None)}


class _Settler:
    """What `settle` has seen, and how many bytes of arrays it may still meet."""

    def __init__(self, n_bytes: int) -> None:
        self.seen: dict[int, Any] = {}
        self.left = n_bytes

    def settle(self, value: Any) -> Any:
        if type(value) not in {list, dict, tuple, set, frozenset} and not isinstance(value, Inert):
            return value
        if id(value) in self.seen:
            return self.seen[id(value)]
        self.seen[id(value)] = value
        if isinstance(value, list):
            value[:] = [item if type(item) in _SETTLED else self.settle(item) for item in value]
        elif isinstance(value, dict):
            for key, item in value.items():
                if type(item) not in _SETTLED:
                    value[key] = self.settle(item)
        elif isinstance(value, tuple):
            self.seen[id(value)] = tuple([item if type(item) in _SETTLED else self.settle(item) for item in value])
        elif isinstance(value, Inert):
            self.seen[id(value)] = self._settle_inert(value)
        return self.seen[id(value)]

    def _settle_inert(self, value: Inert) -> Any:
        if value.kind in {ARRAY, BUFFER}:
            array = array_of(value)
            self._spend(array.nbytes)
            return array
        if value.kind == SCALAR:
            number = scalar_of(value)
            self._spend(len(value.args[1]))
            return number
        if value.kind == DATETIME:
            return _datetime_of(value)
        value.args = self.settle(value.args)
        value.state = self.settle(value.state)
        value.items = self.settle(value.items)
        return value

    def _spend(self, n_bytes: int) -> None:
        self.left -= n_bytes
        if self.left < 0:
            raise Refused("makes more numbers than it holds: it is damaged or hostile")


def array_of(value: Any) -> NDArray[Any]:
    """Array, or numbers of a Quantity, that an `Inert` stands for.

    It lies on the pickle's own bytes: nothing is allocated on the word of a shape.

    Parameters
    ----------
    value : Inert
        What `unpickle` gave; anything else is refused.

    Returns
    -------
    ndarray
        In native byte order; read-only where it lies on the pickle's own bytes.

    Raises
    ------
    Refused
        If it is not an array of numbers or text, or its shape and its bytes disagree.
    """
    match value:
        case Inert(kind=k, state=(1, tuple() as shape, dtype, bool() | 0 | 1 as fortran, bytes() as raw, *rest)) if (
            k == ARRAY and not rest
        ) or (k == QUANTITY and len(rest) == 1):
            order = "F" if fortran else "C"
        case Inert(
            kind=k,
            args=(bytes() | bytearray() as raw, dtype, tuple() as shape, "C" | "F" as order),
            state=None,
        ) if k == BUFFER:
            pass
        case _:
            raise Refused("holds an array that numpy did not write: it is damaged or hostile")
    item = _dtype_of(dtype)
    # What is not a plain number is not shown: it could be of any size.
    if len(shape) > 32 or not all(type(length) is int and 0 <= length < 1 << 63 for length in shape):
        raise Refused("holds an array whose shape is not a few small numbers: it is damaged or hostile")
    if math.prod(shape) * item.itemsize != len(raw):
        raise Refused(f"holds an array of shape {shape} and {len(raw):,} bytes: it is damaged or hostile")
    return _checked(np.ndarray(shape, item, raw, order="F" if order == "F" else "C"))


def scalar_of(value: Inert) -> Any:
    """Python number or text that a pickled numpy scalar stands for.

    Parameters
    ----------
    value : Inert

    Returns
    -------
    bool, int, float, complex, str or bytes

    Raises
    ------
    Refused
        If it is not a number or text, or its bytes are of another length than its type.
    """
    if len(value.args) != 2 or type(value.args[1]) is not bytes or value.state is not None:
        raise Refused("holds a number that numpy did not write: it is damaged or hostile")
    item, raw = _dtype_of(value.args[0]), value.args[1]
    if item.itemsize != len(raw):
        raise Refused(f"holds a number of type {item} and {len(raw):,} bytes: it is damaged or hostile")
    return _checked(np.ndarray((), item, raw))[()].item()


def _checked(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    # numpy trusts these two to be sound, and can fail in strange places where they are not.
    if array.dtype.kind == "b":
        return np.not_equal(array.view(np.uint8), 0)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "U" and array.size and np.frombuffer(array.tobytes(), np.uint32).max() > 0x10FFFF:
        raise Refused("holds text that is not text: it is damaged or hostile")
    return array


def _dtype_of(value: Any) -> np.dtype[Any]:
    match value:
        case Inert(kind=k, args=(str() as text, bool() | 0 | 1, bool() | 0 | 1), state=None) if k == DTYPE:
            return _dtype(text, "=")
        case Inert(
            kind=k,
            args=(str() as text, bool() | 0 | 1, bool() | 0 | 1),
            state=(3, "<" | ">" | "|" | "=" as order, None, None, None, int(), int(), int()),
        ) if k == DTYPE:
            return _dtype(text, order)
    raise Refused("holds an array of a type that is neither a number nor text: it is not a spike recording")


@lru_cache(maxsize=64)
def _dtype(text: str, order: Literal["<", ">", "|", "="]) -> np.dtype[Any]:
    if not re.fullmatch(r"b1|[iu][1248]|f[248]|c8|c16|[SU][1-9]\d{0,5}", text):
        raise Refused(
            f"holds an array of type {printable(text)}, neither a number nor text: it is not a spike recording"
        )
    return np.dtype(text).newbyteorder(order)


def _datetime_of(value: Inert) -> datetime:
    match value.args:
        case (bytes() as raw,) if len(raw) == 10 and value.state is None:
            # The layout of datetime's own pickles; the month's highest bit is its fold.
            day, hour, minute, second = raw[3:7]
            try:
                return datetime(  # noqa: DTZ001
                    year=raw[0] * 256 + raw[1],
                    month=raw[2] & 127,
                    day=day,
                    hour=hour,
                    minute=minute,
                    second=second,
                    microsecond=int.from_bytes(raw[7:], "big"),
                    fold=raw[2] >> 7,
                )
            except ValueError as error:
                raise Refused(f"holds a date that is not a date ({error}): it is damaged") from error
    raise Refused("holds a date that datetime did not write: it is damaged or hostile")
