"""Kernels that read trials: the cells that are not empty from how a file holds them, and an array of these cells.

Events of a trial are three arrays: the row and the bin of each cell that is not empty, and what it holds, of length 0
where that is 1 for all of them. Those of one row follow one another, bins ascending.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels.jit import njit, trailing_zeros

DAMAGED = -1
DONE = 0
TOO_LARGE = 1

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


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def number_of(code, codes):
    """The number whose bytes are `code`."""
    low = 0
    high = codes.size - 1
    while low < high:
        middle = (low + high) // 2
        if codes[middle] < code:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def bit_length(number):
    """How many bits a number has, from its highest one on."""
    n = 0
    while number >> n > 0:
        n += 1
    return n


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def reciprocal(n_cells, n_columns):
    """(factor, shift): ``cell * factor >> shift`` is ``cell // n_columns`` of every cell; both 0 where there are none.

    Dividing takes longer than all else. With ``factor = ceil(2**shift / n_columns)`` the product is too large by less
    than ``n_cells * n_columns``, which must not exceed ``2**shift``; and the product must be below ``2**64``.
    """
    if n_cells >= 2**31:
        return np.uint64(0), np.uint64(0)
    shift = bit_length(n_cells) + bit_length(n_columns)
    return np.uint64(((1 << shift) + n_columns - 1) // n_columns), np.uint64(shift)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def row_at(cell, n_columns, factor, shift):
    """``cell // n_columns``, see `reciprocal`."""
    if factor == 0:
        return cell // n_columns
    return np.int64((np.uint64(cell) * factor) >> shift)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def put_events(cells, added, n, out, codes, once, last, held):
    """Add `n` events to cells of an array; the last of them and what it holds, which is -1 if a cell holds too much."""
    if once:
        for i in range(n):
            out[np.uint64(cells[i])] = codes[1]
        return last, held
    # Events of one cell follow one another; what else a cell held before is rare.
    for i in range(n):
        cell = cells[i]
        same = cell == last
        held = added[i] + held * same
        if (out[np.uint64(cell)] != 0) & (not same):
            held += number_of(out[np.uint64(cell)], codes)
        if held >= codes.size:
            return last, np.int64(-1)
        out[np.uint64(cell)] = codes[np.uint64(held)]
        last = cell
    return last, held


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def keep_inside(cells, added, n, values, first, counting):
    """Drop the cells that are -1 of `n`, with what is added to them; how many are left."""
    kept = 0
    # Whether an event is kept cannot be foreseen, so that nothing is to branch on it: what is not is written over.
    for i in range(n):
        cells[kept] = cells[i]
        if counting:
            added[kept] = values[first + i]
        kept += cells[i] >= 0
    return kept


@njit(nogil=True, cache=True, error_model="numpy")
def add_events(rows, bins, values, row_of, column_of, out, offset, codes, once):
    """Add events to the cells of an array; DONE, or TOO_LARGE if one of them cannot hold what it should.

    Row r and bin b of an event are cell ``offset + row_of[r] + column_of[b]`` of `out`, left out where either is -1. A
    cell that holds `count` is ``codes[count]``: the bytes of that number in the type of the array, which is seen as
    unsigned integers. Codes ascend. With `once`, a cell holds 1 whatever is added to it.
    """
    counting = values.size > 0 and not once
    cells = np.empty(BATCH, np.int64)
    added = np.ones(BATCH, np.int64)
    last = np.int64(-1)
    held = np.int64(0)
    for start in range(0, rows.size, BATCH):
        n = min(BATCH, rows.size - start)
        for i in range(n):
            row = row_of[np.uint64(rows[start + i])]
            column = column_of[np.uint64(bins[start + i])]
            cells[i] = -1 if (row < 0) | (column < 0) else offset + row + column
        n = keep_inside(cells, added, n, values, start, counting)
        last, held = put_events(cells, added, n, out, codes, once, last, held)
        if held < 0:
            return TOO_LARGE
    return DONE


@njit(nogil=True, cache=True, error_model="numpy")
def add_gaps(gaps, values, order, n_columns, row_of, column_of, out, offset, codes, once):
    """Add events to the cells of an array, see `add_events`, from the distances between them; or DAMAGED.

    Cell ``place * n_columns + bin`` is a bin of row ``order[place]``; the first gap counts from cell -1, and one of 0
    ends them.
    """
    counting = values.size > 0 and not once
    n_cells = order.size * n_columns
    factor, shift = reciprocal(n_cells, n_columns)
    cells = np.empty(BATCH, np.int64)
    added = np.ones(BATCH, np.int64)
    cell = np.int64(-1)
    last = np.int64(-1)
    held = np.int64(0)
    for start in range(0, gaps.size, BATCH):
        there = min(BATCH, gaps.size - start)
        n_ends = 0
        too_large = 0
        for i in range(there):
            n_ends += gaps[start + i] == 0
            # Of no more than four bytes, no sum of so many wraps around.
            too_large += gaps.itemsize == 8 and gaps[start + i] > np.uint64(n_cells)
        n = there
        if n_ends > 0:
            n = 0
            while gaps[start + n] != 0:
                n += 1
        if too_large > 0:
            for i in range(n):
                if gaps[start + i] > np.uint64(n_cells):
                    return DAMAGED
        for i in range(n):
            cell += np.int64(gaps[start + i])
            cells[i] = cell
        if cell >= n_cells:
            return DAMAGED
        for i in range(n):
            place = row_at(cells[i], n_columns, factor, shift)
            row = row_of[np.uint64(order[np.uint64(place)])]
            column = column_of[np.uint64(cells[i] - place * n_columns)]
            cells[i] = -1 if (row < 0) | (column < 0) else offset + row + column
        kept = keep_inside(cells, added, n, values, start, counting)
        last, held = put_events(cells, added, kept, out, codes, once, last, held)
        if held < 0:
            return TOO_LARGE
        if n < there:
            break
    return DONE


@njit(nogil=True, cache=True, error_model="numpy")
def add_words(places, words, n, width, row_of, column_of, out, offset, codes, once, cells, added, last, held):
    """Add the events of `n` words that are not empty, the i-th being word ``places[i]`` of all; see `add_bits`."""
    factor, shift = reciprocal(row_of.size * width, width)
    n_cells = 0
    for i in range(n):
        word = words[i]
        while word != 0:
            cells[n_cells] = 64 * places[i] + trailing_zeros(word)
            word &= word - np.uint64(1)
            n_cells += 1
        if n_cells < BATCH and i < n - 1:
            continue
        for k in range(n_cells):
            place = row_at(cells[k], width, factor, shift)
            row = row_of[np.uint64(place)]
            column = column_of[np.uint64(cells[k] - place * width)]
            cells[k] = -1 if (row < 0) | (column < 0) else offset + row + column
        kept = keep_inside(cells, added, n_cells, places, 0, False)
        last, held = put_events(cells, added, kept, out, codes, once, last, held)
        n_cells = 0
        if held < 0:
            break
    return last, held


@njit(nogil=True, cache=True, error_model="numpy")
def add_bits(words, width, first, stop, row_of, column_of, out, offset, codes, once):
    """Add events to the cells of an array, see `add_events`, from the bits of booleans.

    Item ``row * width + bin`` is bit ``item % 64`` of word ``item // 64``. Only bins from `first` to `stop` (exclusive)
    are looked at, for which there is a column each.
    """
    places = np.empty(BATCH, np.int64)
    filled = np.empty(BATCH, np.uint64)
    cells = np.empty(BATCH + 64, np.int64)
    added = np.ones(BATCH + 64, np.int64)
    last = np.int64(-1)
    held = np.int64(0)
    everything = first == 0 and stop == width
    n = 0
    # Bits of all bins are one run of words, those of some bins one for each row.
    for run in range(1 if everything else row_of.size):
        begin = 0 if everything else run * width + first
        end = row_of.size * width if everything else run * width + stop
        lowest = ~np.uint64(0) << np.uint64(begin & 63)
        highest = ~np.uint64(0) >> np.uint64(-end & 63)
        first_word = begin >> 6
        last_word = (end - 1) >> 6
        for start in range(first_word, last_word + 1, BATCH):
            there = min(BATCH, last_word + 1 - start)
            if n + there > BATCH:
                last, held = add_words(
                    places, filled, n, width, row_of, column_of, out, offset, codes, once, cells, added, last, held
                )
                n = 0
                if held < 0:
                    return TOO_LARGE
            # Whether a word is empty cannot be foreseen, so that nothing is to branch on it.
            for i in range(start, start + there):
                word = words[np.uint64(i)]
                if i == first_word:
                    word &= lowest
                if i == last_word:
                    word &= highest
                places[n] = i
                filled[n] = word
                n += word != 0
    last, held = add_words(
        places, filled, n, width, row_of, column_of, out, offset, codes, once, cells, added, last, held
    )
    return TOO_LARGE if held < 0 else DONE
