"""Kernels that write a block of zstd whose runs of zeros are known, so that none is searched for.

zstd looks for repetitions, then codes what it found by its entropy. Where bits are sparse, all that there is to find
are runs of zeros, which follow from the places of the spikes. So here a block is bytes that are not zeros, each with
one zero after it (literals, coded by Huffman), and how many bytes like the last one follow (matches of offset 1; how
many literals and how long a match, coded by finite state entropy, FSE). Any reader of zstd reads it. The format is RFC
8878, whose sections are named below. planes.py knows what becomes a literal.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels.jit import inlined, inner, store_word

MOST_BITS = 11
RAW, RUN, COMPRESSED = 0, 1, 2

# 3.1.1.3.2.1.1: of numbers of literals, and of lengths of matches less 3, how many bits follow each code, what is added
# to them, and the code where a table is shorter than to say how.
BITS_OF = np.array([
    [0] * 16 + [1] * 4 + [2, 2, 3, 3, 4, *range(6, 17)] + [0] * 17,
    [0] * 32 + [1] * 4 + [2, 2, 3, 3, 4, 4, 5, *range(7, 17)],
])  # fmt: skip
BASE_OF = np.cumsum(1 << BITS_OF, axis=1) - (1 << BITS_OF)
CODES_OF = np.array([np.searchsorted(BASE_OF[k], np.arange(128), "right") - 1 for k in range(2)])

# Parts of the room: counts of symbols, and those made to fit a table; the table of an FSE code: its states, and of each
# symbol what leads to them; another such table; codes of Huffman and their lengths; a tree; weights; then the literals,
# and the lengths of literals and of matches.
SYMBOLS, STATES = 256, 512
COUNTS = 0
NORMED = COUNTS + SYMBOLS
TABLE = NORMED + SYMBOLS
TABLE_SIZE = STATES + 2 * SYMBOLS
CODES = TABLE + 2 * TABLE_SIZE
LENGTHS = CODES + SYMBOLS
TREE = LENGTHS + SYMBOLS
WEIGHTS = TREE + 8 * SYMBOLS
HEAD = WEIGHTS + SYMBOLS


@inlined
def highest(n):
    """Number of the highest bit that is set."""
    bit = 0
    while n > 1:
        n >>= 1
        bit += 1
    return bit


@inlined
def put_number(out, at, number, n_bytes):
    """Write a number, lowest byte first; where it ends."""
    for i in range(n_bytes):
        out[at + i] = number >> (8 * i) & 0xFF
    return at + n_bytes


@inlined
def flush(out, at, bits, n_bits):
    """Write the bytes that are full, and nothing of use after them; where they end, and the bits that are left."""
    store_word(out, at, bits)
    full = n_bits & ~7
    return at + (full >> 3), bits >> full, n_bits - full


@inlined
def close(out, at, bits, n_bits):
    """End a stream that is read from its end, where a bit marks it (4.1)."""
    at, bits, n_bits = flush(out, at, bits | np.int64(1) << n_bits, n_bits + 1)
    if n_bits > 0:
        out[at] = bits & 0xFF
        at += 1
    return at


@inner
def norm(room, n_symbols, total, log):
    """Make counts add up to ``1 << log``, none that is not 0 becoming 0."""
    size, largest, left = 1 << log, 0, 1 << log
    for s in range(n_symbols):
        count = room[COUNTS + s]
        share = (count * size + total // 2) // total
        if count > 0 and share == 0:
            share = np.int64(1)
        room[NORMED + s] = share
        left -= share
        if share > room[NORMED + largest]:
            largest = s
    while left != 0:
        if left > 0 or room[NORMED + largest] + left > room[NORMED + largest] // 2:
            room[NORMED + largest] += left
            return
        # Too many rare ones for that: those that are not take one less, each in its turn.
        for s in range(n_symbols):
            if left < 0 and room[NORMED + s] > 1:
                room[NORMED + s] -= 1
                left += 1


@inner
def put_norms(room, n_symbols, log, out, at):
    """Write a table's description (4.1.1); where it ends."""
    bits, n_bits, symbol, after_zero = np.int64(log - 5), 4, 0, False
    left, threshold, width = (1 << log) + 1, 1 << log, log + 1
    while symbol < n_symbols and left > 1:
        if after_zero:
            start = symbol
            while room[NORMED + symbol] == 0:
                symbol += 1
            while symbol >= start + 3:
                start += 3
                bits |= np.int64(3) << n_bits
                n_bits += 2
                at, bits, n_bits = flush(out, at, bits, n_bits)
            bits |= np.int64(symbol - start) << n_bits
            n_bits += 2
        count = room[NORMED + symbol]
        symbol += 1
        most = 2 * threshold - 1 - left
        left -= count
        after_zero = count == 0
        count += 1
        if count >= threshold:
            count += most
        bits |= count << n_bits
        n_bits += width - (1 if count < most else 0)
        while left < threshold:
            width -= 1
            threshold >>= 1
        at, bits, n_bits = flush(out, at, bits, n_bits)
    if n_bits > 0:
        out[at] = bits & 0xFF
        at += 1
    return at


@inner
def make_table(room, n_symbols, log, table):
    """Make the table by which symbols are coded, from the counts that were made to fit."""
    size, total, place = 1 << log, np.int64(0), 0
    for s in range(n_symbols):
        count = room[NORMED + s]
        if count == 1:
            room[table + STATES + s] = (log << 16) - size
        elif count > 1:
            width = log - highest(count - 1)
            room[table + STATES + s] = (width << 16) - (count << width)
        room[table + STATES + SYMBOLS + s] = total - count
        # For now, where the symbol's next state goes.
        room[COUNTS + s] = total
        total += count
    step, at = (size >> 1) + (size >> 3) + 3, 0
    # Symbols are spread over the states (4.1.1); those of one symbol are numbered in the order of their places.
    for s in range(n_symbols):
        for _ in range(room[NORMED + s]):
            room[TREE + at] = s
            at = (at + step) & (size - 1)
    for place in range(size):
        s = room[TREE + place]
        room[table + room[COUNTS + s]] = size + place
        room[COUNTS + s] += 1


@inlined
def first_state(room, table, symbol):
    """The state to begin with."""
    step = room[table + STATES + symbol]
    width = (step + (1 << 15)) >> 16
    return room[table + (((width << 16) - step) >> width) + room[table + STATES + SYMBOLS + symbol]]


@inlined
def next_state(room, table, state, symbol, bits, n_bits):
    """Code a symbol: the next state, and the bits so far."""
    width = (state + room[table + STATES + symbol]) >> 16
    bits |= (state & ((1 << width) - 1)) << n_bits
    return room[table + (state >> width) + room[table + STATES + SYMBOLS + symbol]], bits, n_bits + width


@inner
def put_code(room, n_symbols, total, most_log, table, out, at):
    """Choose and describe how symbols are coded by their counts; its mode (3.1.1.3.2.1), log, and where it ends."""
    known, last = 0, 0
    for s in range(n_symbols):
        if room[COUNTS + s] > 0:
            known += 1
            last = s
    if known == 1:
        out[at] = last
        # Whichever the state, no bits and state 0.
        room[table + STATES + last], room[table + STATES + SYMBOLS + last], room[table] = 0, 0, 0
        return RUN, 0, at + 1
    log = min(most_log, max(5, highest(total) - 1, highest(known) + 1))
    norm(room, last + 1, total, log)
    at = put_norms(room, last + 1, log, out, at)
    make_table(room, last + 1, log, table)
    return COMPRESSED, log, at


@inner
def find_lengths(room, n_symbols):
    """Lengths of the codes of Huffman for the counts, 0 where there is none; the longest. Two symbols at least."""
    # Nodes: their counts, symbols or -1, parents.
    counts, parents, order = TREE, TREE + 2 * SYMBOLS, TREE + 4 * SYMBOLS
    while True:
        n = 0
        for s in range(n_symbols):
            count, i = room[COUNTS + s], n
            if count > 0:
                while i > 0 and room[counts + i - 1] > count:
                    room[counts + i], room[order + i] = room[counts + i - 1], room[order + i - 1]
                    i -= 1
                room[counts + i], room[order + i] = count, s
                n += 1
        leaf, node = 0, n
        for made in range(n, 2 * n - 1):
            room[counts + made] = 0
            for _ in range(2):
                if node >= made or (leaf < n and room[counts + leaf] <= room[counts + node]):
                    child, leaf = leaf, leaf + 1
                else:
                    child, node = node, node + 1
                room[counts + made] += room[counts + child]
                room[parents + child] = made
        # From the root down; counts become depths.
        longest = np.int64(0)
        room[counts + 2 * n - 2] = 0
        for child in range(2 * n - 3, -1, -1):
            room[counts + child] = room[counts + room[parents + child]] + 1
            longest = max(longest, room[counts + child])
        if longest <= MOST_BITS:
            break
        for s in range(n_symbols):
            room[COUNTS + s] = (room[COUNTS + s] + 1) >> 1
    for s in range(n_symbols):
        room[LENGTHS + s] = 0
    for i in range(n):
        room[LENGTHS + room[order + i]] = room[counts + i]
    return longest


@inner
def number_codes(room, n_symbols, longest):
    """Give each symbol its code: the longest first, symbols in order among those of one length (4.2.1.3)."""
    code = np.int64(0)
    for length in range(longest, 0, -1):
        for s in range(n_symbols):
            if room[LENGTHS + s] == length:
                room[CODES + s] = code
                code += 1
        code >>= 1


@inner
def put_weights(room, last, longest, out, at):
    """Describe the lengths of the codes (4.2.1); where that ends, or -1 where it cannot be said."""
    for w in range(SYMBOLS):
        room[COUNTS + w] = 0
    for s in range(last):
        weight = longest + 1 - room[LENGTHS + s] if room[LENGTHS + s] > 0 else np.int64(0)
        room[WEIGHTS + s] = weight
        room[COUNTS + weight] += 1
    mode, log, end = put_code(room, MOST_BITS + 1, last, 6, TABLE, out, at + 1)
    coded = mode == COMPRESSED and last > 2
    if coded:
        bits, n_bits = np.int64(0), 0
        # Two states in turn, from the last weight to the first.
        mine = first_state(room, TABLE, room[WEIGHTS + last - 1])
        other = first_state(room, TABLE, room[WEIGHTS + last - 2])
        for s in range(last - 3, -1, -1):
            mine, bits, n_bits = next_state(room, TABLE, mine, room[WEIGHTS + s], bits, n_bits)
            mine, other = other, mine
            end, bits, n_bits = flush(out, end, bits, n_bits)
        # That of even places is read first.
        size = np.int64(1) << log
        bits |= (mine & (size - 1) | (other & (size - 1)) << log) << n_bits
        end = close(out, end, bits, n_bits + 2 * log)
        coded = end - at - 1 < 128
    direct = at + 1 + (last + 1) // 2
    if last <= 128 and (not coded or end >= direct):
        out[at] = 127 + last
        for s in range(0, last, 2):
            out[at + 1 + s // 2] = room[WEIGHTS + s] << 4 | (room[WEIGHTS + s + 1] if s + 1 < last else 0)
        return direct
    out[at] = end - at - 1 if coded else 0
    return end if coded else -1


@inner
def put_stream(room, first, stop, out, at):
    """Write some literals by their codes, the last one first; where that ends."""
    bits, n_bits = np.int64(0), 0
    for i in range(stop - 1, first - 1, -1):
        symbol = room[i]
        bits |= room[CODES + symbol] << n_bits
        n_bits += room[LENGTHS + symbol]
        at, bits, n_bits = flush(out, at, bits, n_bits)
    return close(out, at, bits, n_bits)


@inner
def put_plain_literals(room, kind, first, n, out, at):
    """Write literals as they are, or one for all of them (3.1.1.3.1); where that ends."""
    if n < 32:
        at = put_number(out, at, kind | n << 3, 1)
    elif n < 1 << 12:
        at = put_number(out, at, kind | 1 << 2 | n << 4, 2)
    else:
        at = put_number(out, at, kind | 3 << 2 | n << 4, 3)
    for i in range(1 if kind == RUN else n):
        out[at + i] = room[first + i]
    return at + (1 if kind == RUN else n)


@inner
def put_literals(room, first, n, out, at):
    """Write the section of literals (3.1.1.3.1), in the shortest way; where it ends."""
    for s in range(SYMBOLS):
        room[COUNTS + s] = 0
    for i in range(first, first + n):
        room[COUNTS + room[i]] += 1
    last, known = 0, 0
    for s in range(SYMBOLS):
        if room[COUNTS + s] > 0:
            last = s
            known += 1
    if known == 1:
        return put_plain_literals(room, RUN, first, n, out, at)
    longest = find_lengths(room, last + 1)
    number_codes(room, last + 1, longest)
    streams = 1 if n < 256 else 4
    form, width = (0, 10) if n < 256 else (1, 10) if n < 1 << 10 else (2, 14) if n < 1 << 14 else (3, 18)
    start = at + (4 + 2 * width + 7) // 8
    end = put_weights(room, last, longest, out, start) if n > 8 else -1
    if end != -1:
        each, jumps = (n + streams - 1) // streams, end
        end += 6 if streams == 4 else 0
        for i in range(streams):
            begun = end
            end = put_stream(room, first + i * each, first + min(n, (i + 1) * each), out, end)
            if i < streams - 1:
                put_number(out, jumps + 2 * i, end - begun, 2)
    if end == -1 or end - start >= n:
        return put_plain_literals(room, RAW, first, n, out, at)
    put_number(out, at, COMPRESSED | form << 2 | n << 4 | (end - start) << (4 + width), start - at)
    return end


@inlined
def code_of(k, length):
    """The code of a number of literals (0), or of how long a match is, less 3 (1)."""
    if length < (64 << k):
        return CODES_OF[k, length]
    return np.int64(highest(length) + (19 if k == 0 else 36))


@inner
def put_sequences(room, lengths, many, n, out, at):
    """Write the section of lengths (3.1.1.3.2): so many literals, then so many bytes like the last; where it ends."""
    short = n < 128
    at = put_number(out, at, n if short else (n >> 8) + 128 | (n & 0xFF) << 8, 1 if short else 2)
    if n == 0:
        return at
    modes, log, other_log = at, 0, 0
    out[modes] = RUN << 4
    at += 1
    for k in range(2):
        for s in range(SYMBOLS):
            room[COUNTS + s] = 0
        for i in range(lengths + k * many, lengths + k * many + n):
            room[COUNTS + code_of(k, room[i])] += 1
        if k == 1:
            # Every offset is the one that was used last, which is 1 in the beginning: its code is 0.
            out[at] = 0
            at += 1
        log, other_log = other_log, log
        mode, other_log, at = put_code(room, BITS_OF.shape[1], n, 9, TABLE + k * TABLE_SIZE, out, at)
        out[modes] |= mode << (6 - 4 * k)
    bits, n_bits = np.int64(0), 0
    mine, its = np.int64(0), np.int64(0)
    for i in range(lengths + n - 1, lengths - 1, -1):
        a, b = code_of(0, room[i]), code_of(1, room[i + many])
        if i == lengths + n - 1:
            mine, its = first_state(room, TABLE, a), first_state(room, TABLE + TABLE_SIZE, b)
        else:
            its, bits, n_bits = next_state(room, TABLE + TABLE_SIZE, its, b, bits, n_bits)
            mine, bits, n_bits = next_state(room, TABLE, mine, a, bits, n_bits)
        bits |= (room[i] - BASE_OF[0, a]) << n_bits
        n_bits += BITS_OF[0, a]
        bits |= (room[i + many] - BASE_OF[1, b]) << n_bits
        n_bits += BITS_OF[1, b]
        at, bits, n_bits = flush(out, at, bits, n_bits)
    bits |= (its & ((1 << other_log) - 1) | (mine & ((1 << log) - 1)) << other_log) << n_bits
    return close(out, at, bits, n_bits + log + other_log)


@inner
def put_sections(room, many, n_literals, n, out, at):
    """Write what a block holds: literals and so many lengths, both in the room; where it ends."""
    lengths = HEAD + 4 * many
    return put_sequences(room, lengths, many, n, out, put_literals(room, HEAD, n_literals, out, at))
