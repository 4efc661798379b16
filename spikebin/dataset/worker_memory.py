"""Memory in which a worker of PyTorch's DataLoader hands over its batches, used again once nobody holds a batch in it.

The system takes longer to find new memory for a batch than it takes to fill it. Who holds a batch is not known to the
worker, but to the system: each batch is handed over with a file description of its own that is locked (`flock`), and
such a lock lasts until the last process that has the description, or memory mapped through it, lets go. Nothing here
reads files. Linux only, and where it does not work torch's own shared memory is used; see `spikebin.dataset.tensors`.
"""

from __future__ import annotations

import mmap
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Shared", "shared_zeros"]

# Spare pieces that are kept, as many as a worker has under way: two are ready, one is in use, one is being filled.
SPARE = 4
# Pieces that are watched, for users who keep batches: the oldest is then left to them.
MOST = 16
# Smaller ones are found quickly, and their descriptors are worth more.
SMALLEST = 1 << 16


class Shared(NamedTuple):
    """A piece of shared memory.

    Attributes
    ----------
    room : uint8 (n_bytes,)
        Zeros. As the worker is to see it: pages of this mapping are there already if it was used before.
    storage : torch.UntypedStorage
        The same memory, to be handed over.
    """

    room: NDArray[np.uint8]
    storage: Any


class _Piece:
    """Memory without a name, mapped once and for all."""

    def __init__(self, size: int) -> None:
        self.descriptor = os.memfd_create("spikebin-batch")
        try:
            os.ftruncate(self.descriptor, size)
            self.room = np.frombuffer(mmap.mmap(self.descriptor, size), np.uint8)
        except BaseException:
            os.close(self.descriptor)
            raise
        self.is_new = True

    def close(self) -> None:
        """Let go of it; whoever has a batch in it keeps that."""
        os.close(self.descriptor)

    def is_free(self) -> bool:
        import fcntl

        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        return True

    def hand_over(self, n_bytes: int) -> Shared:
        """Its first bytes, as zeros; not free from then on.

        Raises
        ------
        OSError
            If the lock does not hold, which nothing here can do without.
        """
        import fcntl

        import torch

        another = os.open(f"/proc/self/fd/{self.descriptor}", os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(another, fcntl.LOCK_SH | fcntl.LOCK_NB)
            storage = torch.UntypedStorage._new_shared_fd_cpu(another, n_bytes)
        finally:
            os.close(another)
        if self.is_free():
            raise OSError("locks of descriptions are not kept")
        room = self.room[:n_bytes]
        if not self.is_new:
            room[:] = 0
        self.is_new = False
        return Shared(room, storage)


class _Pieces:
    """The pieces of one process."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.works = hasattr(os, "memfd_create")
        self._pieces: list[_Piece] = []
        self._lock = threading.Lock()

    def zeros(self, n_bytes: int) -> Shared | None:
        with self._lock:
            if self.works:
                with suppress(OSError, AttributeError, RuntimeError):
                    return self._fitting(n_bytes).hand_over(n_bytes)
            self.works = False
            self._leave(self._pieces)
            return None

    def _fitting(self, n_bytes: int) -> _Piece:
        free = [piece for piece in self._pieces if piece.is_free()]
        large = [piece for piece in free if piece.room.size >= n_bytes]
        fitting = min(large, key=lambda piece: piece.room.size) if large else None
        # Too small ones go first, then the oldest.
        spare = sorted((piece for piece in free if piece is not fitting), key=lambda piece: piece.room.size >= n_bytes)
        self._leave(spare[: max(0, len(free) - SPARE + (fitting is None))])
        if fitting is None:
            self._leave(self._pieces[: max(0, len(self._pieces) - MOST + 1)])
            fitting = _Piece(n_bytes)
            self._pieces.append(fitting)
        return fitting

    def _leave(self, pieces: list[_Piece]) -> None:
        for piece in list(pieces):
            piece.close()
            self._pieces.remove(piece)


_pieces = _Pieces()


def shared_zeros(n_bytes: int) -> Shared | None:
    """Zeros that a worker can fill and hand over.

    Parameters
    ----------
    n_bytes : int

    Returns
    -------
    Shared or None
        None where memory cannot be used again, or is too little to be worth it.
    """
    global _pieces  # noqa: PLW0603
    if n_bytes < SMALLEST:
        return None
    # A forked child has the descriptors of its parent, and none of its batches.
    if _pieces.process != os.getpid():
        _pieces = _Pieces()
    return _pieces.zeros(n_bytes)
