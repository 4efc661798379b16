"""Temporary files of writers that were killed: whose they are, and who may remove them."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["is_stale", "process_is_gone", "remove_stale", "slurm_job", "stale_files", "this_host"]

WEEK = 7 * 24 * 3600.0

# .<name>.<host>.<pid>.<Slurm job or 0>.tmp
TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)\.(?P<pid>\d+)\.(?P<job>\d+)\.tmp")

FIRST_PID_NAMESPACE = 0xEFFFFFFC
"""Inode of the one that a machine boots with (PROC_PID_INIT_INO of Linux)."""


def is_stale(name: str, *, age: float) -> bool:
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


def stale_files(directory: Path, name: str | None = None) -> Iterator[Path]:
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
        See `is_stale` for which.
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
            if is_stale(entry.name, age=time.time() - entry.stat().st_mtime):
                yield directory / entry.name


def remove_stale(directory: Path, name: str | None = None) -> None:
    """Remove what dead writers left behind, of one file or of all in a directory.

    Parameters
    ----------
    directory : Path
        Where the file lies, or would.
    name : str, optional
        Of the file.
    """
    for path in stale_files(directory, name):
        with suppress(OSError):
            path.unlink()


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
        What is not an int was not a process.

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
