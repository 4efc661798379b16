"""Tensors of PyTorch as memory: made where a loader wants them, filled as arrays of unsigned integers. Needs torch."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikebin.dataset.cell_types import MOST_CODES, CellType, check_largest
from spikebin.dataset.worker_memory import shared_zeros
from spikebin.errors import DatasetError, SpikebinError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Packed", "Zeros", "cells_of", "import_torch", "pack", "unsigned", "zeros"]


class Zeros(NamedTuple):
    """Tensors of zeros that are about to be filled.

    Attributes
    ----------
    tensors : dict of str to torch.Tensor
    cells : dict of str to array
        The memory of each as a flat array of unsigned integers, by which it is to be filled.
    """

    tensors: dict[str, Any]
    cells: dict[str, NDArray[np.unsignedinteger[Any]]]


def zeros(shapes: Mapping[str, tuple[int, ...]], dtype: Any) -> Zeros:
    """Tensors of zeros in one piece of memory; in a worker of a loader it is shared, or it would be copied there.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
    dtype : torch.dtype

    Returns
    -------
    Zeros
    """
    torch = import_torch()
    sizes = [math.prod(shape) for shape in shapes.values()]
    # Each begins with a line of the processor's cache.
    starts = np.cumsum([0, *(-(-size // 64) * 64 for size in sizes)]).tolist()
    flat, room = _zeros(starts[-1], dtype, in_worker=torch.utils.data.get_worker_info() is not None)
    tensors, cells = {}, {}
    for (name, shape), start, size in zip(shapes.items(), starts, sizes, strict=False):
        tensors[name] = flat[start : start + size].view(shape)
        cells[name] = room[start : start + size]
    return Zeros(tensors, cells)


def _zeros(size: int, dtype: Any, *, in_worker: bool) -> tuple[Any, NDArray[np.unsignedinteger[Any]]]:
    """A flat tensor, and its memory as unsigned integers."""
    torch = import_torch()
    kind = np.dtype(f"u{dtype.itemsize}")
    if not in_worker:
        # Not by torch: numpy asks the system for large pages, which are found in a tenth of the time.
        room = np.zeros(size, kind)
        return torch.from_numpy(room.view(f"i{dtype.itemsize}")).view(dtype), room
    found = None
    if torch.multiprocessing.get_sharing_strategy() == "file_descriptor":
        found = shared_zeros(size * dtype.itemsize)
    if found is not None:
        return torch.empty(0, dtype=dtype).set_(found.storage, 0, (size,)), found.room.view(kind)
    shared = getattr(torch.UntypedStorage, "_new_shared", None)
    if shared is None or not size:
        flat = torch.zeros(size, dtype=dtype)
    else:
        # As torch's own default_collate does. Memory that the system gives is zero.
        flat = torch.empty(0, dtype=dtype).set_(shared(size * dtype.itemsize), 0, (size,))
    return flat, unsigned(flat)


class Packed(NamedTuple):
    """Tensors of one piece of memory on their way from a worker: the memory is handed over once, not for each of them.

    Attributes
    ----------
    flat : torch.Tensor
        All of the memory.
    places : tuple of (shape, strides, offset)
        Of each tensor.
    """

    flat: Any
    places: tuple[tuple[tuple[int, ...], tuple[int, ...], int], ...]

    def tensors(self) -> list[Any]:
        """The tensors."""
        return [self.flat.as_strided(*place) for place in self.places]


def pack(tensors: Sequence[Any]) -> Packed | None:
    """Tensors as they are handed over; None if they do not lie in one piece of memory.

    Parameters
    ----------
    tensors : sequence of torch.Tensor

    Returns
    -------
    Packed or None
    """
    torch = import_torch()
    storages = [tensor.untyped_storage() for tensor in tensors]
    if len({(storage.data_ptr(), tensor.dtype) for storage, tensor in zip(storages, tensors, strict=True)}) != 1:
        return None
    dtype = tensors[0].dtype
    flat = torch.empty(0, dtype=dtype).set_(storages[0], 0, (storages[0].nbytes() // dtype.itemsize,))
    return Packed(flat, tuple((tuple(one.shape), one.stride(), one.storage_offset()) for one in tensors))


@lru_cache(64)
def cells_of(dtype: Any, largest: int) -> CellType:
    """Cells of a torch dtype, see `spikebin.dataset.cell_types.cell_type`.

    Parameters
    ----------
    dtype : torch.dtype
    largest : int

    Returns
    -------
    CellType

    Raises
    ------
    DatasetError
        If numbers of this type are of another kind, or cannot be so large.
    """
    torch = import_torch()
    name = str(dtype)
    if dtype.is_complex:
        raise DatasetError(f"dtype {name}: give bool, an integer or a float")
    if dtype == torch.bool:
        exact, most = 1, largest
    elif dtype.is_floating_point:
        exact, most = int(2 / torch.finfo(dtype).eps), int(torch.finfo(dtype).max)
    else:
        exact = most = int(torch.iinfo(dtype).max)
    check_largest(name, most, largest)

    def convert(values: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
        return unsigned(torch.from_numpy(values.astype(np.int64)).to(dtype))

    codes = convert(np.arange(min(largest, exact, MOST_CODES - 1) + 1))
    return CellType(name, exact, dtype == torch.bool, codes, convert)


def unsigned(tensor: Any) -> NDArray[np.unsignedinteger[Any]]:
    """The memory of a contiguous tensor as a flat array of unsigned integers.

    Parameters
    ----------
    tensor : torch.Tensor

    Returns
    -------
    unsigned integers (n_items,)
    """
    torch = import_torch()
    size = tensor.element_size()
    integers = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[size]
    flat: NDArray[np.unsignedinteger[Any]] = tensor.view(-1).view(integers).numpy().view(f"u{size}")
    return flat


def import_torch() -> Any:
    """PyTorch.

    Raises
    ------
    SpikebinError
        If it is not installed.
    """
    try:
        import torch
    except ImportError:
        raise SpikebinError("torch is not installed: pip install 'spikebin[torch]'") from None
    return torch
