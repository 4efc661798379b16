"""Files that are whole or not there: written under a temporary name, synced, renamed; and whose litter is whose.

Knows nothing of what the files hold.
"""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from spikebin.errors import DiskFullError, SpikebinError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = [
    "is_litter",
    "litter",
    "make_directory",
    "os_error",
    "process_is_gone",
    "remove_litter",
    "slurm_job",
    "this_host",
    "write_atomically",
]

WEEK = 7 * 24 * 3600.0
# .<name>.<host>.<pid>.<Slurm job or 0>.tmp
TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)\.(?P<pid>\d+)\.(?P<job>\d+)\.tmp")
NO_LOCKS = {errno.ENOLCK, errno.EAGAIN, errno.EDEADLK}
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def os_error(error: OSError, path: Path) -> SpikebinError:
    """What went wrong with `path`, as one line with the way out."""
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

    Raises
    ------
    SpikebinError
        If that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_error(error, path) from None


def write_atomically(
    path: Path, blocks: Iterable[bytes | memoryview], *, check: Callable[[Path], object] | None = None
) -> None:
    """Write `blocks` to a file that is there whole or, whenever the process ends, not at all.

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
        _sync_directory(path.parent)
    except OSError as error:
        raise os_error(error, path) from None


def is_litter(name: str, *, age: float) -> bool:
    """Whether a temporary file may be removed by this process.

    Parameters
    ----------
    name : str
        Of the file.
    age : float
        Seconds since it was last written to.

    Returns
    -------
    bool
        True for a temporary file of a process of this host that is dead, of this very Slurm job (it was requeued), or
        older than a week. A live writer, on whatever host, is never robbed.
    """
    match = TEMPORARY.fullmatch(name)
    if match is None:
        return False
    if age > WEEK:
        return True
    pid, job = int(match["pid"]), match["job"]
    here = match["host"] == this_host()
    if here and pid == os.getpid():
        return False
    if here:
        return not _alive(pid)
    # A job that Slurm has started again may sit on another node now; its first run is over.
    return job != "0" and job == slurm_job() and os.environ.get("SLURM_RESTART_COUNT", "0") != "0"


def litter(directory: Path, name: str | None = None) -> Iterator[Path]:
    """Temporary files in a directory, of the file `name` or of any, that nobody is writing any more."""
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        match = TEMPORARY.fullmatch(entry.name)
        if match is None or (name is not None and match["name"] != name):
            continue
        with suppress(FileNotFoundError):
            if is_litter(entry.name, age=time.time() - entry.stat().st_mtime):
                yield directory / entry.name


def remove_litter(directory: Path, name: str) -> None:
    """Remove what dead writers of the file `name` left behind."""
    for path in litter(directory, name):
        with suppress(OSError):
            path.unlink()


def _temporary_name(name: str) -> str:
    return f".{name}.{this_host()}.{os.getpid()}.{slurm_job()}.tmp"


def this_host() -> str:
    """Name of this machine, without its domain."""
    return os.uname().nodename.partition(".")[0] or "localhost"


def slurm_job() -> str:
    """Id of the Slurm job that this process belongs to; "0" outside of one."""
    job = os.environ.get("SLURM_JOB_ID", "0")
    return job if job.isdigit() else "0"


def process_is_gone(host: str, pid: object) -> bool:
    """Whether a process ran on this host and does so no more."""
    return host == this_host() and isinstance(pid, int) and not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        # Some network file systems cannot sync a directory; the rename is done all the same.
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
