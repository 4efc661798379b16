"""How many CPUs this process may keep busy."""

from __future__ import annotations

import os

__all__ = ["cpus", "usable_cores"]

# Decompressing and binning one array are bound by memory; more threads than this gain nothing.
MOST = 4


def cpus() -> int:
    """CPUs that this process was given: Slurm's word, else its own affinity."""
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, int(granted)) if granted.isascii() and granted.isdigit() else len(os.sched_getaffinity(0))


def usable_cores() -> int:
    """CPUs that one call on one array may use: a few at most."""
    return min(MOST, cpus())
