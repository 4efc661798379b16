"""Which data sets of other people's HDF5 files are read, and which are refused before anything of them is.

A header can declare anything in a few bytes: what memory and time are spent on is measured by what the file holds.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikebin.errors import RecordingError
from spikebin.system.hdf5 import open_hdf5
from spikebin.system.hdf5_storage import DEFLATE, DEFLATE_RATIO, FLETCHER32, SHUFFLE, storage_of, unpacks_within

if TYPE_CHECKING:
    from spikebin.system.hdf5_storage import Stored

__all__ = ["FOLLOW", "check_stored", "fits_in_memory", "is_inside"]

FOLLOW = "--follow-links (`follow_links = true` in [[recordings]])"
# Anything may become so many bytes; more only if the file holds a fair part of it.
FREE = 64 << 20
# Spikes in order of time compress tenfold at most, their ids a thousandfold, ids that count up several hundredfold.
SLICED_RATIO = 256
WHOLE_RATIO = 64
# What one chunk of a gzip bomb may become before it is looked at.
LARGEST_SURPRISE = 256 << 20
# These name other files than the data set does.
PREFIXES = ("HDF5_VDS_PREFIX", "HDF5_EXTFILE_PREFIX", "HDF5_EXT_PREFIX")


def check_stored(file: Any, path: Path, place: str, stored: Stored, *, follow: bool) -> None:
    """Refuse a data set that is not in the file, or that claims more than the file can hold.

    Parameters
    ----------
    file : tables.File
        Open, while the lock is held.
    path : Path
        Of the file.
    place : str
        Of the data set, from the root.
    stored : Stored
    follow : bool
        Take what lies in other files of the same directory.

    Raises
    ------
    RecordingError
    """
    where = f"{path.name}:{place}"
    if stored.virtual or stored.layout == "virtual":
        _check_virtual(file, path, where, stored, follow=follow)
    elif stored.external:
        _check_external(path, where, stored, follow=follow)
    else:
        _check_filters(where, stored)
        _check_size(where, stored, path.stat().st_size)
        packer = stored.filters[0][0] if stored.filters else None
        if stored.largest * DEFLATE_RATIO > LARGEST_SURPRISE and packer in {SHUFFLE, DEFLATE}:
            limit = math.prod(stored.chunk) * stored.itemsize + 4
            if not unpacks_within(file, place, limit):
                raise RecordingError(f"{where}: a compressed chunk of it holds more than it should: it is damaged")


def fits_in_memory(stored: Stored) -> bool:
    """Whether a data set may be read at once: it is not large, or its file holds a fair part of it."""
    return math.prod(stored.shape) * stored.itemsize <= FREE + WHOLE_RATIO * stored.n_stored


def is_inside(path: Path, directory: Path) -> bool:
    """Whether a path is a regular file in a directory or below, wherever links lead to."""
    try:
        return path.resolve().is_relative_to(directory.resolve()) and path.is_file()
    except OSError:
        return False


def _check_size(where: str, stored: Stored, file_size: int) -> None:
    n_values = math.prod(stored.shape)
    n_bytes = n_values * stored.itemsize
    if stored.n_stored > file_size:
        raise RecordingError(
            f"{where} claims {stored.n_stored:,} bytes, the file has {file_size:,}: it is cut off or damaged, copy it"
            " again"
        )
    if not n_values:
        return
    if stored.layout == "chunked":
        needed = math.prod(-(-size // step) for size, step in zip(stored.shape, stored.chunk, strict=True))
        held = f"{stored.n_chunks:,} of its {needed:,} chunks"
        whole = stored.n_chunks == needed
    else:
        held = f"{stored.n_stored:,} of its {n_bytes:,} bytes"
        whole = stored.n_stored >= n_bytes
    if not whole:
        raise RecordingError(
            f"{where} declares {n_values:,} values, but holds {held}: it was not written to its end, write it again"
        )
    unit = max(n_bytes, math.prod(stored.chunk) * stored.itemsize)
    if unit > FREE + SLICED_RATIO * stored.n_stored:
        raise RecordingError(
            f"{where} becomes {unit:,} bytes of {stored.n_stored:,} in the file, more than any recording does: it is"
            " damaged or hostile, write it again"
        )


def _check_filters(where: str, stored: Stored) -> None:
    for _, name, available in stored.filters:
        if not available:
            raise RecordingError(
                f"{where} is compressed with {name}, a filter that PyTables does not have: write the file again with"
                " gzip, `h5repack -f GZIP=4 IN OUT`"
            )
    packers = [name for number, name, _ in stored.filters if number not in {SHUFFLE, FLETCHER32}]
    if len(packers) > 1:
        raise RecordingError(f"{where} is compressed {len(packers)} times ({', '.join(packers)}): write it again")


def _check_external(path: Path, where: str, stored: Stored, *, follow: bool) -> None:
    names = ", ".join(stored.external[:3])
    if not follow:
        raise RecordingError(f"{where} lies in another file ({names}): {FOLLOW} takes it from the same directory")
    _refuse_prefixes(where)
    for name in stored.external:
        # HDF5 looks for it in the working directory.
        if not is_inside(Path(name), path.parent):
            raise RecordingError(
                f"{where} lies in {name}, which is not a file in the directory of {path.name}: copy it in"
            )


def _check_virtual(file: Any, path: Path, where: str, stored: Stored, *, follow: bool) -> None:
    names = ", ".join(dict.fromkeys(name for name, _ in stored.virtual[:3]))
    if not follow:
        raise RecordingError(
            f"{where} is put together from other data sets (of {names or 'none'}): give a file that holds them, or take"
            f" them from the same directory with {FOLLOW}"
        )
    _refuse_prefixes(where)
    for name, inside in stored.virtual:
        source = path if name == "." else path.parent / name
        if "%" in name + inside or not is_inside(source, path.parent):
            raise RecordingError(
                f"{where} is put together from {name}, which is not a file in the directory of {path.name}: copy it in"
            )
        if name == ".":
            found = storage_of(file, inside)
        else:
            with open_hdf5(source) as other:
                found = storage_of(other, inside)
        if found is None or found.layout == "virtual" or found.external:
            raise RecordingError(f"{where} is put together from {name}:{inside}, which holds no values: write it again")
        _check_filters(f"{name}:{inside}", found)
        _check_size(f"{name}:{inside}", found, source.stat().st_size)


def _refuse_prefixes(where: str) -> None:
    for name in PREFIXES:
        if os.environ.get(name):
            raise RecordingError(f"{where} lies in other files, and {name} names their directory: unset it")
