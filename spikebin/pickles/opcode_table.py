"""What each opcode of a pickle is followed by, takes from the stack, makes and costs: pickletools' table as arrays.

Kernels index it with the opcode's byte.
"""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spikebin.kernels.survey import NUMBER, ONE_LINE, OTHER, REFUSED, SAME, TABLE, TEXT, TO_MARK, TUPLE, TWO_LINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["OpcodeTable", "opcode_table"]


class OpcodeTable(NamedTuple):
    """One row a byte.

    Attributes
    ----------
    argument : (256,) int64
        So many bytes follow; -1, -4 or -8: a length of that many bytes and then so much; ONE_LINE, TWO_LINES; REFUSED
        for what is no opcode or is to be refused.
    pops : (256,) int64
        So many values are taken from the stack; TO_MARK + n: all above the last mark, the mark, and n below it.
    pushes : (256,) int64
        So many are put there.
    makes : (256,) int64
        What these are: TEXT, NUMBER, TABLE, TUPLE or OTHER; SAME: the lowest value that was taken.
    weighs : (256,) int64
        So many bytes of memory it may take, apart from those of its argument.
    """

    argument: NDArray[np.int64]
    pops: NDArray[np.int64]
    pushes: NDArray[np.int64]
    makes: NDArray[np.int64]
    weighs: NDArray[np.int64]


_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: -1,
    pickletools.TAKEN_FROM_ARGUMENT4: -4,
    pickletools.TAKEN_FROM_ARGUMENT4U: -4,
    pickletools.TAKEN_FROM_ARGUMENT8U: -8,
    pickletools.UP_TO_NEWLINE: ONE_LINE,
}


_MAKES = {
    "str": TEXT, "bytes": TEXT, "bytes_or_str": TEXT, "int": NUMBER, "int_or_bool": NUMBER, "bool": NUMBER,
    "float": NUMBER, "None": NUMBER, "dict": TABLE, "set": TABLE, "frozenset": TABLE, "tuple": TUPLE,
}  # fmt: skip

# What CPython 3.11 to 3.14 allocates for an object of each type while it is empty, and for what a call makes of one of
# ours; for a place on the stack; and for one in the memo, which doubles when it is full.
_WEIGHS = {
    "str": 64, "bytes": 48, "bytes_or_str": 64, "bytearray": 72, "int": 32, "int_or_bool": 32, "float": 24, "list": 80,
    "dict": 80, "set": 224, "frozenset": 224, "tuple": 72,
}  # fmt: skip
_WEIGHS_CALL = 256
_WEIGHS_PLACE = 8
_WEIGHS_MEMO = 16

# Each is one object for all.
_SHARED = {"BININT1", "EMPTY_TUPLE"}


def opcode_table(admits: Callable[[str], bool]) -> OpcodeTable:
    """The table of some opcodes; all others are REFUSED.

    Parameters
    ----------
    admits : callable
        Says of the name of an opcode whether it is one of them.
    """
    argument = np.full(256, REFUSED, np.int64)
    pops, pushes, makes, weighs = (np.zeros(256, np.int64) for _ in range(4))
    for op in pickletools.opcodes:
        if not admits(op.name):
            continue
        code = ord(op.code)
        before = [what.name for what in op.stack_before]
        argument[code] = 0 if op.arg is None else _LENGTHS.get(op.arg.n, op.arg.n)
        pops[code] = TO_MARK + before.index("mark") if "mark" in before else len(before)
        pushes[code] = len(op.stack_after)
        made = op.stack_after[0].name if op.stack_after else ""
        same = before[:1] == [made] and op.name not in {"REDUCE", "NEWOBJ", "NEWOBJ_EX"}
        makes[code] = SAME if same else _MAKES.get(made, OTHER)
        weighs[code] = _WEIGHS_PLACE + (0 if same or op.name in _SHARED else _WEIGHS.get(made, 0))
        if op.name in {"REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"}:
            weighs[code] = _WEIGHS_CALL
        if op.name == "LONG4":
            makes[code] = OTHER
        if op.name in {"GLOBAL", "INST"}:
            argument[code] = TWO_LINES
        if op.name in {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}:
            # What they keep stays where it is, and must be there.
            pops[code] = pushes[code] = 1
            makes[code], weighs[code] = SAME, _WEIGHS_MEMO
    return OpcodeTable(argument, pops, pushes, makes, weighs)
