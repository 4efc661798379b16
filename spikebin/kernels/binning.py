"""Kernels that put spikes into bins: flat indices, marks, counts."""

from __future__ import annotations

import numpy as np

from spikebin.kernels.jit import njit

OUTSIDE = -1
NOT_FINITE = -2


# All three are inlined by numba: a callee that comes from the cache is machine code already, which LLVM cannot inline
# any more.
@njit(nogil=True, cache=True, inline="always")
def tolerance_of(farthest, edge):
    """`spikebin.binning.rules.edge_tolerance`, of what `Precision.edge` gives."""
    least, reach, ulps, unit = edge
    if farthest <= reach:
        return least
    return max(least, ulps * np.spacing(farthest / unit) * unit)


@njit(nogil=True, cache=True, inline="always")
def guard_of(start, stop, width, edge):
    """How many bins away from every edge neither its tolerance nor a product's rounding matters in a window."""
    # The rounding is at most 1/5000 of a bin here.
    if start > -4.0e6 and stop < 4.0e6 and 4.0e-5 < width < 4.0e5:
        return 5.0e-4 + tolerance_of(max(abs(start), abs(stop)), edge) / width
    return 1.0


@njit(nogil=True, cache=True, inline="always")
def bin_of(time, start, stop, width, right, end_bin, n_bins, edge, guard):
    """Bin of one time, OUTSIDE, or NOT_FINITE; `guard` is `guard_of` its window."""
    # The short way: most spikes lie well inside a bin.
    if start < time < stop:
        position = (time - start) * (1.0 / width)
        k = np.int64(position)
        if guard < position - k < 1.0 - guard and k < n_bins and time < stop - guard * width:
            return k
    if not np.isfinite(time):
        return NOT_FINITE
    position = (time - start) / width
    if position < -1.0 or position > n_bins + 1.0:
        return OUTSIDE
    tolerance = tolerance_of(max(abs(time), abs(start)), edge)
    if time > stop + tolerance or time < start - tolerance:
        return OUTSIDE
    if not right and not end_bin and time >= stop - tolerance:
        return OUTSIDE
    nearest = np.floor(position + 0.5)
    if abs(time - (start + nearest * width)) <= tolerance:
        k = np.int64(nearest) - 1 if right else np.int64(nearest)
    else:
        k = np.int64(np.floor(position))
    if k < 0 or k >= n_bins:
        return OUTSIDE
    return k


@njit(nogil=True, cache=True)
def flatten(times, rows, start, stop, width, right, end_bin, n_bins, edge, first_bin, n_columns, flat):
    """Write ``row * n_columns + first_bin + bin`` of the spikes inside to `flat`; how many, first bad one or -1."""
    guard = guard_of(start, stop, width, edge)
    n_inside = 0
    for i in range(times.size):
        k = bin_of(times[i], start, stop, width, right, end_bin, n_bins, edge, guard)
        if k >= 0:
            flat[n_inside] = rows[i] * n_columns + first_bin + k
            n_inside += 1
        elif k == NOT_FINITE:
            return n_inside, i
    return n_inside, -1


@njit(nogil=True, cache=True)
def mark(times, rows, start, stop, width, right, end_bin, n_bins, edge, first_row, last_row, out):
    """Set ``out[row * n_bins + bin]`` in a range of rows; how many are inside, how many were set, a bad one or -1."""
    guard = guard_of(start, stop, width, edge)
    n_inside = 0
    n_collisions = 0
    for i in range(times.size):
        if rows[i] < first_row or rows[i] >= last_row:
            continue
        k = bin_of(times[i], start, stop, width, right, end_bin, n_bins, edge, guard)
        if k >= 0:
            cell = rows[i] * n_bins + k
            n_inside += 1
            n_collisions += out[cell]
            out[cell] = True
        elif k == NOT_FINITE:
            return n_inside, n_collisions, i
    return n_inside, n_collisions, -1


@njit(nogil=True, cache=True)
def count(times, rows, start, stop, width, right, end_bin, n_bins, edge, full, first_row, last_row, out):
    """As `mark`, but add 1 to ``out[row * n_bins + bin]``, up to `full`; spikes that do not fit count as set."""
    guard = guard_of(start, stop, width, edge)
    n_inside = 0
    n_collisions = 0
    for i in range(times.size):
        if rows[i] < first_row or rows[i] >= last_row:
            continue
        k = bin_of(times[i], start, stop, width, right, end_bin, n_bins, edge, guard)
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
def disorder(times):
    """Place of the first time that is NaN, infinite or before the one that it follows; -1 if there is none."""
    last = -np.inf
    for i in range(times.size):
        if not last <= times[i] < np.inf or times[i] == -np.inf:
            return i
        last = times[i]
    return -1


@njit(nogil=True, cache=True)
def fill_windows(times, rows, step, starts, stops, trials, margin, width, right, end_bin, n_bins, edge, full, out):
    """Count the spikes of windows into ``out[trials[w], rows[i * step], bin]``, up to `full`.

    How many lie in a window, those in two windows twice; were binned; did not fit. Times ascend, and windows by their
    starts. `margin` is the tolerance of their edges, which belongs to them. With a `step` of 0 all spikes are those of
    ``rows[0]``.
    """
    n_spikes = 0
    n_inside = 0
    n_collisions = 0
    low = 0
    for w in range(starts.size):
        start, stop, trial = starts[w], stops[w], trials[w]
        guard = guard_of(start, stop, width, edge)
        while low < times.size and times[low] < start - margin:
            low += 1
        i = low
        while i < times.size and times[i] <= stop + margin:
            k = bin_of(times[i], start, stop, width, right, end_bin, n_bins, edge, guard)
            n_spikes += 1
            if k >= 0:
                n_inside += 1
                if out[trial, rows[i * step], k] < full:
                    out[trial, rows[i * step], k] += 1
                else:
                    n_collisions += 1
            i += 1
    return n_spikes, n_inside, n_collisions


@njit(nogil=True, cache=True)
def merge(flat, full, counts):
    """Make sorted `flat` unique in place, with how often each occurs, up to `full`; how many are left, did not fit."""
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
