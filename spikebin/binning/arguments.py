"""Checks of what a caller hands to `bin_spikes` and `bin_trials`: numbers, flat arrays, dtypes, arrays to fill.

Each gives back what it was given in the form that kernels take, or raises a BinningError of one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import BinningError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["as_dtype", "as_floats", "as_indices", "as_number", "as_size", "matrix_to_fill"]


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
        If it is not one.
    """
    if isinstance(value, int | float | np.integer | np.floating):
        return float(value)
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


def as_floats(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """A flat array of numbers; no copy of one that is float64 and contiguous.

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
    array = _plain(values, name)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise BinningError(f"{name} has shape {array.shape} and dtype {array.dtype}: give a flat array of numbers")
    return np.ascontiguousarray(array, np.float64)


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
    array = _plain(values, name)
    if array.shape != (size,) or (array.dtype.kind not in "iu" and size):
        raise BinningError(
            f"{name} has shape {array.shape} and dtype {array.dtype}: give one integer for each of {size} spikes"
        )
    if size and (array.min() < 0 or array.max() >= limit):
        raise BinningError(f"{name} runs from {array.min()} to {array.max()}, there are {limit}: give 0 to {limit - 1}")
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
        If `out` is no such array or not writeable, or the dtype neither marks nor counts.
    """
    if out is None:
        return np.zeros(shape, as_dtype(dtype))
    if not isinstance(out, np.ndarray):
        raise BinningError(f"out is {type(out).__name__}: give an array of shape {shape}")
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise BinningError(f"out has shape {out.shape}: give a writeable, C-contiguous array of shape {shape}")
    as_dtype(out.dtype)
    return out


def _plain(values: ArrayLike, name: str) -> NDArray[Any]:
    if np.ma.isMaskedArray(values):
        raise BinningError(f"{name} is masked: give the spikes that count, {name}.compressed()")
    try:
        return np.asarray(values)
    except ValueError:
        raise BinningError(f"{name} is ragged or no array: give a flat one") from None
