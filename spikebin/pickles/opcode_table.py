"""What each opcode of a pickle is followed by, takes from the stack and leaves there: pickletools' table as arrays.

Kernels index it with the opcode's byte.
"""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spikebin.kernels.survey import ONE_LINE, REFUSED, TO_MARK, TWO_LINES

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
    """

    argument: NDArray[np.int64]
    pops: NDArray[np.int64]
    pushes: NDArray[np.int64]


_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: -1,
    pickletools.TAKEN_FROM_ARGUMENT4: -4,
    pickletools.TAKEN_FROM_ARGUMENT4U: -4,
    pickletools.TAKEN_FROM_ARGUMENT8U: -8,
    pickletools.UP_TO_NEWLINE: ONE_LINE,
}


def opcode_table(admits: Callable[[str], bool]) -> OpcodeTable:
    """The table of some opcodes; all others are REFUSED.

    Parameters
    ----------
    admits : callable
        Says of the name of an opcode whether it is one of them.
    """
    argument = np.full(256, REFUSED, np.int64)
    pops, pushes = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for op in pickletools.opcodes:
        if not admits(op.name):
            continue
        code = ord(op.code)
        before = [what.name for what in op.stack_before]
        argument[code] = 0 if op.arg is None else _LENGTHS.get(op.arg.n, op.arg.n)
        pops[code] = TO_MARK + before.index("mark") if "mark" in before else len(before)
        pushes[code] = len(op.stack_after)
        if op.name in {"GLOBAL", "INST"}:
            argument[code] = TWO_LINES
        if op.name in {"PUT", "BINPUT", "LONG_BINPUT"}:
            # What they keep stays where it is, says the table; it must be there.
            pops[code] = pushes[code] = 1
    return OpcodeTable(argument, pops, pushes)
