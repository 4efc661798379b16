"""Kernels that put events into arrays: of trials as a file holds them, some rows and bins, in any order and type.

A trial comes as rows and bins, as the gaps between its cells, or as bits; which of its cells are where is told in
views.py.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels.jit import njit, trailing_zeros
from spikebin.kernels.views import BATCH, DAMAGED, merge_planes

adding = njit(nogil=True, cache=True, error_model="numpy")
batch = njit(nogil=True, error_model="numpy")

DONE = 0
TOO_LARGE = 1


@njit(nogil=True, cache=True, inline="always")
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


@njit(nogil=True, cache=True, inline="always")
def bit_length(number):
    """How many bits a number has, from its highest one on."""
    n = 0
    while number >> n > 0:
        n += 1
    return n


@njit(nogil=True, cache=True, inline="always")
def reciprocal(n_cells, n_columns):
    """(factor, shift): ``cell * factor >> shift`` is ``cell // n_columns`` of every cell; both 0 where there are none.

    Dividing takes longer than all else. With ``factor = ceil(2**shift / n_columns)`` the product is too large by less
    than ``n_cells * n_columns``, which must not exceed ``2**shift``; and the product must be below ``2**64``.
    """
    if n_cells >= 2**31:
        return np.uint64(0), np.uint64(0)
    shift = bit_length(n_cells) + bit_length(n_columns)
    return np.uint64(((1 << shift) + n_columns - 1) // n_columns), np.uint64(shift)


# What follows is cut into short loops over a batch: each of them is then compiled to fewer and quicker instructions.
# Indices are unsigned, or it would be asked of each whether it counts from the end.


@batch
def count_zeros(gaps, start, n):
    """How many of `n` gaps are 0."""
    zeros = 0
    for i in range(n):
        zeros += gaps[np.uint64(start + i)] == 0
    return zeros


@batch
def first_zero(gaps, start, n):
    """How many of `n` gaps come before the first that is 0."""
    for i in range(n):
        if gaps[np.uint64(start + i)] == 0:
            return i
    return n


@batch
def are_below(gaps, start, n, most):
    """Whether no gap is larger than `most`: sums of such gaps do not wrap around."""
    larger = 0
    for i in range(n):
        larger += gaps[np.uint64(start + i)] > np.uint64(most)
    return larger == 0


@batch
def add_up(gaps, start, n, cell, cells):
    """The cells that `n` gaps lead to from a cell; the last of them."""
    for i in range(n):
        cell += np.int64(gaps[np.uint64(start + i)])
        cells[np.uint64(i)] = cell
    return cell


@batch
def move(cells, n, order, n_columns, factor, shift, row_of, column_of, offset):
    """Cells ``place * n_columns + bin`` of rows ``order[place]`` become cells of the array, or -1; see `add_events`."""
    for i in range(n):
        cell = np.uint64(cells[np.uint64(i)])
        place = cell // np.uint64(n_columns) if factor == 0 else (cell * factor) >> shift
        row = np.int64(row_of[np.uint64(order[place])])
        column = np.int64(column_of[cell - place * np.uint64(n_columns)])
        cells[np.uint64(i)] = -1 if (row < 0) | (column < 0) else offset + row + column


@batch
def move_in_order(cells, n, first, n_columns, factor, shift, row_of, column_of, offset):
    """As `move`, of rows that come one after another, and of cells that count from cell `first`."""
    for i in range(n):
        cell = np.uint64(first + cells[np.uint64(i)])
        place = cell // np.uint64(n_columns) if factor == 0 else (cell * factor) >> shift
        row = np.int64(row_of[place])
        column = np.int64(column_of[cell - place * np.uint64(n_columns)])
        cells[np.uint64(i)] = -1 if (row < 0) | (column < 0) else offset + row + column


@batch
def move_events(rows, bins, start, n, row_of, column_of, offset, cells):
    """As `move`, of cells by row and bin."""
    for i in range(n):
        row = np.int64(row_of[np.uint64(rows[np.uint64(start + i)])])
        column = np.int64(column_of[np.uint64(bins[np.uint64(start + i)])])
        cells[np.uint64(i)] = -1 if (row < 0) | (column < 0) else offset + row + column


@batch
def keep(cells, n):
    """Leave out the cells that are -1; how many are left."""
    kept = 0
    # Whether an event is kept cannot be foreseen, so that nothing is to branch on it: what is not is written over.
    for i in range(n):
        cell = cells[np.uint64(i)]
        cells[np.uint64(kept)] = cell
        kept += cell >= 0
    return kept


@batch
def keep_with(cells, n, values, start, added):
    """As `keep`, with what is added to each."""
    kept = 0
    for i in range(n):
        cell = cells[np.uint64(i)]
        cells[np.uint64(kept)] = cell
        added[np.uint64(kept)] = values[np.uint64(start + i)]
        kept += cell >= 0
    return kept


@batch
def put(cells, added, n, out, codes, last, held):
    """Add `n` events to cells of an array; the last of them and what it holds, which is -1 if a cell holds too much."""
    for i in range(n):
        cell = cells[np.uint64(i)]
        there = out[np.uint64(cell)]
        # Events of one cell follow one another; what else a cell held before is rare.
        same = cell == last
        held = added[np.uint64(i)] + (held & -np.int64(same))
        if (there != 0) & (not same):
            held += number_of(there, codes)
        if held >= codes.size:
            return last, np.int64(-1)
        out[np.uint64(cell)] = codes[np.uint64(held)]
        last = cell
    return last, held


@batch
def put_once(cells, n, out, code):
    """Mark `n` cells of an array."""
    for i in range(n):
        out[np.uint64(cells[np.uint64(i)])] = code


@adding
def add_events(rows, bins, values, row_of, column_of, out, offset, codes, once):
    """Add events to the cells of an array; DONE, or TOO_LARGE if one of them cannot hold what it should.

    Row r and bin b of an event are cell ``offset + row_of[r] + column_of[b]`` of `out`, left out where either is -1. A
    cell that holds `count` is ``codes[count]``: the bytes of that number in the type of the array, which is seen as
    unsigned integers. Codes ascend. With `once`, a cell holds 1 whatever is added to it.
    """
    cells = np.empty(BATCH, np.int64)
    added = np.ones(BATCH, np.int64)
    last = np.int64(-1)
    held = np.int64(0)
    for start in range(0, rows.size, BATCH):
        n = min(BATCH, rows.size - start)
        move_events(rows, bins, start, n, row_of, column_of, offset, cells)
        if once:
            put_once(cells, keep(cells, n), out, codes[1])
            continue
        n = keep_with(cells, n, values, start, added) if values.size > 0 else keep(cells, n)
        last, held = put(cells, added, n, out, codes, last, held)
        if held < 0:
            return TOO_LARGE
    return DONE


@adding
def add_gaps(gaps, values, order, n_columns, row_of, column_of, out, offset, codes, once):
    """Add events to the cells of an array, see `add_events`, from the distances between them; or DAMAGED.

    Cell ``place * n_columns + bin`` is a bin of row ``order[place]``; the first gap counts from cell -1, and one of 0
    ends them.
    """
    n_cells = order.size * n_columns
    factor, shift = reciprocal(n_cells, n_columns)
    cells = np.empty(BATCH, np.int64)
    added = np.ones(BATCH, np.int64)
    cell = np.int64(-1)
    last = np.int64(-1)
    held = np.int64(0)
    for start in range(0, gaps.size, BATCH):
        there = min(BATCH, gaps.size - start)
        n = there
        if count_zeros(gaps, start, n) > 0:
            n = first_zero(gaps, start, n)
        # Of no more than four bytes, no sum of so many wraps around.
        if gaps.itemsize == 8 and not are_below(gaps, start, n, n_cells):
            return DAMAGED
        cell = add_up(gaps, start, n, cell, cells)
        if cell >= n_cells:
            return DAMAGED
        move(cells, n, order, n_columns, factor, shift, row_of, column_of, offset)
        if once:
            put_once(cells, keep(cells, n), out, codes[1])
        else:
            kept = keep_with(cells, n, values, start, added) if values.size > 0 else keep(cells, n)
            last, held = put(cells, added, kept, out, codes, last, held)
            if held < 0:
                return TOO_LARGE
        if n < there:
            break
    return DONE


@batch
def spread(places, words, first, n, cells):
    """The bits of words `first` to `n`, until a batch is full: the next word, and how many bits there are.

    The i-th word is word ``places[i]`` of all.
    """
    n_cells = 0
    while first < n and n_cells < BATCH:
        word = words[np.uint64(first)]
        while word != 0:
            cells[np.uint64(n_cells)] = 64 * places[np.uint64(first)] + trailing_zeros(word)
            word &= word - np.uint64(1)
            n_cells += 1
        first += 1
    return first, n_cells


@batch
def fill_up(words, begin, end, first, places, filled, n):
    """Words that are not empty of those that hold bits `begin` to `end`, from word `first` on: how many there are then.

    `n` are there already; there is room for BATCH of them.
    """
    lowest = ~np.uint64(0) << np.uint64(begin & 63)
    highest = ~np.uint64(0) >> np.uint64(-end & 63)
    first_word = begin >> 6
    last_word = (end - 1) >> 6
    # Whether a word is empty cannot be foreseen, so that nothing is to branch on it.
    for i in range(first, min(last_word + 1, first + BATCH - n)):
        word = words[np.uint64(i)]
        word &= lowest if i == first_word else ~np.uint64(0)
        word &= highest if i == last_word else ~np.uint64(0)
        places[np.uint64(n)] = i
        filled[np.uint64(n)] = word
        n += word != 0
    return n


@adding
def add_bits(words, width, first, stop, row_of, column_of, out, offset, codes, once):
    """Add events to the cells of an array, see `add_events`, from the bits of booleans.

    Item ``row * width + bin`` is bit ``item % 64`` of word ``item // 64``. Only bins from `first` to `stop` (exclusive)
    are looked at, for which there is a column each.
    """
    factor, shift = reciprocal(row_of.size * width, width)
    places = np.empty(BATCH, np.int64)
    filled = np.empty(BATCH, np.uint64)
    cells = np.empty(BATCH + 64, np.int64)
    added = np.ones(BATCH + 64, np.int64)
    last = np.int64(-1)
    held = np.int64(0)
    everything = first == 0 and stop == width
    n_runs = 1 if everything else row_of.size if first < stop else 0
    n = 0
    # Bits of all bins are one run of words, those of some bins one for each row.
    for run in range(n_runs):
        begin = 0 if everything else run * width + first
        end = row_of.size * width if everything else run * width + stop
        word = begin >> 6
        while word <= (end - 1) >> 6:
            following = word + BATCH - n
            n = fill_up(words, begin, end, word, places, filled, n)
            word = following
            # Room for the words of another row is left, or they are the last.
            if n + 16 < BATCH and not (run == n_runs - 1 and word > (end - 1) >> 6):
                continue
            at = 0
            while at < n:
                at, n_cells = spread(places, filled, at, n, cells)
                move_in_order(cells, n_cells, 0, width, factor, shift, row_of, column_of, offset)
                kept = keep(cells, n_cells)
                if once:
                    put_once(cells, kept, out, codes[1])
                    continue
                last, held = put(cells, added, kept, out, codes, last, held)
                if held < 0:
                    return TOO_LARGE
            n = 0
    return DONE


@batch
def read_planes(items, n, data, start, plane, n_planes, values):
    """What `n` items of a block hold, whose bit planes begin at byte `start`; see `list_bits`."""
    for i in range(n):
        values[np.uint64(i)] = 0
    for p in range(n_planes):
        for i in range(n):
            item = np.uint64(items[np.uint64(i)])
            byte = np.int64(data[np.uint64(start + p * plane) + (item >> np.uint64(3))])
            values[np.uint64(i)] |= ((byte >> np.int64(item & np.uint64(7))) & 1) << p


@batch
def read_rest(data, start, first, stop, items, values):
    """The items from `first` to `stop` of a block, which are stored as they are: how many are not 0."""
    n = 0
    for item in range(first, stop):
        items[np.uint64(n)] = item
        values[np.uint64(n)] = data[np.uint64(start + item)]
        n += data[np.uint64(start + item)] != 0
    return n


@batch
def put_items(cells, added, n, out, codes, once, last, held):
    """Add `n` events to cells of an array, those that are not -1; see `put`."""
    n = keep_with(cells, n, added, 0, added)
    if once:
        put_once(cells, n, out, codes[1])
        return last, held
    return put(cells, added, n, out, codes, last, held)


@adding
def add_planes(data, block, n_planes, width, mask, row_of, column_of, out, offset, codes, once):
    """Add events to the cells of an array, see `add_events`, from items of one byte that are bit-shuffled by blocks.

    See `list_bits`; there is a column for each of the `width` bins. Items beyond the last row are passed over.
    """
    n_items = row_of.size * width
    plane = block // 8
    factor, shift = reciprocal(n_items, width)
    places = np.empty(BATCH, np.int64)
    filled = np.empty(BATCH, np.uint64)
    cells = np.empty(BATCH + 64, np.int64)
    added = np.empty(BATCH + 64, np.int64)
    last = np.int64(-1)
    held = np.int64(0)
    for start in range(0, min(data.size, n_items), block):
        n_used = merge_planes(data[start : start + block], plane, n_planes, mask)
        end = min(8 * plane, n_items - start)
        for first in range(0, end, 64 * BATCH):
            n_words = fill_up(mask, first, min(first + 64 * BATCH, end), first >> 6, places, filled, 0)
            at = 0
            while at < n_words:
                at, n = spread(places, filled, at, n_words, cells)
                read_planes(cells, n, data, start, plane, n_used, added)
                move_in_order(cells, n, start, width, factor, shift, row_of, column_of, offset)
                last, held = put_items(cells, added, n, out, codes, once, last, held)
                if held < 0:
                    return TOO_LARGE
        n = read_rest(data, start, end, min(block, n_items - start), cells, added)
        move_in_order(cells, n, start, width, factor, shift, row_of, column_of, offset)
        last, held = put_items(cells, added, n, out, codes, once, last, held)
        if held < 0:
            return TOO_LARGE
    return DONE
