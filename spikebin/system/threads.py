"""Threads at work: many items at once with results in order, and large work arrays that they hand on.

The system takes as long to find new memory as a kernel to work through it; and an array for each thread would stay
with threads that have nothing more to do. What the items and arrays hold is not known here.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from spikebin.system.signals import Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["Scratch", "in_order"]

T = TypeVar("T")


def in_order(work: Callable[[int], T], n: int, threads: int) -> Iterator[T]:
    """``work(0) ... work(n - 1)``, computed by threads that run at most one item each ahead.

    Parameters
    ----------
    work : callable
        Called with each number once, on any thread.
    n, threads : int

    Yields
    ------
    What `work` returns, in the order of the numbers.

    Raises
    ------
    Exception
        Whatever `work` raises, in the place of what it would have returned; no other is begun after that.
    """
    pool = ThreadPoolExecutor(threads)
    pending: deque[Future[T]] = deque()
    patient = True
    try:
        for i in range(n):
            pending.append(pool.submit(work, i))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except Ended:
        # A thread may hang on a dead file system, or compile for half a minute: Slurm does not wait that long.
        patient = False
        raise
    finally:
        pool.shutdown(wait=patient, cancel_futures=True)


class Scratch:
    """Arrays of one kind: as many as are in use at once.

    Parameters
    ----------
    make : callable
        Makes an array (n,) from n.
    """

    def __init__(self, make: Callable[[int], NDArray[Any]]) -> None:
        self._make = make
        self._spare: list[NDArray[Any]] = []

    @contextmanager
    def borrow(self, size: int) -> Iterator[NDArray[Any]]:
        """An array of `size` items or more, as its last user left it; one whose user failed is not used again.

        Parameters
        ----------
        size : int

        Yields
        ------
        ndarray (n,)
        """
        try:
            array = self._spare.pop()
        except IndexError:
            array = self._make(size)
        if array.size < size:
            array = self._make(size)
        yield array
        self._spare.append(array)
