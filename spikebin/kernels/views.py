"""Kernels that read trials: the cells that are not empty, from how a file holds them.

Events of a trial are three arrays: the row and the bin of each cell that is not empty, and what it holds, of length 0
where that is 1 for all of them. Those of one row follow one another, bins ascending.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels.jit import njit, trailing_zeros

DAMAGED = -1

# How many events, or words, are looked at before anything is done with them.
BATCH = 1024


@njit(nogil=True, cache=True, inline="always")
def split(cell, n_columns, inverse):
    """``divmod(cell, n_columns)``, `inverse` being 1 / n_columns: a division of integers takes longer than all else."""
    row = np.int64(cell * inverse)
    bin_ = cell - row * n_columns
    # The product was rounded.
    while bin_ < 0:
        row -= 1
        bin_ += n_columns
    while bin_ >= n_columns:
        row += 1
        bin_ -= n_columns
    return row, bin_


@njit(nogil=True, cache=True)
def list_gaps(gaps, row_at, n_columns, rows, bins):
    """Events from the distances between cells, of rows that come in the order `row_at`; how many, or DAMAGED.

    Cell ``place * n_columns + bin`` is a bin of row ``row_at[place]``; the first gap counts from cell -1, and one of 0
    ends them.
    """
    n_cells = row_at.size * n_columns
    inverse = 1 / n_columns
    cell = -1
    for i in range(gaps.size):
        gap = np.int64(gaps[i])
        if gap == 0:
            return i
        # Before it is added: the sum must not wrap around.
        if gap < 0 or gap > n_cells or cell + gap >= n_cells:
            return DAMAGED
        cell += gap
        place, bin_ = split(cell, n_columns, inverse)
        rows[i] = row_at[place]
        bins[i] = bin_
    return gaps.size


@njit(nogil=True, cache=True)
def merge_planes(data, plane, n_planes, mask):
    """The bits that are set in any of the planes that `data` begins with, as words; how many planes up to the last."""
    as_bytes = mask.view(np.uint8)
    as_bytes[plane:] = 0
    as_bytes[:plane] = data[:plane]
    n_used = 1
    for p in range(1, n_planes):
        part = data[p * plane : (p + 1) * plane]
        any_ = np.uint8(0)
        for byte in part:
            any_ |= byte
        if any_ != 0:
            n_used = p + 1
            for j in range(plane):
                as_bytes[j] |= part[j]
    return n_used


@njit(nogil=True, cache=True)
def list_bits(data, words, block, n_planes, width, first_row, first_bin, n_rows, n_bins, mask, n, rows, bins, values):
    """Events of a chunk of items of one byte that is bit-shuffled block by block; how many there are then, or DAMAGED.

    Bit k of byte j of plane p of a block is bit p of its item ``8 * j + k``; items that do not fill up a byte of a
    plane come last, as they are. Items are rows of `width` bins, from `first_row` and `first_bin` on. The first `n`
    events are there already. Where not all of them fit into `rows`, those beyond are only counted. `words` are the
    same bytes, eight at a time; `mask` is room for a plane; `values` is empty where all items are 0 or 1.
    """
    plane = block // 8
    n_words = (plane + 7) // 8
    inverse = 1 / width
    # A single plane is read where it is, if its words are; what follows it in its last word is of the next plane.
    direct = n_planes == 1 and block % 8 == 0
    rest = np.uint64(8 * (plane % 8))
    filled = np.empty(BATCH, np.int64)
    for start in range(0, data.size, block):
        n_used = 1
        planes = words[start // 8 :] if direct else mask
        if not direct:
            n_used = merge_planes(data[start : start + block], plane, n_planes, mask)
        for first in range(0, n_words, BATCH):
            # Whether a word is empty cannot be foreseen, so that nothing is to branch on it.
            n_filled = 0
            for i in range(first, min(first + BATCH, n_words)):
                filled[n_filled] = i
                n_filled += planes[i] != 0
            for i in filled[:n_filled]:
                word = planes[i]
                if direct and i == n_words - 1 and rest > 0:
                    word &= (np.uint64(1) << rest) - np.uint64(1)
                while word != 0:
                    item = 64 * i + trailing_zeros(word)
                    word &= word - np.uint64(1)
                    row, bin_ = split(start + item, width, inverse)
                    if row >= n_rows or bin_ >= n_bins:
                        return DAMAGED
                    if n < rows.size:
                        rows[n] = first_row + row
                        bins[n] = first_bin + bin_
                        if values.size > 0:
                            value = 0
                            for p in range(n_used):
                                value |= ((data[start + p * plane + (item >> 3)] >> (item & 7)) & 1) << p
                            values[n] = value
                    n += 1
        for item in range(8 * plane, block):
            if data[start + item] != 0:
                row, bin_ = split(start + item, width, inverse)
                if row >= n_rows or bin_ >= n_bins:
                    return DAMAGED
                if n < rows.size:
                    rows[n] = first_row + row
                    bins[n] = first_bin + bin_
                    if values.size > 0:
                        values[n] = data[start + item]
                n += 1
    return n
