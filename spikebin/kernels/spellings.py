"""What bytes of a pickle spell: numbers, lines, text, and the texts that have a meaning here.

`data` is a pickle's bytes. A kernel here trusts its caller that every byte from its first offset up to its last one
is there; what no pickle may hold it reports, it never raises.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels import opcodes
from spikebin.kernels.jit import inlined, inner

# The longest text that can have a meaning.
LONGEST = 63


@inlined
def little_endian(data, at, n_bytes):
    """Unsigned number of 0 to 8 bytes at `at`; -1 if it does not fit an int64."""
    number = np.int64(0)
    if n_bytes == 8 and data[at + 7] >= 128:
        return np.int64(-1)
    for i in range(n_bytes):
        number |= np.int64(data[at + i]) << (8 * i)
    return number


@inlined
def signed(number, n_bytes):
    """Signed number whose 0 to 7 bytes, taken as those of an unsigned one, spell `number`: two's complement."""
    negative = n_bytes > 0 and number >> (8 * n_bytes - 1) != 0
    return number - (np.int64(1) << (8 * n_bytes)) if negative else number


@inner
def end_of_line(data, at):
    """Offset of the first newline from `at` on, or the length of `data`."""
    while at < data.size and data[at] != 10:
        at += 1
    return at


@inner
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


@inner
def odd_escape(data, start, stop):
    """Offset of the first backslash that does not begin an escape of Python's; -1 if all do.

    No pickler writes one. Python's own unpickler takes it for a letter, and warns.
    """
    at = start
    while at < stop:
        if data[at] == 92:
            byte = data[at + 1] if at + 1 < stop else 0
            # Quotes and the backslash itself, a, b, f, n, r, t, v and x.
            known = byte == 34 or byte == 39 or byte == 92 or byte == 97 or byte == 98 or byte == 102
            known = known or byte == 110 or byte == 114 or byte == 116 or byte == 118 or byte == 120
            # Up to three octal digits, of no more than a byte.
            known = known or 48 <= byte <= 51
            more = at + 3 < stop and 48 <= data[at + 2] <= 55 and 48 <= data[at + 3] <= 55
            if not known and (byte < 52 or byte > 55 or more):
                return at
            at += 1
        at += 1
    return -1


@inner
def latin1_length(data, start, stop):
    """Characters of the UTF-8 between two offsets; -1 if it is not UTF-8, or if a character is beyond latin-1."""
    if start == stop:
        return 0
    bad = (data[start] & 0xC0) == 0x80 or (data[stop - 1] & 0xFE) == 0xC2
    n_followers = 0
    for i in range(start, stop):
        follows = (data[i] & 0xC0) == 0x80
        n_followers += follows
        bad |= data[i] >= 0x80 and not follows and (data[i] & 0xFE) != 0xC2
    for i in range(start + 1, stop):
        bad |= ((data[i] & 0xC0) == 0x80) != ((data[i - 1] & 0xFE) == 0xC2)
    return -1 if bad else stop - start - n_followers


@inner
def is_utf8(data, start, stop):
    """Whether all between two offsets is UTF-8, surrogates apart (Unicode 15, table 3-7)."""
    at = start
    while at < stop:
        first = data[at]
        n_followers = 0 if first < 0x80 else 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        if 0x80 <= first < 0xC2 or first > 0xF4 or at + n_followers >= stop:
            return False
        for i in range(at + 1, at + 1 + n_followers):
            if (data[i] & 0xC0) != 0x80:
                return False
        second = data[at + 1] if n_followers > 1 else 0
        if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F):
            return False
        if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F):
            return False
        at += 1 + n_followers
    return True


@inner
def word_at(data, start, stop, words):
    """Number of the text between two offsets if it is one of `words`, or 0.

    ``words[n]`` is where those of n bytes begin in `words`, and ``words[n + 1]`` where they end; each is its number
    and then its bytes.
    """
    length = stop - start
    if length > LONGEST:
        return 0
    for word in range(words[length], words[length + 1], length + 1):
        i = 0
        while i < length and data[start + i] == words[word + 1 + i]:
            i += 1
        if i == length:
            return words[word]
    return 0


@inlined
def is_text(data, at):
    """Whether the opcode at `at` is one of text."""
    op = data[at]
    return op == opcodes.BINUNICODE or op == opcodes.SHORT_BINUNICODE or op == opcodes.BINUNICODE8


@inner
def extent(data, at):
    """Where the text or bytes of the opcode at `at` start and stop; offset 0 stands for no bytes at all."""
    if at == 0:
        return 0, 0
    op = data[at]
    width = 8
    if op == opcodes.SHORT_BINBYTES or op == opcodes.SHORT_BINUNICODE:
        width = 1
    elif op == opcodes.BINBYTES or op == opcodes.BINUNICODE:
        width = 4
    start = at + 1 + width
    return start, start + little_endian(data, at + 1, width)


@inner
def whole_number(data, at):
    """Number of the opcode at `at`, one of BININT, BININT1, BININT2 and LONG1 of up to 7 bytes."""
    op = data[at]
    if op == opcodes.BININT1:
        return np.int64(data[at + 1])
    if op == opcodes.BININT2:
        return little_endian(data, at + 1, 2)
    if op == opcodes.BININT:
        return signed(little_endian(data, at + 1, 4), 4)
    n_bytes = np.int64(data[at + 1])
    return signed(little_endian(data, at + 2, n_bytes), n_bytes)


@inner
def eight_bytes(data, at, text):
    """Bits of the little-endian int64 or float64 at `at`, in plain bytes or as latin-1 text, and where it stops."""
    bits = np.int64(0)
    for i in range(8):
        byte = np.int64(data[at])
        at += 1
        if text and byte >= 0x80:
            byte = (byte & 3) << 6 | np.int64(data[at]) & 0x3F
            at += 1
        bits |= byte << (8 * i)
    return bits, at


@inner
def first_bits(data, at):
    """Bits of the first int64 or float64 in the text or bytes of the opcode at `at`."""
    return eight_bytes(data, extent(data, at)[0], is_text(data, at))[0]
