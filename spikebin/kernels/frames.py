"""A kernel that takes zstd frames apart: of a bit-shuffled block of booleans, the first plane alone.

spikebin/matrixfile/layouts/bit_planes.py says what a chunk and its frames hold.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels.jit import entry, inner

OTHERWISE = -1

# Of a frame of ours: its magic number, a descriptor that says that a size of four bytes follows, that size.
FRAME_HEADER = 9
BLOCK_HEADER = 3
RLE = 1


@inner
def number_at(data, at, n):
    """The unsigned number in `n` bytes, the lowest one first."""
    number = 0
    for i in range(n):
        number |= np.int64(data[at + i]) << (8 * i)
    return number


@inner
def end_of_plane(data, at, end, n_zeros):
    """Where the blocks of a frame end that come before its last `n_zeros` bytes, and where the last of them begins.

    OTHERWISE if those zeros are not blocks of their own, or the blocks do not fill the frame.
    """
    zeros = 0
    stop = last = OTHERWISE
    while at + BLOCK_HEADER < end:
        header = number_at(data, at, BLOCK_HEADER)
        kind = (header >> 1) & 3
        size = header >> 3
        following = at + BLOCK_HEADER + (1 if kind == RLE else size)
        if following > end:
            return OTHERWISE, OTHERWISE
        if kind == RLE and data[at + BLOCK_HEADER] == 0:
            if zeros == 0:
                stop = at
            zeros += size
        else:
            zeros = 0
            last = at
        at = following
        if header & 1:
            if at == end and zeros == n_zeros and last >= 0:
                return stop, last
            break
    return OTHERWISE, OTHERWISE


@entry
def cut_planes(data, first, n_blocks, magic, descriptor, size, width, out):
    """The frames of a chunk cut down to the first `width` bytes each; the end of what is used of `out`, or OTHERWISE.

    From byte `first` on, `data` says where each of its blocks begins: with the length of a frame in four bytes, then
    the frame, of which those that are not empty stand for `size` bytes. `out` is as long as `data` at least. OTHERWISE
    means that some frame is not of this kind, or that what it stands for does not end in zeros of their own blocks.
    """
    at = first + 4 * n_blocks
    if at > data.size:
        return OTHERWISE
    for i in range(n_blocks):
        start = number_at(data, first + 4 * i, 4)
        if start < first + 4 * n_blocks or start + 4 > data.size or at + 4 > out.size:
            return OTHERWISE
        length = number_at(data, start, 4)
        start += 4
        for k in range(4):
            out[first + 4 * i + k] = (at >> (8 * k)) & 255
            out[at + k] = 0
        at += 4
        if length == 0:
            continue
        end = start + length
        if end > data.size or length <= FRAME_HEADER:
            return OTHERWISE
        if number_at(data, start, 4) != magic or data[start + 4] != descriptor or number_at(data, start + 5, 4) != size:
            return OTHERWISE
        stop, last = end_of_plane(data, start + FRAME_HEADER, end, size - width)
        # What is as long as it was counts as not compressed at all.
        if stop < 0 or stop - start == width or at + stop - start > out.size:
            return OTHERWISE
        for k in range(stop - start):
            out[at + k] = data[start + k]
        out[at + last - start] |= 1
        for k in range(4):
            out[at + 5 + k] = (width >> (8 * k)) & 255
            out[at - 4 + k] = ((stop - start) >> (8 * k)) & 255
        at += stop - start
    return at
