"""Checks of what a caller hands to `bin_spikes` and `bin_trials`: numbers, indices, dtypes, arrays to fill.

Times, which may carry units, are checked in time_arguments. Each check gives back what it was given in the form that
kernels take, or raises a BinningError of one line.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.calls import is_flag
from spikebin.errors import BinningError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["as_array", "as_dtype", "as_flag", "as_indices", "as_number", "as_size", "matrix_to_fill"]


def as_number(value: Any, name: str) -> float:
    """A plain number.

    Parameters
    ----------
    value : object
    name : str
        How the caller calls it, for messages.

    Returns
    -------
    float

    Raises
    ------
    BinningError
        If it is not one that a float64 holds.
    """
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool | np.timedelta64):
        try:
            return float(value)
        except OverflowError:
            pass
    raise BinningError(f"{name} is {value!r}: give a number")


def as_size(value: Any, name: str) -> int:
    """A whole number, 0 or more.

    Parameters
    ----------
    value : object
    name : str

    Returns
    -------
    int

    Raises
    ------
    BinningError
        If it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise BinningError(f"{name} is {value!r}: give a whole number, 0 or more")
    return int(value)


def as_flag(value: Any, name: str) -> bool:
    """True or False; raises a BinningError where it is neither."""
    if is_flag(value):
        return bool(value)
    raise BinningError(f"{name} is {value!r}: give True or False")


def as_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """A dtype that marks or counts.

    Parameters
    ----------
    dtype : dtype

    Returns
    -------
    dtype
        bool, or an integer of this machine's byte order.

    Raises
    ------
    BinningError
        If it is another.
    """
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise BinningError(f"dtype {dtype!r} is not one that numpy knows: give bool or an integer dtype") from None
    if kind.kind not in "biu" or not kind.isnative:
        raise BinningError(f"dtype {kind} neither marks nor counts: give bool or an integer dtype of this machine")
    return kind


def as_indices(values: ArrayLike, name: str, limit: int, size: int) -> NDArray[np.int64]:
    """A flat array of whole numbers; no copy of one that is int64 and contiguous.

    Parameters
    ----------
    values : array_like (size,)
    name : str
    limit : int
        They run from 0 to ``limit - 1``.
    size : int

    Returns
    -------
    int64 (size,)
        C-contiguous.

    Raises
    ------
    BinningError
        If it is masked, of another length, not of integers, or out of range.
    """
    array = as_array(values, name)
    if array.shape != (size,) or (array.dtype.kind not in "iu" and size):
        raise BinningError(
            f"{name} has shape {array.shape} and dtype {array.dtype}: give one integer for each of {size} spikes"
        )
    if size and (array.min() < 0 or array.max() >= limit):
        allowed = f"give 0 to {limit - 1}" if limit else "give none"
        raise BinningError(f"{name} runs from {array.min()} to {array.max()}, there are {limit}: {allowed}")
    return np.ascontiguousarray(array, np.int64)


def matrix_to_fill(out: NDArray[Any] | None, shape: tuple[int, int, int], dtype: DTypeLike) -> NDArray[Any]:
    """A new matrix of zeros, or `out` as it is, checked.

    Parameters
    ----------
    out : ndarray or None
    shape : (int, int, int)
        (trial, neuron, time).
    dtype : dtype
        Of a new one; that of `out` is the one that counts.

    Returns
    -------
    ndarray
        Of that shape, C-contiguous.

    Raises
    ------
    BinningError
        If `out` is no such array or not writeable, the dtype neither marks nor counts, or a new one does not fit into
        memory.
    """
    if out is None:
        kind = as_dtype(dtype)
        try:
            return np.zeros(shape, kind)
        except (MemoryError, ValueError):
            raise BinningError(
                f"{shape[0]:,} trials x {shape[1]:,} neurons x {shape[2]:,} bins of {kind} take"
                f" {math.prod(shape) * kind.itemsize:,} bytes, more memory than this machine has: choose wider bins, or"
                " fewer trials at once"
            ) from None
    if not isinstance(out, np.ndarray):
        raise BinningError(f"out is {type(out).__name__}: give an array of shape {shape}")
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise BinningError(f"out has shape {out.shape}: give a writeable, C-contiguous array of shape {shape}")
    as_dtype(out.dtype)
    return out


def as_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """An array as numpy makes it of what was given.

    Parameters
    ----------
    values : array_like
    name : str

    Returns
    -------
    ndarray

    Raises
    ------
    BinningError
        If it is masked or ragged.
    """
    if np.ma.isMaskedArray(values):
        raise BinningError(f"{name} is masked: give the spikes that count, {name}.compressed()")
    try:
        return np.asarray(values)
    except ValueError:
        raise BinningError(f"{name} is ragged or not an array: give a flat array") from None
