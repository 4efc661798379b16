"""A child tries what may crash; whoever asks lives on, and is told how it died."""

from __future__ import annotations

import os
import signal

import pytest

from spikebin.system.survival import how_it_dies


def spin():
    while True:
        pass


@pytest.mark.parametrize(
    ("action", "death"),
    [
        (lambda: None, ""),
        (lambda: 1 / 0, ""),
        (lambda: os._exit(3), ""),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "SIGSEGV"),
        (lambda: os.kill(os.getpid(), signal.SIGBUS), "SIGBUS"),
        (spin, "SIGXCPU"),
    ],
)
def test_how_a_child_ends(action, death, capfd):
    assert how_it_dies(action, seconds=1) == death
    assert capfd.readouterr() == ("", "")


def test_nothing_that_it_does_is_seen_here():
    here = []
    assert not how_it_dies(lambda: here.append(1), seconds=1)
    assert not here
