"""Headers of arrays in numpy's own format, held against the bytes that are there before anything is made of them.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import math
import tokenize
import warnings
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from spikebin.errors import RecordingError

if TYPE_CHECKING:
    import zipfile
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["ArrayHeader", "Member", "check_holes", "open_member", "read_array_header"]

LONGEST_HEADER = 1 << 16
MAGIC = b"\x93NUMPY"
# What numpy raises on a header that is not one.
BAD_HEADER = (ValueError, SyntaxError, MemoryError, RecursionError, OverflowError, TypeError, tokenize.TokenError)
# A file with holes, or a member of an archive, may become so many bytes, and more only if a fair part of it is there.
FREE, RATIO = 64 << 20, 256


@dataclass(frozen=True)
class ArrayHeader:
    """What the header of an array says, once it is known to be true.

    Parameters
    ----------
    shape : tuple of int
    fortran_order : bool
    dtype : dtype
        Without objects.
    offset : int
        Bytes before the values.
    """

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


def read_array_header(file: IO[bytes], n_bytes: int, where: str) -> ArrayHeader:
    """The header of an array; the file stands at its first value then.

    Parameters
    ----------
    file : binary file
        At its start.
    n_bytes : int
        Size of the file, or of the member of an archive.
    where : str
        For messages.

    Returns
    -------
    ArrayHeader

    Raises
    ------
    RecordingError
        If it is not a header, is longer than any, holds pickles, or describes more than is there.
    """
    start = file.read(8)
    width = 2 if start[6:7] == b"\x01" else 4
    length = file.read(width)
    if start[:6] != MAGIC or len(start) < 8 or len(length) < width or start[6] not in {1, 2, 3}:
        raise RecordingError(f"{where} is not an array in numpy's format, or its start is cut off: write it again")
    n_header = int.from_bytes(length, "little")
    if n_header > LONGEST_HEADER:
        raise RecordingError(f"{where} has a header of {n_header:,} bytes, more than any array: it is damaged")
    text = file.read(n_header)
    # Each version's number, for the functions that numpy has.
    copy = io.BytesIO(length + text)
    read: Any = np.lib.format.read_array_header_1_0 if width == 2 else np.lib.format.read_array_header_2_0
    try:
        with warnings.catch_warnings():
            # Of headers that Python 2 wrote.
            warnings.simplefilter("ignore")
            shape, fortran_order, dtype = read(copy, max_header_size=LONGEST_HEADER)
    except BAD_HEADER as error:
        raise RecordingError(f"{where} has a header that cannot be read ({_one_line(error)}): write it again") from None
    if dtype.hasobject:
        raise RecordingError(f"{where} holds pickled objects, which are never run: write it again as numbers")
    offset = 8 + width + n_header
    found = ArrayHeader(tuple(shape), fortran_order, dtype, offset)
    if any(isinstance(n, bool) or n < 0 for n in found.shape) or found.size * dtype.itemsize > n_bytes - offset:
        raise RecordingError(
            f"{where} says that it has shape {_short(found.shape)} of {dtype}, but there are"
            f" {max(0, n_bytes - offset):,} bytes: it is cut off or damaged, write it again"
        )
    return found


def check_holes(path: Path) -> None:
    """Refuse a file that is nearly nothing but holes, which the file system reads as zeros.

    Parameters
    ----------
    path : Path

    Raises
    ------
    RecordingError
    """
    facts = path.stat()
    if facts.st_size > FREE + RATIO * 512 * facts.st_blocks:
        raise RecordingError(
            f"{path} has {facts.st_size:,} bytes, but nearly all of it was never written: it is cut off, copy it again"
        )


@dataclass
class Member:
    """A flat array in an archive, that is read from its start to its end.

    Parameters
    ----------
    file : binary file
        At its next value.
    header : ArrayHeader
    n_packed : int
        Bytes in the archive.
    where : str
        For messages.
    """

    file: IO[bytes]
    header: ArrayHeader
    n_packed: int
    where: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self.file.close()

    def like(self) -> NDArray[Any]:
        """An array of its shape and type that takes no room."""
        return np.broadcast_to(np.zeros(1, self.header.dtype), self.header.size)

    def take(self, n: int) -> NDArray[Any]:
        """The next values.

        Parameters
        ----------
        n : int

        Returns
        -------
        ndarray (n,)

        Raises
        ------
        RecordingError
            If there are fewer.
        """
        data = self.file.read(n * self.header.dtype.itemsize)
        if len(data) < n * self.header.dtype.itemsize:
            raise RecordingError(f"{self.where} ends before its arrays do: write it again")
        return np.frombuffer(data, self.header.dtype)


def open_member(archive: zipfile.ZipFile, name: str, where: str, kinds: str = "fiu") -> Member:
    """A flat array in an archive, at its first value.

    Parameters
    ----------
    archive : ZipFile
    name : str
        Without .npy.
    where : str
        For messages.
    kinds : str
        Kinds of dtype that it may be of.

    Returns
    -------
    Member

    Raises
    ------
    RecordingError
        As `read_array_header`, or if it is not flat or of another kind.
    """
    facts = archive.getinfo(f"{name}.npy")
    file = archive.open(facts)
    try:
        header = read_array_header(file, facts.file_size, f"{where}: {name}")
        if header.dtype.kind not in kinds or sum(size != 1 for size in header.shape) > 1:
            raise RecordingError(
                f"{where}: {name} has shape {header.shape} and dtype {header.dtype}: give flat arrays of numbers"
            )
    except BaseException:
        file.close()
        raise
    return Member(file, header, facts.compress_size, where)


def _short(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
