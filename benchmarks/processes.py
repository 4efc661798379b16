"""Whole programs, timed from outside: wall time, and the most memory that they and their children held."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.peers import BenchmarkError

__all__ = ["Finished", "python", "spikebin"]

ROOT = Path(__file__).parent.parent
WATCH_SECONDS = 0.01


@dataclass(frozen=True)
class Finished:
    """What a program that has ended took: seconds, MB (0 where there is no /proc), and what it wrote to stdout."""

    seconds: float
    peak_mb: float
    stdout: str


def spikebin(*arguments: str | Path) -> Finished:
    """Run spikebin's command line."""
    return python("-m", "spikebin", *arguments)


def python(*arguments: str | Path) -> Finished:
    """Run this Python in a process of its own; BenchmarkError if it fails.

    The peak is the largest sum, over all its processes alive at once, of the most that each had held by then.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    start = perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    peak = _Peak(process.pid)
    stdout, stderr = process.communicate()
    seconds = perf_counter() - start
    peak.stop()
    if process.returncode:
        last = (stderr.strip() or stdout.strip() or "it says nothing").splitlines()[-1]
        raise BenchmarkError(f"{' '.join(map(str, arguments))[:200]} ends with {process.returncode}: {last}")
    return Finished(seconds, peak.mb, stdout)


class _Peak(threading.Thread):
    """Looks at a process and its children while they live.

    A program's own account of it (ru_maxrss) would not do: it begins with the size of whoever started the program.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.mb = 0.0
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Look, until told to stop."""
        while not self._ended.wait(WATCH_SECONDS):
            self.mb = max(self.mb, sum(_high_water_mb(pid) for pid in _tree(self.pid)))

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()


def _tree(pid: int) -> list[int]:
    pids = [pid]
    for process in pids:
        try:
            for task in Path(f"/proc/{process}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return pids


def _high_water_mb(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return 0.0
