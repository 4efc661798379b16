"""Whether this process would survive a call into a library that may crash: a child tries it first, and dies instead."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["how_it_dies"]


def how_it_dies(action: Callable[[], object], *, seconds: int) -> str:
    """Try something in a child.

    Parameters
    ----------
    action : callable
        Whether it raises is no matter; what it changes is lost.
    seconds : int
        CPU time that it may take.

    Returns
    -------
    str
        Name of the signal that ended the child, ``SIGSEGV``; "" if it has ended by itself.
    """
    pid = os.fork()
    if not pid:
        try:
            faulthandler.disable()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            soft, most = resource.getrlimit(resource.RLIMIT_CPU)
            # A child begins with none used.
            allowed = [seconds, *(limit for limit in (soft, most) if limit != resource.RLIM_INFINITY)]
            resource.setrlimit(resource.RLIMIT_CPU, (min(allowed), most))
            with suppress(BaseException):
                action()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else ""
