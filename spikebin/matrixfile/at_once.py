"""Several reads of matrix files at once, in threads: neither Blosc2 nor the kernels hold Python's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikebin.system.process import usable_cores
from spikebin.system.threads import in_order

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["at_once"]


def at_once(read: Callable[[int], None], n: int, *, processes: int = 1) -> None:
    """``read(0) ... read(n - 1)``, as many at once as there are cores for.

    Parameters
    ----------
    read : callable
        Called with each number once, on any thread.
    n : int
    processes : int
        So many share the cores, this one included.

    Raises
    ------
    Exception
        Whatever the first `read` that fails raises.
    """
    threads = min(n, usable_cores() // processes)
    if threads < 2:
        for i in range(n):
            read(i)
        return
    for _ in in_order(read, n, threads):
        pass
