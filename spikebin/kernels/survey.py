"""The kernel that walks over a pickle before `pickle.Unpickler` does: what it would allocate, what it would hash."""

from __future__ import annotations

import numpy as np

from spikebin.kernels import opcodes
from spikebin.kernels.jit import entry
from spikebin.kernels.spellings import decimal, end_of_line, little_endian
from spikebin.kernels.values import FULL

# In the table of arguments: lines instead of a number of bytes, and what is refused.
ONE_LINE, TWO_LINES, REFUSED = -21, -22, -99
# Added in the table of pops where the opcode takes all down to the last mark, and so many values below it.
TO_MARK = 100


@entry
def survey(data, size, argument, pops, pushes, stack, memo, marks):
    """Walk a pickle's opcodes before `pickle.Unpickler` meets them; (status, offset of the opcode).

    `data` is the start of a file of `size` bytes. `argument`, `pops` and `pushes` say of each opcode what follows it
    and what it does to the stack, as `spikebin.pickles.opcode_table` describes. `stack` and `memo` hold, of each value,
    how many tuples are in it and how deep: to hash a tuple visits them all.

    Status: 0 complete; 1 ends too early; 2 refused opcode; 3 length beyond the file; 4 a memo index that no pickler
    writes; 5 tuples in tuples without end; 6 a stack that no pickler leaves; FULL: an array of work is too small.
    """
    top, n_marks, n_puts = 0, 0, 0
    at = 0
    while at < data.size:
        start = at
        op = np.int64(data[at])
        at += 1
        kind = argument[op]
        number = np.int64(0)
        if kind == REFUSED:
            return 2, start
        for _ in range(ONE_LINE + 1 - kind):
            line = at
            at = end_of_line(data, at)
            number = decimal(data, line, at)
            at += 1
        if -8 <= kind <= 8:
            if at + abs(kind) > data.size:
                return 1, start
            number = little_endian(data, at, abs(kind))
            at += abs(kind)
        if -8 <= kind < 0 or op == opcodes.FRAME:
            if number < 0 or number > size - at:
                return 3, start
            at += 0 if op == opcodes.FRAME else number
        if at > data.size:
            return 1, start

        if op == opcodes.STOP:
            return 0, at
        if top == stack.shape[0] or n_marks == marks.size or n_puts + 1024 >= memo.shape[0]:
            return FULL, start
        if op == opcodes.MARK:
            marks[n_marks] = top
            n_marks += 1
            continue
        if op == opcodes.POP and n_marks > 0 and marks[n_marks - 1] == top:
            n_marks -= 1
            continue

        bottom = top - pops[op]
        if pops[op] >= TO_MARK:
            if n_marks == 0:
                return 6, start
            n_marks -= 1
            bottom = marks[n_marks] - (pops[op] - TO_MARK)
        if bottom < (marks[n_marks - 1] if n_marks > 0 else 0):
            return 6, start
        tuples, depth = np.int64(0), np.int64(0)
        if op == opcodes.PUT or op == opcodes.BINPUT or op == opcodes.LONG_BINPUT or op == opcodes.MEMOIZE:
            number = n_puts if op == opcodes.MEMOIZE else number
            if number < 0 or number > n_puts + 1023:
                return 4, start
            n_puts += 1
            tuples, depth = stack[bottom, 0], stack[bottom, 1]
            memo[number, 0], memo[number, 1] = tuples, depth
        elif op == opcodes.GET or op == opcodes.BINGET or op == opcodes.LONG_BINGET:
            if 0 <= number < memo.shape[0]:
                tuples, depth = memo[number, 0], memo[number, 1]
        elif op == opcodes.DUP:
            tuples, depth = stack[bottom, 0], stack[bottom, 1]
        elif op == opcodes.TUPLE or op == opcodes.TUPLE1 or op == opcodes.TUPLE2 or op == opcodes.TUPLE3:
            for i in range(bottom, top):
                tuples += stack[i, 0]
                depth = max(depth, stack[i, 1])
            tuples += 1
            depth += 1
            if tuples > 10_000_000 or depth > 100:
                return 5, start
        if bottom + pushes[op] > stack.shape[0]:
            return FULL, start
        top = bottom
        for _ in range(pushes[op]):
            stack[top, 0], stack[top, 1] = tuples, depth
            top += 1
    return 1, data.size
