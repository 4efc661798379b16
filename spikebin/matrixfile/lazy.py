"""numpy indexing on arrays that are read on demand: which part an index needs, and what numpy would make of it.

Knows shapes and indices; how a block is read is its caller's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import OutOfRangeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import DTypeLike, NDArray

__all__ = ["LazyArray", "Selector", "resolve"]

# The positions that are needed along one axis: a range of step 1 or -1 or more, or an ascending array.
Selector = range | np.ndarray[Any, np.dtype[np.intp]]

LARGEST = np.iinfo(np.intp).max


def resolve(index: Any, shape: Sequence[int]) -> tuple[list[Selector], tuple[Any, ...]]:
    """Split an index into the block to read and the index into that block.

    Parameters
    ----------
    index : anything that numpy takes
        Integers, slices, ellipsis, newaxis, boolean and integer arrays.
    shape : sequence of int

    Returns
    -------
    selectors : list of range or ndarray
        For each axis the positions to read; the block is their outer product.
    inside : tuple
        ``block[inside]`` equals ``array[index]``, by numpy's own rules.

    Raises
    ------
    IndexError
        As numpy would.
    """
    parts = _expand(index, len(shape))
    selectors: list[Selector] = []
    inside: list[Any] = []
    for part in parts:
        if part is None:
            inside.append(None)
            continue
        size, axis = shape[len(selectors)], len(selectors)
        if isinstance(part, slice):
            selectors.append(range(*part.indices(size)))
            inside.append(slice(None))
        elif isinstance(part, int):
            if not -size <= part < size:
                raise OutOfRangeError(f"index {part} is out of bounds for axis {axis} with size {size}")
            selectors.append(range(part % size, part % size + 1))
            inside.append(0)
        elif part.dtype == bool:
            if part.shape != tuple(shape[axis : axis + part.ndim]):
                raise OutOfRangeError(
                    f"boolean index of shape {part.shape} does not fit axis {axis} of shape {tuple(shape)}"
                )
            for positions in part.nonzero():
                _select(positions, selectors, inside)
        else:
            if part.size and not (-size <= part.min() and part.max() < size):
                raise OutOfRangeError(f"an index of an array is out of bounds for axis {axis} with size {size}")
            _select(np.where(part < 0, part + size, part), selectors, inside)
    return selectors, tuple(inside)


def _expand(index: Any, n_axes: int) -> list[Any]:
    """The index as one entry per axis (a boolean array stands for as many as it has dimensions), and Nones."""
    parts: list[Any] = []
    for part in index if isinstance(index, tuple) else (index,):
        if part is None or part is Ellipsis or isinstance(part, slice):
            parts.append(part)
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            parts.append(int(part))
        else:
            array = np.asarray(part)
            if array.size == 0 and array.dtype.kind == "f":
                array = array.astype(np.intp)
            if array.dtype.kind not in "iub" or (array.ndim == 0 and array.dtype == bool):
                raise OutOfRangeError(
                    "only integers, slices, ellipsis, None and integer or boolean arrays are valid indices"
                )
            if array.dtype.kind == "u" and array.max(initial=0) > LARGEST:
                raise OutOfRangeError(f"index {array.max()} is out of bounds: no axis is so long")
            parts.append(array if array.dtype == bool else array.astype(np.intp))
    taken = sum(
        part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1
        for part in parts
        if part is not None and part is not Ellipsis
    )
    ellipses = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(ellipses) > 1:
        raise OutOfRangeError("an index can only have a single ellipsis ('...')")
    if taken > n_axes:
        raise OutOfRangeError(f"too many indices: the array has {n_axes} axes, {taken} were indexed")
    where = ellipses[0] if ellipses else len(parts)
    return parts[:where] + [slice(None)] * (n_axes - taken) + parts[where + 1 :]


def _select(positions: NDArray[np.intp], selectors: list[Selector], inside: list[Any]) -> None:
    needed = np.unique(positions)
    selectors.append(needed)
    inside.append(np.searchsorted(needed, positions))


class LazyArray(ABC):
    """An array that is read when it is indexed; what reads it is a subclass, by its `_block`.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)

    @abstractmethod
    def _block(self, selectors: list[Selector]) -> NDArray[Any]:
        """The outer product of one Selector for each axis; that of the first axis may be in any order."""

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        selectors, inside = resolve(index, self.shape)
        return self._block(selectors)[inside]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001
        if copy is False:
            raise ValueError("the array is read from disk, which makes a copy: leave copy=False out")
        whole: NDArray[Any] = self[...]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"<lazy array {self.shape} of {self.dtype}>"
