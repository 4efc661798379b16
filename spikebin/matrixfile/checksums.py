"""Checksums of all bytes of a matrix file after its seal, so that every read can be checked.

The table ``/checksums`` says of each chunk of spikes where it lies, how long it is, and its crc32. It is an ordinary
array of the HDF5 file, but the seal says where its bytes are and holds a crc32 over them: it is read and checked
without HDF5. A second crc32 in the seal covers all that is neither a chunk nor the table, which is checked before HDF5
is asked for anything. So no byte is unchecked, and HDF5 never meets one that has changed.

Files of format_version 1 have no such table: the sha256 of the complete file is compared instead.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import DamagedFileError, MatrixFileError
from spikebin.matrixfile.seal import SEAL_SIZE, ChunkTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from spikebin.choices import Check
    from spikebin.matrixfile.seal import Seal

__all__ = ["Checks", "create_checksums", "fill_checksums"]

NODE = "checksums"
ROW = 3
"""Numbers of a row, int64: offset in the file, bytes, crc32."""
BLOCK = 1 << 20


def create_checksums(file: Any, n_chunks: int) -> bytes:
    """Make room for the table of a file that is being written.

    Parameters
    ----------
    file : tables.File
        Open for writing.
    n_chunks : int

    Returns
    -------
    bytes
        What stands in the place of the table, by which it is found in the finished file.
    """
    seed = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(-(-n_chunks * ROW * 8 // 32)))
    mark = seed[: n_chunks * ROW * 8]
    file.create_array("/", NODE, obj=np.frombuffer(mark, "<i8").reshape(n_chunks, ROW), track_times=False)
    return mark


def fill_checksums(image: bytearray, mark: bytes, places: NDArray[np.int64]) -> ChunkTable:
    """Write the table into the bytes of a finished HDF5 file.

    Parameters
    ----------
    image : bytearray
        All bytes after the seal.
    mark : bytes
        What `create_checksums` put in its place.
    places : int64 (n_chunks, 2)
        Offset in the file and bytes of each chunk.

    Returns
    -------
    ChunkTable
        For the seal.

    Raises
    ------
    MatrixFileError
        If HDF5 did not write the table in one piece.
    """
    at = image.find(mark)
    if at < 0:
        raise MatrixFileError("HDF5 did not store /checksums in one piece: install tables 3.10 or newer")
    view = memoryview(image)
    table = np.empty((len(places), ROW), "<i8")
    table[:, :2] = places
    for row in table:
        row[2] = zlib.crc32(view[row[0] - SEAL_SIZE : row[0] - SEAL_SIZE + row[1]])
    view[at : at + len(mark)] = table.tobytes()
    rest = 0
    for first, stop in _gaps(table, at + SEAL_SIZE, len(image)):
        rest = zlib.crc32(view[first - SEAL_SIZE : stop - SEAL_SIZE], rest)
    return ChunkTable(at + SEAL_SIZE, len(places), zlib.crc32(table.tobytes()), rest)


class Checks:
    """Which bytes of an open file have been checked.

    Parameters
    ----------
    path : str
        For messages.
    seal : Seal
    when : {"first", "always", "never"}
        "first": what is read is checked when this process reads it for the first time; "always": each time.

    Raises
    ------
    MatrixFileError
        From each method, if what it checks has changed since the file was sealed.
    """

    def __init__(self, path: str, seal: Seal, when: Check) -> None:
        self._path, self._seal, self._when = path, seal, when
        self._rest_is_good = self._all_is_good = False
        self._good: NDArray[np.bool_] | None = None
        self._table: NDArray[np.int64] | None = None

    def places(self, descriptor: int) -> NDArray[np.int64]:
        """Where the chunks lie, int64 (n_trials, n_chunks of a trial, 2): offset in the file, and bytes.

        Parameters
        ----------
        descriptor : int
            Of the open file.
        """
        table = self._checksums(descriptor)
        return table[:, :2].reshape(self._seal.shape[0], -1, 2)

    def before_hdf5(self, descriptor: int) -> None:
        """Check all bytes that HDF5 will look at.

        Parameters
        ----------
        descriptor : int
        """
        if self._when == "never":
            return
        if self._seal.chunks is None:
            self._whole(descriptor)
            return
        if self._rest_is_good and self._when == "first":
            return
        rest = 0
        table = self._checksums(descriptor)
        for first, stop in _gaps(table, self._seal.chunks.offset, self._seal.size):
            for at in range(first, stop, BLOCK):
                rest = zlib.crc32(os.pread(descriptor, min(BLOCK, stop - at), at), rest)
        if rest != self._seal.chunks.rest_crc32:
            raise self._changed("its tables")
        self._rest_is_good = True

    def before_chunks(self, descriptor: int) -> Callable[[int, bytes], None]:
        """What checks the bytes of a chunk by its number in the file.

        Parameters
        ----------
        descriptor : int

        Returns
        -------
        callable
            ``check(number, data)``.
        """
        if self._when == "never":
            return lambda _, __: None
        if self._seal.chunks is None:
            self._whole(descriptor)
            return lambda _, __: None
        table = self._checksums(descriptor)
        good = self._good
        if good is None:
            good = self._good = np.zeros(len(table), bool)

        def check(number: int, data: bytes) -> None:
            if good[number] and self._when == "first":
                return
            if len(data) != table[number, 1] or zlib.crc32(data) != table[number, 2]:
                raise self._changed(f"chunk {number} of its spikes")
            good[number] = True

        return check

    def _checksums(self, descriptor: int) -> NDArray[np.int64]:
        chunks = self._seal.chunks
        if chunks is None:
            raise MatrixFileError(f"{self._path} has no table of checksums")
        if self._table is None or self._when == "always":
            data = os.pread(descriptor, chunks.n_chunks * ROW * 8, chunks.offset)
            if zlib.crc32(data) != chunks.crc32:
                raise self._changed("its checksums")
            table = np.frombuffer(data, "<i8").reshape(-1, ROW)
            if len(table) % self._seal.shape[0]:
                raise self._changed("its checksums")
            self._table = table
        return self._table

    def _whole(self, descriptor: int) -> None:
        """A file of format_version 1 is checked as a whole."""
        if self._all_is_good and self._when == "first":
            return
        digest = hashlib.sha256()
        at = SEAL_SIZE
        while data := os.pread(descriptor, BLOCK, at):
            digest.update(data)
            at += len(data)
        if digest.hexdigest() != self._seal.sha256:
            raise self._changed("its sha256")
        self._all_is_good = True

    def _changed(self, what: str) -> DamagedFileError:
        return DamagedFileError(
            f"{self._path} has changed since it was sealed ({what} differs): `spikebin run`, or `spikebin submit"
            " --missing`, exports it again",
            self._path,
        )


def _gaps(table: NDArray[np.int64], offset: int, size: int) -> list[tuple[int, int]]:
    """What is neither a chunk nor the table itself, of `size` bytes after the seal: first byte, and the one after."""
    taken = sorted([*map(tuple, table[:, :2].tolist()), (offset, table.nbytes)])
    gaps, at = [], SEAL_SIZE
    for first, length in taken:
        if first > at:
            gaps.append((at, first))
        at = max(at, first + length)
    if at < SEAL_SIZE + size:
        gaps.append((at, SEAL_SIZE + size))
    return gaps
