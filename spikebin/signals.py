"""Ctrl-C and SIGTERM as exceptions, so that what is half done is undone on the way out."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Ended", "ending_on_signals"]

GRACE = 2.0
"""Seconds from the signal to the end, at most; Slurm's KillWait is 30 s unless a site changed it."""


class Ended(BaseException):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Raise `Ended` on SIGINT, SIGTERM and SIGHUP; once, so that a second signal does not disturb the cleaning up.

    Notes
    -----
    A signal that is ignored already, as nohup does with SIGHUP, stays so. An exception can be lost, in a callback of
    the garbage collector or in an import that catches everything, and cleaning up can hang with the file system: after
    GRACE seconds the process ends in any case. Files are renamed into place when they are whole, so that costs nothing
    but a temporary file.
    """
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) not in {signal.SIG_IGN, None}
    ]

    def end(number: int, _: FrameType | None) -> NoReturn:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, lambda *_: os._exit(128 + number))
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        raise Ended(number)

    before = {number: signal.signal(number, end) for number in numbers}
    alarm = signal.getsignal(signal.SIGALRM)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if signal.getsignal(signal.SIGALRM) is not alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, alarm)
