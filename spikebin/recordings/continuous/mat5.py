"""MATLAB's .mat files of v5 to v7.2, byte by byte: scipy's reader ends the process on some that are damaged.

Every element says its type and size; one that reaches beyond the element it lies in is an error before it is read.
https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["DamagedMatError", "Mat5", "objects"]

HEADER = 128
BYTE_ORDERS = {b"IM": "<", b"MI": ">"}
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, CHAR = 1, 2, 4
COMPLEX = 0x08
LONGEST_NAME = 63
DEEPEST = 4
# The head of a variable, its name included, lies in so many bytes.
HEAD = 1 << 12
# What a compressed variable may become; more only if the file holds a fair part of it.
FREE, RATIO = 64 << 20, 256


class DamagedMatError(ValueError):
    """A file that contradicts itself."""


class Mat5:
    """One file, whose variables are read on need.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DamagedMatError
        If it is not such a file, or cut off.
    """

    def __init__(self, path: Path) -> None:
        if path.stat().st_size < HEADER:
            raise DamagedMatError("it is too short")
        self._bytes: NDArray[np.uint8] = np.memmap(path, np.uint8, "r")
        order = BYTE_ORDERS.get(self._bytes[126:HEADER].tobytes())
        version = 0 if order is None else int(self._bytes[124:126].view(f"{order}u2")[0])
        if order is None or version != 0x0100:
            raise DamagedMatError("it is not of MATLAB v5 to v7.2")
        self._order = order
        self._places: dict[str, tuple[int, NDArray[np.uint8]]] = {}
        for kind, data in self._elements(self._bytes[HEADER:]):
            if kind == COMPRESSED:
                head = np.frombuffer(_unpacked(data, HEAD, cut=True), np.uint8)
                head = self._tag(head, complete=False)[2]
            elif kind == MATRIX:
                head = data
            else:
                continue
            name = self._head(head)[2] if head.size else ""
            if name in self._places:
                raise DamagedMatError(f"it holds two variables {name}")
            if name:
                self._places[name] = (kind, data)

    @property
    def names(self) -> list[str]:
        """Names of the variables."""
        return list(self._places)

    def place_of(self, numbers: NDArray[Any]) -> int | None:
        """Where a vector that `read` gave lies in the file as it is, in bytes from its start.

        Parameters
        ----------
        numbers : ndarray

        Returns
        -------
        int or None
            None: it was unpacked, or its numbers are of another type in the file.
        """
        if not np.may_share_memory(numbers, self._bytes):
            return None
        return int(numbers.ctypes.data - self._bytes.ctypes.data)

    def read(self, name: str, make_cell: Callable[[NDArray[Any]], Any]) -> Any:
        """One variable.

        Parameters
        ----------
        name : str
            One of `names`.
        make_cell : callable
            Makes a cell array of an object array.

        Returns
        -------
        ndarray (rows, columns), str, dict, what `make_cell` makes, or None
            None: anything else.

        Raises
        ------
        DamagedMatError
            If it contradicts itself.
        """
        kind, data = self._places[name]
        if kind == COMPRESSED:
            limit = FREE + RATIO * data.size
            ((_, data),) = self._elements(np.frombuffer(_unpacked(data, limit), np.uint8), most=1)
        return self._value(data, make_cell, 0)

    def _value(self, data: NDArray[np.uint8], make_cell: Callable[[NDArray[Any]], Any], depth: int) -> Any:
        if not data.size:
            return np.empty((0, 0))
        if depth > DEEPEST:
            return None
        flags, shape, _, parts = self._head(data)
        kind, n = flags & 0xFF, math.prod(shape)
        if kind in {CELL, STRUCT}:
            fields = self._fields(parts) if kind == STRUCT else [""]
            # Each element takes eight bytes at least.
            if 8 * n * len(fields) > data.size:
                raise DamagedMatError(f"{n:,} cells do not fit into {data.size:,} bytes")
            items = [self._value(inner, make_cell, depth + 1) for inner in self._matrices(parts, n * len(fields))]
            if kind == CELL:
                return make_cell(objects(items, shape))
            if n == 1:
                return dict(zip(fields, items, strict=True))
            # Fields of the first struct, then of the second, and so on.
            return {name: make_cell(objects(items[i :: len(fields)], shape)) for i, name in enumerate(fields)}
        if kind == CHAR:
            stored, text = self._next(parts)
            return text.tobytes().decode(TEXTS.get(stored, "utf-8"), "replace") if text.size < HEAD else None
        if kind not in CLASSES or flags & COMPLEX << 8 or len(shape) != 2:
            return None
        stored, numbers = self._next(parts)
        width = np.dtype(STORED.get(stored, "V16")).itemsize
        if stored not in STORED or numbers.size != n * width:
            raise DamagedMatError(f"{n:,} numbers lie in {numbers.size:,} bytes")
        values = numbers.view(self._order + STORED[stored]) if n else np.empty(0)
        return values.astype(CLASSES[kind], copy=False).reshape(shape, order="F")

    def _head(
        self, data: NDArray[np.uint8]
    ) -> tuple[int, tuple[int, ...], str, Iterator[tuple[int, NDArray[np.uint8]]]]:
        """Flags, shape and name of a matrix, and its further elements."""
        parts = self._elements(data)
        (_, flags), (_, shape), (_, name) = self._next(parts), self._next(parts), self._next(parts)
        if flags.size < 4 or shape.size % 4 or shape.size < 8:
            raise DamagedMatError("the head of a variable is damaged")
        sizes = tuple(shape.view(f"{self._order}i4").tolist())
        if min(sizes) < 0:
            raise DamagedMatError("a variable has a negative size")
        return int(flags[:4].view(f"{self._order}u4")[0]), sizes, name.tobytes().decode("ascii", "replace"), parts

    def _fields(self, parts: Iterator[tuple[int, NDArray[np.uint8]]]) -> list[str]:
        (_, length), (_, names) = self._next(parts), self._next(parts)
        width = int(length.view(f"{self._order}i4")[0]) if length.size == 4 else 0
        if not 0 < width <= LONGEST_NAME + 1 or names.size % width:
            raise DamagedMatError("the fields of a struct are damaged")
        found = [row.tobytes().partition(b"\0")[0].decode("ascii", "replace") for row in names.reshape(-1, width)]
        if len(set(found)) < len(found):
            raise DamagedMatError("two fields of a struct have one name")
        return found

    def _matrices(self, parts: Iterator[tuple[int, NDArray[np.uint8]]], n: int) -> Iterator[NDArray[np.uint8]]:
        for _ in range(n):
            kind, data = self._next(parts)
            if kind != MATRIX:
                raise DamagedMatError("a cell or field holds no variable")
            yield data

    @staticmethod
    def _next(parts: Iterator[tuple[int, NDArray[np.uint8]]]) -> tuple[int, NDArray[np.uint8]]:
        found = next(parts, None)
        if found is None:
            raise DamagedMatError("a variable is cut off")
        return found

    def _elements(self, data: NDArray[np.uint8], most: int | None = None) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Type and content of the elements, one after another."""
        n = 0
        while data.size and n != most:
            n += 1
            kind, start, content = self._tag(data)
            yield kind, content
            taken = start + content.size
            data = data[taken if kind == COMPRESSED else taken + -taken % 8 :]

    def _tag(self, data: NDArray[np.uint8], *, complete: bool = True) -> tuple[int, int, NDArray[np.uint8]]:
        """Type of the element that bytes begin with, where its content begins, and this, or what is there of it."""
        if data.size < 8:
            raise DamagedMatError("it is cut off")
        first, size = (int(number) for number in data[:8].view(f"{self._order}u4"))
        if first >> 16:
            # Up to four bytes lie in the tag itself.
            kind, size, start = first & 0xFFFF, first >> 16, 4
            if size > 4:
                raise DamagedMatError("an element is too large for its place")
        else:
            kind, start = first, 8
        if complete and start + size > data.size:
            raise DamagedMatError(f"an element claims {size:,} bytes of {data.size - start:,}")
        return kind, start, data[start : start + size]


def objects(items: list[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Values as an object array, columns first.

    Raises
    ------
    DamagedMatError
        If they do not fill it.
    """
    if len(items) != math.prod(shape):
        raise DamagedMatError(f"{len(items):,} values for {math.prod(shape):,} cells")
    found = np.empty(len(items), object)
    for i, item in enumerate(items):
        found[i] = item
    return found.reshape(shape, order="F")


def _unpacked(data: NDArray[np.uint8], limit: int, *, cut: bool = False) -> bytes:
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(data.tobytes() if not cut else data[: 4 * limit].tobytes(), limit)
    if not cut and (unpacker.unconsumed_tail or not unpacker.eof):
        raise DamagedMatError("a compressed variable is cut off, or becomes more than any recording does")
    return found
