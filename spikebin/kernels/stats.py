"""Kernels that add up the events of one trial: sums of rows, cells of coarser bins, intervals, products of a sample.

Events come as `View.flat_events` gives them: ``flat = row * n_columns + bin``, ascending, with the value of each.
``coarse[w, bin]`` is the bin of width w that a bin lies in; -1 where it is left over at the end of the trial.
"""

from __future__ import annotations

import numpy as np

from spikebin.kernels.jit import njit


@njit(nogil=True, cache=True)
def pick(flat, values, n_columns, place, out_flat, out_values):
    """Write the events of some rows, row r as row ``place[r]``, -1 for none; how many. `place` ascends."""
    n = 0
    row = 0
    for i in range(flat.size):
        while flat[i] >= (row + 1) * n_columns:
            row += 1
        if place[row] >= 0:
            out_flat[n] = flat[i] + (place[row] - row) * n_columns
            out_values[n] = values[i]
            n += 1
    return n


@njit(nogil=True, cache=True)
def add_rows(flat, values, n_columns, coarse, out):
    """Add what each row holds, as far as its bins are not left over, to ``out[w, row]``."""
    row = 0
    for i in range(flat.size):
        while flat[i] >= (row + 1) * n_columns:
            row += 1
        bin_ = flat[i] - row * n_columns
        for w in range(coarse.shape[0]):
            if coarse[w, bin_] >= 0:
                out[w, row] += values[i]


@njit(nogil=True, cache=True)
def add_cells(flat, values, n_columns, coarse, bin_counts, histogram, sums):
    """Add up the cells that are not empty, width by width.

    ``bin_counts[w, bin]`` gets what each bin holds over all rows, ``histogram[w, c]`` the cells that hold c, and
    ``sums[w]`` the sum over the cells, that of their squares, and how many there are.
    """
    for w in range(coarse.shape[0]):
        row = 0
        last = -1
        cell = 0
        for i in range(flat.size):
            while flat[i] >= (row + 1) * n_columns:
                row += 1
                if cell > 0:
                    histogram[w, cell] += 1
                    sums[w, 1] += cell * cell
                    sums[w, 2] += 1
                last = -1
                cell = 0
            bin_ = coarse[w, flat[i] - row * n_columns]
            if bin_ < 0:
                continue
            if bin_ != last:
                if cell > 0:
                    histogram[w, cell] += 1
                    sums[w, 1] += cell * cell
                    sums[w, 2] += 1
                last = bin_
                cell = 0
            cell += values[i]
            bin_counts[w, bin_] += values[i]
            sums[w, 0] += values[i]
        if cell > 0:
            histogram[w, cell] += 1
            sums[w, 1] += cell * cell
            sums[w, 2] += 1


@njit(nogil=True, cache=True)
def add_intervals(flat, values, n_columns, out):
    """Add to ``out[:, row]`` how many intervals lie between spikes of a row, their sum, and that of their squares.

    In bins; spikes that share a bin are 0 apart.
    """
    row = 0
    last = -1
    for i in range(flat.size):
        while flat[i] >= (row + 1) * n_columns:
            row += 1
            last = -1
        bin_ = flat[i] - row * n_columns
        if last >= 0:
            interval = bin_ - last
            out[0, row] += 1
            out[1, row] += interval
            out[2, row] += interval * interval
        out[0, row] += values[i] - 1
        last = bin_


@njit(nogil=True, cache=True)
def add_products(bins, rows, values, out):
    """Add to ``out[i, j]`` the product of what rows i <= j hold in each bin. Bins ascend, and rows within a bin.

    A row may come more than once in a bin: it holds the sum.
    """
    held_rows = np.empty(bins.size, np.int64)
    held = np.empty(bins.size, np.int64)
    i = 0
    while i < bins.size:
        bin_ = bins[i]
        n = 0
        while i < bins.size and bins[i] == bin_:
            if n > 0 and held_rows[n - 1] == rows[i]:
                held[n - 1] += values[i]
            else:
                held_rows[n] = rows[i]
                held[n] = values[i]
                n += 1
            i += 1
        for j in range(n):
            for k in range(j, n):
                out[held_rows[j], held_rows[k]] += held[j] * held[k]
