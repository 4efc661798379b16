"""Where a run took place: CPU, memory, operating system, and the version of every package that took part."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import spikebin

__all__ = ["circumstances"]

PACKAGES = (
    "numpy",
    "numba",
    "tables",
    "blosc2",
    "typer",
    "rich",
    "scipy",
    "neo",
    "quantities",
    "elephant",
    "pynapple",
    "boost-histogram",
    "torch",
)


def circumstances(command: str, *, quick: bool) -> dict[str, Any]:
    """What a reader must know to run the same again."""
    return {
        "command": command,
        "quick": quick,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {"spikebin": spikebin.__version__, **{name: _version(name) for name in PACKAGES}},
    }


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
