"""How many cores one call may keep busy."""

from __future__ import annotations

import os

__all__ = ["usable_cores"]

# Reading and binning are bound by memory; more threads than this gain nothing and crowd out other readers.
MOST = 4


def usable_cores() -> int:
    """Cores that this process was given, by Slurm or taskset where they say, but a few at most."""
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST, given)
