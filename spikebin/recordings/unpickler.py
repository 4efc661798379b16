"""Reads pickles as data: knows the globals of a mozaik datastore, refuses every other one by name, runs nothing.

`load` serves everyone who holds a pickle; `unpickle` lets a caller put a class of its own in place of a known global,
which is how segment.py gets at spike trains. What a segment means lives there, the walk over opcodes in kernels.py.
"""

from __future__ import annotations

import gc
import io
import math
import pickle
import pickletools
import re
import threading
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from spikebin.errors import RecordingError
from spikebin.kernels import pickles as kernels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "Enough",
    "Inert",
    "Refused",
    "array_of",
    "gc_paused",
    "load",
    "place",
    "read_bytes",
    "reading",
    "scalar_of",
    "settle",
    "unpickle",
]


class Refused(Exception):  # noqa: N818 - the end of a sentence
    """What is wrong with a pickle, and what to do: the end of a sentence that its file's name begins."""


class Enough(Exception):  # noqa: N818 - no error
    """Raised by a caller's own stub to end reading, with what it was after."""


class Inert:
    """What a pickle says of an object, and nothing that acts: no code of the class it names is ever imported.

    Attributes
    ----------
    kind : str
        Full name of the class or function that the pickle calls, ``"neo.core.block.Block"``.
    args : tuple
        What it is called with.
    state : object
        What the pickle then gives it as its state, most often a dict of attributes; None if it gives none.
    items : list of (key, value)
        What the pickle then sets on it as on a dict.
    """

    __slots__ = ("args", "items", "state")
    kind: ClassVar[str] = ""

    args: tuple[Any, ...]
    state: Any
    items: list[tuple[Any, Any]]

    def __new__(cls, *args: Any) -> Any:  # noqa: D102 - how the unpickler makes it, for REDUCE and NEWOBJ alike
        self = object.__new__(cls)
        self.args = args
        self.state = None
        self.items = []
        return self

    # BUILD sets attributes, on classes too, unless it finds this method; on a class it lacks an argument and fails.
    def __setstate__(self, state: Any) -> None:
        if self.state is not None:
            raise Refused(f"gives a {self.kind} its state twice, which no pickler does: it is damaged or hostile")
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))


class _Text(Inert):
    """`_codecs.encode(text, "latin1")`, the way in which protocol 2 spells bytes.

    Each reader has a subclass of its own, with the number of letters that its pickle can hold: one text that is
    encoded again and again could fill any memory.
    """

    __slots__ = ()
    left: ClassVar[int]

    def __new__(cls, *args: Any) -> Any:
        if len(args) != 2 or type(args[0]) is not str or args[1] not in {"latin1", "latin-1"}:
            raise Refused("calls _codecs.encode for something other than bytes: it is damaged or hostile")
        cls.left -= len(args[0])
        if cls.left < 0:
            raise Refused("makes more bytes than it holds: it is damaged or hostile")
        return args[0].encode("latin1")


class _Empty(Inert):
    """`bytes()`, the way in which protocol 2 spells no bytes; with an argument it could ask for any memory."""

    __slots__ = ()

    def __new__(cls, *args: Any) -> Any:
        if args:
            raise Refused("calls bytes with arguments: it is damaged or hostile")
        return b""


def _stub(kind: str, base: type[Inert] = Inert) -> type[Inert]:
    return type(kind.rpartition(".")[2], (base,), {"__slots__": (), "kind": kind, "__module__": __name__})


_ARRAY = "numpy.core.multiarray._reconstruct"
_BUFFER = "numpy.core.numeric._frombuffer"
_QUANTITY = "quantities.quantity._reconstruct_quantity"
_SCALAR = "numpy.core.multiarray.scalar"
_DTYPE = "numpy.dtype"
_ENCODE = "_codecs.encode"
_DATETIME = "datetime.datetime"

# Every global that the pickles of mozaik hold, with neo 0.9 to 0.14, numpy 1 and 2, protocols 2 to 5.
_KINDS = (
    _ARRAY, _BUFFER, _QUANTITY, _SCALAR, _DTYPE, _DATETIME, "numpy.ndarray", "builtins.dict", "copyreg._reconstructor",
    "mozaik.storage.neo_neurotools_wrapper.PickledDataStoreNeoWrapper",
    "neo.core.analogsignal.AnalogSignal", "neo.core.analogsignal._new_AnalogSignalArray", "neo.core.block.Block",
    "neo.core.dataobject.ArrayDict", "neo.core.dataobject._normalize_array_annotations", "neo.core.epoch.Epoch",
    "neo.core.event.Event", "neo.core.group.Group", "neo.core.imagesequence.ImageSequence",
    "neo.core.irregularlysampledsignal.IrregularlySampledSignal", "neo.core.objectlist.ObjectList",
    "neo.core.segment.Segment", "neo.core.spiketrain.SpikeTrain", "neo.core.spiketrain._new_spiketrain",
    "neo.core.spiketrainlist.SpikeTrainList", "neo.core.view.ChannelView",
    "quantities.dimensionality.Dimensionality", "quantities.quantity.Quantity", "quantities.unitquantity.UnitCurrent",
    "quantities.unitquantity.UnitLength", "quantities.unitquantity.UnitMass", "quantities.unitquantity.UnitQuantity",
    "quantities.unitquantity.UnitTime",
)  # fmt: skip

_STUBS: dict[str, type[Inert]] = {
    **{kind: _stub(kind) for kind in _KINDS},
    _ENCODE: _stub(_ENCODE, _Text),
    "builtins.bytes": _stub("builtins.bytes", _Empty),
}

ALIASES = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy._core.multiarray": "numpy.core.multiarray",
    "numpy._core.numeric": "numpy.core.numeric",
}
"""The same modules under the names that Python 2 (protocols 0 to 2) and numpy 2 give them."""

KINDS = tuple(_STUBS)
"""Every global that is known here, under its name in Python 3 and numpy 1."""


class _Unpickler(pickle.Unpickler):
    """The C unpickler, with every door to other code shut."""

    def __init__(self, data: io.BytesIO, stubs: Mapping[str, type[Inert]]) -> None:
        super().__init__(data)
        self._stubs = stubs

    def find_class(self, module: str, name: str, /) -> Any:
        kind = f"{ALIASES.get(module, module)}.{name}"
        stub = self._stubs.get(kind) if "." not in name else None
        if stub is None:
            raise Refused(
                f"asks for the global {_printable(f'{module}.{name}')}, which no mozaik datastore holds: "
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
        Length of the whole file in bytes; `data.size` by default.
    stubs : mapping, optional
        Classes to use in place of `Inert` for known globals, by `Inert.kind`.

    Returns
    -------
    object

    Raises
    ------
    Refused
        If the pickle is not whole or not what a pickler writes, or if it asks for what is not known here.
    Enough
        If a class of `stubs` raises it.
    """
    _survey(data, data.size if size is None else size)
    encode = type("encode", (_STUBS[_ENCODE],), {"__slots__": (), "left": data.size})
    reader = _Unpickler(_Bytes(data.tobytes()), {**_STUBS, _ENCODE: encode, **(stubs or {})})
    try:
        return reader.load()
    except (Refused, Enough):
        raise
    except EOFError as error:
        raise _truncated(data.size) from error
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
    return f"{_printable(path.name)} of {_printable(path.absolute().parent.name)}"


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
    except Exception as error:  # a hostile pickle can make numpy and Python raise nearly anything
        raise RecordingError(f"{place(path)} {_damaged(error)}") from error


_gc_lock = threading.Lock()
_gc_readers = 0
_gc_was_on = False


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
    try:
        yield
    finally:
        with _gc_lock:
            _gc_readers -= 1
            if _gc_readers == 0 and _gc_was_on:
                gc.enable()


def settle(value: Any, n_bytes: int) -> Any:
    """Put arrays, numbers and dates in place of the `Inert` objects that stand for them, throughout `value`.

    Parameters
    ----------
    value : object
        What `unpickle` returned.
    n_bytes : int
        Length of the pickle, and the most that all its arrays can hold.

    Returns
    -------
    object
        `value` itself, if it is a container that can be changed in place.

    Raises
    ------
    Refused
        If one of them is not what numpy or datetime pickle.
    """
    try:
        return _Settler(n_bytes).settle(value)
    except RecursionError as error:
        raise Refused("is nested too deeply: it is damaged, or not a recording") from error


class _Settler:
    """What `settle` has seen, and how many bytes of arrays it may still meet."""

    def __init__(self, n_bytes: int) -> None:
        self.seen: dict[int, Any] = {}
        self.left = n_bytes

    def settle(self, value: Any) -> Any:
        if type(value) not in {list, dict, tuple, set, frozenset} and not isinstance(value, Inert):
            return value
        if id(value) in self.seen:
            return self.seen[id(value)]
        self.seen[id(value)] = value
        if isinstance(value, list):
            value[:] = [self.settle(item) for item in value]
        elif isinstance(value, dict):
            for key, item in value.items():
                value[key] = self.settle(item)
        elif isinstance(value, tuple):
            self.seen[id(value)] = tuple([self.settle(item) for item in value])
        elif isinstance(value, Inert):
            self.seen[id(value)] = self._settle_inert(value)
        return self.seen[id(value)]

    def _settle_inert(self, value: Inert) -> Any:
        if value.kind in {_ARRAY, _BUFFER}:
            array = array_of(value)
            self._spend(array.nbytes)
            return array
        if value.kind == _SCALAR:
            number = scalar_of(value)
            self._spend(len(value.args[1]))
            return number
        if value.kind == _DATETIME:
            return _datetime_of(value)
        value.args = self.settle(value.args)
        value.state = self.settle(value.state)
        value.items = self.settle(value.items)
        return value

    def _spend(self, n_bytes: int) -> None:
        self.left -= n_bytes
        if self.left < 0:
            raise Refused("makes more numbers than it holds: it is damaged or hostile")


def array_of(value: Any) -> NDArray[Any]:
    """Array, or numbers of a Quantity, that an `Inert` stands for.

    It lies on the pickle's own bytes: nothing is allocated on the word of a shape.

    Parameters
    ----------
    value : Inert
        What `unpickle` gave; anything else is refused.

    Returns
    -------
    ndarray
        In native byte order; read-only where it lies on the pickle's own bytes.

    Raises
    ------
    Refused
        If it is not an array of numbers or text, or its shape and its bytes disagree.
    """
    match value:
        case Inert(kind=k, state=(1, tuple() as shape, dtype, bool() | 0 | 1 as fortran, bytes() as raw, *rest)) if (
            k == _ARRAY and not rest
        ) or (k == _QUANTITY and len(rest) == 1):
            order = "F" if fortran else "C"
        case Inert(
            kind=k,
            args=(bytes() | bytearray() as raw, dtype, tuple() as shape, "C" | "F" as order),
            state=None,
        ) if k == _BUFFER:
            pass
        case _:
            raise Refused("holds an array that numpy did not write: it is damaged or hostile")
    item = _dtype_of(dtype)
    if len(shape) > 32 or not all(type(length) is int and length >= 0 for length in shape):
        raise Refused(f"holds an array of shape {_printable(repr(shape))}: it is damaged or hostile")
    if math.prod(shape) * item.itemsize != len(raw):
        raise Refused(
            f"holds an array of shape {_printable(repr(shape))} and {len(raw):,} bytes: it is damaged or hostile"
        )
    return _checked(np.ndarray(shape, item, raw, order="F" if order == "F" else "C"))


def scalar_of(value: Inert) -> Any:
    """Python number or text that a pickled numpy scalar stands for.

    Parameters
    ----------
    value : Inert

    Returns
    -------
    bool, int, float, complex, str or bytes

    Raises
    ------
    Refused
        If it is not a number or text, or its bytes are of another length than its type.
    """
    if len(value.args) != 2 or type(value.args[1]) is not bytes or value.state is not None:
        raise Refused("holds a number that numpy did not write: it is damaged or hostile")
    item, raw = _dtype_of(value.args[0]), value.args[1]
    if item.itemsize != len(raw):
        raise Refused(f"holds a number of type {item} and {len(raw):,} bytes: it is damaged or hostile")
    return _checked(np.ndarray((), item, raw))[()].item()


def _checked(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    # numpy trusts these two to be sound, and can fail in strange places where they are not.
    if array.dtype.kind == "b":
        return np.not_equal(array.view(np.uint8), 0)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "U" and array.size and np.frombuffer(array.tobytes(), np.uint32).max() > 0x10FFFF:
        raise Refused("holds text that is no text: it is damaged or hostile")
    return array


def _dtype_of(value: Any) -> np.dtype[Any]:
    match value:
        case Inert(kind=k, args=(str() as text, bool() | 0 | 1, bool() | 0 | 1), state=None) if k == _DTYPE:
            return _dtype(text, "=")
        case Inert(
            kind=k,
            args=(str() as text, bool() | 0 | 1, bool() | 0 | 1),
            state=(3, "<" | ">" | "|" | "=" as order, None, None, None, int(), int(), int()),
        ) if k == _DTYPE:
            return _dtype(text, order)
    raise Refused("holds an array of a type that is neither a number nor text: it is not a spike recording")


@lru_cache(maxsize=64)
def _dtype(text: str, order: Literal["<", ">", "|", "="]) -> np.dtype[Any]:
    if not re.fullmatch(r"b1|[iu][1248]|f[248]|c8|c16|[SU][1-9]\d{0,5}", text):
        raise Refused(
            f"holds an array of type {_printable(text)}, neither a number nor text: it is not a spike recording"
        )
    return np.dtype(text).newbyteorder(order)


def _datetime_of(value: Inert) -> datetime:
    match value.args:
        case (bytes() as raw,) if len(raw) == 10 and value.state is None:
            # The layout of datetime's own pickles; the month's highest bit is its fold.
            day, hour, minute, second = raw[3:7]
            try:
                return datetime(  # noqa: DTZ001
                    year=raw[0] * 256 + raw[1],
                    month=raw[2] & 127,
                    day=day,
                    hour=hour,
                    minute=minute,
                    second=second,
                    microsecond=int.from_bytes(raw[7:], "big"),
                    fold=raw[2] >> 7,
                )
            except ValueError as error:
                raise Refused(f"holds a date that is no date ({error}): it is damaged") from error
    raise Refused("holds a date that datetime did not write: it is damaged or hostile")


def _survey(data: NDArray[np.uint8], size: int) -> None:
    """Refuse what would make the C unpickler allocate, or hash, more than the file holds."""
    capacity = max(4096, data.size // 16)
    while True:
        stack, memo = np.zeros((capacity, 2), np.int32), np.zeros((capacity, 2), np.int32)
        status, at = kernels.survey(data, size, *_OPCODES, stack, memo, np.zeros(capacity, np.int32))
        if status != kernels.FULL:
            break
        capacity *= 4
    if status == 1 and data.size == size:
        raise _truncated(size)
    if status == 3:
        raise Refused(
            f"ends after {size:,} bytes, less than it announces at byte {at:,}: copy it again from the simulation"
        )
    if status == 2:
        names = [op.name for op in pickletools.opcodes if ord(op.code) == data[at]]
        raise Refused(
            f"holds {f'the opcode {names[0]}' if names else f'{data[at]:#04x}, which is no opcode,'} at byte {at:,}: "
            "it is not a spike recording, or it is damaged or hostile; nothing was run"
        )
    if status in {4, 5, 6}:
        raise Refused(f"holds at byte {at:,} what no pickler writes: it is damaged or hostile; nothing was run")


def _damaged(error: Exception) -> str:
    return f"is damaged ({_printable(f'{type(error).__name__}: {error}')}): copy it again from the simulation"


def _truncated(size: int) -> Refused:
    return Refused(f"ends after {size:,} bytes, before the pickle does: copy it again from the simulation")


def _printable(text: str) -> str:
    """One line of printable text, of a bearable length."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 150 else f"{text[:147]}..."


def _opcode_table() -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """What follows each opcode, what it pops and what it pushes, as `kernels.survey` takes them."""
    lengths = {
        pickletools.TAKEN_FROM_ARGUMENT1: -1,
        pickletools.TAKEN_FROM_ARGUMENT4: -4,
        pickletools.TAKEN_FROM_ARGUMENT4U: -4,
        pickletools.TAKEN_FROM_ARGUMENT8U: -8,
        pickletools.UP_TO_NEWLINE: -21,
    }
    # Objects from outside of the pickle: the copyreg registry, persistent ids, buffers.
    refused = {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"}
    argument = np.full(256, -99, np.int32)
    pops, pushes = np.zeros(256, np.int32), np.zeros(256, np.int32)
    for op in pickletools.opcodes:
        if op.name in refused:
            continue
        code = ord(op.code)
        argument[code] = 0 if op.arg is None else lengths.get(op.arg.n, op.arg.n)
        before = [what.name for what in op.stack_before]
        pops[code] = 100 + before.index("mark") if "mark" in before else len(before)
        pushes[code] = len(op.stack_after)
        if op.name in {"GLOBAL", "INST"}:
            argument[code] = -22
        if op.name in {"PUT", "BINPUT", "LONG_BINPUT"}:
            pops[code] = pushes[code] = 1
    return argument, pops, pushes


_OPCODES = _opcode_table()
