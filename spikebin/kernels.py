"""Every jitted function of spikebin, and nothing else: loops over arrays that the caller made and checked.

No file, no error message and no allocation lives here. Each kernel has a slow, obvious twin in tests/naive.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

OUTSIDE = -1
NOT_FINITE = -2


@njit(nogil=True, cache=True)
def bin_of(time, start, stop, width, right, end_bin, n_bins):
    """Bin of one time, OUTSIDE, or NOT_FINITE, by the rule of `spikebin.binning.edge_tolerance`."""
    if not np.isfinite(time):
        return NOT_FINITE
    position = (time - start) / width
    if position < -1.0 or position > n_bins + 1.0:
        return OUTSIDE
    farthest = max(abs(time), abs(start))
    tolerance = max(1e-8, 1e-7 * width)
    if farthest > 4.0e6:
        tolerance = max(tolerance, 8.0 * np.spacing(farthest))
    if time > stop + tolerance or time < start - tolerance:
        return OUTSIDE
    if not right and not end_bin and time >= stop - tolerance:
        return OUTSIDE
    edge = np.floor(position + 0.5)
    if abs(time - (start + edge * width)) <= tolerance:
        k = np.int64(edge) - 1 if right else np.int64(edge)
    else:
        k = np.int64(np.floor(position))
    if k < 0 or k >= n_bins:
        return OUTSIDE
    return k


@njit(nogil=True, cache=True)
def flatten(times, rows, start, stop, width, right, end_bin, n_bins, first_bin, n_columns, flat):
    """Write ``row * n_columns + first_bin + bin`` of the spikes inside to `flat`; how many, first bad one or -1."""
    n_inside = 0
    for i in range(times.size):
        k = bin_of(times[i], start, stop, width, right, end_bin, n_bins)
        if k >= 0:
            flat[n_inside] = rows[i] * n_columns + first_bin + k
            n_inside += 1
        elif k == NOT_FINITE:
            return n_inside, i
    return n_inside, -1


@njit(nogil=True, cache=True)
def mark(times, rows, start, stop, width, right, end_bin, n_bins, out):
    """Set ``out[row * n_bins + bin]``; how many lie inside, how many were set already, first bad one or -1."""
    n_inside = 0
    n_collisions = 0
    for i in range(times.size):
        k = bin_of(times[i], start, stop, width, right, end_bin, n_bins)
        if k >= 0:
            cell = rows[i] * n_bins + k
            n_inside += 1
            n_collisions += out[cell]
            out[cell] = True
        elif k == NOT_FINITE:
            return n_inside, n_collisions, i
    return n_inside, n_collisions, -1


@njit(nogil=True, cache=True)
def count(times, rows, start, stop, width, right, end_bin, n_bins, full, out):
    """Add 1 to ``out[row * n_bins + bin]`` up to `full`; how many lie inside, how many did not fit, first bad one or -1."""
    n_inside = 0
    n_collisions = 0
    for i in range(times.size):
        k = bin_of(times[i], start, stop, width, right, end_bin, n_bins)
        if k >= 0:
            cell = rows[i] * n_bins + k
            n_inside += 1
            if out[cell] < full:
                out[cell] += 1
            else:
                n_collisions += 1
        elif k == NOT_FINITE:
            return n_inside, n_collisions, i
    return n_inside, n_collisions, -1


@njit(nogil=True, cache=True)
def merge(flat, full, counts):
    """Make sorted `flat` unique in place, with how often each occurs (at most `full`); how many are left, how many did not fit."""
    n_unique = 0
    n_collisions = 0
    for i in range(flat.size):
        if n_unique > 0 and flat[n_unique - 1] == flat[i]:
            if counts[n_unique - 1] < full:
                counts[n_unique - 1] += 1
            else:
                n_collisions += 1
        else:
            flat[n_unique] = flat[i]
            counts[n_unique] = 1
            n_unique += 1
    return n_unique, n_collisions


@njit(nogil=True, cache=True)
def scatter(flat, values, n_columns, first_row, first_column, n_chunk_rows, n_chunk_columns, out):
    """Write `values` of the flat indices that lie in a chunk to `out`, the chunk's cells in C order."""
    for i in range(flat.size):
        row = flat[i] // n_columns - first_row
        column = flat[i] % n_columns - first_column
        if 0 <= row < n_chunk_rows and 0 <= column < n_chunk_columns:
            out[row * n_chunk_columns + column] = values[i]


# --- pickle opcodes ---
# Opcodes are named in comments as in the pickletools module. Arrays of work are the caller's; a kernel that finds one
# too small says FULL, and the caller comes again with larger ones.

FULL = -1


@njit(nogil=True, cache=True)
def little_endian(data, at, n_bytes):
    """Unsigned number of 0 to 8 bytes at `at`; -1 if it does not fit an int64."""
    number = np.int64(0)
    if n_bytes == 8 and data[at + 7] >= 128:
        return np.int64(-1)
    for i in range(n_bytes):
        number |= np.int64(data[at + i]) << (8 * i)
    return number


@njit(nogil=True, cache=True)
def end_of_line(data, at):
    """Offset of the first newline from `at` on, or the length of `data`."""
    while at < data.size and data[at] != 10:
        at += 1
    return at


@njit(nogil=True, cache=True)
def decimal(data, start, stop):
    """Number that plain digits spell; -1 for anything else, and for more than 9 digits."""
    if start >= stop or stop - start > 9:
        return np.int64(-1)
    number = np.int64(0)
    for i in range(start, stop):
        if data[i] < 48 or data[i] > 57:
            return np.int64(-1)
        number = number * 10 + np.int64(data[i]) - 48
    return number


@njit(nogil=True, cache=True)
def survey(data, size, argument, pops, pushes, stack, memo, marks):
    """Walk a pickle's opcodes before `pickle.Unpickler` meets them; (status, offset of the opcode).

    `data` is the start of a file of `size` bytes. `argument[opcode]` says what follows it: so many bytes, -1, -4 or -8
    for a length of that many bytes and then so much, -21 or -22 for one or two lines, -99 if it is to be refused.
    `pops` and `pushes` say what it does to the stack; `pops` + 100 goes down to the last mark first.
    `stack` and `memo` hold, of each value, how many tuples are in it and how deep, since hashing a tuple visits them all.

    Status: 0 whole; 1 ends too early; 2 refused opcode; 3 length beyond the file; 4 a memo index that no pickler
    writes; 5 tuples in tuples without end; 6 a stack that no pickler leaves; FULL.
    """
    top, n_marks, n_puts = 0, 0, 0
    at = 0
    while at < data.size:
        start = at
        op = data[at]
        at += 1
        kind = argument[op]
        number = np.int64(0)
        if kind == -99:
            return 2, start
        for _ in range(-20 - kind):
            line = at
            at = end_of_line(data, at)
            number = decimal(data, line, at)
            at += 1
        if -8 <= kind <= 8:
            if at + abs(kind) > data.size:
                return 1, start
            number = little_endian(data, at, abs(kind))
            at += abs(kind)
        if -8 <= kind < 0 or op == 0x95:  # FRAME
            if number < 0 or number > size - at:
                return 3, start
            at += 0 if op == 0x95 else number
        if at > data.size:
            return 1, start

        if op == 0x2E:  # STOP
            return 0, at
        if top == stack.shape[0] or n_marks == marks.size or n_puts + 1024 >= memo.shape[0]:
            return FULL, start
        if op == 0x28:  # MARK
            marks[n_marks] = top
            n_marks += 1
            continue
        if op == 0x30 and n_marks > 0 and marks[n_marks - 1] == top:  # POP of a mark
            n_marks -= 1
            continue

        bottom = top - pops[op]
        if pops[op] >= 100:
            if n_marks == 0:
                return 6, start
            n_marks -= 1
            bottom = marks[n_marks] - (pops[op] - 100)
        if bottom < (marks[n_marks - 1] if n_marks > 0 else 0):
            return 6, start
        tuples, depth = np.int64(0), np.int64(0)
        if op == 0x70 or op == 0x71 or op == 0x72 or op == 0x94:  # PUT, BINPUT, LONG_BINPUT, MEMOIZE
            number = n_puts if op == 0x94 else number
            if number < 0 or number > n_puts + 1023:
                return 4, start
            n_puts += 1
            tuples, depth = stack[bottom, 0], stack[bottom, 1]
            memo[number, 0], memo[number, 1] = tuples, depth
        elif op == 0x67 or op == 0x68 or op == 0x6A:  # GET, BINGET, LONG_BINGET
            if 0 <= number < memo.shape[0]:
                tuples, depth = memo[number, 0], memo[number, 1]
        elif op == 0x32:  # DUP
            tuples, depth = stack[bottom, 0], stack[bottom, 1]
        elif op == 0x74 or 0x85 <= op <= 0x87:  # TUPLE, TUPLE1, TUPLE2, TUPLE3
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
