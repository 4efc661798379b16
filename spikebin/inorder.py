"""Work on many items at once, results in order: how trials are read, binned and compressed by several threads."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from spikebin.signals import Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["in_order"]

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
