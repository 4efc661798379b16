"""Ctrl-C and SIGTERM as exceptions, so that what is half done is undone on the way out."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["GRACE", "Ended", "ending_on_signals", "holding_signals", "listen"]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 2.0
"""Seconds from the signal to the end, at most; Slurm's KillWait is 30 s unless a site changed it."""


class Ended(BaseException):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.exit_code = 128 + number


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Raise `Ended` on SIGINT, SIGTERM and SIGHUP; once, so that a second signal does not disturb the cleaning up.

    Notes
    -----
    A signal that is ignored already, as nohup does with SIGHUP, stays so. An exception can be lost: in a callback of
    the garbage collector, where it is raised again a moment later, or in an import that catches everything. Cleaning up
    can hang with the file system, too: after GRACE seconds the process ends in any case. Files are renamed into place
    when they are complete, so that costs nothing but a temporary file.
    """
    numbers = _heeded()

    def end(number: int, _: FrameType | None = None) -> NoReturn:
        for each in numbers:
            # Not SIG_IGN: for a signal that has already come, Python would say on stderr that there was a race.
            signal.signal(each, lambda *_: None)
        signal.signal(signal.SIGALRM, lambda *_: os._exit(128 + number))
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        raise Ended(number)

    def end_again(lost: sys.UnraisableHookArgs) -> None:
        if isinstance(lost.exc_value, Ended):
            number = lost.exc_value.number
            signal.signal(signal.SIGALRM, lambda *_: end(number))
            signal.setitimer(signal.ITIMER_REAL, 0.01)
        else:
            hook(lost)

    hook, sys.unraisablehook = sys.unraisablehook, end_again
    before = {number: signal.signal(number, end) for number in numbers}
    alarm = signal.getsignal(signal.SIGALRM)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
        if signal.getsignal(signal.SIGALRM) is not alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, alarm)


@contextmanager
def holding_signals() -> Iterator[None]:
    """Keep signals that end a process waiting; one that is started meanwhile goes on so, until it calls `listen`."""
    came: list[int] = []
    # The mask is for the new process. In this one, a thread of a library may take the signal all the same.
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _heeded()}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def listen() -> None:
    """Let SIGTERM and SIGHUP in. Ctrl-C, which a terminal sends to every process, stays the parent's."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGHUP})


def _heeded() -> list[signal.Signals]:
    return [number for number in ENDING if signal.getsignal(number) not in {signal.SIG_IGN, None}]
