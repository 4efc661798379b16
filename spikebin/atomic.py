"""Files that are whole or not there: written under a temporary name, synced, renamed; whose litter is whose; one lock.

Knows nothing of what the files hold.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

from spikebin.errors import DiskFullError, SpikebinError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = [
    "is_litter",
    "litter",
    "locked",
    "make_directory",
    "os_error",
    "process_is_gone",
    "remove_litter",
    "slurm_job",
    "this_host",
    "write_atomically",
]

LOCK_FILE = ".lock"
WEEK = 7 * 24 * 3600.0
# .<name>.<host>.<pid>.<Slurm job or 0>.tmp
TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)\.(?P<pid>\d+)\.(?P<job>\d+)\.tmp")
FIRST_PID_NAMESPACE = 0xEFFFFFFC
"""Inode of the one that a machine boots with (PROC_PID_INIT_INO of Linux)."""
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


@contextmanager
def locked(directory: Path, *, patience: float = 60.0) -> Iterator[None]:
    """Hold a directory's lock: no other process changes there what is read, changed and written back meanwhile.

    It is the kernel's lock on a file that stays, so it ends with its process, however that ends. Where the file system
    has no locks, the work goes on without.

    Parameters
    ----------
    directory : Path
        Is made.
    patience : float
        Seconds to wait for another process; 0: it must be free.

    Raises
    ------
    SpikebinError
        If another process holds it for longer, or the lock file cannot be opened.
    """
    make_directory(directory)
    path = directory / LOCK_FILE
    try:
        try:
            handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        except PermissionError:
            # Another user's: a local file system locks what is open for reading, too.
            handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise os_error(error, path) from None
    try:
        end = time.monotonic() + patience
        while not _lock(handle):
            if time.monotonic() > end:
                raise SpikebinError(f"another spikebin is at work in {directory}: wait for its end, then try again")
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Whether nobody else holds the lock. Never waits: on a network file system that could be for ever."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


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
    """Temporary files that nobody is writing any more.

    Parameters
    ----------
    directory : Path
        One that cannot be listed holds none.
    name : str, optional
        Only those of this file.

    Yields
    ------
    Path
        See `is_litter` for which.
    """
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
    """Remove what dead writers of a file left behind.

    Parameters
    ----------
    directory : Path
        Where the file lies, or would.
    name : str
        Of the file.
    """
    for path in litter(directory, name):
        with suppress(OSError):
            path.unlink()


def _temporary_name(name: str) -> str:
    return f".{name}.{this_host()}.{os.getpid()}.{slurm_job()}.tmp"


@cache
def this_host() -> str:
    """Name of this machine, without its domain; in a container with process ids of its own, with a mark of that."""
    name = os.uname().nodename.partition(".")[0] or "localhost"
    with suppress(OSError):
        namespace = os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116
        if namespace != FIRST_PID_NAMESPACE:
            name += f"-{namespace}"
    return name


def slurm_job() -> str:
    """Id of the Slurm job that this process belongs to; "0" outside of one."""
    job = os.environ.get("SLURM_JOB_ID", "0")
    return job if job.isascii() and job.isdigit() else "0"


def process_is_gone(host: str, pid: object) -> bool:
    """Whether a process ran on this host and does so no more.

    Parameters
    ----------
    host : str
        As `this_host` gives it.
    pid : object
        What is no int was no process.

    Returns
    -------
    bool
        False, too, where that cannot be known from here.
    """
    return host == this_host() and isinstance(pid, int) and not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _sync_directory(directory: Path) -> None:
    # One that only may be searched cannot be opened, and some network file systems cannot sync one; the rename is done.
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
