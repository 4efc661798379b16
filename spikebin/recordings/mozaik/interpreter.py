"""The fast way to read a segment: its opcodes are interpreted by a kernel, and no object is made of them.

Knows the tables and the array of work that the kernel takes, and how its answer is read. What it does not understand
it leaves to the restricted unpickler; the two never disagree on what both read.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spikebin.kernels import values
from spikebin.kernels.interpreter import gather
from spikebin.kernels.interpreter import interpret as kernel
from spikebin.kernels.spellings import LONGEST
from spikebin.pickles.meanings import ALIASES, GLOBALS, WORDS
from spikebin.pickles.opcode_table import opcode_table
from spikebin.system.threads import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Interpreted", "Span", "first_span", "interpret"]


class Span(NamedTuple):
    """When a train starts and stops, as recorded in their units."""

    start: float
    start_unit: str
    stop: float
    stop_unit: str


class Interpreted(NamedTuple):
    """What the kernel reads from a segment, times as recorded in their unit."""

    sheet: str
    stimulus: str
    ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    times: NDArray[np.float64]
    times_unit: str
    start: float
    start_unit: str
    stop: float
    stop_unit: str


def interpret(data: NDArray[np.uint8], *, by_pattern: bool = True) -> Interpreted | None:
    """Segment in a pickle's bytes, or None if the pickle is not understood here, for whatever reason.

    Parameters
    ----------
    data : (n,) uint8
        The complete file.
    by_pattern : bool
        Whether trains that are like others are taken without being interpreted. A pickle that then asks for what such a
        train has made is not understood; nothing else differs.
    """
    if not 0 < data.size < 1 << 30:
        return None
    try:
        for larger in (1, 4, 16):
            places = _places(data.size, larger)
            with _rooms.borrow(places[-1]) as room:
                room[values.STACK : values.END + 1] = places
                room[values.BY_PATTERN] = by_pattern
                status, _ = kernel(data, *_TABLES, room)
                if status == values.UNDERSTOOD:
                    return _found(data, room)
            if status != values.FULL:
                break
    except MemoryError:
        # The restricted unpickler may need less, or says what is wrong.
        return None
    return None


def first_span(data: NDArray[np.uint8], size: int) -> Span | None:
    """Span of the first train of a segment, from the first bytes of its file; None if that is not understood here.

    Parameters
    ----------
    data : (n,) uint8
        Changed, where they are not the whole file.
    size : int
        Of the file.
    """
    if 10 < data.size < size and data[0] == _PROTO and data[2] == _FRAME:
        # A frame that ends beyond what was read; it must not end beyond the file.
        if int.from_bytes(data[3:11].tobytes(), "little") > size - 11:
            return None
        data[3:11] = np.frombuffer((data.size - 11).to_bytes(8, "little"), np.uint8)
    places = _places(data.size, 1)
    with _rooms.borrow(places[-1]) as room:
        room[values.STACK : values.END + 1] = places
        room[values.BY_PATTERN] = True
        kernel(data, *_TABLES, room)
        return _span(room) if room[values.NEXT_TRAIN] > room[values.TRAINS_READ] else None


_PROTO, _FRAME = ord(pickle.PROTO), ord(pickle.FRAME)

_rooms = Scratch(lambda size: np.empty(size, np.int64))


def _span(room: NDArray[np.int64]) -> Span:
    start, stop = room[[values.START, values.STOP]].view(np.float64).tolist()
    return Span(start, _UNITS[int(room[values.START_UNIT])], stop, _UNITS[int(room[values.STOP_UNIT])])


def _found(data: NDArray[np.uint8], room: NDArray[np.int64]) -> Interpreted:
    first, how_many = int(room[values.FIRST]), int(room[values.HOW_MANY])
    trains = room[first : first + 3 * how_many].reshape(how_many, 3)
    counts = trains[:, 1].copy()
    times = np.empty(int(counts.sum()), np.float64)
    gather(data, room, times.view(np.int64))
    return Interpreted(
        sheet=_text(data, room, values.SHEET),
        stimulus=_text(data, room, values.PRESENTED),
        ids=trains[:, 2].copy(),
        counts=counts,
        times=times,
        times_unit=_UNITS[int(room[values.TIMES_UNIT])],
        **_span(room)._asdict(),
    )


def _text(data: NDArray[np.uint8], room: NDArray[np.int64], at: int) -> str:
    start, stop = room[[at, at + 1]].tolist()
    return data[start:stop].tobytes().decode()


def _places(size: int, larger: int) -> list[int]:
    """Where the parts of a room begin, and where the last ends; for a file of `size` bytes, as neo writes them.

    Of 9.6 MB with 37,500 trains, each takes 27 values of the memo, 15 objects, 10 values in tuples that stay, an entry
    or two, and 3 numbers; the first bytes, before the trains, take relatively more.
    """
    lengths = [n * larger for n in (8192, 1024, 1024 + size // 8, 1024 + size // 16, 1024 + size // 14)]
    lengths += [n * larger for n in (1024 + size // 64, 1024 + size // 64, 1024 + size // 4096)]
    return [values.HEAD + sum(lengths[:part]) for part in range(len(lengths) + 1)]


_UNITS = {getattr(values, WORDS[unit]): unit for unit in ("second", "millisecond", "microsecond")}

# What neo's and numpy's pickles are made of.
_UNDERSTOOD = frozenset({
    "BININT", "BININT1", "BININT2", "LONG1", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "NONE", "NEWTRUE",
    "NEWFALSE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "BINFLOAT", "EMPTY_LIST", "APPEND", "APPENDS",
    "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "SETITEM", "SETITEMS", "MARK", "BINGET",
    "LONG_BINGET", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "NEWOBJ", "PROTO",
    "STOP", "FRAME",
})  # fmt: skip


class _Tables(NamedTuple):
    """What the kernel knows beforehand, as it takes it."""

    argument: NDArray[np.int64]
    pops: NDArray[np.int64]
    words: NDArray[np.int64]
    meanings: NDArray[np.int64]


def _tables() -> _Tables:
    opcodes = opcode_table(_UNDERSTOOD.__contains__)
    # The kernel looks for the lines of this one itself.
    opcodes.argument[ord(pickle.GLOBAL)] = 0
    spelt = [name.rsplit(".", 1) for name in GLOBALS]
    spelt += [[alias, name] for alias, module in ALIASES.items() for known, name in spelt.copy() if known == module]
    others = {part for spelling in spelt for part in spelling} - WORDS.keys()
    numbers = {text: getattr(values, word) for text, word in WORDS.items()}
    numbers |= {text: values.OTHER_WORDS + i for i, text in enumerate(sorted(others))}
    meanings = [
        (numbers[module], numbers[name], getattr(values, GLOBALS[f"{ALIASES.get(module, module)}.{name}"]))
        for module, name in spelt
    ]
    return _Tables(opcodes.argument, opcodes.pops, _by_length(numbers), np.array(meanings, np.int64))


def _by_length(numbers: dict[str, int]) -> NDArray[np.int64]:
    """Texts and their numbers as `word_at` takes them."""
    starts: list[int] = []
    records: list[int] = []
    for length in range(LONGEST + 2):
        starts.append(LONGEST + 2 + len(records))
        for text, number in numbers.items():
            if len(text) == length:
                records += [number, *text.encode()]
    return np.array([*starts, *records], np.int64)


_TABLES = _tables()
