"""Reads pickles as data: knows the globals of a mozaik datastore, refuses every other one by name, runs nothing.

`load` serves everyone who holds a pickle; `unpickle` lets a caller put a class of its own in place of a known global,
which is how segment.py gets at spike trains. What a segment means lives there, the walk over opcodes in kernels/.
"""

from __future__ import annotations

import gc
import io
import pickle
import pickletools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.kernels import survey as kernel
from spikebin.kernels.values import FULL
from spikebin.pickles.inert import ENCODE, STUBS, Enough, Inert, Refused, printable
from spikebin.pickles.meanings import ALIASES
from spikebin.pickles.numpy_values import settle
from spikebin.pickles.opcode_table import opcode_table
from spikebin.system.fork import ForkLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["gc_paused", "load", "place", "read_bytes", "reading", "unpickle"]


class _Unpickler(pickle.Unpickler):
    """The C unpickler, with every way to other code closed."""

    def __init__(self, data: io.BytesIO, stubs: Mapping[str, type[Inert]]) -> None:
        super().__init__(data)
        self._stubs = stubs

    def find_class(self, module: str, name: str, /) -> Any:
        kind = f"{ALIASES.get(module, module)}.{name}"
        stub = self._stubs.get(kind) if "." not in name else None
        if stub is None:
            raise Refused(
                f"asks for the global {printable(f'{module}.{name}')}, which no mozaik datastore holds: "
                "it is not a spike recording, or it is hostile; nothing was run"
            )
        return stub

    def persistent_load(self, pid: Any, /) -> Any:  # noqa: ARG002
        raise Refused("refers to an object outside of itself: it is not a spike recording; nothing was run")


class _Bytes(io.BytesIO):
    """Bytes that the C unpickler can look ahead in, instead of asking for a few at a time."""

    def peek(self, size: int = 0, /) -> bytes:
        here = self.tell()
        found = self.read(size)
        self.seek(here)
        return found


def load(path: Path) -> Any:
    """Contents of a pickle, with arrays, numbers and dates in place, and every other object as `Inert`.

    Parameters
    ----------
    path : Path
        `datastore.recordings.pickle`, or any pickle of dicts, lists, tuples, text, numbers and numeric arrays.

    Returns
    -------
    object
        What was pickled. Arrays are in native byte order, and read-only where they lie on the pickle's own bytes.

    Raises
    ------
    RecordingError
        If the file is missing, truncated, damaged, or asks for a global that no mozaik datastore holds.
    """
    data = read_bytes(path)
    with reading(path):
        return settle(unpickle(data), data.size)


def unpickle(
    data: NDArray[np.uint8], *, size: int | None = None, stubs: Mapping[str, type[Inert]] | None = None
) -> Any:
    """Read a pickle, or the start of one, into plain Python objects and `Inert` ones.

    Parameters
    ----------
    data : (n,) uint8
        The file's bytes, or as many as have been read.
    size : int, optional
        Length of the complete file in bytes; `data.size` by default.
    stubs : mapping, optional
        Classes to use in place of `Inert` for known globals, by `Inert.kind`.

    Returns
    -------
    object

    Raises
    ------
    Refused
        If the pickle is not complete or not what a pickler writes, or if it asks for what is not known here.
    Enough
        If a class of `stubs` raises it.
    """
    _survey(data, data.size if size is None else size)
    encode = type("encode", (STUBS[ENCODE],), {"__slots__": (), "left": data.size})
    reader = _Unpickler(_Bytes(data.tobytes()), {**STUBS, ENCODE: encode, **(stubs or {})})
    try:
        return reader.load()
    except (Refused, Enough):
        raise
    except EOFError as error:
        raise _truncated(data.size) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle can make the C unpickler raise nearly anything
        raise Refused(_damaged(error)) from error


def read_bytes(
    path: Path, limit: int | None = None, *, make: Callable[[int], NDArray[np.uint8]] | None = None
) -> NDArray[np.uint8]:
    """Bytes of a file, or the first of them.

    Parameters
    ----------
    path : Path
    limit : int, optional
        So many at most; default: all.
    make : callable, optional
        Given a number, makes a flat uint8 array of so many bytes or more, to be filled; default: a new one.

    Returns
    -------
    uint8 (n,)
        A view of what `make` gave.

    Raises
    ------
    RecordingError
        If it is missing, empty, not a file, or not ours to read.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise RecordingError(f"{place(path)} is not a file: copy it again from the simulation")
        size = size if limit is None else min(limit, size)
        data, n_read = (make(size) if make else np.empty(size, np.uint8))[:size], 0
        with path.open("rb", buffering=0) as file:
            while n_read < size and (n_more := file.readinto(data[n_read:].data)):
                n_read += n_more
    except FileNotFoundError as error:
        raise RecordingError(f"{place(path)} is missing: copy it from the simulation") from error
    except PermissionError as error:
        raise RecordingError(f"{place(path)} may not be read by you: ask its owner for the right to read it") from error
    except MemoryError as error:
        raise RecordingError(f"{place(path)} is larger than the memory that is left: ask for more memory") from error
    except OSError as error:
        raise RecordingError(f"{place(path)} cannot be read ({error.strerror or error}): try again") from error
    if not n_read:
        raise RecordingError(f"{place(path)} is empty: copy it again from the simulation")
    return data[:n_read]


def place(path: Path) -> str:
    """How messages name a file of a datastore.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        Its name and that of its directory.
    """
    return f"{printable(path.name)} of {printable(path.absolute().parent.name)}"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Make one line, that begins with the file's name, of whatever is wrong with its pickle.

    The garbage collector is off meanwhile.

    Parameters
    ----------
    path : Path

    Raises
    ------
    RecordingError
        For everything that is raised inside, `Enough` apart.
    """
    try:
        with gc_paused():
            yield
    except Enough:
        raise
    except Refused as error:
        raise RecordingError(f"{place(path)} {error}") from error.__cause__
    except MemoryError as error:
        raise RecordingError(f"{place(path)} takes more memory to read than is left: ask for more memory") from error
    except Exception as error:  # a hostile pickle can make numpy and Python raise nearly anything
        raise RecordingError(f"{place(path)} {_damaged(error)}") from error


_gc_readers = 0

_gc_was_on = False

_gc_here = threading.local()


def _alone_again() -> None:
    """In a forked child, which has none of the other threads that paused the collector."""
    global _gc_readers
    before, _gc_readers = _gc_readers, getattr(_gc_here, "readers", 0)
    if before and not _gc_readers and _gc_was_on:
        gc.enable()


_gc_lock = ForkLock(_alone_again)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Keep the garbage collector off while any thread is inside; then leave it as the first one found it.

    Each of the collector's passes visits all objects read so far and finds nothing: with it, unpickling takes up to
    six times as long.
    """
    global _gc_readers, _gc_was_on  # noqa: PLW0603
    with _gc_lock:
        if _gc_readers == 0:
            _gc_was_on = gc.isenabled()
            gc.disable()
        _gc_readers += 1
    _gc_here.readers = getattr(_gc_here, "readers", 0) + 1
    try:
        yield
    finally:
        _gc_here.readers -= 1
        with _gc_lock:
            _gc_readers -= 1
            if _gc_readers == 0 and _gc_was_on:
                gc.enable()


def _survey(data: NDArray[np.uint8], size: int) -> None:
    """Refuse what would make the C unpickler allocate, hash or compare more than a file of this size warrants."""
    capacity = max(4096, data.size // 16)
    while True:
        stack, memo, marks = (np.empty(n, np.int32) for n in (capacity, capacity, 10_000))
        status, at = kernel.survey(data, size, *_OPCODES, _MEMORY + _MEMORY_PER_BYTE * size, stack, memo, marks)
        if status != FULL:
            break
        capacity *= 4
    if status == kernel.ENDS_EARLY and data.size == size:
        raise _truncated(size)
    if status == kernel.BEYOND_END:
        raise Refused(
            f"ends after {size:,} bytes, less than it announces at byte {at:,}: copy it again from the simulation"
        )
    if status == kernel.NOT_AN_OPCODE:
        names = [f"the opcode {op.name}" for op in pickletools.opcodes if ord(op.code) == data[at]]
        found = names[0] if names else f"{data[at]:#04x}, which is not an opcode,"
        raise Refused(
            f"holds {found} at byte {at:,}: it is not a spike recording, or it is damaged or hostile; nothing was run"
        )
    if status == kernel.NOT_WRITTEN:
        raise Refused(f"holds at byte {at:,} what no pickler writes: it is damaged or hostile; nothing was run")
    if status == kernel.TOO_MUCH:
        raise Refused(
            f"would take much more memory or time than a recording of {size:,} bytes does, as byte {at:,} shows: "
            "it is not a spike recording, or it is hostile; nothing was run"
        )
    if status == kernel.NOT_A_KEY:
        raise Refused(
            f"holds at byte {at:,} a dict or set with something other than text, bytes or small numbers as keys: "
            "it is not a spike recording, or it is hostile; nothing was run"
        )


# All objects of a pickle together: this much in any case, and so many bytes for each of the file's.
_MEMORY, _MEMORY_PER_BYTE = 64 << 20, 40


def _damaged(error: Exception) -> str:
    return f"is damaged ({printable(f'{type(error).__name__}: {error}')}): copy it again from the simulation"


def _truncated(size: int) -> Refused:
    return Refused(f"ends after {size:,} bytes, before the pickle does: copy it again from the simulation")


# Objects from outside of the pickle: the copyreg registry, persistent ids, buffers.
_REFUSED = {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"}

_OPCODES = opcode_table(lambda name: name not in _REFUSED)
