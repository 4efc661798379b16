"""The slow, obvious twin of every kernel: what a student would write, in plain Python."""

from __future__ import annotations

import itertools
import math
import pickletools
from fractions import Fraction

OUTSIDE = -1
NOT_FINITE = -2


def bin_of(time, start, stop, width, right, end_bin, n_bins):
    time, start, stop, width = float(time), float(start), float(stop), float(width)
    if not math.isfinite(time):
        return NOT_FINITE
    tolerance = Fraction(max(1e-8, 1e-7 * width, 8 * math.ulp(max(abs(time), abs(start)))))
    t, t0, t1, w = Fraction(time), Fraction(start), Fraction(stop), Fraction(width)
    if t > t1 + tolerance or t < t0 - tolerance:
        return OUTSIDE
    if not right and not end_bin and t >= t1 - tolerance:
        return OUTSIDE
    nearest = round((t - t0) / w)
    k = math.floor((t - t0) / w)
    if abs(t - (t0 + nearest * w)) <= tolerance:
        k = nearest - 1 if right else nearest
    return k if 0 <= k < n_bins else OUTSIDE


def n_bins(start, stop, width, end_bin):
    tolerance = Fraction(max(1e-8, 1e-7 * width, 8 * math.ulp(max(abs(start), abs(stop)))))
    duration, w = Fraction(stop) - Fraction(start), Fraction(width)
    nearest = round(duration / w)
    if abs(duration - nearest * w) <= tolerance:
        return nearest + end_bin
    return math.floor(duration / w) + 1


def flatten(times, rows, start, stop, width, right, end_bin, n_bins, first_bin, n_columns, flat):
    n_inside = 0
    for i, (time, row) in enumerate(zip(times, rows, strict=True)):
        k = bin_of(time, start, stop, width, right, end_bin, n_bins)
        if k == NOT_FINITE:
            return n_inside, i
        if k != OUTSIDE:
            flat[n_inside] = row * n_columns + first_bin + k
            n_inside += 1
    return n_inside, -1


def mark(times, rows, start, stop, width, right, end_bin, n_bins, first_row, last_row, out):
    return count(times, rows, start, stop, width, right, end_bin, n_bins, 1, first_row, last_row, out)


def count(times, rows, start, stop, width, right, end_bin, n_bins, full, first_row, last_row, out):
    n_inside = n_collisions = 0
    for i, (time, row) in enumerate(zip(times, rows, strict=True)):
        if row not in range(first_row, last_row):
            continue
        k = bin_of(time, start, stop, width, right, end_bin, n_bins)
        if k == NOT_FINITE:
            return n_inside, n_collisions, i
        if k == OUTSIDE:
            continue
        n_inside += 1
        if out[row * n_bins + k] == full:
            n_collisions += 1
        else:
            out[row * n_bins + k] += 1
    return n_inside, n_collisions, -1


def disorder(times):
    for i, time in enumerate(times):
        if not math.isfinite(time) or (i and time < times[i - 1]):
            return i
    return -1


def fill_windows(times, rows, step, starts, stops, trials, margin, width, right, end_bin, n_bins, full, out):
    n_spikes = n_inside = n_collisions = 0
    for start, stop, trial in zip(starts, stops, trials, strict=True):
        for i, time in enumerate(times):
            row = rows[i] if step else rows[0]
            k = bin_of(time, start, stop, width, right, end_bin, n_bins)
            n_spikes += start - margin <= time <= stop + margin
            n_inside += k >= 0
            if k >= 0 and out[trial, row, k] == full:
                n_collisions += 1
            elif k >= 0:
                out[trial, row, k] += 1
    return n_spikes, n_inside, n_collisions


def merge(flat, full, counts):
    unique = sorted(set(flat.tolist()))
    n_collisions = 0
    times = {u: flat.tolist().count(u) for u in unique}
    for i, u in enumerate(unique):
        flat[i] = u
        counts[i] = min(times[u], full)
        n_collisions += times[u] - min(times[u], full)
    return len(unique), n_collisions


def little_endian(data, n):
    number = int.from_bytes(data[:n], "little")
    return number if number < 2**63 else -1


def latin1_length(data):
    try:
        return len(data.decode().encode("latin1"))
    except UnicodeError:
        return -1


def is_utf8(data):
    try:
        data.decode()
    except UnicodeError:
        return False
    return True


def survey(data):
    """Status of `kernels.survey`, by the module that documents the opcodes; `data` is the whole file."""
    elsewhere = {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"}
    at = 0
    while at < len(data):
        op = pickletools.code2op.get(chr(data[at]))
        if op is None or op.name in elsewhere:
            return 2
        at += 1
        if op.name == "STOP":
            return 0
        n = op.arg.n if op.arg else 0
        if op.name in {"GLOBAL", "INST"} or n == pickletools.UP_TO_NEWLINE:
            for _ in range(2 if op.name in {"GLOBAL", "INST"} else 1):
                if b"\n" not in data[at:]:
                    return 1
                at = data.index(b"\n", at) + 1
            continue
        width = n if n >= 0 else {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT8U: 8}.get(n, 4)
        if at + width > len(data):
            return 1
        length = int.from_bytes(data[at : at + width], "little")
        at += width
        if n < 0 or op.name == "FRAME":
            if at + length > len(data):
                return 3
            at += length if n < 0 else 0
    return 1


def cells_of(flat, values, n_columns):
    """{row: [(bin, value)]} of the events of a trial."""
    rows = {}
    for cell, value in zip(flat.tolist(), values.tolist(), strict=True):
        rows.setdefault(cell // n_columns, []).append((cell % n_columns, value))
    return rows


def pick(flat, values, n_columns, place, out_flat, out_values):
    n = 0
    for row, events in cells_of(flat, values, n_columns).items():
        for bin_, value in events:
            if place[row] >= 0:
                out_flat[n], out_values[n] = place[row] * n_columns + bin_, value
                n += 1
    return n


def add_rows(flat, values, n_columns, coarse, out):
    for row, events in cells_of(flat, values, n_columns).items():
        for w in range(len(coarse)):
            out[w, row] += sum(value for bin_, value in events if coarse[w, bin_] >= 0)


def add_cells(flat, values, n_columns, coarse, bin_counts, histogram, sums):
    for w in range(len(coarse)):
        for events in cells_of(flat, values, n_columns).values():
            cells = {}
            for bin_, value in events:
                if coarse[w, bin_] >= 0:
                    cells[coarse[w, bin_]] = cells.get(coarse[w, bin_], 0) + value
            for bin_, cell in cells.items():
                bin_counts[w, bin_] += cell
                histogram[w, cell] += 1
                sums[w] += cell, cell**2, 1


def add_intervals(flat, values, n_columns, out):
    for row, events in cells_of(flat, values, n_columns).items():
        times = [bin_ for bin_, value in events for _ in range(value)]
        for before, after in itertools.pairwise(times):
            out[:, row] += 1, after - before, (after - before) ** 2


def add_products(bins, rows, values, out):
    for bin_ in set(bins.tolist()):
        held = {}
        for b, row, value in zip(bins.tolist(), rows.tolist(), values.tolist(), strict=True):
            if b == bin_:
                held[row] = held.get(row, 0) + value
        for i, j in itertools.combinations_with_replacement(sorted(held), 2):
            out[i, j] += held[i] * held[j]
