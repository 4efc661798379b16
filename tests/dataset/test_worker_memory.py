"""Memory of a worker that is used again: never while somebody holds a batch in it, and always zero."""

from __future__ import annotations

import os
import pickle
import sys
from multiprocessing.reduction import ForkingPickler

import pytest

from spikebin.dataset import worker_memory
from spikebin.dataset.worker_memory import MOST, SPARE, shared_zeros

torch = pytest.importorskip("torch", reason="torch is not installed (extra torch)")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory without a name is of Linux"),
    # From Python 3.12 on, a process that has threads, as torch starts them, is told not to fork.
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]
SIZE = 1 << 17


@pytest.fixture(autouse=True)
def pieces(monkeypatch):
    """A worker's, from its first batch on."""
    mine = worker_memory._Pieces()
    monkeypatch.setattr(worker_memory, "_pieces", mine)
    yield mine
    mine._leave(mine._pieces)


def batch(size=SIZE):
    """A batch, its memory filled, and where that is."""
    shared = shared_zeros(size)
    assert not shared.room.any()
    shared.room[:] = 7
    tensor = torch.empty(0, dtype=torch.uint8).set_(shared.storage, 0, (size,))
    assert (tensor == 7).all()
    return tensor, shared.room.ctypes.data


def test_memory_is_used_again_once_nobody_has_the_batch(pieces):
    tensor, place = batch()
    held = tensor[5:].numpy()
    del tensor
    other, elsewhere = batch()
    assert elsewhere != place
    assert (held == 7).all()
    del held
    _, again = batch()
    assert again == place
    assert (other == 7).all()
    assert len(pieces._pieces) == 2


def test_a_batch_that_was_handed_over_is_held_by_whoever_has_it():
    tensor, place = batch()
    message = ForkingPickler.dumps(tensor)
    del tensor
    # On its way it is held as well.
    assert batch()[1] != place
    received = pickle.loads(message)
    assert batch()[1] != place
    assert (received == 7).all()
    del received
    assert place in {one[1] for one in [batch(), batch()]}


def test_a_batch_is_held_by_the_child_that_was_forked_with_it():
    tensor, place = batch()
    # Threads of torch are not there after a fork.
    held = tensor.numpy()
    ready, stop = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(ready[1], b"x")
            os.read(stop[0], 1)
            os._exit(0 if (held == 7).all() else 1)
        finally:
            os._exit(2)
    os.read(ready[0], 1)
    del tensor, held
    assert batch()[1] != place
    os.write(stop[1], b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert place in {one[1] for one in [batch(), batch()]}
    for end in (*ready, *stop):
        os.close(end)


def test_a_forked_child_has_memory_of_its_own(pieces):
    batch()
    child = os.fork()
    if not child:
        try:
            shared_zeros(SIZE)
            os._exit(0 if worker_memory._pieces is not pieces else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_memory_grows_with_batches_and_some_is_kept(pieces):
    first = [batch() for _ in range(SPARE + 3)]
    assert len({place for _, place in first}) == SPARE + 3
    del first
    large = batch(3 * SIZE)
    assert large[1] not in {piece.room.ctypes.data for piece in pieces._pieces[:-1]}
    assert len(pieces._pieces) == SPARE
    # The smallest that is large enough, and only as much of it as is asked for.
    small = batch(SIZE - 8)
    assert small[0].shape == (SIZE - 8,)
    assert small[1] != large[1]
    del large
    assert batch(2 * SIZE)[0].shape == (2 * SIZE,)
    assert len(pieces._pieces) == SPARE


def test_batches_that_are_kept_are_left_to_whoever_keeps_them(pieces):
    kept = [batch()[0] for _ in range(MOST + 5)]
    assert len(pieces._pieces) == MOST
    assert all((tensor == 7).all() for tensor in kept)


def test_where_locks_are_not_kept_torch_is_asked(pieces, monkeypatch):
    monkeypatch.setattr(worker_memory._Piece, "is_free", lambda _: True)
    assert shared_zeros(SIZE) is None
    monkeypatch.undo()
    assert not pieces.works
    assert not pieces._pieces


def test_a_few_numbers_are_not_worth_it(pieces):
    assert shared_zeros(100) is None
    assert pieces.works
