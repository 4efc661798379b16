"""Reads at once: each is done, on as many threads as there are cores for, and the first that fails says so."""

from __future__ import annotations

import threading

import pytest

from spikebin.matrixfile import at_once as module
from spikebin.matrixfile.at_once import at_once


@pytest.mark.parametrize(
    ("cores", "processes", "n", "threads"), [(4, 1, 2, 2), (4, 2, 9, 2), (2, 2, 3, 0), (4, 9, 2, 0)]
)
def test_each_is_read_once(monkeypatch, cores, processes, n, threads):
    monkeypatch.setattr(module, "usable_cores", lambda: cores)
    at_the_gate = threading.Barrier(threads or 1)
    done = []

    def read(i):
        # Only as many as there are threads can all stand here.
        if i < threads:
            at_the_gate.wait(10)
        done.append((i, threading.current_thread() is threading.main_thread()))

    at_once(read, n, processes=processes)
    assert sorted(i for i, _ in done) == list(range(n))
    assert {here for _, here in done} == {threads == 0}


@pytest.mark.parametrize("cores", [1, 4])
def test_what_fails_is_raised(monkeypatch, cores):
    monkeypatch.setattr(module, "usable_cores", lambda: cores)
    with pytest.raises(ZeroDivisionError):
        at_once(lambda i: 1 // (i - 1), 5)
