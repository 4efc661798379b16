"""Files that are complete or not there: written under a temporary name, synced, renamed.

Knows nothing of what the files hold. What dead writers left behind is in leftovers.py.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from spikebin.errors import DiskFullError, SpikebinError
from spikebin.system.leftovers import slurm_job, this_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["make_directory", "os_error", "reserve", "sync_directory", "sync_file", "write_atomically"]

NO_LOCKS = {errno.ENOLCK, errno.EAGAIN, errno.EDEADLK}

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def os_error(error: OSError, path: Path) -> SpikebinError:
    """What went wrong with `path`, as one line with the way out.

    Parameters
    ----------
    error : OSError
        What the system said; its errno decides.
    path : Path
        The file or directory that was to be written.

    Returns
    -------
    SpikebinError
        To be raised; a DiskFullError where space or quota ran out.
    """
    if error.errno in NO_SPACE:
        return DiskFullError(
            f"no space or quota is left for {path} ({error.strerror}): make room, then start again what is missing"
        )
    if error.errno == errno.ESTALE:
        return SpikebinError(f"{path} has a stale handle on its network file system: start the job again")
    if error.errno in NO_LOCKS:
        return SpikebinError(f"{path} cannot be locked ({error.strerror}): set HDF5_USE_FILE_LOCKING=FALSE, try again")
    return SpikebinError(f"{path} cannot be written ({error.strerror}): check the path, your rights and the disk")


def make_directory(path: Path) -> None:
    """Make a directory and its parents.

    Parameters
    ----------
    path : Path
        May be there already.

    Raises
    ------
    DiskFullError
        If no space or quota is left.
    SpikebinError
        If that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_error(error, path) from None


def reserve(path: Path) -> None:
    """Ask for the room of a file that is written through memory: a disk that is full then would kill the process.

    Parameters
    ----------
    path : Path
        Of its final size.

    Raises
    ------
    OSError
        If there is no room.
    """
    size = path.stat().st_size
    with path.open("r+b") as file:
        if size:
            os.posix_fallocate(file.fileno(), 0, size)


def write_atomically(
    path: Path, blocks: Iterable[bytes | memoryview], *, check: Callable[[Path], object] | None = None
) -> None:
    """Write `blocks` to a file that is there complete or, whenever the process ends, not at all.

    Parameters
    ----------
    path : Path
        Replaced if it exists. Its directory is made.
    blocks : iterable of bytes
    check : callable, optional
        Given the temporary file before it is put in place; what it raises keeps it from getting there.

    Raises
    ------
    DiskFullError
        If no space or quota is left.
    SpikebinError
        If the file cannot be written. Nothing is left behind.
    """
    make_directory(path.parent)
    temporary = path.with_name(_temporary_name(path.name))
    try:
        try:
            with temporary.open("wb") as file:
                for block in blocks:
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            if check is not None:
                check(temporary)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        sync_directory(path.parent)
    except OSError as error:
        raise os_error(error, path) from None


def _temporary_name(name: str) -> str:
    return f".{name}.{this_host()}.{os.getpid()}.{slurm_job()}.tmp"


def sync_file(path: Path) -> None:
    """Wait until the bytes of a file are on disk.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        If they cannot be written.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_directory(directory: Path) -> None:
    """Wait until the names of a directory are on disk, where the file system can do that.

    Parameters
    ----------
    directory : Path
    """
    # One that only may be searched cannot be opened, and some network file systems cannot sync one; the rename is done.
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
