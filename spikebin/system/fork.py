"""Locks that a forked child can take: nobody is inside while a process forks.

A child has only the thread that forked. A lock that another thread held would stay locked for ever, and what it guards,
such as HDF5's own state, would be left half changed.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["hold_while_forking"]

# A thread may wait for a dead file system: then the child goes on without what it guards.
PATIENCE = 60.0


def hold_while_forking(lock: Any, in_child: Callable[[], None] | None = None) -> None:
    """Take a lock before every fork of this process, and give it back in parent and child.

    Parameters
    ----------
    lock : threading.RLock
        Reentrant, so that the thread that forks may hold it.
    in_child : callable, optional
        Puts right in the child what the other threads, which it does not have, were doing.
    """
    taken = threading.local()

    def before() -> None:
        taken.by_us = lock.acquire(timeout=PATIENCE)

    def in_parent() -> None:
        if taken.by_us:
            lock.release()

    def after() -> None:
        if taken.by_us:
            lock.release()
        else:
            lock._at_fork_reinit()
        if in_child is not None:
            in_child()

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=after)
