"""Settings of a process that does nothing but export, a job's or a worker's; never of a program that imports us."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

__all__ = ["load_numba_without_blas", "settle_in"]

# malloc.h of glibc.
M_MMAP_THRESHOLD = -3


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
