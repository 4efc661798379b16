"""Flat arrays of spikes in .npy and .npz files: a slice at a time from disk, their ids as whole numbers."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.npy_header import Member, check_holes, open_member, read_array_header
from spikebin.recordings.continuous.spike_index import slices
from spikebin.recordings.continuous.text_table import LARGEST_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from spikebin.recordings.continuous.units import Clock

    Spikes = tuple[NDArray[np.float64], NDArray[np.int64]]

__all__ = [
    "ArraySource",
    "OnDisk",
    "as_labels",
    "check_growth",
    "length_of",
    "mapped_array",
    "npz_array",
    "npz_members",
    "opened_archive",
    "whole_ids",
]

# Arrays of an archive may become so many bytes, and more only if a fair part of it is there.
FREE, RATIO = 64 << 20, 256


class ArraySource:
    """Spikes in two arrays, in memory or on disk.

    Parameters
    ----------
    times, ids : ndarray or OnDisk (n_spikes,)
    clock : Clock
        Of the times.
    where : str
        For messages.

    Raises
    ------
    RecordingError
        If they are not two flat arrays of one length, or the times no numbers.
    """

    def __init__(self, times: NDArray[Any] | OnDisk, ids: NDArray[Any] | OnDisk, clock: Clock, where: str) -> None:
        if times.ndim != 1 or ids.ndim != 1 or times.dtype.kind not in "fiu":
            raise RecordingError(
                f"{where}: times have shape {times.shape} and dtype {times.dtype}, neurons {ids.shape}: give two flat"
                " arrays of numbers"
            )
        if times.size != ids.size:
            raise RecordingError(
                f"{where}: {times.size:,} times and {ids.size:,} neurons: one of them is cut off, write it again"
            )
        self.n_spikes = times.size
        self._times, self._ids, self._clock, self._where = times, ids, clock, where

    def read(self, start: int, stop: int) -> Spikes:
        """Spikes `start` to `stop`; see `spikebin.recordings.continuous.spike_index.SeekableSource`."""
        return self._clock.to_ms(self._times[start:stop]), whole_ids(self._ids[start:stop], self._where)

    def chunks(self) -> Iterator[Spikes]:
        """All spikes, chunk by chunk."""
        return slices(self)


def whole_ids(ids: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Neuron ids as int64.

    Parameters
    ----------
    ids : ndarray
    where : str
        For messages.

    Returns
    -------
    int64 ndarray
        Of the same shape.

    Raises
    ------
    RecordingError
        If one is not a whole number that an int64 holds.
    """
    if ids.dtype.kind == "i" or (ids.dtype.kind == "u" and ids.dtype.itemsize < 8):
        return ids.astype(np.int64, copy=False)
    if ids.dtype.kind == "u":
        bad = ids > np.uint64(np.iinfo(np.int64).max)
    elif ids.dtype.kind == "f":
        # As float64: a narrower type may not hold LARGEST_ID.
        wide = ids.astype(np.float64)
        bad = ~(np.abs(wide) < LARGEST_ID) | (wide != np.floor(wide))
    else:
        raise RecordingError(f"{where}: neurons are of dtype {ids.dtype}: give whole numbers")
    if bad.any():
        raise RecordingError(
            f"{where}: neuron {ids[bad][0]} is not a whole number that can be an id: give whole numbers"
        )
    return ids.astype(np.int64)


class OnDisk:
    """A flat array in a .npy file, or a column of one, of which only the slice that is asked for is ever in memory.

    Parameters
    ----------
    path : Path
    column : str or int, optional
        Field of a structured array, or column of a flat table. None: the array itself, (n,) or (n, 1).
    """

    def __init__(self, path: Path, column: str | int | None = None) -> None:
        whole = mapped_array(path)
        if column is None:
            array = whole.reshape(-1) if whole.ndim == 2 and 1 in whole.shape else whole
        else:
            array = whole[column] if isinstance(column, str) else whole[:, column]
        self.shape, self.ndim, self.size, self.dtype = array.shape, array.ndim, array.size, array.dtype
        self._path = path
        # A record is what lies between one element and the next; one that is as wide as its element is the element.
        width = array.strides[0] if array.ndim == 1 and array.size > 1 else array.itemsize
        inside = array.ctypes.data - whole.ctypes.data
        first = inside - inside % width if width > array.itemsize else inside
        self._start: int = whole.offset + first
        self._record = np.dtype(
            {"names": ["value"], "formats": [array.dtype], "offsets": [inside - first], "itemsize": width}
        )

    def __getitem__(self, place: slice) -> NDArray[Any]:
        start, stop, _ = place.indices(self.size)
        offset = self._start + start * self._record.itemsize
        try:
            records = np.fromfile(self._path, self._record, max(0, stop - start), offset=offset)
        except OSError as error:
            raise RecordingError(f"{self._path} cannot be read ({error.strerror}): check the disk") from None
        if records.size < stop - start:
            raise RecordingError(f"{self._path} has become shorter while it was read: is it still being written?")
        values: NDArray[Any] = records["value"]
        return values


def check_growth(members: Sequence[Member], where: str) -> None:
    """Refuse arrays of an archive that become far more than it holds, before they are read.

    Raises
    ------
    RecordingError
        If they do.
    """
    n_bytes = sum(member.header.size * member.header.dtype.itemsize for member in members)
    n_packed = sum(member.n_packed for member in members)
    if n_bytes > FREE + RATIO * n_packed:
        raise RecordingError(
            f"{where}: {n_packed:,} bytes of it become {n_bytes:,}, more than any recording does: it is damaged or"
            " hostile, write it again"
        )


def mapped_array(path: Path) -> np.memmap[Any, Any]:
    """A .npy file as an array that stays on disk.

    Parameters
    ----------
    path : Path

    Returns
    -------
    memmap

    Raises
    ------
    RecordingError
        If it is not there or not complete, or holds pickles.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise RecordingError(f"{path} is empty: check that it was written to its end")
        with path.open("rb") as file:
            header = read_array_header(file, size, str(path))
        check_holes(path)
        order: Literal["C", "F"] = "F" if header.fortran_order else "C"
        array: np.memmap[Any, Any] = np.memmap(path, header.dtype, "r", header.offset, header.shape, order)
    except (OSError, ValueError, OverflowError) as error:
        raise RecordingError(f"{path} is not a complete .npy file ({_one_line(error)}): write it again") from None
    return array


@contextmanager
def opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """An .npz, open; what goes wrong with it is one line.

    Raises
    ------
    RecordingError
        If it is not a complete one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise RecordingError(f"{path} is not a complete .npz file ({_one_line(error)}): write it again") from None


def npz_members(path: Path) -> list[str]:
    """Names of the arrays in an .npz.

    Raises
    ------
    RecordingError
        If it is not a complete one.
    """
    with opened_archive(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def length_of(path: Path, name: str) -> int | None:
    """How long a flat array inside an archive is; None of any other."""
    try:
        with opened_archive(path) as archive, open_member(archive, name, path.name, "fiubU") as member:
            return member.header.size
    except RecordingError:
        return None


def npz_array(path: Path, name: str) -> NDArray[Any]:
    """A flat array of an .npz, in memory.

    Parameters
    ----------
    path : Path
    name : str

    Returns
    -------
    ndarray (n,)
        Of numbers, booleans or text; a single one is flat, too.

    Raises
    ------
    RecordingError
        If it is not there, not complete, or holds anything else.
    """
    with opened_archive(path) as archive:
        if f"{name}.npy" not in archive.namelist():
            raise RecordingError(f"{path.name} has no array {name!r}: it is damaged, or of another format")
        with open_member(archive, name, path.name, "fiubU") as member:
            check_growth([member], path.name)
            return member.take(member.header.size)


def as_labels(column: NDArray[Any], where: str) -> NDArray[np.str_]:
    """What an array says of each spike, as text; whole numbers of any type alike."""
    if column.dtype.kind == "f":
        column = whole_ids(column, where)
    return column.astype(np.str_)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
