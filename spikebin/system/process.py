"""A process: how many CPUs it may use, and settings for one that does nothing but export.

Those settings are for a job or a worker, never for a program that imports spikebin.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

__all__ = ["cpus", "load_numba_without_blas", "settle_in", "usable_cores"]

# Decompressing and binning one array are bound by memory; more threads than this gain nothing.
MOST = 4
# malloc.h of glibc.
M_MMAP_THRESHOLD = -3


def cpus() -> int:
    """CPUs that this process was given: Slurm's word, else its own affinity."""
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, int(granted)) if granted.isascii() and granted.isdigit() else len(os.sched_getaffinity(0))


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


def load_numba_without_blas() -> None:
    """Import what numba needs for its first kernel, save half of scipy, where that is installed.

    numba looks for BLAS there (numba/np/arraymath.py), which takes a tenth of a second; no kernel of ours asks for it.
    """
    blas = "scipy.linalg.cython_blas"
    if blas in sys.modules:
        return
    sys.modules[blas] = None  # type: ignore[assignment]
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        del sys.modules[blas]
