"""The fast way to read a segment: its opcodes are interpreted by a kernel, and no object is made of them.

Knows the tables and the arrays of work that `kernels.interpret` takes, and how its answer is read. What it does not
understand it leaves to the restricted unpickler; the two never disagree on what both read.
"""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spikebin.kernels import pickles as kernels
from spikebin.pickles.inert import ALIASES, KINDS
from spikebin.system.threads import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Interpreted", "interpret"]


class Interpreted(NamedTuple):
    """What `kernels.interpret` reads from a segment, times as recorded in their unit."""

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


def interpret(data: NDArray[np.uint8]) -> Interpreted | None:
    """Segment in a pickle's bytes, or None if the pickle is not understood here, for whatever reason.

    Parameters
    ----------
    data : (n,) uint8
        The whole file.
    """
    if not 0 < data.size < 1 << 30:
        return None
    for larger in (1, 4, 16):
        places = _places(data.size, larger)
        with _rooms.borrow(places[-1]) as room:
            room[kernels.STACK : kernels.END + 1] = places
            status, _ = kernels.interpret(data, _WORDS, room)
            if status == 0:
                return _found(data, room)
        if status != kernels.FULL:
            break
    return None


_rooms = Scratch(lambda size: np.empty(size, np.int64))


def _found(data: NDArray[np.uint8], room: NDArray[np.int64]) -> Interpreted:
    first, how_many = int(room[kernels.FIRST]), int(room[kernels.HOW_MANY])
    trains = room[first : first + 3 * how_many].reshape(how_many, 3)
    counts = trains[:, 1].copy()
    times = np.empty(int(counts.sum()), np.float64)
    kernels.gather(data, room, times.view(np.int64))
    start, stop = room[[kernels.START, kernels.STOP]].view(np.float64).tolist()
    return Interpreted(
        sheet=_text(data, int(room[kernels.SHEET])),
        stimulus=_text(data, int(room[kernels.PRESENTED])),
        ids=trains[:, 2].copy(),
        counts=counts,
        times=times,
        times_unit=_UNITS[int(room[kernels.TIMES_UNIT])],
        start=start,
        start_unit=_UNITS[int(room[kernels.START_UNIT])],
        stop=stop,
        stop_unit=_UNITS[int(room[kernels.STOP_UNIT])],
    )


def _text(data: NDArray[np.uint8], at: int) -> str:
    start, stop = kernels.extent(data, at)
    return data[start:stop].tobytes().decode()


def _places(size: int, larger: int) -> list[int]:
    """Where the regions of a room begin, and where the last ends; for a file of `size` bytes, as neo writes them.

    Of 9.6 MB with 37,500 trains, each takes 27 values of the memo, 15 objects, 10 values in tuples that stay, an entry
    or two, and 3 numbers; the first bytes, before the trains, take relatively more.
    """
    lengths = [n * larger for n in (8192, 1024, 1024 + size // 8, 1024 + size // 16, 1024 + size // 14)]
    lengths += [n * larger for n in (1024 + size // 64, 1024 + size // 64)]
    return [kernels.HEAD + sum(lengths[:part]) for part in range(len(lengths) + 1)]


_UNITS = {kernels.SECOND: "second", kernels.MILLISECOND: "millisecond", kernels.MICROSECOND: "microsecond"}

_MEANT = {
    **{unit: code for code, unit in _UNITS.items()},
    "f8": kernels.F8,
    "i8": kernels.I8,
    "<": kernels.LITTLE,
    "latin1": kernels.LATIN1,
    "C": kernels.C_ORDER,
    "annotations": kernels.ANNOTATIONS,
    "sheet_name": kernels.SHEET_NAME,
    "stimulus": kernels.STIMULUS,
    "spiketrains": kernels.SPIKETRAINS,
    "_spiketrains": kernels.OWN_SPIKETRAINS,
    "_items": kernels.ITEMS,
    "source_id": kernels.SOURCE_ID,
    "channel_id": kernels.CHANNEL_ID,
}

_MEANINGS = {
    "_codecs.encode": kernels.ENCODE,
    "builtins.bytes": kernels.EMPTY_BYTES,
    "neo.core.segment.Segment": kernels.SEGMENT,
    "neo.core.spiketrain._new_spiketrain": kernels.TRAIN,
    "neo.core.spiketrainlist.SpikeTrainList": kernels.TRAINS,
    "numpy.core.multiarray._reconstruct": kernels.ARRAY,
    "numpy.core.multiarray.scalar": kernels.SCALAR,
    "numpy.core.numeric._frombuffer": kernels.BUFFER,
    "numpy.dtype": kernels.DTYPE,
    "quantities.dimensionality.Dimensionality": kernels.DIMENSIONALITY,
    "quantities.quantity._reconstruct_quantity": kernels.QUANTITY,
    "quantities.unitquantity.UnitTime": kernels.UNIT,
}

# What neo's and numpy's pickles are made of, and how many values each needs.
_OPCODES = {
    "MARK": 0, "STOP": 1, "REDUCE": 2, "APPEND": 2, "BUILD": 2, "SETITEM": 3, "NEWOBJ": 2, "STACK_GLOBAL": 2,
    "BINPUT": 1, "LONG_BINPUT": 1, "MEMOIZE": 1, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3,
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "LONG1", "NONE", "NEWTRUE", "NEWFALSE", "BINFLOAT", "BINUNICODE",
         "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "GLOBAL",
         "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "APPENDS", "SETITEMS", "TUPLE", "BINGET", "LONG_BINGET", "PROTO",
         "FRAME"), 0),
}  # fmt: skip


def _words() -> NDArray[np.int64]:
    """Table of what `kernels.interpret` knows, as kernels/pickles.py describes it."""
    spellings = [kind.rsplit(".", 1) for kind in KINDS]
    spellings += [
        [alias, name] for alias, module in ALIASES.items() for known, name in spellings.copy() if known == module
    ]
    texts = sorted(
        {*_MEANT, *(part for spelling in spellings for part in spelling)}, key=lambda text: (len(text), text)
    )
    others = iter(range(20, 256))
    codes = {text: _MEANT.get(text) or next(others) for text in texts}
    argument, pops = np.full(256, -99, np.int64), np.zeros(256, np.int64)
    lengths_of = {pickletools.TAKEN_FROM_ARGUMENT1: -1, pickletools.TAKEN_FROM_ARGUMENT4U: -4}
    for op in pickletools.opcodes:
        if op.name in _OPCODES:
            n = 0 if op.arg is None or op.name == "GLOBAL" else op.arg.n
            argument[ord(op.code)] = lengths_of.get(n, -8 if n == pickletools.TAKEN_FROM_ARGUMENT8U else n)
            pops[ord(op.code)] = _OPCODES[op.name]
    at = kernels.GLOBALS + 1
    by_length: list[int] = []
    records: list[int] = []
    for length in range(kernels.LONGEST + 2):
        by_length.append(at + len(records))
        for text in texts:
            if len(text) == length:
                records += [codes[text], *text.encode()]
    triples = [
        (codes[module], codes[name], _MEANINGS.get(f"{ALIASES.get(module, module)}.{name}", kernels.INERT))
        for module, name in spellings
    ]
    head = [*argument, *pops, *by_length, at + len(records)]
    return np.array([*head, *records, *(number for triple in triples for number in triple)], np.int64)


_WORDS = _words()
