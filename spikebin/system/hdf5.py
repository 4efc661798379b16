"""HDF5 files as PyTables opens them for reading: one lock, one kind of error, and no pickle is ever run.

PyTables unpickles every attribute that looks like a pickle as soon as it opens the node, and the rows of arrays of
objects. A pickle is a program, so while a file is open here PyTables has no `pickle`. What the files hold is known to
matrixfile/ and recordings/continuous/hdf5_group.py.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager, suppress
from itertools import islice
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from spikebin.errors import SpikebinError
from spikebin.system.compat import no_pickles
from spikebin.system.fork import ForkLock
from spikebin.system.survival import how_it_dies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["HDF5_LOCK", "UnreadableError", "open_hdf5"]

# PyTables and HDF5 keep process-wide state that two threads must not touch at once (PyTables#790).
HDF5_LOCK = ForkLock()

LONGEST = 60
"""Seconds of CPU time that opening a file may take."""
MOST_GROUPS = MOST_LEAVES = 1000
"""Groups and data sets of a file that a child opens first."""
_survived: set[tuple[int, ...]] = set()


class UnreadableError(Exception):
    """What PyTables and HDF5 say of a file that they cannot read; the reader of the file says which file that is."""

    @property
    def reason(self) -> str:
        """In one line: HDF5 comes to the point at the end."""
        return (str(self).strip().splitlines() or [""])[-1].strip()[:120]


@contextmanager
def open_hdf5(path: Path, *, checked: bool = False) -> Iterator[Any]:
    """A PyTables file, open for reading while the lock is held.

    Parameters
    ----------
    path : Path
    checked : bool
        Its bytes are known to be those that were written. Of any other file, HDF5 may crash while it opens it, and so a
        child opens it first.

    Raises
    ------
    UnreadableError
        Whatever else than an error of spikebin is raised on the way: a damaged file makes PyTables raise nearly
        anything; or HDF5 crashes.
    """
    import tables

    with HDF5_LOCK, no_pickles(), warnings.catch_warnings():
        # Of what it cannot represent, which is told apart by its class, and of rows longer than its buffers.
        warnings.simplefilter("ignore")
        try:
            if not checked:
                _try(path)
            with tables.open_file(str(path), "r") as file:
                yield file
        except SpikebinError:
            raise
        except (
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            OSError,
            RuntimeError,
            SystemError,
            TypeError,
            UnpicklingError,
            ValueError,
        ) as error:
            raise UnreadableError(str(error).strip() or type(error).__name__) from error


def _try(path: Path) -> None:
    """Let a child open a file that this process has not opened yet, and what is in it, which may crash HDF5, too."""
    import tables

    stat = path.stat()
    file = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
    if file in _survived:
        return

    def look() -> None:
        with tables.open_file(str(path), "r") as file:
            n_left = MOST_LEAVES
            # Hard links may lead in circles.
            for group in islice(file.walk_groups(), MOST_GROUPS):
                # Of a data set that PyTables refuses, the reader is told.
                with suppress(Exception):
                    for _ in islice(group._f_iter_nodes("Leaf"), n_left):
                        n_left -= 1

    death = how_it_dies(look, seconds=LONGEST)
    if death:
        raise UnreadableError(f"HDF5 {'takes too long' if death == 'SIGXCPU' else f'crashes on it, {death}'}")
    _survived.add(file)
