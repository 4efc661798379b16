"""One lock for a directory, held by one process at a time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spikebin.errors import SpikebinError
from spikebin.system.files import make_directory, os_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["locked"]

LOCK_FILE = ".lock"


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
