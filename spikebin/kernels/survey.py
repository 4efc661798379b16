"""The kernel that walks over a pickle before `pickle.Unpickler` does: what it would allocate, hash and compare.

Of each value it keeps one number, a note: what kind of value it is, which is a column of the table of opcodes, and
above that how many things are in it. The rest of that table is described in spikebin/pickles/opcode_table.py.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels import opcodes
from spikebin.kernels.jit import entry, inlined, inner
from spikebin.kernels.spellings import decimal, end_of_line, little_endian, odd_escape
from spikebin.kernels.values import FULL

# In the table of arguments: lines instead of a number of bytes, and what is refused.
ONE_LINE, TWO_LINES, REFUSED = -21, -22, -99
# Added in the table of pops where the opcode takes all down to the last mark, and so many values below it.
TO_MARK = 100

# What a value is, and what is counted of it: bytes of a TEXT; values of a TUPLE. A TABLE is a dict or a set. SAME: the
# opcode leaves the lowest value that it takes, as APPEND leaves the list.
OTHER, TEXT, NUMBER, TABLE, TUPLE, SAME = range(6)
NOTHING = -1

COMPLETE, ENDS_EARLY, NOT_AN_OPCODE, BEYOND_END, NOT_WRITTEN, TOO_MUCH, NOT_A_KEY = range(7)

# Numbers can be chosen to lie in each other's way in a dict, where each costs as much as there are others: so many in
# all dicts and sets of a pickle.
MOST_NUMBERS = 100_000


@inlined
def note(kind, n):
    """What is kept of a value."""
    return min(n, 1 << 27) << 3 | kind


@inner
def argument_at(data, size, at, kind, is_frame):
    """Number after an opcode, or the length of what follows; where the next opcode begins; and the status."""
    number, length = np.int64(0), np.int64(0)
    for _ in range(ONE_LINE + 1 - kind):
        line = at
        at = end_of_line(data, at)
        number, length = decimal(data, line, at), at - line
        at += 1
    if -8 <= kind <= 8:
        if at + abs(kind) > data.size:
            return number, length, at, ENDS_EARLY
        number = little_endian(data, at, abs(kind))
        at += abs(kind)
        length = number if kind < 0 else np.int64(kind)
    if -8 <= kind < 0 or is_frame:
        if number < 0 or number > size - at:
            return number, length, at, BEYOND_END
        at += 0 if is_frame else number
    return number, length, at, COMPLETE if at <= data.size else ENDS_EARLY


@inner
def lowest_taken(pops, top, marks, n_marks):
    """Place of the lowest value that an opcode takes, and how many marks it leaves; -1 if they are not there."""
    bottom = top - pops
    if pops >= TO_MARK:
        if n_marks == 0:
            return -1, 0
        n_marks -= 1
        bottom = marks[n_marks] - (pops - TO_MARK)
    return bottom if bottom >= (marks[n_marks - 1] if n_marks > 0 else 0) else -1, n_marks


@inner
def cost_of_keys(op, stack, first, top):
    """Bytes to hash and compare of what an opcode puts into a dict or set, how many numbers; -1 if one is not a key."""
    n_bytes, n_numbers = 0, 0
    for i in range(first, top, 1 if op == opcodes.ADDITEMS or op == opcodes.FROZENSET else 2):
        kind = stack[i] & 7
        if kind != TEXT and kind != NUMBER:
            return -1, 0
        n_bytes += stack[i] >> 3
        n_numbers += kind == NUMBER
    return n_bytes, n_numbers


@entry
def survey(data, size, argument, pops, pushes, makes, weighs, budget, stack, memo, marks):
    """Walk a pickle's opcodes before `pickle.Unpickler` meets them; (status, offset of the opcode).

    `data` is the start of a file of `size` bytes; the five arrays after them are the table of opcodes. `budget` is how
    many bytes of memory it may take. `stack` and `memo` hold notes; `marks`, how high the stack was, as often as a
    pickler can set one before it is at the end of its own stack.

    Status: COMPLETE; ENDS_EARLY; NOT_AN_OPCODE, or one that is refused; BEYOND_END, a length; NOT_WRITTEN by any
    pickler; TOO_MUCH memory or work; NOT_A_KEY, what is used as one; FULL, an array of work is too small.
    """
    memo[:] = NOTHING
    top, n_marks, n_memo = 0, 0, 0
    # Keys are hashed, and compared where there are equal ones: this much takes less than a second.
    keys, numbers = np.int64(64) * size + (1 << 20), MOST_NUMBERS
    at = 0
    while at < data.size:
        start = at
        op = np.int64(data[at])
        if argument[op] == REFUSED:
            return NOT_AN_OPCODE, start
        number, length, at, status = argument_at(data, size, at + 1, argument[op], op == opcodes.FRAME)
        if status != COMPLETE:
            return status, start
        if op == opcodes.STOP:
            return COMPLETE, at
        if top + 2 > stack.size:
            return FULL, start
        budget -= weighs[op]
        if op == opcodes.MARK:
            if n_marks == marks.size:
                return NOT_WRITTEN, start
            marks[n_marks] = top
            n_marks += 1
            continue
        if op == opcodes.POP and n_marks > 0 and marks[n_marks - 1] == top:
            n_marks -= 1
            continue

        bottom, n_marks = lowest_taken(pops[op], top, marks, n_marks)
        if bottom < 0 or (op == opcodes.STRING and odd_escape(data, start + 1, at - 1) >= 0):
            return NOT_WRITTEN, start
        if makes[op] == SAME:
            made = stack[bottom]
        elif makes[op] == NUMBER and length > (8 if op == opcodes.LONG1 else 20):
            made = note(OTHER, 0)
        else:
            made = note(makes[op], top - bottom if makes[op] == TUPLE else length)
        if op == opcodes.PUT or op == opcodes.BINPUT or op == opcodes.LONG_BINPUT or op == opcodes.MEMOIZE:
            number = n_memo if op == opcodes.MEMOIZE else number
            if number < 0 or number > n_memo + 1023:
                return NOT_WRITTEN, start
            if number >= memo.size:
                return FULL, start
            n_memo += memo[number] == NOTHING
            memo[number] = made
        elif op == opcodes.GET or op == opcodes.BINGET or op == opcodes.LONG_BINGET:
            if number < 0 or number >= memo.size or memo[number] == NOTHING:
                return NOT_WRITTEN, start
            made = memo[number]
        elif op == opcodes.REDUCE or op == opcodes.NEWOBJ or op == opcodes.NEWOBJ_EX:
            # Each call has a copy of its arguments.
            budget -= 8 * (stack[bottom + 1] >> 3)
        elif makes[op] == TABLE or op == opcodes.SETITEM or op == opcodes.SETITEMS or op == opcodes.ADDITEMS:
            first = bottom if makes[op] == TABLE else bottom + 1
            budget -= 64 * (top - first)
            if made & 7 == TABLE:
                n_bytes, n_numbers = cost_of_keys(op, stack, first, top)
                if n_bytes < 0:
                    return NOT_A_KEY, start
                keys -= n_bytes
                numbers -= n_numbers
        elif pops[op] >= TO_MARK:
            budget -= 12 * (top - bottom)
        if budget < 0 or keys < 0 or numbers < 0:
            return TOO_MUCH, start
        top = bottom
        for _ in range(pushes[op]):
            stack[top] = made
            top += 1
    return ENDS_EARLY, data.size
