"""A process: how many CPUs it may use, and settings for one that does nothing but export.

Those settings are for a job or a worker, never for a program that imports spikebin.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

from spikebin.errors import SpikebinError
from spikebin.system.compat import load_numba_without_blas

__all__ = ["at_once", "cpus", "settle_in", "usable_cores"]

# Decompressing and binning one array are bound by memory; more threads than this gain nothing.
MOST = 4
# malloc.h of glibc.
M_MMAP_THRESHOLD = -3


def cpus() -> int:
    """CPUs that this process was given: Slurm's word, else its own affinity."""
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, int(granted)) if granted.isascii() and granted.isdigit() else len(os.sched_getaffinity(0))


def at_once(asked: int | None) -> int:
    """How many jobs or threads run at once: as many as were asked for, by default the CPUs granted.

    Raises
    ------
    SpikebinError
        If that is less than one.
    """
    if asked is not None and asked < 1:
        raise SpikebinError(f"{asked} threads or workers: give 1 or more, or leave it out for all CPUs granted")
    return cpus() if asked is None else int(asked)


def usable_cores() -> int:
    """CPUs that one call on one array may use: a few at most."""
    return min(MOST, cpus())


def settle_in() -> None:
    """Set up this process, before its first kernel is loaded."""
    _return_freed_memory()
    load_numba_without_blas()


def _return_freed_memory() -> None:
    """Have arrays of 1 MB and more go back to the system when they are freed.

    glibc gives up on that, up to 32 MB, as soon as the first such array has been freed (mallopt(3), "dynamic mmap
    threshold"), and then keeps what each thread has freed: 50 MB of a job with two threads.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 20)
