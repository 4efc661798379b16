"""A lock that no thread holds while a process forks.

A child has only the thread that forked. A lock that another thread held would stay locked for ever in it, and what the
lock guards, such as HDF5's own state, would be left half changed.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ForkLock"]

# A thread may wait for a dead file system: then the child goes on without what it guards.
PATIENCE = 60.0


class ForkLock:
    """A reentrant lock that is taken before every fork of this process, and given back in parent and child.

    Whoever waits comes next: a thread that takes it again and again would otherwise keep a fork waiting.

    Parameters
    ----------
    in_child : callable, optional
        Called in the child, to put right what threads that it does not have were doing.
    """

    def __init__(self, in_child: Callable[[], None] | None = None) -> None:
        self._lock: Any = threading.RLock()
        # Held by the one who waits next.
        self._turn: Any = threading.Lock()
        self._in_child = in_child
        self._taken = threading.local()
        os.register_at_fork(before=self._before, after_in_parent=self._in_parent, after_in_child=self._after)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self, timeout: float = -1) -> bool:
        """Take the lock; whether it could be taken in so many seconds, -1 for however many."""
        if self._lock._is_owned():
            return bool(self._lock.acquire())
        if not self._turn.acquire(timeout=timeout):
            return False
        try:
            return bool(self._lock.acquire(timeout=timeout))
        finally:
            self._turn.release()

    def release(self) -> None:
        """Give it back."""
        self._lock.release()

    def _before(self) -> None:
        self._taken.by_us = self.acquire(timeout=PATIENCE)

    def _in_parent(self) -> None:
        if self._taken.by_us:
            self.release()

    def _after(self) -> None:
        self._turn._at_fork_reinit()
        if self._taken.by_us:
            self.release()
        else:
            self._lock._at_fork_reinit()
        if self._in_child is not None:
            self._in_child()
