"""Kernels that write planes of a shuffled Blosc2 block as zstd: bits from where they are set, and bytes of numbers.

Here is what becomes a literal and what a run of zeros; zstd.py writes the sections of a block from them. What the
streams of blocks are part of, matrixfile/layouts/bit_planes.py and byte_planes.py know.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels.jit import entry, inner
from spikebin.kernels.zstd import COMPRESSED, HEAD, RAW, RUN, put_number, put_sections

# Of runs of zeros, shorter ones are cheaper as literals.
SHORTEST_RUN = 6
# zstd has no longer blocks, so that a plane is no longer either.
ZSTD_BLOCK = 1 << 17
# What is written of a block besides twice its plane, at most: descriptions of codes and of what is zeros.
MOST_BESIDE = 1 << 10
# RFC 8878, 3.1.1: how a frame begins; that the size of what it holds has four bytes, and all of it is one segment.
MAGIC, DESCRIPTOR = 0xFD2FB528, 0b1010_0000


@inner
def put_plane(places, first, stop, base, width, room, out, at):
    """Write the bits at some places as a block of zstd, eight a byte; where it ends."""
    many = (width + 3) // 4
    literals, lengths = HEAD, HEAD + 4 * many
    n_literals, n, since, end, i = 0, 0, 0, 0, first
    while i < stop or end < width:
        byte, value = np.int64(width), np.int64(0)
        if i < stop:
            byte = (places[i] - base) >> 3
        run = byte - end
        if run >= SHORTEST_RUN:
            # One zero, and then as many as that again.
            room[literals + n_literals] = 0
            n_literals += 1
            room[lengths + n], room[lengths + many + n] = n_literals - since, run - 4
            n += 1
            since = n_literals
        else:
            for _ in range(run):
                room[literals + n_literals] = 0
                n_literals += 1
        if i < stop:
            while i < stop and (places[i] - base) >> 3 == byte:
                value |= np.int64(1) << (places[i] & 7)
                i += 1
            room[literals + n_literals] = value
            n_literals += 1
        end = byte + 1
    start, kind = at + 3, COMPRESSED
    end = put_sections(room, many, n_literals, n, out, start)
    if end - start >= width:
        kind, end = RAW, start + width
        for k in range(start, end):
            out[k] = 0
        for k in range(first, stop):
            out[start + ((places[k] - base) >> 3)] |= 1 << (places[k] & 7)
    put_number(out, at, kind << 1 | (end - start) << 3, 3)
    return end


@entry
def put_blocks(places, n_blocks, block, room, out, at):
    """Write the streams of blocks of so many bits each (README_CHUNK_FORMAT.rst of c-blosc2); where they end.

    Before them, where each begins. A stream is how long it is and a frame of zstd, or, of zeros, 0. Of a block, its
    bits are the first eighth, and zeros follow.
    """
    starts, i = at, 0
    at += 4 * n_blocks
    for b in range(n_blocks):
        put_number(out, starts + 4 * b, at, 4)
        first, begun = i, at
        while i < places.size and places[i] < (b + 1) * block:
            i += 1
        at += 4
        if i > first:
            at = put_number(out, at, np.int64(MAGIC) | np.int64(DESCRIPTOR) << 32, 5)
            at = put_number(out, at, block, 4)
            at = put_plane(places, first, i, b * block, block // 8, room, out, at)
            left = block - block // 8
            while left > 0:
                n = min(left, ZSTD_BLOCK)
                left -= n
                at = put_number(out, at, n << 3 | RUN << 1 | (1 if left == 0 else 0), 4)
        put_number(out, begun, at - begun - 4, 4)
    return at


@inner
def put_bytes(items, first, step, n, room, out, at):
    """Write every `step`-th of some bytes, `n` in all, as a frame of zstd or as they are, zeros as nothing; the end."""
    many = (n + 3) // 4
    literals, lengths = HEAD, HEAD + 4 * many
    n_literals, n_lengths, since, i = 0, 0, 0, 0
    while i < n:
        run = 0
        while i + run < n and items[first + (i + run) * step] == 0:
            run += 1
        if run == n:
            return at
        if run >= SHORTEST_RUN:
            room[literals + n_literals] = 0
            n_literals += 1
            room[lengths + n_lengths], room[lengths + many + n_lengths] = n_literals - since, run - 4
            n_lengths += 1
            since = n_literals
            i += run
        stop = min(n, i + max(1, run if run < SHORTEST_RUN else 0))
        while i < stop:
            room[literals + n_literals] = items[first + i * step]
            n_literals += 1
            i += 1
    end = put_number(out, at, np.int64(MAGIC) | np.int64(DESCRIPTOR) << 32, 5)
    start = put_number(out, end, n, 4) + 3
    end = put_sections(room, many, n_literals, n_lengths, out, start)
    put_number(out, start - 3, COMPRESSED << 1 | 1 | (end - start) << 3, 3)
    # What is as long as it was counts as not compressed.
    if end - at >= n:
        end = at + n
        for i in range(n):
            out[at + i] = items[first + i * step]
    return end


@entry
def put_byte_planes(items, n_blocks, block, size, room, out, at):
    """As `put_blocks`, of blocks of so many items of some bytes each: the first bytes of all, then the second ones."""
    starts = at
    at += 4 * n_blocks
    for b in range(n_blocks):
        put_number(out, starts + 4 * b, at, 4)
        for k in range(size):
            end = put_bytes(items, b * block * size + k, size, block, room, out, at + 4)
            put_number(out, at, end - at - 4, 4)
            at = end
    return at
