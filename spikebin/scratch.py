"""Large work arrays that go from one piece of work to the next, whichever thread does it.

The system takes as long to find new memory as a kernel to work through it; and an array for each thread would stay with
threads that have nothing more to do. What the arrays hold is their users' business.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["Scratch"]


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
